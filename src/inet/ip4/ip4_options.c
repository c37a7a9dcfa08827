/* IPv4 options (RFC 791, 1108 left out, 2113): checked, carried out on the way, echoed in answers, built into own packets.
 *
 * Record route, timestamp and source routes write addresses into the packet: at arrival the one that the packet reached us by, and
 * when it is forwarded, the one of the device it leaves by. Source routes are refused unless accept_source_route says otherwise.
 * A malformed option is answered with "parameter problem".
 */
#include "inet/ip4/ip4_priv.h"

struct compile {
	struct netns *net;
	struct ip4_opts *o;
	bool from_user;
	const struct sk_buff *skb; /* a received packet, whose recording options are filled in; else NULL */
	be32 here;		   /* our address for that */
	u32 ms;			   /* time of day, for timestamps */
};

static u32 ms_of_day(struct cpu *cpu, struct netns *net)
{
	const struct world_ops *ops = net->world->ops;
	return (u32)((ops && ops->realtime ? ops->realtime(net->world->host, cpu->now) : cpu->now) / NSEC_PER_MSEC % 86400000u);
}

/* Each returns the offending byte, or NULL. p: the option, len bytes. */
static u8 *source_route(struct compile *c, u8 *p, u8 len)
{
	struct ip4_opts *o = c->o;
	if (len < 3)
		return p + 1;
	if (p[2] < 4)
		return p + 2;
	if (o->srr)
		return p;
	if (c->from_user) {
		if (p[2] != 4 || len < 7 || (len - 3) & 3)
			return p + 1;
		memcpy(&o->faddr, p + 3, 4);
		if (len > 7)
			memmove(p + 3, p + 7, len - 7u);
	}
	o->is_strictroute = p[0] == IP4_OPT_SSRR;
	o->srr = (u8)(p - o->data + IP4_HDR_LEN);
	return NULL;
}

static u8 *record_route(struct compile *c, u8 *p, u8 len)
{
	struct ip4_opts *o = c->o;
	if (o->rr)
		return p;
	if (len < 3)
		return p + 1;
	if (p[2] < 4)
		return p + 2;
	if (p[2] <= len) {
		if (p[2] + 3 > len)
			return p + 2;
		if (c->skb) {
			memcpy(p + p[2] - 1, &c->here, 4);
			o->is_changed = true;
		}
		if (c->skb || c->from_user)
			p[2] += 4;
		o->rr_needaddr = true;
	}
	o->rr = (u8)(p - o->data + IP4_HDR_LEN);
	return NULL;
}

static u8 *timestamp(struct compile *c, u8 *p, u8 len)
{
	struct ip4_opts *o = c->o;
	u8 kind, *at = NULL;
	if (o->ts)
		return p;
	if (len < 4)
		return p + 1;
	if (p[2] < 5)
		return p + 2;
	kind = p[3] & 15;
	if (p[2] <= len) {
		u8 need = kind == IP4_OPT_TS_TSANDADDR || kind == IP4_OPT_TS_PRESPEC ? 7 : 3;
		struct inaddr a;
		be32 v4;
		if (p[2] + need > len)
			return p + 2;
		if (kind == IP4_OPT_TS_TSONLY) {
			at = p + p[2] - 1;
			o->ts_needtime = true;
		} else if (kind == IP4_OPT_TS_TSANDADDR) {
			if (c->skb)
				memcpy(p + p[2] - 1, &c->here, 4);
			at = p + p[2] + 3;
			o->ts_needaddr = o->ts_needtime = true;
		} else if (kind == IP4_OPT_TS_PRESPEC) {
			memcpy(&v4, p + p[2] - 1, 4);
			a = inaddr_from_v4(v4);
			if (fib_addr_type(c->net, NULL, &a) == RTN_UNICAST) {
				o->ts = (u8)(p - o->data + IP4_HDR_LEN);
				return NULL; /* somebody else's turn */
			}
			at = p + p[2] + 3;
			o->ts_needtime = true;
		}
		if (at && (c->skb || c->from_user))
			p[2] = (u8)(p[2] + (kind == IP4_OPT_TS_TSONLY ? 4 : 8));
		if (at && c->skb) {
			be32 t = cpu_to_be32(c->ms);
			memcpy(at, &t, 4);
			o->is_changed = true;
		}
	} else if (kind != IP4_OPT_TS_PRESPEC) {
		if (p[3] >> 4 == 15)
			return p + 3;
		if (c->skb) {
			p[3] += 16; /* one more host had no room */
			o->is_changed = true;
		}
	}
	o->ts = (u8)(p - o->data + IP4_HDR_LEN);
	return NULL;
}

