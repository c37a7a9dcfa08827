/* NFT_MSG_NEWCHAIN, DELCHAIN, GETCHAIN. A NEWCHAIN for one that is there changes its policy, counters or name. */
#include "control/nfnl/nft_nl.h"

const struct nl_policy nft_chain_policy[NFTA_CHAIN_MAX + 1] = {
	[NFTA_CHAIN_TABLE] = { .type = NLP_STRING, .len = NFT_TABLE_MAXNAMELEN - 1 },
	[NFTA_CHAIN_HANDLE] = { .type = NLP_U64 },
	[NFTA_CHAIN_NAME] = { .type = NLP_STRING, .len = NFT_CHAIN_MAXNAMELEN - 1 },
	[NFTA_CHAIN_HOOK] = { .type = NLP_NESTED },
	[NFTA_CHAIN_POLICY] = { .type = NLP_U32 },
	[NFTA_CHAIN_TYPE] = { .type = NLP_STRING, .len = 127 },
	[NFTA_CHAIN_COUNTERS] = { .type = NLP_NESTED },
	[NFTA_CHAIN_FLAGS] = { .type = NLP_U32 },
	[NFTA_CHAIN_ID] = { .type = NLP_U32 },
	[NFTA_CHAIN_USERDATA] = { .type = NLP_BINARY, .len = NFT_USERDATA_MAXLEN },
};

/* ARP numbers its hooks by itself. */
static int hook_from(u8 family, u32 num)
{
	if (family == NFP_ARP)
		return num == 0 ? NFH_LOCAL_IN : num == 1 ? NFH_LOCAL_OUT : -1;
	return num < NFH_MAX ? (int)num : -1;
}

static u32 hook_to(u8 family, u8 hook)
{
	if (family == NFP_ARP)
		return hook == NFH_LOCAL_OUT;
	return hook;
}

static int parse_counters(struct nl_request *rq, const struct nlattr *a, struct nft_chain_spec *s)
{
	static const struct nl_policy policy[NFTA_COUNTER_MAX + 1] = {
		[NFTA_COUNTER_PACKETS] = { .type = NLP_U64 },
		[NFTA_COUNTER_BYTES] = { .type = NLP_U64 },
	};
	struct nl_attrs t;
	int err = nl_parse_nested(a, &t, NFTA_COUNTER_MAX, policy, false, rq->ack);

	if (err)
		return err;
	if (!t.a[NFTA_COUNTER_BYTES] || !t.a[NFTA_COUNTER_PACKETS])
		return -EINVAL;
	s->counted = true;
	s->bytes = nl_be64(t.a[NFTA_COUNTER_BYTES]);
	s->packets = nl_be64(t.a[NFTA_COUNTER_PACKETS]);
	return 0;
}

