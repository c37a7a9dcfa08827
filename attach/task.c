/* Who is calling: descriptors, namespaces and rights of tasks.
 *
 * A task's pidfd is kept, least recently used first out. A kept one never names the wrong task: when its task is gone, its use fails
 * with ESRCH, and the number is looked up anew. Where the kernel has PIDFD_THREAD (6.9), pidfds are the threads' own, so a
 * thread with a descriptor table of its own, or whose leader has ended, is served too.
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attach/supervisor.h"

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif
#define TASKS_MAX 2048

struct task {
	struct hnode node;
	struct list lru;
	int tid, pidfd;
	u64 user_ino; /* its user namespace; 0: not known. Only while pidfd is the thread's own: see task_user_ns */
};

static int tgid_of(int tid)
{
	char path[32], buf[1024], *p;
	int fd, tgid = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -ESRCH;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n <= 0)
		return -ESRCH;
	buf[n] = 0;
	p = strstr(buf, "\nTgid:");
	if (p)
		tgid = atoi(p + 6);
	return tgid > 0 ? tgid : -ESRCH;
}

enum task_does task_does(int tid, int *nr)
{
	static const int waits[] = { __NR_poll, __NR_ppoll, __NR_select, __NR_pselect6, __NR_epoll_wait, __NR_epoll_pwait, 441 /* epoll_pwait2 */,
				     __NR_read, __NR_readv, __NR_recvfrom };
	char path[40], buf[16] = "";
	int fd;
	ssize_t n;

	*nr = -1;
	snprintf(path, sizeof(path), "/proc/%d/syscall", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return TASK_GONE;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n <= 0)
		return TASK_GONE;
	if (buf[0] < '0' || buf[0] > '9') /* "running", or about to */
		return TASK_RUNS;
	*nr = atoi(buf);
	for (unsigned i = 0; i < ARRAY_SIZE(waits); i++)
		if (waits[i] == *nr)
			return TASK_WAITS;
	return TASK_SLEEPS;
}

static int open_pidfd(struct attach *a, int tid)
{
	int fd, tgid;

	if (a->thread_pidfds) {
		fd = (int)syscall(__NR_pidfd_open, tid, PIDFD_THREAD);
		if (fd >= 0 || errno != EINVAL)
			return fd < 0 ? -errno : fd;
		a->thread_pidfds = false;
	}
	fd = (int)syscall(__NR_pidfd_open, tid, 0);
	if (fd < 0) {
		tgid = tgid_of(tid);
		if (tgid < 0)
			return tgid;
		fd = (int)syscall(__NR_pidfd_open, tgid, 0);
	}
	return fd < 0 ? -errno : fd;
}

static void forget(struct attach *a, struct task *t)
{
	htable_del(&a->tasks, &t->node);
	list_del(&t->lru);
	a->ntasks--;
	close(t->pidfd);
	free(t);
}

static struct task *find(struct attach *a, int tid)
{
	struct task *t;

	htable_for_each_match(t, &a->tasks, hash32_u64((u64)tid, 0), node)
		if (t->tid == tid)
			return t;
	return NULL;
}

int task_getfd(struct attach *a, int tid, int fd)
{
	struct task *t;
	int n, e, pidfd;

	for (int trial = 0; trial < 4; trial++) { /* an old task's is forgotten, the new one's made, and used */
		pthread_mutex_lock(&a->lock);
		t = find(a, tid);
		if (t) {
			list_del(&t->lru);
			list_add_tail(&a->task_lru, &t->lru);
			n = (int)syscall(__NR_pidfd_getfd, t->pidfd, fd, 0);
			e = errno;
			if (n < 0 && e != EBADF)
				forget(a, t);
			pthread_mutex_unlock(&a->lock);
			if (n >= 0)
				return n;
			if (e == EBADF || e == EPERM)
				return -e;
			continue; /* gone; the number may be somebody else's now */
		}
		pthread_mutex_unlock(&a->lock);
		pidfd = open_pidfd(a, tid);
		if (pidfd < 0)
			return pidfd;
		t = malloc(sizeof(*t));
		if (!t) {
			close(pidfd);
			return -ENOMEM;
		}
		*t = (struct task){ .tid = tid, .pidfd = pidfd };
		pthread_mutex_lock(&a->lock);
		if (find(a, tid)) {
			close(pidfd);
			free(t);
		} else {
			htable_add(&a->tasks, &t->node, hash32_u64((u64)tid, 0));
			list_add_tail(&a->task_lru, &t->lru);
			if (++a->ntasks > TASKS_MAX)
				forget(a, list_first(&a->task_lru, struct task, lru));
		}
		pthread_mutex_unlock(&a->lock);
	}
	return -ESRCH;
}

/* Does this epoll set wait for fd? (proc(5): "tfd:" lines of its fdinfo) */
static bool epoll_has(int tid, const char *epoll_fd, int fd)
{
	char path[300], *line = NULL;
	size_t room = 0;
	bool found = false;
	int tfd;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%s", tid, epoll_fd);
	f = fopen(path, "re");
	while (f && !found && getline(&line, &room, f) > 0)
		found = sscanf(line, "tfd: %d", &tfd) == 1 && tfd == fd;
	free(line);
	if (f)
		fclose(f);
	return found;
}

