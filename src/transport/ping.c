/* Ping sockets: ICMP echo without privilege (socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP), icmp(7)).
 *
 * The echo identifier is the socket's port: bind(2) may choose it, else one is found. A program writes an echo request whose
 * identifier and checksum are filled in, and reads the replies to it; errors about it come through the error queue. Who may open
 * one is said by net.ipv4.ping_group_range.
 */
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "base/strbuf.h"
#include "codec/wire/checksum.h"
#include "codec/wire/icmp4.h"
#include "codec/wire/icmp6.h"
#include "codec/wire/ip4hdr.h"
#include "codec/wire/ip6hdr.h"
#include "core/trace.h"
#include "transport/raw.h"

#define PING_MAX 65535
#define EXT_ECHO 42 /* RFC 8335 */
#define EXT_ECHO6 160

struct ping_sock {
	struct inet_sock inet; /* num: the identifier */
};

/* An id chosen here is nobody else's; one that bind(2) asks for may be shared by SO_REUSEADDR. */
static bool id_taken(const struct netns_ping *p, const struct inet_sock *me, u16 id, bool may_share)
{
	const struct inet_sock *i;

	list_for_each(i, &p->socks, bind_link)
		if (i != me && i->num == id && !(may_share && i->sk.reuse && me->sk.reuse))
			return true;
	return false;
}

static int get_id(struct inet_sock *i, u16 id)
{
	struct netns_ping *p = i->sk.net->ping;

	if (!id) {
		for (u32 tries = 0; tries < 65535 && !id; tries++) {
			u16 n = ++p->next_id;
			if (n && !id_taken(p, i, n, false))
				id = n;
		}
		if (!id)
			return -EADDRINUSE;
	} else if (id_taken(p, i, id, true)) {
		return -EADDRINUSE;
	}
	i->num = id;
	i->sport = cpu_to_be16(id);
	list_add_tail(&p->socks, &i->bind_link);
	i->sk.net->core->sockstat[SOCKSTAT_PING_INUSE]++;
	return 0;
}

static void put_id(struct inet_sock *i)
{
	if (!list_linked(&i->bind_link))
		return;
	list_del(&i->bind_link);
	i->num = 0;
	i->sport = (be16){ 0 };
	i->sk.net->core->sockstat[SOCKSTAT_PING_INUSE]--;
}

static struct inet_sock *lookup(struct netns *net, u16 family, u16 id, const struct inaddr *laddr, struct rx_ifs ifs)
{
	struct inet_sock *i;

	list_for_each(i, &net->ping->socks, bind_link)
		if (i->sk.family == family && i->num == id && (inaddr_is_any(&i->rcv_saddr) || inaddr_eq(&i->rcv_saddr, laddr)) &&
		    rx_ifs_match(i->sk.bound_dev_if, ifs))
			return i;
	return NULL;
}

void ping_rx(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	const struct icmp4_hdr *h = (const struct icmp4_hdr *)skb->data;
	struct inaddr saddr, daddr;
	struct inet_sock *i;

	bool v6 = be16_eq(skb->protocol, BE16(0x86dd));

	(v6 ? net->inet->af6 : net->inet->af4)->addrs(skb, &saddr, &daddr);
	/* the echo header is the same in both families */
	i = skb_headlen(skb) >= ICMP4_HDR_LEN ? lookup(net, v6 ? AF_INET6 : AF_INET, be16_to_cpu(h->echo.id), &daddr, rx_ifs_of(skb, true)) : NULL;
	if (!i) {
		trace_point(cpu, net, skb, TP_CONSUMED, 0, 0, "echo reply without ping socket");
		skb_consume(cpu, skb);
		return;
	}
	trace_point(cpu, net, skb, TP_SOCK_LOOKUP, i->sk.cookie, i->sk.state, "ping");
	raw_queue(cpu, &i->sk, skb);
}

