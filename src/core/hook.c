/* Running a chain of netfilter hooks: the slow half, for namespaces that have any. Entries are in order of priority. */
#include "core/hook.h"

enum hook_verdict hook_run_slow(struct cpu *cpu, struct hook_entries *e, struct sk_buff *skb, const struct hook_state *st)
{
	for (unsigned i = 0; i < e->count; i++) {
		enum hook_verdict v = e->entry[i].fn(cpu, e->entry[i].priv, skb, st);

		if (v == HOOK_ACCEPT)
			continue;
		if (v == HOOK_DROP)
			skb_drop_net(cpu, st->net, skb, SKB_DROP_REASON_NETFILTER_DROP);
		return v;
	}
	return HOOK_ACCEPT;
}
