/* Sets and maps: elements that packets are looked up in, and that packets may add to (dynset).
 *
 * How elements are kept is a struct nft_set_ops: one file in set/ each, chosen by the set's flags and key. A set in use by rules cannot go. An
 * anonymous set is a part of the one rule that names it, and lives as long.
 *
 * An element is one piece of memory: struct nft_elem, its key, and what its set's kind adds: the end of a range, data, stateful expressions,
 * a comment. Elements that were deleted in a batch are out of the set at once, and come back when it fails.
 */
#ifndef NETFILTER_NFT_NFT_SET_H
#define NETFILTER_NFT_NFT_SET_H

#include "base/rbtree.h"
#include "base/timer.h"
#include "netfilter/nft/nft.h"

enum { NFT_SET_FIELDS = 16, NFT_SET_EXPRS = 2, };

struct nft_obj;
struct nft_set;

struct nft_elem {
	union {
		struct hnode hash;
		struct rbnode rb;
		struct list link;
	};
	u64 expires;		  /* cpu->now at which it is no more; 0: never */
	u64 timeout;		  /* ns; 0: none of its own */
	u8 flags;		  /* NFT_SET_ELEM_* */
	bool fresh;		  /* put in by the batch that runs */
	bool dead;		  /* expired, and waits to be freed */
	u16 udlen;
	u16 key_end, data, exprs, udata; /* offsets from the element's start; 0: has none */
	u16 exprs_len;		  /* bytes */
	struct nft_obj *obj;	  /* of object maps */
	u32 key[];		  /* set->klen bytes, padded to words */
};
static inline const u32 *nft_elem_key_end(const struct nft_elem *e) { return e->key_end ? (const u32 *)((const u8 *)e + e->key_end) : NULL; }
static inline union nft_data *nft_elem_data(const struct nft_elem *e) { return e->data ? (union nft_data *)((u8 *)e + e->data) : NULL; }
static inline struct nft_expr *nft_elem_exprs(const struct nft_elem *e) { return e->exprs ? (struct nft_expr *)((u8 *)e + e->exprs) : NULL; }
static inline bool nft_elem_expired(const struct nft_elem *e, u64 now) { return e->expires && e->expires <= now; }
#define nft_elem_for_each_expr(x, e) \
	for (struct nft_expr *x = nft_elem_exprs(e); x && (u8 *)x < (u8 *)nft_elem_exprs(e) + (e)->exprs_len; x = nft_expr_next(x))

struct nft_set_ops {
	const char *name;	  /* as Linux calls it: NFTA_SET_TYPE */
	size_t priv_size;
	bool (*fits)(const struct nft_set *s);
	int (*init)(struct nft_set *s);	/* -ENOMEM */
	void (*fini)(struct nft_set *s); /* is empty */
	/* For a packet: key of klen bytes, padded with zeros. NULL: not in it. Expired ones are not. */
	struct nft_elem *(*lookup)(const struct nft_set *s, const u32 *key, u64 now);
	/* 0; -EEXIST with *old: the same key is there; -ENOTEMPTY: overlaps with another. */
	int (*insert)(struct nft_set *s, struct nft_elem *e, struct nft_elem **old);
	void (*remove)(struct nft_set *s, struct nft_elem *e);
	void (*put_back)(struct nft_set *s, struct nft_elem *e); /* cannot fail */
	void (*expire)(struct nft_set *s, struct nft_elem *e); /* about to be removed without a commit: packets must not find it. NULL: they won't */
	struct nft_elem *(*find)(const struct nft_set *s, const u32 *key, const u32 *key_end, u8 flags); /* the very same element */
	struct nft_elem *(*get)(const struct nft_set *s, const u32 *key, const u32 *key_end, u8 flags); /* nft get element; NULL: as find */
	/* All in turn, in the order in which Linux tells them where it has one; *cursor begins at 0; the current one may be removed. */
	struct nft_elem *(*walk)(struct nft_set *s, u64 *cursor, struct nft_elem *prev);
	int (*prepare)(struct nft_set *s); /* before a commit: what lookup needs, made for the elements as they are. -ENOMEM. NULL: nothing */
	void (*commit)(struct nft_set *s); /* from now on that is used */
	void (*abort)(struct nft_set *s);
};
extern const struct nft_set_ops *const nft_set_kinds[];