/* The type and place that a message describes; old: of a chain that is there, whose own must be the same. */
static int parse_hook(struct nl_request *rq, u8 family, const struct nl_attrs *a, const struct nft_chain *old, struct nft_chain_spec *s)
{
	static const struct nl_policy policy[NFTA_HOOK_MAX + 1] = {
		[NFTA_HOOK_HOOKNUM] = { .type = NLP_U32 },
		[NFTA_HOOK_PRIORITY] = { .type = NLP_U32 },
		[NFTA_HOOK_DEV] = { .type = NLP_STRING, .len = 15 },
		[NFTA_HOOK_DEVS] = { .type = NLP_NESTED },
	};
	struct nl_attrs h;
	char type[128] = "";
	int hook, err = nl_parse_nested(a->a[NFTA_CHAIN_HOOK], &h, NFTA_HOOK_MAX, policy, false, rq->ack);

	if (err)
		return err;
	if (!h.a[NFTA_HOOK_HOOKNUM] || !h.a[NFTA_HOOK_PRIORITY]) {
		if (old && old->base) {
			s->type = old->base->type;
			s->hook = old->base->hook.hook;
			s->priority = old->base->hook.priority;
			return 0;
		}
		NFNL_BAD_ATTR(rq, a->a[NFTA_CHAIN_NAME]);
		return -ENOENT;
	}
	if (a->a[NFTA_CHAIN_TYPE])
		nl_strcpy(type, sizeof(type), a->a[NFTA_CHAIN_TYPE]);
	s->type = nft_chain_type_find(family, *type ? type : NULL);
	if (!s->type) {
		if (!*type)
			return -EOPNOTSUPP;
		NFNL_BAD_ATTR(rq, a->a[NFTA_CHAIN_TYPE]);
		return -ENOENT;
	}
	hook = hook_from(family, nl_be32(h.a[NFTA_HOOK_HOOKNUM]));
	if (hook < 0 || !(s->type->hooks & BIT(hook)))
		return -EOPNOTSUPP;
	s->hook = (u8)hook;
	s->priority = (s32)nl_be32(h.a[NFTA_HOOK_PRIORITY]);
	if (s->type->type == 2 && s->priority <= NF_IP_PRI_CONNTRACK)
		return -EOPNOTSUPP;
	return h.a[NFTA_HOOK_DEV] || h.a[NFTA_HOOK_DEVS] ? -EOPNOTSUPP : 0;
}

static int parse_policy(struct nl_request *rq, const struct nl_attrs *a, const struct nft_chain *c, struct nft_chain_spec *s)
{
	u32 policy;

	s->policy = -1;
	if (!a->a[NFTA_CHAIN_POLICY])
		return 0;
	if (c ? !c->base : !a->a[NFTA_CHAIN_HOOK]) {
		NFNL_BAD_ATTR(rq, a->a[NFTA_CHAIN_POLICY]);
		return -EOPNOTSUPP;
	}
	policy = nl_be32(a->a[NFTA_CHAIN_POLICY]);
	if (policy != NF_ACCEPT && policy != NF_DROP)
		return -EINVAL;
	s->policy = (int)policy;
	return 0;
}

static int update(struct nl_request *rq, struct nft_ctx *ctx, const struct nl_attrs *a, struct nft_chain_spec *s)
{
	struct nft_chain *c = ctx->chain;
	struct nft_chain_spec at = *s;
	int err;

	if (ctx->flags & NLM_F_EXCL) {
		NFNL_BAD_ATTR(rq, a->a[NFTA_CHAIN_NAME] ? a->a[NFTA_CHAIN_NAME] : a->a[NFTA_CHAIN_HANDLE]);
		return -EEXIST;
	}
	if (ctx->flags & NLM_F_REPLACE)
		return -EOPNOTSUPP;
	if ((c->flags ^ s->flags) & ~(u32)NFT_CHAIN_BASE)
		return -EOPNOTSUPP;
	if (a->a[NFTA_CHAIN_HOOK]) {
		if (!c->base) {
			NFNL_BAD_ATTR(rq, a->a[NFTA_CHAIN_NAME]);
			return -EEXIST;
		}
		err = parse_hook(rq, ctx->table->family, a, c, &at);
		if (err)
			return err;
		if (at.type != c->base->type) {
			NFNL_BAD_ATTR(rq, a->a[NFTA_CHAIN_NAME]);
			return -EEXIST;
		}
		if (at.hook != c->base->hook.hook || at.priority != c->base->hook.priority)
			return -EOPNOTSUPP;
	}
	if (s->counted && !c->base)
		return -EOPNOTSUPP;
	if (!a->a[NFTA_CHAIN_HANDLE])
		s->name = NULL; /* it was found by it */
	err = nft_chain_update(ctx, s);
	if (err == -EEXIST)
		NFNL_BAD_ATTR(rq, a->a[NFTA_CHAIN_NAME]);
	return err;
}

