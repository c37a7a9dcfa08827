/* nf_tables over netlink: the list of its messages, its generation, and what listeners hear after a commit (nft monitor).
 *
 * Each change is told in the order of the batch, to NFNLGRP_NFTABLES, then the new generation. Dumps that a commit runs into are marked
 * as interrupted.
 */
#include "control/nfnl/nft_nl.h"
#include "core/caller.h"
#include "core/cpu.h"

struct nft_ctx nft_ctx_of(struct nl_request *rq, const struct nfgenmsg *m)
{
	return (struct nft_ctx){ .cpu = rq->cpu, .net = rq->net, .ack = rq->ack, .portid = rq->portid, .seq = rq->nlh->nlmsg_seq,
				 .flags = rq->nlh->nlmsg_flags, .family = m->nfgen_family };
}

void nft_dump_gen(struct nl_dump *d) { nl_dump_generation(d, d->net->nft->gen); }

/* -- generations -- */

void nft_fill_gen(struct nl_buf *b, const struct nl_request *rq)
{
	char name[16] = "";

	if (rq->caller && rq->caller->ops->name)
		rq->caller->ops->name(rq->caller, name);
	nl_put_be32(b, NFTA_GEN_ID, rq->net->nft->gen);
	nl_put_be32(b, NFTA_GEN_PROC_PID, rq->caller ? (u32)rq->caller->pid : 0);
	nl_put_str(b, NFTA_GEN_PROC_NAME, name);
}

static int getgen(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a)
{
	struct nl_buf b;
	int err;

	nl_buf_init(&b, cpu_mem(rq->cpu), 0);
	if (nfnl_reply(rq, &b, NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWGEN, NFP_UNSPEC, nft_res_id(rq->net)))
		nft_fill_gen(&b, rq);
	err = nl_end(&b);
	err = err ? err : nl_unicast(rq, &b);
	nl_buf_fini(&b);
	return err;
}

static u32 genid(struct netns *net) { return net->nft->gen; }

/* -- what listeners hear -- */

static void send(struct nl_request *rq, struct nl_buf *b)
{
	if (!nl_end(b))
		nl_multicast(rq->cpu, rq->net, NETLINK_NETFILTER, NFNLGRP_NFTABLES, b, 0);
	nl_buf_fini(b);
}

static u64 handle_before(const struct nft_rule *r)
{
	for (const struct list *n = r->link.prev; n != &r->chain->rules; n = n->prev) {
		const struct nft_rule *p = list_entry(n, struct nft_rule, link);

		if (!p->gone)
			return p->handle;
	}
	return 0;
}

static void tell(void *arg, struct nft_trans *t)
{
	struct nl_request *rq = arg;
	u16 flags = 0;
	struct nl_buf b;

	if (!nl_group_used(rq->net, NETLINK_NETFILTER, NFNLGRP_NFTABLES))
		return;
	if (t->msg == NFT_MSG_NEWTABLE || t->msg == NFT_MSG_NEWCHAIN)
		flags = t->flags & (NLM_F_CREATE | NLM_F_EXCL);
	else if (t->msg == NFT_MSG_NEWRULE)
		flags = (u16)((t->flags & (NLM_F_CREATE | NLM_F_EXCL)) | (t->flags & (NLM_F_APPEND | NLM_F_REPLACE) ? NLM_F_APPEND : 0));
	nl_buf_init(&b, cpu_mem(rq->cpu), 0);
	if (!nfnl_notify(&b, NFNL_SUBSYS_NFTABLES, (u8)t->msg, flags, t->seq, t->portid, t->family, nft_res_id(rq->net)))
		return;
	switch (t->msg) {
	case NFT_MSG_NEWTABLE:
	case NFT_MSG_DELTABLE:
		nft_fill_table(&b, t->table, t->msg == NFT_MSG_DELTABLE);
		break;
	case NFT_MSG_NEWCHAIN:
	case NFT_MSG_DELCHAIN:
		nft_fill_chain(&b, t->chain, t->msg == NFT_MSG_DELCHAIN);
		break;
	case NFT_MSG_NEWRULE:
		nft_fill_rule(&b, t->rule, handle_before(t->rule), false);
		break;
	case NFT_MSG_DELRULE:
		nft_fill_rule(&b, t->rule, 0, false);
		break;
	case NFT_MSG_NEWSET:
	case NFT_MSG_DELSET:
		nft_fill_set(&b, t->set, t->msg == NFT_MSG_DELSET);
		break;
	case NFT_MSG_NEWOBJ:
	case NFT_MSG_DELOBJ:
		nft_fill_obj(&b, t->obj, t->msg == NFT_MSG_DELOBJ, false);
		break;
	case NFT_MSG_NEWSETELEM:
	case NFT_MSG_DELSETELEM:
		nft_fill_elem(&b, t->set, t->obj, rq->cpu->now);
		break;
	}
	send(rq, &b);
}

