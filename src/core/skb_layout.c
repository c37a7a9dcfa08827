/* Changing where a packet's bytes lie: linear part, private copies of headers, trimming, splitting, fragments.
 *
 * Payload is never copied for the sake of headers: when the linear part must become private or move, only its first bytes
 * (PRIVATE_HEAD_BYTES, enough for every header that a layer writes) are copied, and the rest becomes a fragment of the old
 * buffer. So a packet of 64 KiB in one buffer can be cloned, and the clone given new headers, for the price of 512 bytes.
 */
#include "codec/wire/checksum.h"
#include "core/skb.h"
#include "core/skb_pool.h"

#define PRIVATE_HEAD_BYTES 512
#define KEPT_HEADROOM 512u /* headroom that a packet keeps when its linear part moves: somebody may count on it */

/* A packet that is charged to a socket is uncharged by the same truesize: it stays as it was. */
static void add_truesize(struct sk_buff *skb, s32 delta)
{
	if (!skb->destructor)
		skb->truesize += (u32)delta;
}

bool skb_add_frag(struct sk_buff *skb, struct buf *buf, u32 off, u32 len)
{
	struct skb_frag *last = skb->nr_frags ? &skb->frags[skb->nr_frags - 1] : NULL;

	assert((u64)off + len <= buf->size);
	if (!len)
		return true;
	if (last && last->buf == buf && last->off + last->len == off) {
		last->len += len;
	} else {
		if (skb->nr_frags == MAX_SKB_FRAGS)
			return false;
		skb->frags[skb->nr_frags++] = (struct skb_frag){ buf_get(buf), off, len };
	}
	skb->len += len;
	skb->data_len += len;
	add_truesize(skb, (s32)len);
	return true;
}

static void remove_frags(struct cpu *cpu, struct sk_buff *skb, unsigned from, unsigned n)
{
	for (unsigned i = from; i < from + n; i++)
		buf_put(cpu, skb->frags[i].buf);
	memmove(&skb->frags[from], &skb->frags[from + n], (skb->nr_frags - from - n) * sizeof(skb->frags[0]));
	skb->nr_frags -= n;
}

/* Drops the first n bytes that lie in fragments. */
static void eat_frags(struct cpu *cpu, struct sk_buff *skb, u32 n)
{
	unsigned whole = 0;
	u32 left = n;

	while (whole < skb->nr_frags && skb->frags[whole].len <= left)
		left -= skb->frags[whole++].len;
	if (left) {
		skb->frags[whole].off += left;
		skb->frags[whole].len -= left;
	}
	skb->data_len -= n;
	if (whole)
		remove_frags(cpu, skb, 0, whole);
}

/* Lowest offset from head whose bytes somebody may still want: a header that was pulled, or data. */
static u32 first_used(const struct sk_buff *skb)
{
	u32 first = skb_headroom(skb);

	if (skb->mac_header < first)
		first = skb->mac_header;
	if (skb->network_header < first)
		first = skb->network_header;
	if (skb->transport_header < first)
		first = skb->transport_header;
	return first;
}

static void shift_offset(u16 *off, s32 by)
{
	if (*off != SKB_OFF_UNSET)
		*off = (u16)(*off + by);
}

/* Moves the linear part to a buffer of its own with `headroom` free bytes in front, room for `linear` bytes from data on, and
 * at least `linear` of them (those beyond the present linear part are copied from the fragments). */
static bool relocate(struct cpu *cpu, struct sk_buff *skb, u32 headroom, u32 linear)
{
	u32 old_data = skb_headroom(skb), keep = first_used(skb), headlen = skb_headlen(skb), copy = headlen, rest = 0;
	u32 kept = old_data - keep, new_data = MAX(MAX(headroom, SKB_HEADROOM), kept);
	struct buf *buf;
	s32 by;

	if (headlen > PRIVATE_HEAD_BYTES && linear < headlen && skb->nr_frags < MAX_SKB_FRAGS) {
		copy = MAX(linear, PRIVATE_HEAD_BYTES);
		rest = headlen - copy;
	}
	if (linear < copy)
		linear = copy;
	if (new_data + linear > BUF_MAX_BYTES)
		new_data = MAX(headroom, kept);
	if (new_data >= SKB_OFF_UNSET)
		return false; /* header offsets have 16 bits */
	buf = buf_alloc(cpu, new_data + linear);
	if (!buf)
		return false;
	memcpy(buf->data + new_data - kept, skb->head + keep, kept + copy);
	if (linear > headlen)
		skb_copy_bits(skb, headlen, buf->data + new_data + headlen, linear - headlen);

	by = (s32)new_data - (s32)old_data;
	shift_offset(&skb->mac_header, by);
	shift_offset(&skb->network_header, by);
	shift_offset(&skb->transport_header, by);
	if (skb->ip_summed == CHECKSUM_PARTIAL)
		skb->csum_start = (u16)(skb->csum_start + by);
	if (rest) {
		memmove(&skb->frags[1], &skb->frags[0], skb->nr_frags * sizeof(skb->frags[0]));
		skb->frags[0] = (struct skb_frag){ skb->buf, old_data + copy, rest };
		skb->nr_frags++;
		skb->data_len += rest;
		add_truesize(skb, (s32)(buf->size + BUF_HDR_BYTES));
	} else {
		if (linear > headlen)
			eat_frags(cpu, skb, linear - headlen);
		add_truesize(skb, (s32)buf->size - (s32)skb->buf->size);
		buf_put(cpu, skb->buf);
	}
	skb->buf = buf;
	skb->head = buf->data;
	skb->end = buf->size;
	skb->data = buf->data + new_data;
	skb->tail = new_data + linear;
	skb->cloned = 0;
	return true;
}

