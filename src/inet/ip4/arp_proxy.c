/* Answers for others (proxy_arp) that come late on purpose: up to proxy_delay, by chance, so that who is asked for answers first.
 *
 * The question itself waits, at most proxy_qlen and one of them on a namespace's devices, and is gone through once more when its time
 * has come: settings and routes may have changed. From: arp.c. To: arp_redo().
 */
#include "inet/ip4/ip4_priv.h"

static void arm(struct cpu *cpu, struct ip4_private *p)
{
	u64 first = UINT64_MAX;

	for (const struct sk_buff *skb = p->arp_later.first; skb; skb = skb->next)
		first = MIN(first, skb->tstamp);
	if (p->arp_later.first)
		timer_arm(cpu->timers, &p->arp_later_timer, first);
}

void arp_answer_later(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct neigh_parms *p)
{
	struct ip4_private *priv = net->ip4->priv;

	if (priv->arp_later.count > (u32)MAX(p->proxy_qlen, 0)) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_NEIGH_QUEUEFULL);
		return;
	}
	dev_hold(skb->dev);
	skb->tstamp = cpu->now + rng_u64(&cpu->rng) % p->proxy_delay;
	skb_list_add(&priv->arp_later, skb);
	arm(cpu, priv);
}

/* Takes out what dev (NULL: any device) has and is due by `by`, in the order in which it came. */
static void take(struct ip4_private *p, const struct net_device *dev, u64 by, struct skb_list *out)
{
	struct skb_list keep;
	struct sk_buff *skb;

	skb_list_init(&keep);
	skb_list_init(out);
	while ((skb = skb_list_pop(&p->arp_later)))
		skb_list_add((!dev || skb->dev == dev) && skb->tstamp <= by ? out : &keep, skb);
	while ((skb = skb_list_pop(&keep)))
		skb_list_add(&p->arp_later, skb);
}

static void due(void *owner, struct timer *t)
{
	struct ip4_private *p = container_of(t, struct ip4_private, arp_later_timer);
	struct cpu *cpu = owner;
	struct skb_list now;
	struct sk_buff *skb;

	take(p, NULL, cpu->now, &now);
	while ((skb = skb_list_pop(&now))) {
		struct net_device *dev = skb->dev;
		arp_redo(cpu, dev->net, skb);
		dev_put(dev);
	}
	arm(cpu, p);
}

void arp_later_init(struct netns *net)
{
	skb_list_init(&net->ip4->priv->arp_later);
	timer_init(&net->ip4->priv->arp_later_timer, due);
}

void arp_later_purge(struct cpu *cpu, struct netns *net, const struct net_device *dev)
{
	struct skb_list gone;
	struct sk_buff *skb;

	take(net->ip4->priv, dev, UINT64_MAX, &gone);
	while ((skb = skb_list_pop(&gone))) {
		struct net_device *d = skb->dev;
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_NEIGH_QUEUEFULL);
		dev_put(d);
	}
	if (!net->ip4->priv->arp_later.first)
		timer_cancel(&net->ip4->priv->arp_later_timer);
}
