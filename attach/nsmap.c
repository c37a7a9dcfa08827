/* Kernel network namespaces and the weft namespaces that they name.
 *
 * A kernel namespace is known by its inode number, which is used again as soon as it is free. So each one that is seen gets
 * an id (RTM_NEWNSID) in the daemon's own namespace: the kernel keeps such ids weakly, and multicasts RTM_DELNSID when a namespace
 * dies, before its inode number can be given to another. Draining these messages before a number is trusted makes it unambiguous;
 * holding a descriptor instead would keep every namespace alive.
 *
 * A weft namespace lives as long as its kernel namespace or any socket made in it: what Linux counts in one place is counted here
 * in two, because the programs' unix sockets all live in the daemon's namespace.
 */
#include <fcntl.h>
#include <linux/net_namespace.h>
#include <linux/nsfs.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attach/supervisor.h"

static int peer_id_request(struct attach *a, u16 type, int fd, int id)
{
	struct {
		struct nlmsghdr h;
		struct rtgenmsg g;
		u8 pad[3];
		struct {
			struct nlattr a;
			u32 v;
		} at[2];
	} rq = { .h = { .nlmsg_len = sizeof(rq), .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		 .at = { { { 8, NETNSA_NSID }, (u32)id }, { { 8, NETNSA_FD }, (u32)fd } } };
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
	} ans;
	int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), e = 0;

	if (sock < 0)
		return -errno;
	if (send(sock, &rq, sizeof(rq), 0) < 0 || recv(sock, &ans, sizeof(ans), 0) < (ssize_t)sizeof(ans.h) + 4)
		e = -errno;
	else if (ans.h.nlmsg_type == NLMSG_ERROR)
		e = ans.e.error;
	close(sock);
	return e;
}

static void kns_free(struct kns *k) /* unlinked, all batons held or the stack is over */
{
	netns_free(k->net);
	free(k);
}

/* Frees those that nothing keeps any more. Without batons. */
static void reap(void *arg)
{
	struct attach *a = arg;
	struct kns *k, *tmp;
	struct list gone;

	list_init(&gone);
	pthread_mutex_lock(&a->lock);
	list_for_each_safe(k, tmp, &a->knses, link) {
		if (!k->dead || k->nsocks)
			continue;
		list_del(&k->link);
		list_add_tail(&gone, &k->link);
	}
	pthread_mutex_unlock(&a->lock);
	if (list_empty(&gone))
		return;
	host_lock_all(a->h);
	list_for_each_safe(k, tmp, &gone, link) {
		list_del(&k->link);
		kns_free(k);
	}
	host_unlock_all(a->h);
}

static bool died(struct attach *a, int nsid)
{
	struct kns *k;

	list_for_each(k, &a->knses, link) {
		if (k->nsid != nsid || k->dead)
			continue;
		k->dead = true;
		htable_del(&a->kns_by_ino, &k->node);
		return true;
	}
	return false;
}