void ping_err(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct icmp_error *e)
{
	struct icmp4_hdr tmp;
	const struct icmp4_hdr *h = skb_header_pointer(skb, 0, ICMP4_HDR_LEN, &tmp);
	struct inet_sock *i = h ? lookup(net, e->family, be16_to_cpu(h->echo.id), &e->saddr, (struct rx_ifs){ e->iif, e->sdif, true }) : NULL;
	bool hard = e->hard;
	struct icmp_error ee = *e;

	if (!i)
		return;
	if (e->kind == ICMP_ERR_REDIRECT) {
		inet_af_of(net, &e->daddr)->redirect(cpu, net, e);
		ee.err = EREMOTEIO;
	} else if (e->family == AF_INET && e->type == 4 /* source quench: nobody's error, but ping wants to see it */) {
		ee.err = EREMOTEIO;
	} else if (e->kind == ICMP_ERR_TOO_BIG && e->family == AF_INET) { /* of IPv6 the size is learned before */
		struct flow fl;
		inet_sock_flow(i, IPPROTO_ICMP, &fl);
		fl.family = AF_INET;
		fl.saddr = e->saddr;
		fl.daddr = e->daddr;
		inet_af_of(net, &e->daddr)->update_pmtu(cpu, net, &fl, i->dst, e->info);
		if (i->pmtudisc == IP_PMTUDISC_DONT)
			return;
		hard = true;
	}
	if (!ee.err)
		return;
	if (inet_wants_errors(i, e->family))
		inet_err_queue_icmp(cpu, i, skb, 0, &ee, (be16){ 0 });
	else if (!hard || i->sk.state != TCP_ESTABLISHED)
		return;
	sock_set_error(cpu, &i->sk, ee.err);
}

/* Fills in the identifier and the checksum of the request at skb->data. */
static void complete(const struct inet_sock *i, struct sk_buff *skb, const struct flow *fl)
{
	struct icmp4_hdr *h = (struct icmp4_hdr *)skb->data;

	h->echo.id = i->sport;
	h->check = 0;
	h->check = csum_fold(skb_checksum(skb, 0, skb->len, fl->family == AF_INET6 ? csum_pseudo6(fl->saddr.b, fl->daddr.b, skb->len, IPPROTO_ICMPV6) : 0));
}

static ssize_t ping_sendmsg(struct cpu *cpu, struct sock *sk, const struct msghdr *m, int flags)
{
	struct inet_sock *i = inet_sk(sk);
	size_t len = msg_len(m);
	struct inet_dest d;
	struct sk_buff *skb;
	struct inet_tx_stamp stamp;
	struct ip_out o;
	bool v6 = sk->family == AF_INET6;
	u8 head[2];
	int err;

	if (!i->num && get_id(i, 0))
		return -EAGAIN;
	if (len > PING_MAX)
		return -EMSGSIZE;
	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (len < ICMP4_HDR_LEN || msg_copy_to_buf(m, 0, head, sizeof head) || head[1] ||
	    (v6 ? head[0] != ICMP6_ECHO && head[0] != EXT_ECHO6 : head[0] != ICMP4_ECHO && head[0] != EXT_ECHO))
		return -EINVAL;
	if ((err = inet_dgram_dest(cpu, i, m, flags, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, false, &d)))
		return err;
	if ((d.fl.family == AF_INET6) != v6) { /* an ICMPv6 socket speaks no IPv4 */
		err = -EAFNOSUPPORT;
		goto out;
	}
	if (d.dst->type == RTN_BROADCAST && !sk->broadcast) {
		err = -EACCES;
		goto out;
	}
	if ((flags & MSG_CONFIRM) && d.dst->neigh)
		neigh_confirm(cpu, d.dst->neigh);
	u32 hdrs = (v6 ? IP6_HDR_LEN : IP4_HDR_LEN) + inet_dest_opts_len(i, &d);
	if ((err = inet_dest_check_size(cpu, i, &d, hdrs + (u32)len)))
		goto out;
	if ((err = sock_error(sk)))
		goto out;
	err = sk->shutdown & SHUT_SND_BIT ? -EPIPE : !sock_can_send(sk) ? -EAGAIN : 0;
	if (err)
		goto out;
	if (!(skb = skb_alloc(cpu, SKB_HEADROOM, (u32)len))) {
		err = -ENOBUFS;
		goto out;
	}
	if ((err = msg_copy_to_buf(m, 0, skb_put(skb, (u32)len), len))) {
		skb_consume(cpu, skb);
		goto out;
	}
	complete(i, skb, &d.fl);
	skb->ignore_df = hdrs + len > dst_mtu(cpu, d.dst) && inet_dest_may_fragment(i, &d);
	sock_charge_tx(sk, skb);
	dst_hold(d.dst);
	skb_dst_set(skb, d.dst);
	inet_dest_ip_out(i, &d, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, &o);
	mib_inc(cpu, sk->net, v6 ? MIB_Icmp6_OutMsgs : MIB_Icmp_OutMsgs);
	mib_inc(cpu, sk->net, (enum mib)((v6 ? MIB_Icmp6Msg_OutType0 : MIB_IcmpMsg_OutType0) + head[0]));
	inet_tx_stamp_take(cpu, sk, skb, d.c.tsflags, &stamp);
	err = inet_af_of(sk->net, &d.fl.daddr)->xmit(cpu, sk->net, skb, &o);
	inet_tx_stamp_give(cpu, sk, &stamp, err);
	if (err == -ENOBUFS && !inet_wants_errors(i, (u8)sk->family))
		err = 0;
out:
	inet_dest_put(cpu, &d);
	return err ? err : (ssize_t)len;
}

