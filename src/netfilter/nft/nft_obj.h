/* Named stateful objects: a counter, a quota, a limit that several rules share, or that a map leads to. What an object does is an expression's
 * work: it holds one.
 */
#ifndef NETFILTER_NFT_NFT_OBJ_H
#define NETFILTER_NFT_NFT_OBJ_H

#include "netfilter/nft/nft.h"

struct nft_obj {
	struct list link;	  /* table's */
	struct nft_table *table;
	char *name;
	u64 handle;
	u32 type;		  /* NFT_OBJECT_* */
	u32 use;		  /* rules and elements that name it */
	bool gone;
	u8 *udata;
	u16 udlen;
	struct nft_expr *expr;
};

/* The kind of expression that an object of this type holds. NULL: none. */
const struct nft_expr_type *nft_obj_expr_type(u32 type);
struct nft_obj *nft_obj_find(const struct nft_table *t, const char *name, u32 type);
struct nft_obj *nft_obj_by_handle(const struct nft_table *t, u64 handle, u32 type);
/* data: NFTA_OBJ_DATA's attributes, parsed by the type's policy. */
int nft_obj_add(struct nft_ctx *ctx, const char *name, u32 type, const struct nl_attrs *data, const void *udata, u16 udlen);
/* The same object with other settings: a quota's bytes. -EOPNOTSUPP: this kind keeps its own. */
int nft_obj_update(struct nft_ctx *ctx, struct nft_obj *o, const struct nl_attrs *data);
int nft_obj_del(struct nft_ctx *ctx, struct nft_obj *o); /* -EBUSY */
int nft_objs_del(struct nft_ctx *ctx);			 /* all of ctx->table */
void nft_table_release_objs(struct netns *net, struct nft_table *t);

extern const struct nft_expr_type nft_objref_type;

#endif
