/* RTM_GETNEIGHTBL: the parameters of neighbour tables, the defaults first and then each device's (`ip ntable`). Setting them goes by
 * /proc/sys/net/ipv4/neigh; RTM_SETNEIGHTBL is EOPNOTSUPP. */
#include <linux/neighbour.h>

#include "control/route/rt.h"
#include "inet/ip4/ip4.h"
#include "inet/ip6/ip6.h"
#include "link/neigh.h"
#include "link/netns_dev.h"

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
		u32 entries = 0;
		neigh_walk(d->net, tbl, count, &entries);
		c.ndtc_entries = entries;
		put_ms(b, NDTA_GC_INTERVAL, 30 * NSEC_PER_SEC);
		nl_put_u32(b, NDTA_THRESH1, 128);
		nl_put_u32(b, NDTA_THRESH2, 512);
		nl_put_u32(b, NDTA_THRESH3, 1024);
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
const struct nl_handler rt_neightbl_handlers[] = {
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETNEIGHTBL, .dump = dump_neightbl },
	{ 0 },
};
