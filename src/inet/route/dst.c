/* Life of a struct dst, and what packets ask of it.
 *
 * The last reference frees it after an epoch, because packets of the present step may borrow it, and may even make a reference of
 * that. What it holds (device, neighbour, the fib_info its metrics lie in) goes then, with a cpu's baton.
 */
#include "inet/dst.h"
#include "core/netns.h"
#include "inet/route/fib.h"
#include "inet/route/fib_stat.h"
#include "link/neigh.h"

struct dst *dst_new(struct netns *net, struct net_device *dev, u8 family, u8 type, u8 flags)
{
	struct dst *d = mem_zalloc(&net->world->mem, sizeof(*d));
	if (!d)
		return NULL;
	d->refcnt = 1;
	d->net = net;
	d->home = net->home;
	d->dev = dev;
	if (dev)
		dev_hold(dev);
	d->family = family;
	d->type = type;
	d->flags = flags;
	d->genid = net->fib->genid;
	if (family == AF_INET)
		__atomic_fetch_add(&fib_stat_of(net->home)->entries, 1, __ATOMIC_RELAXED);
	else
		net->fib->dsts6++;
	return d;
}

/* While the epoch has it: the count of the others is added to this. */
#define WITH_EPOCH 0x40000000u

static void dst_free(struct epoch_node *node)
{
	struct dst *d = container_of(node, struct dst, epoch);
	struct cpu *home = d->home;
	u32 n = __atomic_load_n(&d->refcnt, __ATOMIC_ACQUIRE);
	/* A packet that had borrowed it took a reference in the same step: whoever drops that one brings it here again. */
	while (n != WITH_EPOCH)
		if (__atomic_compare_exchange_n(&d->refcnt, &n, n - WITH_EPOCH, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			return;
	if (d->neigh)
		neigh_put(home, d->neigh);
	if (d->dev)
		dev_put(d->dev);
	if (d->fi)
		fib_info_mem_put(d->fi);
	if (d->family == AF_INET && home->world->fib_stat)
		__atomic_fetch_sub(&fib_stat_of(home)->entries, 1, __ATOMIC_RELAXED);
	mem_free(&home->world->mem, d);
}

void dst_put(struct dst *d)
{
	u32 n;
	if (!d)
		return;
	n = __atomic_load_n(&d->refcnt, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&d->refcnt, &n, n == 1 ? WITH_EPOCH : n - 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		;
	if (n == 1)
		epoch_defer_node(d->home->world, &d->epoch, dst_free);
}

void skb_dst_drop(struct sk_buff *skb)
{
	if (skb->dst && !skb->dst_noref)
		dst_put(skb->dst);
	skb->dst = NULL;
	skb->dst_noref = 0;
}

struct net_device *dst_idev(const struct dst *d) { return d->fi && d->fi->nhs && d->fi->nh[0].dev ? d->fi->nh[0].dev : d->dev; }

u32 dst_mtu(struct cpu *cpu, const struct dst *d)
{
	u32 mtu = d->mtu && (!d->expires || cpu->now < d->expires) ? d->mtu : 0;
	if (!mtu)
		mtu = dst_metric(d, RTAX_MTU);
	if (!mtu)
		mtu = d->link_mtu ? d->link_mtu : d->dev->mtu;
	return MIN(mtu, d->family == AF_INET6 ? 65535u + 40 : 65535u);
}
