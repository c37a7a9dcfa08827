/* The daemon's side of attach/ as a whole: made, joined, ended.
 *
 * The end. Programs still running are killed: those whose user namespace is the programs' own or whose network namespace is one
 * we know, looked for in /proc until none is left. Then the supervisor's threads end, the sockets close (which the wire sees, as the
 * loops still run), and the namespaces go with their last process.
 */
#include "attach/attach.h"

#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "attach/filter.h"
#include "attach/supervisor.h"

int fs_resolve(void *arg, int tid, struct fs_caller *out);

static const struct attach_fs_ops fs_ops = { .resolve = fs_resolve };

static int make_meeting_place(struct attach *a)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(a->meet_addr);

	a->meet = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (a->meet < 0 || bind(a->meet, (struct sockaddr *)&un, sizeof(sa_family_t)) < 0 || listen(a->meet, 16) < 0 ||
	    getsockname(a->meet, (struct sockaddr *)&a->meet_addr, &len) < 0 || len != sizeof(a->meet_addr))
		return -errno;
	return 0;
}

int attach_new(struct host *h, const char *resolv_conf, struct attach **out, struct ctl_error *err)
{
	struct attach *a = calloc(1, sizeof(*a));
	int e;

	if (!a)
		return -ENOMEM;
	*err = (struct ctl_error){ 0 };
	a->h = h;
	a->thread_pidfds = true;
	a->nsid_sock = a->inotify = a->meet = a->ring_tx = a->messenger = -1;
	a->box.sock = -1;
	mem_init(&a->mem, 0);
	pthread_mutex_init(&a->lock, NULL);
	pthread_mutex_init(&a->pair_lock, NULL);
	pthread_mutex_init(&a->repair_lock, NULL);
	pthread_mutex_init(&a->watch_lock, NULL);
	list_init(&a->tombs);
	list_init(&a->knses);
	list_init(&a->listeners);
	list_init(&a->task_lru);
	list_init(&a->ready);
	list_init(&a->parked);
	list_init(&a->replays);
	list_init(&a->running);
	e = attach_fs_new(h, &fs_ops, a, &a->fs);
	if (e)
		goto fail;
	if (task_ns_ino(getpid(), "net", &a->host_ino)) {
		e = -EINVAL;
		goto fail;
	}
	e = sandbox_new(&a->box, resolv_conf, err);
	if (e)
		goto fail;
	if (task_ns_ino(getpid(), "net", &a->limbo_ino)) {
		e = -EINVAL;
		goto fail;
	}
	if (a->box.fuse_fd < 0)
		a->filter_flags |= FILTER_CATCH_WRITES;
	if (a->box.own_user_ns)
		a->filter_flags |= FILTER_CATCH_EXEC;
	e = make_meeting_place(a);
	if (!e)
		e = fdtable_init(a, err);
	if (!e)
		e = nsmap_init(a, err);
	if (!e)
		e = supervisor_start(a);
	if (!e && a->box.fuse_fd >= 0) {
		int fd = dup(a->box.fuse_fd);

		e = fd < 0 ? -errno : attach_fs_serve(a->fs, fd);
		if (!e)
			e = sandbox_repair(&a->box, 0);
	}
	if (e)
		goto fail;
	*out = a;
	return 0;
fail:
	if (!err->err) {
		err->err = e;
		snprintf(err->text, sizeof(err->text), "cannot set up the programs' side: %s", strerror(-e));
	}
	sandbox_free(&a->box);
	if (a->fs)
		attach_fs_free(a->fs);
	free(a);
	return e;
}

int attach_join(struct attach *a, const struct ctl_join *rq, struct ctl_join *reply, int *fds, unsigned *nfds, struct ctl_error *err)
{
	*reply = (struct ctl_join){ .flags = rq->flags, .nns = SANDBOX_NNS, .filter = a->filter_flags };
	for (unsigned i = 0; i < SANDBOX_NNS; i++)
		fds[i] = a->box.ns[i];
	*nfds = SANDBOX_NNS;
	return 0;
}

int attach_listener(struct attach *a, int fd, const struct ctl_listener *rq, pid_t peer, struct ctl_error *err)
{
	struct stat st;
	u64 ns = 0;
	int e;

	if (task_ns_ino(rq->pid ? rq->pid : peer, "user", &ns) || fstat(a->box.ns[SANDBOX_USER], &st) < 0 || ns == st.st_ino)
		ns = 0;
	e = listener_add(a, fd, ns);

	if (e) {
		err->err = e;
		snprintf(err->text, sizeof(err->text), "cannot serve the program: %s", strerror(-e));
	}
	return e;
}

