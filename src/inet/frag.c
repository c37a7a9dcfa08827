/* Reassembly's last step, for both families: one packet out of the pieces, whose bytes it refers to where it can.
 *
 * Pieces cut by reference (ours, over a veth) lie in one buffer, and become one fragment again. When there are more buffers than an
 * sk_buff has fragments, copying is cheaper than keeping a full buffer for each small piece; that also bounds what a packet pins.
 */
#include "inet/frag.h"

enum { LINEAR_PAYLOAD = 64 }; /* what transports want linear: any of their headers */

/* Appends piece f but for its first *skip bytes. False: no fragment left. */
static bool refer(struct sk_buff *whole, const struct sk_buff *f, u32 *skip)
{
	u32 n = skb_headlen(f), cut = MIN(*skip, n);

	if (n > cut && !skb_add_frag(whole, f->buf, (u32)(f->data - f->head) + cut, n - cut))
		return false;
	*skip -= cut;
	for (unsigned i = 0; i < f->nr_frags; i++) {
		const struct skb_frag *g = &f->frags[i];
		cut = MIN(*skip, g->len);
		if (g->len > cut && !skb_add_frag(whole, g->buf, g->off + cut, g->len - cut))
			return false;
		*skip -= cut;
	}
	whole->truesize += f->truesize - MIN(f->truesize, f->len); /* its buffers stay, whole */
	return true;
}

static struct sk_buff *begin(struct cpu *cpu, const void *hdr, u32 hlen, u32 payload)
{
	struct sk_buff *whole = skb_alloc(cpu, SKB_HEADROOM, hlen + payload);

	if (whole)
		memcpy(skb_put(whole, hlen), hdr, hlen);
	return whole;
}

struct sk_buff *frag_join(struct cpu *cpu, const struct sk_buff *pieces, const void *hdr, u32 hlen, u32 payload)
{
	u32 linear = MIN(pieces->len, (u32)LINEAR_PAYLOAD), skip = linear;
	struct sk_buff *whole = begin(cpu, hdr, hlen, linear);
	const struct sk_buff *f = pieces;

	if (!whole)
		return NULL;
	skb_copy_bits(pieces, 0, skb_put(whole, linear), linear);
	while (f && refer(whole, f, &skip))
		f = f->next;
	if (!f)
		return whole;
	skb_consume(cpu, whole);
	whole = begin(cpu, hdr, hlen, payload);
	for (f = pieces; whole && f; f = f->next)
		skb_copy_bits(f, 0, skb_put(whole, f->len), f->len);
	return whole;
}
