/* The ethtool family over a nic: what is set acts and is told to who listens, what cannot be is refused with Linux's words (those that
 * `ethtool` printed for an Intel card of a reference kernel), dumps of many devices, requests without rights, every allocation failing.
 * Rings, coalescing and channels in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "control/ethtool/ethnl.h"
#include "core/drop_reason.h"
#include "link/type/mem_port.h"
#include "link/type/nic.h"
#include "link/type/veth.h"
#include "stack/stack.h"
#include "tests/netlink/transcript.h"

struct fixture {
	struct play p;
	struct netns *net;
	struct socket *s, *listener;
	struct net_device *eth;
	struct port *port;
	u16 id;
	u8 buf[65536] __attribute__((aligned(8)));
	ssize_t n;
	u32 seq;
};

static const u8 mac[] = { 2, 0, 0, 0, 0, 1 };

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	u32 on = 1, group;

	assert_int_equal(play_init(&f->p, &stack_tables, 2), 0);
	cpu_enter(f->p.cpu, f->p.now);
	f->p.cpu->caller = &f->p.caller;
	assert_int_equal(netns_new(f->p.w, "a", 0, &f->net), 0);
	assert_int_equal(mem_port_new(&f->p.w->mem, &f->port), 0);
	assert_int_equal(nic_new(f->p.cpu, f->net, "eth0", f->port, &(struct nic_config){ .queues = 4, .mac = mac }, &f->eth), 0);
	assert_int_equal(dev_change_flags(f->p.cpu, f->eth, f->eth->flags | IFF_UP, NULL), 0);
	f->id = genl_id(f->p.w, &genl_ethtool);
	group = genl_group(f->p.w, &genl_ethtool);
	assert_int_equal(socket_new(f->p.cpu, f->net, AF_NETLINK, SOCK_RAW, NETLINK_GENERIC, &f->s), 0);
	socket_setsockopt(f->p.cpu, f->s, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	assert_int_equal(socket_new(f->p.cpu, f->net, AF_NETLINK, SOCK_RAW, NETLINK_GENERIC, &f->listener), 0);
	assert_int_equal(socket_bind(f->p.cpu, f->listener, (const struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(socket_setsockopt(f->p.cpu, f->listener, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	socket_close(f->p.cpu, f->s);
	socket_close(f->p.cpu, f->listener);
	f->p.cpu->caller = NULL;
	cpu_leave(f->p.cpu);
	world_run(f->p.w, f->p.now);
	play_fini(&f->p);
	free(f);
	return 0;
}

static const struct nlmsghdr *receive(struct fixture *f, struct socket *s)
{
	struct iovec iov = { f->buf, sizeof(f->buf) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	f->n = socket_recvmsg(f->p.cpu, s, &m, 0);
	return f->n > 0 ? (const struct nlmsghdr *)f->buf : NULL;
}

/* A request about `name` (NULL: no header's content): its beginning. */
static void start(struct fixture *f, struct nl_buf *b, u8 cmd, u16 flags, const char *name, u32 header_flags)
{
	struct genlmsghdr *g;
	size_t nest;

	nl_buf_init(b, &f->p.w->mem, 0);
	g = nl_begin(b, f->id, NLM_F_REQUEST | NLM_F_ACK | flags, ++f->seq, 0, GENL_HDRLEN);
	if (g)
		*g = (struct genlmsghdr){ .cmd = cmd, .version = 1 };
	nest = nl_nest(b, (cmd == ETHTOOL_MSG_STATS_GET ? ETHTOOL_A_STATS_HEADER : 1) | NLA_F_NESTED);
	if (name)
		nl_put_str(b, ETHTOOL_A_HEADER_DEV_NAME, name);
	if (header_flags)
		nl_put_u32(b, ETHTOOL_A_HEADER_FLAGS, header_flags);
	nl_nest_end(b, nest);
}

