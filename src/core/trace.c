/* Trace points: numbering packets that match, filling events, handing them to whoever asked.
 *
 * Everything here is the slow path: a packet that is not traced never gets here. Names and numbers of devices come through
 * the tables, because core does not know devices.
 */
#include <linux/if_ether.h>
#include <stdio.h>

#include "core/skb_filter.h"
#include "core/stack_tables.h"
#include "core/trace.h"

static const char *const point_name[TP_MAX] = {
	[TP_SOCK_SEND] = "sock_send", [TP_L4_TX] = "l4_tx", [TP_ROUTE_OUT] = "route_out", [TP_IP_OUT] = "ip_out",
	[TP_HOOK] = "hook", [TP_NEIGH] = "neigh", [TP_QDISC] = "qdisc", [TP_DEV_TX] = "dev_tx", [TP_SEGMENT] = "segment",
	[TP_WIRE] = "wire", [TP_DEV_RX] = "dev_rx", [TP_BRIDGE] = "bridge", [TP_GRO] = "gro", [TP_IP_RX] = "ip_rx", [TP_ROUTE_IN] = "route_in",
	[TP_FORWARD] = "forward", [TP_FRAGMENT] = "fragment", [TP_REASM] = "reasm", [TP_LOCAL_IN] = "local_in",
	[TP_SOCK_LOOKUP] = "sock_lookup", [TP_SOCK_QUEUE] = "sock_queue", [TP_SOCK_RECV] = "sock_recv",
	[TP_CONSUMED] = "consumed", [TP_DROP] = "drop",
};

const char *trace_point_name(unsigned p)
{
	return p < TP_MAX ? point_name[p] : "?";
}

void trace_start(struct world *w, struct trace *t)
{
	ptr_publish(w->trace, t);
}

void trace_stop(struct world *w)
{
	ptr_publish(w->trace, NULL);
}

/* Whether the packet is one that is asked for. IP packets are seen from the network header on, others (and frames that nobody has
 * looked into) from the link-layer header on. */
static bool matches(struct cpu *cpu, const struct trace *t, const struct sk_buff *skb)
{
	s32 data = (s32)skb_headroom(skb);
	u16 type = be16_to_cpu(skb->protocol);
	bool ip = type == ETH_P_IP || type == ETH_P_IPV6;

	if (ip || skb->mac_header == SKB_OFF_UNSET) {
		if (!t->filter_raw)
			return true;
		/* Fresh from a socket it has no header that a filter could look at: it is marked again when it has. */
		return skb->network_header != SKB_OFF_UNSET &&
		       skb_run_filter(cpu, skb, (s32)skb->network_header - data, t->filter_raw);
	}
	return t->filter_eth && skb_run_filter(cpu, skb, (s32)skb->mac_header - data, t->filter_eth);
}

void trace_mark_slow(struct cpu *cpu, struct sk_buff *skb)
{
	struct trace *t = ptr_load(cpu->world->trace);
	u32 n;

	if (!t || !matches(cpu, t, skb))
		return;
	n = __atomic_add_fetch(&t->next_packet, 1, __ATOMIC_RELAXED);
	if (unlikely(!n)) /* 0 says "not traced" */
		n = __atomic_add_fetch(&t->next_packet, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&t->matched, 1, __ATOMIC_RELAXED);
	skb->trace = n;
}

/* Where what we show begins, as an offset from skb->data (negative: a header that was pulled). */
static s32 shown_from(const struct sk_buff *skb)
{
	s32 data = (s32)skb_headroom(skb);
	u16 type = be16_to_cpu(skb->protocol);

	if (skb->network_header != SKB_OFF_UNSET && (type == ETH_P_IP || type == ETH_P_IPV6 || skb->mac_header == SKB_OFF_UNSET))
		return (s32)skb->network_header - data;
	if (skb->mac_header != SKB_OFF_UNSET)
		return (s32)skb->mac_header - data;
	return 0;
}

static void copy_bytes(const struct sk_buff *skb, struct trace_event *ev)
{
	s32 from = shown_from(skb);
	u32 done = 0, n;

	if (from < 0) {
		done = MIN((u32)-from, sizeof(ev->bytes));
		memcpy(ev->bytes, skb->data + from, done);
		from = 0;
	}
	if ((u32)from < skb->len && done < sizeof(ev->bytes)) {
		n = MIN(skb->len - (u32)from, sizeof(ev->bytes) - done);
		skb_copy_bits(skb, (u32)from, ev->bytes + done, n);
		done += n;
	}
	ev->caplen = (u16)done;
	ev->protocol = skb->protocol;
}

void trace_begin(struct cpu *cpu, struct netns *net, const struct sk_buff *skb, enum trace_point p, struct trace_event *ev)
{
	const struct world_ops *ops = cpu->world->ops;
	const struct stack_tables *t = cpu->world->tables;
	struct netns *of = NULL;
	int ifindex = 0;

	memset(ev, 0, sizeof(*ev));
	ev->time_ns = ops && ops->clock ? ops->clock(cpu->world->host) : cpu->now;
	ev->packet = skb->trace;
	ev->point = (u8)p;
	ev->len = skb->len;
	if (skb->dev && t->dev_netns) {
		of = t->dev_netns(skb->dev, &ifindex, ev->dev);
		ev->ifindex = ifindex;
	}
	if (!net)
		net = of;
	if (net) {
		ev->netns_id = net->id;
		snprintf(ev->netns, sizeof(ev->netns), "%.*s", (int)sizeof(ev->netns) - 1, net->name);
	}
	copy_bytes(skb, ev);
}

static bool wanted(const struct trace *t, unsigned point)
{
	return !t->frame || point == TP_DEV_TX || point == TP_DEV_RX || point == TP_DROP;
}

void trace_emit(struct cpu *cpu, const struct sk_buff *skb, const struct trace_event *ev)
{
	struct trace *t = ptr_load(cpu->world->trace);

	if (!t || !wanted(t, ev->point))
		return;
	__atomic_fetch_add(&t->events, 1, __ATOMIC_RELAXED);
	if (t->frame)
		t->frame(t->arg, ev, skb);
	else
		t->sink(t->arg, ev);
}

void trace_point_slow(struct cpu *cpu, struct netns *net, const struct sk_buff *skb, enum trace_point p, u64 a, u64 b,
		      const char *text)
{
	struct trace *t = ptr_load(cpu->world->trace);
	struct trace_event ev;

	if (!t || !wanted(t, p))
		return;
	trace_begin(cpu, net, skb, p, &ev);
	ev.a = a;
	ev.b = b;
	if (text)
		snprintf(ev.text, sizeof(ev.text), "%s", text);
	trace_emit(cpu, skb, &ev);
}
