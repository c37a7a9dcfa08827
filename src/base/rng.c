/* ChaCha20 as a random source (D. J. Bernstein's original form: 64-bit block counter, 64-bit nonce). The seed is the key,
 * the stream number the nonce, so that every cpu draws its own sequence from one seed.
 */
#include "base/rng.h"

static inline u32 rotl(u32 v, unsigned n) { return v << n | v >> (32 - n); }

#define QUARTER(a, b, c, d)                                                                                            \
	a += b, d = rotl(d ^ a, 16), c += d, b = rotl(b ^ c, 12), a += b, d = rotl(d ^ a, 8), c += d, b = rotl(b ^ c, 7)

static void refill(struct rng *r)
{
	u32 x[16], *s = r->state;

	memcpy(x, s, sizeof(x));
	for (unsigned i = 0; i < 10; i++) {
		QUARTER(x[0], x[4], x[8], x[12]);
		QUARTER(x[1], x[5], x[9], x[13]);
		QUARTER(x[2], x[6], x[10], x[14]);
		QUARTER(x[3], x[7], x[11], x[15]);
		QUARTER(x[0], x[5], x[10], x[15]);
		QUARTER(x[1], x[6], x[11], x[12]);
		QUARTER(x[2], x[7], x[8], x[13]);
		QUARTER(x[3], x[4], x[9], x[14]);
	}
	for (unsigned i = 0; i < 16; i++)
		x[i] += s[i];
	memcpy(r->block, x, sizeof(r->block));
	r->used = 0;
	if (!++s[12])
		s[13]++;
}

void rng_init(struct rng *r, const u8 seed[32], u64 stream)
{
	static const u32 sigma[4] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 }; /* "expand 32-byte k" */

	memset(r, 0, sizeof(*r));
	memcpy(r->state, sigma, sizeof(sigma));
	memcpy(r->state + 4, seed, 32);
	memcpy(r->state + 14, &stream, 8);
	r->used = sizeof(r->block);
}

void rng_bytes(struct rng *r, void *out, size_t len)
{
	u8 *p = out;

	while (len) {
		size_t n;

		if (r->used == sizeof(r->block))
			refill(r);
		n = MIN(len, sizeof(r->block) - r->used);
		memcpy(p, r->block + r->used, n);
		r->used += (unsigned)n;
		p += n;
		len -= n;
	}
}

u32 rng_u32(struct rng *r)
{
	u32 v;

	if (likely(r->used <= sizeof(r->block) - sizeof(v))) {
		memcpy(&v, r->block + r->used, sizeof(v));
		r->used += sizeof(v);
		return v;
	}
	rng_bytes(r, &v, sizeof(v));
	return v;
}

u64 rng_u64(struct rng *r)
{
	u64 v;

	rng_bytes(r, &v, sizeof(v));
	return v;
}

/* Lemire's multiplication, rejecting the few values that would favour the low results. */
u32 rng_below(struct rng *r, u32 bound)
{
	u64 m;

	if (!bound)
		return 0;
	do
		m = (u64)rng_u32(r) * bound;
	while ((u32)m < -bound % bound);
	return (u32)(m >> 32);
}
