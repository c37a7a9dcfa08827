/* Runs in the process that is to become the program: joins the stack's namespaces, installs the filter, hands its listener over,
 * executes.
 *
 * Once the filter is in force, this process must not make a caught call before somebody answers them; handing over a
 * descriptor takes sendmsg, which is caught. So a helper is made first: a child that shares our descriptors (CLONE_FILES), is not
 * filtered, is told the listener's number over a pipe and talks to the daemon.
 *
 * Who one is inside. Rootless, the stack's user namespace maps the user to 0 (and, where newuidmap and subuids are there, others too).
 * --map-self adds a user and a mount namespace below it in which the user has his own id again, with all capabilities as ambient
 * ones, so that ordinary programs keep them over exec. When the stack was started by root there is no user namespace:
 * root has all ids already, and a mapping would only take things away that scripts run by root expect; then --map-self changes nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attach/attach.h"
#include "attach/filter.h"
#include "attach/sandbox.h"

enum { EXIT_TROUBLE = 125, EXIT_CANNOT = 126, EXIT_NOT_FOUND = 127 };

static bool same_ns(int fd, const char *mine)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(mine, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

/* Enters user, mount and network namespace, in this order; stays in the same working directory. */
static int enter(const int *fds, unsigned nfds, struct ctl_error *err)
{
	static const struct {
		int flag;
		const char *mine, *name;
	} kind[] = { { CLONE_NEWUSER, "/proc/self/ns/user", "user" }, { CLONE_NEWNS, "/proc/self/ns/mnt", "mount" },
		     { CLONE_NEWNET, "/proc/self/ns/net", "network" } };
	char cwd[PATH_MAX];
	bool have_cwd = getcwd(cwd, sizeof(cwd)) != NULL;

	for (unsigned i = 0; i < nfds && i < ARRAY_SIZE(kind); i++) {
		if (same_ns(fds[i], kind[i].mine))
			continue;
		if (setns(fds[i], kind[i].flag) < 0)
			return ctl_error_set(err, -errno, "cannot enter the stack's %s namespace: %s%s", kind[i].name, strerror(errno),
				   errno == EPERM ? " (the stack belongs to another user, or runs inside another sandbox)" : "");
	}
	if (!have_cwd || chdir(cwd) < 0)
		if (chdir("/") < 0)
			return ctl_error_set(err, -errno, "cannot change to /: %s", strerror(errno));
	return 0;
}

static int ambient_caps(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	if (syscall(__NR_capget, &h, d) < 0)
		return -errno;
	d[0].inheritable = d[0].permitted;
	d[1].inheritable = d[1].permitted;
	if (syscall(__NR_capset, &h, d) < 0)
		return -errno;
	for (int c = 0; c < 64; c++)
		if (d[c / 32].permitted & (1u << (c % 32)))
			prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0);
	return 0;
}

