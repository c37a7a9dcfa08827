/* Spanning tree's messages on the wire: IEEE 802.3 frames with an 802.2 LLC header, sent to the bridges' group. IEEE 802.1D-1998 clause 9.
 */
#include "link/bridge/bridge.h"

#define LLC_LEN 3
#define LLC_SAP_BSPAN 0x42
#define CONFIG_LEN 35
#define TCN_LEN 4
#define CONFIG_HDR 4 /* protocol id, version, type */
enum { BPDU_CONFIG = 0x00, BPDU_TCN = 0x80 };
enum { FLAG_CHANGE = 0x01, FLAG_CHANGE_ACK = 0x80 };
#define MIN_FRAME 60 /* without the checksum */

struct config_wire {
	u8 flags;
	u8 root[8], cost[4], bridge[8], port[2], age[2], max_age[2], hello[2], delay[2];
} __packed_alias;
_Static_assert(sizeof(struct config_wire) == CONFIG_LEN - CONFIG_HDR, "9.3.1");

static u64 get(const u8 *p, unsigned n)
{
	u64 v = 0;
	while (n--)
		v = v << 8 | *p++;
	return v;
}
static void put(u8 *p, unsigned n, u64 v)
{
	for (; n--; v >>= 8)
		p[n] = (u8)v;
}
/* Times are in 1/256 s. */
static u64 get_time(const u8 *p) { return get(p, 2) * NSEC_PER_SEC / 256; }
static void put_time(u8 *p, u64 ns) { put(p, 2, MIN((ns * 256 + NSEC_PER_SEC / 2) / NSEC_PER_SEC, 0xffffull)); }

static void send_bpdu(struct cpu *cpu, struct br_port *p, u8 type, const void *body, u32 len)
{
	u32 payload = LLC_LEN + CONFIG_HDR + len;
	struct sk_buff *skb = skb_alloc(cpu, SKB_HEADROOM, MIN_FRAME);
	u8 *b;
	if (!skb)
		return;
	b = skb_put(skb, MIN_FRAME);
	memset(b, 0, MIN_FRAME);
	eth_build((struct eth_hdr *)b, p->br->group_addr, p->dev->dev_addr, (u16)payload);
	b += ETH_HDR_LEN;
	memcpy(b, (const u8[]){ LLC_SAP_BSPAN, LLC_SAP_BSPAN, 0x03 /* UI */, 0, 0, 0, type }, LLC_LEN + CONFIG_HDR);
	if (len)
		memcpy(b + LLC_LEN + CONFIG_HDR, body, len);
	skb->dev = p->dev;
	skb->protocol = BE16(ETH_P_802_2);
	skb->priority = 7; /* TC_PRIO_CONTROL */
	skb_reset_mac_header(skb);
	skb->network_header = (u16)(skb->mac_header + ETH_HDR_LEN);
	dev_queue_xmit(cpu, skb);
}

void br_stp_send_config(struct cpu *cpu, struct br_port *p, const struct br_config_bpdu *c)
{
	struct config_wire w = { .flags = (u8)((c->topology_change ? FLAG_CHANGE : 0) | (c->topology_change_ack ? FLAG_CHANGE_ACK : 0)) };
	if (!p->br->stp)
		return;
	put(w.root, 8, c->root);
	put(w.cost, 4, c->root_path_cost);
	put(w.bridge, 8, c->bridge);
	put(w.port, 2, c->port_id);
	put_time(w.age, c->message_age);
	put_time(w.max_age, c->max_age);
	put_time(w.hello, c->hello_time);
	put_time(w.delay, c->forward_delay);
	p->stp_stats.tx_bpdu++;
	send_bpdu(cpu, p, BPDU_CONFIG, &w, sizeof(w));
}

void br_stp_send_tcn(struct cpu *cpu, struct br_port *p)
{
	if (!p->br->stp)
		return;
	p->stp_stats.tx_tcn++;
	send_bpdu(cpu, p, BPDU_TCN, NULL, 0);
}

static void config(struct cpu *cpu, struct br_port *p, const struct config_wire *w, const u8 *src)
{
	struct br_config_bpdu c = { .topology_change = w->flags & FLAG_CHANGE, .topology_change_ack = w->flags & FLAG_CHANGE_ACK, .root = get(w->root, 8),
				    .root_path_cost = (u32)get(w->cost, 4), .bridge = get(w->bridge, 8), .port_id = (u16)get(w->port, 2),
				    .message_age = get_time(w->age), .max_age = get_time(w->max_age), .hello_time = get_time(w->hello),
				    .forward_delay = get_time(w->delay) };
	if (c.message_age > c.max_age) {
		world_log_limited(cpu, 6, "port %u config from %02x:%02x:%02x:%02x:%02x:%02x (message_age %llu > max_age %llu)", p->port_no, src[0], src[1],
				  src[2], src[3], src[4], src[5], (unsigned long long)(c.message_age / BR_TICKS_NS), (unsigned long long)(c.max_age / BR_TICKS_NS));
		return;
	}
	br_stp_config_received(cpu, p, &c);
}

void br_stp_rx(struct cpu *cpu, struct br_port *p, struct sk_buff *skb)
{
	static const u8 head[LLC_LEN + 3] = { LLC_SAP_BSPAN, LLC_SAP_BSPAN, 0x03, 0, 0, 0 };
	const u32 at = LLC_LEN + CONFIG_HDR;
	const struct eth_hdr *h;
	struct bridge *br = p->br;
	u8 src[ETH_ADDR_LEN];
	if (!be16_eq(skb->protocol, BE16(ETH_P_802_2)) || !pskb_may_pull(cpu, skb, at) || memcmp(skb->data, head, sizeof(head))) {
		skb_drop(cpu, skb, SKB_DROP_REASON_UNHANDLED_PROTO);
		return;
	}
	h = (const struct eth_hdr *)skb_mac_header(skb);
	if (!br->stp || !dev_running(br->dev) || p->state == BR_STATE_DISABLED || !eth_addr_eq(h->dst, br->group_addr)) {
		skb_drop(cpu, skb, SKB_DROP_REASON_NOT_SPECIFIED);
		return;
	}
	if (p->flags & BRP_BPDU_GUARD) {
		world_log(cpu->world, 6, "%s: BPDU received on blocked port %u(%s)", br->dev->name, p->port_no, p->dev->name);
		skb_consume(cpu, skb);
		br_stp_port_disable(cpu, p);
		return;
	}
	memcpy(src, h->src, ETH_ADDR_LEN);
	if (skb->data[at - 1] == BPDU_CONFIG && pskb_may_pull(cpu, skb, at + sizeof(struct config_wire)))
		config(cpu, p, (const struct config_wire *)(skb->data + at), src);
	else if (skb->data[at - 1] == BPDU_TCN)
		br_stp_tcn_received(cpu, p);
	trace_point(cpu, p->dev->net, skb, TP_CONSUMED, 0, 0, "spanning tree");
	skb_consume(cpu, skb);
}
