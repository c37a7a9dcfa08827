/* IPv6's side of multicast forwarding: how a packet gets there and leaves, what a program reads, PIM's register messages.
 *
 * From: ip6_local.c, while a program forwards (conf/all/mc_forwarding); packets of our own come looped back (ip6_tx.c). To: inet/mroute/,
 * and from there by xmit() to the FORWARD hook and ip6_output.
 * A program reads its reports from its raw ICMPv6 socket: a struct mrt6msg (linux/mroute6.h), whose first byte, 0, no ICMPv6 type has.
 */
#include <netinet/in.h>
#include <linux/mroute6.h>
#include <linux/netconf.h>

#include "core/proc.h"
#include "inet/ip6/ip6_priv.h"
#include "inet/ip6/ip6_tables.h"
#include "inet/mroute/mroute.h"

static u8 ttl_of(const struct sk_buff *skb) { return ip6_header(skb)->hop_limit; }

static void addrs(const struct sk_buff *skb, struct inaddr *origin, struct inaddr *group)
{
	*origin = ip6_src(skb);
	*group = ip6_dst(skb);
}

void ip6_mr_input(struct cpu *cpu, struct sk_buff *skb)
{
	struct netns *net = skb->dev->net;
	struct mr_table *t = mr_table_of(cpu, net, &ip6_mr_family, skb->dev->ifindex, 0, skb->mark);
	if (!t) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_NOT_SPECIFIED);
		return;
	}
	mr_input(cpu, t, skb, false);
}

bool ip6_mr_socket(struct cpu *cpu, struct net_device *dev, const struct sk_buff *skb)
{
	struct netns *net = dev->net;
	struct mr_table *t;
	if (likely(net->ip6->conf_all.v[IP6_CONF_MC_FORWARDING] <= 0))
		return false;
	t = mr_table_of(cpu, net, &ip6_mr_family, net->dev->loopback->ifindex, dev->ifindex, skb->mark);
	return t && t->sk;
}

