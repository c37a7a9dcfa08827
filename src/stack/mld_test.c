/* MLD by the socket API, in virtual time: what goes over the wire is what Linux 6.18 sent in the same scenario (recorded from a veth
 * pair: the first address, joins, blocked and wanted sources, leaves, queries of both versions), each change told twice.
 */
#include "codec/wire/eth.h"
#include "link/netdevice.h"
#include "stack/testlib.h"

#define G "ff0e::1234"
static char wire[64][160]; /* "from to type rest", in order */
static unsigned sent;

static const char *name_of(const u8 *a)
{
	static char buf[2][INET6_ADDRSTRLEN];
	static unsigned turn;
	char *b = buf[turn++ & 1];
	inet_ntop(AF_INET6, a, b, INET6_ADDRSTRLEN);
	return !strncmp(b, "fe80", 4) ? "LL" : !strncmp(b, "ff02::1:ff", 10) ? "SN" : b;
}

static void tap_fn(struct cpu *cpu, struct dev_tap *tap, struct sk_buff *skb, struct net_device *dev, bool outgoing)
{
	u8 p[400];
	u32 n = MIN(skb->len, (u32)sizeof(p)), at = 56;
	char *to;
	if (outgoing || skb->pkt_type == PACKET_LOOPBACK || n < 72 || !skb_copy_bits(skb, 0, p, n) || p[6] != 0 || sent == ARRAY_SIZE(wire))
		return;
	assert_memory_equal(p + 40, "\x3a\0\5\2\0\0\1\0", 8); /* a router alert */
	assert_int_equal(p[7], 1);
	to = wire[sent++];
	to += sprintf(to, "%s %s %u", name_of(p + 8), name_of(p + 24), p[48]);
	if (p[48] != 143) {
		sprintf(to, " %s", name_of(p + 56));
		return;
	}
	for (unsigned r = 0; r < p[55]; r++) {
		unsigned srcs = p[at + 3];
		to += sprintf(to, " %u:%s", p[at], name_of(p + at + 4));
		for (at += 20; srcs--; at += 16)
			to += sprintf(to, "+%s", name_of(p + at));
	}
}

static struct dev_tap tap = { .fn = tap_fn, .ethertype = ETH_P_IPV6 };

struct mc { struct lab l; weft_socket *s; };

#define expect(m, ms, times, what) expect_at(m, ms, times, what, __LINE__)
static void expect_at(struct mc *m, u64 ms, unsigned times, const char *what, int line)
{
	lab_run_ms(&m->l, ms);
	if (sent != times)
		fail_msg("line %d: %u messages, not %u; the first: %s", line, sent, times, wire[0]);
	for (unsigned i = 0; i < sent; i++)
		if (strcmp(wire[i], what))
			fail_msg("line %d: %s, not %s", line, wire[i], what);
	sent = 0;
}

static weft_socket *socket6(struct mc *m, int ns, int type, int protocol)
{
	weft_socket *s;
	lab_ok(weft_socket_new(m->l.ns[ns], AF_INET6, type, protocol, &s));
	return s;
}
static s32 eth0(struct mc *m, int ns) { return dev_by_name(m->l.ns[ns], "eth0")->ifindex; }

static struct mc begin(void)
{
	struct mc m;
	lab_pair(&m.l, 1);
	dev_tap_add(m.l.ns[RIGHT], dev_by_name(m.l.ns[RIGHT], "eth0"), &tap);
	m.s = socket6(&m, LEFT, SOCK_DGRAM, 0);
	return m;
}
static void settle(struct mc *m)
{
	lab_run_ms(&m->l, 6000);
	sent = 0;
}
static void end(struct mc *m)
{
	weft_close(m->s);
	dev_tap_del(&tap);
	lab_end(&m->l);
}
static int group(struct mc *m, weft_socket *s, int opt, const char *addr)
{
	struct ipv6_mreq r = { .ipv6mr_interface = (unsigned)eth0(m, LEFT) };
	inet_pton(AF_INET6, addr, &r.ipv6mr_multiaddr);
	return weft_setsockopt(s, SOL_IPV6, opt, &r, sizeof(r));
}
static int source(struct mc *m, weft_socket *s, int opt, const char *addr)
{
	struct group_source_req r = { .gsr_interface = (u32)eth0(m, LEFT) };
	struct sockaddr_in6 g = { .sin6_family = AF_INET6 }, a = g;
	inet_pton(AF_INET6, G, &g.sin6_addr);
	inet_pton(AF_INET6, addr, &a.sin6_addr);
	memcpy(&r.gsr_group, &g, sizeof(g));
	memcpy(&r.gsr_source, &a, sizeof(a));
	return weft_setsockopt(s, SOL_IPV6, opt, &r, sizeof(r));
}

