/* The vectors of RFC 2202 (HMAC-SHA-1), RFC 4231 (HMAC-SHA-256), RFC 4493 (AES-CMAC) and FIPS 197; each also added in portions of every
 * length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mac.h"

static size_t unhex(const char *hex, u8 *out)
{
	size_t n = 0;

	for (; hex[0] && hex[1]; hex += 2)
		out[n++] = (u8)strtoul((char[]){ hex[0], hex[1], 0 }, NULL, 16);
	return n;
}

static void check(enum mac_alg alg, const void *key, size_t klen, const void *data, size_t len, const char *want_hex)
{
	u8 want[32], got[32];
	struct mac m;

	assert_int_equal(unhex(want_hex, want), mac_len(alg));
	for (size_t step = 1; step <= len + 1; step++) {
		mac_init(&m, alg, key, klen);
		for (size_t i = 0; i < len; i += step)
			mac_add(&m, (const u8 *)data + i, MIN(step, len - i));
		mac_end(&m, got);
		assert_memory_equal(got, want, mac_len(alg));
	}
}

static void test_aes(void **state)
{
	u8 key[16], block[16], want[16];
	struct aes128 a;

	unhex("000102030405060708090a0b0c0d0e0f", key);
	unhex("00112233445566778899aabbccddeeff", block);
	unhex("69c4e0d86a7b0430d8cdb78070b4c55a", want);
	aes128_init(&a, key);
	aes128_encrypt(&a, block);
	assert_memory_equal(block, want, 16);
}

static void test_hmac(void **state)
{
	static const char long_text[] = "Test Using Larger Than Block-Size Key - Hash Key First";
	u8 b[131], aa[131], dd[50];

	memset(b, 0x0b, 20);
	memset(aa, 0xaa, sizeof aa);
	memset(dd, 0xdd, sizeof dd);
	check(MAC_HMAC_SHA1, b, 20, "Hi There", 8, "b617318655057264e28bc0b6fb378c8ef146be00");
	check(MAC_HMAC_SHA1, "Jefe", 4, "what do ya want for nothing?", 28, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
	check(MAC_HMAC_SHA1, aa, 20, dd, 50, "125d7342b9ac11cd91a39af48aa17b4f63f175d3");
	check(MAC_HMAC_SHA1, aa, 80, long_text, 54, "aa4ae5e15272d00e95705637ce8a3b55ed402112");
	check(MAC_HMAC_SHA256, b, 20, "Hi There", 8, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	check(MAC_HMAC_SHA256, "Jefe", 4, "what do ya want for nothing?", 28, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	check(MAC_HMAC_SHA256, aa, 20, dd, 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
	check(MAC_HMAC_SHA256, aa, 131, long_text, 54, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void test_cmac(void **state)
{
	static const struct { size_t len; const char *want; } cases[] = {
		{ 0, "bb1d6929e95937287fa37d129b756746" },
		{ 16, "070a16b46b4d4144f79bdd9dd04a287c" },
		{ 40, "dfa66747de9ae63030ca32611497c827" },
		{ 64, "51f0bebf7e3b9d92fc49741779363cfe" },
	};
	u8 key[16], msg[64];

	unhex("2b7e151628aed2a6abf7158809cf4f3c", key);
	unhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710", msg);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
		check(MAC_AES128_CMAC, key, 16, msg, cases[i].len, cases[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_aes), cmocka_unit_test(test_hmac), cmocka_unit_test(test_cmac) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
