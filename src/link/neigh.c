/* Neighbours: the table, its entries' life, sending through an entry, and changes from outside.
 *
 * An entry is found by address and device. While it is CONNECTED (REACHABLE, PERMANENT, NOARP) and its header is cached, sending is a
 * copy of 14 bytes and dev_queue_xmit(). In any other state neigh_event_send() (neigh_timer.c) decides: send and check later
 * (STALE, DELAY, PROBE), or queue until resolved. Entries belong to their namespace's home cpu; configuration holds all batons.
 * Packets come from IP output and go to dev_queue_xmit(). RFC 4861 section 7.3, RFC 826, ip-neighbour(8).
 */
#include "base/mem.h"
#include "core/stack_tables.h"
#include "core/trace.h"
#include "link/neigh_internal.h"

static u32 hash_key(const struct world *w, const void *key, u8 len, s32 ifindex)
{
	u32 seed = (u32)w->hash_key.k[0] ^ (u32)ifindex * 0x9e3779b1u, a;
	if (len != 4)
		return hash32_bytes(key, len, seed);
	memcpy(&a, key, 4);
	return hash32_u64(a, seed);
}

static void reclaim(struct epoch_node *node)
{
	struct neighbour *n = container_of(node, struct neighbour, reclaim);
	struct netns *net = n->net;
	dev_put(n->dev);
	mem_free(&net->world->mem, n);
	netns_put(net);
}

void neigh_put(struct cpu *cpu, struct neighbour *n)
{
	assert(n->refcnt);
	if (--n->refcnt)
		return;
	assert(n->dead);
	n->net->neigh->slot[n->tbl->index].stats.destroys++;
	skb_list_drop(cpu, &n->queue, SKB_DROP_REASON_NEIGH_DEAD);
	epoch_defer_node(n->net->world, &n->reclaim, reclaim);
}

struct neighbour *neigh_lookup(const struct neigh_table *tbl, const void *key, struct net_device *dev)
{
	struct neigh_slot *s = neigh_slot_of(dev->net, tbl);
	struct neighbour *n;
	s->stats.lookups++;
	htable_for_each_match(n, &s->hash, hash_key(dev->net->world, key, tbl->key_len, dev->ifindex), node)
		if (n->dev == dev && !memcmp(n->key, key, tbl->key_len)) {
			s->stats.hits++;
			return n;
		}
	return NULL;
}

/* The link-layer header towards n->ha, made once. Kinds without a fixed header leave hh_len 0. */
static void cache_header(struct cpu *cpu, struct neighbour *n)
{
	const struct net_device *dev = n->dev;
	struct sk_buff *skb;
	n->hh_len = 0;
	if (!dev->header_ops || dev->hard_header_len > sizeof(n->hh))
		return;
	skb = skb_alloc(cpu, SKB_HEADROOM, 0);
	if (!skb)
		return;
	skb->dev = n->dev;
	if (!dev->header_ops->create(cpu, skb, n->dev, n->tbl->ethertype, n->ha, NULL) && skb->len <= sizeof(n->hh)) {
		memcpy(n->hh + sizeof(n->hh) - skb->len, skb->data, skb->len);
		n->hh_len = (u8)skb->len;
	}
	skb_consume(cpu, skb);
}

