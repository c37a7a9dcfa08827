/* nf_tables: a ruleset as tables, chains and rules, and rules as lists of small expressions over registers (nft(8)).
 *
 * This header is the model: what a ruleset is made of, and the two seams where it grows. An expression (payload, cmp, counter …) is one
 * file in expr/ and a line in nft_expr_list.c; what a message of the netlink side looks like is control/nfnl/'s.
 *
 * **Changing it.** All batons are held for the whole of a batch (control/nfnl/nfnl_batch.c), so no packet sees a ruleset that is half
 * changed. A change is made at once, and leaves a struct nft_trans behind that can undo it; the batch ends in nft_commit(), or in nft_abort(),
 * which undoes them all, last first. What packets run is not the model but each chain's compiled form (struct nft_program), made for the
 * changed chains before the commit: from then on nothing can fail.
 *
 * **Running it.** nft_eval.c. A namespace's packets are handled on its home cpu, so counters, limits and elements made by packets
 * need no lock.
 *
 * linux/netfilter/nf_tables.h has the numbers.
 */
#ifndef NETFILTER_NFT_NFT_H
#define NETFILTER_NFT_NFT_H

#include <linux/netfilter/nf_tables.h>

#include "base/hash.h"
#include "codec/netlink/nl_attr.h"
#include "netfilter/nf.h"

struct nft_chain;
struct nft_ctx;
struct nft_expr;
struct nft_pkt;
struct nft_program;
struct nft_set;

enum {
	NFT_WORDS = 16,		  /* 32-bit words of registers: NFT_REG_1 to 4 are four each, NFT_REG32_00 to 15 one each */
	NFT_VALUE_MAX = 64,	  /* bytes of a value: a set's key */
	NFT_JUMPS = 16,		  /* chains within chains */
	NFT_RULE_EXPRS = 128,	  /* in a rule */
	NFT_REG_IS_VERDICT = 0xff, /* as a register's number: not a word but the verdict */
};

struct nft_verdict {
	s32 code;		  /* NF_ACCEPT … with NF_QUEUE's number, or NFT_CONTINUE … */
	struct nft_chain *chain;  /* of NFT_JUMP and NFT_GOTO */
};
union nft_data {
	u32 w[NFT_VALUE_MAX / 4]; /* as in registers: what comes from packets in the packet's byte order */
	u8 b[NFT_VALUE_MAX];
	struct nft_verdict verdict;
};
struct nft_regs {
	u32 w[NFT_WORDS];
	struct nft_verdict verdict;
};

/* A packet in front of a chain. */
struct nft_pkt {
	struct cpu *cpu;
	struct netns *net;
	struct sk_buff *skb;	  /* data is at the network header, but at NFP_BRIDGE's and NFP_NETDEV's hooks: use `off` */
	const struct hook_state *st;
	u8 family;		  /* NFP_* of the hook */
	u8 l4proto;		  /* valid when l4_known; of IPv6 the last header's */
	bool l4_known;		  /* the network header is whole, and thoff is right */
	u16 fragoff;		  /* bytes; not 0: no transport header is there */
	u32 thoff;		  /* of the transport header, from skb->data */
	const struct nft_chain *base; /* where it began */
	bool traced;		  /* meta nftrace */
};

/* -- what there is -- */

struct nft_table {
	struct list link;	  /* netns_nft.tables, in order of making */
	u8 family;		  /* NFP_* */
	u32 flags;		  /* NFT_TABLE_F_* */
	u32 use;		  /* chains, sets, objects and flowtables in it */
	u64 handle, next_handle;  /* its own; the next of what is in it */
	u32 owner;		  /* port id, with NFT_TABLE_F_OWNER */
	struct list chains, sets, objs, flowtables;
	struct htable chain_names;
	u8 *udata;
	u16 udlen;
	bool gone;		  /* deleted in this batch */
	char name[];
};

struct nft_chain_type {		  /* filter, route, nat */
	const char *name;
	int type;		  /* NFT_CHAIN_T_* of the kernel's order, for tie-breaks: 0 filter, 1 route, 2 nat */
	u8 family;
	u32 hooks;		  /* NFH_* bits it may stand at */
	enum hook_verdict (*fn)(struct cpu *cpu, void *chain, struct sk_buff *skb, const struct hook_state *st);
	int (*begin)(struct netns *net, u8 family); /* before the first chain of the type is registered; NULL: nothing to do */
	void (*end)(struct netns *net, u8 family);
};