static void xmit(struct cpu *cpu, struct mr_table *t, struct sk_buff *skb, struct mr_vif *v)
{
	struct netns *net = t->net;
	struct net_device *in = skb->dev, *dev = v->dev;
	struct inet6_dev *idev = in6_dev_get(dev);
	struct dst *d = idev && dev->flags & IFF_UP ? ip6_dev_dst(cpu, idev, RTN_MULTICAST) : NULL;
	u32 room = (u32)dev->hard_header_len + dev->needed_headroom;

	if (!d || ((skb_cloned(skb) || skb_headroom(skb) < room) && !skb_cow_head(cpu, skb, ALIGN_UP(room, 16u)))) {
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
	ip6_header(skb)->hop_limit--;
	IP6_CB(skb)->flags |= IP6CB_FORWARDED;
	if (hook_run(cpu, net, NFPF_IPV6, NFH_FORWARD, skb, in, dev) != HOOK_ACCEPT)
		return;
	mib6_inc(cpu, net, idev, MIB_Ip6_OutForwDatagrams);
	skb->tstamp = 0;
	skb->dst->output(cpu, skb);
}

static struct sk_buff *report(struct cpu *cpu, struct mr_table *t, struct sk_buff *skb, u32 vif, enum mr_report why)
{
	struct mrt6msg msg = { .im6_msgtype = (u8)why, .im6_mif = (u16)vif };
	struct sk_buff *m;
	memcpy(&msg.im6_src, ip6_header(skb)->saddr, 16);
	memcpy(&msg.im6_dst, ip6_header(skb)->daddr, 16);
	if (why == MR_WHOLEPKT || why == MR_WRVIFWHOLE) {
		m = skb_copy(cpu, skb, sizeof(msg) + SKB_HEADROOM);
		if (!m)
			return NULL;
		skb_push(m, (u32)(skb->data - skb_network_header(skb)));
		skb_reset_network_header(m);
		memcpy(skb_push(m, sizeof(msg)), &msg, sizeof(msg));
	} else {
		m = skb_alloc(cpu, SKB_HEADROOM, IP6_HDR_LEN + 2 * sizeof(msg));
		if (!m)
			return NULL;
		memcpy(skb_put(m, IP6_HDR_LEN), ip6_header(skb), IP6_HDR_LEN);
		skb_reset_network_header(m);
		memcpy(skb_put(m, sizeof(msg)), &msg, sizeof(msg));
		memset(skb_put(m, IP6_HDR_LEN), 0, IP6_HDR_LEN); /* so long is the message on Linux, and there is nothing more in it */
		skb_pull(m, IP6_HDR_LEN);
	}
	skb_reset_transport_header(m);
	m->protocol = BE16(0x86dd);
	m->dev = skb->dev;
	m->skb_iif = skb->dev->ifindex;
	return m;
}

static void conf(struct cpu *cpu, struct netns *net, struct net_device *dev, int by)
{
	struct inet6_dev *idev = dev ? in6_dev_get(dev) : NULL;
	if (dev && !idev)
		return;
	(dev ? &idev->conf : &net->ip6->conf_all)->v[IP6_CONF_MC_FORWARDING] += by;
	event_send(cpu, net, EV_NETCONF, dev, NETCONFA_MC_FORWARDING | NETCONF_EVENT_INET6);
}

static bool dev_ready(struct net_device *dev) { return true; }

/* -- options and ioctls -- */

static int mif_opt(struct cpu *cpu, struct mr_table *t, bool is_static, bool add, const void *val, u32 len)
{
	struct mr_vif_config c;
	struct mif6ctl m;
	mifi_t mif;
	if (!add) {
		if (len < sizeof(mif))
			return -EINVAL;
		memcpy(&mif, val, sizeof(mif));
		return mr_vif_del(cpu, t, mif);
	}
	if (len < sizeof(m))
		return -EINVAL;
	memcpy(&m, val, sizeof(m));
	if (m.mif6c_mifi >= MR_VIFS)
		return -ENFILE;
	c = (struct mr_vif_config){ .vif = m.mif6c_mifi, .flags = m.mif6c_flags, .threshold = m.vifc_threshold, .rate_limit = m.vifc_rate_limit,
				    .is_register = m.mif6c_flags == MIFF_REGISTER, .dev = dev_by_index(t->net, m.mif6c_pifi), .is_static = is_static };
	if (m.mif6c_flags && !c.is_register)
		return t->vif[c.vif].dev ? -EADDRINUSE : -EINVAL;
	return mr_vif_add(cpu, t, &c);
}

static void entry_read(const void *val, struct mr_entry_config *c, u8 ttl[MR_VIFS])
{
	struct mf6cctl m;
	memcpy(&m, val, sizeof(m));
	c->origin = inaddr_from_v6(&m.mf6cc_origin.sin6_addr);
	c->group = inaddr_from_v6(&m.mf6cc_mcastgrp.sin6_addr);
	c->parent = m.mf6cc_parent;
	for (u32 i = 0; i < MR_VIFS; i++)
		ttl[i] = IF_ISSET(i, &m.mf6cc_ifset) ? 1 : MR_TTL_OFF;
}

static void sg_read(const void *arg, struct inaddr *origin, struct inaddr *group)
{
	struct sioc_sg_req6 sg;
	memcpy(&sg, arg, sizeof(sg));
	*origin = inaddr_from_v6(&sg.src.sin6_addr);
	*group = inaddr_from_v6(&sg.grp.sin6_addr);
}

const struct mr_family ip6_mr_family = {
	.family = AF_INET6, .rtnl_family = RTNL_FAMILY_IP6MR, .default_table = RT_TABLE_MAIN, .reg_name = "pim6reg",
	.reg_mtu = 1500 - IP6_HDR_LEN - 8, .ttl = ttl_of, .addrs = addrs, .deliver = ip6_local_deliver, .xmit = xmit, .report = report,
	.conf = conf, .dev_ready = dev_ready, .table_max = 100000000 /* "pim6reg%u" */, .entry_len = sizeof(struct mf6cctl),
	.sg_len = sizeof(struct sioc_sg_req6), .entry_read = entry_read, .sg_read = sg_read, .vif_opt = mif_opt,
};

/* -- PIM register messages: what they carry comes in by the register vif -- */

enum { PIM_REGISTER_HDR = 8, PIM_V2_REGISTER = 0x21, PIM_NULL_REGISTER = 0x40 };

static void pim_rx(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	struct inaddr s = ip6_src(skb), d = ip6_dst(skb), group;
	const struct ip6_hdr *inner;
	struct mr_table *t;
	const u8 *h;
	u32 len;

	if (!pskb_may_pull(cpu, skb, PIM_REGISTER_HDR + IP6_HDR_LEN))
		goto drop;
	h = skb->data;
	/* The sum is over the first 8 bytes; old senders summed all. */
	if (h[0] != PIM_V2_REGISTER || h[4] & PIM_NULL_REGISTER ||
	    (csum_fold(csum_partial(h, PIM_REGISTER_HDR, csum_pseudo6(s.b, d.b, PIM_REGISTER_HDR, IPPROTO_PIM))) &&
	     csum_fold(skb_checksum(skb, 0, skb->len, 0))))
		goto drop;
	t = mr_table_of(cpu, net, &ip6_mr_family, skb->dev->ifindex, 0, skb->mark);
	inner = (const struct ip6_hdr *)(h + PIM_REGISTER_HDR);
	group = inaddr_from_v6(inner->daddr);
	len = ip6_payload_len(inner);
	if (!t || !v6_is_multicast(&group) || !len || len + PIM_REGISTER_HDR > skb->len)
		goto drop;
	skb_pull(skb, PIM_REGISTER_HDR);
	mr_register_rx(cpu, t, skb, BE16(0x86dd));
	return;
drop:
	skb_drop_net(cpu, net, skb, SKB_DROP_REASON_NOT_SPECIFIED);
}
const struct l4_proto pim6_proto = { .name = "PIM", .proto = IPPROTO_PIM, .families = 2, .rx = pim_rx };

/* -- /proc/net -- */

static void vifs(struct netns *net, struct strbuf *out) { mr_proc_vifs(net, &ip6_mr_family, out); }
static void entries(struct netns *net, struct strbuf *out) { mr_proc_entries(net, &ip6_mr_family, out); }
const struct proc_file ip6_proc_mr_vif = { .name = "ip6_mr_vif", .mode = 0444, .show = vifs };
const struct proc_file ip6_proc_mr_cache = { .name = "ip6_mr_cache", .mode = 0444, .show = entries };
