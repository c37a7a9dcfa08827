/* Messages of the control protocol (control.h): one SEQPACKET packet each, descriptors and credentials beside it.
 *
 * Everything received is checked here (magic, version, lengths, truncation) before a body reaches anybody; descriptors of a
 * message that is refused are closed. The sender is known by SCM_CREDENTIALS, which the kernel fills in and translates.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "host/control.h"

int ctl_send2(int sock, unsigned type, const void *head, size_t head_len, const void *tail, size_t tail_len, const int *fds,
	      unsigned nfds)
{
	struct ctl_header h = { .magic = CTL_MAGIC, .version = CTL_VERSION, .type = (u16)type, .len = (u32)(head_len + tail_len),
				.nfds = nfds };
	struct iovec iov[3] = { { &h, sizeof(h) }, { (void *)head, head_len }, { (void *)tail, tail_len } };
	union {
		char buf[CMSG_SPACE(CTL_MAX_FDS * sizeof(int))];
		struct cmsghdr align;
	} c = { 0 };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 3 };
	ssize_t n;

	if (nfds > CTL_MAX_FDS || head_len + tail_len > CTL_MAX_BYTES)
		return -EMSGSIZE;
	if (nfds) {
		struct cmsghdr *cm;

		m.msg_control = c.buf;
		m.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		cm = CMSG_FIRSTHDR(&m);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(cm), fds, nfds * sizeof(int));
	}
	do
		n = sendmsg(sock, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int ctl_send(int sock, unsigned type, const void *body, size_t len, const int *fds, unsigned nfds)
{
	return ctl_send2(sock, type, body, len, NULL, 0, fds, nfds);
}

int ctl_error_set(struct ctl_error *e, int err, const char *fmt, ...)
{
	va_list ap;

	e->err = err;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return err;
}

int ctl_send_error(int sock, int err, const char *fmt, ...)
{
	struct ctl_error e = { .err = err };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e.text, sizeof(e.text), fmt, ap);
	va_end(ap);
	return ctl_send(sock, CTL_ERROR, &e, sizeof(e), NULL, 0);
}

static void close_all(const int *fds, unsigned n)
{
	while (n--)
		close(fds[n]);
}

/* Takes descriptors and credentials out of the control messages. */
static void take_control(struct msghdr *m, int *fds, unsigned *nfds, struct ucred *who)
{
	for (struct cmsghdr *cm = CMSG_FIRSTHDR(m); cm; cm = CMSG_NXTHDR(m, cm)) {
		if (cm->cmsg_level != SOL_SOCKET)
			continue;
		if (cm->cmsg_type == SCM_RIGHTS) {
			unsigned n = (unsigned)((cm->cmsg_len - CMSG_LEN(0)) / sizeof(int));
			const int *got = (const int *)(const void *)CMSG_DATA(cm);

			for (unsigned i = 0; i < n; i++) {
				if (*nfds < CTL_MAX_FDS)
					fds[(*nfds)++] = got[i];
				else
					close(got[i]);
			}
		} else if (cm->cmsg_type == SCM_CREDENTIALS && who && cm->cmsg_len >= CMSG_LEN(sizeof(*who))) {
			memcpy(who, CMSG_DATA(cm), sizeof(*who));
		}
	}
}

int ctl_recv_from(int sock, unsigned *type, void *buf, size_t size, size_t *len, int *fds, unsigned *nfds, struct ucred *who)
{
	struct ctl_header h;
	struct iovec iov[2] = { { &h, sizeof(h) }, { buf, size } };
	union {
		char buf[CMSG_SPACE(CTL_MAX_FDS * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr align;
	} c;
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2, .msg_control = c.buf, .msg_controllen = sizeof(c.buf) };
	ssize_t n;

	*nfds = 0;
	*len = 0;
	*type = 0;
	do
		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	take_control(&m, fds, nfds, who);
	if (n == 0) { /* the end; or an empty packet, with descriptors perhaps */
		close_all(fds, *nfds);
		*nfds = 0;
		return -ECONNRESET;
	}
	if ((size_t)n < sizeof(h) || h.magic != CTL_MAGIC)
		goto bad;
	if (h.version != CTL_VERSION) {
		close_all(fds, *nfds);
		*nfds = 0;
		return -EPROTONOSUPPORT;
	}
	if (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC) || h.len != (size_t)n - sizeof(h) || h.nfds != *nfds)
		goto bad;
	*type = h.type;
	*len = h.len;
	return 0;
bad:
	close_all(fds, *nfds);
	*nfds = 0;
	return -EPROTO;
}

int ctl_recv(int sock, unsigned *type, void *buf, size_t size, size_t *len, int *fds, unsigned *nfds)
{
	return ctl_recv_from(sock, type, buf, size, len, fds, nfds, NULL);
}

int ctl_call(int sock, unsigned type, const void *body, size_t len, const int *fds, unsigned nfds, unsigned *rtype, void *rbuf,
	     size_t rsize, size_t *rlen, int *rfds, unsigned *rnfds, struct ctl_error *err)
{
	int got[CTL_MAX_FDS];
	unsigned ngot = 0, rt = 0;
	size_t blen, size = MAX(rsize, sizeof(struct ctl_error));
	void *buf = NULL;
	int e;

	e = ctl_send(sock, type, body, len, fds, nfds);
	if (!e) {
		buf = malloc(size);
		e = buf ? ctl_recv(sock, &rt, buf, size, &blen, got, &ngot) : -ENOMEM;
	}
	if (e) {
		if (e == -EPROTONOSUPPORT)
			ctl_error_set(err, e, "the stack's process is another version of weft; stop it with that version's `weft down`");
		else if (e == -EPIPE || e == -ECONNRESET)
			ctl_error_set(err, e, "the stack's process has ended");
		else
			ctl_error_set(err, e, "no answer from the stack's process: %s", strerror(-e));
		goto out;
	}
	if (rt == CTL_ERROR) {
		if (blen == sizeof(*err)) {
			memcpy(err, buf, sizeof(*err));
			err->text[sizeof(err->text) - 1] = 0;
			e = err->err < 0 ? err->err : -EPROTO;
		} else {
			e = -EPROTO;
		}
	} else if (blen > rsize || (!rfds && ngot)) {
		e = -EPROTO;
	}
	if (e) {
		if (e == -EPROTO)
			ctl_error_set(err, e, "the stack's process sent a broken answer");
		close_all(got, ngot);
		goto out;
	}
	if (rtype)
		*rtype = rt;
	if (rbuf)
		memcpy(rbuf, buf, blen);
	if (rlen)
		*rlen = blen;
	if (rfds) {
		memcpy(rfds, got, ngot * sizeof(int));
		*rnfds = ngot;
	}
out:
	free(buf);
	return e;
}
