/* The port over a message socket: a port over descriptors (port_fd.c) whose frames come from another process's memory, unhurt. The other
 * end's death is the carrier's. */
#include "host/port_frames.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "host/port_fd.h"

#define BUFFER_BYTES (1 << 20) /* asked for; the kernel gives at most net.core.wmem_max: some six frames of 64 KiB by default */

static const struct port_ops frames_ops = {
	.name = "frames",
	.max_queues = 1,
	.start = fd_port_start,
	.stop = fd_port_stop,
	.free = fd_port_free,
	.rx = fd_port_rx,
	.tx = fd_port_tx,
	.arm = fd_port_arm,
};

int port_frames_new(struct host *h, int sock, struct port **out)
{
	int type = 0, size = BUFFER_BYTES;
	socklen_t len = sizeof(type);

	if (getsockopt(sock, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_SEQPACKET || fcntl(sock, F_SETFL, O_NONBLOCK) < 0)
		return -EINVAL;
	setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return fd_port_new(h, &frames_ops, &sock, 1, FD_PORT_INTACT, out);
}