static struct neighbour *create(struct cpu *cpu, const struct neigh_table *tbl, const void *key, struct net_device *dev)
{
	struct neigh_slot *s = neigh_slot_of(dev->net, tbl);
	struct neighbour *n;
	if (!neigh_gc_make_room(cpu, s)) {
		s->stats.table_fulls++;
		world_log_limited(cpu, 6, "neighbour: %s: neighbor table overflow!", tbl->id);
		return NULL;
	}
	n = mem_zalloc(cpu_mem(cpu), sizeof(*n));
	if (!n)
		return NULL;
	n->tbl = tbl;
	n->net = netns_get(dev->net);
	n->dev = dev;
	dev_hold(dev);
	n->parms = neigh_parms_for(dev->net, tbl, dev);
	if (!n->parms)
		n->parms = &s->dflt;
	n->refcnt = 1;
	n->nud_state = NUD_NONE;
	n->updated = n->used = cpu->now;
	n->key_len = tbl->key_len;
	memcpy(n->key, key, tbl->key_len);
	timer_init(&n->timer, neigh_timer_fn);
	skb_list_init(&n->queue);
	list_init(&n->lru);
	if (tbl->constructor(n) || !dev->registered) {
		n->dead = true;
		reclaim(&n->reclaim);
		return NULL;
	}
	if (memcmp(n->key, key, tbl->key_len)) { /* one neighbour stands for many */
		struct neighbour *same = neigh_lookup(tbl, n->key, dev);
		if (same) {
			n->dead = true;
			reclaim(&n->reclaim);
			return same;
		}
	}
	if (n->nud_state & NUD_VALID)
		cache_header(cpu, n);
	/* Never confirmed: an address that arrives unasked for starts as stale. */
	n->confirmed = cpu->now > 2 * n->parms->base_reachable_time ? cpu->now - 2 * n->parms->base_reachable_time : 0;
	htable_add(&s->hash, &n->node, hash_key(cpu->world, n->key, tbl->key_len, dev->ifindex));
	list_add_tail(&s->entries, &n->lru);
	n->serial = ++s->serial;
	s->count++;
	s->stats.allocs++;
	neigh_gc_update(s, n);
	neigh_gc_start(s);
	return n;
}

struct neighbour *neigh_get(struct cpu *cpu, const struct neigh_table *tbl, const void *key, struct net_device *dev)
{
	struct neighbour *n = neigh_lookup(tbl, key, dev);
	return likely(n) ? n : create(cpu, tbl, key, dev);
}

/* Out of the table, of no more use; who still holds it will find it dead. */
void neigh_unlink(struct cpu *cpu, struct neigh_slot *s, struct neighbour *n, bool tell)
{
	if (n->dead)
		return;
	n->dead = true;
	neigh_set_managed(cpu, n, false);
	neigh_gc_update(s, n);
	htable_del(&s->hash, &n->node);
	list_del(&n->lru);
	s->count--;
	neigh_timer_stop(n);
	n->hh_len = 0;
	if (tell)
		event_send(cpu, n->net, EV_NEIGH_DEL, n, 0);
	if (n->refcnt > 1) {
		skb_list_drop(cpu, &n->queue, SKB_DROP_REASON_NEIGH_DEAD);
		n->queue_truesize = 0;
		n->nud_state = NUD_NONE;
	}
	neigh_put(cpu, n);
}

static void trace_neigh(struct cpu *cpu, const struct neighbour *n, const struct sk_buff *skb)
{
	struct trace_event ev;
	trace_begin(cpu, n->net, skb, TP_NEIGH, &ev);
	ev.neigh_state = n->nud_state;
	ev.family = n->tbl->family;
	memcpy(ev.gateway, n->key, n->key_len);
	memcpy(ev.lladdr, n->ha, sizeof(ev.lladdr));
	memcpy(ev.oif, n->dev->name, sizeof(ev.oif));
	trace_emit(cpu, skb, &ev);
}

/* IPv4 by an IPv6 gateway: the header that is kept is for the neighbour's own protocol. */
static inline bool other_proto(const struct neighbour *n, const struct sk_buff *skb)
{
	return skb->protocol.raw && skb->protocol.raw != cpu_to_be16(n->tbl->ethertype).raw;
}

/* Not CONNECTED, a device without cached headers, or another protocol's packet. */
static __attribute__((noinline)) int output_slow(struct cpu *cpu, struct neighbour *n, struct sk_buff *skb)
{
	struct net_device *dev = n->dev;
	if (unlikely(skb->trace))
		trace_neigh(cpu, n, skb);
	if (neigh_event_send(cpu, n, skb))
		return 0;
	if (dev->header_ops && dev->header_ops->create(cpu, skb, dev, other_proto(n, skb) ? be16_to_cpu(skb->protocol) : n->tbl->ethertype, n->ha, NULL)) {
		skb_drop(cpu, skb, SKB_DROP_REASON_NEIGH_HH_FILLFAIL);
		return -EINVAL;
	}
	return dev_queue_xmit(cpu, skb);
}

