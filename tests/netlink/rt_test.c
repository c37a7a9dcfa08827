/* rtnetlink where transcripts do not reach: NLM_F_ECHO, listeners to all namespaces, ids of namespaces that die, families that
 * are not there, large tables read slowly, requests without rights, and every allocation failing once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>

#include "codec/netlink/nl_attr.h"
#include "inet/ip4/ip4.h"
#include "inet/route/fib.h"
#include "link/neigh.h"
#include "link/netdevice.h"
#include "stack/stack.h"
#include "tests/netlink/transcript.h"

struct fixture {
	struct play p;
	struct netns *a, *b;
	struct socket *s;
	u8 buf[65536];
	ssize_t n;
	u32 seq;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_int_equal(play_init(&f->p, &stack_tables, 2), 0);
	cpu_enter(f->p.cpu, f->p.now);
	f->p.cpu->caller = &f->p.caller;
	assert_int_equal(netns_new(f->p.w, "a", 0, &f->a), 0);
	assert_int_equal(netns_new(f->p.w, "b", 0, &f->b), 0);
	f->p.fds[3] = f->a;
	f->p.fds[4] = f->b;
	assert_int_equal(socket_new(f->p.cpu, f->a, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, &f->s), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	socket_close(f->p.cpu, f->s);
	f->p.cpu->caller = NULL;
	cpu_leave(f->p.cpu);
	world_run(f->p.w, f->p.now);
	play_fini(&f->p);
	free(f);
	return 0;
}

static const struct nlmsghdr *receive(struct fixture *f, struct socket *s)
{
	struct iovec iov = { f->buf, sizeof(f->buf) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	f->n = socket_recvmsg(f->p.cpu, s, &m, 0);
	return f->n > 0 ? (const struct nlmsghdr *)f->buf : NULL;
}

static int error_of(const struct nlmsghdr *h)
{
	if (h && h->nlmsg_type == NLMSG_DONE)
		return *(const int *)(h + 1);
	return h && h->nlmsg_type == NLMSG_ERROR ? ((const struct nlmsgerr *)(h + 1))->error : 1;
}

/* Sends what b holds (and frees it). */
static void ask(struct fixture *f, struct socket *s, struct nl_buf *b)
{
	struct iovec iov = { b->data, b->len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	assert_int_equal(nl_end(b), 0);
	assert_int_equal(socket_sendmsg(f->p.cpu, s, &m, 0), iov.iov_len);
	nl_buf_fini(b);
}

static void *start(struct fixture *f, struct nl_buf *b, u16 type, u16 flags, size_t hdr)
{
	nl_buf_init(b, &f->p.w->mem, 0);
	return nl_begin(b, type, NLM_F_REQUEST | flags, ++f->seq, 0, hdr);
}

static void up(struct fixture *f, struct netns *net, const char *name)
{
	struct net_device *dev = dev_by_name(net, name);

	assert_non_null(dev);
	assert_int_equal(dev_change_flags(f->p.cpu, dev, dev->flags | IFF_UP, NULL), 0);
}

static void add_addr(struct fixture *f, struct socket *s, s32 ifindex, u32 addr, u16 flags)
{
	struct nl_buf b;
	struct ifaddrmsg *m = start(f, &b, RTM_NEWADDR, NLM_F_CREATE | flags, sizeof(*m));

	*m = (struct ifaddrmsg){ .ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_index = (u32)ifindex };
	nl_put_u32(&b, IFA_LOCAL, addr);
	ask(f, s, &b);
}

static void add_veth(struct fixture *f, struct socket *s, const char *name, const char *peer, int peer_fd, u16 flags)
{
	struct nl_buf b;
	size_t info, data, p;

	start(f, &b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK | flags, sizeof(struct ifinfomsg));
	nl_put_str(&b, IFLA_IFNAME, name);
	info = nl_nest(&b, IFLA_LINKINFO);
	nl_put_str(&b, IFLA_INFO_KIND, "veth");
	data = nl_nest(&b, IFLA_INFO_DATA);
	p = b.len;
	nl_put(&b, 1 /* VETH_INFO_PEER */, &(struct ifinfomsg){ 0 }, sizeof(struct ifinfomsg));
	nl_put_str(&b, IFLA_IFNAME, peer);
	nl_put_u32(&b, IFLA_NET_NS_FD, (u32)peer_fd);
	nl_nest_end(&b, p);
	nl_nest_end(&b, data);
	nl_nest_end(&b, info);
	ask(f, s, &b);
	assert_int_equal(error_of(receive(f, s)), flags & NLM_F_ECHO ? 1 : 0);
}

static void echo(void **state)
{
	struct fixture *f = *state;
	const struct nlmsghdr *h;

	up(f, f->a, "lo");
	add_addr(f, f->s, 1, 0x0200000a, NLM_F_ECHO | NLM_F_ACK);
	h = receive(f, f->s);
	assert_non_null(h);
	assert_int_equal(h->nlmsg_type, RTM_NEWADDR);
	assert_int_equal(h->nlmsg_seq, f->seq);
	h = receive(f, f->s);
	assert_int_equal(error_of(h), 0);
	assert_null(receive(f, f->s)); /* the address's routes are nobody's request */
	add_addr(f, f->s, 1, 0x0300000a, 0);
	assert_null(receive(f, f->s));
}

/* As recorded from Linux 6.18: the link that was asked for, not its peer; of a pair that goes, both; of changes, nothing. */
static void echo_link(void **state)
{
	struct fixture *f = *state;
	const struct nlmsghdr *h;
	struct nl_buf b;

	add_veth(f, f->s, "v0", "v1", 3, NLM_F_ECHO);
	h = (const struct nlmsghdr *)f->buf;
	assert_int_equal(h->nlmsg_type, RTM_NEWLINK);
	assert_int_equal(h->nlmsg_seq, f->seq);
	assert_int_equal(((const struct ifinfomsg *)(h + 1))->ifi_index, dev_by_name(f->a, "v0")->ifindex);
	assert_int_equal(error_of(receive(f, f->s)), 0);
	assert_null(receive(f, f->s));
	for (u16 type = RTM_NEWLINK; type <= RTM_DELLINK; type++) {
		struct ifinfomsg *m = start(f, &b, type, NLM_F_ECHO | NLM_F_ACK, sizeof(*m));
		m->ifi_index = dev_by_name(f->a, "v0")->ifindex;
		m->ifi_flags = m->ifi_change = type == RTM_NEWLINK ? IFF_UP : 0;
		ask(f, f->s, &b);
		for (int i = 0; type == RTM_DELLINK && i < 2; i++) {
			h = receive(f, f->s);
			assert_int_equal(h->nlmsg_type, RTM_DELLINK);
			assert_int_equal(h->nlmsg_seq, f->seq);
		}
		assert_int_equal(error_of(receive(f, f->s)), 0);
		assert_null(receive(f, f->s));
	}
}

static void all_namespaces(void **state)
{
	struct fixture *f = *state;
	struct socket *l;
	u32 on = 1, group = RTNLGRP_LINK;
	char control[64];
	struct iovec iov = { f->buf, sizeof(f->buf) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c;

	add_veth(f, f->s, "v0", "v1", 4, 0);
	assert_int_equal(socket_new(f->p.cpu, f->a, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, &l), 0);
	assert_int_equal(socket_bind(f->p.cpu, l, (struct sockaddr *)&(struct sockaddr_nl){ .nl_family = AF_NETLINK }, sizeof(struct sockaddr_nl)), 0);
	assert_int_equal(socket_setsockopt(f->p.cpu, l, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, 4), 0);
	up(f, f->b, "v1");
	assert_null(receive(f, l)); /* it happened elsewhere */
	assert_int_equal(socket_setsockopt(f->p.cpu, l, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &on, 4), 0);
	/* b has no id in a yet: nothing is heard. Showing v0 gives it one. */
	struct nl_buf b;
	start(f, &b, RTM_GETLINK, 0, sizeof(struct ifinfomsg));
	nl_put_str(&b, IFLA_IFNAME, "v0");
	ask(f, f->s, &b);
	assert_int_equal(receive(f, f->s)->nlmsg_type, RTM_NEWLINK);
	dev_set_mtu(f->p.cpu, dev_by_name(f->b, "v1"), 1400, NULL);
	assert_true(socket_recvmsg(f->p.cpu, l, &m, 0) > 0);
	c = (struct cmsghdr *)control;
	assert_int_equal(m.msg_controllen > 0, 1);
	assert_int_equal(c->cmsg_level, SOL_NETLINK);
	assert_int_equal(c->cmsg_type, NETLINK_LISTEN_ALL_NSID);
	assert_int_equal(*(s32 *)CMSG_DATA(c), 0);
	socket_close(f->p.cpu, l);
}

static void namespace_dies(void **state)
{
	struct fixture *f = *state;
	u32 group = RTNLGRP_NSID;
	const struct nlmsghdr *h;
	struct nl_buf b;
	struct socket *l;

	assert_int_equal(socket_new(f->p.cpu, f->a, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, &l), 0);
	assert_int_equal(socket_bind(f->p.cpu, l, (struct sockaddr *)&(struct sockaddr_nl){ .nl_family = AF_NETLINK }, sizeof(struct sockaddr_nl)), 0);
	assert_int_equal(socket_setsockopt(f->p.cpu, l, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, 4), 0);
	start(f, &b, RTM_NEWNSID, NLM_F_ACK, sizeof(struct rtgenmsg));
	nl_put_u32(&b, NETNSA_FD, 4);
	nl_put_u32(&b, NETNSA_NSID, 7);
	ask(f, f->s, &b);
	assert_int_equal(error_of(receive(f, f->s)), 0);
	assert_int_equal(receive(f, l)->nlmsg_type, RTM_NEWNSID);
	f->p.fds[4] = NULL;
	netns_free(f->b);
	h = receive(f, l);
	assert_non_null(h);
	assert_int_equal(h->nlmsg_type, RTM_DELNSID);
	assert_int_equal(*(const s32 *)((const u8 *)h + 24), 7);
	start(f, &b, RTM_GETNSID, 0, sizeof(struct rtgenmsg));
	nl_put_u32(&b, NETNSA_FD, 4);
	ask(f, f->s, &b);
	assert_int_equal(error_of(receive(f, f->s)), -EBADF);
	socket_close(f->p.cpu, l);
}

static int dump_of(struct fixture *f, u16 type, u8 family, size_t hdr, u16 *first)
{
	const struct nlmsghdr *h;
	struct nl_buf b;
	u8 *m = start(f, &b, type, NLM_F_DUMP, hdr);

	*m = family;
	ask(f, f->s, &b);
	*first = 0;
	while ((h = receive(f, f->s))) {
		ssize_t at = 0;
		for (; at < f->n; at += NLMSG_ALIGN(h->nlmsg_len)) {
			h = (const struct nlmsghdr *)(f->buf + at);
			if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
				return error_of(h);
			if (!*first)
				*first = h->nlmsg_type;
		}
	}
	return 1;
}

/* A family without a handler gets AF_UNSPEC's; IPv6 has its own. */
static void families(void **state)
{
	struct fixture *f = *state;
	struct nl_buf b;
	struct ifaddrmsg *m;
	u16 first;

	up(f, f->a, "lo");
	assert_int_equal(dump_of(f, RTM_GETADDR, AF_INET6, sizeof(struct ifaddrmsg), &first), 0);
	assert_int_equal(first, RTM_NEWADDR);
	assert_int_equal(dump_of(f, RTM_GETLINK, AF_PACKET, sizeof(struct ifinfomsg), &first), 0);
	assert_int_equal(first, RTM_NEWLINK);
	assert_int_equal(dump_of(f, RTM_GETLINK, AF_INET6, sizeof(struct ifinfomsg), &first), 0);
	assert_int_equal(first, RTM_NEWLINK);
	assert_int_equal(dump_of(f, RTM_GETLINK, AF_BRIDGE, sizeof(struct ifinfomsg), &first), 0);
	assert_int_equal(first, 0);
	assert_int_equal(dump_of(f, RTM_GETNEIGH, AF_INET6, sizeof(struct rtmsg), &first), 0);
	assert_int_equal(dump_of(f, RTM_GETRULE, AF_INET6, sizeof(struct rtmsg), &first), 0);
	assert_int_equal(first, RTM_NEWRULE);
	assert_int_equal(dump_of(f, RTM_GETRULE, AF_PACKET, sizeof(struct rtmsg), &first), -EAFNOSUPPORT);
	assert_int_equal(dump_of(f, RTM_GETADDRLABEL, AF_INET6, 8, &first), 0);
	assert_int_equal(first, RTM_NEWADDRLABEL);
	m = start(f, &b, RTM_NEWADDR, 0, sizeof(*m));
	*m = (struct ifaddrmsg){ .ifa_family = AF_INET6, .ifa_prefixlen = 64, .ifa_index = 1 };
	ask(f, f->s, &b);
	assert_int_equal(error_of(receive(f, f->s)), -EINVAL); /* no address in it */
}

static void no_rights(void **state)
{
	struct fixture *f = *state;
	u16 first;

	f->p.caller.net_admin = false;
	add_addr(f, f->s, 1, 0x0200000a, 0);
	assert_int_equal(error_of(receive(f, f->s)), -EPERM);
	assert_int_equal(dump_of(f, RTM_GETLINK, 0, sizeof(struct ifinfomsg), &first), 0); /* looking is free */
	f->p.caller.net_admin = true;
}

/* A thousand routes, read one datagram at a time while others come and go: all that stay are told once, in order. */
static void slow_reader(void **state)
{
	struct fixture *f = *state;
	struct fib_config c = { .family = AF_INET, .prefix_len = 24, .type = RTN_BLACKHOLE, .table = RT_TABLE_MAIN,
				.protocol = RTPROT_STATIC, .nl_flags = NLM_F_CREATE | NLM_F_EXCL };
	struct nl_buf b;
	u32 told = 0, last = 0, datagrams = 0;
	bool done = false;

	for (u32 i = 0; i < 1000; i++) {
		c.dst = inaddr_from_v4(cpu_to_be32(0x0a000000 + i * 512));
		assert_int_equal(fib_route_add(f->p.cpu, f->a, &c), 0);
	}
	*(u8 *)start(f, &b, RTM_GETROUTE, NLM_F_DUMP, sizeof(struct rtmsg)) = AF_INET;
	ask(f, f->s, &b);
	while (!done && receive(f, f->s)) {
		datagrams++;
		for (ssize_t at = 0; at < f->n;) {
			const struct nlmsghdr *h = (const struct nlmsghdr *)(f->buf + at);
			u32 dst = __builtin_bswap32(*(const u32 *)((const u8 *)h + 40));
			at += NLMSG_ALIGN(h->nlmsg_len);
			if (h->nlmsg_type == NLMSG_DONE) {
				done = true;
				continue;
			}
			assert_true(dst > last);
			last = dst;
			told += !((dst >> 8) & 1);
		}
		c.dst = inaddr_from_v4(cpu_to_be32(0x0a000100 + (datagrams & 1 ? 512u * 999 : 0))); /* behind and before the reader */
		fib_route_add(f->p.cpu, f->a, &c);
	}
	assert_true(done);
	assert_int_equal(told, 1000);
	assert_true(datagrams > 2);
}

/* Neighbours that come and go between the parts of a dump: who stays is told of once, who comes at most once. */
static void neighbours_change(void **state)
{
	enum { FIRST = 2400, MORE = 300 };
	struct fixture *f = *state;
	struct nl_buf b;
	struct net_device *dev;
	u8 told[FIRST + MORE] = { 0 }, gone[FIRST + MORE] = { 0 };
	u32 next = FIRST, datagrams = 0, key;
	bool done = false;

	add_veth(f, f->s, "v0", "v1", 4, 0);
	dev = dev_by_name(f->a, "v0");
	up(f, f->a, "v0");
	for (u32 i = 0; i < FIRST; i++) {
		key = cpu_to_be32(0x0a000000 + i).raw;
		assert_int_equal(neigh_update(f->p.cpu, neigh_get(f->p.cpu, &arp_table, &key, dev), (const u8 *)"\2\0\0\0\0\1", NUD_PERMANENT,
					      NEIGH_UPDATE_ADMIN | NEIGH_UPDATE_OVERRIDE, 0), 0);
	}
	*(u8 *)start(f, &b, RTM_GETNEIGH, NLM_F_DUMP, sizeof(struct ndmsg)) = AF_INET;
	ask(f, f->s, &b);
	while (!done && receive(f, f->s)) {
		datagrams++;
		for (ssize_t at = 0; at < f->n;) {
			const struct nlmsghdr *h = (const struct nlmsghdr *)(f->buf + at);
			at += NLMSG_ALIGN(h->nlmsg_len);
			done |= h->nlmsg_type == NLMSG_DONE;
			assert_false(h->nlmsg_flags & NLM_F_DUMP_INTR);
			if (h->nlmsg_type == RTM_NEWNEIGH)
				told[(__builtin_bswap32(*(const u32 *)((const u8 *)h + 32))) & 0xfff]++;
		}
		for (u32 i = datagrams; i < FIRST; i += 7) { /* told of already, and not yet */
			struct neighbour *n;
			key = cpu_to_be32(0x0a000000 + i).raw;
			if ((n = neigh_lookup(&arp_table, &key, dev)) && neigh_del(f->p.cpu, n) >= 0)
				gone[i] = 1;
		}
		for (u32 i = 0; i < 20 && next < FIRST + MORE; i++, next++) {
			key = cpu_to_be32(0x0a000000 + next).raw;
			neigh_update(f->p.cpu, neigh_get(f->p.cpu, &arp_table, &key, dev), (const u8 *)"\2\0\0\0\0\1", NUD_PERMANENT,
				     NEIGH_UPDATE_ADMIN | NEIGH_UPDATE_OVERRIDE, 0);
		}
	}
	assert_true(done);
	assert_true(datagrams > 3);
	for (u32 i = 0; i < next; i++) {
		assert_true(told[i] <= 1);
		if (i < FIRST && !gone[i])
			assert_int_equal(told[i], 1);
	}
}

/* Everything that makes, shows, moves and removes a veth pair, with the n-th allocation failing. */
static void no_memory(void **state)
{
	struct fixture *f = *state;
	struct nl_buf b;
	u16 first;

	for (u64 n = 1; n < 120; n += 1 + n / 20) {
		struct net_device *dev;
		size_t info;

		start(f, &b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, sizeof(struct ifinfomsg));
		nl_put_str(&b, IFLA_IFNAME, "v0");
		info = nl_nest(&b, IFLA_LINKINFO);
		nl_put_str(&b, IFLA_INFO_KIND, "veth");
		nl_nest_end(&b, info);
		assert_int_equal(nl_end(&b), 0);
		struct iovec iov = { b.data, b.len };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
		f->p.w->mem.fail_at = n;
		socket_sendmsg(f->p.cpu, f->s, &m, 0);
		f->p.w->mem.fail_at = 0;
		nl_buf_fini(&b);
		while (receive(f, f->s) || f->n != -EAGAIN)
			continue;
		f->p.w->mem.fail_at = n;
		dev = dev_by_name(f->a, "v0");
		if (dev)
			dev_change_flags(f->p.cpu, dev, dev->flags | IFF_UP, NULL);
		f->p.w->mem.fail_at = 0;
		dump_of(f, RTM_GETLINK, 0, sizeof(struct ifinfomsg), &first);
		while (receive(f, f->s) || f->n != -EAGAIN)
			continue;
		dev = dev_by_name(f->a, "v0");
		if (!dev)
			continue;
		struct ifinfomsg *im = start(f, &b, RTM_DELLINK, 0, sizeof(*im));
		im->ifi_index = dev->ifindex;
		ask(f, f->s, &b);
		assert_null(dev_by_name(f->a, "v0"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(echo, setup, teardown),
		cmocka_unit_test_setup_teardown(echo_link, setup, teardown),
		cmocka_unit_test_setup_teardown(all_namespaces, setup, teardown),
		cmocka_unit_test_setup_teardown(namespace_dies, setup, teardown),
		cmocka_unit_test_setup_teardown(families, setup, teardown),
		cmocka_unit_test_setup_teardown(no_rights, setup, teardown),
		cmocka_unit_test_setup_teardown(slow_reader, setup, teardown),
		cmocka_unit_test_setup_teardown(neighbours_change, setup, teardown),
		cmocka_unit_test_setup_teardown(no_memory, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
