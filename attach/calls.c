/* The caught calls that make, name and end sockets, and the table of all.
 *
 * A call on a descriptor that is none of ours goes on in the kernel: files, pipes, AF_UNIX. Calls that the kernel answers
 * rightly on the unix socket behind ours (none of these) would too.
 */
#include <fcntl.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "attach/supervisor.h"
#include "control/netlink.h"
#include "inet/route/fib.h"
#include "link/netdevice.h"

struct cpu *call_lock(struct call *c)
{
	struct cpu *cpu;

	call_name(c);
	if (c->as->kind == ASOCK_NETLINK)
		return call_lock_all(c);
	cpu = host_lock(c->a->h, c->as->cpu_id);
	cpu->caller = &c->ctx;
	return cpu;
}

void call_unlock(struct call *c, struct cpu *cpu)
{
	if (c->as->kind == ASOCK_NETLINK) {
		call_unlock_all(c, cpu);
		return;
	}
	cpu->caller = NULL;
	host_unlock(c->a->h, cpu);
}

struct cpu *call_lock_all(struct call *c)
{
	struct cpu *cpu = host_lock_all(c->a->h);

	cpu->caller = &c->ctx;
	return cpu;
}

void call_unlock_all(struct call *c, struct cpu *cpu)
{
	cpu->caller = NULL;
	host_unlock_all(c->a->h);
}

bool call_blocks(const struct call *c, int flags)
{
	int fl;

	if (flags & MSG_DONTWAIT)
		return false;
	fl = fcntl(c->dup, F_GETFL);
	return fl >= 0 && !(fl & O_NONBLOCK);
}