/* -- batches -- */

static int check(struct nl_request *rq) { return nft_check(rq->cpu, rq->net, rq->ack); }

static int commit(struct nl_request *rq)
{
	struct netns_nft *n = rq->net->nft;
	struct nl_buf b;
	int err;

	if (list_empty(&n->trans))
		return 0;
	err = nft_prepare(rq->cpu, rq->net, rq->ack);
	if (err)
		return err == -ENOMEM ? err : -EAGAIN;
	n->gen++;
	if (!n->gen)
		n->gen = 1;
	nft_commit(rq->cpu, rq->net, tell, rq);
	if (!nl_group_used(rq->net, NETLINK_NETFILTER, NFNLGRP_NFTABLES))
		return 0;
	nl_buf_init(&b, cpu_mem(rq->cpu), 0);
	if (nfnl_notify(&b, NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWGEN, 0, rq->nlh->nlmsg_seq, rq->portid, NFP_UNSPEC, nft_res_id(rq->net)))
		nft_fill_gen(&b, rq);
	send(rq, &b);
	return 0;
}

static void abort_batch(struct nl_request *rq) { nft_abort(rq->net); }

/* -- what is not built yet: empty to those who look, refused to those who make -- */

static int dump_none(struct nl_dump *d, struct nl_buf *b) { return 0; }
static int refuse(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a) { return -EOPNOTSUPP; }
static int find_none(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a) { return -ENOENT; }

