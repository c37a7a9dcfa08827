/* GVRP and MVRP against what Linux did: states.txt (record.py made it, and says what its lines mean) played in virtual time. Beside that
 * frames that make no sense, many VLANs at once, devices that move or end, and no memory.
 */
#include <linux/if_vlan.h>
#include <unistd.h>

#include "core/cpu.h"
#include "link/type/stacked_test.h"
#include "link/type/veth.h"
#include "link/type/vlan_dev.h"
#include "link/vlan.h"
#include "link/vlan_reg.h"

static const u8 group[ETH_ADDR_LEN] = { 0x01, 0x80, 0xc2, 0x00, 0x00, 0x21 };
static const struct l3_proto *const reg_protos[] = { &collect_proto, &garp_l3_proto, &mrp_l3_proto, NULL };
static const struct event_sub *const reg_subs[] = { &vlan_reg_event_sub, NULL };
static const struct stack_tables reg_tables = {
	.subsys = test_subsys, .event_subs = reg_subs, .link_kinds = link_kinds_builtin, .qdiscs = qdiscs_builtin, .l3_protos = reg_protos,
	.backlog_rx = link_backlog_rx, .dev_netns = link_dev_netns,
};

static struct {
	struct world *w;
	struct cpu *cpu;
	struct netns *na, *nb, *nc;
	struct net_device *a, *b, *v5;
	struct dev_tap tap;
	/* what came, decoded */
	u8 heard[64][4];	/* [frame]: event of VLAN 5 + 1, is VLAN 9 in it, LeaveEmpty or Lv of any, length in 32 bytes */
	unsigned frames, vids;
	u8 last[VLAN_IDS];	/* event + 1 */
} t;

static void note(unsigned vid, unsigned ev)
{
	t.vids++;
	t.last[vid] = (u8)(ev + 1);
	if (vid == 5)
		t.heard[t.frames][0] = (u8)(ev + 1);
	if (vid == 9)
		t.heard[t.frames][1] = 1;
}

static void caught(struct cpu *cpu, struct dev_tap *tap, struct sk_buff *skb, struct net_device *dev, bool outgoing)
{
	const struct eth_hdr *eth = (const struct eth_hdr *)skb_mac_header(skb);
	static const u8 garp_head[] = { 0x42, 0x42, 3, 0, 1, 1 }, mrp_head[] = { 0, 1, 2 };
	u8 p[REG_FRAME_MAX];
	u32 at;
	if (outgoing || !eth_addr_eq(eth->dst, group))
		return;
	assert_true(t.frames < ARRAY_SIZE(t.heard));
	assert_true(skb->len <= dev->mtu && skb_copy_bits(skb, 0, p, skb->len));
	memset(t.heard[t.frames], 0, 4);
	if (be16_to_cpu(eth->type) == 0x88f5) {
		assert_memory_equal(p, mrp_head, 3);
		for (at = 3; p[at] || p[at + 1];) {
			u32 n = (u32)(p[at] << 8 | p[at + 1]), first = (u32)(p[at + 2] << 8 | p[at + 3]);
			at += 4;
			for (u32 i = 0; i < n; i++)
				note(first + i, (unsigned[]){ p[at + i / 3] / 36u, p[at + i / 3] / 6u % 6, p[at + i / 3] % 6u }[i % 3]);
			at += (n + 2) / 3;
		}
		assert_int_equal(at + 4, skb->len);
	} else {
		assert_int_equal(be16_to_cpu(eth->type), skb->len);
		assert_memory_equal(p, garp_head, 6);
		for (at = 6; p[at]; at += p[at])
			note((unsigned)(p[at + 2] << 8 | p[at + 3]), p[at + 1]);
		assert_int_equal(at + 2, skb->len);
	}
	t.frames++;
}

