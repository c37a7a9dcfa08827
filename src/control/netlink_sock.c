/* AF_NETLINK sockets: port ids, groups, options, and the queue a program reads from.
 *
 * The other end is the stack itself (port id 0) or, seldom, another program's netlink socket in the same namespace. A
 * datagram to the stack is handled wholly before sendmsg returns, so a program that finds nothing to read knows that all
 * went well. A program that reads too slowly loses messages and is told so by ENOBUFS, once; it then has to read all before
 * more are queued (netlink(7)).
 *
 * The first socket of a process gets the process's pid as its port id, further ones a random number above 2^31, as on Linux.
 */
#include <linux/netlink.h>
#include <poll.h>

#include "control/netlink_int.h"
#include "core/proc.h"
#include "core/stack_tables.h"

const struct nl_family *nl_family_find(const struct world *w, u16 protocol)
{
	const struct nl_family *const *f = w->tables ? w->tables->nl_families : NULL;

	for (; f && *f; f++) {
		if ((*f)->protocol == protocol)
			return *f;
	}
	return NULL;
}

/* -- port ids -- */

static u32 port_hash(const struct netns *net, int protocol, u32 portid)
{
	return hash32_u64((u64)(u32)protocol << 32 | portid, (u32)net->world->hash_key.k[0]);
}

struct netlink_sock *nl_sock_find(struct netns *net, int protocol, u32 portid)
{
	struct netlink_sock *s;

	htable_for_each_match(s, &net->nl->ports, port_hash(net, protocol, portid), node) {
		if (s->portid == portid && s->sk.protocol == protocol)
			return s;
	}
	return NULL;
}

static int port_set(struct netlink_sock *s, u32 portid)
{
	struct netns *net = s->sk.net;

	if (s->bound)
		return s->portid == portid ? 0 : -EBUSY;
	if (nl_sock_find(net, s->sk.protocol, portid))
		return -EADDRINUSE;
	s->portid = portid;
	s->bound = true;
	htable_add(&net->nl->ports, &s->node, port_hash(net, s->sk.protocol, portid));
	return 0;
}

static int autobind(struct cpu *cpu, struct netlink_sock *s)
{
	u32 port = cpu->caller ? (u32)cpu->caller->pid : s->sk.socket ? s->sk.socket->holder_pid : 0;

	if (s->bound)
		return 0;
	if (port && !port_set(s, port))
		return 0;
	for (int i = 0; i < 1000; i++) {
		port = 0x80000000u + rng_below(&cpu->rng, 0x80000000u - 4096);
		if (!port_set(s, port))
			return 0;
	}
	return -EADDRINUSE;
}

/* -- the queue -- */

struct sk_buff *nl_skb(struct cpu *cpu, const void *data, size_t len)
{
	struct sk_buff *skb;

	if (len > BUF_MAX_BYTES)
		return NULL;
	skb = skb_alloc(cpu, 0, (u32)len);
	if (!skb)
		return NULL;
	memcpy(skb_put(skb, (u32)len), data, len);
	*nl_cb(skb) = (struct nl_cb){ .nsid = -1 };
	return skb;
}

void nl_overrun(struct cpu *cpu, struct netlink_sock *s)
{
	s->sk.drops++;
	if (s->no_enobufs || s->congested)
		return;
	s->congested = true;
	sock_set_error(cpu, &s->sk, ENOBUFS);
}

int nl_deliver(struct cpu *cpu, struct netlink_sock *s, struct sk_buff *skb)
{
	struct sock *sk = &s->sk;
	u32 keep;

	if (s->congested || (s32)sk->rmem_alloc > sk->rcvbuf) {
		nl_overrun(cpu, s);
		skb_drop_net(cpu, sk->net, skb, SKB_DROP_REASON_SOCKET_RCVBUFF);
		return -ENOBUFS;
	}
	if (sk->filter) {
		keep = sock_filter_run(sk, skb);
		if (!keep || !skb_trim(cpu, skb, MIN(keep, skb->len))) {
			skb_drop_net(cpu, sk->net, skb, SKB_DROP_REASON_SOCKET_FILTER);
			return 0;
		}
	}
	sock_charge_rx(sk, skb);
	skb_list_add(&sk->rx_queue, skb);
	sock_wake(cpu, sk);
	return 0;
}