/* Reads what the kernel said about namespaces that ended. attach.lock held. True: something is to be reaped. */
static bool drain(struct attach *a)
{
	u32 buf[2048]; /* aligned for netlink */
	bool any = false;
	ssize_t n;

	while ((n = recv(a->nsid_sock, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		size_t left = (size_t)n;

		for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			struct rtattr *at = (void *)((u8 *)NLMSG_DATA(h) + NLMSG_ALIGN(sizeof(struct rtgenmsg)));
			int len = (int)h->nlmsg_len - (int)NLMSG_SPACE(sizeof(struct rtgenmsg));

			if (h->nlmsg_type != RTM_DELNSID)
				continue;
			for (; RTA_OK(at, len); at = RTA_NEXT(at, len))
				if (at->rta_type == NETNSA_NSID)
					any |= died(a, *(int *)RTA_DATA(at));
		}
	}
	return any;
}

static void nsid_event(struct cpu *cpu, u32 events, void *arg)
{
	struct attach *a = arg;
	bool any;

	pthread_mutex_lock(&a->lock);
	any = drain(a);
	pthread_mutex_unlock(&a->lock);
	(void)any; /* an earlier look-up may have drained what there was */
	reap(a);
}

/* Held for the caller. attach.lock. */
static struct kns *find(struct attach *a, u64 ino)
{
	struct kns *k;

	if (drain(a))
		host_call(a->h, 0, reap, a);
	htable_for_each_match(k, &a->kns_by_ino, hash32_u64(ino, 0), node)
		if (k->ino == ino) {
			k->nsocks++;
			return k;
		}
	return NULL;
}

/* fd: an nsfs file that keeps the namespace alive meanwhile. All batons held. */
static int make(struct attach *a, int fd, u64 ino, const char *name, struct kns **out)
{
	char def[32];
	struct stat st;
	struct kns *k;
	int e, owner;

	pthread_mutex_lock(&a->lock);
	*out = find(a, ino);
	pthread_mutex_unlock(&a->lock);
	if (*out)
		return 0;
	k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	k->ino = ino;
	k->nsid = (int)(a->next_nsid++ & INT32_MAX);
	owner = ioctl(fd, NS_GET_USERNS);
	if (owner >= 0) {
		if (fstat(owner, &st) == 0)
			k->owner_ino = st.st_ino;
		close(owner);
	}
	if (!name) {
		snprintf(def, sizeof(def), "net-%llu", (unsigned long long)ino);
		name = def;
	}
	e = netns_new(host_world(a->h), name, -1, &k->net);
	if (e)
		goto fail;
	e = peer_id_request(a, RTM_NEWNSID, fd, k->nsid);
	if (e) {
		netns_free(k->net);
		goto fail;
	}
	k->net->host = k;
	k->nsocks = 1;
	pthread_mutex_lock(&a->lock);
	htable_add(&a->kns_by_ino, &k->node, hash32_u64(ino, 0));
	list_add_tail(&a->knses, &k->link);
	pthread_mutex_unlock(&a->lock);
	*out = k;
	return 0;
fail:
	free(k);
	return e;
}

int nsmap_of_fd(struct attach *a, int fd, const char *name, bool all_batons, struct kns **out)
{
	struct stat st;
	int e = 0;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_ino == a->host_ino || st.st_ino == a->limbo_ino)
		return -ESRCH; /* the host's is nothing to us: not as a name, and not at the end when programs are ended */
	pthread_mutex_lock(&a->lock);
	*out = find(a, st.st_ino);
	pthread_mutex_unlock(&a->lock);
	if (!*out) {
		if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET)
			return -EINVAL;
		if (!all_batons)
			host_lock_all(a->h);
		e = make(a, fd, st.st_ino, name, out);
		if (!all_batons)
			host_unlock_all(a->h);
	}
	if (!e && name && !strncmp((*out)->net->name, "net-", 4))
		snprintf((*out)->net->name, sizeof((*out)->net->name), "%s", name);
	return e;
}

int nsmap_known(struct attach *a, int tid, struct kns **out)
{
	u64 ino;

	if (task_ns_ino(tid, "net", &ino))
		return -ESRCH;
	pthread_mutex_lock(&a->lock);
	*out = find(a, ino);
	pthread_mutex_unlock(&a->lock);
	return *out ? 0 : -ESRCH;
}

