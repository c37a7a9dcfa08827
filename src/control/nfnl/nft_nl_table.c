/* NFT_MSG_NEWTABLE, DELTABLE, GETTABLE. Deleting without a name is `nft flush ruleset`: all tables, or those of a family. */
#include "control/nfnl/nft_nl.h"

const struct nl_policy nft_table_policy[NFTA_TABLE_MAX + 1] = {
	[NFTA_TABLE_NAME] = { .type = NLP_STRING, .len = NFT_TABLE_MAXNAMELEN - 1 },
	[NFTA_TABLE_FLAGS] = { .type = NLP_U32 },
	[NFTA_TABLE_HANDLE] = { .type = NLP_U64 },
	[NFTA_TABLE_USERDATA] = { .type = NLP_BINARY, .len = NFT_USERDATA_MAXLEN },
};

/* A table with an owner is its owner's alone. */
static bool foreign(const struct nft_table *t, u32 portid) { return t->flags & NFT_TABLE_F_OWNER && t->owner && t->owner != portid; }

int nft_nl_table(struct nl_request *rq, u8 family, const struct nlattr *name, bool change, struct nft_table **out)
{
	char buf[NFT_TABLE_MAXNAMELEN];
	struct nft_table *t;

	if (!name)
		return -EINVAL;
	nl_strcpy(buf, sizeof(buf), name);
	t = nft_table_find(rq->net, family, buf);
	if (!t) {
		NFNL_BAD_ATTR(rq, name);
		return -ENOENT;
	}
	if (change && foreign(t, rq->portid))
		return -EPERM;
	*out = t;
	return 0;
}

static struct nft_table *by_handle(struct netns *net, u8 family, u64 handle)
{
	struct nft_table *t;

	list_for_each (t, &net->nft->tables, link) {
		if (!t->gone && t->handle == handle && t->family == family)
			return t;
	}
	return NULL;
}

static bool family_known(u8 family)
{
	return family == NFP_IPV4 || family == NFP_IPV6 || family == NFP_INET || family == NFP_ARP || family == NFP_BRIDGE || family == NFP_NETDEV;
}

int nft_nl_newtable(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a)
{
	const struct nlattr *ud = a->a[NFTA_TABLE_USERDATA];
	struct nft_ctx ctx = nft_ctx_of(rq, m);
	char name[NFT_TABLE_MAXNAMELEN];
	u32 flags = a->a[NFTA_TABLE_FLAGS] ? nl_be32(a->a[NFTA_TABLE_FLAGS]) : 0;
	int err = nft_nl_table(rq, m->nfgen_family, a->a[NFTA_TABLE_NAME], true, &ctx.table);

	if (!err) {
		if (ctx.flags & NLM_F_EXCL) {
			NFNL_BAD_ATTR(rq, a->a[NFTA_TABLE_NAME]);
			return -EEXIST;
		}
		if (ctx.flags & NLM_F_REPLACE)
			return -EOPNOTSUPP;
		return a->a[NFTA_TABLE_FLAGS] ? nft_table_update(&ctx, flags) : 0;
	}
	if (err != -ENOENT)
		return err;
	rq->ack->bad_attr = NULL;
	if (!family_known(m->nfgen_family))
		return -EOPNOTSUPP;
	if (flags & ~(u32)NFT_TABLE_F_MASK)
		return -EOPNOTSUPP;
	nl_strcpy(name, sizeof(name), a->a[NFTA_TABLE_NAME]);
	return nft_table_add(&ctx, name, flags, ud ? nl_data(ud) : NULL, ud ? nl_len(ud) : 0);
}

/* All tables of a family, or all; others' own tables are left. */
static int flush(struct nft_ctx *ctx, u8 family)
{
	struct nft_table *t;
	int err;

	list_for_each (t, &ctx->net->nft->tables, link) {
		if (t->gone || (family && t->family != family) || foreign(t, ctx->portid))
			continue;
		ctx->table = t;
		ctx->family = t->family;
		err = nft_table_del(ctx);
		if (err)
			return err;
	}
	return 0;
}

int nft_nl_deltable(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a)
{
	struct nft_ctx ctx = nft_ctx_of(rq, m);
	int err = 0;

	if (m->nfgen_family == NFP_UNSPEC || (!a->a[NFTA_TABLE_NAME] && !a->a[NFTA_TABLE_HANDLE]))
		return flush(&ctx, m->nfgen_family);
	if (a->a[NFTA_TABLE_HANDLE]) {
		ctx.table = by_handle(rq->net, m->nfgen_family, nl_be64(a->a[NFTA_TABLE_HANDLE]));
		if (!ctx.table) {
			NFNL_BAD_ATTR(rq, a->a[NFTA_TABLE_HANDLE]);
			err = -ENOENT;
		}
	} else {
		err = nft_nl_table(rq, m->nfgen_family, a->a[NFTA_TABLE_NAME], true, &ctx.table);
	}
	if (err)
		return err == -ENOENT && nft_is_destroy(rq) ? 0 : err;
	if (ctx.flags & NLM_F_NONREC && ctx.table->use)
		return -EBUSY;
	return nft_table_del(&ctx);
}

void nft_fill_table(struct nl_buf *b, const struct nft_table *t, bool del)
{
	nl_put_str(b, NFTA_TABLE_NAME, t->name);
	nl_put_be32(b, NFTA_TABLE_USE, t->use);
	nl_put_be64(b, NFTA_TABLE_HANDLE, t->handle);
	if (del)
		return;
	nl_put_be32(b, NFTA_TABLE_FLAGS, t->flags);
	if (t->flags & NFT_TABLE_F_OWNER && t->owner)
		nl_put_be32(b, NFTA_TABLE_OWNER, t->owner);
	if (t->udata)
		nl_put(b, NFTA_TABLE_USERDATA, t->udata, t->udlen);
}

int nft_nl_gettable(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a)
{
	struct nft_table *t = NULL;
	struct nl_buf b;
	int err = nft_nl_table(rq, m->nfgen_family, a->a[NFTA_TABLE_NAME], false, &t);

	if (err)
		return err;
	nl_buf_init(&b, cpu_mem(rq->cpu), 0);
	if (nfnl_reply(rq, &b, NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWTABLE, t->family, nft_res_id(rq->net)))
		nft_fill_table(&b, t, false);
	err = nl_end(&b);
	err = err ? err : nl_unicast(rq, &b);
	nl_buf_fini(&b);
	return err;
}

int nft_nl_dumptables(struct nl_dump *d, struct nl_buf *b)
{
	u8 family = nfnl_dump_family(d);
	struct nft_table *t;
	u64 at = 0;

	nft_dump_gen(d);
	list_for_each (t, &d->net->nft->tables, link) {
		if ((family && t->family != family) || at++ < d->arg[0])
			continue;
		if (nfnl_dump_msg(d, b, NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWTABLE, t->family, nft_res_id(d->net)))
			nft_fill_table(b, t, false);
		if (nl_end(b))
			return 1;
		d->arg[0] = at;
	}
	return 0;
}
