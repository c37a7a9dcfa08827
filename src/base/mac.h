/* Message authentication codes: HMAC (RFC 2104) with SHA-1 and SHA-256, and AES-128-CMAC (RFC 4493). Bytes are added in any portions. */
#ifndef BASE_MAC_H
#define BASE_MAC_H

#include "base/aes128.h"

enum mac_alg { MAC_HMAC_SHA1, MAC_HMAC_SHA256, MAC_AES128_CMAC };
#define MAC_MAX_LEN 32

struct mac {
	enum mac_alg alg;
	u64 len;	/* bytes so far, the inner pad included */
	u8 block[64];	/* not yet taken */
	u32 state[8];
	u8 outer[64];	/* HMAC: the key, padded for the outer hash */
	struct aes128 aes;
	u8 chain[16];	/* CMAC */
};
u32 mac_len(enum mac_alg alg); /* bytes of the code, untruncated */
/* CMAC takes keys of 16 bytes alone. */
void mac_init(struct mac *m, enum mac_alg alg, const void *key, size_t len);
void mac_add(struct mac *m, const void *data, size_t len);
void mac_end(struct mac *m, u8 *out); /* mac_len() bytes */

#endif
