/* IPv4's side of multicast forwarding: which packets go there, how one leaves, what a program reads, PIM's register messages.
 *
 * From: dst->input of a group on a device with mc_forwarding (ip4_route.c), which packets of our own reach looped back (ip4_tx.c).
 * To: inet/mroute/, and from there by xmit() to the FORWARD hook and ip4_output.
 * A program reads its reports from its raw IGMP socket: an IP header whose protocol is 0 and whose first bytes are a struct igmpmsg
 * (linux/mroute.h). RFC 7761 for PIM.
 */
#include <netinet/in.h>
#include <linux/mroute.h>
#include <linux/netconf.h>

#include "inet/ip4/ip4_tables.h"
#include "inet/ip4/ip4_priv.h"
#include "inet/mroute/mroute.h"
#include "core/proc.h"

static u8 ttl_of(const struct sk_buff *skb) { return ip4_header(skb)->ttl; }

static void addrs(const struct sk_buff *skb, struct inaddr *origin, struct inaddr *group)
{
	*origin = inaddr_from_v4(ip4_header(skb)->saddr);
	*group = inaddr_from_v4(ip4_header(skb)->daddr);
}

/* -- in -- */

/* Passing by, but for somebody here: router alerts, and IGMP messages of hosts too old to send them so. True: consumed. */
static bool overheard(struct cpu *cpu, struct netns *net, struct mr_table *t, struct sk_buff *skb)
{
	const struct l4_raw_ops *raw = net->inet->raw;
	u8 proto = ip4_header(skb)->protocol;
	if (!raw)
		return false;
	if (IP4_CB(skb)->ra)
		return ip4_router_alert(cpu, net, skb);
	if (proto != IPPROTO_IGMP || !t->sk)
		return false;
	raw->queue(cpu, t->sk, skb);
	return true;
}

void ip4_mr_input(struct cpu *cpu, struct sk_buff *skb)
{
	const struct ip4_hdr *ip = ip4_header(skb);
	struct netns *net = skb->dev->net;
	struct in_device *idev = in_dev_get(skb->dev);
	bool local = !idev || ip4_mc_wants(idev, ip->daddr, ip->saddr, ip->protocol);
	struct mr_table *t;

	if (v4_is_local_group(ip->daddr)) {
		ip4_local_deliver(cpu, skb);
		return;
	}
	t = mr_table_of(cpu, net, &ip4_mr_family, skb->pkt_type == PACKET_LOOPBACK ? net->dev->loopback->ifindex : skb->dev->ifindex,
			skb->pkt_type == PACKET_LOOPBACK ? skb->dev->ifindex : 0, skb->mark);
	if (!t) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_NOT_SPECIFIED);
		return;
	}
	if (!local && overheard(cpu, net, t, skb))
		return;
	mr_input(cpu, t, skb, local);
}

/* -- out -- */

static void xmit(struct cpu *cpu, struct mr_table *t, struct sk_buff *skb, struct mr_vif *v)
{
	struct netns *net = t->net;
	struct net_device *in = skb->dev, *dev = v->dev;
	struct in_device *idev = in_dev_get(dev);
	struct dst *d = idev && dev->flags & IFF_UP ? ip4_dev_dst(cpu, idev, RTN_MULTICAST) : NULL;
	u32 room = (u32)dev->hard_header_len + dev->needed_headroom, mtu = dev->mtu;

	if (!d) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_NOT_SPECIFIED);
		return;
	}
	if (skb->len > mtu && ip4_has_df(ip4_header(skb)) && !skb_is_gso(skb)) {
		/* To a group no error is sent. */
		mib_inc(cpu, net, MIB_Ip_FragFails);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_NOT_SPECIFIED);
		return;
	}
	if ((skb_cloned(skb) || skb_headroom(skb) < room) && !skb_cow_head(cpu, skb, ALIGN_UP(room, 16u))) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_NOT_SPECIFIED);
		return;
	}
	v->pkts_out++;
	v->bytes_out += skb->len;
	skb_dst_drop(skb);
	dst_hold(d);
	skb_dst_set(skb, d);
	if (skb->ip_summed == CHECKSUM_COMPLETE)
		skb->ip_summed = CHECKSUM_NONE;
	ip4_dec_ttl(ip4_header(skb));
	IP4_CB(skb)->flags |= IP4CB_FORWARDED;
	if (hook_run(cpu, net, NFPF_IPV4, NFH_FORWARD, skb, in, dev) != HOOK_ACCEPT)
		return;
	mib_inc(cpu, net, MIB_Ip_ForwDatagrams);
	if (unlikely(IP4_CB(skb)->optlen))
		ip4_options_forward(cpu, net, skb);
	skb->tstamp = 0;
	skb->dst->output(cpu, skb);
}

