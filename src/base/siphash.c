/* SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input PRF"), for every table whose keys a peer may choose, and
 * the fast mixes for the tables where nobody can aim.
 */
#include "base/hash.h"

struct sip {
	u64 v0, v1, v2, v3;
};

static inline u64 rotl(u64 v, unsigned n) { return v << n | v >> (64 - n); }

static inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v1;
	s->v0 += s->v3;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 = rotl(s->v2, 32);
}

static inline struct sip sip_start(const struct siphash_key *key)
{
	/* "somepseudorandomlygeneratedbytes", the paper's constants */
	return (struct sip){ key->k[0] ^ 0x736f6d6570736575, key->k[1] ^ 0x646f72616e646f6d, key->k[0] ^ 0x6c7967656e657261,
			     key->k[1] ^ 0x7465646279746573 };
}

static inline void sip_word(struct sip *s, u64 m)
{
	s->v3 ^= m;
	sip_round(s);
	sip_round(s);
	s->v0 ^= m;
}

static inline u64 sip_end(struct sip *s, u64 last)
{
	sip_word(s, last);
	s->v2 ^= 0xff;
	for (unsigned i = 0; i < 4; i++)
		sip_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

u64 siphash(const struct siphash_key *key, const void *data, size_t len)
{
	struct sip s = sip_start(key);
	const u8 *p = data;
	u64 m, last = (u64)len << 56;

	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&m, p, 8);
		sip_word(&s, m);
	}
	m = 0;
	memcpy(&m, p, len);
	return sip_end(&s, last | m);
}

u64 siphash_2u64(const struct siphash_key *key, u64 a, u64 b)
{
	struct sip s = sip_start(key);

	sip_word(&s, a);
	sip_word(&s, b);
	return sip_end(&s, 16ull << 56);
}

u64 siphash_4u64(const struct siphash_key *key, u64 a, u64 b, u64 c, u64 d)
{
	struct sip s = sip_start(key);

	sip_word(&s, a);
	sip_word(&s, b);
	sip_word(&s, c);
	sip_word(&s, d);
	return sip_end(&s, 32ull << 56);
}

/* Two odd 64-bit constants with balanced bits (the fractions of the golden ratio and of the square root of 3, made odd). */
#define MIX_A 0x9e3779b97f4a7c15ull
#define MIX_B 0xbb67ae8584caa73bull

/* Multiplies to 128 bits and folds: every input bit reaches every output bit. */
static inline u64 mix(u64 a, u64 b)
{
	unsigned __int128 p = (unsigned __int128)a * b;

	return (u64)p ^ (u64)(p >> 64);
}

u32 hash32_u64(u64 v, u32 seed)
{
	u64 h = mix(v ^ MIX_B, MIX_A ^ seed);

	return (u32)(h ^ h >> 32);
}

u32 hash32_bytes(const void *data, size_t len, u32 seed)
{
	const u8 *p = data;
	u64 h = (u64)len * MIX_A ^ seed, m;

	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&m, p, 8);
		h = mix(h ^ m ^ MIX_B, MIX_A);
	}
	m = 0;
	memcpy(&m, p, len);
	h = mix(h ^ m ^ MIX_B, MIX_A ^ seed);
	return (u32)(h ^ h >> 32);
}
