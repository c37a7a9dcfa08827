/* Arbitrary datagrams into netlink sockets of a small world: two namespaces, a veth pair, addresses, a route, a neighbour.
 *
 * A nic stands beside them for ethtool's family.
 *
 * Input: records of one byte (which socket, and whether its answers are read), two bytes of length, and that many bytes. A
 * datagram goes in as it is; what comes back is read and walked. The world's end asserts that nothing was lost. mkcorpus.py makes
 * seeds of the transcripts.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "inet/ip4/ip4.h"
#include "link/netdevice.h"
#include "link/type/mem_port.h"
#include "link/type/nic.h"
#include "link/type/veth.h"
#include "stack/stack.h"
#include "tests/netlink/transcript.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SOCKS = 4 };

static void lay_out(struct play *p, struct netns *a, struct netns *b)
{
	struct in_ifaddr_config c = { .local = BE32(0x0a000001), .address = BE32(0x0a000001), .prefix_len = 24,
				      .flags = IFA_F_PERMANENT, .valid_lft_s = ~0u, .preferred_lft_s = ~0u };
	struct net_device *dev, *peer;
	struct port *port;

	if (veth_pair_new(p->cpu, a, "v0", b, "v1", &dev, &peer))
		return;
	dev_change_flags(p->cpu, dev, dev->flags | IFF_UP, NULL);
	dev_change_flags(p->cpu, peer, peer->flags | IFF_UP, NULL);
	ip4_addr_add(p->cpu, dev, &c, NULL);
	if (mem_port_new(&p->w->mem, &port))
		return;
	if (nic_new(p->cpu, a, "eth0", port, &(struct nic_config){ .queues = 4 }, &dev))
		port->ops->free(port);
	else
		dev_change_flags(p->cpu, dev, dev->flags | IFF_UP, NULL);
}

static void drain(struct play *p, struct socket *s, u8 *buf, size_t size)
{
	for (int i = 0; i < 64; i++) {
		struct iovec iov = { buf, size };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
		ssize_t n = socket_recvmsg(p->cpu, s, &m, 0);

		if (n == -EAGAIN)
			return;
		for (ssize_t at = 0; at + NLMSG_HDRLEN <= n;) {
			const struct nlmsghdr *h = (const struct nlmsghdr *)(buf + at);
			if (h->nlmsg_len < NLMSG_HDRLEN || h->nlmsg_len > n - at)
				abort(); /* what we send is well formed */
			at += NLMSG_ALIGN(h->nlmsg_len);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int protocols[SOCKS] = { NETLINK_ROUTE, NETLINK_ROUTE, NETLINK_ROUTE, NETLINK_GENERIC };
	struct play *p = malloc(sizeof(*p));
	struct socket *s[SOCKS] = { NULL };
	struct netns *a, *b;
	u32 on = 1;
	u8 *buf = malloc(65536);

	if (!p || !buf || play_init(p, &stack_tables, 1))
		goto out;
	cpu_enter(p->cpu, p->now);
	p->cpu->caller = &p->caller;
	if (netns_new(p->w, "a", 0, &a) || netns_new(p->w, "b", 0, &b))
		goto end;
	p->fds[5] = b;
	p->fds[6] = a;
	lay_out(p, a, b);
	for (int i = 0; i < SOCKS; i++) {
		if (socket_new(p->cpu, i == 2 ? b : a, AF_NETLINK, SOCK_RAW, protocols[i], &s[i]))
			goto end;
		if (i)
			socket_setsockopt(p->cpu, s[i], SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
		if (i == 1)
			socket_setsockopt(p->cpu, s[i], SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
		for (u32 g = 1; i == 2 && g <= 37; g++)
			socket_setsockopt(p->cpu, s[i], SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &g, sizeof(g));
	}
	for (int rounds = 0; size >= 3 && rounds < 64; rounds++) {
		u8 what = data[0];
		size_t len = MIN((size_t)(data[1] | data[2] << 8), size - 3);
		struct iovec iov = { (void *)(data + 3), len };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

		socket_sendmsg(p->cpu, s[what % SOCKS], &m, 0);
		if (!(what & 0x80))
			drain(p, s[what % SOCKS], buf, 65536);
		data += 3 + len;
		size -= 3 + len;
	}
end:
	for (int i = 0; i < SOCKS; i++) {
		if (s[i])
			socket_close(p->cpu, s[i]);
	}
	p->cpu->caller = NULL;
	cpu_leave(p->cpu);
	world_run(p->w, p->now);
	play_fini(p);
out:
	free(buf);
	free(p);
	return 0;
}
