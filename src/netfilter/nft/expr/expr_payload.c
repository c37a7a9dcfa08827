/* payload: bytes of the packet into a register, from one of its headers on, or from a register into the packet, with the checksums that cover
 * them. Bytes that the packet has not end the rule.
 *
 * A VLAN tag that lies beside the packet (skb->vlan_tci) is where it would be in the link-layer header. A write makes the header ours first. An
 * Internet checksum at csum_offset of the same header is changed by the difference (RFC 1624); with NFT_PAYLOAD_L4CSUM_PSEUDOHDR
 * the transport's, which covers addresses of the network header.
 */
#include "codec/wire/checksum.h"
#include "codec/wire/ip4hdr.h"
#include "codec/wire/ip6hdr.h"
#include "codec/wire/vlanhdr.h"
#include "netfilter/nft/nft_fast.h"

static const struct nl_policy policy[NFTA_PAYLOAD_MAX + 1] = {
	[NFTA_PAYLOAD_SREG] = { .type = NLP_U32 },
	[NFTA_PAYLOAD_DREG] = { .type = NLP_U32 },
	[NFTA_PAYLOAD_BASE] = { .type = NLP_U32 },
	[NFTA_PAYLOAD_OFFSET] = { .type = NLP_U32 },
	[NFTA_PAYLOAD_LEN] = { .type = NLP_U32 },
	[NFTA_PAYLOAD_CSUM_TYPE] = { .type = NLP_U32 },
	[NFTA_PAYLOAD_CSUM_OFFSET] = { .type = NLP_U32 },
	[NFTA_PAYLOAD_CSUM_FLAGS] = { .type = NLP_U32 },
};

/* Behind the transport header: what it carries. */
static bool inner_base(const struct nft_pkt *pkt, s32 *off)
{
	u8 tmp;
	const u8 *doff;

	switch (pkt->l4proto) {
	case 17: /* UDP */
		*off = (s32)pkt->thoff + 8;
		return true;
	case 6: /* TCP */
		doff = skb_header_pointer(pkt->skb, pkt->thoff + 12, 1, &tmp);
		if (!doff)
			return false;
		*off = (s32)pkt->thoff + (*doff >> 4) * 4;
		return true;
	case 47: { /* GRE of version 0, with the fields that its flags announce */
		be16 t;
		const be16 *flags = skb_header_pointer(pkt->skb, pkt->thoff, 2, &t);
		u16 f = flags ? be16_to_cpu(*flags) : 7;

		if (f & 7)
			return false;
		*off = (s32)pkt->thoff + 4 + (f & 0x8000 ? 4 : 0) + (f & 0x2000 ? 4 : 0) + (f & 0x1000 ? 4 : 0);
		return true;
	}
	case 4:
	case 41:
		*off = (s32)pkt->thoff;
		return true;
	default:
		return false;
	}
}

bool nft_payload_base(const struct nft_pkt *pkt, u8 base, s32 *off)
{
	const struct sk_buff *skb = pkt->skb;

	switch (base) {
	case NFT_PAYLOAD_LL_HEADER:
		if (skb->mac_header == SKB_OFF_UNSET || skb->mac_header == skb->network_header)
			return false;
		*off = (s32)skb->mac_header - (s32)(skb->data - skb->head);
		return true;
	case NFT_PAYLOAD_NETWORK_HEADER:
		*off = (s32)skb->network_header - (s32)(skb->data - skb->head);
		return true;
	case NFT_PAYLOAD_TRANSPORT_HEADER:
		*off = (s32)pkt->thoff;
		return pkt->l4_known && !pkt->fragoff;
	case NFT_PAYLOAD_INNER_HEADER:
		return pkt->l4_known && !pkt->fragoff && inner_base(pkt, off);
	default:
		return false;
	}
}

/* off: from skb->data, and before it for the link-layer header. */
static bool copy_out(const struct sk_buff *skb, s32 off, void *to, u32 len)
{
	u32 before = off < 0 ? MIN((u32)-off, len) : 0;

	if (before)
		memcpy(to, skb->data + off, before);
	return before == len || skb_copy_bits(skb, off < 0 ? 0 : (u32)off, (u8 *)to + before, len - before);
}

