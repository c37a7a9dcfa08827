/* NFT_MSG_NEWOBJ, DELOBJ, GETOBJ, GETOBJ_RESET: named counters, quotas and limits. */
#include "control/nfnl/nft_nl.h"
#include "netfilter/nft/nft_obj.h"

const struct nl_policy nft_obj_policy[NFTA_OBJ_MAX + 1] = {
	[NFTA_OBJ_TABLE] = { .type = NLP_STRING, .len = NFT_TABLE_MAXNAMELEN - 1 },
	[NFTA_OBJ_NAME] = { .type = NLP_STRING, .len = NFT_OBJ_MAXNAMELEN - 1 },
	[NFTA_OBJ_TYPE] = { .type = NLP_U32 },
	[NFTA_OBJ_DATA] = { .type = NLP_NESTED },
	[NFTA_OBJ_HANDLE] = { .type = NLP_U64 },
	[NFTA_OBJ_USERDATA] = { .type = NLP_BINARY, .len = NFT_USERDATA_MAXLEN },
};

int nft_nl_newobj(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a)
{
	const struct nlattr *ud = a->a[NFTA_OBJ_USERDATA];
	struct nft_ctx ctx = nft_ctx_of(rq, m);
	const struct nft_expr_type *type;
	struct nl_attrs data;
	char name[NFT_OBJ_MAXNAMELEN];
	struct nft_obj *o;
	int err;

	if (!a->a[NFTA_OBJ_TYPE] || !a->a[NFTA_OBJ_NAME] || !a->a[NFTA_OBJ_DATA])
		return -EINVAL;
	err = nft_nl_table(rq, m->nfgen_family, a->a[NFTA_OBJ_TABLE], true, &ctx.table);
	if (err)
		return err;
	nl_strcpy(name, sizeof(name), a->a[NFTA_OBJ_NAME]);
	o = nft_obj_find(ctx.table, name, nl_be32(a->a[NFTA_OBJ_TYPE]));
	if (o && ctx.flags & NLM_F_EXCL) {
		NFNL_BAD_ATTR(rq, a->a[NFTA_OBJ_NAME]);
		return -EEXIST;
	}
	if (o && ctx.flags & NLM_F_REPLACE)
		return -EOPNOTSUPP;
	type = nft_obj_expr_type(nl_be32(a->a[NFTA_OBJ_TYPE]));
	if (!type)
		return -ENOENT;
	err = nl_parse_nested(a->a[NFTA_OBJ_DATA], &data, type->maxattr, type->policy, false, rq->ack);
	if (err)
		return err;
	if (o)
		return nft_obj_update(&ctx, o, &data);
	return nft_obj_add(&ctx, name, nl_be32(a->a[NFTA_OBJ_TYPE]), &data, ud ? nl_data(ud) : NULL, ud ? nl_len(ud) : 0);
}

/* The object that a request names; it is told when there is none. */
static int obj_of(struct nl_request *rq, const struct nft_table *t, const struct nl_attrs *a, struct nft_obj **out)
{
	const struct nlattr *by = a->a[NFTA_OBJ_HANDLE] ? a->a[NFTA_OBJ_HANDLE] : a->a[NFTA_OBJ_NAME];
	char name[NFT_OBJ_MAXNAMELEN];
	u32 type;

	if (!by || !a->a[NFTA_OBJ_TYPE])
		return -EINVAL;
	type = nl_be32(a->a[NFTA_OBJ_TYPE]);
	if (a->a[NFTA_OBJ_HANDLE]) {
		*out = nft_obj_by_handle(t, nl_be64(by), type);
	} else {
		nl_strcpy(name, sizeof(name), by);
		*out = nft_obj_find(t, name, type);
	}
	if (*out)
		return 0;
	NFNL_BAD_ATTR(rq, by);
	return -ENOENT;
}

