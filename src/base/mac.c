/* The hashes take blocks of 64 bytes and end with a length (RFC 3174, RFC 6234); CMAC chains blocks of 16 and treats the last one apart, so
 * that a full one is not taken before it is known that more follows. */
#include <assert.h>
#include <string.h>

#include "base/mac.h"
#include "base/sha1.h"
#include "base/sha256.h"

static const u32 sha1_init[5] = SHA1_INIT, sha256_init[8] = SHA256_INIT;

u32 mac_len(enum mac_alg alg) { return alg == MAC_HMAC_SHA1 ? 20 : alg == MAC_HMAC_SHA256 ? 32 : 16; }

static void hash_begin(struct mac *m)
{
	m->len = 0;
	if (m->alg == MAC_HMAC_SHA1)
		memcpy(m->state, sha1_init, sizeof sha1_init);
	else
		memcpy(m->state, sha256_init, sizeof sha256_init);
}

static void take(struct mac *m, const u8 *block)
{
	if (m->alg == MAC_HMAC_SHA1) {
		sha1_block(m->state, block);
	} else if (m->alg == MAC_HMAC_SHA256) {
		sha256_block(m->state, block);
	} else {
		for (unsigned i = 0; i < 16; i++)
			m->chain[i] ^= block[i];
		aes128_encrypt(&m->aes, m->chain);
	}
}

void mac_add(struct mac *m, const void *data, size_t len)
{
	size_t size = m->alg == MAC_AES128_CMAC ? 16 : 64;
	const u8 *p = data;

	while (len) {
		size_t have = m->alg == MAC_AES128_CMAC && m->len && !(m->len % size) ? size : m->len % size, n = MIN(size - have, len);

		if (have == size) { /* CMAC: more follows */
			take(m, m->block);
			have = 0;
			n = MIN(size, len);
		}
		memcpy(m->block + have, p, n);
		m->len += n;
		p += n;
		len -= n;
		if (have + n == size && m->alg != MAC_AES128_CMAC)
			take(m, m->block);
	}
}

static void hash_end(struct mac *m, u8 *out)
{
	u64 bits = m->len * 8;
	u8 end[72] = { 0x80 };
	size_t pad = 64 - (m->len + 8) % 64;

	for (unsigned i = 0; i < 8; i++)
		end[pad + i] = (u8)(bits >> (56 - 8 * i));
	mac_add(m, end, pad + 8);
	for (unsigned i = 0; i < mac_len(m->alg); i++)
		out[i] = (u8)(m->state[i / 4] >> (24 - 8 * (i % 4)));
}

void mac_init(struct mac *m, enum mac_alg alg, const void *key, size_t len)
{
	u8 inner[64] = { 0 };

	memset(m, 0, sizeof *m);
	m->alg = alg;
	if (alg == MAC_AES128_CMAC) {
		assert(len == 16);
		aes128_init(&m->aes, key);
		return;
	}
	hash_begin(m);
	if (len > sizeof inner) { /* longer keys are hashed first */
		mac_add(m, key, len);
		hash_end(m, inner);
		hash_begin(m);
	} else if (len) {
		memcpy(inner, key, len);
	}
	for (unsigned i = 0; i < sizeof inner; i++) {
		m->outer[i] = inner[i] ^ 0x5c;
		inner[i] ^= 0x36;
	}
	mac_add(m, inner, sizeof inner);
}

/* Twice a block, as a polynomial: RFC 4493, 2.3. */
static void double_block(u8 b[16])
{
	u8 carry = b[0] >> 7;

	for (unsigned i = 0; i < 16; i++)
		b[i] = (u8)(b[i] << 1 | (i < 15 ? b[i + 1] >> 7 : 0));
	b[15] ^= carry ? 0x87 : 0;
}

void mac_end(struct mac *m, u8 *out)
{
	u8 hash[MAC_MAX_LEN], subkey[16] = { 0 };
	size_t have = m->len && !(m->len % 16) ? 16 : m->len % 16;

	if (m->alg != MAC_AES128_CMAC) {
		hash_end(m, hash);
		hash_begin(m);
		mac_add(m, m->outer, sizeof m->outer);
		mac_add(m, hash, mac_len(m->alg));
		hash_end(m, out);
		return;
	}
	aes128_encrypt(&m->aes, subkey);
	double_block(subkey);
	if (have < 16) {
		double_block(subkey);
		m->block[have] = 0x80;
		memset(m->block + have + 1, 0, 15 - have);
	}
	for (unsigned i = 0; i < 16; i++)
		m->block[i] ^= subkey[i];
	take(m, m->block);
	memcpy(out, m->chain, 16);
}
