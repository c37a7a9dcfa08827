/* sk_buffs against an array of bytes: random pushes, pulls, trims, splits, fragments, clones and private heads, each packet's
 * content compared after every step, and every packet and buffer returned at the end (world_free asserts it).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/uio.h>

#include <cmocka.h>

#include "codec/wire/checksum.h"
#include "core/netns.h"
#include "core/stack_tables.h"

#define PACKETS 12
#define MAX_LEN 9000

struct model {
	struct sk_buff *skb;
	u8 *bytes; /* MAX_LEN */
	u32 len;
};

static struct world *w;
static struct cpu *cpu;

static int setup(void **state)
{
	struct world_config cfg = { .ncpus = 2 };

	(void)state;
	if (world_new(&cfg, &w))
		return -1;
	cpu = w->cpu[0];
	return 0;
}
static int teardown(void **state)
{
	(void)state;
	world_free(w);
	return 0;
}

/* RFC 1071 as it stands, byte pairs. */
static u16 plain_sum(const u8 *p, u32 len)
{
	u64 s = 0;

	for (u32 i = 0; i < len; i++)
		s += i & 1 ? (u32)p[i] << 8 : p[i];
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (u16)s;
}

static void check(const struct model *m, struct rng *r)
{
	const struct sk_buff *skb = m->skb;
	u8 out[MAX_LEN], tmp[64];
	u32 frags = 0, off, len, got = 0;
	struct iovec iov[MAX_SKB_FRAGS + 1];
	unsigned n;

	assert_int_equal(skb->len, m->len);
	assert_int_equal(skb->data + skb_headlen(skb) - skb->head, skb->tail);
	assert_true(skb->data >= skb->head && skb->tail <= skb->end && skb->end <= skb->buf->size);
	assert_true(skb->nr_frags <= MAX_SKB_FRAGS);
	for (unsigned i = 0; i < skb->nr_frags; i++) {
		assert_true(skb->frags[i].len > 0);
		assert_true(skb->frags[i].off + skb->frags[i].len <= skb->frags[i].buf->size);
		frags += skb->frags[i].len;
	}
	assert_int_equal(frags, skb->data_len);
	assert_true(skb_copy_bits(skb, 0, out, m->len));
	assert_memory_equal(out, m->bytes, m->len);
	assert_false(skb_copy_bits(skb, 0, out, m->len + 1));
	assert_false(skb_copy_bits(skb, m->len, out, 1));
	assert_false(skb_copy_bits(skb, UINT32_MAX, out, 2));

	off = rng_below(r, m->len + 1);
	len = rng_below(r, m->len - off + 1);
	assert_true(skb_copy_bits(skb, off, out, len));
	assert_memory_equal(out, m->bytes + off, len);
	assert_int_equal(csum_reduce(skb_checksum(skb, off, len, 0)) % 0xffff, plain_sum(m->bytes + off, len) % 0xffff);
	n = skb_to_iovec(skb, off, len, iov, ARRAY_SIZE(iov));
	for (unsigned i = 0; i < n; got += (u32)iov[i++].iov_len)
		assert_memory_equal(iov[i].iov_base, m->bytes + off + got, iov[i].iov_len);
	assert_int_equal(got, len);
	len = MIN(len, sizeof(tmp));
	assert_memory_equal(skb_header_pointer(skb, off, len, tmp), m->bytes + off, len);
}

static void fill(struct rng *r, u8 *p, u32 n)
{
	rng_bytes(r, p, n);
}

static void make(struct model *m, struct rng *r)
{
	u32 head = rng_below(r, 3) ? rng_below(r, 300) : rng_below(r, 5000), room = rng_below(r, 200);

	m->skb = skb_alloc(cpu, room, head + rng_below(r, 100));
	assert_non_null(m->skb);
	assert_int_equal(skb_headroom(m->skb), room);
	fill(r, skb_put(m->skb, head), head);
	memcpy(m->bytes, m->skb->data, head);
	m->len = head;
}

