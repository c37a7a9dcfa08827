/* libFuzzer target: any bytes as a frame that the stack sends over an uplink. Whatever it is, addresses of this machine's loopback do not get through. */
#include <stdint.h>
#include <stdlib.h>

#include "host/frame_sort.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static bool published(void *arg, u8 proto, const struct inaddr *client, be16 cport, const struct inaddr *inner, be16 iport)
{
	return (client->b[15] ^ inner->b[15] ^ cport.raw ^ iport.raw ^ proto) & 1;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct frame_sort s = { .published = size & 1 ? published : NULL };
	u8 *copy = malloc(size ? size : 1); /* its end is watched */
	unsigned to;

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	to = frame_sort(&s, copy, size);
	if (to & ~3u || (!s.published && to & FRAME_PUBLISHED) || (size < 14 && to))
		abort();
	if (size >= 34 && copy[12] == 8 && copy[13] == 0 && copy[30] == 127 && to & FRAME_SLIRP)
		abort();
	free(copy);
	return 0;
}