struct nft_base {		  /* what a chain at a hook has beyond */
	const struct nft_chain_type *type;
	struct nf_hook hook;
	u8 policy;		  /* NF_ACCEPT, NF_DROP */
	bool registered;
	bool counted;		  /* has counters: NFTA_CHAIN_COUNTERS */
	u64 packets, bytes;	  /* that met the policy */
};

struct nft_chain {
	struct list link;	  /* table's */
	struct hnode node;	  /* table's chain_names */
	struct nft_table *table;
	u64 handle;
	u32 use;		  /* rules in it, and jumps to it */
	u32 nrules;
	u32 id;			  /* NFTA_CHAIN_ID, within the batch that makes it */
	u8 flags;		  /* NFT_CHAIN_* */
	bool bound;		  /* NFT_CHAIN_BINDING: a rule has it */
	bool gone;
	bool dirty;		  /* its program is not its rules' */
	u8 mark;		  /* nft_check.c: seen, being looked at */
	struct list rules;
	struct nft_program *program, *next; /* what packets run; what they will run after the commit */
	struct nft_base *base;	  /* NULL: reached by jumps only */
	u8 *udata;
	u16 udlen;
	char *name;
};

struct nft_rule {
	struct list link;	  /* chain's */
	struct nft_chain *chain;
	u64 handle;
	u32 id;			  /* NFTA_RULE_ID, within the batch */
	u16 udlen;
	bool gone;
	u32 bytes;		  /* of expressions */
	u8 *udata;
	u8 exprs[] __attribute__((aligned(8)));
};

/* -- expressions -- */

enum nft_op { /* how nft_eval.c runs it: by its own code, or by the function */
	NFT_OP_CALL, NFT_OP_CMP, NFT_OP_CMP_FAST, NFT_OP_PAYLOAD, NFT_OP_META, NFT_OP_BITWISE, NFT_OP_COUNTER, NFT_OP_IMMEDIATE,
};
/* What an expression does to what other rules could see; for whoever skips rules that cannot match. */
enum { NFT_EXPR_PURE = 1 /* reads the packet and registers, writes registers and the verdict: nothing else */ };

struct nft_expr {
	const struct nft_expr_ops *ops;
	u64 priv[];		  /* ops->size bytes */
};
#define nft_expr_priv(e) ((void *)(e)->priv)

struct nft_expr_ops {
	const struct nft_expr_type *type;
	u32 size;		  /* of priv */
	u8 op;			  /* enum nft_op */
	u8 flags;		  /* NFT_EXPR_* */
	void (*eval)(const struct nft_expr *e, struct nft_regs *regs, struct nft_pkt *pkt);
	/* priv is zeroed. On failure it cleans up after itself. */
	int (*init)(const struct nft_ctx *ctx, struct nft_expr *e, const struct nl_attrs *a);
	void (*destroy)(struct netns *net, struct nft_expr *e);
	/* Its rule goes (and may come back, when the batch fails) or comes back: uses of chains, sets and objects. */
	void (*deactivate)(struct netns *net, struct nft_expr *e);
	void (*activate)(struct netns *net, struct nft_expr *e);
	void (*fill)(struct nft_expr *e, struct nl_buf *b, bool reset); /* the content of NFTA_EXPR_DATA; reset: counters, after */
	/* ctx->chain: a base chain from which the rule can be reached. NULL: anywhere. */
	int (*validate)(const struct nft_ctx *ctx, const struct nft_expr *e);
	/* For a stateful expression in a set's element: a fresh one like `from`. -ENOMEM. */
	int (*clone)(struct cpu *cpu, struct nft_expr *to, const struct nft_expr *from);
	struct nft_chain *(*jump_to)(const struct nft_expr *e); /* the chain that it leads to, or NULL */
	struct nft_set *(*jump_map)(const struct nft_expr *e); /* the map whose verdicts it gives, or NULL */
};
struct nft_expr_type {
	const char *name;
	u8 family;		  /* NFP_*, 0: any */
	bool stateful;		  /* may be in set elements */
	u8 maxattr;
	const struct nl_policy *policy;
	const struct nft_expr_ops *ops;
	/* For those with several forms. NULL with *err: none for these attributes. */
	const struct nft_expr_ops *(*select)(const struct nft_ctx *ctx, const struct nl_attrs *a, int *err);
};
extern const struct nft_expr_type *const nft_expr_types[]; /* nft_expr_list.c */
extern const struct nft_expr_type nft_immediate_type, nft_cmp_type, nft_range_type, nft_bitwise_type, nft_byteorder_type, nft_payload_type,
	nft_meta_type, nft_counter_type, nft_limit_type, nft_quota_type, nft_last_type, nft_numgen_type, nft_hash_type,
	nft_reject_type, nft_exthdr_type, nft_fib_type;

