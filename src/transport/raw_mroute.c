/* Raw sockets of routing programs: router alerts of IPv4 (RFC 2113), and the options by which a program makes a multicast router of its
 * host (linux/mroute.h, linux/mroute6.h), which inet/ carries out. A socket of IPPROTO_IGMP (ICMPv6) that has said MRT_INIT is among the
 * listeners to router alerts, too, and is a multicast router until it stops to be one of these.
 */
#include <netinet/in.h>
#include <linux/mroute.h>

#include "inet/mroute/mroute.h"
#include "transport/raw.h"

static struct raw_sock *raw_sk(struct sock *sk) { return (struct raw_sock *)sk; }
static struct mr_user user_of(const struct cpu *cpu, struct raw_sock *rs)
{
	return (struct mr_user){ &rs->inet.sk, &rs->mroute_table, caller_net_admin(cpu) };
}

static const struct mr_family *family_of(const struct sock *sk)
{
	return sk->family == AF_INET6 ? sk->net->mroute->v6 : sk->net->mroute->v4;
}

/* -- router alerts -- */

bool raw_router_alert4(struct cpu *cpu, struct netns *net, struct sk_buff *skb, u8 proto)
{
	struct raw_sock *rs, *last = NULL;
	list_for_each(rs, &net->raw->alerted4, ra_link) {
		const struct sock *sk = &rs->inet.sk;
		struct sk_buff *copy;
		if (rs->inet.num != proto)
			continue;
		if (!skb)
			return true;
		if (sk->bound_dev_if && sk->bound_dev_if != skb->dev->ifindex)
			continue;
		if (last && (copy = skb_clone(cpu, skb)))
			raw_queue(cpu, &last->inet.sk, copy);
		last = rs;
	}
	if (last)
		raw_queue(cpu, &last->inet.sk, skb);
	return last != NULL;
}

static void forward_no_more(struct cpu *cpu, struct raw_sock *rs)
{
	if (!rs->mroute)
		return;
	rs->mroute = false;
	mr_socket_leave(cpu, rs->inet.sk.net, family_of(&rs->inet.sk), &rs->inet.sk);
}

static int listen_to_alerts(struct cpu *cpu, struct raw_sock *rs, bool on)
{
	bool is_on = list_linked(&rs->ra_link);
	if (on && is_on)
		return -EADDRINUSE;
	if (!on && !is_on)
		return -ENOBUFS;
	if (on) {
		list_add_tail(&rs->inet.sk.net->raw->alerted4, &rs->ra_link);
		return 0;
	}
	list_del(&rs->ra_link);
	forward_no_more(cpu, rs);
	return 0;
}

/* -- options -- */

static int int_of(const void *val, socklen_t len)
{
	int v = 0;
	if (len >= sizeof v)
		memcpy(&v, val, sizeof v);
	else if (len)
		v = *(const u8 *)val;
	return v;
}

static int set4(struct cpu *cpu, struct raw_sock *rs, int name, const void *val, socklen_t len)
{
	struct mr_user u = user_of(cpu, rs);
	int err;
	if (name == IP_ROUTER_ALERT)
		return rs->inet.num == IPPROTO_RAW ? -EINVAL : listen_to_alerts(cpu, rs, int_of(val, len));
	if (!mr_is_opt(name))
		return 1;
	if (rs->inet.num != IPPROTO_IGMP)
		return -EOPNOTSUPP;
	err = mr_setsockopt(cpu, rs->inet.sk.net, family_of(&rs->inet.sk), &u, name, val, len);
	if (err)
		return err;
	if (name == MRT_INIT) {
		rs->mroute = true;
		err = listen_to_alerts(cpu, rs, true);
		if (err)
			forward_no_more(cpu, rs);
	} else if (name == MRT_DONE) {
		rs->mroute = false;
		list_del(&rs->ra_link);
	}
	return err;
}

static int set6(struct cpu *cpu, struct raw_sock *rs, int name, const void *val, socklen_t len)
{
	struct mr_user u = user_of(cpu, rs);
	int err;
	if (!mr_is_opt(name))
		return 1;
	if (rs->inet.num != IPPROTO_ICMPV6)
		return -EOPNOTSUPP;
	err = mr_setsockopt(cpu, rs->inet.sk.net, family_of(&rs->inet.sk), &u, name, val, len);
	if (!err && (name == MRT_INIT || name == MRT_DONE))
		rs->mroute = name == MRT_INIT;
	return err;
}

int raw_router_setsockopt(struct cpu *cpu, struct sock *sk, int level, int name, const void *val, socklen_t len)
{
	if (level == SOL_IP && sk->family == AF_INET)
		return set4(cpu, raw_sk(sk), name, val, len);
	return level == SOL_IPV6 && sk->family == AF_INET6 ? set6(cpu, raw_sk(sk), name, val, len) : 1;
}

int raw_router_getsockopt(struct cpu *cpu, struct sock *sk, int level, int name, void *val, socklen_t *len)
{
	struct raw_sock *rs = raw_sk(sk);
	struct mr_user u = user_of(cpu, rs);
	bool v6 = sk->family == AF_INET6;
	int v, err;
	if (!v6 && level == SOL_IP && name == IP_ROUTER_ALERT)
		return sockopt_put_int(val, len, list_linked(&rs->ra_link));
	if (level != (v6 ? SOL_IPV6 : SOL_IP) || !mr_is_opt(name))
		return 1;
	if (rs->inet.num != (v6 ? IPPROTO_ICMPV6 : IPPROTO_IGMP))
		return -EOPNOTSUPP;
	err = mr_getsockopt(sk->net, family_of(sk), &u, name, &v);
	if (err)
		return err;
	if ((int)*len < 0)
		return -EINVAL;
	*len = MIN(*len, (socklen_t)sizeof v);
	memcpy(val, &v, *len);
	return 0;
}

int raw_ioctl(struct cpu *cpu, struct sock *sk, unsigned cmd, void *arg, size_t len)
{
	struct mr_user u = user_of(cpu, raw_sk(sk));
	int err = mr_ioctl(sk->net, family_of(sk), &u, cmd, arg, len);
	return err == -ENOIOCTLCMD ? sock_dgram_ioctl(cpu, sk, cmd, arg, len) : err;
}

void raw_router_close(struct cpu *cpu, struct sock *sk)
{
	struct raw_sock *rs = raw_sk(sk);
	if (list_linked(&rs->ra_link))
		list_del(&rs->ra_link);
	forward_no_more(cpu, rs);
}