static void add_frag(struct model *m, struct rng *r)
{
	u32 n = rng_below(r, 500), off = rng_below(r, 100);
	struct buf *b = buf_alloc(cpu, 1000);

	fill(r, b->data, 1000);
	if (m->len + 2 * n < MAX_LEN && skb_add_frag(m->skb, b, off, n)) {
		memcpy(m->bytes + m->len, b->data + off, n);
		m->len += n;
		if (rng_below(r, 2) && skb_add_frag(m->skb, b, off + n, n / 2)) { /* merges when n is not 0 */
			memcpy(m->bytes + m->len, b->data + off + n, n / 2);
			m->len += n / 2;
		}
	}
	buf_put(cpu, b);
}

static void drop(struct model *m)
{
	skb_consume(cpu, m->skb);
	m->skb = NULL;
}

/* Writes over the first bytes, as a layer that rewrites headers does; nobody else's packet may change. */
static void write_head(struct model *m, struct rng *r)
{
	u32 n = rng_below(r, 60), room = rng_below(r, 300);

	n = MIN(n, m->len);
	assert_true(skb_writable_head(cpu, m->skb, room, n));
	assert_true(skb_headroom(m->skb) >= room && skb_headlen(m->skb) >= n && !skb_cloned(m->skb));
	fill(r, m->skb->data, n);
	memcpy(m->bytes, m->skb->data, n);
	/* And what is in front. */
	n = rng_below(r, room + 1);
	if (m->len + n < MAX_LEN) {
		memmove(m->bytes + n, m->bytes, m->len);
		fill(r, skb_push(m->skb, n), n);
		memcpy(m->bytes, m->skb->data, n);
		m->len += n;
	}
}

static void random_operations(void **state)
{
	struct model m[PACKETS] = { { NULL } };
	u8 seed[32] = { 9 };
	struct rng r;

	(void)state;
	rng_init(&r, seed, 0);
	for (unsigned i = 0; i < PACKETS; i++)
		m[i].bytes = malloc(MAX_LEN);
	for (unsigned step = 0; step < 40000; step++) {
		struct model *a = &m[rng_below(&r, PACKETS)], *b = &m[rng_below(&r, PACKETS)];
		u32 n;

		if (!a->skb)
			make(a, &r);
		n = rng_below(&r, a->len + 1);
		switch (rng_below(&r, 12)) {
		case 0:
			drop(a);
			break;
		case 1:
		case 2:
			add_frag(a, &r);
			break;
		case 3: /* clone */
		case 4: /* copy */
			if (a == b)
				break;
			if (b->skb)
				drop(b);
			b->skb = step & 1 ? skb_clone(cpu, a->skb) : skb_copy(cpu, a->skb, rng_below(&r, 200));
			assert_non_null(b->skb);
			memcpy(b->bytes, a->bytes, a->len);
			b->len = a->len;
			break;
		case 5:
			assert_true(skb_trim(cpu, a->skb, n));
			a->len = n;
			break;
		case 6:
			n = MIN(n, 200);
			skb_pull_any(cpu, a->skb, n);
			a->len -= n;
			memmove(a->bytes, a->bytes + n, a->len);
			break;
		case 7:
			assert_true(pskb_may_pull(cpu, a->skb, n));
			assert_true(skb_headlen(a->skb) >= n);
			assert_memory_equal(a->skb->data, a->bytes, n);
			assert_false(pskb_may_pull(cpu, a->skb, a->len + 1));
			break;
		case 8:
			if (a == b)
				break;
			if (b->skb)
				drop(b);
			assert_int_equal(skb_split(cpu, a->skb, n, &b->skb), 0);
			b->len = a->len - n;
			memcpy(b->bytes, a->bytes + n, b->len);
			a->len = n;
			assert_int_equal(skb_headroom(b->skb), SKB_HEADROOM);
			break;
		case 9:
			assert_true(skb_cow_head(cpu, a->skb, rng_below(&r, 300)));
			assert_false(skb_cloned(a->skb));
			break;
		case 10:
			write_head(a, &r);
			break;
		case 11: /* append */
			if (!skb_cloned(a->skb) && skb_tailroom(a->skb) > 10 && a->len + 10 < MAX_LEN) {
				fill(&r, skb_put(a->skb, 10), 10);
				memcpy(a->bytes + a->len, a->skb->data + a->len, 10);
				a->len += 10;
			}
			break;
		}
		for (unsigned i = 0; i < PACKETS; i++)
			if (m[i].skb && (step % 8 == 0 || &m[i] == a || &m[i] == b))
				check(&m[i], &r);
	}
	for (unsigned i = 0; i < PACKETS; i++) {
		if (m[i].skb)
			drop(&m[i]);
		free(m[i].bytes);
	}
}