struct nft_set {
	struct list link;	  /* table's */
	struct nft_table *table;
	struct netns *net;
	const struct nft_set_ops *ops;
	void *priv;
	char *name;
	u64 handle;
	u32 id;			  /* NFTA_SET_ID, within the batch */
	u32 flags;		  /* NFT_SET_* */
	u32 ktype, dtype, objtype;
	u8 klen, dlen;		  /* bytes; dlen 0 for verdicts */
	u8 nfields;
	u8 field_len[NFT_SET_FIELDS];
	u8 nexprs;
	struct nft_expr *expr[NFT_SET_EXPRS]; /* every element has one like these */
	u32 size, nelems;	  /* most allowed, 0: any; there are */
	u64 timeout;		  /* ns, 0: none */
	u32 gc_interval_ms;	  /* as asked for */
	u32 policy;
	u32 use;		  /* expressions of rules that name it */
	bool gone, fresh, changed;
	struct list catchall;	  /* elements without a key */
	struct timer gc;	  /* on net->home */
	u8 *udata;
	u16 udlen;
};
static inline bool nft_set_is_map(const struct nft_set *s) { return s->flags & NFT_SET_MAP; }
static inline bool nft_set_has_verdicts(const struct nft_set *s) { return nft_set_is_map(s) && s->dtype == (u32)NFT_DATA_VERDICT; }
static inline unsigned nft_set_words(const struct nft_set *s) { return (s->klen + 3u) / 4; }

/* As for packets: the element, or the catch-all's, or NULL. */
static inline struct nft_elem *nft_set_lookup(const struct nft_set *s, const u32 *key, u64 now)
{
	struct nft_elem *e = s->ops->lookup(s, key, now), *c;

	if (likely(e) || list_empty(&s->catchall))
		return e;
	list_for_each (c, &s->catchall, link) {
		if (!nft_elem_expired(c, now))
			return c;
	}
	return NULL;
}

struct nft_set *nft_set_find(const struct nft_table *t, const char *name);
struct nft_set *nft_set_by_handle(const struct nft_table *t, u64 handle);
/* By NAME, else by ID: what expressions and element messages use. -ENOENT */
int nft_set_of(const struct nft_ctx *ctx, const struct nlattr *name, const struct nlattr *id, struct nft_set **out);
/* `s` as a message describes it, copied; exprs are taken over when it succeeds. Name: "__set%d" is numbered. -EEXIST by the caller. */
int nft_set_add(struct nft_ctx *ctx, const struct nft_set *s, const char *name, const void *udata, u16 udlen, struct nft_set **out);
int nft_set_del(struct nft_ctx *ctx, struct nft_set *s); /* with its elements; -EBUSY */
/* A rule's expression begins to use a set, or ends: an anonymous one goes with its rule. */
int nft_set_bind(struct nft_set *s);   /* -EINVAL: anonymous, and somebody's already */
void nft_set_unbind(struct nft_set *s);
void nft_set_rebind(struct nft_set *s);
void nft_set_release(struct netns *net, struct nft_set *s); /* its rule's memory goes */
void nft_table_release_sets(struct netns *net, struct nft_table *t);

/* -- elements -- */
struct nft_elem_spec {
	const u32 *key, *key_end; /* NULL: catch-all; a single value */
	const union nft_data *data; /* NULL: none */
	struct nft_expr *exprs[NFT_SET_EXPRS]; /* to be cloned */
	unsigned nexprs;
	struct nft_obj *obj;
	const void *udata;
	u16 udlen;
	u8 flags;
	u64 timeout, expires;	  /* ns; expires: cpu->now's clock, 0: never */
};
/* -ENOMEM. Holds what data and obj name. */
int nft_elem_new(struct cpu *cpu, const struct nft_set *s, const struct nft_elem_spec *spec, struct nft_elem **out);
void nft_elem_free(struct nft_set *s, struct nft_elem *e);	/* and lets go of what it holds */
void nft_elem_release(struct nft_set *s, struct nft_elem *e);	/* its memory alone */
void nft_elem_hold(const struct nft_set *s, const struct nft_elem *e, bool on); /* the chain or the object that it leads to */
void nft_set_gc(void *owner, struct timer *t);
int nft_elem_add(struct nft_ctx *ctx, struct nft_set *s, struct nft_elem *e, struct nft_elem **old); /* takes e on success */
int nft_elem_del(struct nft_ctx *ctx, struct nft_set *s, struct nft_elem *e);
int nft_elem_flush(struct nft_ctx *ctx, struct nft_set *s);
/* By a packet: no transaction. True: it is in. */
bool nft_elem_add_now(struct cpu *cpu, struct nft_set *s, struct nft_elem *e);
void nft_elem_del_now(struct cpu *cpu, struct nft_set *s, struct nft_elem *e);
int nft_sets_prepare(struct netns *net); /* nft_prepare()'s */
void nft_sets_commit(struct netns *net, bool ok);
/* The next element for a dump; cursor as walk's, then the catch-alls. */
struct nft_elem *nft_set_walk(struct nft_set *s, u64 *cursor, struct nft_elem *prev);

extern const struct nft_set_ops nft_set_hash, nft_set_interval, nft_set_concat;
extern const struct nft_expr_type nft_lookup_type, nft_dynset_type;

#endif