static void ask(struct fixture *f, struct nl_buf *b)
{
	struct iovec iov = { b->data, b->len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (!nl_end(b))
		socket_sendmsg(f->p.cpu, f->s, &m, 0);
	nl_buf_fini(b);
}

/* The ACK, or what went wrong; *text: the sentence with it, or "". */
static int result(struct fixture *f, char text[128])
{
	const struct nlmsghdr *h = receive(f, f->s);
	const struct nlmsgerr *e;
	struct nl_attrs a;
	size_t at;

	assert_non_null(h);
	assert_int_equal(h->nlmsg_type, NLMSG_ERROR);
	e = (const struct nlmsgerr *)(h + 1);
	*text = 0;
	if (h->nlmsg_flags & NLM_F_ACK_TLVS) {
		at = NLMSG_HDRLEN + sizeof(*e) + (h->nlmsg_flags & NLM_F_CAPPED ? 0 : e->msg.nlmsg_len - NLMSG_HDRLEN);
		assert_int_equal(nl_parse((const u8 *)h + at, h->nlmsg_len - at, &a, NLMSGERR_ATTR_MAX, NULL, false, NULL), 0);
		if (a.a[NLMSGERR_ATTR_MSG])
			nl_strcpy(text, 128, a.a[NLMSGERR_ATTR_MSG]);
	}
	return e->error;
}

static int set_u32(struct fixture *f, u8 cmd, u16 type, u32 v, char text[128])
{
	struct nl_buf b;

	start(f, &b, cmd, 0, "eth0", 0);
	nl_put_u32(&b, type, v);
	ask(f, &b);
	return result(f, text);
}

/* The one message that a GET is answered with, its attributes; the ACK is read, too. */
static void get(struct fixture *f, u8 cmd, u8 reply, u32 header_flags, struct nl_attrs *a)
{
	static u8 kept[65536] __attribute__((aligned(8)));
	const struct nlmsghdr *h;
	struct nl_buf b;
	char text[128];
	size_t len;

	start(f, &b, cmd, 0, "eth0", header_flags);
	ask(f, &b);
	h = receive(f, f->s);
	assert_non_null(h);
	assert_int_equal(h->nlmsg_type, f->id);
	assert_int_equal(((const struct genlmsghdr *)(h + 1))->cmd, reply);
	memcpy(kept, f->buf, (size_t)f->n);
	assert_int_equal(result(f, text), 0);
	const void *p = nlmsg_attrs((const struct nlmsghdr *)kept, GENL_HDRLEN, &len);
	assert_int_equal(nl_parse(p, len, a, 40, NULL, true, NULL), 0);
}

static u32 get_u32(struct fixture *f, u8 cmd, u8 reply, u16 type)
{
	struct nl_attrs a;

	get(f, cmd, reply, 0, &a);
	assert_non_null(a.a[type]);
	return nl_u32(a.a[type]);
}

/* What the listener heard: which message, ETHTOOL_MSG_*; 0: nothing. */
static unsigned heard(struct fixture *f)
{
	const struct nlmsghdr *h = receive(f, f->listener);

	return h ? ((const struct genlmsghdr *)(h + 1))->cmd : 0;
}

static void frames(struct fixture *f, unsigned n)
{
	u8 frame[64] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 0x88, 0xb5 }; /* an EtherType for experiments: nobody's */

	while (n--)
		mem_port_inject_bytes(f->p.cpu, f->port, 0, frame, sizeof(frame));
}

static void run(struct fixture *f)
{
	f->p.cpu->caller = NULL;
	cpu_leave(f->p.cpu);
	world_run(f->p.w, f->p.now);
	cpu_enter(f->p.cpu, f->p.now);
	f->p.cpu->caller = &f->p.caller;
}

static void run_for(struct fixture *f, u64 ns)
{
	f->p.cpu->caller = NULL;
	cpu_leave(f->p.cpu);
	f->p.now += ns;
	world_run_until(f->p.w, f->p.now);
	cpu_enter(f->p.cpu, f->p.now);
	f->p.cpu->caller = &f->p.caller;
}

