/* What a real kernel did about ARP, and what we do: arp.txt (record.py made it of arp.cases, and says what its lines mean) played
 * against a host of ours in virtual time.
 *
 * The host's devices are veths whose other ends lie in a namespace without addresses, where what it sends is caught and from where
 * frames come. Within a pause of the recorder's, frames of both wires are in the order of their text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <unistd.h>

#include <linux/rtnetlink.h>
#include <netinet/in.h>

#include <weft/weft.h>

#include "codec/wire/arp.h"
#include "codec/wire/ip4hdr.h"
#include "inet/ip4/ip4.h"
#include "link/neigh.h"
#include "link/netdevice.h"

#define MAX_LINES 64
#define LINE 160
#define PAUSE_NS 30000000u /* the recorder waits so long for what comes of an action */

static struct {
	weft_world *w;
	weft_netns *host, *wire;
	struct cpu *cpu;
	struct net_device *e[2], *wired[2];
	struct dev_tap tap[2];
	char have[MAX_LINES][LINE], want[MAX_LINES][LINE];
	unsigned nhave, nwant, differ, compared;
	char title[LINE], action[512];
	unsigned line;
} t;

static const struct { const char *name; u8 mac[6]; } macs[] = {
	{ "a", { 2, 0, 0, 0, 0, 0x0a } }, { "b", { 2, 0, 0, 0, 0, 0x0b } },   { "c", { 2, 0, 0, 0, 0, 0x0c } },   { "d", { 2, 0, 0, 0, 0, 0x0d } },
	{ "0", { 0 } },			  { "e0", { 2, 0, 0, 0, 0, 0xe0 } }, { "e1", { 2, 0, 0, 0, 0, 0xe1 } }, { "*", { 255, 255, 255, 255, 255, 255 } },
};
static const u8 *mac(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(macs); i++)
		if (!strcmp(macs[i].name, name))
			return macs[i].mac;
	fail_msg("line %u: no address %s", t.line, name);
	return NULL;
}
static const char *mac_name(const u8 *m)
{
	for (size_t i = 0; i < ARRAY_SIZE(macs); i++)
		if (!memcmp(macs[i].mac, m, 6))
			return macs[i].name;
	return "?";
}
static const char *dotted(be32 a)
{
	static char buf[4][16];
	static unsigned turn;
	char *s = buf[turn++ & 3];
	u32 v = be32_to_cpu(a);
	snprintf(s, 16, "%u.%u.%u.%u", v >> 24, v >> 16 & 255, v >> 8 & 255, v & 255);
	return s;
}
static be32 addr(const char *s)
{
	unsigned a, b, c, d;
	assert_int_equal(sscanf(s, "%u.%u.%u.%u", &a, &b, &c, &d), 4);
	return cpu_to_be32(a << 24 | b << 16 | c << 8 | d);
}
static struct net_device *device(const char *name) { return t.e[name[1] - '0']; }

static void got(const char *fmt, ...)
{
	va_list ap;
	assert_true(t.nhave < MAX_LINES);
	va_start(ap, fmt);
	vsnprintf(t.have[t.nhave++], LINE, fmt, ap);
	va_end(ap);
}

/* A frame that came out of the host's end of a wire. */
static void caught(struct cpu *cpu, struct dev_tap *tap, struct sk_buff *skb, struct net_device *dev, bool outgoing)
{
	unsigned i = (unsigned)(tap - t.tap);
	const struct eth_hdr *eth = (const struct eth_hdr *)skb_mac_header(skb);
	struct arp_eth_ip4 arp;
	struct ip4_hdr ip;

	if (outgoing)
		return;
	if (be16_to_cpu(skb->protocol) == ETH_P_ARP && skb_copy_bits(skb, 0, &arp, sizeof arp)) {
		u16 op = be16_to_cpu(arp.hdr.op);
		got("w%u %s %s %s %s %s %s", i, mac_name(eth->dst), op == ARP_OP_REQUEST ? "request" : op == ARP_OP_REPLY ? "reply" : "?",
		    mac_name(arp.sha), dotted(arp.sip), mac_name(arp.tha), dotted(arp.tip));
	} else if (be16_to_cpu(skb->protocol) == ETH_P_IP && skb_copy_bits(skb, 0, &ip, sizeof ip) && ip.protocol != IPPROTO_IGMP) {
		got("w%u %s packet %s %s", i, mac_name(eth->dst), dotted(ip.saddr), dotted(ip.daddr));
	}
}

