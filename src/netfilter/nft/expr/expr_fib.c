/* fib: what routing says of an address of the packet: by which device it would go (index or name), or of which type it is. Asking for the source's way
 * back by the device that the packet came in by is the reverse-path filter.
 */
#include <linux/rtnetlink.h>

#include "codec/wire/ip4hdr.h"
#include "codec/wire/ip6hdr.h"
#include "inet/af.h"
#include "inet/route/fib.h"
#include "link/netdevice.h"
#include "netfilter/nft/nft_fast.h"

struct fib_expr { u8 result, flags, dreg; };

static const struct nl_policy policy[NFTA_FIB_MAX + 1] = {
	[NFTA_FIB_DREG] = { .type = NLP_U32 },
	[NFTA_FIB_RESULT] = { .type = NLP_U32 },
	[NFTA_FIB_FLAGS] = { .type = NLP_U32 },
};

static const struct net_device *device(const struct fib_expr *f, const struct nft_pkt *pkt)
{
	if (f->flags & NFTA_FIB_F_IIF)
		return pkt->st->in;
	return f->flags & NFTA_FIB_F_OIF ? pkt->st->out : NULL;
}

static const struct inet_af *af_of(const struct nft_pkt *pkt)
{
	return pkt->family == NFP_IPV6 ? pkt->net->inet->af6 : pkt->net->inet->af4;
}

static u8 type_of(const struct fib_expr *f, const struct nft_pkt *pkt, const struct inaddr *a)
{
	return fib_addr_type(pkt->net, device(f, pkt), a);
}

static void store(const struct fib_expr *f, struct nft_regs *regs, const struct net_device *dev)
{
	if (f->flags & NFTA_FIB_F_PRESENT) {
		regs->w[f->dreg] = dev != NULL;
		return;
	}
	if (f->result == NFT_FIB_RESULT_OIF) {
		regs->w[f->dreg] = dev ? (u32)dev->ifindex : 0;
		return;
	}
	memset(&regs->w[f->dreg], 0, 16);
	if (dev)
		memcpy(&regs->w[f->dreg], dev->name, strlen(dev->name));
}

/* The device by which `to` would be reached, as `from` (both of this packet, the one asked for first). */
static const struct net_device *way(const struct fib_expr *f, const struct nft_pkt *pkt, const struct inaddr *to, const struct inaddr *from)
{
	const struct net_device *dev = device(f, pkt);
	struct flow fl = { .family = af_of(pkt)->family, .daddr = *to, .mark = f->flags & NFTA_FIB_F_MARK ? pkt->skb->mark : 0,
			   .flags = FLOW_PROBE, .oif = dev ? dev->ifindex : 0 };
	struct fib_result res = { .alias = NULL };

	if (f->flags & NFTA_FIB_F_DADDR)
		fl.saddr = *from;
	if (fib_lookup(pkt->cpu, pkt->net, &fl, &res) || !res.nh)
		return NULL;
	if (res.alias && res.alias->type != RTN_UNICAST && res.alias->type != RTN_LOCAL)
		return NULL;
	return res.nh->dev && (!dev || res.nh->dev == dev) ? res.nh->dev : NULL;
}

static void eval(const struct nft_expr *e, struct nft_regs *regs, struct nft_pkt *pkt)
{
	const struct fib_expr *f = nft_expr_priv(e);
	struct inaddr s, d;
	bool source = f->flags & NFTA_FIB_F_SADDR;

	if (pkt->family != NFP_IPV4 && pkt->family != NFP_IPV6) {
		regs->verdict.code = NFT_BREAK;
		return;
	}
	af_of(pkt)->addrs(pkt->skb, &s, &d);
	if (f->result == NFT_FIB_RESULT_ADDRTYPE) {
		regs->w[f->dreg] = type_of(f, pkt, source ? &s : &d);
		return;
	}
	if (pkt->st->hook == NFH_PRE_ROUTING && pkt->st->in && pkt->st->in->flags & IFF_LOOPBACK) {
		store(f, regs, pkt->st->in);
		return;
	}
	store(f, regs, way(f, pkt, source ? &s : &d, source ? &d : &s));
}

