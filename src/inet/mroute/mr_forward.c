/* The way of a group's packet through a router.
 *
 * From: ip4_mroute.c, ip6_mroute.c (a dst of a device where multicast is forwarded). To: the families' xmit, by each vif whose threshold is
 * below the packet's TTL; the queue of an entry that a program is still to make; the program's socket.
 * What comes by another vif than the entry names goes nowhere, and the program may hear of it (PIM's assert, RFC 7761 section 4.6), at most
 * once in three seconds for an entry.
 */
#include "core/event.h"
#include "core/trace.h"
#include "inet/dst.h"
#include "inet/l4_proto.h"
#include "inet/inet.h"
#include "inet/mroute/mroute.h"

#define WAIT_NS (10 * NSEC_PER_SEC)	 /* for a program to make an entry */
#define ASSERT_EVERY_NS (3 * NSEC_PER_SEC)

static void done(struct cpu *cpu, struct mr_table *t, struct sk_buff *skb, enum skb_drop_reason reason)
{
	skb_drop_net(cpu, t->net, skb, reason);
}

int mr_tell(struct cpu *cpu, struct mr_table *t, struct sk_buff *skb, u32 vif, enum mr_report why)
{
	struct mr_report_event ev = { .table = t, .why = (u8)why, .vif = vif };
	const struct l4_raw_ops *raw = t->net->inet->raw;
	struct sk_buff *msg;
	if (!t->sk || !raw || !raw->queue)
		return -EINVAL;
	msg = t->ops->report(cpu, t, skb, why == MR_WHOLEPKT ? (u32)t->reg_vif : vif, why);
	if (!msg)
		return -ENOBUFS;
	t->ops->addrs(skb, &ev.origin, &ev.group);
	ev.vif = why == MR_WHOLEPKT ? (u32)t->reg_vif : vif;
	ev.pkt = msg->data;
	ev.len = skb_headlen(msg);
	event_send(cpu, t->net, EV_MROUTE_REPORT, &ev, 0);
	return raw->queue(cpu, t->sk, msg);
}

void mr_wait(struct cpu *cpu, struct mr_table *t, struct sk_buff *skb, u32 vif)
{
	struct inaddr origin, group;
	struct mr_entry *e = NULL, *it;
	t->ops->addrs(skb, &origin, &group);
	list_for_each(it, &t->unresolved, link)
		if (inaddr_eq(&it->origin, &origin) && inaddr_eq(&it->group, &group))
			e = it;
	if (!e) {
		e = mem_zalloc(cpu_mem(cpu), sizeof(*e));
		if (!e) {
			done(cpu, t, skb, SKB_DROP_REASON_NOMEM);
			return;
		}
		e->origin = origin;
		e->group = group;
		e->parent = 0xffff;
		e->expires = cpu->now + WAIT_NS;
		skb_list_init(&e->waiting);
		if (mr_tell(cpu, t, skb, vif, MR_NOCACHE)) { /* nobody will answer */
			mem_free(cpu_mem(cpu), e);
			done(cpu, t, skb, SKB_DROP_REASON_NOT_SPECIFIED);
			return;
		}
		list_add_head(&t->unresolved, &e->link);
		t->nunresolved++;
		event_send(cpu, t->net, EV_MROUTE_ADD, &(struct mr_event){ t, e }, 0);
		if (t->nunresolved == 1)
			cpu_timer_arm(cpu, &t->expire, e->expires);
	}
	if (e->waiting.count >= MR_WAITING_MAX) {
		done(cpu, t, skb, SKB_DROP_REASON_NOT_SPECIFIED);
		return;
	}
	skb_dst_force(skb);
	skb_list_add(&e->waiting, skb);
}

/* Out by one vif; a register vif's way out is the program. Consumes. */
static void send_by(struct cpu *cpu, struct mr_table *t, struct sk_buff *skb, u32 vif)
{
	struct mr_vif *v = &t->vif[vif];
	struct dev_stats *s;
	if (!v->dev) {
		done(cpu, t, skb, SKB_DROP_REASON_NOT_SPECIFIED);
		return;
	}
	if (!(v->is_register)) {
		t->ops->xmit(cpu, t, skb, v);
		return;
	}
	v->pkts_out++;
	v->bytes_out += skb->len;
	s = &v->dev->stats[cpu->id];
	s->tx_packets++;
	s->tx_bytes += skb->len;
	mr_tell(cpu, t, skb, vif, MR_WHOLEPKT);
	done(cpu, t, skb, SKB_DROP_REASON_NOT_SPECIFIED);
}

