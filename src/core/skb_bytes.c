/* Reading a packet's bytes wherever they lie: copying out, summing, describing as iovecs, and the software checksum. Nothing
 * here changes a packet's layout, except that the checksum to be filled in must lie in a linear part of our own.
 */
#include <sys/uio.h>

#include "codec/wire/checksum.h"
#include "core/skb.h"

/* Walks [off, off+len) as pieces of memory; the caller checked the range. */
struct piece_iter {
	const struct sk_buff *skb;
	u32 off, len;
	unsigned frag;
	u32 base; /* packet offset at which the current part begins */
};

/* The next piece, NULL at the end. */
static const u8 *next_piece(struct piece_iter *it, u32 *n)
{
	const struct sk_buff *skb = it->skb;
	u32 head = skb_headlen(skb);

	if (!it->len)
		return NULL;
	if (it->off < head) {
		const u8 *p = skb->data + it->off;

		*n = MIN(it->len, head - it->off);
		it->off += *n;
		it->len -= *n;
		return p;
	}
	if (it->base < head)
		it->base = head;
	while (it->off >= it->base + skb->frags[it->frag].len) {
		it->base += skb->frags[it->frag].len;
		it->frag++;
	}
	const struct skb_frag *f = &skb->frags[it->frag];
	u32 skip = it->off - it->base;

	*n = MIN(it->len, f->len - skip);
	it->off += *n;
	it->len -= *n;
	return f->buf->data + f->off + skip;
}

static bool in_range(const struct sk_buff *skb, u32 off, u32 len)
{
	return (u64)off + len <= skb->len;
}

bool skb_copy_bits(const struct sk_buff *skb, u32 off, void *to, u32 len)
{
	struct piece_iter it = { .skb = skb, .off = off, .len = len };
	const u8 *p;
	u8 *q = to;
	u32 n;

	if (unlikely(!in_range(skb, off, len)))
		return false;
	while ((p = next_piece(&it, &n))) {
		memcpy(q, p, n);
		q += n;
	}
	return true;
}

u32 skb_checksum(const struct sk_buff *skb, u32 off, u32 len, u32 sum)
{
	struct piece_iter it = { .skb = skb, .off = off, .len = len };
	const u8 *p;
	u32 n, pos = 0;

	assert(in_range(skb, off, len));
	if (likely(off + len <= skb_headlen(skb)))
		return csum_partial(skb->data + off, len, sum);
	while ((p = next_piece(&it, &n))) {
		sum = pos & 1 ? csum_block_add(sum, csum_partial(p, n, 0), pos) : csum_partial(p, n, sum);
		pos += n;
	}
	return sum;
}

unsigned skb_to_iovec(const struct sk_buff *skb, u32 off, u32 len, struct iovec *iov, unsigned max)
{
	struct piece_iter it = { .skb = skb, .off = off, .len = len };
	unsigned used = 0;
	const u8 *p;
	u32 n;

	assert(in_range(skb, off, len));
	while (used < max && (p = next_piece(&it, &n)))
		iov[used++] = (struct iovec){ .iov_base = (void *)p, .iov_len = n };
	return used;
}

bool skb_checksum_help(struct cpu *cpu, struct sk_buff *skb)
{
	u32 data_off = skb_headroom(skb), start, at;
	u32 sum;
	u16 check;

	if (skb->ip_summed != CHECKSUM_PARTIAL)
		return true;
	if (skb->csum_start < data_off)
		return false;
	start = skb->csum_start - data_off;
	at = start + skb->csum_offset;
	if (start >= skb->len || at + sizeof(check) > skb->len)
		return false;
	/* The field holds the pseudo-header's sum, so it is summed with the rest. */
	sum = skb_checksum(skb, start, skb->len - start, 0);
	if (!skb_writable_head(cpu, skb, 0, at + (u32)sizeof(check)))
		return false;
	check = csum_fold(sum);
	if (!check)
		check = 0xffff; /* 0 says "no checksum" to UDP, and the two are equal to everybody else */
	memcpy(skb->data + at, &check, sizeof(check));
	skb->ip_summed = CHECKSUM_NONE;
	return true;
}