int nft_nl_newchain(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a)
{
	const struct nlattr *ud = a->a[NFTA_CHAIN_USERDATA];
	struct nft_ctx ctx = nft_ctx_of(rq, m);
	struct nft_chain_spec s = { .policy = -1 };
	char name[NFT_CHAIN_MAXNAMELEN];
	struct nft_chain *c;
	int err = nft_nl_table(rq, m->nfgen_family, a->a[NFTA_CHAIN_TABLE], true, &ctx.table);

	if (err)
		return err;
	if (a->a[NFTA_CHAIN_NAME]) {
		nl_strcpy(name, sizeof(name), a->a[NFTA_CHAIN_NAME]);
		s.name = name;
	}
	if (a->a[NFTA_CHAIN_HANDLE]) {
		ctx.chain = nft_chain_by_handle(ctx.table, nl_be64(a->a[NFTA_CHAIN_HANDLE]));
		if (!ctx.chain) {
			NFNL_BAD_ATTR(rq, a->a[NFTA_CHAIN_HANDLE]);
			return -ENOENT;
		}
	} else if (s.name) {
		ctx.chain = nft_chain_find(ctx.table, name);
	} else if (!a->a[NFTA_CHAIN_ID]) {
		return -EINVAL;
	}
	err = parse_policy(rq, a, ctx.chain, &s);
	if (err)
		return err;
	if (a->a[NFTA_CHAIN_FLAGS])
		s.flags = (u8)nl_be32(a->a[NFTA_CHAIN_FLAGS]);
	else if (ctx.chain)
		s.flags = ctx.chain->flags;
	if ((a->a[NFTA_CHAIN_FLAGS] && nl_be32(a->a[NFTA_CHAIN_FLAGS]) & ~(u32)NFT_CHAIN_FLAGS) || s.flags & NFT_CHAIN_HW_OFFLOAD)
		return -EOPNOTSUPP;
	if (a->a[NFTA_CHAIN_COUNTERS] && (err = parse_counters(rq, a->a[NFTA_CHAIN_COUNTERS], &s)))
		return err;
	if (ctx.chain)
		return update(rq, &ctx, a, &s);
	s.id = a->a[NFTA_CHAIN_ID] ? nl_be32(a->a[NFTA_CHAIN_ID]) : 0;
	s.udata = ud ? nl_data(ud) : NULL;
	s.udlen = ud ? nl_len(ud) : 0;
	if (a->a[NFTA_CHAIN_HOOK]) {
		if (s.flags & NFT_CHAIN_BINDING)
			return -EOPNOTSUPP;
		err = parse_hook(rq, ctx.table->family, a, NULL, &s);
		if (err)
			return err;
	} else if (s.flags & NFT_CHAIN_BASE) {
		return -EINVAL;
	} else if (!s.name && !(s.flags & NFT_CHAIN_BINDING)) {
		return -EINVAL;
	}
	return nft_chain_add(&ctx, &s, &c);
}

int nft_nl_delchain(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a)
{
	const struct nlattr *by = a->a[NFTA_CHAIN_HANDLE] ? a->a[NFTA_CHAIN_HANDLE] : a->a[NFTA_CHAIN_NAME];
	struct nft_ctx ctx = nft_ctx_of(rq, m);
	char name[NFT_CHAIN_MAXNAMELEN];
	struct nft_rule *r;
	int err = nft_nl_table(rq, m->nfgen_family, a->a[NFTA_CHAIN_TABLE], true, &ctx.table);

	if (err)
		return err;
	if (!by)
		return -EINVAL;
	if (a->a[NFTA_CHAIN_HANDLE]) {
		ctx.chain = nft_chain_by_handle(ctx.table, nl_be64(by));
	} else {
		nl_strcpy(name, sizeof(name), by);
		ctx.chain = nft_chain_find(ctx.table, name);
	}
	if (!ctx.chain) {
		if (nft_is_destroy(rq))
			return 0;
		NFNL_BAD_ATTR(rq, by);
		return -ENOENT;
	}
	if (ctx.flags & NLM_F_NONREC && ctx.chain->use)
		return -EBUSY;
	list_for_each (r, &ctx.chain->rules, link) {
		if (!r->gone && (err = nft_rule_del(&ctx, r)))
			return err;
	}
	err = nft_chain_del(&ctx);
	if (err == -EBUSY)
		NFNL_BAD_ATTR(rq, by);
	return err;
}

