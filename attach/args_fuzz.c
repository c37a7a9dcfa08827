/* Fuzz target: the arguments of caught calls, from a hostile program's memory. The input is the memory: it is read at any address, wrapped
 * around, and reads that would cross an odd place fail with EFAULT; the first bytes say which decoder and the register values. */
#include "attach/args.h"

#include <stdlib.h>

struct memory {
	const u8 *data;
	size_t len;
};

static int fetch(void *arg, u64 addr, void *buf, size_t len)
{
	struct memory *m = arg;
	u8 *to = buf;

	if (!m->len || len > (1u << 24) || (addr & 0xff0000) == 0xbd0000)
		return -EFAULT;
	for (size_t i = 0; i < len; i++)
		to[i] = m->data[(addr + i) % m->len];
	return 0;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct memory mem = { data, size };
	struct args_mem m = { fetch, &mem };
	struct sockaddr_storage ss;
	struct args_msg g;
	u8 *buf;
	u32 w[4];
	int e;

	if (size < sizeof(w))
		return 0;
	memcpy(w, data, sizeof(w));
	e = args_sockaddr(&m, w[1], w[2], &ss);
	assert(e == 0 || e == -EINVAL || e == -EFAULT);
	e = args_msg(&m, w[1], w[0] & 1, &g);
	if (!e) {
		u64 sum = 0;

		for (u32 i = 0; i < g.iovlen; i++)
			sum += g.iov[i].iov_len;
		assert(sum == g.total && sum <= 0x7ffff000 && g.iovlen <= ARGS_MAX_IOV && g.namelen <= sizeof(ss));
		buf = malloc(ARGS_MAX_CONTROL + 4096);
		if (buf) {
			e = args_control(&m, &g, buf);
			assert(e == 0 || e == -EINVAL || e == -EFAULT || e == -ENOBUFS);
			args_gather(&m, &g, buf, 4096);
			free(buf);
		}
	}
	args_msg_free(&g);
	return 0;
}
