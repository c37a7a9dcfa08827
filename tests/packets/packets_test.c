/* Bad packets: what a real kernel did about each, and what we do. packets.txt.gz (packets.py made it, and says what its lines mean) played against
 * hosts of ours in virtual time.
 *
 * The host's devices are veths whose other ends lie in a namespace without addresses, from where the packets come and where what the host
 * sends is caught. Frames and counters must be the kernel's, but for what known() names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <weft/weft.h>

#include "codec/wire/checksum.h"
#include "codec/wire/eth.h"
#include "core/mib.h"
#include "inet/ip4/ip4.h"
#include "inet/ip6/ip6.h"
#include "link/neigh.h"
#include "link/netdevice.h"

#define MAX_FRAMES 64
#define PAUSE_NS 200000u
#define SHOWN 40 /* differences that are printed */

struct out { char dev[4]; u8 bytes[2048]; u32 len; };
static struct {
	weft_world *w;
	weft_netns *host, *wire;
	struct cpu *cpu;
	struct net_device *e[2], *wired[2];
	struct dev_tap tap[2];
	weft_socket *socks[2];
	struct out have[MAX_FRAMES], want[MAX_FRAMES];
	unsigned nhave, nwant;
	u64 mib[MIB_MAX];
	char group[32], title[256];
	unsigned differ, known, cases;
	unsigned long line;
} t;

static const u8 mac_of[][6] = { { 2, 0, 0, 0, 0, 0xe0 }, { 2, 0, 0, 0, 0, 0xe1 }, { 2, 0, 0, 0, 0, 0x0a }, { 2, 0, 0, 0, 0, 0x0b } };

/* -- as packets.py's tidy() -- */

static void tidy_transport(u8 *f, u32 len, u32 at, u8 proto, u32 ph, bool partial)
{
	u32 where = proto == 6 ? 16 : proto == 17 ? 6 : proto == 1 || proto == 58 ? 2 : 0;
	bool good;
	if (!where || len < at + where + 2)
		return;
	good = partial || !csum_fold(csum_add(proto == 1 ? 0 : ph, csum_partial(f + at, len - at, 0)));
	memset(f + at + where, good ? 0 : 0xff, 2);
	if (proto != 6 || !(f[at + 13] & 2))
		return;
	memset(f + at + 4, 0, 4);
	for (u32 o = at + 20, end = at + (f[at + 12] >> 4) * 4u; o < end && o < len && f[o]; o += f[o] == 1 ? 1u : MAX(f[o + 1], 1u))
		if (f[o] == 8)
			memset(f + o + 2, 0, 4);
}
static void tidy(u8 *f, u32 len, bool partial)
{
	u32 n = (f[14] & 15u) * 4;
	if (len >= 34 && f[12] == 8 && !f[13]) {
		bool good = !csum_fold(csum_partial(f + 14, n, 0));
		u32 ph;
		memset(f + 24, good ? 0 : 0xff, 2);
		memset(f + 18, 0, 2);
		if (!(f[20] & 0x3f) && !f[21]) {
		ph = csum_partial(f + 26, 8, 0);
		ph = csum_add(ph, csum_partial(&(be16){ cpu_to_be16(f[23]).raw }, 2, 0));
		ph = csum_add(ph, csum_partial(&(be16){ cpu_to_be16((u16)(len - 14 - n)).raw }, 2, 0));
		tidy_transport(f, len, 14 + n, f[23], ph, partial);
		}
		for (u32 i = 34; i + 4 <= MIN(len, 200u); i++) {
			u64 v = (u64)f[i] << 24 | f[i + 1] << 16 | f[i + 2] << 8 | f[i + 3];
			if (v - weft_now(t.w) / NSEC_PER_MSEC % 86400000 + 1 < 3)
				memcpy(f + i, "TIME", 4);
		}
	} else if (len >= 54 && f[12] == 0x86 && f[13] == 0xdd) {
		u32 ph = csum_partial(f + 22, 32, 0);
		if (f[20] == 44 && len >= 62)
			memset(f + 58, 0, 4);
		ph = csum_add(ph, csum_partial(&(be16){ cpu_to_be16(f[20]).raw }, 2, 0));
		ph = csum_add(ph, csum_partial(&(be16){ cpu_to_be16((u16)(len - 54)).raw }, 2, 0));
		tidy_transport(f, len, 54, f[20], ph, partial);
	}
}
static bool report_of_groups(const u8 *f, u32 len)
{
	if (f[12] == 8 && !f[13])
		return f[23] == 2;
	return f[12] == 0x86 && f[13] == 0xdd && len > 62 && !f[20] && f[54] == 58 && (f[62] == 131 || f[62] == 132 || f[62] == 143);
}

/* -- the host -- */

