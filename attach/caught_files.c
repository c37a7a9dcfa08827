/* Opens under /proc and /sys, and mounts over them.
 *
 * Which file is meant is decided by its path, read from the program's memory; everything but a few prefixes goes on in the kernel
 * at once, without a baton. /proc/net is a link into the caller's own directory of /proc, where nothing can be mounted, so what is
 * below it is always opened here; the rest only where there is no FUSE tree.
 *
 * `ip netns exec` mounts a fresh sysfs over /sys, and with it the kernel's own /sys/class/net. The mount is the kernel's; before the
 * task's next caught call (the loader of any program it executes opens files) the keeper binds the tree again.
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attach/supervisor.h"

#define REPAIRS 64

static struct { /* guarded by attach.repair_lock; tid 0: free. One daemon a process */
	int tid[REPAIRS];
	u32 n;
} repairs;

int call_path(struct call *c, u64 addr, char *buf, size_t len)
{
	size_t at = 0;

	while (at < len - 1) { /* to the end of a page at a time, as the string may end there */
		size_t n = MIN(4096 - ((addr + at) & 4095), len - 1 - at);

		if (at == 0 && n > 256)
			n = 256; /* most paths are short */
		if (call_memory(c, addr + at, buf + at, n))
			return -EFAULT;
		if (memchr(buf + at, 0, n))
			return 0;
		at += n;
	}
	return -ENAMETOOLONG;
}

/* "/a//b/./c/../d" -> "/a/b/d" in place. */
static void normalise(char *p)
{
	char *out = p, *in = p;

	while (*in) {
		char *seg;
		size_t n;

		while (*in == '/')
			in++;
		seg = in;
		while (*in && *in != '/')
			in++;
		n = (size_t)(in - seg);
		if (!n || (n == 1 && seg[0] == '.'))
			continue;
		if (n == 2 && seg[0] == '.' && seg[1] == '.') {
			while (out > p && *--out != '/')
				;
			continue;
		}
		*out++ = '/';
		memmove(out, seg, n);
		out += n;
	}
	if (out == p)
		*out++ = '/';
	*out = 0;
}

static int resolve_task(struct attach *a, int tid, struct fs_caller *out)
{
	char path[32];
	struct stat st;
	struct kns *k;
	u64 user;
	int e = nsmap_of_task(a, tid, false, &k);

	if (e)
		return -ESRCH;
	*out = (struct fs_caller){ .net = netns_get(k->net) };
	snprintf(path, sizeof(path), "/proc/%d", tid);
	if (stat(path, &st) == 0) {
		out->uid = st.st_uid;
		out->gid = st.st_gid;
	}
	out->net_admin = task_caps(tid) & BIT64(CAP_NET_ADMIN) && !task_ns_ino(tid, "user", &user) && nsmap_owned_by(a, k, user);
	kns_drop(a, k);
	return 0;
}

int fs_resolve(void *arg, int tid, struct fs_caller *out);
int fs_resolve(void *arg, int tid, struct fs_caller *out) { return resolve_task(arg, tid, out); }

static bool under(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return !strncmp(path, dir, n) && (path[n] == '/' || !path[n]);
}

/* Makes /proc/self/net and /proc/thread-self/net the caller's /proc/net. */
static void own_net(char *p)
{
	static const char *const mine[] = { "/proc/self/net", "/proc/thread-self/net" };

	for (unsigned i = 0; i < ARRAY_SIZE(mine); i++)
		if (under(p, mine[i])) {
			memmove(p + 9, p + strlen(mine[i]), strlen(p + strlen(mine[i])) + 1);
			memcpy(p, "/proc/net", 9);
			return;
		}
}

/* A namespace begins with the first namespace's settings as of its birth; so it is to be seen soon after that. */
static void see_namespace(struct call *c)
{
	struct kns *k;

	if (nsmap_of_task(c->a, c->tid, false, &k) == 0) {
		__atomic_store_n(&k->ours, true, __ATOMIC_RELAXED);
		kns_drop(c->a, k);
	}
}

/* A relative path that could be one of the tree's files: made absolute. Few names are, so hardly anybody else pays for the look. */
static bool from_base(struct call *c, char *path, size_t size)
{
	char whole[PATH_MAX + 32], link[48];
	ssize_t n;

	if (strlen(path) > 64)
		return false;
	snprintf(whole, sizeof(whole), "/proc/net/%s", path);
	if (!attach_fs_owns(whole)) {
		snprintf(whole, sizeof(whole), "/proc/%s", path);
		normalise(whole);
		own_net(whole);
		if (!attach_fs_owns(whole)) {
			snprintf(whole, sizeof(whole), "/proc/self/%s", path);
			own_net(whole);
			if (!attach_fs_owns(whole))
				return false;
		}
	}
	if (c->nr == __NR_open || (int)c->arg[0] == AT_FDCWD)
		snprintf(link, sizeof(link), "/proc/%d/cwd", c->tid);
	else
		snprintf(link, sizeof(link), "/proc/%d/fd/%d", c->tid, (int)c->arg[0]);
	n = readlink(link, whole, PATH_MAX - 1);
	if (n <= 0)
		return false;
	whole[n] = 0;
	if (!under(whole, "/proc") || (size_t)n + strlen(path) + 2 > size)
		return false;
	whole[n] = '/';
	snprintf(whole + n + 1, sizeof(whole) - (size_t)n - 1, "%s", path);
	snprintf(path, size, "%.*s", (int)size - 1, whole);
	return true;
}

