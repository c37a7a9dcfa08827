/* Message headers: bytes between packets and iovecs, and control messages (cmsg(3)).
 *
 * Received control messages are written with msg_control advancing, as Linux does: what is left of msg_controllen is room. A
 * message that does not fit is cut and MSG_CTRUNC says so.
 */
#include "sock/sock.h"

size_t msg_len(const struct msghdr *m)
{
	size_t n = 0;
	for (size_t i = 0; i < m->msg_iovlen; i++)
		n += m->msg_iov[i].iov_len;
	return n;
}

/* Iovec and offset within it where byte `off` of the message lies; *i == msg_iovlen: beyond the end. */
static void iov_seek(const struct msghdr *m, size_t off, size_t *i, size_t *in)
{
	for (*i = 0; *i < m->msg_iovlen && off >= m->msg_iov[*i].iov_len; ++*i)
		off -= m->msg_iov[*i].iov_len;
	*in = off;
}

int msg_copy_to_buf(const struct msghdr *m, size_t iov_off, void *to, size_t len)
{
	size_t i, in;
	u8 *p = to;

	for (iov_seek(m, iov_off, &i, &in); len; i++, in = 0) {
		if (i >= m->msg_iovlen)
			return -EFAULT;
		size_t n = MIN(len, m->msg_iov[i].iov_len - in);
		memcpy(p, (const u8 *)m->msg_iov[i].iov_base + in, n);
		p += n;
		len -= n;
	}
	return 0;
}

int msg_copy_from_buf(struct msghdr *m, size_t iov_off, const void *from, size_t len)
{
	const u8 *p = from;
	size_t i, in;

	for (iov_seek(m, iov_off, &i, &in); len; i++, in = 0) {
		if (i >= m->msg_iovlen)
			return -EFAULT;
		size_t n = MIN(len, m->msg_iov[i].iov_len - in);
		memcpy((u8 *)m->msg_iov[i].iov_base + in, p, n);
		p += n;
		len -= n;
	}
	return 0;
}

int skb_copy_to_msg(const struct sk_buff *skb, u32 off, struct msghdr *m, size_t iov_off, size_t len)
{
	size_t i, in;

	for (iov_seek(m, iov_off, &i, &in); len; i++, in = 0) {
		if (i >= m->msg_iovlen)
			return -EFAULT;
		size_t n = MIN(len, m->msg_iov[i].iov_len - in);
		if (n && !skb_copy_bits(skb, off, (u8 *)m->msg_iov[i].iov_base + in, (u32)n))
			return -EFAULT;
		off += (u32)n;
		len -= n;
	}
	return 0;
}

void msg_put_cmsg(struct msghdr *m, int level, int type, const void *data, size_t len)
{
	size_t want = CMSG_LEN(len);
	struct cmsghdr h = { .cmsg_level = level, .cmsg_type = type };

	if (!m->msg_control || m->msg_controllen < sizeof h) {
		m->msg_flags |= MSG_CTRUNC;
		return;
	}
	if (m->msg_controllen < want) {
		m->msg_flags |= MSG_CTRUNC;
		want = m->msg_controllen;
	}
	h.cmsg_len = want;
	memcpy(m->msg_control, &h, sizeof h);
	memcpy((u8 *)m->msg_control + CMSG_LEN(0), data, want - CMSG_LEN(0));
	size_t step = MIN(CMSG_SPACE(len), m->msg_controllen);
	m->msg_control = (u8 *)m->msg_control + step;
	m->msg_controllen -= step;
}
