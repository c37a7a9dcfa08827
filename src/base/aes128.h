/* AES with a key of 128 bits, one block at a time, encryption alone (FIPS 197). For message authentication (mac.h); not made to resist
 * those who can time it from inside the process. */
#ifndef BASE_AES128_H
#define BASE_AES128_H

#include "base/types.h"

struct aes128 {
	u8 round[11][16];
};
void aes128_init(struct aes128 *a, const u8 key[16]);
void aes128_encrypt(const struct aes128 *a, u8 block[16]); /* in place */

#endif