static void fill_base(struct nl_buf *b, const struct nft_chain *c)
{
	const struct nft_base *base = c->base;
	size_t nest = nl_nest(b, NFTA_CHAIN_HOOK);

	nl_put_be32(b, NFTA_HOOK_HOOKNUM, hook_to(c->table->family, base->hook.hook));
	nl_put_be32(b, NFTA_HOOK_PRIORITY, (u32)base->hook.priority);
	nl_nest_end(b, nest);
	nl_put_be32(b, NFTA_CHAIN_POLICY, base->policy);
	nl_put_str(b, NFTA_CHAIN_TYPE, base->type->name);
	if (!base->counted)
		return;
	nest = nl_nest(b, NFTA_CHAIN_COUNTERS);
	nl_put_be64(b, NFTA_COUNTER_PACKETS, base->packets);
	nl_put_be64(b, NFTA_COUNTER_BYTES, base->bytes);
	nl_nest_end(b, nest);
}

void nft_fill_chain(struct nl_buf *b, const struct nft_chain *c, bool del)
{
	nl_put_str(b, NFTA_CHAIN_TABLE, c->table->name);
	nl_put_str(b, NFTA_CHAIN_NAME, c->name);
	nl_put_be64(b, NFTA_CHAIN_HANDLE, c->handle);
	if (del)
		return;
	if (c->base)
		fill_base(b, c);
	if (c->flags)
		nl_put_be32(b, NFTA_CHAIN_FLAGS, c->flags);
	nl_put_be32(b, NFTA_CHAIN_USE, c->use);
	if (c->udata)
		nl_put(b, NFTA_CHAIN_USERDATA, c->udata, c->udlen);
}

int nft_nl_getchain(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a)
{
	char name[NFT_CHAIN_MAXNAMELEN];
	struct nft_table *t = NULL;
	struct nft_chain *c;
	struct nl_buf b;
	int err = nft_nl_table(rq, m->nfgen_family, a->a[NFTA_CHAIN_TABLE], false, &t);

	if (err)
		return err;
	if (!a->a[NFTA_CHAIN_NAME])
		return -EINVAL;
	nl_strcpy(name, sizeof(name), a->a[NFTA_CHAIN_NAME]);
	c = nft_chain_find(t, name);
	if (!c) {
		NFNL_BAD_ATTR(rq, a->a[NFTA_CHAIN_NAME]);
		return -ENOENT;
	}
	nl_buf_init(&b, cpu_mem(rq->cpu), 0);
	if (nfnl_reply(rq, &b, NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWCHAIN, t->family, nft_res_id(rq->net)))
		nft_fill_chain(&b, c, false);
	err = nl_end(&b);
	err = err ? err : nl_unicast(rq, &b);
	nl_buf_fini(&b);
	return err;
}

int nft_nl_dumpchains(struct nl_dump *d, struct nl_buf *b)
{
	u8 family = nfnl_dump_family(d);
	struct nft_table *t;
	struct nft_chain *c;
	u64 at = 0;

	nft_dump_gen(d);
	list_for_each (t, &d->net->nft->tables, link) {
		if (family && t->family != family)
			continue;
		list_for_each (c, &t->chains, link) {
			if (at++ < d->arg[0])
				continue;
			if (nfnl_dump_msg(d, b, NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWCHAIN, t->family, nft_res_id(d->net)))
				nft_fill_chain(b, c, false);
			if (nl_end(b))
				return 1;
			d->arg[0] = at;
		}
	}
	return 0;
}