static const struct nfnl_op ops[] = {
	{ .msg = NFT_MSG_NEWTABLE, .batch = true, .maxattr = NFTA_TABLE_MAX, .policy = nft_table_policy, .doit = nft_nl_newtable },
	{ .msg = NFT_MSG_GETTABLE, .maxattr = NFTA_TABLE_MAX, .policy = nft_table_policy, .doit = nft_nl_gettable, .dump = nft_nl_dumptables },
	{ .msg = NFT_MSG_DELTABLE, .batch = true, .maxattr = NFTA_TABLE_MAX, .policy = nft_table_policy, .doit = nft_nl_deltable },
	{ .msg = NFT_MSG_DESTROYTABLE_, .batch = true, .maxattr = NFTA_TABLE_MAX, .policy = nft_table_policy, .doit = nft_nl_deltable },
	{ .msg = NFT_MSG_NEWCHAIN, .batch = true, .maxattr = NFTA_CHAIN_MAX, .policy = nft_chain_policy, .doit = nft_nl_newchain },
	{ .msg = NFT_MSG_GETCHAIN, .maxattr = NFTA_CHAIN_MAX, .policy = nft_chain_policy, .doit = nft_nl_getchain, .dump = nft_nl_dumpchains },
	{ .msg = NFT_MSG_DELCHAIN, .batch = true, .maxattr = NFTA_CHAIN_MAX, .policy = nft_chain_policy, .doit = nft_nl_delchain },
	{ .msg = NFT_MSG_DESTROYCHAIN_, .batch = true, .maxattr = NFTA_CHAIN_MAX, .policy = nft_chain_policy, .doit = nft_nl_delchain },
	{ .msg = NFT_MSG_NEWRULE, .batch = true, .maxattr = NFTA_RULE_MAX, .policy = nft_rule_policy, .doit = nft_nl_newrule },
	{ .msg = NFT_MSG_GETRULE, .maxattr = NFTA_RULE_MAX, .policy = nft_rule_policy, .doit = nft_nl_getrule, .dump = nft_nl_dumprules },
	{ .msg = NFT_MSG_GETRULE_RESET_, .maxattr = NFTA_RULE_MAX, .policy = nft_rule_policy, .doit = nft_nl_getrule, .dump = nft_nl_dumprules },
	{ .msg = NFT_MSG_DELRULE, .batch = true, .maxattr = NFTA_RULE_MAX, .policy = nft_rule_policy, .doit = nft_nl_delrule },
	{ .msg = NFT_MSG_DESTROYRULE_, .batch = true, .maxattr = NFTA_RULE_MAX, .policy = nft_rule_policy, .doit = nft_nl_delrule },
	{ .msg = NFT_MSG_NEWSET, .batch = true, .maxattr = NFTA_SET_MAX, .policy = nft_set_policy, .doit = nft_nl_newset },
	{ .msg = NFT_MSG_GETSET, .maxattr = NFTA_SET_MAX, .policy = nft_set_policy, .doit = nft_nl_getset, .dump = nft_nl_dumpsets },
	{ .msg = NFT_MSG_DELSET, .batch = true, .maxattr = NFTA_SET_MAX, .policy = nft_set_policy, .doit = nft_nl_delset },
	{ .msg = NFT_MSG_DESTROYSET_, .batch = true, .maxattr = NFTA_SET_MAX, .policy = nft_set_policy, .doit = nft_nl_delset },
	{ .msg = NFT_MSG_NEWSETELEM, .batch = true, .maxattr = NFTA_SET_ELEM_LIST_MAX, .policy = nft_elem_list_policy, .doit = nft_nl_newelem },
	{ .msg = NFT_MSG_GETSETELEM, .maxattr = NFTA_SET_ELEM_LIST_MAX, .policy = nft_elem_list_policy, .doit = nft_nl_getelem, .dump = nft_nl_dumpelems },
	{ .msg = NFT_MSG_GETSETELEM_RESET_, .maxattr = NFTA_SET_ELEM_LIST_MAX, .policy = nft_elem_list_policy, .doit = nft_nl_getelem, .dump = nft_nl_dumpelems },
	{ .msg = NFT_MSG_DELSETELEM, .batch = true, .maxattr = NFTA_SET_ELEM_LIST_MAX, .policy = nft_elem_list_policy, .doit = nft_nl_delelem },
	{ .msg = NFT_MSG_DESTROYSETELEM_, .batch = true, .maxattr = NFTA_SET_ELEM_LIST_MAX, .policy = nft_elem_list_policy, .doit = nft_nl_delelem },
	{ .msg = NFT_MSG_NEWOBJ, .batch = true, .maxattr = NFTA_OBJ_MAX, .policy = nft_obj_policy, .doit = nft_nl_newobj },
	{ .msg = NFT_MSG_GETOBJ, .maxattr = NFTA_OBJ_MAX, .policy = nft_obj_policy, .doit = nft_nl_getobj, .dump = nft_nl_dumpobjs },
	{ .msg = NFT_MSG_GETOBJ_RESET, .maxattr = NFTA_OBJ_MAX, .policy = nft_obj_policy, .doit = nft_nl_getobj, .dump = nft_nl_dumpobjs },
	{ .msg = NFT_MSG_DELOBJ, .batch = true, .maxattr = NFTA_OBJ_MAX, .policy = nft_obj_policy, .doit = nft_nl_delobj },
	{ .msg = NFT_MSG_DESTROYOBJ_, .batch = true, .maxattr = NFTA_OBJ_MAX, .policy = nft_obj_policy, .doit = nft_nl_delobj },
	{ .msg = NFT_MSG_NEWFLOWTABLE, .batch = true, .doit = refuse },
	{ .msg = NFT_MSG_GETFLOWTABLE, .doit = find_none, .dump = dump_none },
	{ .msg = NFT_MSG_GETGEN, .doit = getgen },
	{ .doit = NULL },
};

const struct nfnl_subsys nfnl_nftables = { .id = NFNL_SUBSYS_NFTABLES, .ops = ops, .genid = genid, .commit = commit, .abort = abort_batch, .check = check };