/* The link-layer header as it was on the wire: the tag goes behind the addresses. */
static bool copy_ll(const struct sk_buff *skb, s32 base, u32 offset, u8 *to, u32 len)
{
	u8 head[ETH_HLEN + VLAN_HDR_LEN];
	struct vlan_hdr tag = { cpu_to_be16(skb->vlan_tci), { 0 } };
	u32 n;

	if (!skb->vlan_proto.raw || offset >= sizeof(head))
		return copy_out(skb, base + (s32)offset - (skb->vlan_proto.raw ? VLAN_HDR_LEN : 0), to, len);
	if (!copy_out(skb, base, head, ETH_HLEN))
		return false;
	memcpy(&tag.type, head + 12, 2);
	memcpy(head + 12, &skb->vlan_proto, 2);
	memcpy(head + ETH_HLEN, &tag, VLAN_HDR_LEN);
	n = MIN(len, (u32)sizeof(head) - offset);
	memcpy(to, head + offset, n);
	return n == len || copy_out(skb, base + ETH_HLEN, to + n, len - n);
}

void nft_payload_eval(const struct nft_expr *e, struct nft_regs *regs, struct nft_pkt *pkt)
{
	const struct nft_payload *p = nft_expr_priv(e);
	struct sk_buff *skb = pkt->skb;
	u32 *to = &regs->w[p->dreg];
	s32 base;

	if (unlikely(!nft_payload_base(pkt, p->base, &base)))
		goto none;
	if (p->len & 3)
		to[p->len / 4] = 0;
	if (p->base == NFT_PAYLOAD_LL_HEADER) {
		if (copy_ll(skb, base, p->offset, (u8 *)to, p->len))
			return;
		goto none;
	}
	base += (s32)p->offset;
	if (likely(base >= 0 && (u32)base + p->len <= skb_headlen(skb))) {
		const u8 *from = skb->data + base;
		if (p->len == 4)
			memcpy(to, from, 4);
		else if (p->len == 2)
			memcpy(to, from, 2);
		else if (p->len == 1)
			memcpy(to, from, 1);
		else
			memcpy(to, from, p->len);
		return;
	}
	if (copy_out(skb, base, to, p->len))
		return;
none:
	regs->verdict.code = NFT_BREAK;
}

static int init_get(const struct nft_ctx *ctx, struct nft_expr *e, const struct nl_attrs *a)
{
	struct nft_payload *p = nft_expr_priv(e);
	int err = nft_parse_u8(a->a[NFTA_PAYLOAD_LEN], UINT8_MAX, &p->len);

	p->base = (u8)nl_be32(a->a[NFTA_PAYLOAD_BASE]);
	p->offset = nl_be32(a->a[NFTA_PAYLOAD_OFFSET]);
	return err ? err : nft_parse_dreg(ctx, a->a[NFTA_PAYLOAD_DREG], &p->dreg, p->len, false);
}

static void fill_get(struct nft_expr *e, struct nl_buf *b, bool reset)
{
	const struct nft_payload *p = nft_expr_priv(e);

	nft_put_reg(b, NFTA_PAYLOAD_DREG, p->dreg);
	nl_put_be32(b, NFTA_PAYLOAD_BASE, p->base);
	nl_put_be32(b, NFTA_PAYLOAD_OFFSET, p->offset);
	nl_put_be32(b, NFTA_PAYLOAD_LEN, p->len);
}

/* -- writing -- */

struct payload_set {
	u32 offset;
	u8 base, len, sreg, csum_type, csum_offset, csum_flags;
};

/* Where the transport's checksum is, from skb->data; false: it has none, or the packet carries none. */
static bool l4_csum(const struct nft_pkt *pkt, u32 *at)
{
	be16 tmp;
	const be16 *c;

	if (!pkt->l4_known || pkt->fragoff)
		return false;
	switch (pkt->l4proto) {
	case 6:
		*at = pkt->thoff + 16;
		return true;
	case 17:
	case 136:
		*at = pkt->thoff + 6;
		c = skb_header_pointer(pkt->skb, *at, 2, &tmp);
		return c && c->raw;
	case 58:
		*at = pkt->thoff + 2;
		return true;
	default:
		return false;
	}
}

