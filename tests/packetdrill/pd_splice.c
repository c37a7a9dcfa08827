/* pipe(2), splice(2) and sendfile(2) between real files or pipes and the stack's sockets. */
#include "tests/packetdrill/pd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* What sendfile moves at a time: Linux' internal pipe has 16 pages. */
#define CHUNK 65536

int pd_pipe(void *u, int fds[2]) { return pipe(fds); }

static ssize_t fail(ssize_t err)
{
	errno = (int)-err;
	return -1;
}

ssize_t pd_sendfile(int out, int in, off_t *off, size_t count)
{
	struct pd_file *f = pd_file(out);
	off_t at = off ? *off : lseek(in, 0, SEEK_CUR);
	static char buf[CHUNK];
	ssize_t done = 0, n, r = 0;

	if (!f || !f->s)
		return fail(-EBADF);
	pd_enter();
	while ((size_t)done < count && (n = pread(in, buf, count - (size_t)done < CHUNK ? count - (size_t)done : CHUNK, at)) > 0) {
		struct iovec iov = { buf, (size_t)n };
		const struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
		r = pd_send_all(f, &m, (size_t)(done + n) < count ? MSG_MORE : 0);
		if (r <= 0)
			break;
		done += r;
		at += r;
		if (r < n)
			break;
	}
	pd_leave();
	if (off)
		*off = at;
	else
		lseek(in, at, SEEK_SET);
	return done || r >= 0 ? done : fail(r);
}

/* What the socket has goes into the pipe; waits for the first byte only. */
static ssize_t from_socket(struct pd_file *f, int out, size_t len, bool wait)
{
	struct iovec iov[16];
	uint64_t bytes;
	ssize_t done = 0, n;
	int r;

	while ((size_t)done < len) {
		r = weft_peek(f->s, iov, 1, &bytes);
		if (r == -EAGAIN && !done && wait && !f->nonblock && !(weft_poll(f->s) & POLLPRI) && pd_wait(PD_NEVER))
			continue;
		if (r < 0)
			return done ? done : r == -EAGAIN && weft_poll(f->s) & POLLPRI ? 0 : r;
		if (!bytes)
			break;
		n = iov[0].iov_len < len - (size_t)done ? (ssize_t)iov[0].iov_len : (ssize_t)len - done;
		n = write(out, iov[0].iov_base, (size_t)n);
		if (n <= 0)
			return done ? done : -errno;
		weft_consume(f->s, (uint64_t)n);
		done += n;
	}
	return done;
}

static ssize_t to_socket(struct pd_file *f, int in, size_t len, unsigned flags)
{
	static char buf[CHUNK];
	ssize_t n = read(in, buf, len < CHUNK ? len : CHUNK);

	if (n <= 0)
		return n ? -errno : 0;
	struct iovec iov = { buf, (size_t)n };
	const struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	return pd_send_all(f, &m, flags & SPLICE_F_MORE ? MSG_MORE : 0);
}

int pd_splice(void *u, int in, loff_t *off_in, int out, loff_t *off_out, size_t len, unsigned flags)
{
	pd_enter();
	struct pd_file *from = pd_file(in), *to = pd_file(out);
	ssize_t r = (from && !from->s) || (to && !to->s) || (from && to) ? -EINVAL
		    : from ? from_socket(from, out, len, !(flags & SPLICE_F_NONBLOCK))
		    : to   ? to_socket(to, in, len, flags)
			   : splice(in, NULL, out, NULL, len, flags);
	pd_leave();
	return (int)(r < -1 || (r < 0 && (from || to)) ? fail(r) : r);
}
