/* A packet's life as text: what it is, then a line per stage with the time since its birth, the time since the stage before, the
 * namespace, the device, the stage, and what was decided there; last how it ended and how long it took. */
#include <arpa/inet.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <time.h>

#include "cli/text_line.h"
#include "cli/trace_view.h"

static const char *route_type(unsigned t)
{
	static const char *const name[] = { "unspec", "unicast", "local", "broadcast", "anycast", "multicast", "blackhole", "unreachable",
					    "prohibit", "throw", "nat", "xresolve" };

	return t < ARRAY_SIZE(name) ? name[t] : "?";
}

static const char *neigh_state(unsigned s)
{
	switch (s) {
	case NUD_INCOMPLETE: return "INCOMPLETE";
	case NUD_REACHABLE: return "REACHABLE";
	case NUD_STALE: return "STALE";
	case NUD_DELAY: return "DELAY";
	case NUD_PROBE: return "PROBE";
	case NUD_FAILED: return "FAILED";
	case NUD_NOARP: return "NOARP";
	case NUD_PERMANENT: return "PERMANENT";
	}
	return "NONE";
}

static const char *table_name(u32 t, char buf[12])
{
	if (t == RT_TABLE_MAIN)
		return "main";
	if (t == RT_TABLE_LOCAL)
		return "local";
	if (t == RT_TABLE_DEFAULT)
		return "default";
	snprintf(buf, 12, "%u", t);
	return buf;
}

static bool is_zero(const u8 *p, unsigned n)
{
	while (n--)
		if (*p++)
			return false;
	return true;
}

static void route(struct line *o, const struct trace_event *ev)
{
	unsigned alen = ev->family == AF_INET6 ? 16 : 4;
	char a[INET6_ADDRSTRLEN], table[12];

	if ((ev->family != AF_INET && ev->family != AF_INET6) || ev->route_type == RTN_UNSPEC) {
		line_add(o, "no route");
		return;
	}
	if (ev->route_type != RTN_UNICAST)
		line_add(o, "%s ", route_type(ev->route_type));
	if (!ev->prefix_len && is_zero(ev->prefix, alen))
		line_add(o, "default");
	else
		line_add(o, "%s/%u", inet_ntop(ev->family, ev->prefix, a, sizeof(a)), ev->prefix_len);
	if (!is_zero(ev->gateway, alen))
		line_add(o, " via %s", inet_ntop(ev->family, ev->gateway, a, sizeof(a)));
	if (ev->oif[0])
		line_add(o, " dev %.16s", ev->oif);
	line_add(o, " table %s", table_name(ev->table, table));
}

static void neigh(struct line *o, const struct trace_event *ev)
{
	char a[INET6_ADDRSTRLEN];

	if (ev->family)
		line_add(o, "%s ", inet_ntop(ev->family, ev->gateway, a, sizeof(a)));
	if (!is_zero(ev->lladdr, 6))
		line_add(o, "is at %02x:%02x:%02x:%02x:%02x:%02x ", ev->lladdr[0], ev->lladdr[1], ev->lladdr[2], ev->lladdr[3], ev->lladdr[4],
		    ev->lladdr[5]);
	line_add(o, "%s", neigh_state(ev->neigh_state));
}

static const char *proto_name(u64 p, char buf[24])
{
	switch (p) {
	case IPPROTO_ICMP: return "icmp";
	case IPPROTO_TCP: return "tcp";
	case IPPROTO_UDP: return "udp";
	case IPPROTO_ICMPV6: return "icmpv6";
	}
	snprintf(buf, 24, "protocol %llu", (unsigned long long)p);
	return buf;
}

void trace_describe(const struct trace_event *ev, char *buf, size_t size)
{
	struct line o = { .buf = buf, .size = size };
	unsigned long long a = ev->a, b = ev->b;
	char tmp[24];

	buf[0] = 0;
	switch (ev->point) {
	case TP_SOCK_SEND:
	case TP_SOCK_RECV:
		line_add(&o, "socket %llu", a);
		break;
	case TP_ROUTE_OUT:
	case TP_ROUTE_IN:
		route(&o, ev);
		break;
	case TP_NEIGH:
		neigh(&o, ev);
		break;
	case TP_QDISC:
		line_add(&o, "%llu queued", a);
		break;
	case TP_SEGMENT:
		line_add(&o, "into %llu segments", a);
		break;
	case TP_FRAGMENT:
		line_add(&o, "into %llu fragments", a);
		break;
	case TP_GRO:
	case TP_REASM:
		if (a)
			line_add(&o, "into packet #%llu", a);
		break;
	case TP_FORWARD:
		line_add(&o, "ttl %llu", a);
		break;
	case TP_LOCAL_IN:
		if (!ev->text[0]) /* else it says so itself */
			line_add(&o, "%s", proto_name(a, tmp));
		break;
	case TP_SOCK_LOOKUP:
		if (a)
			line_add(&o, "socket %llu", a);
		if (b && !ev->text[0])
			line_add(&o, " %s", trace_tcp_state((unsigned)b));
		break;
	case TP_SOCK_QUEUE:
		line_add(&o, "socket %llu, %llu bytes queued", a, b);
		break;
	case TP_DROP:
		line_add(&o, "%s", skb_drop_reason_name(ev->reason));
		break;
	}
	if (ev->text[0])
		line_add(&o, "%s%.*s", o.len ? ": " : "", (int)sizeof(ev->text), ev->text);
}

void trace_show_text(FILE *to, const struct life *l, s64 wall_minus_mono)
{
	u64 born = l->ev[0].time_ns, before = born, wall = born + (u64)wall_minus_mono;
	time_t sec = (time_t)(wall / NSEC_PER_SEC);
	char what[512] = "", when[16], words[256];
	const struct trace_event *last = &l->ev[l->n - 1];
	struct tm tm;

	for (unsigned i = 0; i < l->n && !packet_summary(&l->ev[i], what, sizeof(what)); i++)
		;
	localtime_r(&sec, &tm);
	strftime(when, sizeof(when), "%T", &tm);
	fprintf(to, "#%u%s %s.%06llu %s\n", l->packet, l->shown_before ? " (later)" : "", when,
		(unsigned long long)(wall % NSEC_PER_SEC / 1000), what);
	for (unsigned i = 0; i < l->n; i++) {
		const struct trace_event *ev = &l->ev[i];

		trace_describe(ev, words, sizeof(words));
		fprintf(to, "  %12.3fus %+11.3f  %-10.32s %-8.16s %-11s%s%s\n", (double)(ev->time_ns - born) / 1e3,
			(double)(ev->time_ns - before) / 1e3, ev->netns[0] ? ev->netns : "-", ev->dev[0] ? ev->dev : "-",
			trace_point_name(ev->point), words[0] ? " " : "", words);
		before = ev->time_ns;
	}
	fprintf(to, "  %12.3fus in %u stages, %s%s\n\n", (double)(last->time_ns - born) / 1e3, l->n,
		last->point == TP_DROP ? "dropped: " : "last seen at ",
		last->point == TP_DROP ? skb_drop_reason_name(last->reason) : trace_point_name(last->point));
}