/* -- sock_ops -- */

static int nl_init(struct cpu *cpu, struct sock *sk)
{
	struct netlink_sock *s = nl_sk(sk);

	if (!sk->net->nl)
		return -EPROTONOSUPPORT;
	list_add_tail(&sk->net->nl->socks, &s->link);
	return 0;
}

static void leave(struct netlink_sock *s)
{
	struct netns_nl *nl = s->sk.net->nl;

	if (list_linked(&s->link))
		list_del(&s->link);
	if (s->bound)
		htable_del(&nl->ports, &s->node);
	if (s->listen_all)
		nl->listen_all--;
	s->bound = s->listen_all = false;
	s->groups = 0;
}

static void nl_release(struct cpu *cpu, struct sock *sk)
{
	struct netlink_sock *s = nl_sk(sk);

	nl_dump_end(cpu, s);
	leave(s);
	sk->dead = true;
}

static void nl_destruct(struct cpu *cpu, struct sock *sk)
{
	nl_dump_end(cpu, nl_sk(sk));
	leave(nl_sk(sk));
	sock_purge_queues(cpu, sk);
}

static void nl_abort(struct cpu *cpu, struct sock *sk, int err)
{
	struct netlink_sock *s = nl_sk(sk);

	nl_dump_end(cpu, s);
	leave(s);
	sk->shutdown = SHUT_RCV_BIT | SHUT_SND_BIT;
	sock_set_error(cpu, sk, err);
}

static u64 group_limit(const struct netlink_sock *s)
{
	const struct nl_family *f = nl_family_find(s->sk.net->world, (u16)s->sk.protocol);
	u32 n = f ? MIN(ALIGN_UP(f->groups, 32u), (u32)NL_GROUPS_MAX) : 0;

	return n;
}

static bool may_join(struct cpu *cpu, const struct netlink_sock *s)
{
	const struct nl_family *f = nl_family_find(s->sk.net->world, (u16)s->sk.protocol);

	return (f && f->nonroot_recv) || caller_net_admin(cpu);
}

static bool join(struct netlink_sock *s, u64 groups)
{
	const struct nl_family *f = nl_family_find(s->sk.net->world, (u16)s->sk.protocol);
	u64 fresh = groups & ~s->groups;

	for (u32 g = 1; fresh && f && f->bind_group && g <= NL_GROUPS_MAX; g++) {
		if ((fresh & BIT64(g - 1)) && !f->bind_group(s->sk.net, s, g))
			return false;
	}
	s->groups = groups;
	return true;
}

static int nl_bind(struct cpu *cpu, struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	struct netlink_sock *s = nl_sk(sk);
	struct sockaddr_nl nl;
	int err;

	if (len < sizeof(nl))
		return -EINVAL;
	memcpy(&nl, a, sizeof(nl));
	if (nl.nl_family != AF_NETLINK)
		return -EINVAL;
	if (nl.nl_groups && !may_join(cpu, s))
		return -EPERM;
	if (s->bound && nl.nl_pid != s->portid)
		return -EINVAL;
	err = s->bound ? 0 : nl.nl_pid ? port_set(s, nl.nl_pid) : autobind(cpu, s);
	if (err)
		return err;
	return join(s, (s->groups & ~0xffffffffull) | nl.nl_groups) ? 0 : -EPERM;
}

static int nl_connect(struct cpu *cpu, struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	struct netlink_sock *s = nl_sk(sk);
	struct sockaddr_nl nl;
	int err;

	if (len < sizeof(a->sa_family))
		return -EINVAL;
	if (a->sa_family == AF_UNSPEC) {
		s->peer_portid = s->peer_groups = 0;
		return 0;
	}
	if (a->sa_family != AF_NETLINK || len < sizeof(nl))
		return -EINVAL;
	memcpy(&nl, a, sizeof(nl));
	if ((nl.nl_groups || nl.nl_pid) && !caller_net_admin(cpu))
		return -EPERM;
	err = autobind(cpu, s);
	if (err)
		return err;
	s->peer_portid = nl.nl_pid;
	s->peer_groups = nl.nl_groups ? (u32)__builtin_ctz(nl.nl_groups) + 1 : 0;
	return 0;
}

