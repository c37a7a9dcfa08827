/* Dropped packets: named, counted, traced. The reason is counted in the namespace where it happened: the device's, else the
 * socket's, else the cpu's own counters, which belong to no namespace.
 */
#include "core/netns.h"
#include "core/stack_tables.h"
#include "core/trace.h"

static const char *const reason_name[] = {
#define X(name) #name,
	SKB_DROP_REASONS(X)
#undef X
};

const char *skb_drop_reason_name(unsigned reason)
{
	return reason < SKB_DROP_REASON_MAX ? reason_name[reason] : "?";
}

static struct netns *netns_of(struct cpu *cpu, const struct sk_buff *skb)
{
	const struct stack_tables *t = cpu->world->tables;

	if (skb->dev && t->dev_netns)
		return t->dev_netns(skb->dev, NULL, NULL);
	if (skb->sk && t->sock_netns)
		return t->sock_netns(skb->sk);
	return NULL;
}

void skb_drop_net(struct cpu *cpu, struct netns *net, struct sk_buff *skb, enum skb_drop_reason reason)
{
	if (!skb)
		return;
	if (!net)
		net = netns_of(cpu, skb);
	if (net)
		net->pcpu[cpu->id]->drops[reason]++;
	else
		cpu->drops[reason]++;
	if (unlikely(skb->trace)) {
		struct trace_event ev;

		trace_begin(cpu, net, skb, TP_DROP, &ev);
		ev.reason = (u16)reason;
		trace_emit(cpu, skb, &ev);
	}
	skb_consume(cpu, skb);
}

void skb_drop(struct cpu *cpu, struct sk_buff *skb, enum skb_drop_reason reason)
{
	skb_drop_net(cpu, NULL, skb, reason);
}

void skb_list_drop(struct cpu *cpu, struct skb_list *l, enum skb_drop_reason reason)
{
	struct sk_buff *skb;

	while ((skb = skb_list_pop(l)))
		skb_drop_net(cpu, NULL, skb, reason);
}
