/* The program side's namespaces.
 *
 *     daemon:  user U (unless root)   mount A   network L ("limbo": empty, where the programs' unix sockets are made)
 *     keeper:  user P below U         mount M   network N (the world's first namespace): what programs join
 *
 * U exists so that the daemon has power over P and what is made below it (setns, pidfd_getfd, ptrace access) while programs, root in
 * P, have none over the daemon. Rootless both map the user to 0; with newuidmap and a range in /etc/subuid, the following ids
 * are the range. Root keeps all ids and gets no user namespace.
 *
 * The daemon leaves the host's network namespace: descriptors of devices there are handed to it by the command.
 *
 * In M, /run/netns is a tmpfs, so that `ip netns add` needs no right outside and leaves nothing. Where the host has no such
 * directory, /run is covered by a tmpfs into which everything of the old one is bound. The keeper also repairs mounts: it forks a
 * child that joins the caller's namespaces (a threaded process cannot) and binds the tree again. It dies with the daemon.
 */
#include "attach/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attach/attach_fs.h"

int sandbox_write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), e = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		e = -errno;
	close(fd);
	return e;
}

/* -- identity maps -- */
struct id_range {
	unsigned long first, count; /* count 0: none */
};

static struct id_range subid(const char *file, uid_t uid)
{
	struct id_range r = { 0 };
	struct passwd *pw = getpwuid(uid);
	char line[256], num[16];
	FILE *f = fopen(file, "re");

	snprintf(num, sizeof(num), "%u", uid);
	while (f && fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':');

		if (!colon)
			continue;
		*colon = 0;
		if (strcmp(line, num) && !(pw && !strcmp(line, pw->pw_name)))
			continue;
		if (sscanf(colon + 1, "%lu:%lu", &r.first, &r.count) == 2)
			break;
		r.count = 0;
	}
	if (f)
		fclose(f);
	return r;
}

/* Runs newuidmap or newgidmap for process pid; true when it took. */
static bool run_idmap(const char *tool, pid_t pid, unsigned id, struct id_range r)
{
	char p[16], i[16], first[24], count[24];
	int status;
	pid_t child = fork();

	if (child == 0) {
		int null = open("/dev/null", O_RDWR);

		snprintf(p, sizeof(p), "%d", pid);
		snprintf(i, sizeof(i), "%u", id);
		snprintf(first, sizeof(first), "%lu", r.first);
		snprintf(count, sizeof(count), "%lu", r.count);
		dup2(null, 1);
		dup2(null, 2);
		execlp(tool, tool, p, "0", i, "1", "1", first, count, (char *)NULL);
		_exit(127);
	}
	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Makes our own user namespace with pretended root and, where possible, more ids. */
static int own_user_ns(struct ctl_error *err)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	struct id_range u = subid("/etc/subuid", uid), g = subid("/etc/subgid", uid);
	pid_t me = getpid(), helper = 0;
	int go[2] = { -1, -1 }, status, e;
	bool mapped = false;
	char map[64], c = 0;

	if (u.count && g.count && pipe2(go, O_CLOEXEC) == 0) {
		helper = fork(); /* stays outside: it takes a right over the outer namespace's ids to map them */
		if (!helper) {
			close(go[1]);
			if (read(go[0], &c, 1) != 1)
				_exit(1);
			_exit(run_idmap("newuidmap", me, uid, u) && run_idmap("newgidmap", me, gid, g) ? 0 : 1);
		}
	}
	if (unshare(CLONE_NEWUSER) < 0) {
		e = -errno;
		ctl_error_set(err, e, "cannot make a user namespace: %s (is user.max_user_namespaces or kernel.unprivileged_userns_clone 0?)",
		    strerror(errno));
		if (helper > 0)
			kill(helper, SIGKILL);
	} else {
		e = 0;
		if (helper > 0 && write(go[1], &c, 1) != 1)
			kill(helper, SIGKILL);
	}
	if (helper > 0)
		mapped = waitpid(helper, &status, 0) == helper && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (go[0] >= 0) {
		close(go[0]);
		close(go[1]);
	}
	if (e || mapped)
		return e;
	sandbox_write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", uid);
	e = sandbox_write_file("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", gid);
	if (!e)
		e = sandbox_write_file("/proc/self/gid_map", map);
	return e ? ctl_error_set(err, e, "cannot map user %u: %s", uid, strerror(-e)) : 0;
}

/* The same ids again, one level down: read from our own map, each inner range to itself. */
static int copy_map(pid_t pid, const char *which)
{
	char path[64], line[128], out[512] = "";
	unsigned long in, below, n;
	size_t len = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/%s", which);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f) && len < sizeof(out) - 80)
		if (sscanf(line, "%lu %lu %lu", &in, &below, &n) == 3)
			len += (size_t)snprintf(out + len, sizeof(out) - len, "%lu %lu %lu\n", in, in, n);
	fclose(f);
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, which);
	return sandbox_write_file(path, out);
}