static void host_up(void)
{
	assert_int_equal(weft_world_new(1, 1, &t.w), 0);
	assert_int_equal(weft_netns_new(t.w, "host", &t.host), 0);
	assert_int_equal(weft_netns_new(t.w, "wire", &t.wire), 0);
	t.cpu = t.host->home;
	assert_int_equal(weft_link_up(t.host, "lo"), 0);
	for (unsigned i = 0; i < 2; i++) {
		const char *e = i ? "e1" : "e0", *w = i ? "w1" : "w0";
		assert_int_equal(weft_veth_new(t.host, e, t.wire, w), 0);
		t.e[i] = dev_by_name(t.host, e);
		t.wired[i] = dev_by_name(t.wire, w);
		assert_int_equal(dev_set_mac(t.cpu, t.e[i], mac(e), NULL), 0);
		assert_int_equal(dev_change_flags(t.cpu, t.wired[i], t.wired[i]->flags | IFF_UP | IFF_NOARP, NULL), 0);
		assert_int_equal(weft_link_up(t.host, e), 0);
		t.tap[i] = (struct dev_tap){ .fn = caught, .ethertype = 3 /* ETH_P_ALL */ };
		dev_tap_add(t.wire, t.wired[i], &t.tap[i]);
	}
	weft_run_for(t.w, NSEC_PER_SEC * 10);
	t.nhave = 0;
}
static void host_down(void)
{
	if (!t.w)
		return;
	dev_tap_del(&t.tap[0]);
	dev_tap_del(&t.tap[1]);
	weft_netns_free(t.host);
	weft_netns_free(t.wire);
	weft_world_free(t.w);
	t.w = NULL;
}

static void change_addr(const char *verb, const char *prefix, struct net_device *dev, const char *scope)
{
	struct in_ifaddr_config c = { .local = addr(prefix), .address = addr(prefix), .prefix_len = (u8)atoi(strchr(prefix, '/') + 1),
				      .has_scope = *scope, .scope = !strcmp(scope, "link") ? RT_SCOPE_LINK : RT_SCOPE_HOST, .excl = true };
	assert_int_equal(!strcmp(verb, "del") ? ip4_addr_del(t.cpu, dev, &c, NULL) : ip4_addr_add(t.cpu, dev, &c, NULL), 0);
}

/* From the far end of dev's wire. */
static void frame(struct net_device *dev, const void *bytes, u32 len)
{
	struct sk_buff *skb = skb_alloc(t.cpu, SKB_HEADROOM, len);
	struct net_device *from = t.wired[dev == t.e[1]];

	assert_non_null(skb);
	memcpy(skb_put(skb, len), bytes, len);
	skb->dev = from;
	skb_reset_mac_header(skb);
	skb->network_header = (u16)(skb->mac_header + MIN(len, (u32)ETH_HDR_LEN));
	dev_queue_xmit(t.cpu, skb);
}

static void receive(char w[][32])
{
	struct { struct eth_hdr eth; struct arp_eth_ip4 arp; } f;

	memcpy(f.eth.dst, mac(w[2]), 6);
	memcpy(f.eth.src, mac(w[4]), 6);
	f.eth.type = BE16(ETH_P_ARP);
	arp_ip4_build(&f.arp, 1, !strcmp(w[3], "request") ? ARP_OP_REQUEST : ARP_OP_REPLY, 6, mac(w[4]), addr(w[5]), mac(w[6]), addr(w[7]));
	frame(device(w[1]), &f, sizeof f);
}

static void receive_raw(struct net_device *dev, const char *hex)
{
	u8 bytes[256];
	u32 n = 0;
	unsigned v;

	for (; *hex; n++) {
		const char *name = *hex == 'E' ? "e0" : *hex == 'A' ? "a" : *hex == 'B' ? "b" : *hex == 'F' ? "*" : NULL;
		if (name) {
			memcpy(bytes + n, mac(name), 6);
			n += 5;
			hex++;
		} else {
			assert_int_equal(sscanf(hex, "%2x", &v), 1);
			bytes[n] = (u8)v;
			hex += 2;
		}
	}
	frame(dev, bytes, n);
}

static void send_packet(const char *src, const char *dst)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = addr(src).raw }, b = { .sin_family = AF_INET, .sin_addr.s_addr = addr(dst).raw };
	struct iovec v = { (void *)"x", 1 };
	struct msghdr m = { .msg_name = &b, .msg_namelen = sizeof b, .msg_iov = &v, .msg_iovlen = 1 };
	weft_socket *s;

	assert_int_equal(weft_socket_new(t.host, AF_INET, SOCK_RAW, 253, &s), 0);
	assert_int_equal(weft_bind(s, (struct sockaddr *)&a, sizeof a), 0);
	weft_sendmsg(s, &m, 0);
	weft_close(s);
}