static struct net_device *vlan(u16 vid, u32 flags)
{
	struct stacked_opts o = stacked_begin(t.w);
	struct ifla_vlan_flags f = { flags, flags };
	struct net_device *dev = NULL;
	char name[DEV_NAME_SIZE];
	nl_put_u16(&o.b, IFLA_VLAN_ID, vid);
	nl_put(&o.b, IFLA_VLAN_FLAGS, &f, sizeof(f));
	snprintf(name, sizeof(name), "v%u", vid);
	assert_int_equal(stacked_new(t.cpu, &link_kind_vlan, t.na, t.a, name, &o, NULL, &dev), 0);
	stacked_up(t.cpu, dev, true);
	return dev;
}

static void set_flags(struct net_device *dev, u32 flag, bool on)
{
	struct stacked_opts o = stacked_begin(t.w);
	struct ifla_vlan_flags f = { on ? flag : 0, flag };
	struct nl_attrs data;
	nl_put(&o.b, IFLA_VLAN_FLAGS, &f, sizeof(f));
	stacked_data(&o, &link_kind_vlan, &data, NULL);
	assert_int_equal(link_kind_vlan.changelink(t.cpu, dev, &data, NULL), 0);
	nl_buf_fini(&o.b);
}

static void begin(void)
{
	memset(&t, 0, sizeof(t));
	t.w = test_world(&reg_tables, 1);
	t.cpu = config_cpu(t.w);
	t.na = test_netns(t.w, "a", 0);
	t.nb = test_netns(t.w, "b", 0);
	t.nc = test_netns(t.w, "c", 0);
	assert_int_equal(veth_pair_new(t.cpu, t.na, "a0", t.nb, "b0", &t.a, &t.b), 0);
	stacked_up(t.cpu, t.a, true);
	stacked_up(t.cpu, t.b, true);
	t.tap = (struct dev_tap){ .fn = caught, .ethertype = ETH_P_ALL };
	dev_tap_add(t.nb, t.b, &t.tap);
}

static void end(void)
{
	collect_free(t.cpu);
	netns_free(t.na);
	netns_free(t.nb);
	netns_free(t.nc);
	world_run(t.w, t.cpu->now);
	world_free(t.w);
}

static void wire(const void *bytes, u32 len)
{
	struct sk_buff *skb = skb_alloc(t.cpu, SKB_HEADROOM, MAX(len, 60u));
	assert_non_null(skb);
	memcpy(skb_put(skb, len), bytes, len);
	if (len < 60)
		memset(skb_put(skb, 60 - len), 0, 60 - len);
	skb_reset_network_header(skb);
	skb->dev = t.b;
	dev_queue_xmit(t.cpu, skb);
	world_run(t.w, t.cpu->now);
}

/* A frame with this event of VLAN 5's, or 'L'. */
static void say(char proto, char event)
{
	u8 f[64] = { 0x01, 0x80, 0xc2, 0, 0, 0x21, 2, 0, 0, 0, 0, 2 };
	u8 ev = (u8)(event - '0');
	if (proto == 'G') {
		static const u8 head[] = { 0x42, 0x42, 3, 0, 1, 1 };
		bool all = event == 'L';
		f[13] = all ? 10 : 12;
		memcpy(f + 14, head, 6);
		memcpy(f + 20, all ? (u8[]){ 2, 0, 0, 0 } : (u8[]){ 4, ev, 0, 5 }, 4);
		wire(f, 28);
	} else {
		memcpy(f + 12, (u8[]){ 0x88, 0xf5, 0, 1, 2 }, 5);
		memcpy(f + 17, event == 'L' ? (u8[]){ 0x20, 0, 0, 0, 0 } : (u8[]){ 0, 1, 0, 5, (u8)(36 * ev) }, 5);
		wire(f, 26);
	}
}

static void pass(u64 ms) { world_run_until(t.w, t.cpu->now + ms * NSEC_PER_MSEC); }

/* What came meanwhile of VLAN 5: "2,2", or "-". Returns the end of the text. */
static char *hears(u64 ms, char *out)
{
	const char *from = out;
	t.frames = 0;
	pass(ms);
	for (unsigned i = 0; i < t.frames; i++)
		if (t.heard[i][0])
			out += sprintf(out, "%s%d", out == from ? "" : ",", t.heard[i][0] - 1);
	return out == from ? stpcpy(out, "-") : out;
}

