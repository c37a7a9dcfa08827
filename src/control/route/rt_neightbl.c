/* RTM_GETNEIGHTBL: the parameters of neighbour tables, the defaults first and then each device's (`ip ntable`);
 * RTM_SETNEIGHTBL: changing them (`ip ntable change`), as /proc/sys/net/ipv4/neigh does. */
#include <linux/neighbour.h>

#include "control/route/rt.h"
#include "inet/ip4/ip4.h"
#include "inet/ip6/ip6.h"
#include "link/neigh.h"
#include "link/netns_dev.h"
#include "link/netns_neigh.h"

enum { NDTPA_INTERVAL_PROBE = 19, QUEUE_LEN_TRUESIZE = 2090 /* of a full Ethernet frame's sk_buff: how Linux converts to packets */ };

static void put_ms(struct nl_buf *b, u16 type, u64 ns)
{
	nl_put_u64(b, type, ns / NSEC_PER_MSEC);
}

static void put_parms(struct nl_buf *b, const struct neigh_parms *p)
{
	size_t nest = nl_nest(b, NDTA_PARMS);

	if (p->dev)
		nl_put_u32(b, NDTPA_IFINDEX, (u32)p->dev->ifindex);
	nl_put_u32(b, NDTPA_REFCNT, 1);
	nl_put_u32(b, NDTPA_QUEUE_LENBYTES, p->queue_len_bytes);
	nl_put_u32(b, NDTPA_QUEUE_LEN, p->queue_len_bytes / QUEUE_LEN_TRUESIZE);
	nl_put_u32(b, NDTPA_PROXY_QLEN, (u32)p->proxy_qlen);
	nl_put_u32(b, NDTPA_APP_PROBES, (u32)p->app_probes);
	nl_put_u32(b, NDTPA_UCAST_PROBES, (u32)p->ucast_probes);
	nl_put_u32(b, NDTPA_MCAST_PROBES, (u32)p->mcast_probes);
	nl_put_u32(b, NDTPA_MCAST_REPROBES, (u32)p->mcast_reprobes);
	put_ms(b, NDTPA_REACHABLE_TIME, p->reachable_time);
	put_ms(b, NDTPA_BASE_REACHABLE_TIME, p->base_reachable_time);
	put_ms(b, NDTPA_GC_STALETIME, p->gc_staletime);
	put_ms(b, NDTPA_DELAY_PROBE_TIME, p->delay_probe_time);
	put_ms(b, NDTPA_RETRANS_TIME, p->retrans_time);
	put_ms(b, NDTPA_ANYCAST_DELAY, p->anycast_delay);
	put_ms(b, NDTPA_PROXY_DELAY, p->proxy_delay);
	put_ms(b, NDTPA_LOCKTIME, p->locktime);
	put_ms(b, NDTPA_INTERVAL_PROBE, p->interval_probe_time);
	nl_nest_end(b, nest);
}

static int count(void *arg, struct neighbour *n)
{
	++*(u32 *)arg;
	return 0;
}

static int fill(struct nl_dump *d, struct nl_buf *b, const struct neigh_table *tbl, struct net_device *dev)
{
	struct ndtmsg *m = nl_dump_begin(d, b, RTM_NEWNEIGHTBL, sizeof(*m));
	struct ndt_config c = { .ndtc_key_len = tbl->key_len, .ndtc_entry_size = 336 };
	struct ndt_stats stats = { 0 };

	if (!m)
		return nl_end(b);
	m->ndtm_family = tbl->family;
	nl_put_str(b, NDTA_NAME, tbl->id);
	if (!dev) {
		const struct neigh_slot *lim = neigh_limits(neigh_slot_of(d->net, tbl));
		u32 entries = 0;
		neigh_walk(d->net, tbl, count, &entries);
		c.ndtc_entries = entries;
		put_ms(b, NDTA_GC_INTERVAL, lim->gc_interval);
		nl_put_u32(b, NDTA_THRESH1, (u32)lim->gc_thresh1);
		nl_put_u32(b, NDTA_THRESH2, (u32)lim->gc_thresh2);
		nl_put_u32(b, NDTA_THRESH3, (u32)lim->gc_thresh3);
		nl_put(b, NDTA_CONFIG, &c, sizeof(c));
		nl_put(b, NDTA_STATS, &stats, sizeof(stats));
	}
	put_parms(b, neigh_parms_for(d->net, tbl, dev));
	return nl_end(b);
}