/* Before the link-local address may be used reports come from nobody; then all is told again. */
static void test_first_address(void **state)
{
	struct mc m = begin();
	unsigned nameless = 0, named = 0;
	lab_run_ms(&m.l, 6000);
	for (unsigned i = 0; i < sent; i++) {
		nameless += !strcmp(wire[i], ":: ff02::16 143 4:SN");
		named += !strcmp(wire[i], "LL ff02::16 143 4:SN");
	}
	assert_int_equal(nameless, 2);
	assert_int_equal(named, 2);
	assert_int_equal(sent, 4);
	sent = 0;
	end(&m);
}

static void test_version2(void **state)
{
	struct mc m = begin();
	weft_socket *r = socket6(&m, LEFT, SOCK_DGRAM, 0);
	settle(&m);
	lab_ok(group(&m, m.s, IPV6_ADD_MEMBERSHIP, G));
	expect(&m, 20, 1, "LL ff02::16 143 4:" G); /* at once, and again */
	expect(&m, 1500, 1, "LL ff02::16 143 4:" G);
	lab_ok(source(&m, m.s, MCAST_BLOCK_SOURCE, "2001:db8::1"));
	expect(&m, 1500, 2, "LL ff02::16 143 6:" G "+2001:db8::1");
	lab_ok(source(&m, m.s, MCAST_BLOCK_SOURCE, "2001:db8::2"));
	lab_ok(source(&m, m.s, MCAST_UNBLOCK_SOURCE, "2001:db8::1"));
	expect(&m, 1500, 2, "LL ff02::16 143 6:" G "+2001:db8::2 5:" G "+2001:db8::1");
	lab_ok(source(&m, r, MCAST_JOIN_SOURCE_GROUP, "2001:db8::2"));
	expect(&m, 1500, 2, "LL ff02::16 143 5:" G "+2001:db8::2");
	lab_ok(group(&m, m.s, IPV6_DROP_MEMBERSHIP, G));
	expect(&m, 1500, 2, "LL ff02::16 143 3:" G "+2001:db8::2");
	lab_ok(source(&m, r, MCAST_LEAVE_SOURCE_GROUP, "2001:db8::2"));
	expect(&m, 1500, 2, "LL ff02::16 143 6:" G "+2001:db8::2");
	expect(&m, 60000, 0, "");
	weft_close(r);
	end(&m);
}

/* From the right to the left, with a router alert of that value. */
static void send_query(struct mc *m, const char *to, const char *group, u16 delay_ms, int hops, u8 alert, const char *src, bool v2)
{
	weft_socket *raw = socket6(m, RIGHT, SOCK_RAW, IPPROTO_ICMPV6);
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_scope_id = (u32)eth0(m, RIGHT) };
	u8 q[44] = { 130, [4] = (u8)(delay_ms >> 8), [5] = (u8)delay_ms, [24] = 2, [25] = 125 };
	struct iovec iov = { q, v2 ? 28 : 24 };
	struct msghdr h = { .msg_name = &a, .msg_namelen = sizeof(a), .msg_iov = &iov, .msg_iovlen = 1 };
	u8 hop[8] = { 0, 0, 5, 2, 0, alert, 1, 0 };

	inet_pton(AF_INET6, to, &a.sin6_addr);
	inet_pton(AF_INET6, group, q + 8);
	if (src) {
		inet_pton(AF_INET6, src, q + 28);
		q[27] = 1;
		iov.iov_len = 44;
	}
	lab_opt(raw, SOL_IPV6, IPV6_MULTICAST_HOPS, hops);
	lab_ok(weft_setsockopt(raw, SOL_IPV6, IPV6_HOPOPTS, hop, sizeof(hop)));
	assert_int_equal(weft_sendmsg(raw, &h, 0), (ssize_t)iov.iov_len);
	weft_close(raw);
}

static void test_queries(void **state)
{
	struct mc m = begin();
	settle(&m);
	lab_ok(source(&m, m.s, MCAST_JOIN_SOURCE_GROUP, "2001:db8::5"));
	lab_run_ms(&m.l, 2000);
	sent = 0;
	send_query(&m, "ff02::1", "::", 1000, 1, 0, NULL, true);
	expect(&m, 1100, 1, "LL ff02::16 143 1:" G "+2001:db8::5 2:SN");
	send_query(&m, G, G, 1000, 1, 0, NULL, true);
	expect(&m, 1100, 1, "LL ff02::16 143 1:" G "+2001:db8::5");
	send_query(&m, G, G, 1000, 1, 0, "2001:db8::5", true);
	expect(&m, 1100, 1, "LL ff02::16 143 1:" G "+2001:db8::5");
	send_query(&m, G, G, 1000, 1, 0, "2001:db8::6", true); /* a source nobody wants */
	expect(&m, 1100, 0, "");
	send_query(&m, "ff02::1", "::", 1000, 2, 0, NULL, true); /* from beyond a router */
	expect(&m, 1100, 0, "");
	send_query(&m, "ff02::1", "::", 1000, 1, 1, NULL, true); /* an alert, but not MLD's */
	expect(&m, 1100, 0, "");
	lab_ok(source(&m, m.s, MCAST_LEAVE_SOURCE_GROUP, "2001:db8::5"));
	settle(&m);
	end(&m);
}

