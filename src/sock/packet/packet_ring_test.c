/* Rings in virtual time: when a block is handed over, to the nanosecond; no memory; a program that writes nonsense into its ring. What the
 * frames look like is compared with Linux in tests/attach/rings.c. */
#include "codec/wire/eth.h"
#include "sock/packet/packet.h"
#include "stack/testlib.h"

enum { SOL_PACKET_LEVEL = 263, OPT_RX_RING = 5, OPT_STATISTICS = 6, OPT_VERSION = 10 };

struct rig {
	struct lab l;
	weft_socket *s, *from;
	u8 *mem;
	size_t size;
};

static struct rig rig(int version, struct packet_ring_req q)
{
	struct rig r;

	lab_pair(&r.l, 1);
	lab_run_ms(&r.l, 3000); /* duplicate addresses are looked for */
	lab_ok(weft_socket_new(r.l.ns[LEFT], AF_PACKET, SOCK_RAW, cpu_to_be16(ETH_P_IP).raw, &r.s));
	lab_ok(weft_setsockopt(r.s, SOL_PACKET_LEVEL, OPT_VERSION, &version, sizeof(version)));
	assert_null(weft_packet_ring(r.s, &r.size));
	lab_ok(weft_setsockopt(r.s, SOL_PACKET_LEVEL, OPT_RX_RING, &q, sizeof(q)));
	r.mem = weft_packet_ring(r.s, &r.size);
	assert_non_null(r.mem);
	assert_int_equal(r.size, q.block_size * q.block_nr);
	r.from = lab_udp(&r.l, LEFT, "10.0.0.1", 9);
	return r;
}

static void say(struct rig *r, size_t len)
{
	static const u8 data[2000];

	assert_int_equal(lab_sendto(r->from, data, len, "127.0.0.1", 9), len);
	weft_run_for(r->l.w, 1000); /* over lo: seen twice, going and coming */
}

static void end(struct rig *r)
{
	weft_close(r->s);
	weft_close(r->from);
	lab_end(&r->l);
}

static u32 word(const u8 *at) { return *(const u32 *)(const void *)at; }

static void a_block_is_handed_over_when_its_time_is_over(void **state)
{
	struct rig r = rig(2, (struct packet_ring_req){ 4096, 4, 2048, 8, 60, 0, 0 });
	u64 at;

	lab_run_ms(&r.l, 1000); /* an empty block stays */
	assert_int_equal(word(r.mem + 8), 0);
	say(&r, 10);
	at = weft_now(r.l.w);
	weft_run_for(r.l.w, 59 * LAB_MS);
	assert_int_equal(word(r.mem + 8), 0);
	assert_false(weft_poll(r.s) & POLLIN);
	weft_run_for(r.l.w, 2 * LAB_MS);
	assert_int_equal(word(r.mem + 8), 1 | 32); /* for the user, by time */
	assert_int_equal(word(r.mem + 12), 2);	   /* going and coming */
	assert_true(weft_poll(r.s) & POLLIN);
	assert_true(weft_now(r.l.w) - at <= 61 * LAB_MS);
	*(u32 *)(void *)(r.mem + 8) = 0;
	assert_false(weft_poll(r.s) & POLLIN);
	end(&r);
}

/* The whole ring written over again and again: the stack writes where it would have, and counts what has no place. */
static void nonsense_in_the_ring_does_no_harm(void **state)
{
	for (int version = 0; version < 3; version++) {
		struct rig r = rig(version, (struct packet_ring_req){ 4096, 2, 1024, 8, 1, 0, 0 });
		struct { u32 packets, drops, freezes; } st;
		socklen_t len = sizeof(st);

		for (unsigned i = 0; i < 200; i++) {
			memset(r.mem, (int)(i * 37 % 256), r.size);
			say(&r, i * 10);
			weft_poll(r.s);
			lab_run_ms(&r.l, i % 3);
		}
		lab_ok(weft_getsockopt(r.s, SOL_PACKET_LEVEL, OPT_STATISTICS, &st, &len));
		assert_int_equal(st.packets, 400);
		assert_true(st.drops > 0);
		end(&r);
	}
}

static void a_ring_that_cannot_be_had_leaves_the_queue(void **state)
{
	struct packet_ring_req q = { 1 << 20, 4, 2048, 2048, 0, 0, 0 };
	struct lab l;
	weft_socket *s;

	lab_pair(&l, 1);
	lab_ok(weft_socket_new(l.ns[LEFT], AF_PACKET, SOCK_RAW, 0, &s));
	for (int n = 0; n < 2; n++) {
		l.w->mem.fail_at = 1 + (u64)n;
		assert_int_equal(weft_setsockopt(s, SOL_PACKET_LEVEL, OPT_RX_RING, &q, sizeof(q)), -ENOMEM);
		assert_null(weft_packet_ring(s, &(size_t){ 0 }));
	}
	l.w->mem.fail_at = 0;
	lab_ok(weft_setsockopt(s, SOL_PACKET_LEVEL, OPT_RX_RING, &q, sizeof(q)));
	weft_close(s);
	lab_end(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_is_handed_over_when_its_time_is_over),
		cmocka_unit_test(nonsense_in_the_ring_does_no_harm),
		cmocka_unit_test(a_ring_that_cannot_be_had_leaves_the_queue),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
