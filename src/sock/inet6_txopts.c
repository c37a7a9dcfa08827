/* Extension headers that an AF_INET6 socket sends: IPV6_HOPOPTS, IPV6_RTHDRDSTOPTS, IPV6_RTHDR and IPV6_DSTOPTS, for all its packets by
 * setsockopt or for one by a control message (RFC 3542 sections 6 to 9 and 11).
 *
 * All but routing headers need CAP_NET_RAW. Of routing headers Linux 6.18 takes segment routing's (RFC 8754), type 0 being deprecated
 * (RFC 5095) and type 2 mobile IPv6's.
 */
#include <netinet/in.h>

#include "inet/ip6/ip6.h"
#include "sock/inet_sock.h"

enum { RT_TYPE_SEGMENTS = 4, RT_HDR = 8 };

/* A new one with `what` replaced by len bytes at p. NULL: no memory; *empty: nothing is left. */
static struct ip6_txopts *replaced(struct mem *mem, const struct ip6_txopts *old, enum ip6_txopt what, const void *p, u32 len, bool *empty)
{
	static const struct ip6_txopts none = { .len = { 0 } };
	struct ip6_txopts *x;
	u32 total = len;
	u8 *to;

	old = old ? old : &none;
	for (unsigned i = 0; i < IP6_TX_MAX; i++)
		total += i == what ? 0 : old->len[i];
	*empty = !total;
	if (!total || !(x = mem_zalloc(mem, sizeof *x + total)))
		return NULL;
	to = x->data;
	for (unsigned i = 0; i < IP6_TX_MAX; i++) {
		x->len[i] = i == what ? (u16)len : old->len[i];
		if (x->len[i])
			memcpy(to, i == what ? p : ip6_txopts_at(old, i), x->len[i]);
		to += x->len[i];
	}
	return x;
}

static u32 total_len(const struct ip6_txopts *x)
{
	return x ? (u32)x->len[0] + x->len[1] + x->len[2] + x->len[3] : 0;
}

/* A segment routing header, len bytes: its segments and TLVs fill it, and the next segment is one of them. */
static bool segments_ok(const u8 *rt, u32 len)
{
	u32 at, last;

	if (rt[2] != RT_TYPE_SEGMENTS || (rt[1] + 1u) * 8 != len)
		return false;
	last = rt[4]; /* "last entry" */
	if (rt[3] > last || last + 1 > rt[1] / 2u)
		return false;
	for (at = RT_HDR + (last + 1) * 16; at < len; at += 2u + rt[at + 1]) {
		if (!rt[at]) /* Pad1 has no length */
			return false;
		if (len - at < 2 || 2u + rt[at + 1] > len - at)
			return false;
	}
	return true;
}

static int which(int name)
{
	switch (name) {
	case IPV6_HOPOPTS: return IP6_TX_HOPOPT;
	case IPV6_RTHDRDSTOPTS: return IP6_TX_DST0OPT;
	case IPV6_RTHDR: return IP6_TX_RTHDR;
	default: return IP6_TX_DST1OPT;
	}
}

static void install(struct cpu *cpu, struct inet_sock *inet, struct ip6_txopts *x)
{
	struct inet6_opts *o = inet->v6;

	inet->sk.omem_alloc += total_len(x);
	inet->sk.omem_alloc -= total_len(o->txopts);
	mem_free(cpu_mem(cpu), o->txopts);
	o->txopts = x;
	inet_dst_reset(inet);
	if (inet->sk.ops->sol_changed)
		inet->sk.ops->sol_changed(cpu, &inet->sk, -IP_OPTIONS);
}

int inet6_txopts_set(struct cpu *cpu, struct inet_sock *inet, int name, const void *val, socklen_t len)
{
	const u8 *p = val;
	struct ip6_txopts *x;
	u32 size = 0;
	bool empty;

	if (name != IPV6_RTHDR && !caller_net_raw(cpu))
		return -EPERM;
	if (len) {
		if (len < 2 || len & 7 || len > 8 * 255)
			return -EINVAL;
		size = (p[1] + 1u) * 8;
		if (size > len || (name == IPV6_RTHDR && !segments_ok(p, len)))
			return -EINVAL;
	}
	if (inet->sk.omem_alloc + size > sock_limits(inet->sk.net)->optmem_max)
		return -ENOBUFS;
	x = replaced(cpu_mem(cpu), inet->v6->txopts, which(name), p, size, &empty);
	if (!x && !empty)
		return -ENOBUFS;
	install(cpu, inet, x);
	return 0;
}

