/* Counters of devices: summed over cpus, and as /proc/net/dev, dev_mcast and softnet_stat show them. proc_net(5). */
#include <linux/if_ether.h>

#include "base/strbuf.h"
#include "core/proc.h"
#include "link/l3_proto.h"
#include "link/netns_dev.h"
#include "link/neigh.h"

void dev_get_stats(const struct net_device *dev, struct dev_stats *out)
{
	u64 *sum = (u64 *)out;
	memset(out, 0, sizeof(*out));
	for (unsigned c = 0; c < dev->net->world->ncpus; c++) {
		const u64 *one = (const u64 *)&dev->stats[c];
		for (unsigned i = 0; i < sizeof(*out) / sizeof(u64); i++)
			sum[i] += one[i];
	}
}

static void show_dev(struct netns *net, struct strbuf *out)
{
	struct net_device *dev;
	strbuf_printf(out, "Inter-|   Receive                                                |  Transmit\n"
			   " face |bytes    packets errs drop fifo frame compressed multicast|"
			   "bytes    packets errs drop fifo colls carrier compressed\n");
	dev_for_each(dev, net) {
		struct dev_stats s;
		dev_get_stats(dev, &s);
		strbuf_printf(out, "%6s: %7lu %7lu %4lu %4lu %4lu %5lu %10u %9lu %8lu %7lu %4lu %4lu %4lu %5lu %7lu %10u\n", dev->name,
			      s.rx_bytes, s.rx_packets, s.rx_errors, s.rx_dropped + s.rx_missed_errors, s.rx_fifo_errors,
			      s.rx_length_errors + s.rx_over_errors + s.rx_crc_errors + s.rx_frame_errors, 0, s.multicast,
			      s.tx_bytes, s.tx_packets, s.tx_errors, s.tx_dropped, s.tx_fifo_errors, s.collisions,
			      s.tx_carrier_errors + s.tx_aborted_errors, 0);
	}
}

static void show_mcast(struct netns *net, struct strbuf *out)
{
	struct net_device *dev;
	dev_for_each(dev, net) {
		struct dev_mc_addr *mc;
		list_for_each(mc, &dev->mc_list, link) {
			strbuf_printf(out, "%-4d %-15s %-5u %-5d ", dev->ifindex, dev->name, mc->users + mc->synced, mc->global);
			for (unsigned i = 0; i < dev->addr_len; i++)
				strbuf_printf(out, "%02x", mc->addr[i]);
			strbuf_printf(out, "\n");
		}
	}
}

const struct proc_file link_proc_dev = { "dev", 0444, show_dev };
const struct proc_file link_proc_dev_mcast = { "dev_mcast", 0444, show_mcast };

/* How tc converts times and rates: ticks of a microsecond's 15.625ths, nanoseconds in them, and the clocks' resolutions. */
static void show_psched(struct netns *net, struct strbuf *out) { strbuf_printf(out, "%08x %08x %08x %08x\n", 1000, 64, 1000000, 1000000000); }

static void show_taps(const struct list *taps, const char *dev, struct strbuf *out)
{
	const struct dev_tap *t;
	list_for_each(t, taps, link) {
		if (t->ethertype == ETH_P_ALL)
			strbuf_printf(out, "ALL ");
		else
			strbuf_printf(out, "%04x", t->ethertype);
		strbuf_printf(out, " %-8s packet_rcv\n", dev);
	}
}

/* Who gets which EtherType: packet sockets, then the network layers. */
static void show_ptype(struct netns *net, struct strbuf *out)
{
	static const struct { u16 ethertype; const char *handler; } known[] = { { 0x0800, "ip_rcv" }, { 0x0806, "arp_rcv" }, { 0x86dd, "ipv6_rcv" } };
	struct net_device *dev;
	strbuf_printf(out, "Type Device      Function\n");
	dev_for_each(dev, net)
		show_taps(&dev->taps, dev->name, out);
	show_taps(&net->dev->taps, "", out);
	for (unsigned i = 0; i < ARRAY_SIZE(known); i++)
		if (l3_proto_find(net->world, cpu_to_be16(known[i].ethertype)))
			strbuf_printf(out, "%04x %-8s %s\n", known[i].ethertype, "", known[i].handler);
}

const struct proc_file link_proc_psched = { "psched", 0444, show_psched };
const struct proc_file link_proc_ptype = { "ptype", 0444, show_ptype };