static int nl_getname(struct cpu *cpu, struct sock *sk, bool peer, struct sockaddr_storage *a, socklen_t *len)
{
	struct netlink_sock *s = nl_sk(sk);
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK };

	if (peer) {
		nl.nl_pid = s->peer_portid;
		nl.nl_groups = s->peer_groups && s->peer_groups <= 32 ? BIT(s->peer_groups - 1) : 0;
	} else {
		nl.nl_pid = s->portid;
		nl.nl_groups = (u32)s->groups;
	}
	memcpy(a, &nl, sizeof(nl));
	*len = sizeof(nl);
	return 0;
}

/* A datagram to another program. */
static int to_program(struct cpu *cpu, struct netlink_sock *s, u32 portid, const struct nl_cb *from, const u8 *data, size_t len)
{
	struct netlink_sock *to = nl_sock_find(s->sk.net, s->sk.protocol, portid);
	struct sk_buff *skb;

	if (!to || (to->peer_portid && to->peer_portid != s->portid))
		return -ECONNREFUSED;
	skb = nl_skb(cpu, data, len);
	if (!skb)
		return -ENOBUFS;
	*nl_cb(skb) = *from;
	if (to->congested || (s32)to->sk.rmem_alloc > to->sk.rcvbuf) {
		skb_drop_net(cpu, s->sk.net, skb, SKB_DROP_REASON_SOCKET_RCVBUFF);
		return -EAGAIN;
	}
	return nl_deliver(cpu, to, skb);
}

static ssize_t nl_sendmsg(struct cpu *cpu, struct sock *sk, const struct msghdr *m, int flags)
{
	struct netlink_sock *s = nl_sk(sk);
	u32 portid = s->peer_portid, group = s->peer_groups;
	struct sockaddr_nl nl;
	struct nl_cb from;
	size_t len = msg_len(m);
	ssize_t ret;
	u8 *data;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (!len)
		return -ENODATA;
	if (sk->shutdown & SHUT_SND_BIT)
		return -EPIPE;
	if (m->msg_name && m->msg_namelen) {
		if (m->msg_namelen < sizeof(nl))
			return -EINVAL;
		memcpy(&nl, m->msg_name, sizeof(nl));
		if (nl.nl_family != AF_NETLINK)
			return -EINVAL;
		portid = nl.nl_pid;
		group = nl.nl_groups ? (u32)__builtin_ctz(nl.nl_groups) + 1 : 0;
		if ((group || portid) && !caller_net_admin(cpu))
			return -EPERM;
	}
	ret = autobind(cpu, s);
	if (ret)
		return ret;
	if (len + 32 > (size_t)sk->sndbuf)
		return -EMSGSIZE;
	data = mem_alloc(cpu_mem(cpu), ALIGN_UP(len, 8));
	if (!data)
		return -ENOBUFS;
	ret = msg_copy_to_buf(m, 0, data, len);
	if (ret)
		goto out;
	from = (struct nl_cb){ .portid = s->portid, .group = group, .nsid = -1, .pid = cpu->caller ? (u32)cpu->caller->pid : 0 };
	if ((group || portid) && cpu->caller) { /* who reads it may ask for the sender's credentials */
		from.uid = caller_ids(cpu->caller)->uid;
		from.gid = cpu->caller->gid;
	}
	if (group)
		nl_broadcast(cpu, sk->net, sk->protocol, group, data, len, &from, s->portid);
	if (portid)
		ret = to_program(cpu, s, portid, &from, data, len);
	else
		nl_rx(cpu, s, data, len);
	if (!ret)
		ret = (ssize_t)len;
out:
	mem_free(cpu_mem(cpu), data);
	return ret;
}

