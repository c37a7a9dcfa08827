/* The program side's namespaces, and the process that holds them: see sandbox.c. */
#ifndef ATTACH_SANDBOX_H
#define ATTACH_SANDBOX_H

#include <sys/types.h>

#include "host/control.h"

enum { SANDBOX_USER, SANDBOX_MNT, SANDBOX_NET, SANDBOX_NNS };
struct sandbox {
	pid_t keeper;		 /* holds the namespaces, repairs mounts; 0: none */
	int sock;		 /* to the keeper */
	int ns[SANDBOX_NNS];	 /* what a program joins */
	int fuse_fd;		 /* of the tree mounted inside, or -1: there is none */
	bool own_user_ns;	 /* we and the programs live in user namespaces (we were not root) */
};

/* Moves this process (single-threaded, once) into namespaces of its own: an empty network namespace; a user namespace unless root;
 * a mount namespace. Then starts the keeper. resolv_conf: the text of the programs' file of that name; empty: this machine's file is seen.
 * -errno with a sentence. */
int sandbox_new(struct sandbox *b, const char *resolv_conf, struct ctl_error *err);
/* Binds the tree again over what a mount covered, in the mount namespace of this task (0: in the programs' first one).
 * Returns when done. 0, -errno. */
int sandbox_repair(struct sandbox *b, pid_t tid);
void sandbox_free(struct sandbox *b);
/* Writes one text into a file that exists (an identity map). 0, -errno. */
int sandbox_write_file(const char *path, const char *text);

#endif
