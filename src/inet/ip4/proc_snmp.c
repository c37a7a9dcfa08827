/* /proc/net/snmp and /proc/net/netstat: the counters of core/mib.h, two lines a group (names, values), in Linux's order. */
#include <stdio.h>

#include "core/mib.h"
#include "core/proc.h"
#include "inet/ip4/ip4.h"
#include "inet/ip4/ip4_tables.h"

struct counter {
	const char *name;
	enum mib mib;
};
#define X(group, name) { #name, MIB_##group##_##name },
static const struct counter ip[] = { MIB_IP(X) }, icmp[] = { MIB_ICMP(X) }, tcp[] = { MIB_TCP(X) }, udp[] = { MIB_UDP(X) },
			    tcpext[] = { MIB_TCPEXT(X) }, ipext[] = { MIB_IPEXT(X) };
#undef X

static const struct {
	const char *name;
	u8 type;
} icmp_types[] = { { "DestUnreachs", 3 }, { "TimeExcds", 11 }, { "ParmProbs", 12 }, { "SrcQuenchs", 4 }, { "Redirects", 5 },
		   { "Echos", 8 }, { "EchoReps", 0 }, { "Timestamps", 13 }, { "TimestampReps", 14 }, { "AddrMasks", 17 },
		   { "AddrMaskReps", 18 } };

static void names(struct strbuf *out, const char *prefix, const char *fixed, const struct counter *c, unsigned n)
{
	strbuf_printf(out, "%s:%s", prefix, fixed);
	for (unsigned i = 0; i < n; i++)
		strbuf_printf(out, " %s", c[i].name);
}
static void values(struct netns *net, struct strbuf *out, const struct counter *c, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		strbuf_printf(out, " %llu", (unsigned long long)mib_sum(net, c[i].mib));
}
static void group(struct netns *net, struct strbuf *out, const char *prefix, const char *fixed_names, const char *fixed_values,
		  const struct counter *c, unsigned n)
{
	names(out, prefix, fixed_names, c, n);
	strbuf_printf(out, "\n%s:%s", prefix, fixed_values);
	values(net, out, c, n);
	strbuf_printf(out, "\n");
}

/* The Icmp group has counters by type in its middle, which are also shown, all of them that moved, as IcmpMsg. */
enum { IN_COUNTERS = 3 };
static void icmp_group(struct netns *net, struct strbuf *out)
{
	for (unsigned line = 0; line < 2; line++) {
		strbuf_printf(out, "Icmp:");
		for (unsigned part = 0; part < 2; part++) {
			unsigned from = part ? IN_COUNTERS : 0, to = part ? ARRAY_SIZE(icmp) : IN_COUNTERS;
			enum mib base = part ? MIB_IcmpMsg_OutType0 : MIB_IcmpMsg_InType0;
			if (line)
				values(net, out, icmp + from, to - from);
			for (unsigned i = from; !line && i < to; i++)
				strbuf_printf(out, " %s", icmp[i].name);
			for (unsigned i = 0; i < ARRAY_SIZE(icmp_types); i++) {
				if (line)
					strbuf_printf(out, " %llu", (unsigned long long)mib_sum(net, base + icmp_types[i].type));
				else
					strbuf_printf(out, " %s%s", part ? "Out" : "In", icmp_types[i].name);
			}
		}
		strbuf_printf(out, "\n");
	}
}

static void icmp_msgs(struct netns *net, struct strbuf *out)
{
	unsigned shown = 0;
	for (unsigned line = 0; line < 2; line++) {
		for (unsigned i = 0; i < 512; i++) {
			u64 v = mib_sum(net, MIB_IcmpMsg_InType0 + i);
			if (!v)
				continue;
			if (!line && !shown++)
				strbuf_printf(out, "IcmpMsg:");
			if (line)
				strbuf_printf(out, " %llu", (unsigned long long)v);
			else
				strbuf_printf(out, " %s%u", i < 256 ? "InType" : "OutType", i & 255);
		}
		if (!shown)
			return;
		strbuf_printf(out, line ? "\n" : "\nIcmpMsg:");
	}
}

static void snmp_show(struct netns *net, struct strbuf *out)
{
	char fixed[32] = " 2 64";
	if (net->ip4) {
		int forwarding = net->ip4->conf_all[IP4_CONF_FORWARDING] ? 1 : 2;
		snprintf(fixed, sizeof(fixed), " %d %d", forwarding, net->ip4->default_ttl);
	}
	group(net, out, "Ip", " Forwarding DefaultTTL", fixed, ip, ARRAY_SIZE(ip));
	icmp_group(net, out);
	icmp_msgs(net, out);
	group(net, out, "Tcp", " RtoAlgorithm RtoMin RtoMax MaxConn", " 1 200 120000 -1", tcp, ARRAY_SIZE(tcp));
	group(net, out, "Udp", "", "", udp, ARRAY_SIZE(udp));
	/* UDP-Lite is not there; the kernel prints its counters all the same. */
	names(out, "UdpLite", "", udp, ARRAY_SIZE(udp));
	strbuf_printf(out, "\nUdpLite: 0 0 0 0 0 0 0 0 0\n");
}
const struct proc_file proc_snmp = { .name = "snmp", .mode = 0444, .show = snmp_show };

static void netstat_show(struct netns *net, struct strbuf *out)
{
	group(net, out, "TcpExt", "", "", tcpext, ARRAY_SIZE(tcpext));
	group(net, out, "IpExt", "", "", ipext, ARRAY_SIZE(ipext));
}
const struct proc_file proc_netstat = { .name = "netstat", .mode = 0444, .show = netstat_show };
