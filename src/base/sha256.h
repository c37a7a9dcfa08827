/* SHA-256's compression of one block (FIPS 180-4, RFC 6234). */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include "base/types.h"

#define SHA256_INIT { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 }
void sha256_block(u32 state[8], const u8 block[64]);

#endif