static void put_ancillary(struct netlink_sock *s, struct sk_buff *skb, struct msghdr *m)
{
	const struct nl_cb *cb = nl_cb(skb);

	if (m->msg_name) {
		struct sockaddr_nl nl = { .nl_family = AF_NETLINK, .nl_pid = cb->portid,
					  .nl_groups = cb->group && cb->group <= 32 ? BIT(cb->group - 1) : 0 };
		memcpy(m->msg_name, &nl, sizeof(nl));
		m->msg_namelen = sizeof(nl);
	}
	if (s->pktinfo) {
		struct nl_pktinfo info = { .group = cb->group };
		msg_put_cmsg(m, SOL_NETLINK, NETLINK_PKTINFO, &info, sizeof(info));
	}
	if (s->listen_all && cb->nsid >= 0)
		msg_put_cmsg(m, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &cb->nsid, sizeof(cb->nsid));
	if (s->sk.passcred) {
		struct ucred cred = { .pid = (pid_t)cb->pid, .uid = cb->uid, .gid = cb->gid };
		msg_put_cmsg(m, SOL_SOCKET, SCM_CREDENTIALS, &cred, sizeof(cred));
	}
}

static void note_room(struct netlink_sock *s, size_t room) { s->max_recv = MAX(s->max_recv, (u32)MIN(room, (size_t)32768)); }

void netlink_reader_room(struct socket *so, size_t room)
{
	struct netlink_sock *s = nl_sk(so->sk);

	s->reader_tells = true;
	note_room(s, room);
}

static ssize_t nl_recvmsg(struct cpu *cpu, struct sock *sk, struct msghdr *m, int flags)
{
	struct netlink_sock *s = nl_sk(sk);
	struct sk_buff *skb = sk->rx_queue.first;
	size_t room = msg_len(m), n;
	ssize_t ret;
	int err;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	err = sock_error(sk);
	if (err)
		return err;
	if (!skb)
		return sk->shutdown & SHUT_RCV_BIT ? 0 : -EAGAIN;
	if (!s->reader_tells)
		note_room(s, room);
	n = MIN(room, (size_t)skb->len);
	err = skb_copy_to_msg(skb, 0, m, 0, n);
	if (err)
		return err;
	if (n < skb->len)
		m->msg_flags |= MSG_TRUNC;
	put_ancillary(s, skb, m);
	ret = (ssize_t)(flags & MSG_TRUNC ? skb->len : n);
	if (!(flags & MSG_PEEK)) {
		skb_list_pop(&sk->rx_queue);
		skb_consume(cpu, skb);
	}
	if (s->dump && (s32)sk->rmem_alloc <= sk->rcvbuf / 2) {
		err = nl_dump_continue(cpu, s);
		if (err)
			sock_set_error(cpu, sk, -err);
	}
	if (!sk->rx_queue.first)
		s->congested = false;
	return ret;
}

static int set_membership(struct cpu *cpu, struct netlink_sock *s, u32 group, bool on)
{
	if (!may_join(cpu, s))
		return -EPERM;
	if (!group || group > group_limit(s))
		return -EINVAL;
	if (!on) {
		s->groups &= ~BIT64(group - 1);
		return 0;
	}
	return join(s, s->groups | BIT64(group - 1)) ? 0 : -EPERM;
}

static bool *option(struct netlink_sock *s, int name)
{
	switch (name) {
	case NETLINK_PKTINFO:
		return &s->pktinfo;
	case NETLINK_BROADCAST_ERROR:
		return &s->broadcast_error;
	case NETLINK_NO_ENOBUFS:
		return &s->no_enobufs;
	case NETLINK_CAP_ACK:
		return &s->cap_ack;
	case NETLINK_EXT_ACK:
		return &s->ext_ack;
	case NETLINK_GET_STRICT_CHK:
		return &s->strict;
	default:
		return NULL;
	}
}