bool task_fd_used(int tid, int fd)
{
	char path[32], num[16], mine[64] = "", is[64];
	struct dirent *d;
	bool used = false;
	ssize_t n;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", tid);
	snprintf(num, sizeof(num), "%d", fd);
	dir = opendir(path);
	if (!dir)
		return true;
	n = readlinkat(dirfd(dir), num, mine, sizeof(mine) - 1);
	mine[n > 0 ? n : 0] = 0;
	while (!used && (d = readdir(dir))) {
		n = strcmp(d->d_name, num) ? readlinkat(dirfd(dir), d->d_name, is, sizeof(is) - 1) : 0;
		if (n <= 0)
			continue;
		is[n] = 0;
		used = !strcmp(is, mine) || (!strcmp(is, "anon_inode:[eventpoll]") && epoll_has(tid, d->d_name, fd));
	}
	closedir(dir);
	return used;
}

bool task_fd_cloexec(int tid, int fd)
{
	char path[48], buf[256];
	const char *p;
	ssize_t n;
	int f;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", tid, fd);
	f = open(path, O_RDONLY | O_CLOEXEC);
	if (f < 0)
		return false;
	n = read(f, buf, sizeof(buf) - 1);
	close(f);
	buf[n > 0 ? n : 0] = 0;
	p = strstr(buf, "flags:");
	return p && (strtoul(p + 6, NULL, 8) & O_CLOEXEC);
}

void tasks_free(struct attach *a)
{
	while (!list_empty(&a->task_lru))
		forget(a, list_first(&a->task_lru, struct task, lru));
}

int task_ns_ino(int tid, const char *which, u64 *ino)
{
	char path[48];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", tid, which);
	if (stat(path, &st) < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	*ino = st.st_ino;
	return 0;
}

/* A look-up is a walk through /proc, and netlink asks with every message. A task changes its user namespace by unshare() or setns() only,
 * and these are caught to say so (a namespace of its own that a new task is born into is another task's); so what its own calls found
 * stays true. Whether the number is still the same task's, the pidfd by which its descriptor was just reached has told. */
int task_user_ns(struct attach *a, int tid, u64 *ino)
{
	struct task *t;
	int e;

	*ino = 0;
	pthread_mutex_lock(&a->lock);
	t = find(a, tid);
	if (t)
		*ino = t->user_ino;
	pthread_mutex_unlock(&a->lock);
	if (*ino)
		return 0;
	e = task_ns_ino(tid, "user", ino);
	pthread_mutex_lock(&a->lock);
	t = e || !a->thread_pidfds ? NULL : find(a, tid);
	if (t)
		t->user_ino = *ino;
	pthread_mutex_unlock(&a->lock);
	return e;
}

void task_changes_ns(struct attach *a, int tid)
{
	struct task *t;

	pthread_mutex_lock(&a->lock);
	t = find(a, tid);
	if (t)
		t->user_ino = 0;
	pthread_mutex_unlock(&a->lock);
}

bool task_vrf(int tid, char name[16])
{
	char path[48], text[4096], *at, *end; /* the line that is looked for is the last */
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	at = strncmp(text, "0::", 3) ? strstr(text, "\n0::") : text; /* the unified hierarchy's line */
	at = at ? strstr(at, "/vrf/") : NULL;
	if (!at)
		return false;
	at += strlen("/vrf/");
	end = at + strcspn(at, "/\n");
	if (end == at || end - at >= 16)
		return false;
	memcpy(name, at, (size_t)(end - at));
	name[end - at] = 0;
	return true;
}

u64 task_caps(int tid)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3, .pid = tid };
	struct __user_cap_data_struct d[2];

	return syscall(__NR_capget, &h, d) == 0 ? (u64)d[1].effective << 32 | d[0].effective : 0;
}

bool task_filtered(int pid)
{
	char path[32], buf[4096];
	const char *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	buf[n > 0 ? n : 0] = 0;
	p = strstr(buf, "\nSeccomp:");
	return p && atoi(p + 9) == 2;
}

void call_name(struct call *c)
{
	if (c->ctx.ops)
		return;
	c->ctx.ops = &nsmap_call_ops;
	c->ctx.ids_later = true;
	c->ctx.pid = c->ctx.tid = c->tid;
}

void call_identify(struct call *c, const struct kns *over, bool caps)
{
	call_name(c);
	if (caps && !c->have_caps && over) {
		u64 eff = task_caps(c->tid) & (BIT64(CAP_NET_ADMIN) | BIT64(CAP_NET_RAW) | BIT64(CAP_NET_BIND_SERVICE)), user;

		if (eff && ((c->dup >= 0 ? task_user_ns(c->a, c->tid, &user) : task_ns_ino(c->tid, "user", &user)) ||
			    !nsmap_owned_by(c->a, (struct kns *)over, user)))
			eff = 0;
		c->ctx.net_bind_service = eff & BIT64(CAP_NET_BIND_SERVICE);
		c->ctx.net_admin = eff & BIT64(CAP_NET_ADMIN);
		c->ctx.net_raw = eff & BIT64(CAP_NET_RAW);
		c->have_caps = true;
	}
}