static inline struct nft_expr *nft_rule_first(const struct nft_rule *r) { return (struct nft_expr *)r->exprs; }
static inline u32 nft_expr_bytes(const struct nft_expr *e) { return (u32)sizeof(*e) + ALIGN_UP(e->ops->size, 8u); }
static inline struct nft_expr *nft_expr_next(const struct nft_expr *e) { return (struct nft_expr *)((u8 *)e + nft_expr_bytes(e)); }
#define nft_rule_for_each(e, r) \
	for (struct nft_expr *e = nft_rule_first(r); (u8 *)e < (r)->exprs + (r)->bytes; e = nft_expr_next(e))

/* One expression from NFTA_LIST_ELEM's content into `e`, which has room for `room` bytes; *bytes: what it takes. NULL e: measures only. */
int nft_expr_parse(const struct nft_ctx *ctx, const struct nlattr *elem, struct nft_expr *e, u32 *bytes);
/* One of its own memory (mem_free), of a stateful type: for sets' elements. -EOPNOTSUPP: not stateful. */
int nft_expr_parse_stateful(const struct nft_ctx *ctx, const struct nlattr *elem, struct nft_expr **out);
void nft_expr_destroy(struct netns *net, struct nft_expr *e);
void nft_expr_fill(struct nft_expr *e, struct nl_buf *b, u16 attr, bool reset); /* NFTA_EXPR_NAME and _DATA in a nest `attr` */

/* -- a request's context -- */

struct nft_ctx {
	struct cpu *cpu;
	struct netns *net;
	struct nft_table *table;
	struct nft_chain *chain;
	struct nl_ext_ack *ack;
	u32 portid, seq;
	u16 flags;		  /* nlmsg_flags */
	u8 family;		  /* nfgen_family */
	u16 *regs_set;		  /* bit per word: what a rule's expressions so far have written; NULL outside of a rule */
};

/* Numbers in attributes are big-endian. */
/* A register of `len` bytes that is read: its first word. -EINVAL, -ERANGE (too long for what is left of the registers), -ENODATA (nothing
 * has written it). */
int nft_parse_sreg(const struct nft_ctx *ctx, const struct nlattr *a, u8 *reg, u32 len);
/* One that is written. verdict: the register must be NFT_REG_VERDICT; else it must not. */
int nft_parse_dreg(const struct nft_ctx *ctx, const struct nlattr *a, u8 *reg, u32 len, bool verdict);
void nft_put_reg(struct nl_buf *b, u16 attr, u8 reg);
/* NFTA_DATA_VALUE of at most `max` bytes, or NFTA_DATA_VERDICT when verdict is allowed (*len is then 0, *is_verdict true). A jump holds its chain:
 * nft_data_put. */
int nft_parse_data(const struct nft_ctx *ctx, const struct nlattr *a, union nft_data *d, u32 *len, u32 max, bool *is_verdict);
void nft_data_hold(const union nft_data *d, bool is_verdict);
void nft_data_put(const union nft_data *d, bool is_verdict);
void nft_put_data(struct nl_buf *b, u16 attr, const union nft_data *d, u32 len, bool is_verdict);
/* A be32 that must fit a u8. -EINVAL, -ERANGE. */
int nft_parse_u8(const struct nlattr *a, u32 max, u8 *out);

/* -- changes that can be undone -- */