int nft_nl_delobj(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a)
{
	struct nft_ctx ctx = nft_ctx_of(rq, m);
	struct nft_obj *o = NULL;
	int err = nft_nl_table(rq, m->nfgen_family, a->a[NFTA_OBJ_TABLE], true, &ctx.table);

	err = err ? err : obj_of(rq, ctx.table, a, &o);
	if (err)
		return err == -ENOENT && nft_is_destroy(rq) ? 0 : err;
	err = nft_obj_del(&ctx, o);
	if (err == -EBUSY)
		NFNL_BAD_ATTR(rq, a->a[NFTA_OBJ_HANDLE] ? a->a[NFTA_OBJ_HANDLE] : a->a[NFTA_OBJ_NAME]);
	return err;
}

void nft_fill_obj(struct nl_buf *b, const struct nft_obj *o, bool del, bool reset)
{
	size_t nest;

	nl_put_str(b, NFTA_OBJ_TABLE, o->table->name);
	nl_put_str(b, NFTA_OBJ_NAME, o->name);
	nl_put_be32(b, NFTA_OBJ_TYPE, o->type);
	nl_put_be64(b, NFTA_OBJ_HANDLE, o->handle);
	if (del)
		return;
	nl_put_be32(b, NFTA_OBJ_USE, o->use);
	nest = nl_nest(b, NFTA_OBJ_DATA);
	o->expr->ops->fill(o->expr, b, reset);
	nl_nest_end(b, nest);
	if (o->udata)
		nl_put(b, NFTA_OBJ_USERDATA, o->udata, o->udlen);
}

int nft_nl_getobj(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a)
{
	struct nft_table *t = NULL;
	struct nft_obj *o = NULL;
	struct nl_buf b;
	int err = nft_nl_table(rq, m->nfgen_family, a->a[NFTA_OBJ_TABLE], false, &t);

	err = err ? err : obj_of(rq, t, a, &o);
	if (err)
		return err;
	nl_buf_init(&b, cpu_mem(rq->cpu), 0);
	if (nfnl_reply(rq, &b, NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWOBJ, t->family, nft_res_id(rq->net)))
		nft_fill_obj(&b, o, false, NFNL_MSG_TYPE(rq->nlh->nlmsg_type) == NFT_MSG_GETOBJ_RESET);
	err = nl_end(&b);
	err = err ? err : nl_unicast(rq, &b);
	nl_buf_fini(&b);
	return err;
}

int nft_nl_dumpobjs(struct nl_dump *d, struct nl_buf *b)
{
	bool reset = NFNL_MSG_TYPE(d->req->nlmsg_type) == NFT_MSG_GETOBJ_RESET;
	u8 family = nfnl_dump_family(d);
	char table[NFT_TABLE_MAXNAMELEN] = "";
	struct nft_table *t;
	struct nft_obj *o;
	struct nl_attrs a;
	u32 type;
	u64 at = 0;
	int err = nfnl_dump_attrs(d, &a, NFTA_OBJ_MAX, nft_obj_policy);

	if (err)
		return err;
	if (a.a[NFTA_OBJ_TABLE])
		nl_strcpy(table, sizeof(table), a.a[NFTA_OBJ_TABLE]);
	type = a.a[NFTA_OBJ_TYPE] ? nl_be32(a.a[NFTA_OBJ_TYPE]) : NFT_OBJECT_UNSPEC;
	nft_dump_gen(d);
	list_for_each (t, &d->net->nft->tables, link) {
		if ((family && t->family != family) || (*table && strcmp(table, t->name)))
			continue;
		list_for_each (o, &t->objs, link) {
			struct nl_buf scratch;

			if ((type && o->type != type) || at++ < d->arg[0])
				continue;
			if (nfnl_dump_msg(d, b, NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWOBJ, t->family, nft_res_id(d->net)))
				nft_fill_obj(b, o, false, false);
			if (nl_end(b))
				return 1;
			if (reset) { /* only what was told is begun anew */
				nl_buf_init(&scratch, &d->net->world->mem, 1);
				o->expr->ops->fill(o->expr, &scratch, true);
				nl_buf_fini(&scratch);
			}
			d->arg[0] = at;
		}
	}
	return 0;
}