/* arg[0]: 0 before the defaults, 1 behind them, then the ifindex told last, plus 1. */
static int dump_table(struct nl_dump *d, struct nl_buf *b, const struct neigh_table *tbl)
{
	struct net_device *dev;
	int err;

	if (!d->arg[0]) {
		err = fill(d, b, tbl, NULL);
		if (err)
			return err == -EMSGSIZE ? 1 : err;
		d->arg[0] = 1;
	}
	/* The newest first. */
	for (dev = list_last(&d->net->dev->devs, struct net_device, net_link); &dev->net_link != &d->net->dev->devs;
	     dev = list_entry(dev->net_link.prev, struct net_device, net_link)) {
		if ((d->arg[0] > 1 && (u64)dev->ifindex > d->arg[0] - 2) || (tbl == &arp_table ? !dev->ip_ptr : !dev->ip6_ptr))
			continue;
		err = fill(d, b, tbl, dev);
		if (err)
			return err == -EMSGSIZE ? 1 : err;
		d->arg[0] = (u64)dev->ifindex + 1;
	}
	return 0;
}

static int dump_neightbl(struct nl_dump *d, struct nl_buf *b)
{
	u8 family = *(const u8 *)nlmsg_hdr_data(d->req);

	d->done_apart = true;
	/* arg[1]: which table it is at: IPv4's, then IPv6's. */
	for (; d->arg[1] < 2; d->arg[1]++, d->arg[0] = 0) {
		const struct neigh_table *tbl = d->arg[1] ? &nd_table : &arp_table;
		int more = family && family != tbl->family ? 0 : dump_table(d, b, tbl);
		if (more)
			return more;
	}
	return 0;
}

static const struct nl_policy set_policy[NDTA_MAX + 1] = {
	[NDTA_NAME] = { .type = NLP_STRING },
	[NDTA_THRESH1] = { .type = NLP_U32 },
	[NDTA_THRESH2] = { .type = NLP_U32 },
	[NDTA_THRESH3] = { .type = NLP_U32 },
	[NDTA_GC_INTERVAL] = { .type = NLP_U64 },
	[NDTA_PARMS] = { .type = NLP_NESTED },
};
#define NUMBER(t, v, f) { .type = t, .var = v, .offset = offsetof(struct neigh_parms, f) }
#define TIME(t, v, f) { .type = t, .var = v, .offset = offsetof(struct neigh_parms, f), .is_time = true }
static const struct { /* in the order of their numbers, which is that in which Linux takes them */
	u16 type;
	enum neigh_var var;
	size_t offset;
	bool is_time;
} settable[] = {
	NUMBER(NDTPA_APP_PROBES, NEIGH_VAR_APP_PROBES, app_probes), NUMBER(NDTPA_UCAST_PROBES, NEIGH_VAR_UCAST_PROBES, ucast_probes),
	NUMBER(NDTPA_MCAST_PROBES, NEIGH_VAR_MCAST_PROBES, mcast_probes), NUMBER(NDTPA_MCAST_REPROBES, NEIGH_VAR_MCAST_REPROBES, mcast_reprobes),
	NUMBER(NDTPA_PROXY_QLEN, NEIGH_VAR_PROXY_QLEN, proxy_qlen), NUMBER(NDTPA_QUEUE_LENBYTES, NEIGH_VAR_QUEUE_LEN, queue_len_bytes),
	TIME(NDTPA_BASE_REACHABLE_TIME, NEIGH_VAR_BASE_REACHABLE, base_reachable_time), TIME(NDTPA_GC_STALETIME, NEIGH_VAR_GC_STALETIME, gc_staletime),
	TIME(NDTPA_DELAY_PROBE_TIME, NEIGH_VAR_DELAY_PROBE, delay_probe_time), TIME(NDTPA_RETRANS_TIME, NEIGH_VAR_RETRANS, retrans_time),
	TIME(NDTPA_ANYCAST_DELAY, NEIGH_VAR_ANYCAST_DELAY, anycast_delay), TIME(NDTPA_PROXY_DELAY, NEIGH_VAR_PROXY_DELAY, proxy_delay),
	TIME(NDTPA_LOCKTIME, NEIGH_VAR_LOCKTIME, locktime), TIME(NDTPA_INTERVAL_PROBE, NEIGH_VAR_INTERVAL_PROBE, interval_probe_time),
};