int inet6_txopts_get(const struct inet_sock *inet, int name, void *val, socklen_t *len)
{
	const struct ip6_txopts *x = inet->v6->txopts;
	enum ip6_txopt w = which(name);

	*len = MIN(*len, x ? (socklen_t)x->len[w] : 0);
	if (*len)
		memcpy(val, ip6_txopts_at(x, w), *len);
	return 0;
}

void inet6_txopts_free(struct cpu *cpu, struct inet_sock *inet)
{
	if (!inet->v6->txopts)
		return;
	inet->sk.omem_alloc -= total_len(inet->v6->txopts);
	mem_free(cpu_mem(cpu), inet->v6->txopts);
	inet->v6->txopts = NULL;
}

int inet6_txopts_copy(struct cpu *cpu, struct inet_sock *to, const struct inet_sock *from)
{
	u32 n = total_len(from->v6->txopts);

	to->v6->txopts = NULL;
	if (!n)
		return 0;
	if (!(to->v6->txopts = mem_alloc(cpu_mem(cpu), sizeof *to->v6->txopts + n)))
		return -ENOMEM;
	memcpy(to->v6->txopts, from->v6->txopts, sizeof *to->v6->txopts + n);
	to->sk.omem_alloc += n;
	return 0;
}

int inet6_txopts_cmsg(struct cpu *cpu, int type, const u8 *data, size_t len, struct ip6_txopts **xp)
{
	struct ip6_txopts *x = *xp;
	bool old_form = type == IPV6_2292HOPOPTS || type == IPV6_2292DSTOPTS || type == IPV6_2292RTHDR, empty;
	enum ip6_txopt w = type == IPV6_2292HOPOPTS ? IP6_TX_HOPOPT : type == IPV6_2292RTHDR ? IP6_TX_RTHDR : (enum ip6_txopt)which(type);
	u32 size;

	if (len < 2)
		return -EINVAL;
	if (w == IP6_TX_RTHDR) /* segment routing's are refused: the header's length must be twice the segments left, and is more */
		return -EINVAL;
	if (x && x->len[w] && (w == IP6_TX_HOPOPT || old_form))
		return -EINVAL;
	size = (data[1] + 1u) * 8;
	if (size > len)
		return -EINVAL;
	if (!caller_net_raw(cpu))
		return -EPERM;
	if (!(x = replaced(cpu_mem(cpu), *xp, w, data, size, &empty)))
		return -ENOBUFS;
	mem_free(cpu_mem(cpu), *xp);
	*xp = x;
	return 0;
}

/* IPV6_2292PKTOPTIONS: control messages that are to go with every packet. */
int inet6_txopts_2292(struct cpu *cpu, struct inet_sock *inet, const void *val, socklen_t len)
{
	struct msghdr m = { .msg_control = (void *)(uintptr_t)val, .msg_controllen = len };
	struct inet_cmsgs c;
	int err;

	if (len > 64 * 1024)
		return -EINVAL;
	inet_cmsgs_init(inet, &c);
	err = len ? inet_cmsgs_parse(cpu, inet, &m, &c) : 0;
	if (err) {
		mem_free(cpu_mem(cpu), c.txopts6);
		return err;
	}
	install(cpu, inet, c.txopts6);
	return 0;
}

int inet6_txopts_merge(struct cpu *cpu, const struct ip6_txopts *lease, const struct ip6_txopts *own, struct ip6_txopts **out)
{
	u32 n = total_len(lease);
	bool empty;
	struct ip6_txopts *x;

	if (own && own->len[IP6_TX_DST1OPT]) {
		x = replaced(cpu_mem(cpu), lease, IP6_TX_DST1OPT, ip6_txopts_at(own, IP6_TX_DST1OPT), own->len[IP6_TX_DST1OPT], &empty);
	} else {
		x = mem_alloc(cpu_mem(cpu), sizeof *x + n);
		if (x)
			memcpy(x, lease, sizeof *x + n);
	}
	*out = x;
	return x ? 0 : -ENOBUFS;
}