static int list_neighbour(void *arg, struct neighbour *n)
{
	static const struct { u8 state; const char *name; } states[] = { { NUD_INCOMPLETE, "INCOMPLETE" }, { NUD_REACHABLE, "REACHABLE" },
		{ NUD_STALE, "STALE" }, { NUD_DELAY, "DELAY" }, { NUD_PROBE, "PROBE" }, { NUD_FAILED, "FAILED" }, { NUD_PERMANENT, "PERMANENT" } };
	be32 a;

	memcpy(&a, n->key, 4);
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (n->nud_state == states[i].state)
			got("%s %s %s %s", dotted(a), n->dev->name, n->nud_state & (NUD_INCOMPLETE | NUD_FAILED) ? "-" : mac_name(n->ha), states[i].name);
	return 0;
}

static int by_text(const void *a, const void *b) { return strcmp(a, b); }

static void act(const char *line)
{
	char w[8][32] = { "" }, hex[300], path[64];
	u64 ns = PAUSE_NS;
	int n = sscanf(line, "%31s %31s %31s %31s %31s %31s %31s %31s", w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]);

	assert_true(n > 0);
	t.cpu->now = weft_now(t.w);
	if (!strcmp(w[0], "addr"))
		change_addr(w[1], w[2], device(w[3]), w[4]);
	else if (!strcmp(w[0], "route"))
		assert_int_equal(weft_route_add(t.host, w[2], NULL, w[3]), 0);
	else if (!strcmp(w[0], "link"))
		assert_int_equal(!strcmp(w[1], "up") ? weft_link_up(t.host, w[2]) : weft_link_down(t.host, w[2]), 0);
	else if (!strcmp(w[0], "mac"))
		assert_int_equal(dev_set_mac(t.cpu, device(w[1]), mac(w[2]), NULL), 0);
	else if (!strcmp(w[0], "set"))
		assert_int_equal((snprintf(path, sizeof path, "net/ipv4/%s", w[1]), weft_sysctl_set(t.host, path, w[2])), 0);
	else if (!strcmp(w[0], "rx"))
		receive(w);
	else if (!strcmp(w[0], "raw") && sscanf(line, "raw %*s %299s", hex) == 1)
		receive_raw(device(w[1]), hex);
	else if (!strcmp(w[0], "send"))
		send_packet(w[1], w[2]);
	else if (!strcmp(w[0], "wait"))
		ns += (u64)(atof(w[1]) * 1e9);
	else if (!strcmp(w[0], "neigh"))
		neigh_walk(t.host, &arp_table, list_neighbour, NULL);
	else
		fail_msg("line %u: %s", t.line, line);
	weft_run_for(t.w, ns);
	qsort(t.have, t.nhave, LINE, by_text);
}

static void compare(void)
{
	bool same = t.nhave == t.nwant;

	for (unsigned i = 0; same && i < t.nhave; i++)
		same = !strcmp(t.have[i], t.want[i]);
	t.compared += t.nwant;
	if (!same) {
		t.differ++;
		print_message("line %u, %s: %s\n", t.line, t.title, t.action);
		for (unsigned i = 0; i < t.nwant; i++)
			print_message("  kernel %s\n", t.want[i]);
		for (unsigned i = 0; i < t.nhave; i++)
			print_message("  weft   %s\n", t.have[i]);
	}
	t.nhave = t.nwant = 0;
}

static void as_recorded(void **state)
{
	const char *slash = strrchr(__FILE__, '/');
	char path[512], exe[256] = "", *line = NULL;
	size_t cap = 0;
	ssize_t n;
	FILE *f;

	/* __FILE__ is seen from the build folder, where this program is. */
	assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	*strrchr(exe, '/') = 0;
	snprintf(path, sizeof path, "%s%s%.*s/arp.txt", *__FILE__ == '/' ? "" : exe, *__FILE__ == '/' ? "" : "/", (int)(slash - __FILE__), __FILE__);
	assert_non_null(f = fopen(path, "r"));
	for (unsigned at = 1; (n = getline(&line, &cap, f)) > 0; at++) {
		line[n - 1] = 0;
		if (*line == '#')
			continue;
		if (*line == '>') {
			assert_true(t.nwant < MAX_LINES);
			snprintf(t.want[t.nwant++], LINE, "%s", line + 2);
			continue;
		}
		compare();
		t.line = at;
		snprintf(t.action, sizeof t.action, "%s", line);
		if (!strncmp(line, "case ", 5)) {
			host_down();
			host_up();
			snprintf(t.title, sizeof t.title, "%s", line + 5);
		} else {
			act(line);
		}
	}
	compare();
	host_down();
	free(line);
	fclose(f);
	assert_true(t.compared > 200);
	assert_int_equal(t.differ, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(as_recorded) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
