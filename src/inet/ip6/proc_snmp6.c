/* /proc/net/snmp6: a counter a line, in Linux's order. */
#include <stdio.h>

#include "core/mib.h"
#include "core/proc.h"
#include "inet/ip6/ip6.h"
#include "inet/ip6/ip6_tables.h"
#include "link/netns_dev.h"

struct counter {
	const char *name;
	enum mib mib;
};
#define X(group, name) { #group #name, MIB_##group##_##name },
static const struct counter ip[] = { MIB_IP6(X) }, icmp[] = { MIB_ICMP6(X) }, udp[] = { MIB_UDP6(X) };
#undef X
static const struct {
	const char *name;
	u8 type;
} types[] = { { "DestUnreachs", 1 }, { "PktTooBigs", 2 }, { "TimeExcds", 3 }, { "ParmProblems", 4 }, { "Echos", 128 }, { "EchoReplies", 129 },
	      { "GroupMembQueries", 130 }, { "GroupMembResponses", 131 }, { "GroupMembReductions", 132 }, { "RouterSolicits", 133 },
	      { "RouterAdvertisements", 134 }, { "NeighborSolicits", 135 }, { "NeighborAdvertisements", 136 }, { "Redirects", 137 },
	      { "MLDv2Reports", 143 } };

static void line(struct strbuf *out, const char *a, const char *b, u64 v)
{
	char name[64];
	snprintf(name, sizeof(name), "%s%s", a, b);
	strbuf_printf(out, "%-32s\t%llu\n", name, (unsigned long long)v);
}

static void snmp6_show(struct netns *net, struct strbuf *out)
{
	if (!net->ip6)
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(ip); i++)
		line(out, ip[i].name, "", mib_sum(net, ip[i].mib));
	for (unsigned i = 0; i < ARRAY_SIZE(icmp); i++)
		line(out, icmp[i].name, "", mib_sum(net, icmp[i].mib));
	for (unsigned dir = 0; dir < 2; dir++)
		for (unsigned i = 0; i < ARRAY_SIZE(types); i++)
			line(out, dir ? "Icmp6Out" : "Icmp6In", types[i].name, mib_sum(net, (dir ? MIB_Icmp6Msg_OutType0 : MIB_Icmp6Msg_InType0) + types[i].type));
	for (unsigned i = 0; i < 512; i++) {
		u64 v = mib_sum(net, MIB_Icmp6Msg_InType0 + i);
		char n[8];
		snprintf(n, sizeof(n), "%u", i & 255);
		if (v)
			line(out, i < 256 ? "Icmp6InType" : "Icmp6OutType", n, v);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(udp); i++)
		line(out, udp[i].name, "", mib_sum(net, udp[i].mib));
	/* UDP-Lite is not there; the kernel prints its counters all the same. */
	for (unsigned i = 0; i < ARRAY_SIZE(udp); i++)
		if (udp[i].mib != MIB_Udp6_IgnoredMulti)
			line(out, "UdpLite6", udp[i].name + 4, 0);
}
const struct proc_file proc_snmp6 = { .name = "snmp6", .mode = 0444, .show = snmp6_show };

/* One device's: without the transports. */
static int dev_snmp6_show(struct netns *net, const char *name, struct strbuf *out)
{
	const struct net_device *dev = dev_by_name(net, name);
	const struct inet6_dev *idev = dev ? in6_dev_get(dev) : NULL;
	if (!idev)
		return -ENOENT;
	strbuf_printf(out, "%-32s\t%u\n", "ifIndex", (unsigned)dev->ifindex);
	for (unsigned i = 0; i < ARRAY_SIZE(ip); i++)
		line(out, ip[i].name, "", idev->mib[ip[i].mib - MIB_DEV6_FIRST]);
	for (unsigned i = 0; i < ARRAY_SIZE(icmp); i++)
		if (icmp[i].mib != MIB_Icmp6_OutRateLimitHost) /* the namespace's alone */
			line(out, icmp[i].name, "", idev->mib[icmp[i].mib - MIB_DEV6_FIRST]);
	for (unsigned dir = 0; dir < 2; dir++)
		for (unsigned i = 0; i < ARRAY_SIZE(types); i++)
			line(out, dir ? "Icmp6Out" : "Icmp6In", types[i].name,
			     idev->mib[(dir ? MIB_Icmp6Msg_OutType0 : MIB_Icmp6Msg_InType0) + types[i].type - MIB_DEV6_FIRST]);
	for (unsigned i = 0; i < 512; i++) {
		u64 v = idev->mib[MIB_Icmp6Msg_InType0 + i - MIB_DEV6_FIRST];
		char n[8];
		snprintf(n, sizeof(n), "%u", i & 255);
		if (v)
			line(out, i < 256 ? "Icmp6InType" : "Icmp6OutType", n, v);
	}
	return 0;
}

static int dev_snmp6_walk(struct netns *net, int (*fn)(void *arg, const char *name), void *arg)
{
	struct net_device *dev;
	int r;
	dev_for_each(dev, net)
		if (dev->ip6_ptr && (r = fn(arg, dev->name)))
			return r;
	return 0;
}
const struct proc_file proc_dev_snmp6 = { .name = "dev_snmp6", .mode = 0444, .walk = dev_snmp6_walk, .show_in = dev_snmp6_show };