static int nl_setsockopt(struct cpu *cpu, struct sock *sk, int level, int name, const void *val, socklen_t len)
{
	struct netlink_sock *s = nl_sk(sk);
	u32 v = 0;
	bool *b;

	if (level != SOL_NETLINK)
		return -ENOPROTOOPT;
	if (len >= sizeof(v))
		memcpy(&v, val, sizeof(v));
	b = option(s, name);
	if (b) {
		*b = v != 0;
		if (name == NETLINK_NO_ENOBUFS && v)
			s->congested = false;
		return 0;
	}
	switch (name) {
	case NETLINK_ADD_MEMBERSHIP:
	case NETLINK_DROP_MEMBERSHIP:
		return set_membership(cpu, s, v, name == NETLINK_ADD_MEMBERSHIP);
	case NETLINK_LISTEN_ALL_NSID:
		if (!caller_net_admin(cpu))
			return -EPERM;
		if ((v != 0) != s->listen_all) {
			s->listen_all = v != 0;
			sk->net->nl->listen_all += s->listen_all ? 1u : -1u;
		}
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int nl_getsockopt(struct cpu *cpu, struct sock *sk, int level, int name, void *val, socklen_t *len)
{
	struct netlink_sock *s = nl_sk(sk);
	u32 words[NL_GROUPS_MAX / 32] = { (u32)s->groups, (u32)(s->groups >> 32) };
	u32 size;
	bool *b;

	if (level != SOL_NETLINK)
		return -ENOPROTOOPT;
	if (name == NETLINK_LIST_MEMBERSHIPS) { /* as many words as fit; the length says how many there are */
		size = (u32)(group_limit(s) / 8);
		memcpy(val, words, MIN(*len & ~3u, size));
		*len = size;
		return 0;
	}
	b = option(s, name);
	if (!b)
		return -ENOPROTOOPT;
	if (*len < sizeof(int))
		return -EINVAL;
	return sockopt_put_int(val, len, *b);
}

static u32 nl_poll(struct cpu *cpu, struct sock *sk)
{
	u32 ev = 0;

	/* A dump that was held back by a full buffer goes on when the program reads, so readable data is enough. */
	if (sk->rx_queue.first)
		ev |= POLLIN | POLLRDNORM;
	if (sk->err)
		ev |= POLLERR;
	if (sk->shutdown & SHUT_RCV_BIT)
		ev |= POLLIN | POLLRDNORM | POLLRDHUP;
	if (sk->shutdown == (SHUT_RCV_BIT | SHUT_SND_BIT))
		ev |= POLLHUP;
	return ev | POLLOUT | POLLWRNORM | POLLWRBAND;
}

static int nl_ioctl(struct cpu *cpu, struct sock *sk, unsigned cmd, void *arg, size_t len)
{
	return -515; /* ENOIOCTLCMD: the interface ioctls are next */
}

const struct sock_ops netlink_sock_ops = {
	.name = "NETLINK",
	.obj_size = sizeof(struct netlink_sock),
	.init = nl_init,
	.release = nl_release,
	.destruct = nl_destruct,
	.abort = nl_abort,
	.bind = nl_bind,
	.connect = nl_connect,
	.getname = nl_getname,
	.sendmsg = nl_sendmsg,
	.recvmsg = nl_recvmsg,
	.setsockopt = nl_setsockopt,
	.getsockopt = nl_getsockopt,
	.ioctl = nl_ioctl,
	.poll = nl_poll,
};

const struct sock_family netlink_route_raw = { .family = AF_NETLINK, .type = SOCK_RAW, .protocol = NETLINK_ROUTE, .dflt = true,
					       .ops = &netlink_sock_ops };
const struct sock_family netlink_route_dgram = { .family = AF_NETLINK, .type = SOCK_DGRAM, .protocol = NETLINK_ROUTE, .dflt = true,
						 .ops = &netlink_sock_ops };
const struct sock_family netlink_generic_raw = { .family = AF_NETLINK, .type = SOCK_RAW, .protocol = NETLINK_GENERIC,
						 .ops = &netlink_sock_ops };
const struct sock_family netlink_generic_dgram = { .family = AF_NETLINK, .type = SOCK_DGRAM, .protocol = NETLINK_GENERIC,
						   .ops = &netlink_sock_ops };

static void show_netlink(struct netns *net, struct strbuf *out)
{
	struct netlink_sock *s;

	strbuf_printf(out, "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n");
	if (!net->nl)
		return;
	list_for_each (s, &net->nl->socks, link)
		strbuf_printf(out, "%016x %-3d %-10u %08x %-8u %-8u %-5d %-8u %-8u %-8llu\n", 0, s->sk.protocol, s->portid,
			      (u32)s->groups, s->sk.rmem_alloc, s->sk.wmem_alloc, s->dump != NULL, s->sk.refcnt, s->sk.drops,
			      (unsigned long long)(s->sk.socket ? s->sk.socket->inode : 0));
}
const struct proc_file proc_net_netlink = { .name = "netlink", .mode = 0444, .show = show_netlink };