static void offsets_follow(void **state)
{
	struct sk_buff *skb = skb_alloc(cpu, 20, 100), *clone;

	(void)state;
	memset(skb_put(skb, 100), 7, 100);
	skb_reset_mac_header(skb);
	memset(skb->data, 1, 14);
	skb_pull(skb, 14);
	skb_reset_network_header(skb);
	memset(skb->data, 2, 20);
	skb_pull(skb, 20);
	skb_reset_transport_header(skb);
	memset(skb->data, 3, 8);
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb->transport_header;
	skb->csum_offset = 6;
	clone = skb_clone(cpu, skb);
	assert_true(skb_cow_head(cpu, clone, 200));
	assert_true(clone->buf != skb->buf && skb_headroom(clone) >= 200);
	assert_int_equal(skb_mac_header(clone)[13], 1);
	assert_int_equal(skb_network_header(clone)[0], 2);
	assert_int_equal(skb_network_header(clone)[19], 2);
	assert_ptr_equal(skb_transport_header(clone), clone->data);
	assert_int_equal(clone->csum_start, clone->transport_header);
	skb_consume(cpu, clone);
	clone = skb_copy(cpu, skb, 0);
	assert_int_equal(skb_mac_header(clone)[0], 1);
	assert_int_equal(skb_network_header(clone)[0], 2);
	assert_ptr_equal(skb_transport_header(clone), clone->data);
	assert_int_equal(clone->csum_start, clone->transport_header);
	skb_consume(cpu, clone);
	skb_consume(cpu, skb);
}

/* A packet of 64 KiB in one buffer: private headers cost 512 bytes, not a copy of it. */
static void payload_stays(void **state)
{
	struct sk_buff *skb = skb_alloc(cpu, SKB_HEADROOM, 65536), *clone;
	const u8 *payload;

	(void)state;
	memset(skb_put(skb, 65536), 5, 65536);
	payload = skb->data + 10000;
	clone = skb_clone(cpu, skb);
	assert_true(skb_cow_head(cpu, clone, SKB_HEADROOM));
	assert_int_equal(skb_headlen(clone), 512);
	assert_int_equal(clone->len, 65536);
	struct iovec iov[2];
	assert_int_equal(skb_to_iovec(clone, 10000, 1, iov, 2), 1);
	assert_ptr_equal(iov[0].iov_base, payload);
	skb_push(clone, 54);
	skb_consume(cpu, skb);
	skb_consume(cpu, clone);
	assert_null(buf_alloc(cpu, BUF_MAX_BYTES + 1));
	assert_null(skb_alloc(cpu, UINT32_MAX, 2));
}

static void checksums(void **state)
{
	struct sk_buff *skb = skb_alloc(cpu, 0, 64);
	u8 *p = skb_put(skb, 60);
	u32 all;

	(void)state;
	for (unsigned i = 0; i < 60; i++)
		p[i] = (u8)(i * 7);
	/* COMPLETE stays true when the tail is cut, at odd places too. */
	skb_reset_network_header(skb);
	skb->ip_summed = CHECKSUM_COMPLETE;
	skb->csum = skb_checksum(skb, 0, 60, 0);
	skb_pull(skb, 3);
	assert_true(skb_trim(cpu, skb, 30));
	assert_int_equal(csum_reduce(skb->csum), csum_reduce(csum_partial(p, 33, 0)));
	/* PARTIAL is filled in. */
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = 13;
	skb->csum_offset = 6;
	memcpy(p + 19, "\x12\x34", 2);
	assert_true(skb_checksum_help(cpu, skb));
	assert_int_equal(skb->ip_summed, CHECKSUM_NONE);
	/* With the pseudo-header's sum put back, the area sums to all ones. */
	all = csum_partial(p + 13, 20, 0);
	assert_int_equal(csum_reduce(csum_add(all, 0x3412)), 0xffff);
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = 2; /* in front of data */
	assert_false(skb_checksum_help(cpu, skb));
	skb->csum_start = 30;
	assert_false(skb_checksum_help(cpu, skb));
	skb_consume(cpu, skb);
}

