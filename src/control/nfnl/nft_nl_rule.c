/* NFT_MSG_NEWRULE, DELRULE, GETRULE. A rule is put at an end of its chain, or beside another that is named by its handle or, within a
 * batch, by its number. Replacing keeps the handle.
 */
#include "control/nfnl/nft_nl.h"

const struct nl_policy nft_rule_policy[NFTA_RULE_MAX + 1] = {
	[NFTA_RULE_TABLE] = { .type = NLP_STRING, .len = NFT_TABLE_MAXNAMELEN - 1 },
	[NFTA_RULE_CHAIN] = { .type = NLP_STRING, .len = NFT_CHAIN_MAXNAMELEN - 1 },
	[NFTA_RULE_HANDLE] = { .type = NLP_U64 },
	[NFTA_RULE_EXPRESSIONS] = { .type = NLP_NESTED },
	[NFTA_RULE_COMPAT] = { .type = NLP_NESTED },
	[NFTA_RULE_POSITION] = { .type = NLP_U64 },
	[NFTA_RULE_USERDATA] = { .type = NLP_BINARY, .len = NFT_USERDATA_MAXLEN },
	[NFTA_RULE_ID] = { .type = NLP_U32 },
	[NFTA_RULE_POSITION_ID] = { .type = NLP_U32 },
	[NFTA_RULE_CHAIN_ID] = { .type = NLP_U32 },
};

static int chain_of(struct nl_request *rq, struct nft_ctx *ctx, const struct nl_attrs *a)
{
	char name[NFT_CHAIN_MAXNAMELEN];
	struct nft_chain *c;

	if (a->a[NFTA_RULE_CHAIN]) {
		nl_strcpy(name, sizeof(name), a->a[NFTA_RULE_CHAIN]);
		ctx->chain = nft_chain_find(ctx->table, name);
		if (!ctx->chain) {
			NFNL_BAD_ATTR(rq, a->a[NFTA_RULE_CHAIN]);
			return -ENOENT;
		}
		return ctx->chain->flags & NFT_CHAIN_BINDING ? -EOPNOTSUPP : 0;
	}
	if (!a->a[NFTA_RULE_CHAIN_ID])
		return -EINVAL;
	list_for_each (c, &ctx->table->chains, link) {
		if (!c->gone && c->id == nl_be32(a->a[NFTA_RULE_CHAIN_ID])) {
			ctx->chain = c;
			return 0;
		}
	}
	NFNL_BAD_ATTR(rq, a->a[NFTA_RULE_CHAIN_ID]);
	return -ENOENT;
}

static struct nft_rule *by_id(const struct nft_chain *c, u32 id)
{
	struct nft_rule *r;

	list_for_each (r, &c->rules, link) {
		if (!r->gone && r->id == id)
			return r;
	}
	return NULL;
}

/* The rule that an attribute names; it is told when there is none. */
static int rule_of(struct nl_request *rq, const struct nft_chain *c, const struct nlattr *a, bool handle, struct nft_rule **out)
{
	*out = handle ? nft_rule_find(c, nl_be64(a)) : by_id(c, nl_be32(a));
	if (*out)
		return 0;
	NFNL_BAD_ATTR(rq, a);
	return -ENOENT;
}

int nft_nl_newrule(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a)
{
	const struct nlattr *ud = a->a[NFTA_RULE_USERDATA];
	struct nft_ctx ctx = nft_ctx_of(rq, m);
	struct nft_rule *old = NULL, *r;
	bool replace;
	u64 handle;
	int err = nft_nl_table(rq, m->nfgen_family, a->a[NFTA_RULE_TABLE], true, &ctx.table);

	err = err ? err : chain_of(rq, &ctx, a);
	if (err)
		return err;
	if (a->a[NFTA_RULE_HANDLE]) {
		err = rule_of(rq, ctx.chain, a->a[NFTA_RULE_HANDLE], true, &old);
		if (err)
			return err;
		if (ctx.flags & NLM_F_EXCL) {
			NFNL_BAD_ATTR(rq, a->a[NFTA_RULE_HANDLE]);
			return -EEXIST;
		}
		if (!(ctx.flags & NLM_F_REPLACE))
			return -EOPNOTSUPP;
	} else {
		if (!(ctx.flags & NLM_F_CREATE) || ctx.flags & NLM_F_REPLACE)
			return -EINVAL;
		if (a->a[NFTA_RULE_POSITION])
			err = rule_of(rq, ctx.chain, a->a[NFTA_RULE_POSITION], true, &old);
		else if (a->a[NFTA_RULE_POSITION_ID])
			err = rule_of(rq, ctx.chain, a->a[NFTA_RULE_POSITION_ID], false, &old);
		if (err)
			return err;
	}
	replace = a->a[NFTA_RULE_HANDLE];
	handle = replace ? old->handle : ++ctx.table->next_handle; /* taken by a rule that is refused, too */
	err = nft_rule_new(&ctx, a->a[NFTA_RULE_EXPRESSIONS], ud ? nl_data(ud) : NULL, ud ? nl_len(ud) : 0, &r);
	if (err)
		return err;
	r->id = a->a[NFTA_RULE_ID] ? nl_be32(a->a[NFTA_RULE_ID]) : 0;
	r->handle = handle;
	if (replace && (err = nft_rule_del(&ctx, old)))
		goto fail;
	err = nft_rule_add(&ctx, r, old, !replace && ctx.flags & NLM_F_APPEND);
	if (err)
		goto fail;
	return 0;
fail:
	nft_rule_free(rq->net, r);
	return err;
}

