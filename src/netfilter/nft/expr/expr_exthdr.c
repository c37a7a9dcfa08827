/* exthdr: extension headers of IPv6, options of IPv4 and of TCP: into a register, or only whether they are there; a TCP option's content set (by
 * which maximum segment sizes are clamped) or the whole of it overwritten by NOPs.
 */
#include <netinet/in.h>

#include "codec/wire/checksum.h"
#include "codec/wire/ip4hdr.h"
#include "codec/wire/ip6hdr.h"
#include "codec/wire/tcphdr.h"
#include "netfilter/nft/nft_fast.h"

struct exthdr { u8 type, offset, len, op, reg; bool present; };

static const struct nl_policy policy[NFTA_EXTHDR_MAX + 1] = {
	[NFTA_EXTHDR_DREG] = { .type = NLP_U32 },
	[NFTA_EXTHDR_TYPE] = { .type = NLP_U8 },
	[NFTA_EXTHDR_OFFSET] = { .type = NLP_U32 },
	[NFTA_EXTHDR_LEN] = { .type = NLP_U32 },
	[NFTA_EXTHDR_FLAGS] = { .type = NLP_U32 },
	[NFTA_EXTHDR_OP] = { .type = NLP_U32 },
	[NFTA_EXTHDR_SREG] = { .type = NLP_U32 },
};

/* Was it there? and its bytes into the register. */
static void result(const struct exthdr *x, struct nft_regs *regs, const struct sk_buff *skb, s64 at)
{
	u32 *to = &regs->w[x->reg];

	if (x->present) {
		*to = at >= 0;
		return;
	}
	if (x->len & 3)
		to[x->len / 4] = 0;
	if (at < 0 || !skb_copy_bits(skb, (u32)at + x->offset, to, x->len))
		regs->verdict.code = NFT_BREAK;
}

static s64 find_ip6(const struct sk_buff *skb, u8 wanted)
{
	struct ip6_hdr tmp;
	const struct ip6_hdr *ip = skb_header_pointer(skb, 0, IP6_HDR_LEN, &tmp);
	u32 at = IP6_HDR_LEN;
	u8 next = ip ? ip->nexthdr : IP6_NH_NONE;

	while (next != wanted) {
		struct ip6_ext t;
		const struct ip6_ext *e = ip6_is_ext(next) && next != IP6_NH_NONE ? skb_header_pointer(skb, at, sizeof(t), &t) : NULL;

		if (!e)
			return -1;
		at += ip6_ext_len(next, e->len);
		next = e->nexthdr;
	}
	return at;
}

static void eval_ip6(const struct nft_expr *e, struct nft_regs *regs, struct nft_pkt *pkt)
{
	const struct exthdr *x = nft_expr_priv(e);

	if (pkt->family != NFP_IPV6) {
		regs->verdict.code = NFT_BREAK;
		return;
	}
	result(x, regs, pkt->skb, find_ip6(pkt->skb, x->type));
}

/* In [from, end) of skb, options as IPv4 and TCP have them: kinds 0 and 1 of one byte, others with a length. *len: of the one found. */
static s64 find_option(const struct sk_buff *skb, u32 from, u32 end, u8 wanted, u32 *len)
{
	u8 o[2];

	for (u32 at = from; at < end; at += *len) {
		if (!skb_copy_bits(skb, at, o, 1) || !o[0])
			return -1;
		*len = 1;
		if (o[0] != 1) {
			if (at + 2 > end || !skb_copy_bits(skb, at, o, 2) || o[1] < 2 || at + o[1] > end)
				return -1;
			*len = o[1];
		}
		if (o[0] == wanted)
			return at;
	}
	return -1;
}

static void eval_ip4(const struct nft_expr *e, struct nft_regs *regs, struct nft_pkt *pkt)
{
	const struct exthdr *x = nft_expr_priv(e);
	u32 len;

	if (pkt->family != NFP_IPV4) {
		regs->verdict.code = NFT_BREAK;
		return;
	}
	result(x, regs, pkt->skb, find_option(pkt->skb, IP4_HDR_LEN, pkt->thoff, x->type, &len));
}

static bool tcp_options(const struct nft_pkt *pkt, u32 *from, u32 *end)
{
	struct tcp_hdr tmp;
	const struct tcp_hdr *th = pkt->l4_known && !pkt->fragoff && pkt->l4proto == IPPROTO_TCP ?
		skb_header_pointer(pkt->skb, pkt->thoff, TCP_HDR_LEN, &tmp) : NULL;

	if (!th || tcp_hlen(th) < TCP_HDR_LEN || pkt->thoff + tcp_hlen(th) > pkt->skb->len)
		return false;
	*from = pkt->thoff + TCP_HDR_LEN;
	*end = pkt->thoff + tcp_hlen(th);
	return true;
}