static const struct nic_queue_stats *queue(const struct fixture *f, unsigned q)
{
	return &nic_of(f->eth)->q[q].stats;
}

/* ethtool -G rx 4096: 4096 frames fit, the 4097th is dropped and counted, under three names. */
static void rings(void **state)
{
	struct fixture *f = *state;
	struct dev_stats s;
	char text[128];

	assert_int_equal(get_u32(f, ETHTOOL_MSG_RINGS_GET, ETHTOOL_MSG_RINGS_GET_REPLY, ETHTOOL_A_RINGS_RX_MAX), NIC_RING_MAX);
	assert_int_equal(set_u32(f, ETHTOOL_MSG_RINGS_SET, ETHTOOL_A_RINGS_RX, 4096, text), 0);
	assert_int_equal(heard(f), ETHTOOL_MSG_RINGS_NTF);
	assert_int_equal(set_u32(f, ETHTOOL_MSG_RINGS_SET, ETHTOOL_A_RINGS_RX, 4096, text), 0);
	assert_int_equal(heard(f), 0); /* nothing changed */
	assert_int_equal(get_u32(f, ETHTOOL_MSG_RINGS_GET, ETHTOOL_MSG_RINGS_GET_REPLY, ETHTOOL_A_RINGS_RX), 4096);
	frames(f, 4096);
	assert_int_equal(queue(f, 0)->rx_missed, 0);
	frames(f, 1);
	assert_int_equal(queue(f, 0)->rx_missed, 1);
	run(f);
	assert_int_equal(queue(f, 0)->rx_packets, 4096);
	dev_get_stats(f->eth, &s);
	assert_int_equal(s.rx_packets, 4096);
	assert_int_equal(s.rx_missed_errors, 1);
	assert_int_equal(drops_sum(f->net, SKB_DROP_REASON_FULL_RING), 1);
	assert_int_equal(set_u32(f, ETHTOOL_MSG_RINGS_SET, ETHTOOL_A_RINGS_RX, NIC_RING_MAX + 1, text), -EINVAL);
	assert_string_equal(text, "requested ring size exceeds maximum");
	assert_int_equal(set_u32(f, ETHTOOL_MSG_RINGS_SET, ETHTOOL_A_RINGS_RX_MINI, 1, text), -EINVAL);
	assert_string_equal(text, "requested ring size exceeds maximum");
	assert_int_equal(set_u32(f, ETHTOOL_MSG_RINGS_SET, ETHTOOL_A_RINGS_RX_BUF_LEN, 2048, text), -EOPNOTSUPP);
	assert_string_equal(text, "setting rx buf len not supported");
	assert_int_equal(set_u32(f, ETHTOOL_MSG_RINGS_SET, ETHTOOL_A_RINGS_TX, 0, text), 0); /* as an Intel card: rounded up */
	assert_int_equal(get_u32(f, ETHTOOL_MSG_RINGS_GET, ETHTOOL_MSG_RINGS_GET_REPLY, ETHTOOL_A_RINGS_TX), NIC_RING_MIN);
}