/* from, to: len bytes at an offset of `at` in what the checksum covers. */
static u32 difference(const void *from, const void *to, u32 len, u32 at)
{
	return csum_block_sub(csum_block_add(0, csum_partial(to, len, 0), at), csum_partial(from, len, 0), at);
}

static bool fix_l4(struct nft_pkt *pkt, u32 diff)
{
	struct sk_buff *skb = pkt->skb;
	u32 at;
	u16 check;

	if (!l4_csum(pkt, &at))
		return true;
	if (!skb_writable_head(pkt->cpu, skb, 0, at + 2))
		return false;
	memcpy(&check, skb->data + at, 2);
	if (skb->ip_summed == CHECKSUM_PARTIAL) {
		check = csum_reduce(csum_add(check, diff)); /* the pseudo-header's sum, not complemented */
	} else {
		check = csum_fold(csum_add((u16)~check, diff));
		if (!check && pkt->l4proto == 17)
			check = 0xffff;
	}
	memcpy(skb->data + at, &check, 2);
	return true;
}

static bool fix_inet(struct nft_pkt *pkt, const struct payload_set *p, s32 base, u32 diff)
{
	struct sk_buff *skb = pkt->skb;
	u32 at = (u32)(base + p->csum_offset);
	u16 check;

	if (!skb_writable_head(pkt->cpu, skb, 0, at + 2))
		return false;
	memcpy(&check, skb->data + at, 2);
	check = csum_fold(csum_add((u16)~check, diff));
	memcpy(skb->data + at, &check, 2);
	return true;
}

/* The link-layer header is no part of what skb_writable_head counts: a private copy of the linear part has it as well. */
static bool set_ll(struct nft_pkt *pkt, s32 at, const u8 *src, u32 len)
{
	struct sk_buff *skb = pkt->skb;

	if (at + (s32)len > 0 || !skb_cow_head(pkt->cpu, skb, 0))
		return false;
	memcpy(skb->data + at, src, len);
	return true;
}

static void eval_set(const struct nft_expr *e, struct nft_regs *regs, struct nft_pkt *pkt)
{
	const struct payload_set *p = nft_expr_priv(e);
	const u8 *src = (const u8 *)&regs->w[p->sreg];
	struct sk_buff *skb = pkt->skb;
	u8 old[NFT_VALUE_MAX];
	s32 base, at;
	u32 diff;

	if (!nft_payload_base(pkt, p->base, &base))
		goto none;
	at = base + (s32)p->offset;
	if (p->base == NFT_PAYLOAD_LL_HEADER) {
		if (!set_ll(pkt, at, src, p->len))
			goto none;
		return;
	}
	if (at < 0 || !copy_out(skb, at, old, p->len))
		goto none;
	diff = difference(old, src, p->len, p->offset);
	if (p->csum_type == NFT_PAYLOAD_CSUM_INET && (p->base != NFT_PAYLOAD_TRANSPORT_HEADER || skb->ip_summed != CHECKSUM_PARTIAL)) {
		bool no_sum = p->base == NFT_PAYLOAD_TRANSPORT_HEADER && pkt->l4proto == 17 && !l4_csum(pkt, &(u32){ 0 });
		if (!no_sum && !fix_inet(pkt, p, base, diff))
			goto none;
	}
	if (p->csum_flags & NFT_PAYLOAD_L4CSUM_PSEUDOHDR && !fix_l4(pkt, diff))
		goto none;
	if (!skb_writable_head(pkt->cpu, skb, 0, (u32)at + p->len))
		goto none;
	memcpy(skb->data + at, src, p->len);
	return;
none:
	regs->verdict.code = NFT_BREAK;
}