static void eval_tcp(const struct nft_expr *e, struct nft_regs *regs, struct nft_pkt *pkt)
{
	const struct exthdr *x = nft_expr_priv(e);
	u32 from, end, len = 0;
	s64 at = tcp_options(pkt, &from, &end) ? find_option(pkt->skb, from, end, x->type, &len) : -1;

	if (at >= 0 && !x->present && x->offset + x->len > len)
		at = -1;
	result(x, regs, pkt->skb, at);
}

/* -- writing -- */

/* The header ours, bytes exchanged, the checksum with them. */
static bool rewrite(struct nft_pkt *pkt, u32 at, const void *bytes, u32 len, u32 end)
{
	struct sk_buff *skb = pkt->skb;
	u32 odd = (at - pkt->thoff) & 1, diff;
	u16 check;
	u8 *p;

	if (!skb_writable_head(pkt->cpu, skb, 0, end))
		return false;
	p = skb->data + at;
	if (skb->ip_summed != CHECKSUM_PARTIAL) {
		diff = csum_block_sub(csum_block_add(0, csum_partial(bytes, len, 0), odd), csum_partial(p, len, 0), odd);
		memcpy(&check, skb->data + pkt->thoff + 16, 2);
		check = csum_fold(csum_add((u16)~check, diff));
		memcpy(skb->data + pkt->thoff + 16, &check, 2);
	}
	memcpy(p, bytes, len);
	return true;
}

static void eval_set(const struct nft_expr *e, struct nft_regs *regs, struct nft_pkt *pkt)
{
	const struct exthdr *x = nft_expr_priv(e);
	u8 bytes[4];
	u32 from, end, len = 0;
	s64 at = tcp_options(pkt, &from, &end) ? find_option(pkt->skb, from, end, x->type, &len) : -1;

	if (at < 0 || x->offset + x->len > len)
		goto none;
	memcpy(bytes, &regs->w[x->reg], x->len);
	if (x->type == TCPO_MSS && x->len == 2 && x->offset == 2) { /* only ever downwards */
		be16 now, want;

		if (!skb_copy_bits(pkt->skb, (u32)at + 2, &now, 2))
			goto none;
		memcpy(&want, bytes, 2);
		if (be16_to_cpu(now) <= be16_to_cpu(want))
			return;
	}
	if (rewrite(pkt, (u32)at + x->offset, bytes, x->len, end))
		return;
none:
	regs->verdict.code = NFT_BREAK;
}

static void eval_strip(const struct nft_expr *e, struct nft_regs *regs, struct nft_pkt *pkt)
{
	const struct exthdr *x = nft_expr_priv(e);
	u8 nops[TCP_HDR_MAX];
	u32 from, end, len = 0;
	s64 at = tcp_options(pkt, &from, &end) ? find_option(pkt->skb, from, end, x->type, &len) : -1;

	memset(nops, TCPO_NOP, sizeof(nops));
	if (at < 0 || !rewrite(pkt, (u32)at, nops, len, end))
		regs->verdict.code = NFT_BREAK;
}

/* -- attributes -- */

static int common(struct exthdr *x, const struct nl_attrs *a)
{
	int err = nft_parse_u8(a->a[NFTA_EXTHDR_OFFSET], UINT8_MAX, &x->offset);

	err = err ? err : nft_parse_u8(a->a[NFTA_EXTHDR_LEN], UINT8_MAX, &x->len);
	x->type = nl_u8(a->a[NFTA_EXTHDR_TYPE]);
	x->op = a->a[NFTA_EXTHDR_OP] ? (u8)nl_be32(a->a[NFTA_EXTHDR_OP]) : NFT_EXTHDR_OP_IPV6;
	return err;
}

static int init_get(const struct nft_ctx *ctx, struct nft_expr *e, const struct nl_attrs *a)
{
	struct exthdr *x = nft_expr_priv(e);
	u32 flags = a->a[NFTA_EXTHDR_FLAGS] ? nl_be32(a->a[NFTA_EXTHDR_FLAGS]) : 0;
	int err = common(x, a);

	if (err)
		return err;
	if (flags & ~(u32)NFT_EXTHDR_F_PRESENT)
		return -EINVAL;
	x->present = flags;
	if (x->op == NFT_EXTHDR_OP_IPV4) {
		switch (x->type) {
		case IP4_OPT_LSRR:
		case IP4_OPT_SSRR:
		case IP4_OPT_RR:
		case IP4_OPT_RA:
			break;
		default:
			return -EOPNOTSUPP;
		}
	}
	return nft_parse_dreg(ctx, a->a[NFTA_EXTHDR_DREG], &x->reg, x->len, false);
}