/* ethtool -C rx-usecs 100: a frame every microsecond, and no more than 10,000 interrupts a second. */
static void coalesce(void **state)
{
	struct fixture *f = *state;
	char text[128];
	u64 before;

	assert_int_equal(get_u32(f, ETHTOOL_MSG_COALESCE_GET, ETHTOOL_MSG_COALESCE_GET_REPLY, ETHTOOL_A_COALESCE_RX_USECS), 0);
	for (unsigned usecs = 0; usecs <= 100; usecs += 50) {
		assert_int_equal(set_u32(f, ETHTOOL_MSG_COALESCE_SET, ETHTOOL_A_COALESCE_RX_USECS, usecs, text), 0);
		before = queue(f, 0)->interrupts;
		for (unsigned i = 0; i < 20000; i++) {
			frames(f, 1);
			run_for(f, NSEC_PER_USEC);
		}
		if (usecs)
			assert_in_range(queue(f, 0)->interrupts - before, 20000 / usecs * 9 / 10, 20000 / usecs + 1);
		else
			assert_int_equal(queue(f, 0)->interrupts - before, 20000);
	}
	run_for(f, NSEC_PER_MSEC);
	assert_int_equal(queue(f, 0)->rx_packets, 60000);
	assert_int_equal(set_u32(f, ETHTOOL_MSG_COALESCE_SET, ETHTOOL_A_COALESCE_TX_USECS, 100, text), -EINVAL);
	assert_string_equal(text, "cannot modify an unsupported parameter");
	assert_int_equal(set_u32(f, ETHTOOL_MSG_COALESCE_SET, ETHTOOL_A_COALESCE_RX_USECS, 100000000, text), -EINVAL);
	assert_string_equal(text, "");
}

static void channels(void **state)
{
	struct fixture *f = *state;
	u32 table[NIC_RSS_TABLE];
	struct nl_attrs a;
	struct nl_buf b;
	char text[128];

	assert_int_equal(get_u32(f, ETHTOOL_MSG_CHANNELS_GET, ETHTOOL_MSG_CHANNELS_GET_REPLY, ETHTOOL_A_CHANNELS_COMBINED_MAX), 4);
	assert_int_equal(set_u32(f, ETHTOOL_MSG_CHANNELS_SET, ETHTOOL_A_CHANNELS_COMBINED_COUNT, 2, text), 0);
	assert_int_equal(heard(f), ETHTOOL_MSG_CHANNELS_NTF);
	assert_int_equal(f->eth->real_rx_queues, 2);
	assert_int_equal(set_u32(f, ETHTOOL_MSG_CHANNELS_SET, ETHTOOL_A_CHANNELS_COMBINED_COUNT, 0, text), -EINVAL);
	assert_string_equal(text, "requested channel counts would result in no RX or TX channel being configured");
	assert_int_equal(set_u32(f, ETHTOOL_MSG_CHANNELS_SET, ETHTOOL_A_CHANNELS_COMBINED_COUNT, 5, text), -EINVAL);
	assert_string_equal(text, "requested channel count exceeds maximum");
	assert_int_equal(set_u32(f, ETHTOOL_MSG_CHANNELS_SET, ETHTOOL_A_CHANNELS_COMBINED_COUNT, 4, text), 0);
	assert_int_equal(heard(f), ETHTOOL_MSG_CHANNELS_NTF);
	/* A table that was set by hand stays, and keeps the queues that it names. */
	start(f, &b, 48, 0, "eth0", 0);
	for (unsigned i = 0; i < NIC_RSS_TABLE; i++)
		table[i] = 3;
	nl_put(&b, 4, table, sizeof(table));
	ask(f, &b);
	assert_int_equal(result(f, text), 0);
	assert_int_equal(heard(f), 50); /* ETHTOOL_MSG_RSS_NTF */
	assert_int_equal(nic_of(f->eth)->rss.table[7], 3);
	assert_int_equal(set_u32(f, ETHTOOL_MSG_CHANNELS_SET, ETHTOOL_A_CHANNELS_COMBINED_COUNT, 2, text), -EINVAL);
	assert_string_equal(text, "requested channel counts are too low for existing indirection table settings");
	get(f, 38, 38, 0, &a);
	assert_int_equal(nl_len(a.a[4]), sizeof(table));
	assert_memory_equal(nl_data(a.a[4]), table, sizeof(table));
	assert_int_equal(nl_len(a.a[5]), NIC_RSS_KEY);
	start(f, &b, 48, 0, "eth0", 0);
	nl_put(&b, 4, NULL, 0); /* the default again */
	ask(f, &b);
	assert_int_equal(result(f, text), 0);
	assert_int_equal(set_u32(f, ETHTOOL_MSG_CHANNELS_SET, ETHTOOL_A_CHANNELS_COMBINED_COUNT, 2, text), 0);
	assert_int_equal(nic_of(f->eth)->rss.table[7], 1);
}

