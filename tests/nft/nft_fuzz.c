/* Arbitrary datagrams into a socket to netfilter: records of two bytes of length and that many bytes. What comes back must be whole messages, and the
 * world's end asserts that nothing was lost. Seeds: tests/nft/batches.hex, by mkcorpus.py.
 */
#include "tests/nft/nft_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nft_world n = { .w = NULL };

	if (nft_world_init(&n))
		return 0;
	for (int rounds = 0; size >= 2 && rounds < 64; rounds++) {
		size_t len = MIN((size_t)(data[0] | data[1] << 8), size - 2);

		nft_world_send(&n, data + 2, len);
		nft_world_drain(&n);
		data += 2 + len;
		size -= 2 + len;
	}
	nft_world_fini(&n);
	return 0;
}
