/* NFT_MSG_NEWSETELEM, DELSETELEM, GETSETELEM: a list of elements of one set. */
#include "control/nfnl/nft_nl.h"
#include "core/cpu.h"
#include "netfilter/nft/nft_obj.h"
#include "netfilter/nft/nft_set.h"

const struct nl_policy nft_elem_list_policy[NFTA_SET_ELEM_LIST_MAX + 1] = {
	[NFTA_SET_ELEM_LIST_TABLE] = { .type = NLP_STRING, .len = NFT_TABLE_MAXNAMELEN - 1 },
	[NFTA_SET_ELEM_LIST_SET] = { .type = NLP_STRING, .len = NFT_SET_MAXNAMELEN - 1 },
	[NFTA_SET_ELEM_LIST_ELEMENTS] = { .type = NLP_NESTED },
	[NFTA_SET_ELEM_LIST_SET_ID] = { .type = NLP_U32 },
};
static const struct nl_policy elem_policy[NFTA_SET_ELEM_MAX + 1] = {
	[NFTA_SET_ELEM_KEY] = { .type = NLP_NESTED },
	[NFTA_SET_ELEM_DATA] = { .type = NLP_NESTED },
	[NFTA_SET_ELEM_FLAGS] = { .type = NLP_U32 },
	[NFTA_SET_ELEM_TIMEOUT] = { .type = NLP_U64 },
	[NFTA_SET_ELEM_EXPIRATION] = { .type = NLP_U64 },
	[NFTA_SET_ELEM_USERDATA] = { .type = NLP_BINARY, .len = NFT_USERDATA_MAXLEN },
	[NFTA_SET_ELEM_EXPR] = { .type = NLP_NESTED },
	[NFTA_SET_ELEM_OBJREF] = { .type = NLP_STRING, .len = NFT_OBJ_MAXNAMELEN - 1 },
	[NFTA_SET_ELEM_KEY_END] = { .type = NLP_NESTED },
	[NFTA_SET_ELEM_EXPRESSIONS] = { .type = NLP_NESTED },
};

/* An element as a message describes it. */
struct parsed {
	union nft_data key, key_end, data;
	struct nft_elem_spec spec;
	struct nft_expr *own[NFT_SET_EXPRS]; /* made for it: clones are taken of them */
	unsigned nown;
};

static void parsed_fini(struct nft_ctx *ctx, struct parsed *p)
{
	for (unsigned i = 0; i < p->nown; i++) {
		nft_expr_destroy(ctx->net, p->own[i]);
		mem_free(&ctx->net->world->mem, p->own[i]);
	}
}

static int parse_value(struct nft_ctx *ctx, const struct nft_set *s, const struct nlattr *a, union nft_data *d)
{
	u32 len;
	int err = nft_parse_data(ctx, a, d, &len, NFT_VALUE_MAX, NULL);

	return err ? err : len != s->klen ? -EINVAL : 0;
}

static int parse_key(struct nft_ctx *ctx, const struct nft_set *s, const struct nl_attrs *t, struct parsed *p)
{
	u32 flags = t->a[NFTA_SET_ELEM_FLAGS] ? nl_be32(t->a[NFTA_SET_ELEM_FLAGS]) : 0;
	int err;

	if (flags & ~(u32)(NFT_SET_ELEM_INTERVAL_END | NFT_SET_ELEM_CATCHALL))
		return -EOPNOTSUPP;
	if ((flags & NFT_SET_ELEM_INTERVAL_END && !(s->flags & NFT_SET_INTERVAL)) || !t->a[NFTA_SET_ELEM_KEY] != !!(flags & NFT_SET_ELEM_CATCHALL) ||
	    (flags & NFT_SET_ELEM_INTERVAL_END && flags & NFT_SET_ELEM_CATCHALL))
		return -EINVAL;
	p->spec.flags = (u8)flags;
	if (t->a[NFTA_SET_ELEM_KEY]) {
		err = parse_value(ctx, s, t->a[NFTA_SET_ELEM_KEY], &p->key);
		if (err)
			return err;
		p->spec.key = p->key.w;
	}
	if (t->a[NFTA_SET_ELEM_KEY_END]) {
		if (!(s->flags & NFT_SET_INTERVAL))
			return -EINVAL;
		err = parse_value(ctx, s, t->a[NFTA_SET_ELEM_KEY_END], &p->key_end);
		if (err)
			return err;
		p->spec.key_end = p->key_end.w;
	}
	return 0;
}

