/* A packet's life as one line of JSON. */
#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <stdio.h>

#include "cli/trace_view.h"

static void string(FILE *to, const char *key, const char *s, size_t max)
{
	fprintf(to, ",\"%s\":\"", key);
	for (size_t i = 0; i < max && s[i]; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '"' || c == '\\')
			fprintf(to, "\\%c", c);
		else if (c < 32 || c >= 127) /* names are bytes, of no known encoding */
			fprintf(to, "\\u%04x", c);
		else
			putc(c, to);
	}
	putc('"', to);
}

static void number(FILE *to, const char *key, u64 v) { fprintf(to, ",\"%s\":%llu", key, (unsigned long long)v); }

static void address(FILE *to, const char *key, u8 family, const u8 *a)
{
	static const u8 none[16];
	char text[INET6_ADDRSTRLEN];

	if ((family == AF_INET || family == AF_INET6) && memcmp(a, none, family == AF_INET ? 4 : 16) &&
	    inet_ntop(family, a, text, sizeof(text)))
		string(to, key, text, sizeof(text));
}

static void details(FILE *to, const struct trace_event *ev)
{
	char text[INET6_ADDRSTRLEN];

	switch (ev->point) {
	case TP_ROUTE_OUT:
	case TP_ROUTE_IN:
		if ((ev->family != AF_INET && ev->family != AF_INET6) || ev->route_type == RTN_UNSPEC)
			break;
		string(to, "prefix", inet_ntop(ev->family, ev->prefix, text, sizeof(text)), sizeof(text));
		number(to, "prefix_len", ev->prefix_len);
		number(to, "route_type", ev->route_type);
		number(to, "table", ev->table);
		address(to, "via", ev->family, ev->gateway);
		if (ev->oif[0])
			string(to, "oif", ev->oif, sizeof(ev->oif));
		break;
	case TP_NEIGH:
		address(to, "neighbour", ev->family, ev->gateway);
		fprintf(to, ",\"lladdr\":\"%02x:%02x:%02x:%02x:%02x:%02x\"", ev->lladdr[0], ev->lladdr[1], ev->lladdr[2], ev->lladdr[3],
			ev->lladdr[4], ev->lladdr[5]);
		number(to, "nud_state", ev->neigh_state);
		break;
	case TP_DROP:
		string(to, "reason", skb_drop_reason_name(ev->reason), 64);
		break;
	}
}

void trace_show_json(FILE *to, const struct life *l, s64 wall_minus_mono)
{
	u64 born = l->ev[0].time_ns, wall = born + (u64)wall_minus_mono;
	const struct trace_event *last = &l->ev[l->n - 1];
	char text[512] = "";

	for (unsigned i = 0; i < l->n && !packet_summary(&l->ev[i], text, sizeof(text)); i++)
		;
	fprintf(to, "{\"packet\":%u,\"time\":%llu.%09llu", l->packet, (unsigned long long)(wall / NSEC_PER_SEC),
		(unsigned long long)(wall % NSEC_PER_SEC));
	string(to, "summary", text, sizeof(text));
	fprintf(to, ",\"later\":%s,\"stages\":[", l->shown_before ? "true" : "false");
	for (unsigned i = 0; i < l->n; i++) {
		const struct trace_event *ev = &l->ev[i];

		fprintf(to, "%s{\"ns\":%llu", i ? "," : "", (unsigned long long)(ev->time_ns - born));
		string(to, "stage", trace_point_name(ev->point), 32);
		string(to, "netns", ev->netns, sizeof(ev->netns));
		number(to, "netns_id", ev->netns_id);
		if (ev->dev[0])
			string(to, "dev", ev->dev, sizeof(ev->dev));
		number(to, "len", ev->len);
		number(to, "a", ev->a);
		number(to, "b", ev->b);
		details(to, ev);
		trace_describe(ev, text, sizeof(text));
		if (text[0])
			string(to, "text", text, sizeof(text));
		fprintf(to, "}");
	}
	fprintf(to, "],\"total_ns\":%llu", (unsigned long long)(last->time_ns - born));
	string(to, "end", trace_point_name(last->point), 32);
	if (last->point == TP_DROP)
		string(to, "reason", skb_drop_reason_name(last->reason), 64);
	fprintf(to, "}\n");
}
