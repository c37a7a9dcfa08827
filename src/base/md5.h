/* MD5 (RFC 1321): for what old protocols sign with (RFC 2385), for nothing new. */
#ifndef BASE_MD5_H
#define BASE_MD5_H

#include "base/types.h"

struct md5 {
	u32 h[4];
	u64 len; /* bytes so far */
	u8 block[64];
};
void md5_init(struct md5 *m);
void md5_add(struct md5 *m, const void *data, size_t len);
void md5_end(struct md5 *m, u8 digest[16]);

#endif
