/* Ones-complement sums over memory.
 *
 * The sum of 16-bit words modulo 65535 is also the sum of 64-bit words modulo 65535 (2^16 - 1 divides 2^64 - 1), so memory is
 * added eight bytes at a time with the carry brought back in at the low end, in two independent chains, and reduced once at the
 * end. Unaligned loads are fine. RFC 1071.
 */
#include "codec/wire/checksum.h"

static inline u64 load64(const u8 *p)
{
	u64 v;
	memcpy(&v, p, 8);
	return v;
}
static inline u64 add_carry(u64 a, u64 b)
{
	u64 s = a + b;
	return s + (s < b);
}
/* The last 0..7 bytes as a word padded with zeros: the padding adds nothing. */
static inline u64 load_tail(const u8 *p, size_t len)
{
	u64 v = 0;
	memcpy(&v, p, len);
	return v;
}

u32 csum_partial(const void *data, size_t len, u32 sum)
{
	const u8 *p = data;
	u64 a = sum, b = 0;
	for (; len >= 32; len -= 32, p += 32) {
		a = add_carry(a, load64(p));
		b = add_carry(b, load64(p + 8));
		a = add_carry(a, load64(p + 16));
		b = add_carry(b, load64(p + 24));
	}
	for (; len >= 8; len -= 8, p += 8)
		a = add_carry(a, load64(p));
	if (len)
		b = add_carry(b, load_tail(p, len));
	a = add_carry(a, b);
	return csum_add((u32)a, (u32)(a >> 32));
}

u32 csum_copy(void *to, const void *from, size_t len, u32 sum)
{
	const u8 *p = from;
	u8 *q = to;
	u64 a = sum, b = 0;
	for (; len >= 16; len -= 16, p += 16, q += 16) {
		u64 v = load64(p), w = load64(p + 8);
		a = add_carry(a, v);
		b = add_carry(b, w);
		memcpy(q, &v, 8);
		memcpy(q + 8, &w, 8);
	}
	if (len) {
		a = add_carry(a, csum_partial(p, len, 0));
		memcpy(q, p, len);
	}
	a = add_carry(a, b);
	return csum_add((u32)a, (u32)(a >> 32));
}