static void caught(struct cpu *cpu, struct dev_tap *tap, struct sk_buff *skb, struct net_device *dev, bool outgoing)
{
	struct out *o = &t.have[t.nhave];
	u32 mac = (u32)(skb->data - skb_mac_header(skb));
	if (outgoing || t.nhave == MAX_FRAMES)
		return;
	o->len = MIN(mac + skb->len, (u32)sizeof o->bytes);
	memcpy(o->bytes, skb_mac_header(skb), mac);
	skb_copy_bits(skb, 0, o->bytes + mac, o->len - mac);
	if (report_of_groups(o->bytes, o->len))
		return;
	snprintf(o->dev, sizeof o->dev, "e%u", (unsigned)(tap - t.tap));
	tidy(o->bytes, o->len, skb->ip_summed == CHECKSUM_PARTIAL);
	t.nhave++;
}

static void host_new(void)
{
	assert_int_equal(weft_world_new(1, 1, &t.w), 0);
	assert_int_equal(weft_netns_new(t.w, "host", &t.host), 0);
	assert_int_equal(weft_netns_new(t.w, "wire", &t.wire), 0);
	t.cpu = t.host->home;
	for (unsigned i = 0; i < 2; i++) {
		const char *e = i ? "e1" : "e0", *w = i ? "w1" : "w0";
		assert_int_equal(weft_veth_new(t.host, e, t.wire, w), 0);
		t.e[i] = dev_by_name(t.host, e);
		t.wired[i] = dev_by_name(t.wire, w);
		assert_int_equal(dev_set_mac(t.cpu, t.e[i], mac_of[i], NULL), 0);
	}
	assert_int_equal(weft_sysctl_set(t.wire, "net/ipv6/conf/all/disable_ipv6", "1"), 0);
}
static void host_free(void)
{
	if (!t.w)
		return;
	for (unsigned i = 0; i < 2; i++) {
		weft_close(t.socks[i]);
		dev_tap_del(&t.tap[i]);
	}
	weft_netns_free(t.host);
	weft_netns_free(t.wire);
	weft_world_free(t.w);
	t.w = NULL;
}

static void add_neigh(const char *addr, const char *dev, const u8 *mac)
{
	bool v6 = strchr(addr, ':');
	struct inaddr a = { .q = { 0 } };
	struct neighbour *n;
	if (v6) {
		assert_int_equal(inet_pton(AF_INET6, addr, a.b), 1);
	} else {
		be32 v;
		assert_int_equal(inet_pton(AF_INET, addr, &v), 1);
		a = inaddr_from_v4(v);
	}
	n = v6 ? neigh_get(t.cpu, &nd_table, &a, dev_by_name(t.host, dev)) : neigh_get(t.cpu, &arp_table, &a.w[3], dev_by_name(t.host, dev));
	assert_non_null(n);
	assert_int_equal(neigh_update(t.cpu, n, mac, NUD_PERMANENT, NEIGH_UPDATE_OVERRIDE | NEIGH_UPDATE_ADMIN, 0), 0);
}

static void listen_up(void)
{
	for (unsigned i = 0; i < 2; i++) {
		struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = cpu_to_be16(7).raw };
		assert_int_equal(weft_socket_new(t.host, AF_INET6, i ? SOCK_STREAM : SOCK_DGRAM, 0, &t.socks[i]), 0);
		assert_int_equal(weft_bind(t.socks[i], (struct sockaddr *)&a, sizeof a), 0);
		if (i)
			assert_int_equal(weft_listen(t.socks[i], 100000), 0);
		t.tap[i] = (struct dev_tap){ .fn = caught, .ethertype = 3 /* ETH_P_ALL */ };
		dev_tap_add(t.wire, t.wired[i], &t.tap[i]);
	}
	weft_run_for(t.w, NSEC_PER_SEC * 12);
	t.nhave = 0;
	for (unsigned m = 0; m < MIB_MAX; m++)
		t.mib[m] = mib_sum(t.host, (enum mib)m);
}

static void set_up(const char *line)
{
	char w[4][64] = { "" };
	sscanf(line, "%63s %63s %63s %63s", w[0], w[1], w[2], w[3]);
	t.cpu->now = weft_now(t.w);
	if (!strcmp(w[0], "set")) {
		if (weft_sysctl_set(t.host, w[1], w[2]))
			fail_msg("cannot set %s", w[1]);
	} else if (!strcmp(w[0], "up")) {
		assert_int_equal(weft_link_up(t.host, "lo"), 0);
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(dev_change_flags(t.cpu, t.wired[i], t.wired[i]->flags | IFF_UP | IFF_NOARP, NULL), 0);
			assert_int_equal(weft_link_up(t.host, t.e[i]->name), 0);
		}
	} else if (!strcmp(w[0], "mtu")) {
		assert_int_equal(dev_set_mtu(t.cpu, dev_by_name(t.host, w[1]), (u32)atoi(w[2]), NULL), 0);
	} else if (!strcmp(w[0], "addr")) {
		assert_int_equal(weft_addr_add(t.host, w[2], w[1]), 0);
	} else if (!strcmp(w[0], "neigh")) {
		add_neigh(w[1], w[2], mac_of[*w[3] == 'b' ? 3 : 2]);
	} else if (!strcmp(w[0], "listen")) {
		listen_up();
	} else {
		fail_msg("line %lu: %s", t.line, line);
	}
}