static int init_set(const struct nft_ctx *ctx, struct nft_expr *e, const struct nl_attrs *a)
{
	struct payload_set *p = nft_expr_priv(e);
	u32 flags;
	int err = nft_parse_u8(a->a[NFTA_PAYLOAD_LEN], UINT8_MAX, &p->len);

	if (err)
		return err;
	p->base = (u8)nl_be32(a->a[NFTA_PAYLOAD_BASE]);
	p->offset = nl_be32(a->a[NFTA_PAYLOAD_OFFSET]);
	if (a->a[NFTA_PAYLOAD_CSUM_TYPE] && (err = nft_parse_u8(a->a[NFTA_PAYLOAD_CSUM_TYPE], UINT8_MAX, &p->csum_type)))
		return err;
	if (a->a[NFTA_PAYLOAD_CSUM_OFFSET] && (err = nft_parse_u8(a->a[NFTA_PAYLOAD_CSUM_OFFSET], UINT8_MAX, &p->csum_offset)))
		return err;
	if (a->a[NFTA_PAYLOAD_CSUM_FLAGS]) {
		flags = nl_be32(a->a[NFTA_PAYLOAD_CSUM_FLAGS]);
		if (flags & ~(u32)NFT_PAYLOAD_L4CSUM_PSEUDOHDR)
			return -EINVAL;
		p->csum_flags = (u8)flags;
	}
	if (p->csum_type != NFT_PAYLOAD_CSUM_NONE && p->csum_type != NFT_PAYLOAD_CSUM_INET)
		return -EOPNOTSUPP; /* SCTP's is not built yet */
	return nft_parse_sreg(ctx, a->a[NFTA_PAYLOAD_SREG], &p->sreg, p->len);
}

static void fill_set(struct nft_expr *e, struct nl_buf *b, bool reset)
{
	const struct payload_set *p = nft_expr_priv(e);

	nft_put_reg(b, NFTA_PAYLOAD_SREG, p->sreg);
	nl_put_be32(b, NFTA_PAYLOAD_BASE, p->base);
	nl_put_be32(b, NFTA_PAYLOAD_OFFSET, p->offset);
	nl_put_be32(b, NFTA_PAYLOAD_LEN, p->len);
	nl_put_be32(b, NFTA_PAYLOAD_CSUM_TYPE, p->csum_type);
	nl_put_be32(b, NFTA_PAYLOAD_CSUM_OFFSET, p->csum_offset);
	nl_put_be32(b, NFTA_PAYLOAD_CSUM_FLAGS, p->csum_flags);
}

static const struct nft_expr_ops ops_get = { .type = &nft_payload_type, .size = sizeof(struct nft_payload), .op = NFT_OP_PAYLOAD,
	.flags = NFT_EXPR_PURE, .init = init_get, .fill = fill_get };
static const struct nft_expr_ops ops_set = { .type = &nft_payload_type, .size = sizeof(struct payload_set), .eval = eval_set,
	.init = init_set, .fill = fill_set };

static const struct nft_expr_ops *select_ops(const struct nft_ctx *ctx, const struct nl_attrs *a, int *err)
{
	u32 base;

	*err = -EINVAL;
	if (!a->a[NFTA_PAYLOAD_BASE] || !a->a[NFTA_PAYLOAD_OFFSET] || !a->a[NFTA_PAYLOAD_LEN])
		return NULL;
	base = nl_be32(a->a[NFTA_PAYLOAD_BASE]);
	if (base > NFT_PAYLOAD_INNER_HEADER) {
		*err = -EOPNOTSUPP;
		return NULL;
	}
	if (a->a[NFTA_PAYLOAD_SREG])
		return a->a[NFTA_PAYLOAD_DREG] ? NULL : &ops_set;
	if (!a->a[NFTA_PAYLOAD_DREG])
		return NULL;
	if (nl_be32(a->a[NFTA_PAYLOAD_OFFSET]) > 65535) {
		*err = -ERANGE;
		return NULL;
	}
	return &ops_get;
}

const struct nft_expr_type nft_payload_type = { .name = "payload", .maxattr = NFTA_PAYLOAD_MAX, .policy = policy, .select = select_ops };
