/* meta: what is known of a packet that is not in it: its length, devices, marks, owner, time; and setting the mark, priority, packet type and
 * trace bit.
 *
 * Names and numbers are in the host's order, protocols in the network's. What a packet has not got (no input device) ends the rule.
 * Realms (rtclassid) and the keys of bridges are not built: EOPNOTSUPP, as from a kernel without them.
 */
#include <linux/if_ether.h>

#include "link/netdevice.h"
#include "netfilter/nft/nft_fast.h"
#include "sock/sock.h"

enum { NAME_BYTES = 16 };

static const struct nl_policy policy[NFTA_META_MAX + 1] = {
	[NFTA_META_DREG] = { .type = NLP_U32 },
	[NFTA_META_KEY] = { .type = NLP_U32 },
	[NFTA_META_SREG] = { .type = NLP_U32 },
};

static const struct net_device *dev_in(const struct nft_pkt *p) { return p->st->in; }
static const struct net_device *dev_out(const struct nft_pkt *p) { return p->st->out; }

/* -- reading -- */

static void put_name(struct nft_regs *r, u8 reg, const char *name)
{
	char *to = (char *)&r->w[reg];
	size_t n = MIN(strlen(name), (size_t)NAME_BYTES - 1);

	memset(to, 0, NAME_BYTES);
	memcpy(to, name, n);
}

static bool device(const struct net_device *d, u8 key, struct nft_regs *r, u8 reg)
{
	switch (key) {
	case NFT_META_IIFNAME:
	case NFT_META_OIFNAME:
		put_name(r, reg, d ? d->name : "");
		return true;
	case NFT_META_IIF:
	case NFT_META_OIF:
		r->w[reg] = d ? (u32)d->ifindex : 0;
		return true;
	}
	if (!d)
		return false;
	switch (key) {
	case NFT_META_IIFTYPE:
	case NFT_META_OIFTYPE:
		nft_reg_store16(r, reg, d->type);
		return true;
	case NFT_META_IIFGROUP:
	case NFT_META_OIFGROUP:
		r->w[reg] = d->group;
		return true;
	case NFT_META_IIFKIND:
	case NFT_META_OIFKIND:
		if (!d->kind)
			return false;
		put_name(r, reg, d->kind->name);
		return true;
	}
	return false;
}

/* Whose packet it is: local sockets' only. */
static bool owner(const struct nft_pkt *p, u8 key, u32 *out)
{
	const struct sock *sk = p->skb->sk;

	if (!sk || sk->net != p->net)
		return false;
	*out = key == NFT_META_SKUID ? sk->uid : sk->gid;
	return true;
}

enum { DAY_SECONDS = 86400 };

static u64 realtime_ns(const struct nft_pkt *p)
{
	const struct world *w = p->cpu->world;
	u64 mono = p->skb->tstamp ? p->skb->tstamp : p->cpu->now;

	return w->ops && w->ops->realtime ? w->ops->realtime(w->host, mono) : mono;
}

/* 1970 began on a Thursday; days count from Sunday. */
static u8 weekday(u64 seconds) { return (u8)((seconds / DAY_SECONDS + 4) % 7); }

/* A packet for the loop-back device says nothing of who it is for: its address does. */
static bool pkttype(const struct nft_pkt *p, struct nft_regs *r, u8 reg)
{
	const struct sk_buff *skb = p->skb;
	u8 t = skb->pkt_type;

	if (t == PACKET_LOOPBACK) {
		if (p->family == NFP_IPV4) {
			const u8 *ip = skb->data;
			t = (ip[16] & 0xf0) == 0xe0 ? PACKET_MULTICAST : PACKET_BROADCAST;
		} else if (p->family == NFP_IPV6) {
			t = PACKET_MULTICAST;
		} else {
			return false;
		}
	}
	nft_reg_store8(r, reg, t);
	return true;
}