static bool until_a_frame(u64 ms)
{
	u64 limit = t.cpu->now + ms * NSEC_PER_MSEC;
	for (t.frames = 0; !t.frames && t.cpu->now < limit;)
		pass(1);
	return t.frames;
}

static u32 flag_of(char proto) { return proto == 'G' ? VLAN_FLAG_GVRP : VLAN_FLAG_MVRP; }

static void start(char proto)
{
	set_flags(t.v5, flag_of(proto), false);
	pass(1500);
	set_flags(t.v5, flag_of(proto), true);
	pass(2500);
	while (proto == 'M' && !(until_a_frame(3000) && t.heard[0][1]))
		;
	t.frames = 0;
}

static void steps(char proto, const char *s)
{
	for (; *s; s++) {
		if (*s == '+' || *s == '-')
			set_flags(t.v5, flag_of(proto), *s == '+');
		else if (*s == '.')
			do
				assert_true(until_a_frame(500));
			while (!t.heard[t.frames - 1][0]);
		else
			say(proto, *s);
	}
}

struct way { const char *name, *steps; };
static const struct way g_states[] = { { "QA", "" }, { "VA", "1" }, { "AA", "1." }, { "LA", "-" }, { "VP", "L" }, { "AP", "L2" }, { "QP", "L22" }, { "VO", "L-" },
				       { "AO", "L2-" }, { "QO", "L22-" }, { "LO", "L-L" }, { NULL, NULL } },
	m_states[] = { { "QA", "" }, { "AA", "4" }, { "LA", "-" }, { "VP", "5" }, { "AP", "51" }, { "QP", "511" }, { "VO", "5-" }, { "AO", "51-" },
		       { "QO", "511-" }, { "LO", "5-5" }, { NULL, NULL } },
	g_events[] = { { "none", "" }, { "LeaveAll", "L" }, { "JoinEmpty", "1" }, { "JoinIn", "2" }, { "LeaveEmpty", "3" }, { "LeaveIn", "4" }, { "Empty", "5" },
		       { "join", "+" }, { "leave", "-" }, { NULL, NULL } },
	m_events[] = { { "none", "" }, { "New", "0" }, { "JoinIn", "1" }, { "In", "2" }, { "JoinMt", "3" }, { "Mt", "4" }, { "Lv", "5" }, { "LeaveAll", "L" },
		       { "join", "+" }, { "leave", "-" }, { NULL, NULL } };

static const char *way_of(const struct way *w, const char *name)
{
	while (w->name && strcmp(w->name, name))
		w++;
	assert_non_null(w->name);
	return w->steps;
}

/* One answer: the state, the event, then the probe. */
static void answer(char proto, const char *state, const char *event, const char *probe, char *out)
{
	start(proto);
	steps(proto, way_of(proto == 'G' ? g_states : m_states, state));
	steps(proto, way_of(proto == 'G' ? g_events : m_events, event));
	steps(proto, probe);
	out = hears(proto == 'G' ? 700 : 680, out);
	if (proto == 'M') {
		*out++ = '/';
		hears(1000, out);
	}
}