int neigh_output(struct cpu *cpu, struct neighbour *n, struct sk_buff *skb)
{
	u8 len = n->hh_len;
	if (unlikely(!(n->nud_state & NUD_CONNECTED) || !len || other_proto(n, skb)))
		return output_slow(cpu, n, skb);
	if (unlikely(skb->trace))
		trace_neigh(cpu, n, skb);
	if (unlikely(skb_headroom(skb) < 16 || skb_cloned(skb)) && !skb_cow_head(cpu, skb, SKB_HEADROOM)) {
		skb_drop(cpu, skb, SKB_DROP_REASON_NOMEM);
		return -ENOMEM;
	}
	/* 16 bytes at once; the two in front of an Ethernet header are headroom. */
	if (likely(len <= 16))
		memcpy(skb->data - 16, n->hh + sizeof(n->hh) - 16, 16);
	else if (skb_headroom(skb) >= len)
		memcpy(skb->data - len, n->hh + sizeof(n->hh) - len, len);
	else
		return output_slow(cpu, n, skb);
	skb_push(skb, len);
	return dev_queue_xmit(cpu, skb);
}

void neigh_confirm(struct cpu *cpu, struct neighbour *n) { n->confirmed = cpu->now; }

void neigh_kick(struct cpu *cpu, struct neighbour *n) { neigh_event_send(cpu, n, NULL); }

/* Packets that waited: the entry became valid. */
static void send_queue(struct cpu *cpu, struct neighbour *n)
{
	struct skb_list waiting = n->queue;
	struct sk_buff *skb;
	if (skb_list_empty(&waiting))
		return;
	skb_list_init(&n->queue);
	n->queue_truesize = 0;
	neigh_hold(n);
	while ((skb = skb_list_pop(&waiting)))
		neigh_output(cpu, n, skb);
	neigh_put(cpu, n);
}

static void set_router(struct neighbour *n, u32 flags)
{
	n->flags = flags & NEIGH_UPDATE_ISROUTER ? n->flags | NTF_ROUTER : n->flags & (u8)~NTF_ROUTER;
}

/* To a state without a valid address: FAILED, NONE, INCOMPLETE. */
static void make_invalid(struct cpu *cpu, struct neighbour *n, u8 state, u32 portid)
{
	u8 old = n->nud_state;
	bool tell = old & NUD_VALID;
	neigh_timer_stop(n);
	n->nud_state = state;
	n->hh_len = 0;
	if (old & (NUD_INCOMPLETE | NUD_PROBE) && state & NUD_FAILED) {
		neigh_invalidate(cpu, n);
		tell = true;
	}
	if (tell)
		neigh_notify(cpu, n, portid);
}

int neigh_update(struct cpu *cpu, struct neighbour *n, const u8 *lladdr, u8 state, u32 flags, u32 portid)
{
	struct net_device *dev = n->dev;
	u8 old = n->nud_state;
	bool new_addr, tell = false, router = flags & NEIGH_UPDATE_OVERRIDE_ISROUTER;
	if (n->dead)
		return -EINVAL;
	if (!(flags & NEIGH_UPDATE_ADMIN) && old & (NUD_NOARP | NUD_PERMANENT))
		return -EPERM;
	if (!(state & NUD_VALID)) {
		make_invalid(cpu, n, state, portid);
		neigh_gc_update(neigh_slot_of(n->net, n->tbl), n);
		return 0;
	}
	if (!lladdr && dev->addr_len && !(old & NUD_VALID))
		return -EINVAL;
	new_addr = dev->addr_len && lladdr && (!(old & NUD_VALID) || memcmp(lladdr, n->ha, dev->addr_len));
	if (state & NUD_CONNECTED)
		n->confirmed = cpu->now;
	if (old & NUD_VALID) {
		if (new_addr && !(flags & NEIGH_UPDATE_OVERRIDE)) {
			if (!(flags & NEIGH_UPDATE_WEAK_OVERRIDE && old & NUD_CONNECTED))
				return 0;
			/* Somebody else claims it: keep the address, but check it. */
			router = false;
			new_addr = false;
			state = NUD_STALE;
		} else if (!new_addr && state == NUD_STALE && !(flags & NEIGH_UPDATE_ADMIN)) {
			state = old;
		}
	}
	if (state != old || new_addr)
		n->updated = cpu->now;
	if (state != old) {
		neigh_timer_stop(n);
		if (state & NUD_PROBE)
			n->probes = 0;
		n->nud_state = state;
		if (state & NUD_IN_TIMER)
			neigh_timer_start(n, cpu->now + (state & NUD_REACHABLE ? n->parms->reachable_time : 0));
		tell = true;
	}
	if (new_addr) {
		memcpy(n->ha, lladdr, dev->addr_len);
		if (!(state & NUD_CONNECTED))
			n->confirmed = cpu->now > 2 * n->parms->base_reachable_time ? cpu->now - 2 * n->parms->base_reachable_time : 0;
		tell = true;
	}
	if (new_addr || !n->hh_len)
		cache_header(cpu, n);
	neigh_gc_update(neigh_slot_of(n->net, n->tbl), n);
	if (router && !!(n->flags & NTF_ROUTER) != !!(flags & NEIGH_UPDATE_ISROUTER)) {
		set_router(n, flags);
		tell = true;
	}
	if (!(old & NUD_VALID))
		send_queue(cpu, n);
	if (tell)
		neigh_notify(cpu, n, portid);
	return 0;
}