bool skb_pull_head_slow(struct cpu *cpu, struct sk_buff *skb, u32 n)
{
	u32 headlen = skb_headlen(skb), more;

	if (n <= headlen)
		return true;
	if (n > skb->len)
		return false;
	more = n - headlen;
	if (more > skb->end - skb->tail || skb_cloned(skb))
		return relocate(cpu, skb, MIN(skb_headroom(skb), KEPT_HEADROOM), n);
	skb_copy_bits(skb, headlen, skb->head + skb->tail, more);
	eat_frags(cpu, skb, more);
	skb->tail += more;
	return true;
}

bool skb_writable_head(struct cpu *cpu, struct sk_buff *skb, u32 headroom, u32 n)
{
	if (n > skb->len)
		return false;
	if (headroom > skb_headroom(skb) || skb_cloned(skb))
		return relocate(cpu, skb, headroom, MAX(n, MIN(skb_headlen(skb), PRIVATE_HEAD_BYTES)));
	if (n > skb_headlen(skb) && n - skb_headlen(skb) > skb->end - skb->tail)
		return relocate(cpu, skb, headroom, n);
	return pskb_may_pull(cpu, skb, n);
}

bool skb_cow_head_slow(struct cpu *cpu, struct sk_buff *skb, u32 headroom)
{
	return skb_writable_head(cpu, skb, headroom, 0);
}

bool skb_trim(struct cpu *cpu, struct sk_buff *skb, u32 len)
{
	u32 headlen = skb_headlen(skb), end = headlen;
	unsigned keep = 0;

	if (len >= skb->len)
		return true;
	if (skb->ip_summed == CHECKSUM_COMPLETE) {
		/* The sum counts from the network header, so parity does too. */
		u32 base = skb->network_header == SKB_OFF_UNSET ? 0 : skb_headroom(skb) - skb->network_header;

		skb->csum = csum_block_sub(skb->csum, skb_checksum(skb, len, skb->len - len, 0), base + len);
	}
	if (len <= headlen) {
		skb->tail -= headlen - len;
		remove_frags(cpu, skb, 0, skb->nr_frags);
		skb->data_len = 0;
	} else {
		while (end + skb->frags[keep].len < len)
			end += skb->frags[keep++].len;
		skb->frags[keep].len = len - end;
		remove_frags(cpu, skb, keep + 1, skb->nr_frags - keep - 1);
		skb->data_len = len - headlen;
	}
	skb->len = len;
	return true;
}

void skb_pull_any(struct cpu *cpu, struct sk_buff *skb, u32 n)
{
	u32 head = MIN(n, skb_headlen(skb));

	assert(n <= skb->len);
	skb->data += head;
	skb->len -= n;
	if (n > head)
		eat_frags(cpu, skb, n - head);
}

int skb_split(struct cpu *cpu, struct sk_buff *skb, u32 len, struct sk_buff **out)
{
	u32 headlen = skb_headlen(skb), end = headlen, moved;
	u32 rest = len < headlen ? headlen - len : 0; /* linear bytes that go to the tail */
	bool as_frag = rest && skb->nr_frags < MAX_SKB_FRAGS;
	struct sk_buff *tail;
	unsigned first = 0;

	assert(len <= skb->len);
	tail = skb_alloc(cpu, SKB_HEADROOM, as_frag ? 0 : rest);
	if (!tail)
		return -ENOMEM;
	skb_copy_meta(cpu, tail, skb);
	moved = skb->len - len;
	if (as_frag) {
		tail->frags[0] = (struct skb_frag){ buf_get(skb->buf), skb->tail - rest, rest };
		tail->nr_frags = 1;
		skb->cloned = 1;
		/* What follows in the buffer is the tail's now. */
		skb->end = skb->tail - rest;
	} else if (rest) {
		memcpy(skb_put(tail, rest), skb->head + skb->tail - rest, rest);
	}
	skb->tail -= rest;
	if (len > headlen) {
		/* The fragment in which the cut lies is shared when it does not lie at its begin. */
		while (first < skb->nr_frags && end + skb->frags[first].len <= len)
			end += skb->frags[first++].len;
		if (end < len) {
			struct skb_frag *f = &skb->frags[first];

			tail->frags[0] = (struct skb_frag){ buf_get(f->buf), f->off + (len - end), f->len - (len - end) };
			tail->nr_frags = 1;
			f->len = len - end;
			first++;
		}
	}
	memcpy(&tail->frags[tail->nr_frags], &skb->frags[first], (skb->nr_frags - first) * sizeof(skb->frags[0]));
	tail->nr_frags += skb->nr_frags - first;
	skb->nr_frags = (u8)first;
	skb->data_len = len > headlen ? len - headlen : 0;
	skb->len = len;
	tail->len = moved;
	tail->data_len = as_frag ? moved : moved - rest;
	tail->truesize += moved;
	add_truesize(skb, -(s32)moved);
	*out = tail;
	return 0;
}