/* A router of version 1: a report a group, a leave by who reported last; forgotten after the timeout. */
static void test_version1(void **state)
{
	struct mc m = begin();
	settle(&m);
	lab_ok(group(&m, m.s, IPV6_ADD_MEMBERSHIP, G));
	settle(&m);
	send_query(&m, G, G, 1000, 1, 0, NULL, false);
	expect(&m, 1100, 1, "LL " G " 131 " G);
	lab_ok(group(&m, m.s, IPV6_ADD_MEMBERSHIP, "ff0e::77"));
	expect(&m, 11000, 2, "LL ff0e::77 131 ff0e::77");
	lab_ok(group(&m, m.s, IPV6_DROP_MEMBERSHIP, "ff0e::77"));
	expect(&m, 20, 1, "LL ff02::2 132 ff0e::77");
	lab_run_ms(&m.l, 261000);
	sent = 0;
	lab_ok(group(&m, m.s, IPV6_DROP_MEMBERSHIP, G));
	expect(&m, 1500, 2, "LL ff02::16 143 3:" G);
	/* net.ipv6.conf.*.force_mld_version */
	lab_ok(weft_sysctl_set(m.l.ns[LEFT], "net/ipv6/conf/eth0/force_mld_version", "1"));
	lab_ok(group(&m, m.s, IPV6_ADD_MEMBERSHIP, G));
	expect(&m, 11000, 2, "LL " G " 131 " G);
	lab_ok(weft_sysctl_set(m.l.ns[LEFT], "net/ipv6/conf/eth0/force_mld_version", "2"));
	send_query(&m, G, G, 1000, 1, 0, NULL, false); /* version 1's queries are not heard */
	expect(&m, 1100, 0, "");
	end(&m);
}

/* What a socket hears: groups that it joined, and of sources those that its filter lets through. */
static void test_filters(void **state)
{
	struct mc m = begin();
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(7000) }, to = a, peer;
	struct { struct group_filter f; struct sockaddr_storage more[3]; } f = { .f.gf_fmode = MCAST_EXCLUDE, .f.gf_numsrc = 1 };
	weft_socket *tx = socket6(&m, RIGHT, SOCK_DGRAM, 0);
	s32 out = eth0(&m, RIGHT);
	socklen_t flen;
	char buf[8] = "x";

	settle(&m);
	lab_opt(m.s, SOL_IPV6, 29 /* IPV6_MULTICAST_ALL */, 0);
	lab_ok(weft_bind(m.s, (struct sockaddr *)&a, sizeof(a)));
	inet_pton(AF_INET6, "ff02::1234", &to.sin6_addr);
	to.sin6_scope_id = (u32)out;
	lab_opt(tx, SOL_IPV6, IPV6_MULTICAST_IF, out);
#define HEARS(n)                                                                                                                      \
	do {                                                                                                                          \
		struct msghdr h = { .msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &(struct iovec){ buf, 1 }, .msg_iovlen = 1 };     \
		assert_int_equal(weft_sendmsg(tx, &h, 0), 1);                                  \
		lab_run_ms(&m.l, 20);                                                                                                 \
		h.msg_name = &peer;                                                                                                   \
		assert_int_equal(weft_recvmsg(m.s, &h, 0), n);                         \
	} while (0)
	HEARS(-EAGAIN);
	lab_ok(group(&m, m.s, IPV6_ADD_MEMBERSHIP, "ff02::1234"));
	HEARS(1);
	f.f.gf_interface = (u32)eth0(&m, LEFT);
	memcpy(&f.f.gf_group, &to, sizeof(to));
	memcpy(&f.f.gf_slist[0], &peer, sizeof(peer));
	lab_ok(weft_setsockopt(m.s, SOL_IPV6, MCAST_MSFILTER, &f, GROUP_FILTER_SIZE(1)));
	HEARS(-EAGAIN); /* from nobody else has it come */
	f.f.gf_numsrc = 4;
	flen = sizeof(f);
	lab_ok(weft_getsockopt(m.s, SOL_IPV6, MCAST_MSFILTER, &f, &flen));
	assert_int_equal(f.f.gf_numsrc, 1);
	assert_int_equal(f.f.gf_fmode, MCAST_EXCLUDE);
	assert_memory_equal(&((struct sockaddr_in6 *)&f.f.gf_slist[0])->sin6_addr, &peer.sin6_addr, 16);
	assert_int_equal(flen, GROUP_FILTER_SIZE(1));
	assert_true(lab_drops(&m.l, LEFT, SKB_DROP_REASON_IP_INADDRERRORS) > 0);
	f.f.gf_fmode = MCAST_INCLUDE;
	lab_ok(weft_setsockopt(m.s, SOL_IPV6, MCAST_MSFILTER, &f, GROUP_FILTER_SIZE(1)));
	HEARS(1);
	f.f.gf_numsrc = 0; /* INCLUDE of nobody: left */
	lab_ok(weft_setsockopt(m.s, SOL_IPV6, MCAST_MSFILTER, &f, GROUP_FILTER_SIZE(0)));
	assert_int_equal(group(&m, m.s, IPV6_DROP_MEMBERSHIP, "ff02::1234"), -EADDRNOTAVAIL);
	weft_close(tx);
	end(&m);
}

