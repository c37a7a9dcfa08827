/* The Internet checksum (RFC 1071) and its incremental update (RFC 1624).
 *
 * A running sum is a u32 over the bytes as they lie in memory (16-bit words in machine order: the sum does not care, RFC 1071
 * section 2B), any representation of its value modulo 65535. What goes into a header's check field is csum_fold(sum), stored
 * without conversion. A received area that includes a right checksum folds to 0.
 */
#ifndef CODEC_WIRE_CHECKSUM_H
#define CODEC_WIRE_CHECKSUM_H

#include "base/types.h"

/* Adds len bytes to sum. The area begins at an even offset of what is summed; else see csum_block_add. */
u32 csum_partial(const void *data, size_t len, u32 sum);
/* Copies and sums in one pass. */
u32 csum_copy(void *to, const void *from, size_t len, u32 sum);

static inline u32 csum_add(u32 a, u32 b)
{
	u32 s = a + b;
	return s + (s < b);
}
static inline u32 csum_sub(u32 a, u32 b) { return csum_add(a, ~b); }
/* a + b, where b sums an area that begins `off` bytes after a's begin: an odd offset swaps the bytes of each word. */
static inline u32 csum_block_add(u32 a, u32 b, size_t off) { return csum_add(a, off & 1 ? (b << 8 | b >> 24) : b); }
static inline u32 csum_block_sub(u32 a, u32 b, size_t off) { return csum_block_add(a, ~b, off); }

/* To 16 bits, not complemented: what a PARTIAL checksum field holds (the pseudo-header's sum). */
static inline u16 csum_reduce(u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16)(sum + (sum >> 16));
}
/* To 16 bits, complemented: what a header's check field holds. */
static inline u16 csum_fold(u32 sum) { return (u16)~csum_reduce(sum); }
static inline u32 csum_unfold(u16 check) { return check; }

static inline u32 csum_u64(u64 s)
{
	s = (s & 0xffffffff) + (s >> 32);
	return (u32)s + (u32)(s >> 32);
}
/* Pseudo-header sums, not folded. len: transport header and payload, bytes. */
static inline u32 csum_pseudo4(be32 saddr, be32 daddr, u32 len, u8 proto)
{
	return csum_u64((u64)saddr.raw + daddr.raw + cpu_to_be32(len + proto).raw);
}
static inline u32 csum_pseudo6(const void *saddr, const void *daddr, u32 len, u8 proto)
{
	return csum_add(csum_partial(daddr, 16, csum_partial(saddr, 16, 0)), csum_add(cpu_to_be32(len).raw, cpu_to_be32(proto).raw));
}

/* A 16- or 32-bit field covered by *check changed (RFC 1624, equation 3). */
static inline void csum_replace2(u16 *check, u16 from, u16 to)
{
	*check = csum_fold(csum_add(csum_add((u16)~*check, (u16)~from), to));
}
static inline void csum_replace4(u16 *check, u32 from, u32 to)
{
	*check = csum_fold(csum_add(csum_add((u16)~*check, ~from), to));
}
/* The same where *check holds a PARTIAL checksum (not complemented). */
static inline void csum_replace4_partial(u16 *check, u32 from, u32 to) { *check = csum_reduce(csum_add(csum_add(*check, ~from), to)); }

#endif
