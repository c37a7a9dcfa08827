/* Among the files that speak nf_tables' messages. */
#ifndef CONTROL_NFNL_NFT_NL_H
#define CONTROL_NFNL_NFT_NL_H

#include "control/nfnl/nfnl.h"
#include "netfilter/nft/nft.h"

/* Messages newer than Debian 12's headers; the values are the uapi's. */
enum { NFT_MSG_GETRULE_RESET_ = 25, NFT_MSG_DESTROYTABLE_ = 26, NFT_MSG_DESTROYCHAIN_ = 27, NFT_MSG_DESTROYRULE_ = 28,
       NFT_MSG_DESTROYSET_ = 29, NFT_MSG_DESTROYSETELEM_ = 30, NFT_MSG_DESTROYOBJ_ = 31, NFT_MSG_GETSETELEM_RESET_ = 33 };
#define NFNL_BAD_ATTR(rq, attr) do { (rq)->ack->bad_attr = (attr); } while (0)

static inline u16 nft_res_id(const struct netns *net) { return (u16)net->nft->gen; }
struct nft_ctx nft_ctx_of(struct nl_request *rq, const struct nfgenmsg *m);
static inline bool nft_is_destroy(const struct nl_request *rq) { return NFNL_MSG_TYPE(rq->nlh->nlmsg_type) >= NFT_MSG_DESTROYTABLE_; }
/* The table that an attribute names, for this request: -ENOENT, -EPERM (somebody else's, and the request would change it); the attribute is
 * told. */
int nft_nl_table(struct nl_request *rq, u8 family, const struct nlattr *name, bool change, struct nft_table **out);
/* The count of changes that a dump must not run across. */
void nft_dump_gen(struct nl_dump *d);

/* Each fills one message's attributes. del: of something that goes. */
void nft_fill_table(struct nl_buf *b, const struct nft_table *t, bool del);
void nft_fill_chain(struct nl_buf *b, const struct nft_chain *c, bool del);
void nft_fill_rule(struct nl_buf *b, const struct nft_rule *r, u64 position, bool reset);
struct nft_set;
struct nft_elem;
struct nft_obj;
void nft_fill_obj(struct nl_buf *b, const struct nft_obj *o, bool del, bool reset);
void nft_fill_set(struct nl_buf *b, const struct nft_set *s, bool del);
void nft_fill_elem(struct nl_buf *b, const struct nft_set *s, struct nft_elem *e, u64 now); /* a list of one */
void nft_fill_gen(struct nl_buf *b, const struct nl_request *rq);

/* nft_nl_table.c, nft_nl_chain.c, nft_nl_rule.c: handlers of nft_nl.c's list. */
int nft_nl_newtable(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a);
int nft_nl_deltable(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a);
int nft_nl_gettable(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a);
int nft_nl_dumptables(struct nl_dump *d, struct nl_buf *b);
int nft_nl_newchain(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a);
int nft_nl_delchain(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a);
int nft_nl_getchain(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a);
int nft_nl_dumpchains(struct nl_dump *d, struct nl_buf *b);
int nft_nl_newrule(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a);
int nft_nl_delrule(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a);
int nft_nl_getrule(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a);
int nft_nl_dumprules(struct nl_dump *d, struct nl_buf *b);
int nft_nl_newset(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a);
int nft_nl_delset(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a);
int nft_nl_getset(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a);
int nft_nl_dumpsets(struct nl_dump *d, struct nl_buf *b);
int nft_nl_newobj(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a);
int nft_nl_delobj(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a);
int nft_nl_getobj(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a);
int nft_nl_dumpobjs(struct nl_dump *d, struct nl_buf *b);
int nft_nl_newelem(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a);
int nft_nl_delelem(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a);
int nft_nl_getelem(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a);
int nft_nl_dumpelems(struct nl_dump *d, struct nl_buf *b);
extern const struct nl_policy nft_set_policy[], nft_elem_list_policy[], nft_obj_policy[];
extern const struct nl_policy nft_table_policy[], nft_chain_policy[], nft_rule_policy[];

#endif