enum call_end call_open(struct call *c)
{
	u64 path_arg = c->nr == __NR_open ? c->arg[0] : c->arg[1];
	struct fs_caller who;
	char path[PATH_MAX];
	struct open_how how;
	int flags, fd, e, pid, tid = c->tid;
	bool machine;

	if (call_path(c, path_arg, path, sizeof(path)) || (path[0] != '/' && !from_base(c, path, sizeof(path))))
		return CALL_CONTINUE;
	if (!strcmp(path, "/etc/ld.so.cache"))
		see_namespace(c); /* once a program: `unshare -n` runs one in what it made */
	if (strncmp(path, "/proc", 5) && strncmp(path, "/sys", 4) && !strstr(path, "..") && path[1] != '/' && path[1] != '.' &&
	    !strstr(path, "/modules/"))
		return CALL_CONTINUE;
	normalise(path);
	own_net(path);
	if (!strcmp(path, "/proc/net/unix")) { /* programs' unix sockets are the kernel's own: its file, of the program's namespace */
		snprintf(path, sizeof(path), "/proc/%d/net/unix", c->tid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return CALL_CONTINUE;
		e = call_send_fd(c, fd, O_CLOEXEC);
		close(fd);
		return e >= 0 || e == -ENOENT ? CALL_DONE : call_ret(c, e);
	}
	machine = attach_fs_of_machine(path);
	if (!machine && !under(path, "/proc") && !under(path, "/sys"))
		return CALL_CONTINUE;
	if (!machine && c->a->box.fuse_fd >= 0 && !strstr(path, "/net"))
		return CALL_CONTINUE;
	if (!attach_fs_owns(path))
		return CALL_CONTINUE;
	if (c->a->box.fuse_fd >= 0 && (under(path, "/proc/sys") || under(path, "/sys")))
		return CALL_CONTINUE; /* the mounted tree's */
	if (c->nr == __NR_openat2) {
		if (c->arg[3] < sizeof(how) || call_memory(c, c->arg[2], &how, sizeof(how)))
			return CALL_CONTINUE;
		flags = (int)how.flags;
	} else {
		flags = (int)(c->nr == __NR_open ? c->arg[1] : c->arg[2]);
	}
	if (sscanf(path, "/proc/%d/net", &pid) == 1)
		tid = pid;
	if (!call_valid(c))
		return CALL_DONE;
	e = resolve_task(c->a, tid, &who);
	if (e)
		return CALL_CONTINUE;
	e = attach_fs_open(c->a->fs, &who, path, flags, &fd);
	netns_put(who.net);
	if (e == -ENOSYS)
		return CALL_CONTINUE;
	if (e)
		return call_ret(c, e);
	e = call_send_fd(c, fd, flags & O_CLOEXEC ? O_CLOEXEC : 0);
	close(fd);
	return e >= 0 || e == -ENOENT ? CALL_DONE : call_ret(c, e);
}

/* `ip netns add` binds what it has just made; where, is its name for people. */
static void name_namespace(struct call *c)
{
	char source[64], target[PATH_MAX];
	const char *base;
	struct kns *k;

	if (call_path(c, c->arg[0], source, sizeof(source)) || call_path(c, c->arg[1], target, sizeof(target)))
		return;
	if (strcmp(source, "/proc/self/ns/net") && strcmp(source, "/proc/thread-self/ns/net"))
		return;
	base = strrchr(target, '/');
	if (!base || !base[1] || nsmap_of_task(c->a, c->tid, false, &k))
		return;
	host_lock_all(c->a->h);
	if (!strncmp(k->net->name, "net-", 4))
		snprintf(k->net->name, sizeof(k->net->name), "%.*s", (int)sizeof(k->net->name) - 1, base + 1);
	host_unlock_all(c->a->h);
	kns_drop(c->a, k);
}

enum call_end call_mount(struct call *c)
{
	char target[64];

	see_namespace(c);
	name_namespace(c);
	if (c->a->box.fuse_fd < 0 || call_path(c, c->arg[1], target, sizeof(target)))
		return CALL_CONTINUE;
	normalise(target);
	if (strcmp(target, "/sys") && strcmp(target, "/proc") && strcmp(target, "/"))
		return CALL_CONTINUE;
	pthread_mutex_lock(&c->a->repair_lock);
	for (unsigned i = 0; i < REPAIRS; i++)
		if (!repairs.tid[i] || repairs.tid[i] == c->tid) {
			if (!repairs.tid[i])
				__atomic_fetch_add(&repairs.n, 1, __ATOMIC_RELAXED);
			repairs.tid[i] = c->tid;
			break;
		}
	pthread_mutex_unlock(&c->a->repair_lock);
	return CALL_CONTINUE;
}

void repair_if_needed(struct call *c)
{
	if (!__atomic_load_n(&repairs.n, __ATOMIC_RELAXED) || c->nr == __NR_mount)
		return;
	pthread_mutex_lock(&c->a->repair_lock);
	for (unsigned i = 0; i < REPAIRS; i++) {
		if (repairs.tid[i] != c->tid)
			continue;
		repairs.tid[i] = 0;
		__atomic_fetch_sub(&repairs.n, 1, __ATOMIC_RELAXED);
		sandbox_repair(&c->a->box, c->tid);
		break;
	}
	pthread_mutex_unlock(&c->a->repair_lock);
}
