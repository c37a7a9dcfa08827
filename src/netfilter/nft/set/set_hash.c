/* A hash table: sets whose elements are single values. One lookup is one hash, one bucket, one comparison. The hash is keyed with a number of the
 * set's own, as packets may choose the keys.
 */
#include "netfilter/nft/nft_set.h"

struct hash_set { struct htable t; u32 seed; };

static bool fits(const struct nft_set *s) { return !(s->flags & NFT_SET_INTERVAL); }

static int init(struct nft_set *s)
{
	struct hash_set *h = s->priv;

	h->seed = rng_u32(&config_cpu(s->net->world)->rng);
	return htable_init(&h->t, &s->net->world->mem, 8);
}

static void fini(struct nft_set *s) { htable_fini(&((struct hash_set *)s->priv)->t); }

static inline u32 hash_of(const struct hash_set *h, const struct nft_set *s, const u32 *key)
{
	return s->klen <= 4 ? hash32_u64(key[0], h->seed) : hash32_bytes(key, nft_set_words(s) * 4, h->seed);
}

static inline struct nft_elem *find_any(const struct nft_set *s, const u32 *key)
{
	const struct hash_set *h = s->priv;
	struct nft_elem *e;

	if (s->klen <= 4) {
		htable_for_each_match(e, &h->t, hash_of(h, s, key), hash)
			if (e->key[0] == key[0])
				return e;
		return NULL;
	}
	htable_for_each_match(e, &h->t, hash_of(h, s, key), hash)
		if (!memcmp(e->key, key, nft_set_words(s) * 4))
			return e;
	return NULL;
}

static struct nft_elem *lookup(const struct nft_set *s, const u32 *key, u64 now)
{
	struct nft_elem *e = find_any(s, key);

	return e && !nft_elem_expired(e, now) ? e : NULL;
}

static struct nft_elem *find(const struct nft_set *s, const u32 *key, const u32 *key_end, u8 flags) { return find_any(s, key); }

static void put_back(struct nft_set *s, struct nft_elem *e)
{
	struct hash_set *h = s->priv;

	htable_add(&h->t, &e->hash, hash_of(h, s, e->key));
}

static int insert(struct nft_set *s, struct nft_elem *e, struct nft_elem **old)
{
	*old = find_any(s, e->key);
	if (*old)
		return -EEXIST;
	put_back(s, e);
	return 0;
}

static void del(struct nft_set *s, struct nft_elem *e) { htable_del(&((struct hash_set *)s->priv)->t, &e->hash); }

static struct nft_elem *walk(struct nft_set *s, u64 *cursor, struct nft_elem *prev)
{
	struct hnode *n = htable_walk(&((struct hash_set *)s->priv)->t, cursor, prev ? &prev->hash : NULL);

	return n ? container_of(n, struct nft_elem, hash) : NULL;
}

const struct nft_set_ops nft_set_hash = { .name = "nft_set_rhash_type", .priv_size = sizeof(struct hash_set), .fits = fits, .init = init, .fini = fini,
	.lookup = lookup, .insert = insert, .remove = del, .put_back = put_back, .find = find, .walk = walk };