static void fill_common(struct nl_buf *b, const struct exthdr *x)
{
	nl_put_u8(b, NFTA_EXTHDR_TYPE, x->type);
	nl_put_be32(b, NFTA_EXTHDR_OFFSET, x->offset);
	nl_put_be32(b, NFTA_EXTHDR_LEN, x->len);
	nl_put_be32(b, NFTA_EXTHDR_FLAGS, x->present ? NFT_EXTHDR_F_PRESENT : 0);
	nl_put_be32(b, NFTA_EXTHDR_OP, x->op);
}

static void fill_get(struct nft_expr *e, struct nl_buf *b, bool reset)
{
	const struct exthdr *x = nft_expr_priv(e);

	nft_put_reg(b, NFTA_EXTHDR_DREG, x->reg);
	fill_common(b, x);
}

static int init_set(const struct nft_ctx *ctx, struct nft_expr *e, const struct nl_attrs *a)
{
	struct exthdr *x = nft_expr_priv(e);
	int err = common(x, a);

	if (err)
		return err;
	if (x->offset < 2 || (x->len != 2 && x->len != 4))
		return -EOPNOTSUPP;
	return nft_parse_sreg(ctx, a->a[NFTA_EXTHDR_SREG], &x->reg, x->len);
}

static void fill_set(struct nft_expr *e, struct nl_buf *b, bool reset)
{
	const struct exthdr *x = nft_expr_priv(e);

	nft_put_reg(b, NFTA_EXTHDR_SREG, x->reg);
	fill_common(b, x);
}

static int init_strip(const struct nft_ctx *ctx, struct nft_expr *e, const struct nl_attrs *a)
{
	struct exthdr *x = nft_expr_priv(e);

	x->type = nl_u8(a->a[NFTA_EXTHDR_TYPE]);
	x->op = NFT_EXTHDR_OP_TCPOPT;
	return 0;
}

static void fill_strip(struct nft_expr *e, struct nl_buf *b, bool reset) { fill_common(b, nft_expr_priv(e)); }

#define OPS(name, run, make, tell) static const struct nft_expr_ops name = { .type = &nft_exthdr_type, .size = sizeof(struct exthdr), .eval = run, \
	.init = make, .fill = tell }
OPS(ops_ip6, eval_ip6, init_get, fill_get);
OPS(ops_ip4, eval_ip4, init_get, fill_get);
OPS(ops_tcp, eval_tcp, init_get, fill_get);
OPS(ops_set, eval_set, init_set, fill_set);
OPS(ops_strip, eval_strip, init_strip, fill_strip);

static const struct nft_expr_ops *select_ops(const struct nft_ctx *ctx, const struct nl_attrs *a, int *err)
{
	u32 op = a->a[NFTA_EXTHDR_OP] ? nl_be32(a->a[NFTA_EXTHDR_OP]) : NFT_EXTHDR_OP_IPV6;
	bool get = a->a[NFTA_EXTHDR_DREG], set = a->a[NFTA_EXTHDR_SREG];

	*err = -EOPNOTSUPP;
	if (get && set)
		return NULL;
	*err = -EINVAL;
	if (!a->a[NFTA_EXTHDR_TYPE] || ((get || set) && (!a->a[NFTA_EXTHDR_OFFSET] || !a->a[NFTA_EXTHDR_LEN])))
		return NULL;
	*err = -EOPNOTSUPP;
	switch (op) {
	case NFT_EXTHDR_OP_TCPOPT:
		return get ? &ops_tcp : set ? &ops_set : &ops_strip;
	case NFT_EXTHDR_OP_IPV6:
		return get ? &ops_ip6 : NULL;
	case NFT_EXTHDR_OP_IPV4:
		return get && ctx->family != NFP_IPV6 ? &ops_ip4 : NULL;
	default: /* SCTP's chunks and DCCP's options are not built yet */
		return NULL;
	}
}

const struct nft_expr_type nft_exthdr_type = { .name = "exthdr", .maxattr = NFTA_EXTHDR_MAX, .policy = policy, .select = select_ops };