static int init(const struct nft_ctx *ctx, struct nft_expr *e, const struct nl_attrs *a)
{
	const u32 known = NFTA_FIB_F_SADDR | NFTA_FIB_F_DADDR | NFTA_FIB_F_MARK | NFTA_FIB_F_IIF | NFTA_FIB_F_OIF | NFTA_FIB_F_PRESENT;
	struct fib_expr *f = nft_expr_priv(e);
	u32 flags, result;

	if (!a->a[NFTA_FIB_DREG] || !a->a[NFTA_FIB_RESULT] || !a->a[NFTA_FIB_FLAGS])
		return -EINVAL;
	flags = nl_be32(a->a[NFTA_FIB_FLAGS]);
	result = nl_be32(a->a[NFTA_FIB_RESULT]);
	if (!flags || flags & ~known)
		return -EINVAL;
	if ((flags & (NFTA_FIB_F_SADDR | NFTA_FIB_F_DADDR)) == (NFTA_FIB_F_SADDR | NFTA_FIB_F_DADDR) || !(flags & (NFTA_FIB_F_SADDR | NFTA_FIB_F_DADDR)) ||
	    (flags & (NFTA_FIB_F_IIF | NFTA_FIB_F_OIF)) == (NFTA_FIB_F_IIF | NFTA_FIB_F_OIF))
		return -EINVAL;
	f->flags = (u8)flags;
	f->result = (u8)result;
	switch (result) {
	case NFT_FIB_RESULT_OIF:
	case NFT_FIB_RESULT_OIFNAME:
		if (flags & NFTA_FIB_F_OIF)
			return -EINVAL;
		return nft_parse_dreg(ctx, a->a[NFTA_FIB_DREG], &f->dreg, result == NFT_FIB_RESULT_OIF || flags & NFTA_FIB_F_PRESENT ? 4 : 16, false);
	case NFT_FIB_RESULT_ADDRTYPE:
		return nft_parse_dreg(ctx, a->a[NFTA_FIB_DREG], &f->dreg, 4, false);
	default:
		return -EINVAL;
	}
}

static void fill(struct nft_expr *e, struct nl_buf *b, bool reset)
{
	const struct fib_expr *f = nft_expr_priv(e);

	nft_put_reg(b, NFTA_FIB_DREG, f->dreg);
	nl_put_be32(b, NFTA_FIB_RESULT, f->result);
	nl_put_be32(b, NFTA_FIB_FLAGS, f->flags);
}

static int validate(const struct nft_ctx *ctx, const struct nft_expr *e)
{
	const struct fib_expr *f = nft_expr_priv(e);
	u32 hooks = BIT(NFH_PRE_ROUTING);

	if (ctx->family != NFP_IPV4 && ctx->family != NFP_IPV6 && ctx->family != NFP_INET)
		return -EOPNOTSUPP;
	if (f->result == NFT_FIB_RESULT_ADDRTYPE) {
		hooks = f->flags & NFTA_FIB_F_IIF ? BIT(NFH_PRE_ROUTING) | BIT(NFH_LOCAL_IN) | BIT(NFH_FORWARD) :
			f->flags & NFTA_FIB_F_OIF ? BIT(NFH_LOCAL_OUT) | BIT(NFH_POST_ROUTING) | BIT(NFH_FORWARD) :
			BIT(NFH_LOCAL_IN) | BIT(NFH_FORWARD) | BIT(NFH_LOCAL_OUT) | BIT(NFH_PRE_ROUTING) | BIT(NFH_POST_ROUTING);
	} else {
		hooks |= BIT(NFH_LOCAL_IN) | BIT(NFH_FORWARD);
	}
	return hooks & BIT(ctx->chain->base->hook.hook) ? 0 : -EOPNOTSUPP;
}

static const struct nft_expr_ops ops = { .type = &nft_fib_type, .size = sizeof(struct fib_expr), .eval = eval, .init = init, .fill = fill,
	.validate = validate };
const struct nft_expr_type nft_fib_type = { .name = "fib", .maxattr = NFTA_FIB_MAX, .policy = policy, .ops = &ops };