/* A vector for each channel that is in use; the lines and counts of /proc/interrupts. */
static void vectors(void **state)
{
	struct fixture *f = *state;
	struct net_device *other;
	struct port *port;
	struct strbuf out;
	char text[128];

	assert_int_equal(mem_port_new(&f->p.w->mem, &port), 0);
	assert_int_equal(nic_new(f->p.cpu, f->net, "eth1", port, &(struct nic_config){ .queues = 2 }, &other), 0);
	assert_int_equal(nic_of(f->eth)->irq, 24);
	assert_int_equal(nic_of(other)->irq, 28); /* though it is down */
	for (unsigned n = 4; n >= 2; n -= 2) {
		assert_int_equal(set_u32(f, ETHTOOL_MSG_CHANNELS_SET, ETHTOOL_A_CHANNELS_COMBINED_COUNT, n, text), 0);
		frames(f, 3);
		run(f);
		strbuf_init(&out, &f->p.w->mem);
		nic_interrupts_show(f->p.w, &out);
		strbuf_add(&out, "", 1);
		assert_string_equal(out.s, n == 4 ? "           CPU0       CPU1\n"
						    " 24:          1          0  PORT-memory   0-edge      eth0-TxRx-0\n"
						    " 25:          0          0  PORT-memory   1-edge      eth0-TxRx-1\n"
						    " 26:          0          0  PORT-memory   2-edge      eth0-TxRx-2\n"
						    " 27:          0          0  PORT-memory   3-edge      eth0-TxRx-3\n"
						  : "           CPU0       CPU1\n"
						    " 24:          2          0  PORT-memory   0-edge      eth0-TxRx-0\n"
						    " 25:          0          0  PORT-memory   1-edge      eth0-TxRx-1\n");
		strbuf_fini(&out);
	}
}

/* Features, switched by name: the answer, and who else hears of it. */
static void features(void **state)
{
	struct fixture *f = *state;
	size_t want, bits, bit;
	struct nl_attrs a;
	struct nl_buf b;
	char text[128];

	start(f, &b, ETHTOOL_MSG_FEATURES_SET, 0, "eth0", ETHTOOL_FLAG_OMIT_REPLY);
	want = nl_nest(&b, ETHTOOL_A_FEATURES_WANTED | NLA_F_NESTED);
	bits = nl_nest(&b, ETHTOOL_A_BITSET_BITS | NLA_F_NESTED);
	bit = nl_nest(&b, ETHTOOL_A_BITSET_BITS_BIT | NLA_F_NESTED);
	nl_put_str(&b, ETHTOOL_A_BITSET_BIT_NAME, "rx-gro");
	nl_nest_end(&b, bit);
	nl_nest_end(&b, bits);
	nl_nest_end(&b, want);
	ask(f, &b);
	assert_int_equal(result(f, text), 0);
	assert_false(f->eth->features & NETIF_F_GRO);
	assert_int_equal(heard(f), ETHTOOL_MSG_FEATURES_NTF);
	get(f, ETHTOOL_MSG_FEATURES_GET, ETHTOOL_MSG_FEATURES_GET_REPLY, ETHTOOL_FLAG_COMPACT_BITSETS, &a);
	assert_int_equal(nl_parse_nested(a.a[ETHTOOL_A_FEATURES_ACTIVE], &a, ETHTOOL_A_BITSET_MAX, NULL, true, NULL), 0);
	assert_int_equal(nl_u64(a.a[ETHTOOL_A_BITSET_VALUE]), f->eth->features & ~(u64)NETIF_F_UNNAMED);
	/* Changed by other ways, too. */
	dev_set_features(f->p.cpu, f->eth, f->eth->wanted_features | NETIF_F_GRO);
	assert_int_equal(heard(f), ETHTOOL_MSG_FEATURES_NTF);
}