static int parse_data(struct nft_ctx *ctx, const struct nft_set *s, const struct nl_attrs *t, struct parsed *p)
{
	bool end = p->spec.flags & NFT_SET_ELEM_INTERVAL_END, verdict;
	char name[NFT_OBJ_MAXNAMELEN];
	u32 len;
	int err;

	if (s->flags & NFT_SET_MAP ? !t->a[NFTA_SET_ELEM_DATA] && !end : t->a[NFTA_SET_ELEM_DATA] != NULL)
		return -EINVAL;
	if (s->flags & NFT_SET_OBJECT ? !t->a[NFTA_SET_ELEM_OBJREF] && !end : t->a[NFTA_SET_ELEM_OBJREF] != NULL)
		return -EINVAL;
	if (t->a[NFTA_SET_ELEM_OBJREF]) {
		nl_strcpy(name, sizeof(name), t->a[NFTA_SET_ELEM_OBJREF]);
		p->spec.obj = nft_obj_find(ctx->table, name, s->objtype);
		if (!p->spec.obj)
			return -ENOENT;
	}
	if (!t->a[NFTA_SET_ELEM_DATA])
		return 0;
	err = nft_parse_data(ctx, t->a[NFTA_SET_ELEM_DATA], &p->data, &len, NFT_VALUE_MAX, &verdict);
	if (err)
		return err;
	if (verdict != nft_set_has_verdicts(s) || (!verdict && len != s->dlen))
		return -EINVAL;
	p->spec.data = &p->data;
	return 0;
}

static int parse_time(struct nft_ctx *ctx, const struct nft_set *s, const struct nl_attrs *t, struct parsed *p)
{
	bool end = p->spec.flags & NFT_SET_ELEM_INTERVAL_END;
	u64 left, all = s->timeout;

	if ((t->a[NFTA_SET_ELEM_TIMEOUT] || t->a[NFTA_SET_ELEM_EXPIRATION]) && !(s->flags & NFT_SET_TIMEOUT))
		return -EINVAL;
	if (t->a[NFTA_SET_ELEM_TIMEOUT])
		all = p->spec.timeout = nl_be64(t->a[NFTA_SET_ELEM_TIMEOUT]) * NSEC_PER_MSEC;
	left = all;
	if (t->a[NFTA_SET_ELEM_EXPIRATION]) {
		left = nl_be64(t->a[NFTA_SET_ELEM_EXPIRATION]) * NSEC_PER_MSEC;
		if (!left || left > all)
			return -ERANGE;
	}
	if (s->flags & NFT_SET_TIMEOUT && !end && all)
		p->spec.expires = ctx->cpu->now + left;
	return 0;
}

static int own_expr(struct nft_ctx *ctx, const struct nft_set *s, const struct nlattr *a, struct parsed *p)
{
	int err = p->nown == NFT_SET_EXPRS ? -E2BIG : nft_expr_parse_stateful(ctx, a, &p->own[p->nown]);

	if (err)
		return err;
	p->nown++;
	return s->nexprs && (p->nown > s->nexprs || p->own[p->nown - 1]->ops != s->expr[p->nown - 1]->ops) ? -EOPNOTSUPP : 0;
}

static int parse_exprs(struct nft_ctx *ctx, const struct nft_set *s, const struct nl_attrs *t, struct parsed *p)
{
	const struct nlattr *one;
	int err = 0;

	if (t->a[NFTA_SET_ELEM_EXPR]) {
		err = s->nexprs > 1 ? -EOPNOTSUPP : own_expr(ctx, s, t->a[NFTA_SET_ELEM_EXPR], p);
	} else if (t->a[NFTA_SET_ELEM_EXPRESSIONS]) {
		nl_for_each_nested(one, t->a[NFTA_SET_ELEM_EXPRESSIONS]) {
			err = nl_type(one) == NFTA_LIST_ELEM ? own_expr(ctx, s, one, p) : -EINVAL;
			if (err)
				break;
		}
		if (!err && s->nexprs && s->nexprs != p->nown)
			err = -EOPNOTSUPP;
	} else if (!(p->spec.flags & NFT_SET_ELEM_INTERVAL_END)) {
		p->spec.nexprs = s->nexprs;
		memcpy(p->spec.exprs, s->expr, sizeof(p->spec.exprs));
		return 0;
	}
	p->spec.nexprs = p->nown;
	memcpy(p->spec.exprs, p->own, sizeof(p->spec.exprs));
	return err;
}

