/* NFT_MSG_NEWSET, DELSET, GETSET: sets without their elements (nft_nl_elem.c). */
#include "control/nfnl/nft_nl.h"
#include "netfilter/nft/nft_set.h"

/* Newer than Debian 12's headers; the values are the uapi's. */
enum { SET_TYPE = 0x13, SET_COUNT = 0x14, SET_MAX = 0x14 };
enum { FLAGS_KNOWN = NFT_SET_ANONYMOUS | NFT_SET_CONSTANT | NFT_SET_INTERVAL | NFT_SET_MAP | NFT_SET_TIMEOUT | NFT_SET_EVAL | NFT_SET_OBJECT |
       NFT_SET_CONCAT | NFT_SET_EXPR };

const struct nl_policy nft_set_policy[NFTA_SET_MAX + 1] = {
	[NFTA_SET_TABLE] = { .type = NLP_STRING, .len = NFT_TABLE_MAXNAMELEN - 1 },
	[NFTA_SET_NAME] = { .type = NLP_STRING, .len = NFT_SET_MAXNAMELEN - 1 },
	[NFTA_SET_FLAGS] = { .type = NLP_U32 },
	[NFTA_SET_KEY_TYPE] = { .type = NLP_U32 },
	[NFTA_SET_KEY_LEN] = { .type = NLP_U32 },
	[NFTA_SET_DATA_TYPE] = { .type = NLP_U32 },
	[NFTA_SET_DATA_LEN] = { .type = NLP_U32 },
	[NFTA_SET_POLICY] = { .type = NLP_U32 },
	[NFTA_SET_DESC] = { .type = NLP_NESTED },
	[NFTA_SET_ID] = { .type = NLP_U32 },
	[NFTA_SET_TIMEOUT] = { .type = NLP_U64 },
	[NFTA_SET_GC_INTERVAL] = { .type = NLP_U32 },
	[NFTA_SET_USERDATA] = { .type = NLP_BINARY, .len = NFT_USERDATA_MAXLEN },
	[NFTA_SET_OBJ_TYPE] = { .type = NLP_U32 },
	[NFTA_SET_HANDLE] = { .type = NLP_U64 },
	[NFTA_SET_EXPR] = { .type = NLP_NESTED },
	[NFTA_SET_EXPRESSIONS] = { .type = NLP_NESTED },
};

/* -- a description -- */

static int parse_flags(const struct nl_attrs *a, struct nft_set *s)
{
	s->flags = a->a[NFTA_SET_FLAGS] ? nl_be32(a->a[NFTA_SET_FLAGS]) : 0;
	if (s->flags & ~(u32)FLAGS_KNOWN)
		return -EOPNOTSUPP;
	if ((s->flags & (NFT_SET_MAP | NFT_SET_OBJECT)) == (NFT_SET_MAP | NFT_SET_OBJECT) ||
	    (s->flags & (NFT_SET_EVAL | NFT_SET_OBJECT)) == (NFT_SET_EVAL | NFT_SET_OBJECT) ||
	    (s->flags & (NFT_SET_ANONYMOUS | NFT_SET_TIMEOUT)) == (NFT_SET_ANONYMOUS | NFT_SET_TIMEOUT) ||
	    (s->flags & (NFT_SET_ANONYMOUS | NFT_SET_EVAL)) == (NFT_SET_ANONYMOUS | NFT_SET_EVAL) ||
	    (s->flags & (NFT_SET_CONSTANT | NFT_SET_TIMEOUT)) == (NFT_SET_CONSTANT | NFT_SET_TIMEOUT))
		return -EOPNOTSUPP;
	return 0;
}

static int parse_data_type(const struct nl_attrs *a, struct nft_set *s)
{
	u32 len;

	if (!a->a[NFTA_SET_DATA_TYPE])
		return s->flags & NFT_SET_MAP ? -EINVAL : 0;
	if (!(s->flags & NFT_SET_MAP))
		return -EINVAL;
	s->dtype = nl_be32(a->a[NFTA_SET_DATA_TYPE]);
	if ((s->dtype & NFT_DATA_RESERVED_MASK) == NFT_DATA_RESERVED_MASK && s->dtype != NFT_DATA_VERDICT)
		return -EINVAL;
	if (s->dtype == NFT_DATA_VERDICT)
		return 0;
	if (!a->a[NFTA_SET_DATA_LEN])
		return -EINVAL;
	len = nl_be32(a->a[NFTA_SET_DATA_LEN]);
	if (!len || len > NFT_VALUE_MAX)
		return -EINVAL;
	s->dlen = (u8)len;
	return 0;
}

