/* Memory that runs out in an AF_INET6 socket's extension headers and flow labels: every allocation of a call fails once. The call says
 * so, what was set before stays, nothing half made is left, and the same call succeeds afterwards. (MLD's: mld_test.c.) */
#include "stack/testlib.h"

#define PEER "2001:db8::2"
enum { PKTOPTIONS_2292 = 6, FLOWLABEL_MGR = 32, FLOWINFO_SEND = 33 };		/* linux/in6.h's */
enum { FL_GET = 0, FL_PUT = 1, FL_CREATE = 1, FL_SHARE_ANY = 255 };
struct label_req {
	u8 dst[16];
	be32 label;
	u8 action, share;
	u16 flags, expires, linger;
	u32 pad;
	u8 control[64];
};

static const u8 hop[8] = { 0, 0, 0x1e, 4, 0, 0, 0, 0 }, dst[16] = { 0, 1, 0x1e, 12 }, segments[24] = { 0, 2, 4, 0, 0 };
static struct lab l;
static weft_socket *tx, *rx;

static void begin(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(7) };
	lab_pair(&l, 1);
	for (int i = LEFT; i <= RIGHT; i++) {
		lab_ok(weft_sysctl_set(l.ns[i], "net.ipv6.conf.eth0.accept_dad", "0"));
		lab_ok(weft_addr_add(l.ns[i], "eth0", i == LEFT ? "2001:db8::1/64" : PEER "/64"));
	}
	lab_run_ms(&l, 3000);
	lab_ok(weft_socket_new(l.ns[LEFT], AF_INET6, SOCK_DGRAM, 0, &tx));
	lab_ok(weft_socket_new(l.ns[RIGHT], AF_INET6, SOCK_DGRAM, 0, &rx));
	lab_ok(weft_bind(rx, (struct sockaddr *)&a, sizeof(a)));
	lab_ok(weft_bind(tx, (struct sockaddr *)&a, sizeof(a)));
	lab_opt(rx, SOL_IPV6, IPV6_RECVHOPOPTS, 1);
}
static void end(void)
{
	weft_close(tx);
	weft_close(rx);
	lab_end(&l);
}

/* From now on the n-th allocation fails. */
static void fail_at(u64 n) { l.w->mem.fail_at = n; }
/* Whether there were fewer: then it is over. */
static bool fewer(void)
{
	bool left = l.w->mem.fail_at > 0;
	l.w->mem.fail_at = 0;
	return left;
}
static bool out_of_memory(ssize_t err) { return err == -ENOMEM || err == -ENOBUFS; }

static u32 control_put(u8 *to, u32 at, int type, const void *val, u32 len)
{
	struct cmsghdr *c = (struct cmsghdr *)(to + at);
	c->cmsg_level = SOL_IPV6;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), val, len);
	return at + (u32)CMSG_SPACE(len);
}
static socklen_t option_len(int name)
{
	u8 buf[64];
	socklen_t len = sizeof(buf);
	lab_ok(weft_getsockopt(tx, SOL_IPV6, name, buf, &len));
	return len;
}

static void test_options(void **state)
{
	static const struct { int name; const u8 *val; u32 len; } all[] = { { IPV6_HOPOPTS, hop, sizeof(hop) },
		{ IPV6_RTHDRDSTOPTS, dst, sizeof(dst) }, { IPV6_RTHDR, segments, sizeof(segments) } };
	u8 control[128] __attribute__((aligned(8)));
	u32 len;
	bool over;
	begin();
	lab_ok(weft_setsockopt(tx, SOL_IPV6, IPV6_DSTOPTS, dst, sizeof(dst)));
	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		unsigned failed = 0;
		over = false;
		for (u64 n = 1; !over; n++) {
			fail_at(n);
			int err = weft_setsockopt(tx, SOL_IPV6, all[i].name, all[i].val, all[i].len);
			over = fewer();
			assert_true(over ? !err : err == -ENOBUFS);
			failed += !over;
			assert_int_equal(option_len(all[i].name), err ? 0 : all[i].len);
			assert_int_equal(option_len(IPV6_DSTOPTS), sizeof(dst));
		}
		assert_true(failed > 0);
	}
	len = control_put(control, 0, IPV6_HOPOPTS, hop, sizeof(hop));
	len = control_put(control, len, IPV6_DSTOPTS, dst, sizeof(dst));
	over = false;
	for (u64 n = 1; !over; n++) { /* as control messages, all at once: in place of the three */
		fail_at(n);
		int err = weft_setsockopt(tx, SOL_IPV6, PKTOPTIONS_2292, control, len);
		over = fewer();
		assert_true(over ? !err : out_of_memory(err));
		assert_int_equal(option_len(IPV6_RTHDR), err ? sizeof(segments) : 0);
	}
	end();
}