static int parse_elem(struct nft_ctx *ctx, const struct nft_set *s, const struct nlattr *a, struct parsed *p)
{
	struct nl_attrs t;
	int err = nl_parse_nested(a, &t, NFTA_SET_ELEM_MAX, elem_policy, false, ctx->ack);

	*p = (struct parsed){ .nown = 0 };
	err = err ? err : parse_key(ctx, s, &t, p);
	if (err)
		return err;
	if (p->spec.flags & NFT_SET_ELEM_INTERVAL_END && (t.a[NFTA_SET_ELEM_DATA] || t.a[NFTA_SET_ELEM_OBJREF] || t.a[NFTA_SET_ELEM_TIMEOUT] ||
	    t.a[NFTA_SET_ELEM_EXPIRATION] || t.a[NFTA_SET_ELEM_USERDATA] || t.a[NFTA_SET_ELEM_EXPR] || t.a[NFTA_SET_ELEM_KEY_END] ||
	    t.a[NFTA_SET_ELEM_EXPRESSIONS]))
		return -EINVAL;
	err = parse_data(ctx, s, &t, p);
	err = err ? err : parse_time(ctx, s, &t, p);
	err = err ? err : parse_exprs(ctx, s, &t, p);
	if (t.a[NFTA_SET_ELEM_USERDATA]) {
		p->spec.udata = nl_data(t.a[NFTA_SET_ELEM_USERDATA]);
		p->spec.udlen = nl_len(t.a[NFTA_SET_ELEM_USERDATA]);
	}
	return err;
}

/* The same data: then adding it again is nothing new. */
static bool same_data(const struct nft_set *s, const struct nft_elem *a, const struct nft_elem *b)
{
	if (!a->data != !b->data || a->obj != b->obj)
		return false;
	return !a->data || !memcmp(nft_elem_data(a), nft_elem_data(b), nft_set_has_verdicts(s) ? sizeof(struct nft_verdict) : s->dlen);
}

static int add_one(struct nft_ctx *ctx, struct nft_set *s, const struct nlattr *a)
{
	struct nft_elem *e, *old = NULL;
	struct parsed p;
	int err = parse_elem(ctx, s, a, &p);

	err = err ? err : nft_elem_new(ctx->cpu, s, &p.spec, &e);
	parsed_fini(ctx, &p);
	if (err)
		return err;
	err = nft_elem_add(ctx, s, e, &old);
	if (!err)
		return 0;
	if (err == -EEXIST) {
		if (!same_data(s, old, e))
			err = -EBUSY; /* Linux's word for the same key with other data */
		else if (!(ctx->flags & NLM_F_EXCL))
			err = 0;
	} else if (err == -ENOTEMPTY) {
		err = -EEXIST;
	}
	nft_elem_free(s, e);
	return err == -EBUSY ? -EEXIST : err;
}

static int set_of(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a, bool change, struct nft_ctx *ctx, struct nft_set **s)
{
	int err = nft_nl_table(rq, m->nfgen_family, a->a[NFTA_SET_ELEM_LIST_TABLE], change, &ctx->table);

	if (err)
		return err;
	err = nft_set_of(ctx, a->a[NFTA_SET_ELEM_LIST_SET], a->a[NFTA_SET_ELEM_LIST_SET_ID], s);
	if (err)
		NFNL_BAD_ATTR(rq, a->a[NFTA_SET_ELEM_LIST_SET]);
	return err;
}

static bool is_fixed(const struct nft_set *s) { return s->use && s->flags & (NFT_SET_CONSTANT | NFT_SET_ANONYMOUS); }

int nft_nl_newelem(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a)
{
	struct nft_ctx ctx = nft_ctx_of(rq, m);
	const struct nlattr *one;
	struct nft_set *s = NULL;
	int err;

	if (!a->a[NFTA_SET_ELEM_LIST_ELEMENTS])
		return -EINVAL;
	err = set_of(rq, m, a, true, &ctx, &s);
	if (err)
		return err;
	if (is_fixed(s))
		return -EBUSY;
	nl_for_each_nested(one, a->a[NFTA_SET_ELEM_LIST_ELEMENTS]) {
		err = add_one(&ctx, s, one);
		if (err) {
			NFNL_BAD_ATTR(rq, one);
			return err;
		}
	}
	return 0;
}