/* Many devices, in several datagrams; those that have no rings are passed over. */
static void dumps(void **state)
{
	struct fixture *f = *state;
	struct net_device *dev, *peer;
	unsigned count = 0, features = 0;
	char name[16], other[16];
	struct nl_buf b;

	for (unsigned i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "v%u", i);
		snprintf(other, sizeof(other), "w%u", i);
		assert_int_equal(veth_pair_new(f->p.cpu, f->net, name, f->net, other, &dev, &peer), 0);
	}
	for (int what = 0; what < 2; what++) {
		bool done = false;

		start(f, &b, what ? ETHTOOL_MSG_FEATURES_GET : ETHTOOL_MSG_RINGS_GET, NLM_F_DUMP, NULL, 0);
		ask(f, &b);
		while (!done) {
			const struct nlmsghdr *h = receive(f, f->s);

			assert_non_null(h);
			for (ssize_t left = f->n; left >= NLMSG_HDRLEN && !done; left -= NLMSG_ALIGN(h->nlmsg_len), h = (const void *)((const u8 *)h + NLMSG_ALIGN(h->nlmsg_len))) {
				done = h->nlmsg_type == NLMSG_DONE;
				*(what ? &features : &count) += !done;
			}
		}
	}
	assert_int_equal(count, 1);
	assert_int_equal(features, 82);
}

static void refused(void **state)
{
	struct fixture *f = *state;
	struct nl_buf b;
	char text[128];

	start(f, &b, ETHTOOL_MSG_RINGS_GET, 0, "nosuch", 0);
	ask(f, &b);
	assert_int_equal(result(f, text), -ENODEV);
	assert_string_equal(text, "no device matches name");
	start(f, &b, ETHTOOL_MSG_RINGS_GET, 0, "eth0", 8);
	ask(f, &b);
	assert_int_equal(result(f, text), -EINVAL);
	assert_string_equal(text, "reserved bit set");
	start(f, &b, ETHTOOL_MSG_EEE_GET, 0, "eth0", 0);
	ask(f, &b);
	assert_int_equal(result(f, text), -EOPNOTSUPP);
	f->p.caller.net_admin = false;
	assert_int_equal(set_u32(f, ETHTOOL_MSG_RINGS_SET, ETHTOOL_A_RINGS_RX, 64, text), -EPERM);
	assert_int_equal(get_u32(f, ETHTOOL_MSG_RINGS_GET, ETHTOOL_MSG_RINGS_GET_REPLY, ETHTOOL_A_RINGS_RX), NIC_RING_DEFAULT);
	f->p.caller.net_admin = true;
}

static void no_memory(void **state)
{
	struct fixture *f = *state;

	for (u64 i = 1; i < 60; i++) {
		struct nl_buf b;

		start(f, &b, ETHTOOL_MSG_FEATURES_GET, 0, "eth0", 0);
		f->p.w->mem.fail_at = i;
		ask(f, &b);
		f->p.w->mem.fail_at = 0;
		start(f, &b, ETHTOOL_MSG_RINGS_GET, NLM_F_DUMP, NULL, 0);
		f->p.w->mem.fail_at = i;
		ask(f, &b);
		f->p.w->mem.fail_at = 0;
		start(f, &b, ETHTOOL_MSG_RINGS_SET, 0, "eth0", 0);
		nl_put_u32(&b, ETHTOOL_A_RINGS_RX, i % 2 ? 128 : 256);
		f->p.w->mem.fail_at = i;
		ask(f, &b);
		f->p.w->mem.fail_at = 0;
		while (receive(f, f->s) || f->n == -ENOBUFS)
			continue;
		while (receive(f, f->listener) || f->n == -ENOBUFS)
			continue;
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = { T(rings), T(coalesce), T(channels), T(vectors), T(features), T(dumps), T(refused), T(no_memory) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
