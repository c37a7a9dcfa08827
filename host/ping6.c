/* Echo requests over IPv6: each pinging program (its address and identifier) gets a ping socket of this machine (icmp(7)), if
 * net.ipv4.ping_group_range lets it. The kernel puts an identifier of its own into what is sent; the answer gets the program's back. At most PINGS at
 * once: a new one takes the place of the one that asked least recently. RFC 4443, section 4.
 */
#include "host/ping6.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "codec/wire/eth.h"
#include "codec/wire/icmp6.h"
#include "codec/wire/ip6hdr.h"

#define PINGS 64
#define ANSWERS_PER_TURN 64
#define HEADERS (ETH_HDR_LEN + IP6_HDR_LEN)
#define DEFAULT_HOPS 64

struct ping {
	struct list link; /* ping6.used: least recently used first */
	int fd;		  /* -1: unused */
	u8 from[16];
	be16 id;
	u8 hops;	  /* what the socket's packets have */
};

struct ping6 {
	const struct uplink_config *cfg;
	frame_fn emit;
	void *arg;
	int epfd;
	struct list used;
	struct ping ping[PINGS];
	u8 buf[UPLINK_FRAME_MAX];
};

struct ping6 *ping6_new(const struct uplink_config *cfg, frame_fn emit, void *arg)
{
	struct ping6 *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->cfg = cfg;
	p->emit = emit;
	p->arg = arg;
	list_init(&p->used);
	p->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (p->epfd < 0) {
		free(p);
		return NULL;
	}
	for (unsigned i = 0; i < PINGS; i++) {
		p->ping[i].fd = -1;
		list_add_tail(&p->used, &p->ping[i].link);
	}
	return p;
}

int ping6_fd(const struct ping6 *p) { return p->epfd; }

static struct ping *ping_of(struct ping6 *p, const u8 from[16], be16 id)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct ping *g;

	list_for_each(g, &p->used, link)
		if (g->fd >= 0 && be16_eq(g->id, id) && !memcmp(g->from, from, 16))
			return g;
	g = list_first(&p->used, struct ping, link);
	if (g->fd >= 0)
		close(g->fd);
	g->fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);
	ev.data.ptr = g;
	if (g->fd >= 0 && epoll_ctl(p->epfd, EPOLL_CTL_ADD, g->fd, &ev) < 0) {
		close(g->fd);
		g->fd = -1;
	}
	g->id = id;
	g->hops = 0;
	memcpy(g->from, from, 16);
	return g->fd < 0 ? NULL : g;
}

bool ping6_take(struct ping6 *p, const void *frame, size_t len)
{
	const struct eth_hdr *eth = frame;
	const struct ip6_hdr *ip = (const void *)(eth + 1);
	const struct icmp6_hdr *icmp = (const void *)(ip + 1);
	struct sockaddr_in6 to = { .sin6_family = AF_INET6 };
	struct inaddr dst;
	struct ping *g;

	if (len < HEADERS + ICMP6_HDR_LEN || be16_to_cpu(eth->type) != ETH_P_IPV6 || ip->nexthdr != IP6_NH_ICMP || icmp->type != ICMP6_ECHO ||
	    ip6_payload_len(ip) < ICMP6_HDR_LEN || ip6_payload_len(ip) > len - HEADERS)
		return false;
	dst = inaddr_from_v6(ip->daddr);
	if (v6_prefix_eq(&dst, &p->cfg->v6.gateway, p->cfg->v6.prefix_len) || v6_is_linklocal(&dst) || v6_is_multicast(&dst))
		return false; /* libslirp's own */
	g = ping_of(p, ip->saddr, icmp->echo.id);
	if (!g)
		return false;
	list_del(&g->link);
	list_add_tail(&p->used, &g->link);
	if (g->hops != ip->hop_limit) { /* those who look for the routers on the way */
		int hops = ip->hop_limit;

		setsockopt(g->fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof(hops));
		g->hops = ip->hop_limit;
	}
	memcpy(&to.sin6_addr, dst.b, 16);
	return sendto(g->fd, icmp, ip6_payload_len(ip), 0, (struct sockaddr *)&to, sizeof(to)) >= 0 || errno != EACCES; /* lost, as pings may be */
}

/* Builds the frame of an echo reply whose ICMP message lies at HEADERS in buf. */
static void send_answer(struct ping6 *p, const struct ping *g, const struct sockaddr_in6 *from, size_t len, const u8 mac[6])
{
	struct eth_hdr *eth = (void *)p->buf;
	struct ip6_hdr *ip = (void *)(eth + 1);
	struct icmp6_hdr *icmp = (void *)(ip + 1);
	static const u8 gateway_mac[6] = { 0x52, 0x56, 0, 0, 0, 2 }; /* as libslirp's */

	eth_build(eth, mac, gateway_mac, ETH_P_IPV6);
	*ip = (struct ip6_hdr){ .vtf = ip6_vtf(0, (be32){ 0 }), .payload_len = cpu_to_be16((u16)len), .nexthdr = IP6_NH_ICMP, .hop_limit = DEFAULT_HOPS };
	memcpy(ip->saddr, &from->sin6_addr, 16);
	memcpy(ip->daddr, g->from, 16);
	icmp->echo.id = g->id;
	icmp->check = 0;
	icmp->check = csum_fold(csum_partial(icmp, len, csum_pseudo6(ip->saddr, ip->daddr, (u32)len, IP6_NH_ICMP)));
	p->emit(p->arg, p->buf, HEADERS + len);
}

void ping6_run(struct ping6 *p, const u8 stack_mac[6])
{
	struct epoll_event ev[PINGS];
	int n = epoll_wait(p->epfd, ev, PINGS, 0);

	for (int i = 0; i < n; i++) {
		struct ping *g = ev[i].data.ptr;

		for (unsigned k = 0; k < ANSWERS_PER_TURN && g->fd >= 0; k++) {
			struct sockaddr_in6 from;
			socklen_t flen = sizeof(from);
			ssize_t r = recvfrom(g->fd, p->buf + HEADERS, sizeof(p->buf) - HEADERS, 0, (struct sockaddr *)&from, &flen);

			if (r < 0)
				break; /* none, or an error, which has now been told */
			if ((size_t)r >= ICMP6_HDR_LEN && p->buf[HEADERS] == ICMP6_ECHOREPLY)
				send_answer(p, g, &from, (size_t)r, stack_mac);
		}
	}
}