int nsmap_of_task(struct attach *a, int tid, bool all_batons, struct kns **out)
{
	char path[48];
	u64 ino;
	int fd, e = task_ns_ino(tid, "net", &ino);

	if (e)
		return e;
	pthread_mutex_lock(&a->lock);
	*out = find(a, ino);
	pthread_mutex_unlock(&a->lock);
	if (*out)
		return 0;
	if (!task_filtered(tid))
		return -ESRCH; /* somebody else's process: its namespace is no name here */
	snprintf(path, sizeof(path), "/proc/%d/ns/net", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	e = nsmap_of_fd(a, fd, NULL, all_batons, out);
	close(fd);
	return e;
}

void kns_hold(struct attach *a, struct kns *k)
{
	pthread_mutex_lock(&a->lock);
	k->nsocks++;
	pthread_mutex_unlock(&a->lock);
}

void kns_drop(struct attach *a, struct kns *k)
{
	bool last;

	pthread_mutex_lock(&a->lock);
	last = --k->nsocks == 0 && k->dead;
	pthread_mutex_unlock(&a->lock);
	if (last)
		host_call(a->h, 0, reap, a);
}

/* Does a task's user namespace have power over k: is it the one that owns k, or one above that? Above are only the daemon's and the
 * host's, where no program is; and the one of `--map-self`, which is below but is to have its user's rights. A nested namespace's
 * capabilities mean nothing here, as on Linux. */
bool nsmap_owned_by(struct attach *a, struct kns *k, u64 user_ino)
{
	struct listener *l;
	bool ok = false;

	if (user_ino == k->owner_ino)
		return true;
	pthread_mutex_lock(&a->lock);
	list_for_each(l, &a->listeners, link)
		ok |= l->self_ns && l->self_ns == user_ino;
	pthread_mutex_unlock(&a->lock);
	return ok;
}

/* -- what the stack asks about its caller -- */
static int caller_netns_by_fd(struct call_ctx *x, int fd, struct netns **out)
{
	struct call *c = container_of(x, struct call, ctx);
	char path[48], name[128], *base;
	struct kns *k;
	ssize_t n;
	int mine = task_getfd(c->a, c->tid, fd), e;

	if (mine < 0)
		return mine == -EBADF ? -EBADF : -EINVAL;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", mine);
	n = readlink(path, name, sizeof(name) - 1);
	name[n > 0 ? n : 0] = 0;
	base = strrchr(name, '/');
	e = nsmap_of_fd(c->a, mine, base && !strstr(name, "/proc/") ? base + 1 : NULL, true, &k);
	close(mine);
	if (e == -ENOTTY)
		e = -EINVAL;
	if (!e) {
		*out = netns_get(k->net);
		kns_drop(c->a, k);
	}
	return e;
}

static int caller_netns_by_pid(struct call_ctx *x, int pid, struct netns **out)
{
	struct call *c = container_of(x, struct call, ctx);
	struct kns *k;
	int e = nsmap_of_task(c->a, pid, true, &k);

	if (!e) {
		*out = netns_get(k->net);
		kns_drop(c->a, k);
	}
	return e == -EACCES || e == -EPERM ? -ESRCH : e;
}

static int caller_copy_from(struct call_ctx *x, void *to, u64 addr, size_t len)
{
	return call_memory(container_of(x, struct call, ctx), addr, to, len);
}

static int caller_copy_to(struct call_ctx *x, u64 addr, const void *from, size_t len)
{
	return call_write(container_of(x, struct call, ctx), addr, from, len);
}

static void caller_find_ids(struct call_ctx *x)
{
	char path[32];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d", x->tid);
	if (stat(path, &st) == 0) {
		x->uid = st.st_uid;
		x->gid = st.st_gid;
	}
	x->ids_later = false;
}

static void caller_name(struct call_ctx *x, char name[16])
{
	char path[32];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/comm", x->tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, name, 15);
	if (fd >= 0)
		close(fd);
	n = n > 0 && name[n - 1] == '\n' ? n - 1 : n;
	name[n > 0 ? n : 0] = 0;
}

const struct call_ops nsmap_call_ops = {
	.ids = caller_find_ids,
	.netns_by_fd = caller_netns_by_fd,
	.netns_by_pid = caller_netns_by_pid,
	.copy_from = caller_copy_from,
	.copy_to = caller_copy_to,
	.name = caller_name,
};

int nsmap_init(struct attach *a, struct ctl_error *err)
{
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK };
	int group = RTNLGRP_NSID, size = 4 << 20, e;
	struct kns *k;

	e = htable_init(&a->kns_by_ino, &a->mem, 64);
	if (e)
		return e;
	a->nsid_sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	/* Bound: the kernel's broadcasts pass over a socket that has its own port, 0. */
	if (a->nsid_sock < 0 || bind(a->nsid_sock, (struct sockaddr *)&nl, sizeof(nl)) < 0 ||
	    setsockopt(a->nsid_sock, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return -errno;
	setsockopt(a->nsid_sock, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	e = host_fd_add(a->h, 0, a->nsid_sock, 1 /* EPOLLIN */, 0, nsid_event, a, &a->nsid_hf);
	if (e)
		return e;
	e = nsmap_of_fd(a, a->box.ns[SANDBOX_NET], "init", false, &k);
	if (!e) {
		__atomic_store_n(&k->ours, true, __ATOMIC_RELAXED);
		kns_drop(a, k);
	}
	return e;
}

void nsmap_fini(struct attach *a)
{
	struct kns *k, *tmp;

	if (a->nsid_hf)
		host_fd_del(a->nsid_hf, NULL);
	a->nsid_hf = NULL;
	if (a->nsid_sock >= 0)
		close(a->nsid_sock);
	a->nsid_sock = -1;
	host_lock_all(a->h);
	list_for_each_safe(k, tmp, &a->knses, link) {
		if (!k->dead)
			htable_del(&a->kns_by_ino, &k->node);
		list_del(&k->link);
		kns_free(k);
	}
	host_unlock_all(a->h);
	htable_fini(&a->kns_by_ino);
}
