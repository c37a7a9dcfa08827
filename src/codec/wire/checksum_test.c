/* Checksums against the textbook loop of RFC 1071 section 4.1, over random bytes, lengths and alignments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "codec/wire/checksum.h"
#include "codec/wire/ip4hdr.h"

static u32 seed = 12345;
static u32 rnd(void) { return seed = seed * 1664525 + 1013904223, seed >> 8; }

static u16 reference(const u8 *p, size_t len)
{
	u32 sum = 0;
	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? p[i] : (u32)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return cpu_to_be16((u16)~sum).raw;
}
/* 0 and 0xffff are one value in ones-complement. */
static u16 norm(u16 c) { return c == 0xffff ? 0 : c; }

static void test_partial(void **state)
{
	static u8 buf[70000], copy[70000];
	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (u8)rnd();
	for (int i = 0; i < 3000; i++) {
		size_t len = i < 200 ? (size_t)i : rnd() % 3000, off = rnd() % 64, cut;
		assert_int_equal(norm(csum_fold(csum_partial(buf + off, len, 0))), norm(reference(buf + off, len)));
		memset(copy, 0, len + 1);
		assert_int_equal(norm(csum_fold(csum_copy(copy, buf + off, len, 0))), norm(reference(buf + off, len)));
		assert_memory_equal(copy, buf + off, len);
		assert_int_equal(copy[len], 0);
		cut = len ? rnd() % len : 0;
		assert_int_equal(norm(csum_fold(csum_block_add(csum_partial(buf + off, cut, 0),
							       csum_partial(buf + off + cut, len - cut, 0), cut))),
				 norm(reference(buf + off, len)));
	}
	memset(buf, 0xff, sizeof(buf));
	assert_int_equal(csum_fold(csum_partial(buf, 65536, 0xffffffff)), 0);
}

static void test_replace(void **state)
{
	for (int i = 0; i < 2000; i++) {
		u16 words[10], check;
		u32 to = rnd() * 77 + rnd(), from;
		for (int k = 0; k < 10; k++)
			words[k] = (u16)rnd();
		check = csum_fold(csum_partial(words, sizeof(words), 0));
		csum_replace2(&check, words[3], (u16)to);
		words[3] = (u16)to;
		assert_int_equal(norm(check), norm(csum_fold(csum_partial(words, sizeof(words), 0))));
		memcpy(&from, words + 4, 4);
		csum_replace4(&check, from, to);
		memcpy(words + 4, &to, 4);
		assert_int_equal(norm(check), norm(csum_fold(csum_partial(words, sizeof(words), 0))));
	}
}

static void test_ip4(void **state)
{
	u8 raw[60];
	struct ip4_hdr *h = (struct ip4_hdr *)raw;
	for (int i = 0; i < 2000; i++) {
		for (int k = 0; k < 60; k++)
			raw[k] = (u8)rnd();
		h->ver_ihl = (u8)(0x45 + rnd() % 11);
		h->ttl |= 1;
		ip4_set_csum(h);
		assert_int_equal(ip4_hdr_csum(h, ip4_hlen(h)), 0);
		assert_int_equal(norm(reference(raw, ip4_hlen(h))), 0);
		ip4_dec_ttl(h);
		assert_int_equal(ip4_hdr_csum(h, ip4_hlen(h)), 0);
	}
}

static void test_pseudo(void **state)
{
	/* A datagram taken by hand: 10.0.0.1 > 10.0.0.2, UDP 1 > 2, "abc". */
	u8 d[] = { 10, 0, 0, 1, 10, 0, 0, 2, 0, 17, 0, 11, 0, 1, 0, 2, 0, 11, 0, 0, 'a', 'b', 'c' };
	u32 ps = csum_pseudo4(BE32(0x0a000001), BE32(0x0a000002), 11, 17);
	assert_int_equal(csum_fold(csum_partial(d + 12, 11, ps)), reference(d, sizeof(d)));
	u8 a[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 }, b[16] = { 0x20, 1, 0xd, 0xb8, [15] = 2 }, all[40 + 11] = { 0 };
	memcpy(all, a, 16);
	memcpy(all + 16, b, 16);
	all[35] = 11;
	all[39] = 17;
	memcpy(all + 40, d + 12, 11);
	assert_int_equal(csum_fold(csum_partial(d + 12, 11, csum_pseudo6(a, b, 11, 17))), reference(all, sizeof(all)));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_partial), cmocka_unit_test(test_replace), cmocka_unit_test(test_ip4),
					    cmocka_unit_test(test_pseudo) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