static bool rare(const struct nft_meta *m, struct nft_regs *r, struct nft_pkt *p)
{
	u64 s;

	switch (m->key) {
	case NFT_META_PRIORITY:
		r->w[m->reg] = p->skb->priority;
		return true;
	case NFT_META_SKUID:
	case NFT_META_SKGID:
		return owner(p, m->key, &r->w[m->reg]);
	case NFT_META_NFTRACE:
		nft_reg_store8(r, m->reg, p->traced);
		return true;
	case NFT_META_PKTTYPE:
		return pkttype(p, r, m->reg);
	case NFT_META_CPU:
		r->w[m->reg] = p->cpu->id;
		return true;
	case NFT_META_PRANDOM:
		r->w[m->reg] = rng_u32(&p->cpu->rng);
		return true;
	case NFT_META_TIME_NS:
		nft_reg_store64(r, m->reg, realtime_ns(p));
		return true;
	case NFT_META_TIME_DAY:
		nft_reg_store8(r, m->reg, weekday(realtime_ns(p) / NSEC_PER_SEC));
		return true;
	case NFT_META_TIME_HOUR:
		s = realtime_ns(p) / NSEC_PER_SEC;
		r->w[m->reg] = (u32)(s % DAY_SECONDS);
		return true;
	case NFT_META_SDIF:
		r->w[m->reg] = (u32)p->skb->sdif; /* 0: it came in by no VRF */
		return true;
	default:
		return false;
	}
}

void nft_meta_get_eval(const struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	const struct nft_meta *m = nft_expr_priv(e);
	bool ok = true;

	switch (m->key) {
	case NFT_META_LEN:
		r->w[m->reg] = p->skb->len;
		break;
	case NFT_META_PROTOCOL:
		nft_reg_store16(r, m->reg, p->skb->protocol.raw);
		break;
	case NFT_META_MARK:
		r->w[m->reg] = p->skb->mark;
		break;
	case NFT_META_NFPROTO:
		nft_reg_store8(r, m->reg, p->family);
		break;
	case NFT_META_L4PROTO:
		ok = p->l4_known;
		nft_reg_store8(r, m->reg, p->l4proto);
		break;
	case NFT_META_IIF:
	case NFT_META_IIFNAME:
	case NFT_META_IIFTYPE:
	case NFT_META_IIFGROUP:
	case NFT_META_IIFKIND:
		ok = device(dev_in(p), m->key, r, m->reg);
		break;
	case NFT_META_OIF:
	case NFT_META_OIFNAME:
	case NFT_META_OIFTYPE:
	case NFT_META_OIFGROUP:
	case NFT_META_OIFKIND:
		ok = device(dev_out(p), m->key, r, m->reg);
		break;
	default:
		ok = rare(m, r, p);
		break;
	}
	if (!ok)
		r->verdict.code = NFT_BREAK;
}

/* Bytes of a key that can be read, 0: none such. */
static u8 key_bytes(u32 key)
{
	switch (key) {
	case NFT_META_PROTOCOL:
	case NFT_META_IIFTYPE:
	case NFT_META_OIFTYPE:
		return 2;
	case NFT_META_NFPROTO:
	case NFT_META_L4PROTO:
	case NFT_META_PKTTYPE:
	case NFT_META_NFTRACE:
	case NFT_META_TIME_DAY:
		return 1;
	case NFT_META_LEN:
	case NFT_META_PRIORITY:
	case NFT_META_MARK:
	case NFT_META_IIF:
	case NFT_META_OIF:
	case NFT_META_SDIF:
	case NFT_META_SKUID:
	case NFT_META_SKGID:
	case NFT_META_CPU:
	case NFT_META_IIFGROUP:
	case NFT_META_OIFGROUP:
	case NFT_META_PRANDOM:
	case NFT_META_TIME_HOUR:
		return 4;
	case NFT_META_TIME_NS:
		return 8;
	case NFT_META_IIFNAME:
	case NFT_META_OIFNAME:
	case NFT_META_IIFKIND:
	case NFT_META_OIFKIND:
		return NAME_BYTES;
	default:
		return 0;
	}
}

static int init_get(const struct nft_ctx *ctx, struct nft_expr *e, const struct nl_attrs *a)
{
	struct nft_meta *m = nft_expr_priv(e);

	m->key = (u8)nl_be32(a->a[NFTA_META_KEY]);
	m->len = key_bytes(m->key);
	if (!m->len)
		return -EOPNOTSUPP;
	return nft_parse_dreg(ctx, a->a[NFTA_META_DREG], &m->reg, m->len, false);
}