static int set_parms(struct nl_request *rq, const struct neigh_table *tbl, const struct nlattr *nest)
{
	struct nl_policy policy[NDTPA_INTERVAL_PROBE + 1] = { [NDTPA_IFINDEX] = { .type = NLP_U32 }, [NDTPA_QUEUE_LEN] = { .type = NLP_U32 } };
	struct net_device *dev = NULL;
	struct neigh_parms *p;
	struct nl_attrs a;
	s32 ifindex;
	int err;

	for (unsigned i = 0; i < ARRAY_SIZE(settable); i++)
		policy[settable[i].type].type = settable[i].is_time ? NLP_U64 : NLP_U32;
	err = nl_parse_nested(nest, &a, NDTPA_INTERVAL_PROBE, policy, false, rq->ack);
	if (err)
		return err;
	if (a.a[NDTPA_INTERVAL_PROBE] && !nl_u64(a.a[NDTPA_INTERVAL_PROBE])) {
		NL_SET_ERR_ATTR(rq->ack, a.a[NDTPA_INTERVAL_PROBE], "integer out of range");
		return -ERANGE;
	}
	ifindex = a.a[NDTPA_IFINDEX] ? (s32)nl_u32(a.a[NDTPA_IFINDEX]) : 0;
	if (ifindex) {
		dev = dev_by_index(rq->net, ifindex);
		if (!dev || !(tbl == &arp_table ? (void *)dev->ip_ptr : (void *)dev->ip6_ptr))
			return -ENOENT;
	}
	p = neigh_parms_for(rq->net, tbl, dev);
	if (!p)
		return -ENOENT;
	if (a.a[NDTPA_QUEUE_LEN]) {
		p->queue_len_bytes = nl_u32(a.a[NDTPA_QUEUE_LEN]) * QUEUE_LEN_TRUESIZE;
		neigh_parms_changed(rq->net, p, NEIGH_VAR_QUEUE_LEN);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(settable); i++) {
		const struct nlattr *v = a.a[settable[i].type];
		u8 *field = (u8 *)p + settable[i].offset;
		if (!v)
			continue;
		if (settable[i].is_time)
			*(u64 *)field = MIN(nl_u64(v), UINT64_MAX / NSEC_PER_MSEC) * NSEC_PER_MSEC;
		else
			*(u32 *)field = nl_u32(v);
		neigh_parms_changed(rq->net, p, settable[i].var);
	}
	return 0;
}

static int set_neightbl(struct nl_request *rq)
{
	const struct neigh_table *tbl = NULL;
	struct nl_attrs a;
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, sizeof(struct ndtmsg), &len);
	bool limits;
	u8 family;
	char name[16];
	int err;

	if (nlmsg_body_len(rq->nlh) < sizeof(struct ndtmsg))
		return -EINVAL;
	err = nl_parse(p, len, &a, NDTA_MAX, set_policy, false, rq->ack);
	if (err)
		return err;
	if (!a.a[NDTA_NAME])
		return -EINVAL;
	family = ((const struct ndtmsg *)nlmsg_hdr_data(rq->nlh))->ndtm_family;
	nl_strcpy(name, sizeof(name), a.a[NDTA_NAME]);
	for (unsigned i = 0; i < 2; i++) {
		const struct neigh_table *t = i ? &nd_table : &arp_table;
		if ((!family || family == t->family) && !strcmp(t->id, name))
			tbl = t;
	}
	if (!tbl)
		return -ENOENT;
	limits = a.a[NDTA_THRESH1] || a.a[NDTA_THRESH2] || a.a[NDTA_THRESH3] || a.a[NDTA_GC_INTERVAL];
	if (a.a[NDTA_PARMS]) {
		err = set_parms(rq, tbl, a.a[NDTA_PARMS]);
		if (err)
			return err;
	}
	if (limits) { /* those of the first namespace hold for all, and only there they are set */
		struct neigh_slot *s = neigh_slot_of(rq->net, tbl);
		if (rq->net != rq->net->world->init_net)
			return -ENOENT;
		s->gc_thresh1 = a.a[NDTA_THRESH1] ? (s32)nl_u32(a.a[NDTA_THRESH1]) : s->gc_thresh1;
		s->gc_thresh2 = a.a[NDTA_THRESH2] ? (s32)nl_u32(a.a[NDTA_THRESH2]) : s->gc_thresh2;
		s->gc_thresh3 = a.a[NDTA_THRESH3] ? (s32)nl_u32(a.a[NDTA_THRESH3]) : s->gc_thresh3;
		if (a.a[NDTA_GC_INTERVAL])
			s->gc_interval = MIN(nl_u64(a.a[NDTA_GC_INTERVAL]), UINT64_MAX / NSEC_PER_MSEC) * NSEC_PER_MSEC;
	}
	return 0;
}

const struct nl_handler rt_neightbl_handlers[] = {
	{ .protocol = NETLINK_ROUTE, .type = RTM_SETNEIGHTBL, .doit = set_neightbl },
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETNEIGHTBL, .dump = dump_neightbl },
	{ 0 },
};