/* -- a packet -- */

static u32 unhex(const char *hex, u8 *to, u32 max)
{
	u32 n = 0;
	unsigned v;
	for (; n < max && sscanf(hex, "%2x", &v) == 1 && *hex != ' '; hex += 2)
		to[n++] = (u8)v;
	return n;
}

static void receive(const char *hex)
{
	static u8 bytes[66000];
	u32 len = unhex(hex, bytes, sizeof bytes);
	struct sk_buff *skb = skb_alloc(t.cpu, SKB_HEADROOM, len);
	u8 drain[2048];

	t.nhave = t.nwant = 0;
	t.cpu->now = weft_now(t.w);
	assert_non_null(skb);
	memcpy(skb_put(skb, len), bytes, len);
	skb->dev = t.wired[0];
	skb_reset_mac_header(skb);
	skb->network_header = (u16)(skb->mac_header + MIN(len, (u32)ETH_HDR_LEN));
	dev_queue_xmit(t.cpu, skb);
	weft_run_for(t.w, PAUSE_NS);
	while (weft_recv(t.socks[0], drain, sizeof drain, MSG_DONTWAIT) >= 0)
		;
}

static const char *const names[] = {
#define X(group, name) #group #name,
	MIB_ALL(X)
#undef X
};
static int mib_named(const char *name)
{
	static const struct { const char *prefix; unsigned first; } types[] = { { "Icmp6InType", MIB_Icmp6Msg_InType0 }, { "Icmp6OutType", MIB_Icmp6Msg_OutType0 },
									       { "IcmpMsgInType", MIB_IcmpMsg_InType0 }, { "IcmpMsgOutType", MIB_IcmpMsg_OutType0 } };
	for (unsigned i = 0; i < ARRAY_SIZE(types); i++)
		if (!strncmp(name, types[i].prefix, strlen(types[i].prefix)))
			return (int)types[i].first + atoi(name + strlen(types[i].prefix));
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], name))
			return (int)i;
	return -1;
}
static void mib_name(unsigned m, char *to, size_t size)
{
	if (m >= MIB_IcmpMsg_InType0)
		snprintf(to, size, "IcmpMsg%sType%u", m < MIB_IcmpMsg_OutType0 ? "In" : "Out", (m - MIB_IcmpMsg_InType0) % 256);
	else if (m >= MIB_Icmp6Msg_InType0)
		snprintf(to, size, "Icmp6%sType%u", m < MIB_Icmp6Msg_OutType0 ? "In" : "Out", (m - MIB_Icmp6Msg_InType0) % 256);
	else
		snprintf(to, size, "%s", names[m]);
}
/* packets.py's IGNORED */
static bool counted(const char *n)
{
	static const char *const parts[] = { "Octets", "OutMcast", "TcpExtTCPPureAcks", "TcpExtTCPHPHits", "TcpExtTCPOrigDataSent", "TcpExtTCPDelivered",
					     "OutRequests", "OutTransmits", "OutMsgs", "Icmp6OutType143", "Icmp6OutType131", "TcpCurrEstab", "TcpMaxConn", "TcpRto", "TcpExtTCPTimeouts" };
	for (unsigned i = 0; i < ARRAY_SIZE(parts); i++)
		if (strstr(n, parts[i]))
			return false;
	return true;
}

/* Protocols that this kernel has and weft has not (PIM, UDP-Lite), MLDv1 queries, errors about packets to no address from another link's, and
 * redirects to addresses of our own, whose limit depends on the recorder's clock; signatures of the wrong length, which a kernel with TCP-AO refuses
 * and the recorder's, without, lets pass. */
static bool known(void)
{
	static const struct { const char *group, *title; } differ[] = {
		{ "ip4", "protocol 103" },    { "ip4", "protocol 136" },	   { "ip6", "next header 103" }, { "ip6", "next header 136" },
		{ "ip6ext", "atomic fragment of 103" }, { "ip6ext", "atomic fragment of 136" },
		{ "tcp", "option 19 length" }, { "tcp", "option 29 length" },
		{ "mld", "130" },	      { "mld", "query of" },
		{ "ip6addr", "2001:db8:1::1 to ::" }, { "ip6addr", "2001:db8:1::2 to ::" }, { "ip6addr", "2001:db8:1::78 to ::" },
		{ "ip6addr", "fe80:: to fe80::" }, { "ip6addr", "fe80::ff:fe00:e0 to " },
	};
	for (unsigned i = 0; i < ARRAY_SIZE(differ); i++)
		if (!strcmp(differ[i].group, t.group) && !strncmp(differ[i].title, t.title, strlen(differ[i].title)))
			return true;
	return false;
}

