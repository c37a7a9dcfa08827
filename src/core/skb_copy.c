/* A copy of a packet that shares nothing with it: for those who must change bytes that others read, or keep a packet while its
 * buffers belong to somebody's ring. Linear as far as one buffer goes; only a packet of more than that gets fragments.
 */
#include "core/skb.h"
#include "core/skb_pool.h"

struct sk_buff *skb_copy(struct cpu *cpu, const struct sk_buff *skb, u32 headroom)
{
	u32 pulled = skb_headroom(skb), first = pulled, linear, done;
	struct sk_buff *n;
	s32 by;

	/* Headers that were pulled come along, so that their offsets stay good. */
	if (skb->mac_header < first)
		first = skb->mac_header;
	if (skb->network_header < first)
		first = skb->network_header;
	if (skb->transport_header < first)
		first = skb->transport_header;
	pulled -= first;
	headroom = MAX(headroom, pulled);
	if (headroom >= BUF_MAX_BYTES)
		return NULL;
	linear = MIN(skb->len, BUF_MAX_BYTES - headroom);
	n = skb_alloc(cpu, headroom, linear);
	if (!n)
		return NULL;
	skb_copy_meta(cpu, n, skb);
	memcpy(n->data - pulled, skb->head + first, pulled);
	skb_copy_bits(skb, 0, skb_put(n, linear), linear);
	for (done = linear; done < skb->len;) {
		u32 len = MIN(skb->len - done, BUF_MAX_BYTES);
		struct buf *buf = buf_alloc(cpu, len);

		if (!buf || !skb_copy_bits(skb, done, buf->data, len) || !skb_add_frag(n, buf, 0, len)) {
			if (buf)
				buf_put(cpu, buf);
			skb_consume(cpu, n);
			return NULL;
		}
		buf_put(cpu, buf);
		done += len;
	}
	by = (s32)headroom - (s32)skb_headroom(skb);
	if (skb->mac_header != SKB_OFF_UNSET)
		n->mac_header = (u16)(skb->mac_header + by);
	if (skb->network_header != SKB_OFF_UNSET)
		n->network_header = (u16)(skb->network_header + by);
	if (skb->transport_header != SKB_OFF_UNSET)
		n->transport_header = (u16)(skb->transport_header + by);
	n->mac_len = skb->mac_len;
	if (skb->ip_summed == CHECKSUM_PARTIAL) {
		n->csum_start = (u16)(skb->csum_start + by);
		n->csum_offset = skb->csum_offset;
	}
	return n;
}
