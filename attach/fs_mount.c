/* Mounting the tree, in the process that is to see it: inside its user and mount namespace, where it has CAP_SYS_ADMIN. No
 * fusermount: the process opens /dev/fuse and mounts it itself; the daemon gets the descriptor and answers. Until it does, whoever
 * touches the mount waits; so the binds, which look at it, come after the hand-over. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attach/attach_fs.h"

int attach_fs_mount(const char *hidden, int *fuse_fd)
{
	char opts[128];
	int e, fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	/* allow_other: programs that change their uid are still programs of ours; the kernel lets nobody from outside in. */
	snprintf(opts, sizeof(opts), "fd=%d,rootmode=40000,user_id=%u,group_id=%u,allow_other", fd, (unsigned)getuid(), (unsigned)getgid());
	if (mount("weft", hidden, "fuse.weft", MS_NOSUID | MS_NODEV | MS_NOEXEC, opts) < 0) {
		e = -errno;
		close(fd);
		return e;
	}
	*fuse_fd = fd;
	return 0;
}

/* /proc/net is a link, and what it leads to is each task's own: so a link is laid over it, which leads to the tree. A mount of a link takes
 * calls that do not follow it. */
static void link_proc_net(const char *hidden)
{
	char from[256], now[16] = "";
	int fd;

	if (readlink("/proc/net", now, sizeof(now) - 1) < 0 || strcmp(now, "self/net"))
		return; /* it is there already */
	snprintf(from, sizeof(from), "%s/net", hidden);
	fd = open_tree(AT_FDCWD, from, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
	if (fd < 0)
		return; /* a kernel without: opens are caught, as everywhere */
	move_mount(fd, "", AT_FDCWD, "/proc/net", MOVE_MOUNT_F_EMPTY_PATH);
	close(fd);
}

int attach_fs_bind(const char *hidden)
{
	static const char *const part[][2] = { { "sysctl", "/proc/sys/net" }, { "devices", "/sys/devices/virtual/net" },
					       { "class", "/sys/class/net" } };
	char from[256];

	for (unsigned i = 0; i < ARRAY_SIZE(part); i++) {
		struct stat st;

		snprintf(from, sizeof(from), "%s/%s", hidden, part[i][0]);
		if (stat(part[i][1], &st) < 0)
			continue; /* no such mount in this place (a container without /sys): nothing to cover */
		if (mount(from, part[i][1], NULL, MS_BIND, NULL) < 0)
			return -errno;
	}
	link_proc_net(hidden);
	return 0;
}
