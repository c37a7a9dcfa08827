/* /proc/net, /proc/sys/net and /sys/class/net as the programs of a world see them, in two ways:
 *
 * - a FUSE tree (attach_fs_start, attach_fs_mount), keyed by the calling task's namespace, timeouts 0, DIRECT_IO;
 * - files made on demand for a caught openat (attach_fs_open): what is asked of /proc/net and /proc/PID/net always, and of the
 *   other two where /dev/fuse cannot be used.
 */
#ifndef ATTACH_ATTACH_FS_H
#define ATTACH_ATTACH_FS_H

#include "base/types.h"

/* Where the tree is mounted for programs: an empty directory that every procfs has and nobody uses. */
#define ATTACH_FS_HIDDEN "/proc/tty/ldisc"

struct attach_fs;
struct host;
struct netns;

/* Who asks: filled by the resolver. */
struct fs_caller {
	struct netns *net; /* counted: attach_fs puts it */
	u32 uid, gid;	   /* as the program sees itself */
	bool net_admin;	   /* CAP_NET_ADMIN over net */
};
struct attach_fs_ops {
	/* tid, in the daemon's pid namespace, of the task that opens or reads. Called without batons. -ESRCH: not one of ours. */
	int (*resolve)(void *arg, int tid, struct fs_caller *out);
};

/* No FUSE yet; attach_fs_open works at once. */
int attach_fs_new(struct host *h, const struct attach_fs_ops *ops, void *arg, struct attach_fs **out);
/* Serves a /dev/fuse descriptor that was mounted (see attach_fs_mount) with threads of its own, until it is unmounted. Takes fd. */
int attach_fs_serve(struct attach_fs *fs, int fuse_fd);
void attach_fs_free(struct attach_fs *fs); /* ends and joins everything; batons are not held */

/* In the process that is to see it (inside its user and mount namespace, CAP_SYS_ADMIN there): opens /dev/fuse and mounts the tree at
 * `hidden` (an empty directory; ATTACH_FS_HIDDEN), then binds its parts over /proc/sys/net and /sys/class/net, and lays a link to the rest
 * over the link /proc/net, where the kernel can (then its directories are listed, and its files looked at, as they are here). *fuse_fd is to be handed to
 * attach_fs_serve in the daemon BEFORE any of these paths is touched. -EACCES, -ENOENT: /dev/fuse cannot be used. */
int attach_fs_mount(const char *hidden, int *fuse_fd);
int attach_fs_bind(const char *hidden); /* again, over fresh mounts of /proc and /sys (ip netns exec): the binds only */

/* Does this absolute, normalised path ("/proc/net/tcp", "/proc/123/net/dev", "/proc/sys/net/ipv4/ip_forward",
 * "/sys/class/net/eth0/mtu") belong to the tree? Cheap; for the catcher of openat. Of /proc/PID/net it is the catcher's business
 * whose namespace PID is in. */
bool attach_fs_owns(const char *path);
bool attach_fs_of_machine(const char *path); /* one that no mount covers: modules, interrupts */
/* Opens it on behalf of `who` (borrowed): a new close-on-exec descriptor, to be given to the caller. flags are openat's.
 * Reading: a sealed memfd with the content as of now. Writing (sysctls, attributes of devices): one end of a SEQPACKET pair; each
 * write() is applied, in order, soon after it returned, and before anything that attach_fs_flush comes before; errors of the value
 * are not seen by the program (with FUSE they are).
 * -ENOENT, -EACCES, -ENOTDIR, -EISDIR … as open(2), -EMFILE. -ENOSYS: a directory, which only FUSE can show. */
int attach_fs_open(struct attach_fs *fs, const struct fs_caller *who, const char *path, int flags, int *fd);
/* Applies what programs have written so far to descriptors of attach_fs_open. To be called before a caught call is answered whose
 * outcome may depend on it (openat does it by itself). Two instructions when nobody has such a descriptor. No batons held. */
void attach_fs_flush(struct attach_fs *fs);

#endif
