/* What reassembly of both families shares: a list of pieces sorted by offset, and the ECN field of the whole. */
#ifndef INET_FRAG_H
#define INET_FRAG_H

#include "core/skb.h"

/* A piece's offset in the payload, bytes; the last word of cb, behind what the family keeps there. */
static inline u32 *frag_offset(struct sk_buff *skb) { return (u32 *)(void *)(skb->cb + sizeof(skb->cb) - sizeof(u32)); }

enum frag_put { FRAG_PUT_OK, FRAG_PUT_DUP /* all of it was there already */, FRAG_PUT_OVERLAP };

/* Sorts in [offset, end). Data is at the payload. */
static inline enum frag_put frag_insert(struct sk_buff **at, struct sk_buff *skb, u32 offset, u32 end)
{
	for (; *at; at = &(*at)->next) {
		u32 o = *frag_offset(*at), e = o + (*at)->len;
		if (e <= offset)
			continue;
		if (o >= end)
			break;
		return offset >= o && end <= e ? FRAG_PUT_DUP : FRAG_PUT_OVERLAP;
	}
	*frag_offset(skb) = offset;
	skb->next = *at;
	*at = skb;
	return FRAG_PUT_OK;
}

/* What the pieces' ECN fields (a bit per codepoint seen) say of the whole (RFC 3168 section 5.3): CE wins over ECT (3); not-ECT beside
 * any other is an error (-1); else the field stays as the first piece has it (-2). */
static inline int frag_ecn(u8 seen)
{
	if (seen & 1)
		return seen & ~1u ? -1 : -2;
	return seen & 8 ? 3 : -2;
}

/* A packet of hdr (hlen bytes) and the payloads of all pieces (in order, payload bytes in all), which stay: by reference when it has fragments
 * enough for their buffers, else copied. Nothing else of it is set. NULL: no memory. */
struct sk_buff *frag_join(struct cpu *cpu, const struct sk_buff *pieces, const void *hdr, u32 hlen, u32 payload);

#endif