/* CIPSO (FIPS 188): a security label of a domain, and no domain is known here. */
static u8 *cipso(struct compile *c, u8 *p, u8 len)
{
	struct ip4_opts *o = c->o;
	if (o->cipso)
		return p;
	o->cipso = (u8)(p - o->data + IP4_HDR_LEN);
	return len < 8 ? p + 1 : p + 2;
}

static int compile(struct compile *c, u32 *info)
{
	struct ip4_opts *o = c->o;
	u8 *bad = NULL;
	unsigned left = o->len;
	for (u8 *p = o->data; left && !bad;) {
		u8 len;
		if (*p == IP4_OPT_END) {
			for (; left; left--, p++) {
				o->is_changed |= *p != IP4_OPT_END;
				*p = IP4_OPT_END;
			}
			break;
		}
		if (*p == IP4_OPT_NOP) {
			p++;
			left--;
			continue;
		}
		if (left < 2 || p[1] < 2 || p[1] > left) {
			bad = p;
			break;
		}
		len = p[1];
		switch (*p) {
		case IP4_OPT_LSRR:
		case IP4_OPT_SSRR:
			bad = source_route(c, p, len);
			break;
		case IP4_OPT_RR:
			bad = record_route(c, p, len);
			break;
		case IP4_OPT_TIMESTAMP:
			bad = timestamp(c, p, len);
			break;
		case IP4_OPT_RA:
			if (len < 4)
				bad = p + 1;
			else if (!p[2] && !p[3])
				o->router_alert = (u8)(p - o->data + IP4_HDR_LEN);
			break;
		case IP4_OPT_CIPSO:
			bad = cipso(c, p, len);
			break;
		default: /* passed on as they are */
			break;
		}
		left -= len;
		p += len;
	}
	if (bad && info)
		*info = (u32)(bad - o->data) + IP4_HDR_LEN;
	return bad ? -EINVAL : 0;
}

int ip4_opts_compile(struct netns *net, struct ip4_opts *o, u32 *info, bool from_user)
{
	struct compile c = { .net = net, .o = o, .from_user = from_user };
	if (o->len > sizeof(o->data))
		return -EINVAL;
	if (from_user)
		while (o->len & 3)
			o->data[o->len++] = IP4_OPT_END;
	return compile(&c, info);
}

/* -- received packets -- */

static be32 here(struct cpu *cpu, struct netns *net, const struct sk_buff *skb)
{
	const struct ip4_hdr *ip = ip4_header(skb);
	if (skb->dst && skb->dst->type == RTN_LOCAL)
		return ip->daddr;
	return ip4_select_saddr(net, skb->dev, ip->saddr, RT_SCOPE_UNIVERSE);
}

/* The next hop of a source route becomes the destination, or, when we are it already, the one behind. False: not to be followed. */
static bool follow_source_route(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct ip4_opts *o)
{
	struct ip4_hdr *ip = ip4_header(skb);
	u8 *p = (u8 *)ip + o->srr;
	unsigned at;
	bool changed = false;
	be32 hop;

	if (skb->pkt_type != PACKET_HOST)
		return false;
	if (skb->dst->type == RTN_UNICAST) {
		if (!o->is_strictroute)
			return true;
		icmp4_send(cpu, skb, ICMP4_PARAM_PROBLEM, 0, BE32(16u << 24));
		return false;
	}
	if (skb->dst->type != RTN_LOCAL)
		return false;
	for (at = p[2]; at <= p[1]; at += 4) {
		be32 old = ip->daddr;
		if (at + 3 > p[1]) {
			icmp4_send(cpu, skb, ICMP4_PARAM_PROBLEM, 0, cpu_to_be32((o->srr + 2u) << 24));
			return false;
		}
		memcpy(&hop, p + at - 1, 4);
		skb_dst_drop(skb);
		ip->daddr = hop;
		if (ip4_route_input(cpu, net, skb) != SKB_NOT_DROPPED || (skb->dst->type != RTN_UNICAST && skb->dst->type != RTN_LOCAL)) {
			ip->daddr = old;
			return false;
		}
		if (skb->dst->type != RTN_LOCAL) {
			ip->daddr = old;
			break;
		}
		changed = true; /* one of our own addresses: go on */
	}
	if (at <= p[1]) {
		IP4_CB(skb)->srr_hit = true;
		IP4_CB(skb)->nexthop = hop;
		changed = true;
	}
	if (changed)
		IP4_CB(skb)->flags |= IP4CB_OPTS_CHANGED;
	return true;
}