static struct nft_elem *find_elem(const struct nft_set *s, const struct parsed *p)
{
	if (p->spec.flags & NFT_SET_ELEM_CATCHALL)
		return list_empty(&s->catchall) ? NULL : list_first(&s->catchall, struct nft_elem, link);
	return s->ops->find(s, p->spec.key, p->spec.key_end, p->spec.flags);
}

static int key_only(struct nft_ctx *ctx, const struct nft_set *s, const struct nlattr *a, struct parsed *p)
{
	struct nl_attrs t;
	int err = nl_parse_nested(a, &t, NFTA_SET_ELEM_MAX, elem_policy, false, ctx->ack);

	*p = (struct parsed){ .nown = 0 };
	return err ? err : parse_key(ctx, s, &t, p);
}

int nft_nl_delelem(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a)
{
	struct nft_ctx ctx = nft_ctx_of(rq, m);
	const struct nlattr *one;
	struct nft_set *s = NULL;
	struct nft_elem *e;
	struct parsed p;
	int err = set_of(rq, m, a, true, &ctx, &s);

	if (err)
		return err == -ENOENT && nft_is_destroy(rq) ? 0 : err;
	if (s->flags & NFT_SET_ANONYMOUS)
		return -EOPNOTSUPP;
	if (is_fixed(s))
		return -EBUSY;
	if (!a->a[NFTA_SET_ELEM_LIST_ELEMENTS])
		return nft_elem_flush(&ctx, s);
	nl_for_each_nested(one, a->a[NFTA_SET_ELEM_LIST_ELEMENTS]) {
		err = key_only(&ctx, s, one, &p);
		e = err ? NULL : find_elem(s, &p);
		if (!err)
			err = e && !nft_elem_expired(e, rq->cpu->now) ? nft_elem_del(&ctx, s, e) : -ENOENT;
		if (err == -ENOENT && nft_is_destroy(rq))
			continue;
		if (err) {
			NFNL_BAD_ATTR(rq, one);
			return err;
		}
	}
	return 0;
}

/* -- telling -- */

static void fill_elem(struct nl_buf *b, const struct nft_set *s, struct nft_elem *e, u64 now, bool reset)
{
	size_t nest = nl_nest(b, NFTA_LIST_ELEM), list;
	union nft_data d = { .w = { 0 } };
	bool verdict = nft_set_has_verdicts(s);
	unsigned n = 0;

	if (!(e->flags & NFT_SET_ELEM_CATCHALL)) {
		memcpy(d.b, e->key, s->klen);
		nft_put_data(b, NFTA_SET_ELEM_KEY, &d, s->klen, false);
	}
	if (e->key_end) {
		memcpy(d.b, nft_elem_key_end(e), s->klen);
		nft_put_data(b, NFTA_SET_ELEM_KEY_END, &d, s->klen, false);
	}
	if (e->data) {
		memcpy(&d, nft_elem_data(e), verdict ? sizeof(struct nft_verdict) : s->dlen);
		nft_put_data(b, NFTA_SET_ELEM_DATA, &d, s->dlen, verdict);
	}
	nft_elem_for_each_expr(x, e)
		n++;
	list = n > 1 ? nl_nest(b, NFTA_SET_ELEM_EXPRESSIONS) : 0;
	nft_elem_for_each_expr(x, e)
		nft_expr_fill(x, b, n > 1 ? NFTA_LIST_ELEM : NFTA_SET_ELEM_EXPR, reset);
	if (n > 1)
		nl_nest_end(b, list);
	if (e->obj)
		nl_put_str(b, NFTA_SET_ELEM_OBJREF, e->obj->name);
	if (e->flags)
		nl_put_be32(b, NFTA_SET_ELEM_FLAGS, e->flags);
	if (e->timeout && e->timeout != s->timeout)
		nl_put_be64(b, NFTA_SET_ELEM_TIMEOUT, e->timeout / NSEC_PER_MSEC);
	if (e->expires)
		nl_put_be64(b, NFTA_SET_ELEM_EXPIRATION, e->expires > now ? (e->expires - now) / NSEC_PER_MSEC : 0);
	if (e->udata)
		nl_put(b, NFTA_SET_ELEM_USERDATA, (const u8 *)e + e->udata, e->udlen);
	nl_nest_end(b, nest);
}

static void fill_head(struct nl_buf *b, const struct nft_set *s)
{
	nl_put_str(b, NFTA_SET_ELEM_LIST_TABLE, s->table->name);
	nl_put_str(b, NFTA_SET_ELEM_LIST_SET, s->name);
}