/* -- what programs are told -- */

static struct sk_buff *report(struct cpu *cpu, struct mr_table *t, struct sk_buff *skb, u32 vif, enum mr_report why)
{
	const struct ip4_hdr *ip = ip4_header(skb);
	bool whole = why == MR_WHOLEPKT || why == MR_WRVIFWHOLE;
	struct igmpmsg *im;
	struct ip4_hdr *h;
	struct sk_buff *m;

	if (whole) {
		/* The packet as it is, behind a header like its own. */
		m = skb_copy(cpu, skb, IP4_HDR_LEN + SKB_HEADROOM);
		if (!m)
			return NULL;
		skb_push(m, (u32)(skb->data - skb_network_header(skb)) + IP4_HDR_LEN);
		memcpy(m->data, ip, IP4_HDR_LEN);
		h = (struct ip4_hdr *)m->data;
		h->ver_ihl = 0x45;
		h->tot_len = cpu_to_be16((u16)(ip4_tot_len(ip) + IP4_HDR_LEN));
	} else {
		u32 hlen = ip4_hlen(ip);
		m = skb_alloc(cpu, SKB_HEADROOM, hlen + 8);
		if (!m)
			return NULL;
		memcpy(skb_put(m, hlen + 8), ip, hlen);
		memset(m->data + hlen, 0, 8);
		m->data[hlen] = (u8)why; /* an IGMP header of sorts */
		h = (struct ip4_hdr *)m->data;
		h->protocol = 0; /* tells a report from an IGMP message */
		h->tot_len = cpu_to_be16((u16)m->len);
	}
	skb_reset_network_header(m);
	skb_reset_transport_header(m);
	im = (struct igmpmsg *)m->data;
	im->im_msgtype = (u8)why;
	im->im_mbz = whole ? 0 : im->im_mbz;
	im->im_vif = (u8)vif;
	im->im_vif_hi = (u8)(vif >> 8);
	m->protocol = BE16(0x0800);
	m->dev = skb->dev;
	m->skb_iif = skb->dev->ifindex;
	return m;
}

/* -- settings -- */

static void conf(struct cpu *cpu, struct netns *net, struct net_device *dev, int by)
{
	struct in_device *idev = dev ? in_dev_get(dev) : NULL;
	if (dev && !idev)
		return;
	*(dev ? &idev->conf[IP4_CONF_MC_FORWARDING] : &net->ip4->conf_all[IP4_CONF_MC_FORWARDING]) += by;
	ip4_conf_recompute_all(net);
	fib_genid_bump(net);
	event_send(cpu, net, EV_NETCONF, dev, NETCONFA_MC_FORWARDING);
}

/* -- options and ioctls -- */

static int vif_opt(struct cpu *cpu, struct mr_table *t, bool is_static, bool add, const void *val, u32 len)
{
	struct mr_vif_config c;
	struct vifctl v;
	if (len != sizeof(v))
		return -EINVAL;
	memcpy(&v, val, sizeof(v));
	if (v.vifc_vifi >= MR_VIFS)
		return -ENFILE;
	if (!add)
		return mr_vif_del(cpu, t, v.vifc_vifi);
	c = (struct mr_vif_config){ .vif = v.vifc_vifi, .flags = v.vifc_flags, .threshold = v.vifc_threshold, .rate_limit = v.vifc_rate_limit,
				    .local = { v.vifc_lcl_addr.s_addr }, .remote = { v.vifc_rmt_addr.s_addr }, .is_static = is_static };
	switch (v.vifc_flags) {
	case VIFF_REGISTER:
		c.is_register = true;
		break;
	case VIFF_TUNNEL: /* of DVMRP's time: no kernel without tunl0 makes one */
		return t->vif[c.vif].dev ? -EADDRINUSE : -ENOBUFS;
	case VIFF_USE_IFINDEX:
		c.dev = dev_by_index(t->net, v.vifc_lcl_ifindex);
		c.local = (be32){ (u32)v.vifc_lcl_ifindex };
		break;
	case 0:
		c.dev = ip4_dev_by_addr(t->net, c.local);
		break;
	default:
		return t->vif[c.vif].dev ? -EADDRINUSE : -EINVAL;
	}
	return mr_vif_add(cpu, t, &c);
}