/* For those who forward or answer it. */
static void keep(struct ip4_cb *cb, const struct ip4_opts *o)
{
	cb->optlen = o->len;
	cb->srr = o->srr;
	cb->rr = o->rr;
	cb->ts = o->ts;
	cb->ra = o->router_alert;
	cb->cipso = o->cipso;
	cb->strict = o->is_strictroute;
	cb->flags |= (o->rr_needaddr ? IP4CB_RR_ADDR : 0) | (o->ts_needaddr ? IP4CB_TS_ADDR : 0) | (o->ts_needtime ? IP4CB_TS_TIME : 0) |
		     (o->is_changed ? IP4CB_OPTS_CHANGED : 0);
}

bool ip4_options_rx(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	struct ip4_opts o = { .len = (u8)(ip4_hlen(ip4_header(skb)) - IP4_HDR_LEN) };
	struct compile c = { .net = net, .o = &o, .skb = skb, .here = here(cpu, net, skb), .ms = ms_of_day(cpu, net) };
	struct ip4_cb *cb = IP4_CB(skb);
	struct in_device *idev = in_dev_get(skb->dev);
	u32 info = 0;
	int err;

	if (!skb_writable_head(cpu, skb, skb_headroom(skb), o.len + IP4_HDR_LEN)) {
		mib_inc(cpu, net, MIB_Ip_InDiscards);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_NOMEM);
		return false;
	}
	memcpy(o.data, ip4_header(skb) + 1, o.len);
	err = compile(&c, &info);
	if (o.is_changed)
		memcpy(ip4_header(skb) + 1, o.data, o.len);
	keep(cb, &o);
	if (err) {
		mib_inc(cpu, net, MIB_Ip_InHdrErrors);
		icmp4_send(cpu, skb, ICMP4_PARAM_PROBLEM, 0, cpu_to_be32(info << 24));
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_IP_INHDR);
		return false;
	}
	if (!o.srr)
		return true;
	if ((idev && !(idev->on & IN_DEV_SOURCE_ROUTE)) || !follow_source_route(cpu, net, skb, &o)) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_IP_OPTIONS);
		return false;
	}
	return true;
}

void ip4_options_forward(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	struct ip4_cb *cb = IP4_CB(skb);
	struct ip4_hdr *ip = ip4_header(skb);
	be32 out = ip4_select_saddr(net, skb->dst->dev, (be32){ 0 }, RT_SCOPE_UNIVERSE);
	bool changed = cb->flags & IP4CB_OPTS_CHANGED;
	u8 *p;

	if (skb->dst->prefsrc.w[3])
		out = inaddr_v4(&skb->dst->prefsrc);
	if (cb->flags & IP4CB_RR_ADDR) {
		p = (u8 *)ip + cb->rr;
		memcpy(p + p[2] - 5, &out, 4);
		changed = true;
	}
	if (cb->srr_hit) {
		p = (u8 *)ip + cb->srr;
		for (unsigned at = p[2]; at + 3u <= p[1]; at += 4) {
			be32 hop;
			memcpy(&hop, p + at - 1, 4);
			if (!be32_eq(hop, cb->nexthop))
				continue;
			memcpy(p + at - 1, &out, 4);
			ip->daddr = cb->nexthop;
			p[2] = (u8)(at + 4);
			break;
		}
		changed = true;
	}
	if (cb->flags & IP4CB_TS_ADDR && cb->srr_hit) { /* as Linux has it: else the address where it came in stays */
		p = (u8 *)ip + cb->ts;
		memcpy(p + p[2] - 9, &out, 4);
		changed = true;
	}
	if (changed)
		ip4_set_csum(ip);
}

/* -- answers and own packets -- */

static void echo_source_route(const u8 *p, const struct ip4_hdr *ip, struct ip4_opts *out)
{
	u8 *q = out->data + out->len;
	unsigned at = MIN((unsigned)p[2], p[1] + 1u), n = 0;
	be32 first = { 0 }, hop = { 0 };
	/* The way back: the hops passed, last one first; the sender becomes the end. */
	for (; at >= 8; at -= 4) {
		memcpy(&hop, p + at - 5, 4);
		if (!n++) {
			first = hop;
			continue;
		}
		memcpy(q + 3 + (n - 2) * 4, &hop, 4);
	}
	if (n && be32_eq(hop, ip->saddr)) /* the sender as the first hop: RFC 1812 section 4.2.2.6 */
		n--;
	if (!n)
		return;
	memcpy(q + 3 + (n - 1) * 4, &ip->saddr, 4);
	q[0] = p[0];
	q[1] = (u8)(3 + n * 4);
	q[2] = 4;
	out->faddr = first;
	out->srr = (u8)(IP4_HDR_LEN + out->len);
	out->is_strictroute = p[0] == IP4_OPT_SSRR;
	out->len = (u8)(out->len + q[1]);
}

