/* Decoding of what programs pass: addresses, message headers, pieces, control messages.
 *
 * All of it is read once, checked in the copy, and only the copy is used: a program that changes its memory meanwhile hurts
 * only itself. The checks and their order are the kernel's, so that a wrong call fails with the same error. Fuzzed by args_fuzz.c.
 */
#include "attach/args.h"

#include <stdlib.h>

int args_sockaddr(const struct args_mem *m, u64 addr, u32 len, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if ((s32)len < 0 || len > sizeof(*out))
		return -EINVAL;
	return len ? m->read(m->arg, addr, out, len) : 0;
}

int args_msg(const struct args_mem *m, u64 addr, bool sending, struct args_msg *out)
{
	struct msghdr h;
	u64 total = 0;
	int e;

	memset(out, 0, offsetof(struct args_msg, small));
	out->iov = out->small;
	e = m->read(m->arg, addr, &h, sizeof(h));
	if (e)
		return e;
	out->name = (u64)(uintptr_t)h.msg_name;
	out->namelen = out->name ? h.msg_namelen : 0;
	if ((s32)out->namelen < 0)
		return -EINVAL;
	if (out->namelen > sizeof(struct sockaddr_storage))
		out->namelen = sizeof(struct sockaddr_storage);
	out->control = (u64)(uintptr_t)h.msg_control;
	out->controllen = out->control ? h.msg_controllen : 0;
	out->flags = (u32)h.msg_flags;
	out->namelen_was = h.msg_namelen;
	out->controllen_was = h.msg_controllen;
	if (h.msg_iovlen > ARGS_MAX_IOV)
		return -EMSGSIZE;
	if (sending && out->controllen > ARGS_MAX_CONTROL)
		return -ENOBUFS;
	if (out->controllen > INT32_MAX)
		return -ENOBUFS;
	if (h.msg_iovlen > ARRAY_SIZE(out->small)) {
		out->iov = malloc(h.msg_iovlen * sizeof(struct iovec));
		if (!out->iov) {
			out->iov = out->small;
			return -ENOMEM;
		}
	}
	if (h.msg_iovlen) {
		e = m->read(m->arg, (u64)(uintptr_t)h.msg_iov, out->iov, h.msg_iovlen * sizeof(struct iovec));
		if (e)
			return e;
	}
	out->iovlen = (u32)h.msg_iovlen;
	for (u32 i = 0; i < out->iovlen; i++) {
		if ((s64)out->iov[i].iov_len < 0)
			return -EINVAL;
		if (out->iov[i].iov_len > 0x7ffff000 - total)
			out->iov[i].iov_len = 0x7ffff000 - total;
		total += out->iov[i].iov_len;
	}
	out->total = total;
	return 0;
}

void args_msg_free(struct args_msg *g)
{
	if (g->iov != g->small)
		free(g->iov);
	g->iov = g->small;
	g->iovlen = 0;
}

int args_gather(const struct args_mem *m, const struct args_msg *g, void *buf, size_t max)
{
	u8 *p = buf;
	int e;

	for (u32 i = 0; i < g->iovlen && max; i++) {
		size_t n = MIN(g->iov[i].iov_len, max);

		if (!n)
			continue;
		e = m->read(m->arg, (u64)(uintptr_t)g->iov[i].iov_base, p, n);
		if (e)
			return e;
		p += n;
		max -= n;
	}
	return 0;
}

int args_control(const struct args_mem *m, const struct args_msg *g, void *buf)
{
	struct cmsghdr c;
	size_t off = 0;
	int e;

	if (!g->controllen)
		return 0;
	if (g->controllen > ARGS_MAX_CONTROL)
		return -ENOBUFS;
	e = m->read(m->arg, g->control, buf, g->controllen);
	if (e)
		return e;
	while (g->controllen - off >= sizeof(c)) {
		memcpy(&c, (u8 *)buf + off, sizeof(c));
		if (c.cmsg_len < sizeof(c) || c.cmsg_len > g->controllen - off)
			return -EINVAL;
		off += CMSG_ALIGN(c.cmsg_len);
		if (off > g->controllen)
			break;
	}
	return 0;
}
