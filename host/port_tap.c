/* The TAP port: a port over descriptors (port_fd.c) of /dev/net/tun. The kernel's end has a carrier while the nic is up (TUNSETCARRIER).
 * Format: linux/if_tun.h, linux/virtio_net.h, Documentation/networking/tuntap. Frames come from and go to link/type/nic.
 */
#include "host/port_tap.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "host/port_fd.h"

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

int tap_open(const char *name, unsigned queues, int *fds)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE };
	unsigned n;
	int e;

	if (strlen(name) >= IFNAMSIZ || !queues || queues > FD_PORT_QUEUES_MAX)
		return -EINVAL;
	memcpy(ifr.ifr_name, name, strlen(name) + 1);
	for (n = 0; n < queues; n++) {
		fds[n] = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
		if (fds[n] < 0)
			goto fail;
		if (ioctl(fds[n], TUNSETIFF, &ifr) == 0)
			continue;
		ifr.ifr_flags &= ~IFF_MULTI_QUEUE; /* a device that was made for one queue */
		if (errno != EINVAL || queues > 1 || ioctl(fds[n], TUNSETIFF, &ifr) < 0) {
			n++;
			goto fail;
		}
	}
	return 0;
fail:
	e = -errno;
	while (n--)
		if (fds[n] >= 0)
			close(fds[n]);
	return e;
}

static void set_carrier(struct port *p, int on) { ioctl(fd_port_fd(p, 0), TUNSETCARRIER, &on); } /* kernels before 5.0: always on */

static int tap_start(struct port *p, struct nic *nic, unsigned queues)
{
	int e = fd_port_start(p, nic, queues);

	if (e)
		return e;
	for (unsigned i = 0; i < fd_port_queues(p); i++) { /* a queue that nobody reads must not be fed */
		struct ifreq ifr = { .ifr_flags = i < queues ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE };
		ioctl(fd_port_fd(p, i), TUNSETQUEUE, &ifr); /* EINVAL: it is as asked already */
	}
	set_carrier(p, 1);
	return 0;
}

static void tap_stop(struct port *p)
{
	set_carrier(p, 0);
	fd_port_stop(p);
}

/* What the kernel may leave to us follows what the device is set to take: sums with rx-checksumming, long packets with GRO. */
static void tap_offloads(struct port *p, u64 features)
{
	unsigned long f = 0;

	if (features & NETIF_F_RXCSUM) {
		f = TUN_F_CSUM;
		if (features & NETIF_F_GRO)
			f |= TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN | TUN_F_USO4 | TUN_F_USO6;
	}
	for (unsigned i = 0; i < fd_port_queues(p); i++)
		if (ioctl(fd_port_fd(p, i), TUNSETOFFLOAD, f) < 0)
			ioctl(fd_port_fd(p, i), TUNSETOFFLOAD, f & ~(unsigned long)(TUN_F_USO4 | TUN_F_USO6)); /* before 6.2 */
}

static const struct port_ops tap_ops = {
	.name = "tap",
	.max_queues = FD_PORT_QUEUES_MAX, /* as the kernel's MAX_TAP_QUEUES */
	.caps = PORT_CAP_VNET_HDR,
	.start = tap_start,
	.stop = tap_stop,
	.free = fd_port_free,
	.rx = fd_port_rx,
	.tx = fd_port_tx,
	.arm = fd_port_arm,
	.offloads = tap_offloads,
};

int port_tap_new(struct host *h, const int *fds, unsigned queues, struct port **out)
{
	int hdr = sizeof(struct virtio_net_hdr), one = 1;
	struct ifreq ifr;

	if (!queues || queues > FD_PORT_QUEUES_MAX)
		return -EINVAL;
	for (unsigned i = 0; i < queues; i++) { /* descriptors come from outside: are they TAP queues with our framing? */
		if (ioctl(fds[i], TUNGETIFF, &ifr) < 0 || (ifr.ifr_flags & (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)) != (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
			return -EINVAL;
		if (ioctl(fds[i], TUNSETVNETHDRSZ, &hdr) < 0 || ioctl(fds[i], TUNSETVNETLE, &one) < 0)
			return -errno;
		if (fcntl(fds[i], F_SETFL, O_NONBLOCK) < 0)
			return -errno;
	}
	return fd_port_new(h, &tap_ops, fds, queues, FD_PORT_VNET_HDR, out);
}
