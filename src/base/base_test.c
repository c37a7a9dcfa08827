/* Allocator, text buffer, random source and keyed hash: known answers and failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/strbuf.h"

static void mem_counts(void **state)
{
	struct mem m;
	char *p, *q;

	(void)state;
	mem_init(&m, 0);
	p = mem_alloc(&m, 100);
	q = mem_zalloc(&m, 50);
	assert_int_equal(m.count, 2);
	assert_true(m.bytes >= 150);
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(q[i], 0);
	p = mem_realloc(&m, p, 1000);
	assert_int_equal(m.count, 2);
	assert_true(m.bytes >= 1050);
	mem_free(&m, p);
	mem_free(&m, q);
	mem_free(&m, NULL);
	p = mem_alloc_aligned(&m, 64, 65);
	assert_int_equal((uintptr_t)p % 64, 0);
	assert_int_equal(mem_fini(&m), 1);
	mem_free(&m, p);
	assert_int_equal(m.bytes, 0);
	assert_int_equal(mem_fini(&m), 0);
}

static void mem_fails(void **state)
{
	struct mem m;
	void *a, *b;

	(void)state;
	mem_init(&m, 1000);
	assert_null(mem_alloc(&m, 2000));
	a = mem_alloc(&m, 600);
	assert_non_null(a);
	assert_null(mem_zalloc(&m, 600));
	assert_null(mem_realloc(&m, a, 5000));
	mem_free(&m, a);
	m.fail_at = 2;
	a = mem_alloc(&m, 1);
	b = mem_strdup(&m, "x");
	assert_non_null(a);
	assert_null(b);
	b = mem_strdup(&m, "x");
	assert_string_equal(b, "x");
	mem_free(&m, a);
	mem_free(&m, b);
	assert_int_equal(mem_fini(&m), 0);
}

static void text(void **state)
{
	struct strbuf b;
	struct mem m;

	(void)state;
	mem_init(&m, 0);
	strbuf_init(&b, &m);
	for (unsigned i = 0; i < 1000; i++)
		strbuf_printf(&b, "%u,", i);
	strbuf_add(&b, "end", 3);
	assert_int_equal(b.len, 10 * 2 + 90 * 3 + 900 * 4 + 3);
	assert_int_equal(strlen(b.s), b.len);
	assert_memory_equal(b.s, "0,1,2,", 6);
	assert_string_equal(b.s + b.len - 7, "999,end");
	m.fail_at = 1;
	for (unsigned i = 0; i < 5000 && !b.err; i++)
		strbuf_printf(&b, "0123456789");
	assert_int_equal(b.err, -ENOMEM);
	assert_int_equal(strlen(b.s), b.len);
	size_t len = b.len;
	strbuf_add(&b, "more", 4);
	assert_int_equal(b.len, len);
	strbuf_fini(&b);
	assert_int_equal(mem_fini(&m), 0);
}

/* RFC 8439's section 2.3.2 uses a 32-bit counter and another nonce; its all-zero key vector (appendix A.1, #1) fits both. */
static void chacha(void **state)
{
	static const u8 first[16] = { 0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90, 0x40, 0x5d, 0x6a, 0xe5, 0x53, 0x86, 0xbd, 0x28 };
	static const u8 second[16] = { 0x9f, 0x07, 0xe7, 0xbe, 0x55, 0x51, 0x38, 0x7a, 0x98, 0xba, 0x97, 0x7c, 0x73, 0x2d, 0x08, 0x0d };
	u8 seed[32] = { 0 }, out[128], again[128];
	struct rng r, s;
	u32 seen = 0;

	(void)state;
	rng_init(&r, seed, 0);
	rng_bytes(&r, out, sizeof(out));
	assert_memory_equal(out, first, 16);
	assert_memory_equal(out + 64, second, 16);
	rng_init(&s, seed, 0);
	for (unsigned i = 0; i < 128; i++)
		rng_bytes(&s, again + i, 1);
	assert_memory_equal(out, again, 128);
	rng_init(&s, seed, 1);
	assert_int_not_equal(rng_u64(&s), *(u64 *)out);
	assert_int_equal(rng_below(&r, 0), 0);
	assert_int_equal(rng_below(&r, 1), 0);
	for (unsigned i = 0; i < 1000; i++) {
		u32 v = rng_below(&r, 7);

		assert_true(v < 7);
		seen |= BIT(v);
	}
	assert_int_equal(seen, 0x7f);
}

/* From the paper's appendix and reference program: key 00..0f, messages 00.., lengths 0, 8, 15, 16. */
static void sip(void **state)
{
	struct siphash_key key;
	u8 k[16], msg[64];
	u64 w[4];

	(void)state;
	for (unsigned i = 0; i < 16; i++)
		k[i] = (u8)i;
	for (unsigned i = 0; i < 64; i++)
		msg[i] = (u8)i;
	memcpy(&key, k, 16);
	memcpy(w, msg, 32);
	assert_int_equal(siphash(&key, msg, 0), 0x726fdb47dd0e0e31);
	assert_int_equal(siphash(&key, msg, 8), 0x93f5f5799a932462);
	assert_int_equal(siphash(&key, msg, 15), 0xa129ca6149be45e5);
	assert_int_equal(siphash(&key, msg, 16), siphash_2u64(&key, w[0], w[1]));
	assert_int_equal(siphash(&key, msg, 32), siphash_4u64(&key, w[0], w[1], w[2], w[3]));
}

/* Consecutive keys, as addresses and ports are, spread over buckets about as evenly as chance would. */
static void mixes(void **state)
{
	unsigned a[256] = { 0 }, b[256] = { 0 };

	(void)state;
	for (u32 i = 0; i < 65536; i++) {
		u64 v = (u64)i << 16;

		a[hash32_u64(v, 7) & 255]++;
		b[hash32_bytes(&v, sizeof(v), 7) >> 24]++;
	}
	for (unsigned i = 0; i < 256; i++) {
		assert_in_range(a[i], 180, 340);
		assert_in_range(b[i], 180, 340);
	}
	assert_int_not_equal(hash32_u64(1, 1), hash32_u64(1, 2));
	assert_int_not_equal(hash32_bytes("a", 1, 1), hash32_bytes("a\0", 2, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mem_counts), cmocka_unit_test(mem_fails), cmocka_unit_test(text),
		cmocka_unit_test(chacha), cmocka_unit_test(sip), cmocka_unit_test(mixes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
