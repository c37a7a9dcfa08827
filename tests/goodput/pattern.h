/* Which packets meet with a fate: for the same seed the same ones on Linux (flows.c tells nftables) and here (goodput.c tells the wire), so
 * that two runs differ by what the ends do, not by their luck. Packets are counted from the first one that the bottleneck lets through,
 * PATTERN_PACKETS of them, as many as 20 Mbit/s carry in ten seconds and some; then the pattern begins anew. */
#ifndef GOODPUT_PATTERN_H
#define GOODPUT_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

enum { PATTERN_PACKETS = 20000 };
enum pattern { PATTERN_LOSS = 1, PATTERN_REORDER, PATTERN_DUPLICATE };

/* Packet i, 0 the first. Each is drawn by itself, from a hash of its number (SplitMix64's finish). */
static inline bool pattern_has(uint64_t seed, enum pattern what, uint32_t i, double percent)
{
	uint64_t x = (seed << 34 ^ (uint64_t)what << 32 ^ i) + 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	x ^= x >> 31;
	return (double)(x >> 11) < percent / 100 * 9007199254740992.0; /* of 2^53 */
}

#endif