/* It came by the wrong vif: it is not forwarded. */
static void wrong_vif(struct cpu *cpu, struct mr_table *t, struct mr_entry *e, struct sk_buff *skb, s32 came_by)
{
	if (t->ops->family == AF_INET && skb->pkt_type == PACKET_LOOPBACK) /* ours, looped back, by a device that its sender chose */
		return;
	e->wrong_if++;
	if (came_by >= 0 && t->do_assert && (t->do_pim || e->ttl[came_by] != MR_TTL_OFF) &&
	    (!e->last_assert || cpu->now > e->last_assert + ASSERT_EVERY_NS)) {
		e->last_assert = cpu->now;
		mr_tell(cpu, t, skb, (u32)came_by, MR_WRONGVIF);
		if (t->do_wrvifwhole)
			mr_tell(cpu, t, skb, (u32)came_by, MR_WRVIFWHOLE);
	}
}

static struct inaddr any_addr(const struct mr_table *t)
{
	return t->ops->family == AF_INET ? inaddr_from_v4((be32){ 0 }) : inaddr_v6_any();
}

/* The entry for all groups and sources of which vif is a part. */
static struct mr_entry *find_proxy(const struct mr_table *t, s32 vif)
{
	struct inaddr any = any_addr(t);
	struct mr_entry *e = NULL;
	while (vif >= 0 && (e = mr_entry_next(t, &any, &any, e)))
		if (e->ttl[vif] != MR_TTL_OFF)
			return e;
	return NULL;
}

void mr_forward(struct cpu *cpu, struct mr_table *t, struct mr_entry *e, struct sk_buff *skb, s32 came_by, bool local)
{
	bool any_source = inaddr_is_any(&e->origin), any = any_source && inaddr_is_any(&e->group);
	u8 ttl = t->ops->ttl(skb);
	s32 pending = -1;

	e->pkts++;
	e->bytes += skb->len;
	e->last_used = cpu->now;
	if (!(any_source && find_proxy(t, came_by)) && t->vif[e->parent].dev != skb->dev) {
		wrong_vif(cpu, t, e, skb, came_by);
		goto out;
	}
	t->vif[e->parent].pkts_in++;
	t->vif[e->parent].bytes_in += skb->len;
	if (any) {
		/* From downstream of a proxy it goes up. */
		if (came_by >= 0 && came_by != e->parent && ttl > e->ttl[e->parent])
			pending = e->parent;
	} else {
		for (s32 i = e->maxvif - 1; i >= (s32)e->minvif; i--) {
			struct sk_buff *copy;
			if ((any_source && i == came_by) || ttl <= e->ttl[i])
				continue;
			if (pending >= 0 && (copy = skb_clone(cpu, skb)))
				send_by(cpu, t, copy, (u32)pending);
			pending = i;
		}
	}
	if (pending >= 0 && !local) {
		send_by(cpu, t, skb, (u32)pending);
		return;
	}
	if (pending >= 0) {
		struct sk_buff *copy = skb_clone(cpu, skb);
		if (copy)
			send_by(cpu, t, copy, (u32)pending);
	}
out:
	if (!local)
		done(cpu, t, skb, SKB_DROP_REASON_NOT_SPECIFIED);
}

/* By group, for any source, where the packet's vif is one of the entry's, or of the proxy's upstream of it; then by vif alone. */
static struct mr_entry *find_any(const struct mr_table *t, const struct inaddr *group, s32 came_by)
{
	struct inaddr any = any_addr(t);
	const struct mr_entry *proxy;
	struct mr_entry *e = NULL;
	while ((e = mr_entry_next(t, &any, group, e))) {
		if (e->ttl[came_by] != MR_TTL_OFF)
			return e;
		proxy = find_proxy(t, e->parent);
		if (proxy && proxy->ttl[came_by] != MR_TTL_OFF)
			return e;
	}
	return find_proxy(t, came_by);
}

void mr_input(struct cpu *cpu, struct mr_table *t, struct sk_buff *skb, bool local)
{
	struct inaddr origin, group;
	struct mr_entry *e;
	s32 came_by = mr_vif_of(t, skb->dev);

	t->ops->addrs(skb, &origin, &group);
	e = mr_entry_find(t, &origin, &group, -1);
	if (!e && came_by >= 0)
		e = find_any(t, &group, came_by);
	if (e) {
		trace_point(cpu, t->net, skb, TP_FORWARD, t->ops->ttl(skb), 0, "multicast");
		mr_forward(cpu, t, e, skb, came_by, local);
		if (local)
			t->ops->deliver(cpu, skb);
		return;
	}
	if (local) {
		struct sk_buff *copy = skb_clone(cpu, skb);
		t->ops->deliver(cpu, skb);
		if (!copy)
			return;
		skb = copy;
	}
	if (came_by >= 0)
		mr_wait(cpu, t, skb, (u32)came_by);
	else
		done(cpu, t, skb, SKB_DROP_REASON_NOT_SPECIFIED);
}