/* Sends 3000 bytes, which are cut. Returns the result. */
static ssize_t send_one(const u8 *control, u32 len, be32 flowinfo)
{
	static u8 buf[3000];
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(7), .sin6_flowinfo = flowinfo.raw };
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr m = { .msg_name = &a, .msg_namelen = sizeof(a), .msg_iov = &iov, .msg_iovlen = 1, .msg_control = (void *)(uintptr_t)control,
			    .msg_controllen = len };
	inet_pton(AF_INET6, PEER, &a.sin6_addr);
	return weft_sendmsg(tx, &m, 0);
}
/* How many came; *options: of the last one, bytes of hop-by-hop options. */
static unsigned received(u32 *options)
{
	u8 buf[4000], control[200] __attribute__((aligned(8)));
	unsigned n = 0;
	for (*options = 0;; n++) {
		struct iovec iov = { buf, sizeof(buf) };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
		if (weft_recvmsg(rx, &m, 0) != 3000)
			return n;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
			if (c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_HOPOPTS)
				*options = (u32)(c->cmsg_len - CMSG_LEN(0));
	}
}

/* A datagram is sent whole, or its sender or nobody hears of it; the next one is sent. */
static void send_failing(const u8 *control, u32 len, be32 flowinfo)
{
	unsigned lost = 0, arrived = 0;
	bool over = false;
	u32 options;
	for (u64 n = 1; !over; n++) {
		fail_at(n);
		ssize_t r = send_one(control, len, flowinfo);
		lab_run_ms(&l, 10);
		over = fewer();
		assert_true(r == 3000 || out_of_memory(r));
		unsigned got = received(&options);
		assert_true(got <= (r == 3000));
		assert_true(!got || options == sizeof(hop));
		lost += !got;
		arrived += got;
		lab_run_ms(&l, 61000); /* what was left of it is forgotten */
	}
	assert_true(lost > 0 && arrived > 0);
	assert_int_equal(send_one(control, len, flowinfo), 3000);
	lab_run_ms(&l, 10);
	assert_int_equal(received(&options), 1);
	assert_int_equal(options, sizeof(hop));
}

static void test_control_messages(void **state)
{
	u8 control[128] __attribute__((aligned(8)));
	u32 len;
	begin();
	len = control_put(control, 0, IPV6_HOPOPTS, hop, sizeof(hop));
	len = control_put(control, len, IPV6_DSTOPTS, dst, sizeof(dst));
	send_failing(control, len, (be32){ 0 });
	end();
}

static int label(weft_socket *s, u8 action, u16 flags)
{
	struct label_req q = { .label = BE32(0x12345), .action = action, .share = FL_SHARE_ANY, .flags = flags };
	u32 len = control_put(q.control, 0, IPV6_HOPOPTS, hop, sizeof(hop));
	inet_pton(AF_INET6, PEER, q.dst);
	return weft_setsockopt(s, SOL_IPV6, FLOWLABEL_MGR, &q, (socklen_t)offsetof(struct label_req, control) + len);
}

static void test_flow_labels(void **state)
{
	weft_socket *other;
	unsigned failed = 0;
	bool over = false;
	begin();
	lab_ok(weft_socket_new(l.ns[LEFT], AF_INET6, SOCK_DGRAM, 0, &other));
	for (u64 n = 1; !over; n++) {
		fail_at(n);
		int err = label(tx, FL_GET, FL_CREATE);
		over = fewer();
		assert_true(over ? !err : out_of_memory(err));
		failed += !over;
		if (err)
			assert_int_equal(label(other, FL_GET, 0), -ENOENT); /* nobody has it */
	}
	assert_true(failed >= 3); /* the lease, its options, the socket's hold */
	over = false;
	for (u64 n = 1; !over; n++) { /* it is shared */
		fail_at(n);
		int err = label(other, FL_GET, 0);
		over = fewer();
		assert_true(over ? !err : out_of_memory(err));
		if (err)
			assert_int_equal(label(other, FL_PUT, 0), -ESRCH);
	}
	lab_opt(tx, SOL_IPV6, FLOWINFO_SEND, 1);
	send_failing(NULL, 0, BE32(0x12345));
	lab_ok(label(other, FL_PUT, 0));
	lab_ok(label(tx, FL_PUT, 0));
	weft_close(other);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_options), cmocka_unit_test(test_control_messages), cmocka_unit_test(test_flow_labels) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