static int parse_concat(struct nl_request *rq, const struct nlattr *nest, struct nft_set *s)
{
	static const struct nl_policy policy[NFTA_SET_FIELD_MAX + 1] = { [NFTA_SET_FIELD_LEN] = { .type = NLP_U32 } };
	const struct nlattr *one;
	struct nl_attrs t;
	u32 len, sum = 0;
	int err;

	nl_for_each_nested(one, nest) {
		if (nl_type(one) != NFTA_LIST_ELEM || s->nfields == NFT_SET_FIELDS)
			return nl_type(one) == NFTA_LIST_ELEM ? -E2BIG : -EINVAL;
		err = nl_parse_nested(one, &t, NFTA_SET_FIELD_MAX, policy, false, rq->ack);
		if (err)
			return err;
		if (!t.a[NFTA_SET_FIELD_LEN])
			return -EINVAL;
		len = nl_be32(t.a[NFTA_SET_FIELD_LEN]);
		if (!len || len > 255)
			return -EINVAL;
		s->field_len[s->nfields++] = (u8)len;
		sum += ALIGN_UP(len, 4u);
	}
	return s->nfields > 1 && sum != ALIGN_UP((u32)s->klen, 4u) ? -EINVAL : 0;
}

static int parse_desc(struct nl_request *rq, const struct nlattr *nest, struct nft_set *s)
{
	static const struct nl_policy policy[NFTA_SET_DESC_MAX + 1] = {
		[NFTA_SET_DESC_SIZE] = { .type = NLP_U32 },
		[NFTA_SET_DESC_CONCAT] = { .type = NLP_NESTED },
	};
	struct nl_attrs t;
	int err = nl_parse_nested(nest, &t, NFTA_SET_DESC_MAX, policy, false, rq->ack);

	if (err)
		return err;
	if (t.a[NFTA_SET_DESC_SIZE])
		s->size = nl_be32(t.a[NFTA_SET_DESC_SIZE]);
	return t.a[NFTA_SET_DESC_CONCAT] ? parse_concat(rq, t.a[NFTA_SET_DESC_CONCAT], s) : 0;
}

static int parse(struct nl_request *rq, const struct nl_attrs *a, struct nft_set *s)
{
	u32 len;
	int err;

	s->ktype = a->a[NFTA_SET_KEY_TYPE] ? nl_be32(a->a[NFTA_SET_KEY_TYPE]) : NFT_DATA_VALUE;
	if ((s->ktype & NFT_DATA_RESERVED_MASK) == NFT_DATA_RESERVED_MASK)
		return -EINVAL;
	len = nl_be32(a->a[NFTA_SET_KEY_LEN]);
	if (!len || len > NFT_VALUE_MAX)
		return -EINVAL;
	s->klen = (u8)len;
	err = parse_flags(a, s);
	err = err ? err : parse_data_type(a, s);
	if (err)
		return err;
	if (!a->a[NFTA_SET_OBJ_TYPE] != !(s->flags & NFT_SET_OBJECT))
		return -EINVAL;
	if (a->a[NFTA_SET_OBJ_TYPE]) {
		s->objtype = nl_be32(a->a[NFTA_SET_OBJ_TYPE]);
		if (s->objtype == NFT_OBJECT_UNSPEC || s->objtype > NFT_OBJECT_MAX)
			return -EOPNOTSUPP;
	}
	if (a->a[NFTA_SET_TIMEOUT]) {
		if (!(s->flags & NFT_SET_TIMEOUT))
			return -EINVAL;
		s->timeout = nl_be64(a->a[NFTA_SET_TIMEOUT]) * NSEC_PER_MSEC;
	}
	if (a->a[NFTA_SET_GC_INTERVAL]) {
		if (!(s->flags & NFT_SET_TIMEOUT))
			return -EINVAL;
		s->gc_interval_ms = nl_be32(a->a[NFTA_SET_GC_INTERVAL]);
	}
	if (a->a[NFTA_SET_POLICY])
		s->policy = nl_be32(a->a[NFTA_SET_POLICY]);
	return a->a[NFTA_SET_DESC] ? parse_desc(rq, a->a[NFTA_SET_DESC], s) : 0;
}

static void drop_exprs(struct nft_ctx *ctx, struct nft_set *s)
{
	for (unsigned i = 0; i < s->nexprs; i++) {
		nft_expr_destroy(ctx->net, s->expr[i]);
		mem_free(&ctx->net->world->mem, s->expr[i]);
	}
}

