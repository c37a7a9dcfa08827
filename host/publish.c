/* Published ports that keep the client's address.
 *
 *	client -- this machine's socket -- (publish_tcp.c, publish_udp.c) -- weft socket -- tap -- frames -- the stack's uplink device
 *
 * A port of this machine is an ordinary listening socket of this process. For each client that it accepts, a socket of a second, small
 * world is bound to the client's own address and port (IP_TRANSPARENT) and connects to the port inside, over a TAP device of that
 * world whose frames are the uplink's: so the server inside is called by the true client, over the device and from the gateway that
 * all else of the outside has, too. What the server answers is recognised at the uplink (frame_sort.c) by asking this world's tables.
 *
 * The far side's world routes: the uplink's network to the tap, everything else to itself (a route of type local), as it is all clients. It
 * answers no neighbour's question: libslirp does that for the gateway's address, and this side borrows that address and the gateway's MAC.
 *
 * Addresses that mean something else inside (loopback, link-local, the uplink's own network) become the gateway's, with the same port where it is free.
 * A client is connected to this machine's socket before the server inside has been asked; if that refuses, the client is reset.
 */
#include "host/publish.h"

#include <arpa/inet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "codec/wire/arp.h"
#include "codec/wire/icmp6.h"
#include "codec/wire/ip6hdr.h"
#include "core/world.h"
#include "host/publish_impl.h"
#include "inet/inet.h"
#include "inet/route/fib.h"
#include "link/netdevice.h"
#include "transport/tcp/tcp_sock.h"
#include "transport/udp/udp.h"

#define FRAMES_PER_TURN 64

/* -- the far side's world -- */

static int local_default(struct publish *p, u8 family)
{
	struct net_device *lo = dev_by_name(p->net, "lo");
	struct cpu *cpu = config_cpu(p->w);
	struct fib_config c = { .family = family, .table = RT_TABLE_MAIN, .protocol = RTPROT_BOOT, .type = RTN_LOCAL, .scope = RT_SCOPE_HOST,
				.nl_flags = NLM_F_CREATE | NLM_F_EXCL, .oif = lo->ifindex };
	int e;

	if (family == AF_INET)
		c.dst = inaddr_from_v4((be32){ 0 });
	else
		c.priority = 1024;
	cpu_enter(cpu, cpu->now);
	e = fib_route_add(cpu, p->net, &c);
	cpu_leave(cpu);
	return e;
}

static int add_addr(struct publish *p, const struct uplink_net *n)
{
	char addr[INET6_ADDRSTRLEN + 8];
	bool v4 = inaddr_is_v4(&n->gateway);

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? (const void *)&n->gateway.w[3] : n->gateway.b, addr, INET6_ADDRSTRLEN);
	snprintf(addr + strlen(addr), 8, "/%u", n->prefix_len);
	return weft_addr_add(p->net, "tap", addr);
}

static int make_world(struct publish *p)
{
	static const char *const sysctls[][2] = {
		{ "net.ipv6.conf.default.accept_ra", "0" }, { "net.ipv6.conf.default.accept_dad", "0" },
		{ "net.ipv6.conf.default.router_solicitations", "0" }, { "net.ipv4.tcp_tw_reuse", "1" },
		/* A connection's share: what a slow client has not taken yet waits here. */
		{ "net.ipv4.tcp_rmem", "4096 131072 1048576" }, { "net.ipv4.tcp_wmem", "4096 131072 1048576" },
	};
	struct net_device *dev;
	char name[IFNAMSIZ] = "tap";
	struct cpu *cpu;
	u64 seed;
	int e;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed) || getrandom(&p->key, sizeof(p->key), 0) != sizeof(p->key))
		return -EIO;
	e = weft_world_new(seed, 1, &p->w);
	if (!e)
		e = weft_netns_new(p->w, "published", &p->net);
	for (unsigned i = 0; !e && i < ARRAY_SIZE(sysctls); i++)
		e = weft_sysctl_set(p->net, sysctls[i][0], sysctls[i][1]);
	if (!e)
		e = weft_tun_new(p->net, name, IFF_TAP | IFF_NO_PI, &p->tap);
	if (e)
		return e;
	dev = dev_by_name(p->net, name);
	cpu = config_cpu(p->w);
	cpu_enter(cpu, cpu->now);
	e = dev_set_mac(cpu, dev, p->mac, NULL);
	if (!e)
		e = dev_set_mtu(cpu, dev, p->cfg->mtu, NULL);
	cpu_leave(cpu);
	p->ifindex = dev->ifindex;
	if (!e)
		e = weft_link_up(p->net, "lo");
	if (!e)
		e = add_addr(p, &p->cfg->v4);
	if (!e && p->cfg->v6.on)
		e = add_addr(p, &p->cfg->v6);
	if (!e)
		e = weft_link_up(p->net, name);
	if (!e)
		e = local_default(p, AF_INET);
	if (!e && p->cfg->v6.on)
		e = local_default(p, AF_INET6);
	return e;
}

