/* Published UDP ports: a socket of the far side's world for each client that sends to one, connected to the port inside. Answers go back
 * from the address that the client sent to. Whoever is silent for two minutes is forgotten, and when there are too many, whoever was silent for longest.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "core/world.h"
#include "host/publish_impl.h"

#define DATAGRAMS_PER_TURN 64

static u64 client_hash(const struct publish *p, const struct pub_port *port, const struct sockaddr_storage *from, socklen_t len)
{
	return siphash(&p->key, from, len) ^ (u64)(uintptr_t)port;
}

static void udp_flow_free(struct publish *p, struct udp_flow *u)
{
	weft_close(u->s);
	htable_del(&p->udp_by_client, &u->node);
	list_del(&u->link);
	list_del(&u->ready);
	p->nudp--;
	free(u);
}

static void used(struct publish *p, struct udp_flow *u)
{
	u->used_ns = p->now;
	list_del(&u->link);
	list_add_tail(&p->udp_flows, &u->link);
}

static void on_weft(weft_socket *s, uint32_t events, void *arg)
{
	struct udp_flow *u = arg;

	if (!list_linked(&u->ready))
		list_add_tail(&u->p->udp_ready, &u->ready);
}

static struct udp_flow *flow_of(struct publish *p, struct pub_port *port, const struct sockaddr_storage *from, socklen_t len)
{
	u32 hash = (u32)client_hash(p, port, from, len);
	struct udp_flow *u;

	htable_for_each_match(u, &p->udp_by_client, hash, node)
		if (u->port == port && u->client_len == len && !memcmp(&u->client, from, len))
			return u;
	if (p->nudp == PUBLISH_UDP_MAX)
		udp_flow_free(p, list_first(&p->udp_flows, struct udp_flow, link));
	u = calloc(1, sizeof(*u));
	if (!u)
		return NULL;
	*u = (struct udp_flow){ .p = p, .port = port, .client_len = len };
	memcpy(&u->client, from, len);
	list_init(&u->ready);
	if (publish_connect(p, SOCK_DGRAM, from, port->inner, &u->s)) {
		free(u);
		return NULL;
	}
	weft_on_event(u->s, on_weft, u);
	htable_add(&p->udp_by_client, &u->node, hash);
	list_add_tail(&p->udp_flows, &u->link);
	p->nudp++;
	return u;
}

/* Where a datagram was sent to, as the control message that sends one from there. */
static void note_local(struct udp_flow *u, struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == SOL_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo i;

			memcpy(&i, CMSG_DATA(c), sizeof(i));
			i.ipi_ifindex = 0;
			memcpy(u->local, &i, sizeof(i));
		} else if (c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo i;

			memcpy(&i, CMSG_DATA(c), sizeof(i));
			if (!IN6_IS_ADDR_LINKLOCAL(&i.ipi6_addr))
				i.ipi6_ifindex = 0;
			memcpy(u->local, &i, sizeof(i));
		}
	}
}

void udp_port_rx(struct publish *p, struct pub_port *port)
{
	for (unsigned i = 0; i < DATAGRAMS_PER_TURN; i++) {
		union {
			struct cmsghdr h;
			char buf[CMSG_SPACE(sizeof(struct in6_pktinfo))];
		} c;
		struct sockaddr_storage from = { 0 };
		struct iovec iov = { p->buf, sizeof(p->buf) };
		struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c,
				    .msg_controllen = sizeof(c) };
		ssize_t n = recvmsg(port->fd, &m, 0);
		struct udp_flow *u;

		if (n < 0 && errno != ECONNREFUSED) /* an answer of ours was refused: nobody's loss here */
			return;
		if (n < 0)
			continue;
		u = flow_of(p, port, &from, m.msg_namelen);
		if (!u)
			continue; /* no room: lost, as a datagram may be */
		note_local(u, &m);
		used(p, u);
		weft_send(u->s, p->buf, (size_t)n, 0);
	}
}

static bool answer(struct publish *p, struct udp_flow *u)
{
	size_t info = u->port->v6 ? sizeof(struct in6_pktinfo) : sizeof(struct in_pktinfo);
	bool any = false;
	ssize_t n;

	for (unsigned i = 0; i < DATAGRAMS_PER_TURN; i++) {
		union {
			struct cmsghdr h;
			char buf[CMSG_SPACE(sizeof(struct in6_pktinfo))];
		} c = { .h = { .cmsg_len = CMSG_LEN(info), .cmsg_level = u->port->v6 ? SOL_IPV6 : SOL_IP,
			       .cmsg_type = u->port->v6 ? IPV6_PKTINFO : IP_PKTINFO } };
		struct iovec iov = { p->buf, 0 };
		struct msghdr m = { .msg_name = &u->client, .msg_namelen = u->client_len, .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c,
				    .msg_controllen = CMSG_SPACE(info) };

		n = weft_recv(u->s, p->buf, sizeof(p->buf), 0);
		if (n == -ECONNREFUSED)
			continue; /* nobody listens inside (yet): the client hears as little as through any address translation */
		if (n < 0)
			return any;
		iov.iov_len = (size_t)n;
		memcpy(CMSG_DATA(&c.h), u->local, info);
		used(p, u);
		any = true;
		if (sendmsg(u->port->fd, &m, 0) < 0)
			continue; /* lost */
	}
	if (!list_linked(&u->ready))
		list_add_tail(&p->udp_ready, &u->ready);
	return true;
}

bool udp_flows_run(struct publish *p)
{
	struct list now;
	bool any = false;

	list_init(&now);
	list_splice_tail(&now, &p->udp_ready);
	while (!list_empty(&now)) {
		struct udp_flow *u = list_first(&now, struct udp_flow, ready);

		list_del(&u->ready);
		any |= answer(p, u);
	}
	return any;
}

u64 udp_flows_expire(struct publish *p)
{
	while (!list_empty(&p->udp_flows)) {
		struct udp_flow *u = list_first(&p->udp_flows, struct udp_flow, link);

		if (u->used_ns + PUBLISH_UDP_IDLE_NS > p->now)
			return u->used_ns + PUBLISH_UDP_IDLE_NS;
		udp_flow_free(p, u);
	}
	return UINT64_MAX;
}
