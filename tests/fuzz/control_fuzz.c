/* Fuzz: whatever a peer may write to the daemon's control socket. The server is the real one; what it calls (attaching, nics, traces) is
 * stood in for here, and takes or refuses by chance.
 *
 * Input: records of flags (1 byte: descriptors sent along, a good header in front), type (1), length (2) and that many bytes: one
 * packet each. At the end the peer hangs up, and the server with it; no descriptor may be left.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attach/attach.h"
#include "bpf/cbpf.h"
#include "host/daemon.h"
#include "host/host.h"
#include "host/nic_make.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct world world;

struct world *host_world(struct host *h) { return &world; }
void host_lane_stats(struct host *h, unsigned cpu, struct host_lane_stats *out) { *out = (struct host_lane_stats){ .wakeups = 1 }; }
u64 host_now(void) { return 1; }
void attach_status(struct attach *a, struct ctl_status *st) { st->programs = 1; }
int attach_join(struct attach *a, const struct ctl_join *rq, struct ctl_join *reply, int *fds, unsigned *nfds, struct ctl_error *err)
{
	reply->flags = rq->flags;
	return rq->flags & 1 ? -EPERM : 0;
}
int attach_listener(struct attach *a, int fd, const struct ctl_listener *rq, pid_t peer, struct ctl_error *err)
{
	if (rq->flags & 1)
		return -EINVAL;
	close(fd); /* taken */
	return 0;
}
int nic_make(struct daemon *d, const struct ctl_nic *rq, pid_t peer, int *fds, unsigned *nfds, struct ctl_error *err)
{
	if (!memchr(rq->name, 0, sizeof(rq->name)) || rq->flags & 1)
		return -EINVAL;
	while (*nfds)
		close(fds[--*nfds]);
	return 0;
}
struct trace_feed { u8 dummy; };
int trace_feed_start(struct host *h, int sock, const struct ctl_trace *filter, const struct cbpf_insn *insns, const struct ctl_capture *capture,
		     struct trace_feed **out)
{
	if ((filter->raw_len && cbpf_check(insns, filter->raw_len)) || (filter->eth_len && cbpf_check(insns + filter->raw_len, filter->eth_len)))
		return -EINVAL;
	if (capture && capture->snaplen > CTL_SNAPLEN_MAX)
		abort();
	ctl_send(sock, CTL_OK, NULL, 0, NULL, 0);
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}
void trace_feed_stop(struct trace_feed *f) { free(f); }

static int lowest_free(void)
{
	int fd = open("/dev/null", O_RDONLY);
	close(fd);
	return fd;
}

static void send_packet(int sock, const void *p, size_t len, unsigned nfds)
{
	union { char buf[CMSG_SPACE(20 * sizeof(int))]; struct cmsghdr align; } c = { 0 };
	struct iovec iov = { (void *)p, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fds[20];

	if (nfds) {
		struct cmsghdr *h;
		m.msg_control = c.buf;
		m.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		for (unsigned i = 0; i < nfds; i++)
			fds[i] = sock;
		memcpy(CMSG_DATA(h), fds, nfds * sizeof(int));
	}
	sendmsg(sock, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static u8 packet[70000];
	struct daemon d = { .ncpus = 1, .place.name = "fuzz" };
	struct ctl_server *s;
	int first = lowest_free(), pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) || ctl_server_new(&d, &s))
		abort();
	while (size >= 4) {
		u8 flags = data[0], type = data[1];
		size_t len = (size_t)(data[2] | data[3] << 8), at = 0;
		unsigned nfds = flags & 0x1f;

		data += 4;
		size -= 4;
		len = MIN(len, size);
		nfds = MIN(nfds, 20u);
		if (flags & 0x80) {
			struct ctl_header h = { .magic = CTL_MAGIC, .version = CTL_VERSION, .type = type, .len = (u32)len, .nfds = nfds };
			memcpy(packet, &h, sizeof(h));
			at = sizeof(h);
		}
		memcpy(packet + at, data, len);
		send_packet(pair[0], packet, at + len, nfds);
		data += len;
		size -= len;
	}
	close(pair[0]);
	if (ctl_server_adopt(s, pair[1], true))
		abort();
	ctl_server_run(s);
	ctl_server_free(s);
	if (lowest_free() != first)
		abort();
	return 0;
}
