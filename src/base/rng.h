/* The world's random source: ChaCha20 keyed by the seed. One seed, one sequence: the same packets, bit for bit.
 * Unpredictable to peers when the seed is (a real world takes it from getrandom). Each cpu has its own stream. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include "base/types.h"

struct rng {
	u32 state[16];
	u8 block[64];
	unsigned used;
};
void rng_init(struct rng *r, const u8 seed[32], u64 stream);
u32 rng_u32(struct rng *r);
u64 rng_u64(struct rng *r);
u32 rng_below(struct rng *r, u32 bound); /* 0 .. bound-1, unbiased; bound 0 gives 0 */
void rng_bytes(struct rng *r, void *out, size_t len);

#endif