/* -- socket -- */
int dgram_ends(int flags, int *fd, int *end)
{
	int sv[2], size = 1 << 20;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | (flags & SOCK_NONBLOCK), 0, sv) < 0)
		return -errno;
	setsockopt(sv[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(sv[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	*fd = sv[0];
	*end = sv[1];
	return 0;
}

/* The program's end and ours of what a new socket is. */
static int make_ends(int type, int flags, int *fd, int *end)
{
	if (type != SOCK_STREAM)
		return dgram_ends(flags, fd, end);
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (flags & SOCK_NONBLOCK), 0);
	return *fd < 0 ? -errno : 0;
}

/* `ip vrf exec` puts a program into a cgroup whose BPF program binds every socket it makes to the VRF. That one runs in the kernel, on the
 * unix sockets behind ours; its effect is had here. */
static void bind_to_vrf(struct netns *net, struct socket *s, const char *name)
{
	const struct net_device *dev = dev_by_name(net, name);

	if (dev && dev->l3mdev_table)
		s->sk->bound_dev_if = dev->ifindex;
}

static enum call_end call_new_socket(struct call *c)
{
	int family = (int)c->arg[0], type = (int)c->arg[1] & 0xf, flags = (int)c->arg[1] & ~0xf, fd = -1, end = -1, e;
	bool special = family == AF_NETLINK || family == AF_PACKET || type == SOCK_RAW, vrf;
	char vrf_name[16];
	struct asock *as = NULL;
	struct socket *s;
	struct kns *k;
	struct stat st;
	struct cpu *cpu;

	if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return call_ret(c, -EINVAL);
	e = nsmap_of_task(c->a, c->tid, false, &k);
	if (e == -EACCES || e == -EPERM) {
		world_log(host_world(c->a->h), 4, "process %d runs a program that may not be looked into (unreadable file?): refused", c->tid);
		return call_ret(c, -EACCES);
	}
	if (e)
		return call_ret(c, e);
	__atomic_store_n(&k->ours, true, __ATOMIC_RELAXED);
	vrf = (family == AF_INET || family == AF_INET6) && k->net->fib && k->net->fib->rules_want_l3mdev && task_vrf(c->tid, vrf_name);
	call_identify(c, k, special);
	caller_ids(&c->ctx); /* it will be asked for */
	e = make_ends(type, flags, &fd, &end);
	if (!e && fstat(fd, &st) < 0)
		e = -errno;
	if (e)
		goto out;
	cpu = special ? host_lock_all(c->a->h) : host_lock_net(c->a->h, k->net);
	if (special) /* the lane's own, not the configuration's: its timers and queues are used */
		cpu = k->net->home;
	cpu->caller = &c->ctx;
	e = socket_new(cpu, k->net, family, type, (int)c->arg[2], &s);
	if (!e) {
		if (vrf)
			bind_to_vrf(k->net, s, vrf_name);
		if (family == AF_NETLINK)
			netlink_reader_room(s, 0);
		s->inode = st.st_ino;
		e = asock_new(c->a, k, s, type == SOCK_STREAM ? ASOCK_STREAM : family == AF_NETLINK ? ASOCK_NETLINK : ASOCK_DGRAM, fd, end, &as);
		if (e) {
			socket_close(cpu, s);
		} else {
			end = -1; /* the table's */
			asock_get(as);
			as->admin = c->ctx.net_admin;
			as->raw = c->ctx.net_raw;
			asock_seen(as, c->tid, -1);
			s->holder_pid = (u32)c->tid;
			socket_set_wake(s, as->kind == ASOCK_STREAM ? stream_wake : dgram_wake, as);
		}
	}
	cpu->caller = NULL;
	if (special)
		host_unlock_all(c->a->h);
	else
		host_unlock(c->a->h, cpu);
	if (!e && type == SOCK_STREAM) {
		e = asock_watch(as, fd);
		if (e) { /* nobody has seen it */
			cpu = host_lock(c->a->h, as->cpu_id);
			asock_close(cpu, as);
			host_unlock(c->a->h, cpu);
			asock_put(as);
		}
	}
out:
	kns_drop(c->a, k);
	if (end >= 0)
		close(end);
	if (e) {
		if (fd >= 0)
			close(fd);
		return call_ret(c, e);
	}
	e = call_send_fd(c, fd, flags & SOCK_CLOEXEC ? O_CLOEXEC : 0);
	close(fd);
	if (e >= 0)
		asock_seen(as, c->tid, e);
	asock_put(as); /* when it was not delivered, our closing was the last, and is told like the program's */
	return e >= 0 || e == -ENOENT ? CALL_DONE : call_ret(c, e == -EMFILE ? e : -ENFILE);
}

/* -- names -- */
static enum call_end call_bind(struct call *c)
{
	struct sockaddr_storage ss;
	bool all = c->as->kind == ASOCK_NETLINK;
	struct cpu *cpu;
	int e = args_sockaddr(&c->mem, c->arg[1], (u32)c->arg[2], &ss);

	if (e)
		return call_ret(c, e);
	if (call_replayed(c, &ss, sizeof(ss)))
		return CALL_REPLY;
	if (!call_valid(c))
		return CALL_DONE;
	call_identify(c, c->as->kns, all || (ss.ss_family != AF_UNSPEC && ntohs(((struct sockaddr_in *)&ss)->sin_port) - 1u < 1023));
	for (int trial = 0; trial < 2; trial++) {
		cpu = all ? call_lock_all(c) : call_lock(c);
		e = c->as->s ? socket_bind(cpu, c->as->s, (struct sockaddr *)&ss, (socklen_t)c->arg[2]) : -EINVAL;
		if (all)
			call_unlock_all(c, cpu);
		else
			call_unlock(c, cpu);
		if (e != -EADDRINUSE || trial)
			break;
		fdtable_flush(c->a);
	}
	return call_ret(c, e);
}

static enum call_end call_listen(struct call *c)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct asock *as = c->as;
	struct cpu *cpu;
	int e;

	for (int trial = 0; trial < 2; trial++) {
		cpu = call_lock(c);
		e = as->s ? socket_listen(cpu, as->s, (int)c->arg[1]) : -EINVAL;
		if (!e && as->kind == ASOCK_STREAM && as->state == STREAM_FRESH) {
			/* In place: registrations with epoll, duplicates and forks stay valid. */
			as->peerlen = sizeof(as->peer);
			if (bind(c->dup, (struct sockaddr *)&un, sizeof(sa_family_t)) < 0 ||
			    getsockname(c->dup, (struct sockaddr *)&as->peer, &as->peerlen) < 0 || listen(c->dup, 65535) < 0)
				e = -errno;
			else
				as->state = STREAM_LISTENING;
			listener_post(cpu, as);
		}
		call_unlock(c, cpu);
		if (e != -EADDRINUSE || trial)
			break;
		fdtable_flush(c->a);
	}
	return call_ret(c, e);
}

static enum call_end call_connect(struct call *c)
{
	struct sockaddr_storage ss;
	bool all = c->as->kind == ASOCK_NETLINK;
	struct cpu *cpu;
	int e = args_sockaddr(&c->mem, c->arg[1], (u32)c->arg[2], &ss);

	if (e)
		return call_ret(c, e);
	if (call_replayed(c, &ss, sizeof(ss)))
		return CALL_REPLY;
	if (!call_valid(c))
		return CALL_DONE;
	if (c->as->kind == ASOCK_STREAM) {
		if (c->arg[2] < sizeof(sa_family_t))
			return call_ret(c, -EINVAL);
		return call_stream_connect(c, (struct sockaddr *)&ss, (socklen_t)c->arg[2]);
	}
	if (all)
		call_identify(c, c->as->kns, true);
	cpu = all ? call_lock_all(c) : call_lock(c);
	e = c->as->s ? socket_connect(cpu, c->as->s, (struct sockaddr *)&ss, (socklen_t)c->arg[2]) : -EINVAL;
	if (!e)
		dgram_mode(cpu, c->as);
	if (all)
		call_unlock_all(c, cpu);
	else
		call_unlock(c, cpu);
	return call_ret(c, e);
}

static enum call_end get_name(struct call *c, bool peer)
{
	struct sockaddr_storage ss = { 0 };
	struct asock *as = c->as;
	socklen_t len = sizeof(ss);
	struct cpu *cpu = call_lock(c);
	u32 room;
	int e;

	if (as->s) {
		e = socket_getname(cpu, as->s, peer, &ss, &len);
	} else if (peer) {
		e = -ENOTCONN;
	} else {
		ss = as->local;
		len = as->locallen;
		e = 0;
	}
	call_unlock(c, cpu);
	if (e)
		return call_ret(c, e);
	if (call_memory(c, c->arg[2], &room, sizeof(room)))
		return call_ret(c, -EFAULT);
	if ((s32)room < 0)
		return call_ret(c, -EINVAL);
	if (call_write(c, c->arg[1], &ss, MIN(room, len)) || call_write(c, c->arg[2], &len, sizeof(len)))
		return call_ret(c, -EFAULT);
	return call_ret(c, 0);
}

static enum call_end call_getsockname(struct call *c) { return get_name(c, false); }
static enum call_end call_getpeername(struct call *c) { return get_name(c, true); }

/* shutdown() acts on the unix socket too: that wakes readers and turns poll's bits as TCP would. */
static enum call_end call_shutdown(struct call *c)
{
	struct asock *as = c->as;
	int how = (int)c->arg[1], e;
	struct cpu *cpu;

	if (how < 0 || how > SHUT_RDWR)
		return call_ret(c, -EINVAL);
	if (call_replayed(c, NULL, 0))
		return CALL_REPLY;
	cpu = call_lock(c);
	if (!as->s) {
		e = -ENOTCONN;
	} else if (as->kind == ASOCK_STREAM && as->state == STREAM_OPEN) {
		stream_pull(cpu, as);
		as->shut |= (u8)(how + 1);
		e = shutdown(c->dup, how) < 0 ? -errno : 0;
		if (how != SHUT_WR && as->s)
			socket_shutdown(cpu, as->s, SHUT_RD);
		if (how != SHUT_RD)
			stream_event(cpu, as, 0x2000 /* EPOLLRDHUP */);
	} else {
		e = socket_shutdown(cpu, as->s, how);
		if (!e && as->kind != ASOCK_STREAM) {
			shutdown(c->dup, how);
		} else if (!e && as->state == STREAM_LISTENING && how != SHUT_WR) {
			shutdown(c->dup, SHUT_RDWR);
			listener_end(as);
			as->state = STREAM_FAILED;
			as->errnum = 0;
			as->told = true;
		}
	}
	calls_wake(as, ~0u);
	call_unlock(c, cpu);
	return call_ret(c, e);
}

static enum call_end call_changes_ns(struct call *c)
{
	task_changes_ns(c->a, c->tid);
	return CALL_CONTINUE;
}

static const struct {
	int nr;
	bool sock; /* the first argument is a descriptor of a socket */
	call_fn fn;
} table[] = {
	{ __NR_socket, false, call_new_socket },
	{ __NR_bind, true, call_bind },
	{ __NR_connect, true, call_connect },
	{ __NR_listen, true, call_listen },
	{ __NR_accept, true, call_accept },
	{ __NR_accept4, true, call_accept },
	{ __NR_getsockname, true, call_getsockname },
	{ __NR_getpeername, true, call_getpeername },
	{ __NR_setsockopt, true, call_setsockopt },
	{ __NR_getsockopt, true, call_getsockopt },
	{ __NR_sendto, true, call_sendto },
	{ __NR_sendmsg, true, call_sendmsg },
	{ __NR_sendmmsg, true, call_sendmmsg },
	{ __NR_recvfrom, true, call_recvfrom },
	{ __NR_recvmsg, true, call_recvmsg },
	{ __NR_recvmmsg, true, call_recvmmsg },
	{ __NR_shutdown, true, call_shutdown },
	{ __NR_ioctl, false, call_ioctl },
	{ __NR_open, false, call_open },
	{ __NR_openat, false, call_open },
	{ __NR_openat2, false, call_open },
	{ __NR_mount, false, call_mount },
	{ __NR_unshare, false, call_changes_ns },
	{ __NR_setns, false, call_changes_ns },
	{ __NR_execve, false, call_exec },
	{ __NR_execveat, false, call_exec },
};

enum call_end call_dispatch(struct call *c)
{
	attach_fs_flush(c->a->fs); /* what was written to a sysctl before this call */
	repair_if_needed(c);
	for (unsigned i = 0; i < ARRAY_SIZE(table); i++) {
		if (table[i].nr != c->nr)
			continue;
		if (table[i].sock) {
			if (!call_socket(c, (int)c->arg[0]))
				return CALL_CONTINUE;
			stream_see_dup(c->as, c->dup);
		}
		return table[i].fn(c);
	}
	return CALL_CONTINUE;
}
