/* reject: drops the packet and tells its sender: an ICMP error by the family's own numbers, one by names that both families have (icmpx), or a TCP
 * reset. Where packets come in, are forwarded or go out from here; inet6 and inet4 alike.
 */
#include <netinet/in.h>

#include "codec/wire/icmp4.h"
#include "codec/wire/icmp6.h"
#include "netfilter/nf_reject.h"
#include "netfilter/nft/nft_fast.h"

struct reject { u8 type, code; };

static const struct nl_policy policy[NFTA_REJECT_MAX + 1] = {
	[NFTA_REJECT_TYPE] = { .type = NLP_U32 },
	[NFTA_REJECT_ICMP_CODE] = { .type = NLP_U8 },
};

static u8 icmpx(u8 code, bool six)
{
	static const u8 v4[] = { ICMP4_NET_UNREACH, ICMP4_PORT_UNREACH, ICMP4_HOST_UNREACH, ICMP4_PKT_FILTERED };
	static const u8 v6[] = { ICMP6_NOROUTE, ICMP6_PORT_UNREACH, ICMP6_ADDR_UNREACH, ICMP6_ADM_PROHIBITED };

	return six ? v6[code] : v4[code];
}

static void eval(const struct nft_expr *e, struct nft_regs *regs, struct nft_pkt *pkt)
{
	const struct reject *r = nft_expr_priv(e);
	bool six = pkt->st->pf == NFPF_IPV6;

	if (pkt->st->pf == NFPF_IPV4 || six) {
		if (r->type == NFT_REJECT_ICMP_UNREACH)
			nf_reject_icmp(pkt->cpu, pkt->st, pkt->skb, r->code);
		else if (r->type == NFT_REJECT_ICMPX_UNREACH)
			nf_reject_icmp(pkt->cpu, pkt->st, pkt->skb, icmpx(r->code, six));
		else if (pkt->l4_known && !pkt->fragoff && pkt->l4proto == IPPROTO_TCP)
			nf_reject_tcp(pkt->cpu, pkt->st, pkt->skb, pkt->thoff);
	}
	regs->verdict.code = NF_DROP;
}

static int init(const struct nft_ctx *ctx, struct nft_expr *e, const struct nl_attrs *a)
{
	struct reject *r = nft_expr_priv(e);
	u32 type;

	if (!a->a[NFTA_REJECT_TYPE])
		return -EINVAL;
	type = nl_be32(a->a[NFTA_REJECT_TYPE]);
	if (type > NFT_REJECT_ICMPX_UNREACH || (type == NFT_REJECT_ICMPX_UNREACH && ctx->family != NFP_INET))
		return -EINVAL;
	r->type = (u8)type;
	if (type == NFT_REJECT_TCP_RST)
		return 0;
	if (!a->a[NFTA_REJECT_ICMP_CODE])
		return -EINVAL;
	r->code = nl_u8(a->a[NFTA_REJECT_ICMP_CODE]);
	if (type == NFT_REJECT_ICMPX_UNREACH && r->code > NFT_REJECT_ICMPX_MAX)
		return -EINVAL;
	return 0;
}

static void fill(struct nft_expr *e, struct nl_buf *b, bool reset)
{
	const struct reject *r = nft_expr_priv(e);

	nl_put_be32(b, NFTA_REJECT_TYPE, r->type);
	if (r->type != NFT_REJECT_TCP_RST)
		nl_put_u8(b, NFTA_REJECT_ICMP_CODE, r->code);
}

static int validate(const struct nft_ctx *ctx, const struct nft_expr *e)
{
	const u32 hooks = BIT(NFH_PRE_ROUTING) | BIT(NFH_LOCAL_IN) | BIT(NFH_FORWARD) | BIT(NFH_LOCAL_OUT);

	if (ctx->family != NFP_IPV4 && ctx->family != NFP_IPV6 && ctx->family != NFP_INET)
		return -EOPNOTSUPP;
	return hooks & BIT(ctx->chain->base->hook.hook) ? 0 : -EOPNOTSUPP;
}

static const struct nft_expr_ops ops = { .type = &nft_reject_type, .size = sizeof(struct reject), .eval = eval, .init = init, .fill = fill,
	.validate = validate };
const struct nft_expr_type nft_reject_type = { .name = "reject", .maxattr = NFTA_REJECT_MAX, .policy = policy, .ops = &ops };