static void entry_read(const void *val, struct mr_entry_config *c, u8 ttl[MR_VIFS])
{
	struct mfcctl m;
	_Static_assert(MAXVIFS == MR_VIFS, "as many ttls");
	memcpy(&m, val, sizeof(m));
	c->origin = inaddr_from_v4((be32){ m.mfcc_origin.s_addr });
	c->group = inaddr_from_v4((be32){ m.mfcc_mcastgrp.s_addr });
	c->parent = m.mfcc_parent;
	memcpy(ttl, m.mfcc_ttls, MR_VIFS);
}

static void sg_read(const void *arg, struct inaddr *origin, struct inaddr *group)
{
	struct sioc_sg_req sg;
	memcpy(&sg, arg, sizeof(sg));
	*origin = inaddr_from_v4((be32){ sg.src.s_addr });
	*group = inaddr_from_v4((be32){ sg.grp.s_addr });
}

static bool dev_ready(struct net_device *dev) { return in_dev_get_or_new(dev) != NULL; }

const struct mr_family ip4_mr_family = {
	.family = AF_INET, .rtnl_family = RTNL_FAMILY_IPMR, .default_table = RT_TABLE_DEFAULT, .reg_name = "pimreg",
	.reg_mtu = 1500 - IP4_HDR_LEN - 8, .ttl = ttl_of, .addrs = addrs, .deliver = ip4_local_deliver, .xmit = xmit, .report = report,
	.conf = conf, .dev_ready = dev_ready, .exact_len = true, .table_max = 1000000000 /* "pimreg%u" */, .entry_len = sizeof(struct mfcctl),
	.sg_len = sizeof(struct sioc_sg_req), .entry_read = entry_read, .sg_read = sg_read, .vif_opt = vif_opt,
};

/* -- PIM register messages: what they carry comes in by the register vif -- */

enum { PIM_REGISTER_HDR = 8, PIM_V2_REGISTER = 0x21, PIM_NULL_REGISTER = 0x40 };

static void pim_rx(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	const struct ip4_hdr *inner;
	struct mr_table *t;
	const u8 *h;
	u32 len;

	if (!pskb_may_pull(cpu, skb, PIM_REGISTER_HDR + IP4_HDR_LEN))
		goto drop;
	h = skb->data;
	/* The sum is over the first 8 bytes; old senders summed all. */
	if (h[0] != PIM_V2_REGISTER || h[4] & PIM_NULL_REGISTER ||
	    (csum_fold(csum_partial(h, PIM_REGISTER_HDR, 0)) && csum_fold(skb_checksum(skb, 0, skb->len, 0))))
		goto drop;
	t = mr_table_of(cpu, net, &ip4_mr_family, skb->dev->ifindex, 0, skb->mark);
	inner = (const struct ip4_hdr *)(h + PIM_REGISTER_HDR);
	len = ip4_tot_len(inner);
	if (!t || !v4_is_multicast(inner->daddr) || !len || len + PIM_REGISTER_HDR > skb->len)
		goto drop;
	skb_pull(skb, PIM_REGISTER_HDR);
	mr_register_rx(cpu, t, skb, BE16(0x0800));
	return;
drop:
	skb_drop_net(cpu, net, skb, SKB_DROP_REASON_NOT_SPECIFIED);
}
const struct l4_proto pim4_proto = { .name = "PIM", .proto = IPPROTO_PIM, .families = 1, .rx = pim_rx };

/* -- /proc/net -- */

static void vifs(struct netns *net, struct strbuf *out) { mr_proc_vifs(net, &ip4_mr_family, out); }
static void entries(struct netns *net, struct strbuf *out) { mr_proc_entries(net, &ip4_mr_family, out); }
const struct proc_file ip4_proc_mr_vif = { .name = "ip_mr_vif", .mode = 0444, .show = vifs };
const struct proc_file ip4_proc_mr_cache = { .name = "ip_mr_cache", .mode = 0444, .show = entries };