/* Every allocation fails once while groups and sources are joined and left, and while routers are told: calls say so and leave things as
 * they were; queries are answered again later. */
static void test_no_memory(void **state)
{
	static const struct { bool src; int name, undo; } steps[] = { { false, IPV6_ADD_MEMBERSHIP, IPV6_DROP_MEMBERSHIP },
		{ true, MCAST_JOIN_SOURCE_GROUP, MCAST_LEAVE_SOURCE_GROUP } };
	struct mc m = begin();
	struct mem *mem = &m.l.w->mem;
	unsigned failed = 0;
	bool over;

	settle(&m);
#define DO(which, name) (steps[which].src ? source(&m, m.s, name, "2001:db8::5") : group(&m, m.s, name, G))
	for (unsigned i = 0; i < ARRAY_SIZE(steps); i++) {
		over = false;
		for (u64 n = 1; !over; n++) {
			mem->fail_at = n;
			int err = DO(i, steps[i].name);
			lab_run_ms(&m.l, 1500);
			over = mem->fail_at > 0;
			mem->fail_at = 0;
			assert_true(!err || (!over && (err == -ENOMEM || err == -ENOBUFS)));
			failed += err != 0;
			int undone = DO(i, steps[i].undo);
			if (!err)
				lab_ok(undone);
			else if (i && undone == -EADDRNOTAVAIL) /* the group is joined all the same */
				lab_ok(group(&m, m.s, IPV6_DROP_MEMBERSHIP, G));
			else
				assert_int_equal(undone, i ? -EINVAL : -EADDRNOTAVAIL);
			assert_int_equal(group(&m, m.s, IPV6_DROP_MEMBERSHIP, G), -EADDRNOTAVAIL);
			lab_run_ms(&m.l, 3000);
		}
		assert_true(failed > i);
	}
	lab_ok(group(&m, m.s, IPV6_ADD_MEMBERSHIP, G));
	over = false;
	for (u64 n = 1; !over; n++) { /* a source more, a source less */
		mem->fail_at = n;
		int err = source(&m, m.s, MCAST_BLOCK_SOURCE, "2001:db8::1");
		int err2 = err ? 0 : source(&m, m.s, MCAST_UNBLOCK_SOURCE, "2001:db8::1");
		lab_run_ms(&m.l, 1500);
		over = mem->fail_at > 0;
		mem->fail_at = 0;
		assert_true(!err || err == -ENOMEM || err == -ENOBUFS);
		assert_true(!err2 || err2 == -ENOMEM || err2 == -ENOBUFS);
		assert_int_equal(source(&m, m.s, MCAST_UNBLOCK_SOURCE, "2001:db8::1"), err2 ? 0 : -EADDRNOTAVAIL);
		lab_run_ms(&m.l, 3000);
	}
	over = false;
	for (u64 n = 1; !over; n++) { /* the query or its answer */
		send_query(&m, "ff02::1", "::", 1000, 1, 0, NULL, true);
		mem->fail_at = n;
		lab_run_ms(&m.l, 1100);
		over = mem->fail_at > 0;
		mem->fail_at = 0;
	}
	lab_ok(weft_sysctl_set(m.l.ns[LEFT], "net/ipv6/conf/eth0/force_mld_version", "0"));
	sent = 0;
	send_query(&m, G, G, 1000, 1, 0, NULL, true);
	expect(&m, 1100, 1, "LL ff02::16 143 2:" G);
	end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_first_address), cmocka_unit_test(test_version2), cmocka_unit_test(test_queries),
					    cmocka_unit_test(test_version1), cmocka_unit_test(test_filters),
					    cmocka_unit_test(test_no_memory) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