static void every_event_in_every_state(void **state)
{
	const char *slash = strrchr(__FILE__, '/');
	char path[512], exe[256] = "", line[256], st[8], ev[16], want[4][32], have[64];
	unsigned rows = 0, differ = 0;
	char proto;
	FILE *f;

	/* __FILE__ is seen from the build folder, where this program is. */
	assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	*strrchr(exe, '/') = 0;
	snprintf(path, sizeof(path), "%s%s%.*s/states.txt", *__FILE__ == '/' ? "" : exe, *__FILE__ == '/' ? "" : "/", (int)(slash - __FILE__), __FILE__);
	f = fopen(path, "r");
	assert_non_null(f);
	begin();
	t.v5 = vlan(5, 0);
	vlan(9, VLAN_FLAG_MVRP);
	while (fgets(line, sizeof(line), f)) {
		assert_int_equal(sscanf(line, "%c %7s %15s %31s %31s %31s %31s", &proto, st, ev, want[0], want[1], want[2], want[3]), 7);
		for (unsigned i = 0; i < 4; i++) {
			const char *probe = i == 1 ? (proto == 'G' ? "2" : "1") : i == 2 ? "-" : i == 3 ? "+" : "";
			answer(proto, st, ev, probe, have);
			if (strcmp(have, want[i])) {
				print_message("%c %s, %s, then %s: kernel %s, weft %s\n", proto, st, ev, *probe ? probe : "nothing", want[i], have);
				differ++;
			}
		}
		rows++;
	}
	fclose(f);
	end();
	assert_int_equal(rows, 11 * 9 + 10 * 10);
	assert_int_equal(differ, 0);
}

#define MANY(vid) (u16 vid = 1; vid < 1000; vid += 1 + (vid % 7 == 0))

/* More than a frame holds: each is declared twice, by either protocol, and given up at once when the last VLAN goes. */
static void many(void **state)
{
	unsigned n = 0;
	begin();
	for MANY(vid) {
		vlan(vid, VLAN_FLAG_GVRP | VLAN_FLAG_MVRP);
		n++;
	}
	pass(900);
	assert_int_equal(t.vids, 4 * n);
	assert_true(t.frames >= 8 && t.frames < 14);
	t.frames = t.vids = 0;
	for MANY(vid) {
		char name[DEV_NAME_SIZE];
		snprintf(name, sizeof(name), "v%u", vid);
		dev_unregister(t.cpu, dev_by_name(t.na, name));
	}
	world_run(t.w, t.cpu->now); /* no time passes */
	assert_int_equal(t.vids, 2 * n);
	for MANY(vid)
		assert_true(t.last[vid] == 4 || t.last[vid] == 6); /* LeaveEmpty, Lv */
	end();
}

static void moves_and_ends(void **state)
{
	struct net_device *v;
	begin();
	v = vlan(7, VLAN_FLAG_GVRP);
	assert_int_equal(dev_set_netns(t.cpu, t.a, t.nc, NULL, NULL), 0); /* goes down, comes up elsewhere; nothing was said yet */
	pass(500);
	assert_int_equal(t.frames, 0);
	stacked_up(t.cpu, t.a, true);
	if (!dev_running(v))
		stacked_up(t.cpu, v, true);
	set_flags(v, VLAN_FLAG_GVRP, false);
	set_flags(v, VLAN_FLAG_GVRP, true);
	pass(500);
	assert_int_equal(t.last[7], 3);
	t.frames = 0;
	set_flags(v, VLAN_FLAG_MVRP, true);
	dev_tap_del(&t.tap);
	t.a->kind->dellink(t.cpu, t.a); /* with its peer, and with what stands on it, before anything was said */
	pass(500);
	assert_int_equal(t.frames, 0);
	end();
}