/* -- the keeper's mounts -- */
/* One entry of the old /run: directories and files are bound, links copied. */
static void bind_entry(int old, const struct dirent *d)
{
	char from[300], to[300], target[1024];
	struct stat st;
	ssize_t n;
	int fd;

	if (fstatat(old, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	snprintf(from, sizeof(from), "/proc/self/fd/%d/%s", old, d->d_name);
	snprintf(to, sizeof(to), "/run/%s", d->d_name);
	if (S_ISLNK(st.st_mode)) {
		n = readlinkat(old, d->d_name, target, sizeof(target) - 1);
		if (n > 0) {
			target[n] = 0;
			if (symlink(target, to) < 0)
				return;
		}
		return;
	}
	if (S_ISDIR(st.st_mode)) {
		if (mkdir(to, 0755) < 0)
			return;
	} else {
		fd = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		if (fd < 0)
			return;
		close(fd);
	}
	if (mount(from, to, NULL, MS_BIND | MS_REC, NULL) < 0)
		return; /* what cannot be shown is missing */
}

static int own_run_netns(void)
{
	struct dirent *d;
	DIR *dir;
	int old;

	if (mount("weft", "/run/netns", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755,size=1m") == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	old = open("/run", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (old < 0)
		return -errno;
	if (mount("weft", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=64m") < 0)
		return -errno;
	dir = fdopendir(dup(old));
	while (dir && (d = readdir(dir)))
		if (strcmp(d->d_name, ".") && strcmp(d->d_name, ".."))
			bind_entry(old, d);
	if (dir)
		closedir(dir);
	close(old);
	return mkdir("/run/netns", 0755) < 0 ? -errno : 0;
}

/* Covers /etc/resolv.conf with a file that nobody else has. It keeps its name, on a file system without a place: what has none cannot be
 * covered in turn, as `ip netns exec` does. */
static int own_resolv_conf(const char *text)
{
	static const char made[] = "/run/netns/resolv.conf";
	int fd, e = 0;

	if (mount("weft", "/run/netns", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755,size=64k") < 0)
		return -errno;
	fd = open(made, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || fchmod(fd, 0644) < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) ||
	    mount(made, "/etc/resolv.conf", NULL, MS_BIND, NULL) < 0)
		e = -errno;
	if (fd >= 0)
		close(fd);
	umount2("/run/netns", MNT_DETACH);
	return e;
}

struct keeper_msg {
	int err;
	char text[200];
};

static int send_msg(int sock, const struct keeper_msg *m, int fd)
{
	union {
		struct cmsghdr h;
		char buf[CMSG_SPACE(sizeof(int))];
	} c = { 0 };
	struct iovec iov = { (void *)m, sizeof(*m) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		mh.msg_control = &c;
		mh.msg_controllen = sizeof(c);
		c.h = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&c.h), &fd, sizeof(fd));
	}
	return sendmsg(sock, &mh, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int recv_msg(int sock, struct keeper_msg *m, int *fd)
{
	union {
		struct cmsghdr h;
		char buf[CMSG_SPACE(sizeof(int))];
	} c = { 0 };
	struct iovec iov = { m, sizeof(*m) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c) };
	ssize_t n;

	do
		n = recvmsg(sock, &mh, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n != sizeof(*m))
		return n < 0 ? -errno : -ECONNRESET;
	*fd = -1;
	if (mh.msg_controllen >= sizeof(c.h) && c.h.cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(&c.h), sizeof(*fd));
	return 0;
}

static int enter_of(pid_t tid)
{
	static const struct {
		const char *name;
		int flag;
	} kinds[] = { { "user", CLONE_NEWUSER }, { "mnt", CLONE_NEWNS } };
	char path[64], mine[64];
	struct stat a, b;
	int fd;

	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", tid, kinds[i].name);
		snprintf(mine, sizeof(mine), "/proc/self/ns/%s", kinds[i].name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		if (fstat(fd, &a) < 0 || stat(mine, &b) < 0 || ((a.st_ino != b.st_ino || a.st_dev != b.st_dev) && setns(fd, kinds[i].flag) < 0)) {
			int e = -errno;

			close(fd);
			return e;
		}
		close(fd);
	}
	return 0;
}

static int repair(pid_t tid)
{
	int status;
	pid_t child = fork();

	if (child < 0)
		return -errno;
	if (!child) {
		int e = tid ? enter_of(tid) : 0;

		if (!e)
			e = attach_fs_bind(ATTACH_FS_HIDDEN);
		_exit(e ? -e & 0x7f : 0);
	}
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return -EIO;
	return -WEXITSTATUS(status);
}

static void keep(int sock, bool user_ns, const char *resolv_conf, pid_t parent)
{
	struct keeper_msg m = { 0 };
	int fuse = -1, e, fd;

	prctl(PR_SET_NAME, "weft-keeper");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	signal(SIGPIPE, SIG_IGN);
	/* Of the daemon's descriptors none: an uplink's other end is to see when it dies. */
	if (dup3(sock, 3, O_CLOEXEC) == 3 || sock == 3)
		sock = 3;
	close_range((unsigned)sock + 1, ~0u, 0);
	if (unshare((user_ns ? CLONE_NEWUSER : 0) | CLONE_NEWNS | CLONE_NEWNET) < 0) {
		m.err = -errno;
		snprintf(m.text, sizeof(m.text), "cannot make the programs' namespaces: %s", strerror(errno));
	}
	if (send_msg(sock, &m, -1) || m.err || recv_msg(sock, &m, &fd))
		_exit(1);
	prctl(PR_SET_DUMPABLE, 1); /* so that the daemon may open /proc/PID/ns */
	m = (struct keeper_msg){ 0 };
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		m.err = -errno;
	if (!m.err)
		m.err = own_run_netns();
	if (m.err) {
		snprintf(m.text, sizeof(m.text), "cannot mount a private /run/netns: %s", strerror(-m.err));
	} else if (*resolv_conf && (m.err = own_resolv_conf(resolv_conf))) {
		snprintf(m.text, sizeof(m.text), "cannot show programs a resolv.conf of their own: %s%s", strerror(-m.err),
			 m.err == -ENOENT ? "; this machine has none: let root make an empty /etc/resolv.conf" : "");
	} else {
		e = attach_fs_mount(ATTACH_FS_HIDDEN, &fuse);
		if (e)
			fuse = -1; /* then files are made at each open: attach_fs_open */
	}
	send_msg(sock, &m, fuse);
	if (fuse >= 0)
		close(fuse);
	while (recv_msg(sock, &m, &fd) == 0) {
		m.err = repair(m.err);
		send_msg(sock, &m, -1);
	}
	_exit(0);
}

int sandbox_new(struct sandbox *b, const char *resolv_conf, struct ctl_error *err)
{
	static const char *const names[] = { "user", "mnt", "net" };
	bool root = geteuid() == 0;
	struct keeper_msg m;
	pid_t me = getpid();
	int sv[2], fd, e;
	char path[64];

	*b = (struct sandbox){ .sock = -1, .ns = { -1, -1, -1 }, .fuse_fd = -1, .own_user_ns = !root };
	if (!root) {
		e = own_user_ns(err);
		if (e)
			return e;
	}
	if (unshare(CLONE_NEWNS | CLONE_NEWNET) < 0)
		return ctl_error_set(err, -errno, "cannot make the stack's namespaces: %s", strerror(errno));
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return ctl_error_set(err, -errno, "cannot make the stack's mounts private: %s%s", strerror(errno),
				     errno == EINVAL ? " (in a chroot / must be a mount point: mount --bind DIR DIR before chroot DIR)" : "");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return ctl_error_set(err, -errno, "cannot make a socket pair: %s", strerror(errno));
	b->keeper = fork();
	if (b->keeper < 0) {
		b->keeper = 0;
		return ctl_error_set(err, -errno, "cannot fork: %s", strerror(errno));
	}
	if (!b->keeper) {
		close(sv[0]);
		keep(sv[1], !root, resolv_conf, me);
	}
	close(sv[1]);
	b->sock = sv[0];
	e = recv_msg(b->sock, &m, &fd);
	if (!e)
		e = m.err;
	else
		m.text[0] = 0;
	if (!e && !root) {
		e = copy_map(b->keeper, "uid_map");
		if (!e)
			e = copy_map(b->keeper, "gid_map");
		if (e)
			snprintf(m.text, sizeof(m.text), "cannot map the programs' user ids: %s", strerror(-e));
	}
	if (!e) {
		m = (struct keeper_msg){ 0 };
		e = send_msg(b->sock, &m, -1);
	}
	if (!e)
		e = recv_msg(b->sock, &m, &b->fuse_fd);
	if (!e)
		e = m.err;
	for (unsigned i = 0; !e && i < SANDBOX_NNS; i++) {
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", b->keeper, names[i]);
		b->ns[i] = open(path, O_RDONLY | O_CLOEXEC);
		if (b->ns[i] < 0)
			e = -errno;
	}
	if (e) {
		ctl_error_set(err, e, "%s", m.text[0] ? m.text : strerror(-e));
		sandbox_free(b);
	}
	return e;
}

int sandbox_repair(struct sandbox *b, pid_t tid)
{
	struct keeper_msg m = { .err = tid };
	int fd, e = send_msg(b->sock, &m, -1);

	return e ? e : recv_msg(b->sock, &m, &fd) ? -EIO : m.err;
}

void sandbox_free(struct sandbox *b)
{
	if (b->sock >= 0)
		close(b->sock);
	if (b->keeper > 0) {
		kill(b->keeper, SIGKILL);
		while (waitpid(b->keeper, NULL, 0) < 0 && errno == EINTR)
			;
	}
	for (unsigned i = 0; i < SANDBOX_NNS; i++)
		if (b->ns[i] >= 0)
			close(b->ns[i]);
	*b = (struct sandbox){ .sock = -1, .ns = { -1, -1, -1 }, .fuse_fd = -1 };
}