struct nft_trans {
	struct list link;	  /* netns_nft.trans */
	u16 msg;		  /* NFT_MSG_*: what is told to listeners */
	u16 flags;		  /* of the request */
	u32 portid, seq;
	u8 family;
	struct nft_table *table;
	struct nft_chain *chain;
	struct nft_rule *rule;
	struct nft_set *set;
	void *obj;		  /* element, object, flowtable */
	void (*commit)(struct netns *net, struct nft_trans *t); /* after listeners were told; may be NULL */
	void (*abort)(struct netns *net, struct nft_trans *t);
	u64 priv[];
};
/* A zeroed one of sizeof(struct nft_trans) + extra bytes, linked last. NULL: no memory, and nothing may be changed. */
struct nft_trans *nft_trans_new(const struct nft_ctx *ctx, u16 msg, size_t extra, void (*commit)(struct netns *, struct nft_trans *),
				void (*abort)(struct netns *, struct nft_trans *));

/* Checks what the batch made (loops, depth, where expressions may stand), compiles. 0; -EMLINK, -ENOMEM, an expression's error:
 * then nft_abort() is due. */
int nft_prepare(struct cpu *cpu, struct netns *net, struct nl_ext_ack *ack);
/* Cannot fail. tell: called for each change in turn, before its leavings are freed. */
void nft_commit(struct cpu *cpu, struct netns *net, void (*tell)(void *arg, struct nft_trans *t), void *arg);
void nft_abort(struct netns *net);

/* Each checks, changes, and leaves a trans; errors name the attribute through ctx->ack where they have `a`. */
struct nft_table *nft_table_find(struct netns *net, u8 family, const char *name);
int nft_table_add(struct nft_ctx *ctx, const char *name, u32 flags, const void *udata, u16 udlen);
int nft_table_update(struct nft_ctx *ctx, u32 flags);
int nft_table_del(struct nft_ctx *ctx); /* ctx->table, with all that is in it */
struct nft_chain *nft_chain_find(const struct nft_table *t, const char *name);
struct nft_chain *nft_chain_by_handle(const struct nft_table *t, u64 handle);
struct nft_chain_spec {
	const char *name;	  /* NULL: one is made up */
	const struct nft_chain_type *type; /* NULL: not at a hook */
	u8 hook;
	s32 priority;
	int policy;		  /* -1: not said */
	u8 flags;
	u32 id;
	bool counted;
	u64 packets, bytes;
	const void *udata;
	u16 udlen;
};
int nft_chain_add(struct nft_ctx *ctx, const struct nft_chain_spec *s, struct nft_chain **out);
int nft_chain_update(struct nft_ctx *ctx, const struct nft_chain_spec *s); /* policy, counters, name */
int nft_chain_del(struct nft_ctx *ctx); /* -EBUSY: somebody jumps to it */
const struct nft_chain_type *nft_chain_type_find(u8 family, const char *name);
struct nft_rule *nft_rule_find(const struct nft_chain *c, u64 handle);
/* A rule that is not in a chain yet, from NFTA_RULE_EXPRESSIONS (NULL: none). */
int nft_rule_new(struct nft_ctx *ctx, const struct nlattr *exprs, const void *udata, u16 udlen, struct nft_rule **out);
/* Puts it, with its handle, after `at`, or before; NULL: at the end, at the front. `r` is the chain's from now on. */
int nft_rule_add(struct nft_ctx *ctx, struct nft_rule *r, struct nft_rule *at, bool after);
int nft_rule_del(struct nft_ctx *ctx, struct nft_rule *r);
void nft_rule_free(struct netns *net, struct nft_rule *r); /* of one that was never added */

/* -- programs -- */

struct nft_program {
	u32 count;
	const struct nft_rule *rule[];
};
int nft_compile(struct netns *net, struct nft_chain *c); /* into c->next. -ENOMEM */
/* nft_check.c: loops, depth, and where expressions may stand, in all that can be reached from chains at hooks. */
int nft_check(struct cpu *cpu, struct netns *net, struct nl_ext_ack *ack);
/* Runs a base chain. The packet as hook_run's functions leave it. */
enum hook_verdict nft_run(struct nft_pkt *pkt, const struct nft_chain *base);
bool nft_pkt_init(struct nft_pkt *pkt, struct cpu *cpu, struct sk_buff *skb, const struct hook_state *st); /* false: malformed */

struct netns_nft {
	struct list tables, trans;
	u64 next_table_handle;
	u32 gen;		  /* NFTA_GEN_ID: one more with each commit */
	struct netns *net;
};

extern const struct subsys nft_subsys;

#endif