int attach_netns_of(struct attach *a, pid_t pid, struct netns **out)
{
	struct kns *k;
	int e = pid ? nsmap_known(a, pid, &k) : nsmap_of_fd(a, a->box.ns[SANDBOX_NET], NULL, false, &k);

	if (e)
		return -ESRCH;
	*out = netns_get(k->net);
	kns_drop(a, k);
	return 0;
}

/* Calls fn for every process in the programs' namespaces, until it says true; returns how many. Those of the host are never among them: its
 * network namespace is none of ours (nsmap refuses it), and the filter says the same a second time. */
static unsigned for_each_program(struct attach *a, bool (*fn)(struct attach *a, pid_t pid, void *arg), void *arg)
{
	struct stat mine;
	struct dirent *d;
	unsigned n = 0;
	u64 ino;
	DIR *dir = opendir("/proc");

	if (!dir)
		return 0;
	if (fstat(a->box.ns[SANDBOX_USER], &mine) < 0)
		mine.st_ino = 0;
	while ((d = readdir(dir))) {
		pid_t pid = (pid_t)atoi(d->d_name);
		bool ours = false;
		struct kns *k;

		if (!isdigit((unsigned char)d->d_name[0]) || pid == a->box.keeper || pid == getpid())
			continue;
		if (a->box.own_user_ns && task_ns_ino(pid, "user", &ino) == 0 && ino == mine.st_ino)
			ours = true;
		if (!ours && task_ns_ino(pid, "net", &ino) == 0) {
			pthread_mutex_lock(&a->lock);
			htable_for_each_match(k, &a->kns_by_ino, hash32_u64(ino, 0), node)
				ours |= k->ino == ino && __atomic_load_n(&k->ours, __ATOMIC_RELAXED);
			pthread_mutex_unlock(&a->lock);
		}
		if (!ours || !task_filtered(pid))
			continue;
		n++;
		if (fn && fn(a, pid, arg))
			break;
	}
	closedir(dir);
	return n;
}

static bool kill_it(struct attach *a, pid_t pid, void *arg)
{
	kill(pid, SIGKILL);
	return false;
}

struct search {
	bool (*fn)(struct attach *a, pid_t pid, void *arg);
	void *arg;
	bool found;
};

static bool search_it(struct attach *a, pid_t pid, void *arg)
{
	struct search *s = arg;

	s->found = s->fn(a, pid, s->arg);
	return s->found;
}

bool attach_find_program(struct attach *a, bool (*fn)(struct attach *a, pid_t pid, void *arg), void *arg)
{
	struct search s = { fn, arg, false };

	for_each_program(a, search_it, &s);
	return s.found;
}

void attach_status(struct attach *a, struct ctl_status *st)
{
	struct kns *k;

	pthread_mutex_lock(&a->lock);
	st->sockets = a->socks.count;
	st->namespaces = 0;
	list_for_each(k, &a->knses, link)
		st->namespaces += !k->dead;
	pthread_mutex_unlock(&a->lock);
	st->programs = for_each_program(a, NULL, NULL);
}

void attach_shutdown(struct attach *a)
{
	for (unsigned i = 0; i < 200 && for_each_program(a, kill_it, NULL); i++)
		usleep(5000);
	supervisor_stop(a);
	fdtable_fini(a);
	host_settle(a->h); /* sockets whose descriptors the loops still had in hand let go of their namespaces */
	nsmap_fini(a);
	attach_fs_free(a->fs); /* before the keeper, whose mount it serves, is gone for certain */
	a->fs = NULL;
	if (a->box.fuse_fd >= 0)
		close(a->box.fuse_fd);
	sandbox_free(&a->box);
}

void attach_free(struct attach *a)
{
	tasks_free(a);
	htable_fini(&a->socks);
	htable_fini(&a->watches);
	htable_fini(&a->tasks);
	if (a->meet >= 0)
		close(a->meet);
	if (a->ring_tx >= 0)
		close(a->ring_tx);
	if (a->messenger >= 0)
		close(a->messenger);
	mem_fini(&a->mem);
	free(a);
}