static int parse_exprs(struct nft_ctx *ctx, const struct nl_attrs *a, struct nft_set *s)
{
	const struct nlattr *one;
	int err = 0;

	if (a->a[NFTA_SET_EXPR]) {
		err = nft_expr_parse_stateful(ctx, a->a[NFTA_SET_EXPR], &s->expr[0]);
		s->nexprs = !err;
	} else if (a->a[NFTA_SET_EXPRESSIONS]) {
		nl_for_each_nested(one, a->a[NFTA_SET_EXPRESSIONS]) {
			err = s->nexprs == NFT_SET_EXPRS ? -E2BIG : nl_type(one) != NFTA_LIST_ELEM ? -EINVAL :
				nft_expr_parse_stateful(ctx, one, &s->expr[s->nexprs]);
			if (err)
				break;
			s->nexprs++;
		}
	}
	if (err)
		drop_exprs(ctx, s);
	return err;
}

/* -- messages -- */

static bool same(const struct nft_set *a, const struct nft_set *b)
{
	return a->ktype == b->ktype && a->dtype == b->dtype && a->flags == b->flags && a->klen == b->klen && a->dlen == b->dlen && a->objtype == b->objtype &&
	       a->nfields == b->nfields && !memcmp(a->field_len, b->field_len, sizeof(a->field_len));
}

int nft_nl_newset(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a)
{
	const struct nlattr *ud = a->a[NFTA_SET_USERDATA];
	struct nft_ctx ctx = nft_ctx_of(rq, m);
	struct nft_set desc = { .klen = 0 }, *s;
	char name[NFT_SET_MAXNAMELEN];
	int err;

	if (!a->a[NFTA_SET_TABLE] || !a->a[NFTA_SET_NAME] || !a->a[NFTA_SET_KEY_LEN] || !a->a[NFTA_SET_ID])
		return -EINVAL;
	err = parse(rq, a, &desc);
	err = err ? err : nft_nl_table(rq, m->nfgen_family, a->a[NFTA_SET_TABLE], true, &ctx.table);
	if (err)
		return err;
	nl_strcpy(name, sizeof(name), a->a[NFTA_SET_NAME]);
	s = nft_set_find(ctx.table, name);
	if (s) {
		if (ctx.flags & NLM_F_EXCL) {
			NFNL_BAD_ATTR(rq, a->a[NFTA_SET_NAME]);
			return -EEXIST;
		}
		if (ctx.flags & NLM_F_REPLACE)
			return -EOPNOTSUPP;
		if (!same(s, &desc)) {
			NFNL_BAD_ATTR(rq, a->a[NFTA_SET_NAME]);
			return -EEXIST;
		}
		return 0;
	}
	if (!(ctx.flags & NLM_F_CREATE))
		return -ENOENT;
	err = parse_exprs(&ctx, a, &desc);
	if (err)
		return err;
	desc.id = nl_be32(a->a[NFTA_SET_ID]);
	err = nft_set_add(&ctx, &desc, name, ud ? nl_data(ud) : NULL, ud ? nl_len(ud) : 0, &s);
	if (err)
		drop_exprs(&ctx, &desc);
	return err;
}

int nft_nl_delset(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a)
{
	const struct nlattr *by = a->a[NFTA_SET_HANDLE] ? a->a[NFTA_SET_HANDLE] : a->a[NFTA_SET_NAME];
	struct nft_ctx ctx = nft_ctx_of(rq, m);
	char name[NFT_SET_MAXNAMELEN];
	struct nft_set *s;
	int err = nft_nl_table(rq, m->nfgen_family, a->a[NFTA_SET_TABLE], true, &ctx.table);

	if (err)
		return err == -ENOENT && nft_is_destroy(rq) ? 0 : err;
	if (!by)
		return -EINVAL;
	if (a->a[NFTA_SET_HANDLE]) {
		s = nft_set_by_handle(ctx.table, nl_be64(by));
	} else {
		nl_strcpy(name, sizeof(name), by);
		s = nft_set_find(ctx.table, name);
	}
	if (!s) {
		if (nft_is_destroy(rq))
			return 0;
		NFNL_BAD_ATTR(rq, by);
		return -ENOENT;
	}
	err = ctx.flags & NLM_F_NONREC && s->nelems ? -EBUSY : nft_set_del(&ctx, s);
	if (err == -EBUSY)
		NFNL_BAD_ATTR(rq, by);
	return err;
}

/* Boundaries count two and two; one at the lowest value that only ends nothing counts not. */
static u32 count(const struct nft_set *s) { return s->flags & NFT_SET_INTERVAL && s->nfields <= 1 ? s->nelems / 2 : s->nelems; }

static void fill_desc(struct nl_buf *b, const struct nft_set *s)
{
	size_t desc = nl_nest(b, NFTA_SET_DESC), list, one;

	if (s->size)
		nl_put_be32(b, NFTA_SET_DESC_SIZE, s->size);
	if (s->nfields > 1) {
		list = nl_nest(b, NFTA_SET_DESC_CONCAT);
		for (unsigned i = 0; i < s->nfields; i++) {
			one = nl_nest(b, NFTA_LIST_ELEM);
			nl_put_be32(b, NFTA_SET_FIELD_LEN, s->field_len[i]);
			nl_nest_end(b, one);
		}
		nl_nest_end(b, list);
	}
	nl_nest_end(b, desc);
}