static unsigned freed;
static void foreign_free(struct cpu *c, struct buf *b)
{
	(void)c;
	assert_int_equal(b->refcnt, 1);
	freed++;
}

static unsigned destructed;
static void destructor(struct cpu *c, struct sk_buff *skb)
{
	(void)c;
	assert_int_equal(skb->truesize, 4711);
	destructed++;
}

static void ownership(void **state)
{
	u8 ring[256];
	struct buf b = { .refcnt = 1, .size = sizeof(ring), .free = foreign_free, .data = ring };
	struct sk_buff *skb = skb_from_buf(cpu, &b, 10, 100), *clone = skb_clone(cpu, skb);

	(void)state;
	assert_true(skb_cloned(skb));
	clone->truesize = 4711;
	clone->destructor = destructor;
	skb_consume(w->cpu[1], skb);
	assert_int_equal(freed, 0);
	assert_false(skb_cloned(clone));
	/* What is charged stays what it was. */
	assert_true(skb_cow_head(cpu, clone, 500));
	assert_int_equal(freed, 1);
	skb = skb_clone(cpu, clone);
	assert_null(skb->destructor);
	skb_consume(cpu, clone);
	assert_int_equal(destructed, 1);
	skb_consume(cpu, skb);
	skb_consume(cpu, NULL);
}

/* Made on one cpu, freed on another, in numbers that go through the depot; big buffers are given back beyond what is kept. */
static void travelling(void **state)
{
	static struct sk_buff *skbs[3000];
	u64 before = 0;

	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < ARRAY_SIZE(skbs); i++) {
			skbs[i] = skb_alloc(cpu, 100, 100 + (i % 5) * 1000);
			assert_non_null(skbs[i]);
			assert_int_equal(skbs[i]->nr_frags | skbs[i]->cloned | skbs[i]->trace | skbs[i]->gso_size, 0);
			assert_int_equal(skbs[i]->buf->refcnt, 1);
		}
		for (unsigned i = 0; i < ARRAY_SIZE(skbs); i++)
			skb_consume(w->cpu[1], skbs[i]);
		if (!round)
			before = w->mem.bytes;
	}
	assert_true(w->mem.bytes < before + (1 << 20)); /* what two cpus keep at hand */
	before = w->mem.bytes;
	for (unsigned i = 0; i < 500; i++)
		assert_non_null(skbs[i] = skb_alloc(cpu, 0, 60000));
	assert_true(w->mem.bytes > before + 500 * 60000);
	for (unsigned i = 0; i < 500; i++)
		skb_consume(cpu, skbs[i]);
	assert_true(w->mem.bytes < before + 100 * 66560);
}

/* Whatever allocation fails, packets stay whole and nothing is lost. */
static void no_memory(void **state)
{
	(void)state;
	for (u64 fail = 1; fail < 40; fail++) {
		struct sk_buff *a, *b = NULL, *c = NULL, *tail = NULL;

		world_free(w);
		assert_int_equal(setup(NULL), 0);
		w->mem.fail_at = fail;
		a = skb_alloc(cpu, 10, 5000);
		if (!a)
			continue;
		memset(skb_put(a, 5000), 1, 5000);
		b = skb_clone(cpu, a);
		if (b && !skb_cow_head(cpu, b, 300))
			assert_int_equal(b->len, 5000);
		c = skb_copy(cpu, a, 20000);
		if (skb_split(cpu, a, 100, &tail))
			assert_int_equal(a->len, 5000);
		else
			assert_int_equal(a->len + tail->len, 5000);
		if (tail && !pskb_may_pull(cpu, tail, 4000))
			assert_int_equal(tail->len, 4900);
		skb_consume(cpu, a);
		skb_consume(cpu, b);
		skb_consume(cpu, c);
		skb_consume(cpu, tail);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations), cmocka_unit_test(offsets_follow), cmocka_unit_test(payload_stays),
		cmocka_unit_test(checksums), cmocka_unit_test(ownership), cmocka_unit_test(travelling), cmocka_unit_test(no_memory),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