static void hex(const struct out *o, const char *who)
{
	char line[2 * sizeof o->bytes + 1];
	for (u32 i = 0; i < o->len; i++)
		snprintf(line + 2 * i, 3, "%02x", o->bytes[i]);
	print_message("  %s %s %s\n", who, o->dev, line);
}

/* moved: what the kernel's counters did. */
static void compare(const char *moved, const char *frame)
{
	static u64 want[MIB_MAX];
	bool same = t.nhave == t.nwant, shown;
	char text[1024] = "", one[64], *copy = strdup(moved);
	unsigned long n;

	memset(want, 0, sizeof want);
	for (char *save = NULL, *p = strtok_r(copy, " \n", &save); p; p = strtok_r(NULL, " \n", &save)) {
		char *plus = strchr(p, '+');
		int m;
		if (!plus)
			continue;
		n = strtoul(plus, NULL, 10);
		*plus = 0;
		m = mib_named(p);
		if (m >= 0 && counted(p))
			want[m] = n;
	}
	free(copy);
	for (unsigned i = 0; same && i < t.nhave; i++)
		same = !strcmp(t.have[i].dev, t.want[i].dev) && t.have[i].len == t.want[i].len && !memcmp(t.have[i].bytes, t.want[i].bytes, t.have[i].len);
	for (unsigned m = 0; m < MIB_MAX; m++) {
		u64 now = mib_sum(t.host, (enum mib)m), d = now - t.mib[m];
		t.mib[m] = now;
		mib_name(m, one, sizeof one);
		if (d == want[m] || !counted(one))
			continue;
		same = false;
		snprintf(text + strlen(text), sizeof text - strlen(text), " %s %llu not %llu,", one, (unsigned long long)d, (unsigned long long)want[m]);
	}
	t.cases++;
	if (same)
		return;
	if (known()) {
		t.known++;
		return;
	}
	shown = t.differ++ < SHOWN || getenv("PACKETS_ALL");
	if (!shown)
		return;
	print_message("%s: %s:%s\n", t.group, t.title, text);
	if (getenv("PACKETS_ALL"))
		print_message("  rx %s\n", frame);
	for (unsigned i = 0; i < t.nwant; i++)
		hex(&t.want[i], "kernel");
	for (unsigned i = 0; i < t.nhave; i++)
		hex(&t.have[i], "weft  ");
}

static void as_recorded(void **state)
{
	const char *slash = strrchr(__FILE__, '/'), *only = getenv("PACKETS_GROUP");
	char path[600], exe[256] = "", *line = NULL, *frame = strdup("");
	size_t cap = 0;
	ssize_t n;
	bool skip = false;
	FILE *f;

	/* __FILE__ is seen from the build folder, where this program is. */
	assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	*strrchr(exe, '/') = 0;
	snprintf(path, sizeof path, "gzip -dc '%s%s%.*s/packets.txt.gz'", *__FILE__ == '/' ? "" : exe, *__FILE__ == '/' ? "" : "/", (int)(slash - __FILE__), __FILE__);
	assert_non_null(f = popen(path, "r"));
	while ((n = getline(&line, &cap, f)) > 0) {
		t.line++;
		line[n - 1] = 0;
		if (*line == '#' || (skip && strncmp(line, "group ", 6)))
			continue;
		if (!strncmp(line, "group ", 6)) {
			host_free();
			snprintf(t.group, sizeof t.group, "%s", line + 6);
			skip = only && strcmp(only, t.group);
			if (!skip)
				host_new();
		} else if (!strncmp(line, "rx e0 ", 6)) {
			const char *title = strchr(line + 6, ' ');
			snprintf(t.title, sizeof t.title, "%s", title ? title + 1 : "");
			free(frame);
			frame = strdup(line + 6);
			receive(line + 6);
		} else if (*line == '>') {
			struct out *o = &t.want[t.nwant++];
			assert_true(t.nwant < MAX_FRAMES);
			snprintf(o->dev, sizeof o->dev, "%.2s", line + 2);
			o->len = unhex(line + 5, o->bytes, sizeof o->bytes);
		} else if (*line == '=') {
			compare(line + 1, frame);
		} else {
			set_up(line);
		}
	}
	host_free();
	free(line);
	free(frame);
	assert_int_equal(pclose(f), 0);
	print_message("%u packets, %u differ, and %u that are known to\n", t.cases, t.differ, t.known);
	assert_true(only || t.cases > 20000);
	assert_int_equal(t.differ, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(as_recorded) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