/* -- this machine's ports -- */

int publish_watch(struct publish *p, int fd, u32 events, struct watch *w)
{
	struct epoll_event ev = { .events = events, .data.ptr = w };

	return epoll_ctl(p->epfd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static int open_port(struct publish *p, const struct uplink_publish *u, bool v6)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(u->port) };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(u->port) };
	const struct sockaddr *sa = v6 ? (const void *)&sin6 : (const void *)&sin;
	struct pub_port *port = calloc(1, sizeof(*port));
	int one = 1, e;

	if (!port)
		return -ENOMEM;
	if (inaddr_is_v4(&u->addr))
		sin.sin_addr.s_addr = inaddr_v4(&u->addr).raw;
	memcpy(&sin6.sin6_addr, u->addr.b, 16);
	*port = (struct pub_port){ .watch = { u->udp ? WATCH_UDP : WATCH_TCP_LISTENER }, .p = p, .v6 = v6, .inner = cpu_to_be16(u->inner) };
	port->fd = socket(v6 ? AF_INET6 : AF_INET, (u->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (port->fd < 0)
		goto fail;
	if (v6 && setsockopt(port->fd, SOL_IPV6, IPV6_V6ONLY, &one, sizeof(one)) < 0)
		goto fail;
	if (u->udp)
		setsockopt(port->fd, v6 ? SOL_IPV6 : SOL_IP, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &one, sizeof(one));
	else
		setsockopt(port->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)); /* over connections that linger, as servers do */
	if (bind(port->fd, sa, v6 ? sizeof(sin6) : sizeof(sin)) < 0 || (!u->udp && listen(port->fd, 4096) < 0))
		goto fail;
	e = publish_watch(p, port->fd, EPOLLIN, &port->watch);
	if (!e) {
		list_add_tail(&p->ports, &port->link);
		return 0;
	}
	errno = -e;
fail:
	e = -errno;
	if (port->fd >= 0)
		close(port->fd);
	free(port);
	return e;
}

static int publish_port(struct publish *p, const struct uplink_publish *u, struct ctl_error *err)
{
	bool v4 = inaddr_is_v4(&u->addr), any = inaddr_is_any(&u->addr), v6 = !v4;
	int e = 0;

	if (v6 && !p->cfg->v6.on) {
		if (!any)
			return ctl_error_set(err, -EAFNOSUPPORT, "cannot publish an IPv6 port: this uplink has no IPv6");
		v6 = false;
	}
	if (v4 || any)
		e = open_port(p, u, false);
	if (!e && v6) {
		e = open_port(p, u, true);
		if (e == -EAFNOSUPPORT && any)
			e = 0; /* this machine has no IPv6 */
	}
	if (e)
		ctl_error_set(err, e, "cannot publish port %u%s: %s%s", u->port, u->udp ? "/udp" : "", strerror(-e),
			      e == -EACCES ? "; ports below net.ipv4.ip_unprivileged_port_start (1024) need root" :
			      e == -EADDRINUSE ? "; another program of this machine has it" :
			      e == -EADDRNOTAVAIL ? "; this machine has no such address" : "");
	return e;
}

