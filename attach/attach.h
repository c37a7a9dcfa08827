/* The seam between the daemon (host/daemon.c), the `weft` command (cli/) and attach/.
 *
 * Daemon side: struct attach owns the program side's namespaces, the seccomp listeners and the programs' sockets.
 * Command side: launch_* run in the process that is to become the program, before it executes it.
 */
#ifndef ATTACH_ATTACH_H
#define ATTACH_ATTACH_H

#include "host/control.h"

struct attach;
struct host;
struct netns;

/* -- daemon side: called without batons, from one thread (the control loop's) unless said -- */
/* Makes the program side's namespaces (a process of its own holds them) and the world's first namespace. host_start comes after.
 * resolv_conf: what programs read in that file; empty: this machine's. On failure a sentence is in err. */
int attach_new(struct host *h, const char *resolv_conf, struct attach **out, struct ctl_error *err);
/* A program is about to join: the namespaces' descriptors it is to enter (borrowed: the caller sends and does not close them). */
int attach_join(struct attach *a, const struct ctl_join *rq, struct ctl_join *reply, int *fds, unsigned *nfds, struct ctl_error *err);
/* Serves a listener (taken on success only); pid is the sender's, as SO_PEERCRED gave it. The pid and uid of the peer are trusted. */
int attach_listener(struct attach *a, int listener_fd, const struct ctl_listener *rq, pid_t peer, struct ctl_error *err);
/* The weft namespace that a process is in; counted. -ESRCH. Any thread. */
int attach_netns_of(struct attach *a, pid_t pid, struct netns **out);
void attach_status(struct attach *a, struct ctl_status *st); /* namespaces, programs, sockets; any thread */
/* Ends the programs that still run, closes what they hold, unmounts, and lets the namespaces go. Loops still run. */
void attach_shutdown(struct attach *a);
void attach_free(struct attach *a); /* after host_stop, before host_free */

/* -- command side -- */
struct launch {
	int control;	 /* connected to the daemon */
	u32 flags;	 /* CTL_JOIN_* */
	char *const *argv;
};
/* Joins the daemon's namespaces, installs the filter, hands the listener over and executes argv. Returns only on failure: the exit
 * status of env(1) (126: found but cannot be executed, 127: not found, 125: our own trouble), with a sentence in err. */
int launch_exec(const struct launch *l, struct ctl_error *err);

#endif