int neigh_del(struct cpu *cpu, struct neighbour *n)
{
	int err = neigh_update(cpu, n, NULL, NUD_FAILED, NEIGH_UPDATE_OVERRIDE | NEIGH_UPDATE_ADMIN, 0);
	if (err)
		return err;
	if (n->refcnt == 1)
		neigh_unlink(cpu, neigh_slot_of(n->net, n->tbl), n, true);
	return 0;
}

static void flush_dev(struct cpu *cpu, struct neigh_slot *s, struct net_device *dev, bool keep_permanent)
{
	struct neighbour *n, *tmp;
	list_for_each_safe(n, tmp, &s->entries, lru)
		if (n->dev == dev && !(keep_permanent && n->nud_state & NUD_PERMANENT))
			neigh_unlink(cpu, s, n, true);
}

void neigh_ifdown(struct cpu *cpu, const struct neigh_table *tbl, struct net_device *dev)
{
	flush_dev(cpu, neigh_slot_of(dev->net, tbl), dev, false);
	neigh_proxy_ifdown(dev->net, tbl, dev);
}

void neigh_carrier_down(struct cpu *cpu, const struct neigh_table *tbl, struct net_device *dev)
{
	flush_dev(cpu, neigh_slot_of(dev->net, tbl), dev, true);
}

int neigh_walk(struct netns *net, const struct neigh_table *tbl, int (*fn)(void *arg, struct neighbour *n), void *arg)
{
	struct neigh_slot *s = neigh_slot_of(net, tbl);
	struct neighbour *n, *tmp;
	list_for_each_safe(n, tmp, &s->entries, lru) {
		int ret = fn(arg, n);
		if (ret)
			return ret;
	}
	return 0;
}

/* A device that is down, has a new address, begins or ceases to do ARP, or leaves, has no neighbours any more. */
static void on_event(struct cpu *cpu, struct netns *net, enum net_event ev, void *obj, unsigned long info)
{
	struct net_device *dev = obj;
	bool renewed = ev == EV_LINK_CHANGE && (info & LINK_CHANGE_ADDR ||
						(info & LINK_CHANGE_FLAGS && info >> LINK_CHANGE_WHICH_SHIFT & IFF_NOARP));
	if (!net->neigh || (ev != EV_LINK_DOWN && ev != EV_LINK_UNREGISTER && !renewed))
		return;
	if (ev == EV_LINK_UNREGISTER)
		neigh_proxy_dev_gone(net, dev);
	for (unsigned i = 0; i < NEIGH_TABLES; i++) {
		struct neigh_slot *s = &net->neigh->slot[i];
		struct neigh_parms *p, *tmp;
		flush_dev(cpu, s, dev, false);
		if (ev != EV_LINK_UNREGISTER)
			continue;
		list_for_each_safe(p, tmp, &s->parms, link)
			if (p->dev == dev) {
				list_del(&p->link);
				mem_free(cpu_mem(cpu), p);
			}
	}
}

const struct event_sub neigh_event_sub = { on_event };