int publish_new(const struct uplink_config *cfg, int epfd, frame_fn emit, void *arg, struct publish **out, struct ctl_error *err)
{
	struct publish *p = calloc(1, sizeof(*p));
	be32 gw = inaddr_v4(&cfg->v4.gateway);
	int e;

	if (!p)
		return ctl_error_set(err, -ENOMEM, "cannot publish ports: %s", strerror(ENOMEM));
	p->cfg = cfg;
	p->epfd = epfd;
	p->emit = emit;
	p->arg = arg;
	p->accepting = true;
	p->mac[0] = 0x52; /* as libslirp makes its gateway's from its address */
	p->mac[1] = 0x55;
	memcpy(p->mac + 2, &gw, 4);
	list_init(&p->ports);
	list_init(&p->tcp_flows);
	list_init(&p->tcp_ready);
	list_init(&p->udp_flows);
	list_init(&p->udp_ready);
	e = make_world(p);
	if (!e)
		e = htable_init(&p->udp_by_client, &p->w->mem, 64);
	if (e)
		return ctl_error_set(err, e, "cannot publish ports: %s", strerror(-e)); /* the process ends with it */
	for (unsigned i = 0; !e && i < cfg->npublish; i++)
		e = publish_port(p, &cfg->publish[i], err);
	*out = p;
	return e;
}

/* -- connections -- */

static bool within(const struct uplink_net *n, const struct inaddr *a)
{
	return n->on && v6_prefix_eq(a, &n->addr, n->prefix_len + (inaddr_is_v4(&n->addr) ? 96u : 0));
}

struct inaddr publish_client(const struct publish *p, const struct sockaddr_storage *from, be16 *port)
{
	struct inaddr a;

	if (from->ss_family == AF_INET) {
		const struct sockaddr_in *sin = (const void *)from;

		a = inaddr_from_v4((be32){ sin->sin_addr.s_addr });
		port->raw = sin->sin_port;
		return v4_is_loopback(inaddr_v4(&a)) || be32_to_cpu(inaddr_v4(&a)) >> 24 == 0 || within(&p->cfg->v4, &a) ? p->cfg->v4.gateway : a;
	}
	const struct sockaddr_in6 *sin6 = (const void *)from;

	a = inaddr_from_v6(&sin6->sin6_addr);
	port->raw = sin6->sin6_port;
	return v6_is_loopback(&a) || v6_is_linklocal(&a) || inaddr_is_v4(&a) || within(&p->cfg->v6, &a) ? p->cfg->v6.gateway : a;
}

static socklen_t to_sockaddr(const struct inaddr *a, be16 port, struct sockaddr_storage *ss)
{
	memset(ss, 0, sizeof(*ss));
	if (inaddr_is_v4(a)) {
		*(struct sockaddr_in *)ss = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = port.raw, .sin_addr = { inaddr_v4(a).raw } };
		return sizeof(struct sockaddr_in);
	}
	struct sockaddr_in6 *sin6 = (void *)ss;

	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = port.raw;
	memcpy(&sin6->sin6_addr, a->b, 16);
	return sizeof(*sin6);
}