/* The timestamp option of an answer: room for our address and time, where the question had them from us. -EINVAL: there is none. */
static int echo_timestamp(struct netns *net, const struct ip4_opts *in, u8 *p, struct ip4_opts *out)
{
	unsigned next = p[2], len = p[1];
	if (next > len)
		return 0;
	if (in->ts_needaddr) {
		if (next + 3 > len)
			return -EINVAL;
		out->ts_needaddr = true;
		next += 4;
	}
	if (in->ts_needtime) {
		struct inaddr a;
		be32 v4;
		if (next + 3 > len)
			return -EINVAL;
		if ((p[3] & 15) != IP4_OPT_TS_PRESPEC) {
			out->ts_needtime = true;
			next += 4;
		} else if (next + 7 <= len) { /* whose turn is next */
			memcpy(&v4, p + next - 1, 4);
			a = inaddr_from_v4(v4);
			if (fib_addr_type(net, NULL, &a) != RTN_UNICAST) {
				out->ts_needtime = true;
				next += 8;
			}
		}
	}
	p[2] = (u8)next;
	return 0;
}

int ip4_opts_echo(struct netns *net, const struct ip4_opts *in, const struct ip4_hdr *ip, struct ip4_opts *out)
{
	u8 *p;
	*out = (struct ip4_opts){ .len = 0 };
	if (in->rr) {
		const u8 *q = in->data + in->rr - IP4_HDR_LEN;
		p = out->data + out->len;
		out->rr = (u8)(IP4_HDR_LEN + out->len);
		memcpy(p, q, q[1]);
		if (in->rr_needaddr && q[2] <= q[1]) {
			if (q[2] + 3 > q[1])
				return -EINVAL;
			p[2] += 4;
			out->rr_needaddr = true;
		}
		out->len = (u8)(out->len + q[1]);
	}
	if (in->ts) {
		const u8 *q = in->data + in->ts - IP4_HDR_LEN;
		p = out->data + out->len;
		out->ts = (u8)(IP4_HDR_LEN + out->len);
		memcpy(p, q, q[1]);
		if (echo_timestamp(net, in, p, out))
			return -EINVAL;
		out->len = (u8)(out->len + q[1]);
	}
	if (in->srr)
		echo_source_route(in->data + in->srr - IP4_HDR_LEN, ip, out);
	if (in->cipso) {
		const u8 *q = in->data + in->cipso - IP4_HDR_LEN;
		memcpy(out->data + out->len, q, q[1]);
		out->len = (u8)(out->len + q[1]);
	}
	while (out->len & 3)
		out->data[out->len++] = IP4_OPT_END;
	return 0;
}

int ip4_opts_answer(struct netns *net, const struct sk_buff *skb, struct ip4_opts *out)
{
	const struct ip4_cb *cb = (const struct ip4_cb *)skb->cb;
	const struct ip4_hdr *ip = ip4_header(skb);
	struct ip4_opts in = { .len = cb->optlen, .srr = cb->srr, .rr = cb->rr, .ts = cb->ts, .cipso = cb->cipso, .is_strictroute = cb->strict,
			       .rr_needaddr = cb->flags & IP4CB_RR_ADDR, .ts_needaddr = cb->flags & IP4CB_TS_ADDR, .ts_needtime = cb->flags & IP4CB_TS_TIME };
	memcpy(in.data, ip + 1, in.len);
	return ip4_opts_echo(net, &in, ip, out);
}

/* Writes o behind the header at `to`: the final destination into a source route, our address and the time where they are asked for. */
u32 ip4_options_build(struct cpu *cpu, struct netns *net, u8 *to, const struct ip4_opts *o, be32 daddr, be32 saddr)
{
	u32 len = ALIGN_UP((u32)o->len, 4u);
	memset(to, IP4_OPT_END, len);
	memcpy(to, o->data, o->len);
	if (o->srr) {
		u8 *p = to + o->srr - IP4_HDR_LEN;
		memcpy(p + p[1] - 4, &daddr, 4);
	}
	if (o->rr_needaddr) {
		u8 *p = to + o->rr - IP4_HDR_LEN;
		if (p[2] >= 8 && p[2] - 1 <= p[1])
			memcpy(p + p[2] - 5, &saddr, 4);
	}
	if (o->ts_needaddr || o->ts_needtime) {
		u8 *p = to + o->ts - IP4_HDR_LEN;
		be32 t = cpu_to_be32(ms_of_day(cpu, net));
		if (o->ts_needaddr && p[2] >= 13 && p[2] - 1 <= p[1])
			memcpy(p + p[2] - 9, &saddr, 4);
		if (o->ts_needtime && p[2] >= 9 && p[2] - 1 <= p[1])
			memcpy(p + p[2] - 5, &t, 4);
	}
	return len;
}