static int ping_init(struct cpu *cpu, struct sock *sk)
{
	const s32 *range = sk->net->ip4->ping_group_range;

	if (cpu->caller && ((s64)caller_ids(cpu->caller)->gid < range[0] || (s64)cpu->caller->gid > range[1]))
		return -EACCES;
	inet_sk(sk)->v6only = sk->family == AF_INET6;
	sk->reuse = true; /* so says SO_REUSEADDR at birth */
	return 0;
}

static void ping_release(struct cpu *cpu, struct sock *sk)
{
	inet_mc_leave_all(cpu, inet_sk(sk));
	put_id(inet_sk(sk));
	sock_purge_queues(cpu, sk);
}

/* A group's or everybody's address is refused before anything else is looked at. */
static int ping_bind(struct cpu *cpu, struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	struct inet_sock *i = inet_sk(sk);
	struct inaddr addr;
	u16 id;
	int err;

	if (!inet_sockaddr_parse(sk, a, len, &addr, &id, NULL) && !inaddr_is_any(&addr)) {
		u8 type = inet_af_of(sk->net, &addr)->addr_type(sk->net, inet_bound_vrf(sk), &addr);
		if (type == RTN_MULTICAST || type == RTN_BROADCAST)
			return sk->family == AF_INET6 ? -EINVAL : -EADDRNOTAVAIL;
	}
	if ((err = inet_bind_addr(cpu, i, a, len, &id)))
		return err;
	if ((err = get_id(i, id)))
		inet_bind_undo(i);
	inet_dst_reset(i);
	return err;
}

static int ping_connect(struct cpu *cpu, struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	struct inet_sock *i = inet_sk(sk);

	if (!i->num && get_id(i, 0))
		return -EAGAIN;
	return inet_dgram_connect(cpu, i, a, len);
}

static void ping_disconnect(struct cpu *cpu, struct sock *sk)
{
	inet_dgram_disconnect(inet_sk(sk));
	if (!(sk->userlocks & 8)) /* bind(2) did not choose the id */
		put_id(inet_sk(sk));
}

const struct sock_ops ping_ops = {
	.name = "PING",
	.obj_size = sizeof(struct ping_sock),
	.init = ping_init,
	.release = ping_release,
	.bind = ping_bind,
	.connect = ping_connect,
	.disconnect = ping_disconnect,
	.getname = inet_getname,
	.sendmsg = ping_sendmsg,
	.recvmsg = raw_recvmsg,
	.shutdown = inet_dgram_shutdown,
	.setsockopt = inet_setsockopt,
	.getsockopt = inet_getsockopt,
	.ioctl = sock_dgram_ioctl,
	.poll = sock_dgram_poll,
};
const struct sock_family ping_family_v6 = { .family = AF_INET6, .type = SOCK_DGRAM, .protocol = IPPROTO_ICMPV6, .ops = &ping_ops };
const struct sock_family ping_family_v4 = { .family = AF_INET, .type = SOCK_DGRAM, .protocol = IPPROTO_ICMP, .ops = &ping_ops };

static int netns_init(struct netns *net)
{
	struct netns_ping *p = mem_zalloc(&net->world->mem, sizeof *p);

	if (!p)
		return -ENOMEM;
	list_init(&p->socks);
	p->next_id = (u16)rng_u32(&net->home->rng);
	net->ping = p;
	return 0;
}
static void netns_fini(struct netns *net)
{
	mem_free(&net->world->mem, net->ping);
	net->ping = NULL;
}
const struct subsys ping_subsys = { .name = "ping", .netns_init = netns_init, .netns_fini = netns_fini };

static void show(struct netns *net, struct strbuf *out, u16 family)
{
	const struct inet_sock *i;

	if (family == AF_INET)
		strbuf_printf(out, "%-127s\n", "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
					       "inode ref pointer drops");
	else
		strbuf_printf(out, "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when "
				   "retrnsmt   uid  timeout inode ref pointer drops\n");
	list_for_each(i, &net->ping->socks, bind_link)
		if (i->sk.family == family)
			inet_proc_line(out, i, i->num);
}
static void ping_show(struct netns *net, struct strbuf *out) { show(net, out, AF_INET); }
static void ping6_show(struct netns *net, struct strbuf *out) { show(net, out, AF_INET6); }
const struct proc_file ping_proc = { .name = "icmp", .mode = 0444, .show = ping_show };
const struct proc_file ping6_proc = { .name = "icmp6", .mode = 0444, .show = ping6_show };