static void nonsense(void **state)
{
	static const struct { u8 bytes[24]; u32 len; bool counts; } frames[] = {
		{ { 0, 0 }, 0 },
		{ { 0, 3, 0x42, 0x42, 3 }, 5 },
		{ { 0, 12, 0x42, 0x42, 3, 0, 2, 1, 2, 0, 0, 0 }, 12 },			/* another protocol */
		{ { 0, 12, 0x42, 0x42, 3, 0, 1, 1, 1, 0, 0, 0 }, 12 },			/* an attribute shorter than its head */
		{ { 0, 10, 0x42, 0x42, 3, 0, 1, 1, 9, 0, 0, 0 }, 12 },			/* longer than the frame */
		{ { 0, 12, 0x42, 0x42, 3, 0, 1, 1, 4, 0, 0, 5, 0, 0 }, 14 },		/* LeaveAll of one */
		{ { 0, 12, 0x42, 0x42, 3, 0, 1, 1, 4, 9, 0, 5, 0, 0 }, 14 },		/* no such event */
		{ { 0, 10, 0x42, 0x42, 3, 0, 1, 2, 2, 0, 0, 0 }, 12 },			/* LeaveAll of another type */
		{ { 0, 90, 0x42, 0x42, 3, 0, 1, 1, 2, 0, 0, 0 }, 12 },			/* said to be longer than it is */
		{ { 0, 10, 0xaa, 0xaa, 3, 0, 1, 1, 2, 0, 0, 0 }, 12 },			/* another service */
		{ { 0x88, 0xf5, 1, 1, 2, 0x20, 0, 0, 0, 0, 0 }, 11 },			/* another version */
		{ { 0x88, 0xf5, 0, 2, 2, 0x20, 0, 0, 0, 0, 0 }, 11 },
		{ { 0x88, 0xf5, 0, 1, 3, 0x20, 0, 0, 0, 0, 0, 0 }, 12 },
		{ { 0x88, 0xf5, 0, 1, 2, 0x3f, 0xff, 0, 0, 0, 0 }, 11 },		/* more events than the frame holds */
		{ { 0, 14, 0x42, 0x42, 3, 0, 1, 2, 3, 0, 0, 0, 1, 2, 0, 0 }, 16, true },	/* unknown first, then a LeaveAll */
		{ { 0x88, 0xf5, 0, 2, 1, 0, 1, 7, 0, 0, 0, 1, 2, 0x20, 0, 0, 0, 0, 0, 0, 0 }, 21, true },
	};
	begin();
	vlan(5, VLAN_FLAG_GVRP | VLAN_FLAG_MVRP);
	for (unsigned i = 0; i < ARRAY_SIZE(frames); i++) {
		u8 f[64] = { 0x01, 0x80, 0xc2, 0, 0, 0x21, 2, 0, 0, 0, 0, 2 };
		unsigned n = 0;
		pass(2500);
		until_a_frame(2000); /* MVRP's second begins */
		pass(300);
		t.frames = 0;
		memcpy(f + 12, frames[i].bytes, frames[i].len);
		wire(f, 12 + frames[i].len);
		pass(450);
		for (unsigned k = 0; k < t.frames; k++)
			n += t.heard[k][0] != 0;
		if (n != (frames[i].counts ? 2 : 0))
			fail_msg("frame %u: %u answers", i, n);
	}
	end();
}

/* Neither asking nor saying needs memory to be there: it comes later, or (no applicant) with the next wish. */
static void no_memory(void **state)
{
	begin();
	t.v5 = vlan(5, 0);
	for (u64 n = 1; n < 30; n++) {
		struct stacked_opts o = stacked_begin(t.w);
		struct ifla_vlan_flags f = { VLAN_FLAG_GVRP | VLAN_FLAG_MVRP, VLAN_FLAG_GVRP | VLAN_FLAG_MVRP };
		struct nl_attrs data;
		nl_put(&o.b, IFLA_VLAN_FLAGS, &f, sizeof(f));
		stacked_data(&o, &link_kind_vlan, &data, NULL);
		t.w->mem.fail_at = n;
		link_kind_vlan.changelink(t.cpu, t.v5, &data, NULL);
		pass(250);
		t.w->mem.fail_at = 0;
		nl_buf_fini(&o.b);
		pass(500);
		t.frames = 0;
		set_flags(t.v5, f.flags, false);
		pass(500);
		assert_true(t.frames >= (n > 2 ? 2 : 0)); /* both were asked for, and are given up */
		if (n == 10) { /* applicants are made anew */
			dev_unregister(t.cpu, t.v5);
			t.v5 = vlan(5, 0);
		}
	}
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_event_in_every_state), cmocka_unit_test(many), cmocka_unit_test(moves_and_ends), cmocka_unit_test(nonsense),
		cmocka_unit_test(no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