void nft_fill_elem(struct nl_buf *b, const struct nft_set *s, struct nft_elem *e, u64 now)
{
	size_t nest;

	fill_head(b, s);
	nest = nl_nest(b, NFTA_SET_ELEM_LIST_ELEMENTS);
	fill_elem(b, s, e, now, false);
	nl_nest_end(b, nest);
}

static int get_one(struct nl_request *rq, struct nft_ctx *ctx, struct nft_set *s, const struct nlattr *a)
{
	struct nft_elem *e;
	struct parsed p;
	struct nl_buf b;
	int err = key_only(ctx, s, a, &p);

	if (err)
		return err;
	e = s->ops->get && p.spec.key ? s->ops->get(s, p.spec.key, p.spec.key_end, p.spec.flags) : find_elem(s, &p);
	if (!e || nft_elem_expired(e, rq->cpu->now))
		return -ENOENT;
	nl_buf_init(&b, cpu_mem(rq->cpu), 0);
	if (nfnl_reply(rq, &b, NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWSETELEM, s->table->family, nft_res_id(rq->net)))
		nft_fill_elem(&b, s, e, rq->cpu->now);
	err = nl_end(&b);
	err = err ? err : nl_unicast(rq, &b);
	nl_buf_fini(&b);
	return err;
}

int nft_nl_getelem(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a)
{
	struct nft_ctx ctx = nft_ctx_of(rq, m);
	const struct nlattr *one;
	struct nft_set *s = NULL;
	int err = set_of(rq, m, a, false, &ctx, &s);

	if (err)
		return err;
	if (!a->a[NFTA_SET_ELEM_LIST_ELEMENTS])
		return -EINVAL;
	nl_for_each_nested(one, a->a[NFTA_SET_ELEM_LIST_ELEMENTS]) {
		err = get_one(rq, &ctx, s, one);
		if (err) {
			NFNL_BAD_ATTR(rq, one);
			return err;
		}
	}
	return 0;
}

/* One message of as many elements as fit; what did not fit begins the next. */
int nft_nl_dumpelems(struct nl_dump *d, struct nl_buf *b)
{
	bool reset = NFNL_MSG_TYPE(d->req->nlmsg_type) == NFT_MSG_GETSETELEM_RESET_;
	struct nft_ctx ctx = { .net = d->net, .cpu = d->cpu, .ack = d->ack, .family = nfnl_dump_family(d) };
	char name[NFT_TABLE_MAXNAMELEN];
	struct nft_set *s = NULL;
	struct nft_elem *e;
	struct nl_attrs a;
	u64 at = 0, cursor = 0;
	size_t nest, before, first;
	int err = nfnl_dump_attrs(d, &a, NFTA_SET_ELEM_LIST_MAX, nft_elem_list_policy);

	if (err)
		return err;
	if (!a.a[NFTA_SET_ELEM_LIST_TABLE])
		return -EINVAL;
	nl_strcpy(name, sizeof(name), a.a[NFTA_SET_ELEM_LIST_TABLE]);
	ctx.table = nft_table_find(d->net, ctx.family, name);
	err = ctx.table ? nft_set_of(&ctx, a.a[NFTA_SET_ELEM_LIST_SET], NULL, &s) : -ENOENT;
	if (err)
		return err;
	nft_dump_gen(d);
	if (!nfnl_dump_msg(d, b, NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWSETELEM, ctx.table->family, nft_res_id(d->net)))
		return 1;
	fill_head(b, s);
	nest = nl_nest(b, NFTA_SET_ELEM_LIST_ELEMENTS);
	first = b->len;
	for (e = nft_set_walk(s, &cursor, NULL); e; e = nft_set_walk(s, &cursor, e)) {
		if (at++ < d->arg[0])
			continue;
		if (!nft_elem_expired(e, d->cpu->now)) {
			before = b->len;
			fill_elem(b, s, e, d->cpu->now, false);
			if (b->err == -EMSGSIZE && before > first) { /* this one comes next time */
				b->len = before;
				b->err = 0;
				nl_nest_end(b, nest);
				nl_end(b);
				return 1;
			}
			if (reset && !b->err)
				nft_elem_for_each_expr(x, e) {
					struct nl_buf scratch;
					nl_buf_init(&scratch, &d->net->world->mem, 1);
					x->ops->fill(x, &scratch, true);
					nl_buf_fini(&scratch);
				}
		}
		d->arg[0] = at;
	}
	nl_nest_end(b, nest);
	return nl_end(b) ? 1 : 0;
}