int nft_nl_delrule(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a)
{
	struct nft_ctx ctx = nft_ctx_of(rq, m);
	struct nft_rule *r, *one = NULL;
	struct nft_chain *c;
	bool quiet = nft_is_destroy(rq);
	int err = nft_nl_table(rq, m->nfgen_family, a->a[NFTA_RULE_TABLE], true, &ctx.table);

	if (!err && a->a[NFTA_RULE_CHAIN])
		err = chain_of(rq, &ctx, a);
	if (err)
		return err == -ENOENT && quiet ? 0 : err;
	if (ctx.chain && (a->a[NFTA_RULE_HANDLE] || a->a[NFTA_RULE_ID])) {
		const struct nlattr *by = a->a[NFTA_RULE_HANDLE] ? a->a[NFTA_RULE_HANDLE] : a->a[NFTA_RULE_ID];

		err = rule_of(rq, ctx.chain, by, by == a->a[NFTA_RULE_HANDLE], &one);
		if (err)
			return quiet ? 0 : err;
		return nft_rule_del(&ctx, one);
	}
	list_for_each (c, &ctx.table->chains, link) {
		struct nft_ctx in = ctx;

		if (c->gone || (ctx.chain && c != ctx.chain) || (!ctx.chain && c->flags & NFT_CHAIN_BINDING))
			continue;
		in.chain = c;
		list_for_each (r, &c->rules, link) {
			if (!r->gone && (err = nft_rule_del(&in, r)))
				return err;
		}
	}
	return 0;
}

void nft_fill_rule(struct nl_buf *b, const struct nft_rule *r, u64 position, bool reset)
{
	size_t nest;

	nl_put_str(b, NFTA_RULE_TABLE, r->chain->table->name);
	nl_put_str(b, NFTA_RULE_CHAIN, r->chain->name);
	nl_put_be64(b, NFTA_RULE_HANDLE, r->handle);
	if (position)
		nl_put_be64(b, NFTA_RULE_POSITION, position);
	nest = nl_nest(b, NFTA_RULE_EXPRESSIONS);
	nft_rule_for_each(e, r)
		nft_expr_fill(e, b, NFTA_LIST_ELEM, reset);
	nl_nest_end(b, nest);
	if (r->udata)
		nl_put(b, NFTA_RULE_USERDATA, r->udata, r->udlen);
}

int nft_nl_getrule(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a)
{
	struct nft_ctx ctx = nft_ctx_of(rq, m);
	struct nft_rule *r = NULL;
	struct nl_buf b;
	int err = nft_nl_table(rq, m->nfgen_family, a->a[NFTA_RULE_TABLE], false, &ctx.table);

	err = err ? err : chain_of(rq, &ctx, a);
	if (err)
		return err;
	if (!a->a[NFTA_RULE_HANDLE])
		return -EINVAL;
	err = rule_of(rq, ctx.chain, a->a[NFTA_RULE_HANDLE], true, &r);
	if (err)
		return err;
	nl_buf_init(&b, cpu_mem(rq->cpu), 0);
	if (nfnl_reply(rq, &b, NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWRULE, ctx.table->family, nft_res_id(rq->net)))
		nft_fill_rule(&b, r, 0, NFNL_MSG_TYPE(rq->nlh->nlmsg_type) == NFT_MSG_GETRULE_RESET_);
	err = nl_end(&b);
	err = err ? err : nl_unicast(rq, &b);
	nl_buf_fini(&b);
	return err;
}

/* What a dump was asked for: of one table, of one chain. */
struct wanted { char table[NFT_TABLE_MAXNAMELEN], chain[NFT_CHAIN_MAXNAMELEN]; };

static int dump_chain(struct nl_dump *d, struct nl_buf *b, const struct nft_chain *c, u64 *at)
{
	bool reset = NFNL_MSG_TYPE(d->req->nlmsg_type) == NFT_MSG_GETRULE_RESET_;
	const struct nft_rule *r;
	u64 position = 0;

	list_for_each (r, &c->rules, link) {
		if ((*at)++ >= d->arg[0]) {
			if (nfnl_dump_msg(d, b, NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWRULE, c->table->family, nft_res_id(d->net))) {
				((struct nlmsghdr *)(b->data + b->msg))->nlmsg_flags |= NLM_F_APPEND;
				nft_fill_rule(b, r, position, false);
			}
			if (nl_end(b))
				return 1;
			if (reset) /* only what was told is begun anew */
				nft_rule_for_each(e, r)
					if (e->ops->fill) {
						struct nl_buf scratch;
						nl_buf_init(&scratch, &d->net->world->mem, 1);
						e->ops->fill(e, &scratch, true);
						nl_buf_fini(&scratch);
					}
			d->arg[0] = *at;
		}
		position = r->handle;
	}
	return 0;
}

int nft_nl_dumprules(struct nl_dump *d, struct nl_buf *b)
{
	struct wanted w = { "", "" };
	u8 family = nfnl_dump_family(d);
	struct nft_table *t;
	struct nft_chain *c;
	struct nl_attrs a;
	u64 at = 0;
	int err = nfnl_dump_attrs(d, &a, NFTA_RULE_MAX, nft_rule_policy);

	if (err)
		return err;
	if (a.a[NFTA_RULE_TABLE])
		nl_strcpy(w.table, sizeof(w.table), a.a[NFTA_RULE_TABLE]);
	if (a.a[NFTA_RULE_CHAIN])
		nl_strcpy(w.chain, sizeof(w.chain), a.a[NFTA_RULE_CHAIN]);
	nft_dump_gen(d);
	list_for_each (t, &d->net->nft->tables, link) {
		if ((family && t->family != family) || (*w.table && strcmp(w.table, t->name)))
			continue;
		list_for_each (c, &t->chains, link) {
			if (*w.chain && strcmp(w.chain, c->name))
				continue;
			err = dump_chain(d, b, c, &at);
			if (err)
				return err;
		}
	}
	return 0;
}