static void fill_get(struct nft_expr *e, struct nl_buf *b, bool reset)
{
	const struct nft_meta *m = nft_expr_priv(e);

	nl_put_be32(b, NFTA_META_KEY, m->key);
	nft_put_reg(b, NFTA_META_DREG, m->reg);
}

/* SDIF is known where routing has been: as on Linux. */
static int validate_get(const struct nft_ctx *ctx, const struct nft_expr *e)
{
	const struct nft_meta *m = nft_expr_priv(e);
	u8 hook = ctx->chain->base->hook.hook;

	if (m->key != NFT_META_SDIF && m->key != NFT_META_SDIFNAME)
		return 0;
	return hook == NFH_LOCAL_IN || hook == NFH_FORWARD ? 0 : -EOPNOTSUPP;
}

/* -- setting -- */

static void eval_set(const struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	const struct nft_meta *m = nft_expr_priv(e);
	u32 v = r->w[m->reg];

	switch (m->key) {
	case NFT_META_MARK:
		p->skb->mark = v;
		break;
	case NFT_META_PRIORITY:
		p->skb->priority = v;
		break;
	case NFT_META_PKTTYPE:
		if (p->skb->pkt_type != (u8)v && (u8)v <= PACKET_OTHERHOST && p->skb->pkt_type <= PACKET_OTHERHOST)
			p->skb->pkt_type = (u8)v;
		break;
	case NFT_META_NFTRACE:
		p->traced = (u8)v;
		break;
	}
}

static int init_set(const struct nft_ctx *ctx, struct nft_expr *e, const struct nl_attrs *a)
{
	struct nft_meta *m = nft_expr_priv(e);

	m->key = (u8)nl_be32(a->a[NFTA_META_KEY]);
	switch (m->key) {
	case NFT_META_MARK:
	case NFT_META_PRIORITY:
		m->len = 4;
		break;
	case NFT_META_NFTRACE:
	case NFT_META_PKTTYPE:
		m->len = 1;
		break;
	default:
		return -EOPNOTSUPP;
	}
	return nft_parse_sreg(ctx, a->a[NFTA_META_SREG], &m->reg, m->len);
}

static void fill_set(struct nft_expr *e, struct nl_buf *b, bool reset)
{
	const struct nft_meta *m = nft_expr_priv(e);

	nl_put_be32(b, NFTA_META_KEY, m->key);
	nft_put_reg(b, NFTA_META_SREG, m->reg);
}

/* The packet type decides who a packet is for: it may be set before that only. */
static int validate_set(const struct nft_ctx *ctx, const struct nft_expr *e)
{
	const struct nft_meta *m = nft_expr_priv(e);
	u8 hook = ctx->chain->base->hook.hook;

	if (m->key != NFT_META_PKTTYPE)
		return 0;
	switch (ctx->family) {
	case NFP_BRIDGE:
	case NFP_IPV4:
	case NFP_IPV6:
	case NFP_INET:
		return hook == NFH_PRE_ROUTING ? 0 : -EOPNOTSUPP;
	case NFP_NETDEV:
		return hook == NFH_INGRESS ? 0 : -EOPNOTSUPP;
	default:
		return -EOPNOTSUPP;
	}
}

static const struct nft_expr_ops ops_get = { .type = &nft_meta_type, .size = sizeof(struct nft_meta), .op = NFT_OP_META, .flags = NFT_EXPR_PURE,
	.init = init_get, .fill = fill_get, .validate = validate_get };
static const struct nft_expr_ops ops_set = { .type = &nft_meta_type, .size = sizeof(struct nft_meta), .eval = eval_set, .init = init_set,
	.fill = fill_set, .validate = validate_set };

static const struct nft_expr_ops *select_ops(const struct nft_ctx *ctx, const struct nl_attrs *a, int *err)
{
	*err = -EINVAL;
	if (!a->a[NFTA_META_KEY] || (a->a[NFTA_META_DREG] && a->a[NFTA_META_SREG]))
		return NULL;
	return a->a[NFTA_META_DREG] ? &ops_get : a->a[NFTA_META_SREG] ? &ops_set : NULL;
}

const struct nft_expr_type nft_meta_type = { .name = "meta", .maxattr = NFTA_META_MAX, .policy = policy, .select = select_ops };
