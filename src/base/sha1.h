/* SHA-1's compression of one block (RFC 3174), for identifiers that Linux makes with it, and for mac.h. Not for anything
 * that needs a strong hash. */
#ifndef BASE_SHA1_H
#define BASE_SHA1_H

#include "base/types.h"

#define SHA1_INIT { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 }
void sha1_block(u32 state[5], const u8 block[64]);

#endif