static int map_self(uid_t uid, gid_t gid, struct ctl_error *err)
{
	uid_t uid_here = geteuid();
	gid_t gid_here = getegid();
	char map[64];
	int e;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return ctl_error_set(err, -errno, "--map-self: cannot make a user namespace: %s", strerror(errno));
	sandbox_write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1", uid, uid_here);
	e = sandbox_write_file("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "%u %u 1", gid, gid_here);
	if (!e)
		e = sandbox_write_file("/proc/self/gid_map", map);
	if (!e)
		e = ambient_caps();
	if (e)
		return ctl_error_set(err, e, "--map-self: cannot keep user id %u: %s", uid, strerror(-e));
	return 0;
}

/* The child that shares our descriptors: what it is told on `in` is the listener's number. Its exit status says whether the daemon
 * serves it; the sentence goes to `out`. */
static void hand_over(int control, int in, int out, pid_t program)
{
	struct ctl_error err = { 0 };
	struct ctl_listener l = { .pid = program };
	struct ctl_error reply;
	unsigned type, n = 0;
	size_t len;
	int fd, e;

	if (read(in, &fd, sizeof(fd)) != sizeof(fd) || fd < 0)
		_exit(1);
	e = ctl_call(control, CTL_LISTENER, &l, sizeof(l), &fd, 1, &type, &reply, sizeof(reply), &len, NULL, &n, &err);
	if (e && !err.text[0])
		snprintf(err.text, sizeof(err.text), "the stack did not take the program: %s", strerror(-e));
	err.err = e;
	if (write(out, &err, sizeof(err)) < 0)
		_exit(1);
	_exit(0);
}

/* Waits for the helper's answer, or its end: its pipe is ours as well, and so never at its end. */
static bool answered(int from, int pidfd)
{
	struct pollfd p[2] = { { .fd = from, .events = POLLIN }, { .fd = pidfd, .events = POLLIN } };

	while (poll(p, 2, -1) < 0)
		if (errno != EINTR)
			return false;
	return poll(p, 1, 0) > 0; /* it may have answered and ended */
}

static int install(const struct launch *l, u32 filter_flags, struct ctl_error *err)
{
	pid_t me = getpid(), helper;
	int to[2], from[2], fd, e = 0, status, pidfd;

	if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
		return ctl_error_set(err, -errno, "cannot make a pipe: %s", strerror(errno));
	helper = (pid_t)syscall(__NR_clone, CLONE_FILES | CLONE_PIDFD | SIGCHLD, NULL, &pidfd, NULL, NULL);
	if (helper < 0)
		return ctl_error_set(err, -errno, "cannot fork: %s", strerror(errno));
	if (!helper)
		hand_over(l->control, to[0], from[1], me);

	fd = filter_install(filter_flags);
	if (write(to[1], &fd, sizeof(fd)) != sizeof(fd))
		e = -EPIPE;
	/* From here on only uncaught calls. */
	if (fd < 0) {
		waitpid(helper, &status, 0);
		return ctl_error_set(err, fd, fd == -EBUSY ? "this program is filtered already: weft does not run inside weft, nor where a container "
						   "runtime catches system calls itself" :
						   "cannot install the filter: %s", strerror(-fd));
	}
	if (e || !answered(from[0], pidfd) || read(from[0], err, sizeof(*err)) != sizeof(*err)) {
		e = -ECONNRESET;
		ctl_error_set(err, e, "the stack ended while the program was about to start");
	} else {
		e = err->err;
	}
	waitpid(helper, &status, 0);
	close(pidfd);
	close(fd);
	close(to[0]);
	close(to[1]);
	close(from[0]);
	close(from[1]);
	return e;
}

int launch_exec(const struct launch *l, struct ctl_error *err)
{
	struct ctl_join rq = { .flags = l->flags }, reply = { 0 };
	int fds[CTL_MAX_FDS];
	unsigned type, nfds = CTL_MAX_FDS;
	uid_t uid = geteuid();
	gid_t gid = getegid();
	size_t len;
	int e;

	e = ctl_call(l->control, CTL_JOIN, &rq, sizeof(rq), NULL, 0, &type, &reply, sizeof(reply), &len, fds, &nfds, err);
	if (e) {
		if (!err->text[0])
			ctl_error_set(err, e, "the stack does not answer: %s", strerror(-e));
		return EXIT_TROUBLE;
	}
	if (type != CTL_JOIN || len < sizeof(reply)) {
		ctl_error_set(err, -EPROTO, "the stack's answer is not understood");
		return EXIT_TROUBLE;
	}
	e = enter(fds, nfds, err);
	for (unsigned i = 0; i < nfds; i++)
		close(fds[i]);
	if (e)
		return EXIT_TROUBLE;
	if ((l->flags & CTL_JOIN_MAP_SELF) && uid && map_self(uid, gid, err))
		return EXIT_TROUBLE;
	if (install(l, reply.filter, err))
		return EXIT_TROUBLE;
	close(l->control);
	execvp(l->argv[0], l->argv);
	e = errno;
	ctl_error_set(err, -e, "cannot execute %s: %s", l->argv[0], strerror(e));
	return e == ENOENT || e == ENOTDIR ? EXIT_NOT_FOUND : EXIT_CANNOT;
}