int publish_connect(struct publish *p, int type, const struct sockaddr_storage *from, be16 inner, weft_socket **out)
{
	bool v4 = from->ss_family == AF_INET, tcp = type == SOCK_STREAM;
	const struct uplink_net *n = v4 ? &p->cfg->v4 : &p->cfg->v6;
	struct sockaddr_storage me, peer;
	struct inaddr client;
	socklen_t len;
	int one = 1, e;
	be16 port;

	client = publish_client(p, from, &port);
	e = weft_socket_new(p->net, from->ss_family, type, 0, out);
	if (e)
		return e;
	e = weft_setsockopt(*out, v4 ? SOL_IP : SOL_IPV6, v4 ? IP_TRANSPARENT : IPV6_TRANSPARENT, &one, sizeof(one));
	if (!e)
		e = weft_setsockopt(*out, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (!e && tcp)
		e = weft_setsockopt(*out, SOL_TCP, 1 /* TCP_NODELAY */, &one, sizeof(one));
	/* One client may call two published ports that lead to one inside, or one that its last connection has just left: then its port is taken. */
	for (int tries = 0; !e && tries < 2; tries++) {
		bool taken = publish_has(p, tcp ? IPPROTO_TCP : IPPROTO_UDP, &client, port, &n->addr, inner);

		if (taken || tries)
			port.raw = 0;
		len = to_sockaddr(&client, port, &me);
		e = weft_bind(*out, (struct sockaddr *)&me, len);
		if (e == -EADDRINUSE && !tries)
			e = 0;
		else
			break;
	}
	if (!e) {
		len = to_sockaddr(&n->addr, inner, &peer);
		e = weft_connect(*out, (struct sockaddr *)&peer, len);
	}
	if (e && e != -EINPROGRESS) {
		weft_close(*out);
		*out = NULL;
	}
	return e;
}

bool publish_has(void *publish, u8 proto, const struct inaddr *client, be16 cport, const struct inaddr *inner, be16 iport)
{
	struct publish *p = publish;
	const struct inet_hash *h = proto == IPPROTO_TCP ? &p->net->tcp->hash : &p->net->udp->hash;

	return inet_est_find(h, client, cport, inner, iport, rx_ifs_any(p->ifindex)) != NULL;
}

/* -- frames -- */

void publish_input(struct publish *p, const void *frame, size_t len)
{
	struct eth_hdr h;
	struct iovec iov[2] = { { &h, sizeof(h) }, { (u8 *)frame + sizeof(h), len - sizeof(h) } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };

	memcpy(&h, frame, sizeof(h));
	if (!eth_addr_is_multicast(h.dst)) /* to a gateway of either family, whose addresses differ */
		memcpy(h.dst, p->mac, sizeof(p->mac));
	weft_sendmsg(p->tap, &m, 0); /* what it cannot take is lost, as on any wire */
}

/* Of what this side says to all, only its questions for neighbours are for the stack. */
static bool is_for_the_stack(const u8 *f, size_t len)
{
	const struct eth_hdr *h = (const void *)f;
	const struct ip6_hdr *ip = (const void *)(f + ETH_HDR_LEN);

	if (len < ETH_HDR_LEN)
		return false;
	if (!eth_addr_is_multicast(h->dst) || be16_to_cpu(h->type) == ETH_P_ARP)
		return true;
	return be16_to_cpu(h->type) == ETH_P_IPV6 && len > ETH_HDR_LEN + IP6_HDR_LEN && ip->nexthdr == IP6_NH_ICMP &&
	       f[ETH_HDR_LEN + IP6_HDR_LEN] == ICMP6_NS;
}

static bool send_frames(struct publish *p)
{
	bool any = false;
	ssize_t n;

	for (unsigned i = 0; i < FRAMES_PER_TURN && (n = weft_recv(p->tap, p->buf, sizeof(p->buf), 0)) > 0; i++) {
		any = true;
		if (is_for_the_stack(p->buf, (size_t)n))
			p->emit(p->arg, p->buf, (size_t)n);
	}
	return any;
}

/* -- turns -- */

void publish_event(struct publish *p, void *ptr, u32 events)
{
	struct watch *w = ptr;

	switch (w->kind) {
	case WATCH_TCP_LISTENER:
		tcp_flow_accept(p, container_of(w, struct pub_port, watch));
		break;
	case WATCH_TCP_FLOW:
		tcp_flow_event(container_of(w, struct tcp_flow, watch), events);
		break;
	case WATCH_UDP:
		udp_port_rx(p, container_of(w, struct pub_port, watch));
		break;
	}
}

u64 publish_run(struct publish *p, u64 now, bool stalled)
{
	u64 next, idle;
	bool again;

	p->now = now;
	if (p->accept_at_ns && now >= p->accept_at_ns)
		tcp_accepting(p, true);
	for (unsigned turn = 0; turn < 16; turn++) {
		next = weft_step(p->w, now);
		again = tcp_flows_run(p);
		again |= udp_flows_run(p);
		if (!stalled)
			again |= send_frames(p);
		if (!again && next > now)
			break;
	}
	idle = udp_flows_expire(p);
	next = again ? now : MIN(next, idle);
	return p->accept_at_ns ? MIN(next, p->accept_at_ns) : next;
}