void nft_fill_set(struct nl_buf *b, const struct nft_set *s, bool del)
{
	size_t nest;

	nl_put_str(b, NFTA_SET_TABLE, s->table->name);
	nl_put_str(b, NFTA_SET_NAME, s->name);
	nl_put_be64(b, NFTA_SET_HANDLE, s->handle);
	if (del)
		return;
	if (s->flags)
		nl_put_be32(b, NFTA_SET_FLAGS, s->flags);
	nl_put_be32(b, NFTA_SET_KEY_TYPE, s->ktype);
	nl_put_be32(b, NFTA_SET_KEY_LEN, s->klen);
	if (s->flags & NFT_SET_MAP) {
		nl_put_be32(b, NFTA_SET_DATA_TYPE, s->dtype);
		nl_put_be32(b, NFTA_SET_DATA_LEN, s->dtype == NFT_DATA_VERDICT ? (u32)sizeof(struct nft_verdict) : s->dlen);
	}
	if (s->flags & NFT_SET_OBJECT)
		nl_put_be32(b, NFTA_SET_OBJ_TYPE, s->objtype);
	if (s->timeout)
		nl_put_be64(b, NFTA_SET_TIMEOUT, s->timeout / NSEC_PER_MSEC);
	if (s->gc_interval_ms)
		nl_put_be32(b, NFTA_SET_GC_INTERVAL, s->gc_interval_ms);
	if (s->policy != NFT_SET_POL_PERFORMANCE)
		nl_put_be32(b, NFTA_SET_POLICY, s->policy);
	if (s->udata)
		nl_put(b, NFTA_SET_USERDATA, s->udata, s->udlen);
	fill_desc(b, s);
	if (s->nexprs == 1) {
		nft_expr_fill(s->expr[0], b, NFTA_SET_EXPR, false);
	} else if (s->nexprs > 1) {
		nest = nl_nest(b, NFTA_SET_EXPRESSIONS);
		for (unsigned i = 0; i < s->nexprs; i++)
			nft_expr_fill(s->expr[i], b, NFTA_LIST_ELEM, false);
		nl_nest_end(b, nest);
	}
	nl_put_str(b, SET_TYPE, s->ops->name);
	nl_put_be32(b, SET_COUNT, count(s));
}

int nft_nl_getset(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a)
{
	char name[NFT_SET_MAXNAMELEN];
	struct nft_table *t = NULL;
	struct nft_set *s;
	struct nl_buf b;
	int err = nft_nl_table(rq, m->nfgen_family, a->a[NFTA_SET_TABLE], false, &t);

	if (err)
		return err;
	if (!a->a[NFTA_SET_NAME])
		return -EINVAL;
	nl_strcpy(name, sizeof(name), a->a[NFTA_SET_NAME]);
	s = nft_set_find(t, name);
	if (!s) {
		NFNL_BAD_ATTR(rq, a->a[NFTA_SET_NAME]);
		return -ENOENT;
	}
	nl_buf_init(&b, cpu_mem(rq->cpu), 0);
	if (nfnl_reply(rq, &b, NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWSET, t->family, nft_res_id(rq->net)))
		nft_fill_set(&b, s, false);
	err = nl_end(&b);
	err = err ? err : nl_unicast(rq, &b);
	nl_buf_fini(&b);
	return err;
}

int nft_nl_dumpsets(struct nl_dump *d, struct nl_buf *b)
{
	u8 family = nfnl_dump_family(d);
	char table[NFT_TABLE_MAXNAMELEN] = "";
	struct nft_table *t;
	struct nft_set *s;
	struct nl_attrs a;
	u64 at = 0;
	int err = nfnl_dump_attrs(d, &a, NFTA_SET_MAX, nft_set_policy);

	if (err)
		return err;
	if (a.a[NFTA_SET_TABLE])
		nl_strcpy(table, sizeof(table), a.a[NFTA_SET_TABLE]);
	nft_dump_gen(d);
	list_for_each (t, &d->net->nft->tables, link) {
		if ((family && t->family != family) || (*table && strcmp(table, t->name)))
			continue;
		list_for_each (s, &t->sets, link) {
			if (at++ < d->arg[0])
				continue;
			if (nfnl_dump_msg(d, b, NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWSET, t->family, nft_res_id(d->net)))
				nft_fill_set(b, s, false);
			if (nl_end(b))
				return 1;
			d->arg[0] = at;
		}
	}
	return 0;
}
