/* Fuzz: IPv6 frames from hostile neighbours at a host with two links (a router in one mode) and with sockets of every kind in both
 * families: extension headers, fragments, neighbour discovery, router advertisements, redirects, MLD, ICMPv6 errors about what the
 * host sent, TCP and UDP, time passing in between. All memory must come back at the end.
 *
 * The input is a byte of modes (1 forwarding; 2 advertisements accepted all the same; 4 duplicates are not looked for; 8 segment
 * routing, 16 multicast ping answered to nobody, 32 frames come while duplicates are looked for, 64 temporary addresses, 128 addresses
 * from a secret), then a sequence of: flags (1 byte, enum flag), length (2 bytes), bytes of the packet.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include <weft/weft.h>

#include "codec/wire/eth.h"
#include "inet/ip6/ip6_priv.h"
#include "link/l3_proto.h"
#include "link/netdevice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum flag { FROM_FAR = 1, LENGTH = 2, ADDRESSES = 4, CHECKSUM = 8, TO_GROUP = 16, SECOND = 32, HOPS_255 = 64, PROGRAM = 128 };
enum { NEAR, HOST, FAR, NAMESPACES };
enum { SOCKS = 10 };

struct fixture {
	weft_world *w;
	weft_netns *ns[NAMESPACES];
	struct net_device *dev[2];	  /* the host's, to near and far */
	const u8 *peer_mac[2];
	weft_socket *sock[SOCKS];
};

static const struct { int family, type, proto; const char *bound; u16 port; const char *peer; } sockets[SOCKS] = {
	{ AF_INET6, SOCK_STREAM, 0, "::", 80, NULL },
	{ AF_INET, SOCK_STREAM, 0, "0.0.0.0", 81, NULL },
	{ AF_INET6, SOCK_DGRAM, 0, "::", 53, NULL },
	{ AF_INET, SOCK_DGRAM, 0, "0.0.0.0", 54, NULL },
	{ AF_INET6, SOCK_DGRAM, 0, "::", 55, "2001:db8:1::2" },
	{ AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, NULL, 0, NULL },
	{ AF_INET6, SOCK_RAW, 253, NULL, 0, NULL },
	{ AF_INET, SOCK_RAW, 253, NULL, 0, NULL },
	{ AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6, "::", 7, NULL },
	{ AF_INET6, SOCK_STREAM, 0, "::", 82, "2001:db8:2::2" },
};
/* Sources and destinations that get past the first checks; the last byte that the packet has picks one. */
static const char *const sources[] = { "fe80::2", "2001:db8:1::2", "2001:db8:2::2", "::", "2001:db8:1::1", "fe80::99", "2001:db8:9::9",
				       "::ffff:10.0.0.2" };
static const char *const dests[] = { "2001:db8:1::1", "fe80::1", "2001:db8:2::2", "ff02::1", "ff02::1:ff00:1", "ff02::2", "ff0e::1234",
				     "2001:db8:7::7" };

static u32 address_of(const char *text, u16 port, struct sockaddr_storage *to)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;
	struct sockaddr_in *in = (struct sockaddr_in *)to;

	memset(to, 0, sizeof *to);
	if (!strchr(text, ':')) {
		in->sin_family = AF_INET;
		in->sin_port = cpu_to_be16(port).raw;
		return sizeof *in;
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = cpu_to_be16(port).raw;
	inet_pton(AF_INET6, text, &in6->sin6_addr);
	return sizeof *in6;
}

static void sockets_open(struct fixture *f)
{
	static const int wanted[] = { IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT, IPV6_RECVRTHDR, IPV6_RECVHOPOPTS, IPV6_RECVDSTOPTS, IPV6_RECVTCLASS,
				      IPV6_RECVERR, IPV6_RECVPATHMTU, IPV6_RECVFRAGSIZE, IPV6_AUTOFLOWLABEL };
	struct sockaddr_storage a;

	for (unsigned i = 0; i < SOCKS; i++) {
		weft_socket **s = &f->sock[i];

		if (weft_socket_new(f->ns[HOST], sockets[i].family, sockets[i].type, sockets[i].proto, s)) {
			*s = NULL;
			continue;
		}
		for (unsigned k = 0; k < ARRAY_SIZE(wanted) && sockets[i].family == AF_INET6; k++)
			weft_setsockopt(*s, IPPROTO_IPV6, wanted[k], &(int){ 1 }, sizeof(int));
		if (sockets[i].bound)
			weft_bind(*s, (struct sockaddr *)&a, address_of(sockets[i].bound, sockets[i].port, &a));
		if (sockets[i].peer)
			weft_connect(*s, (struct sockaddr *)&a, address_of(sockets[i].peer, 9, &a));
		else if (sockets[i].type == SOCK_STREAM)
			weft_listen(*s, 4);
	}
	if (f->sock[2]) { /* of any source; of one source */
		struct ipv6_mreq any = { .ipv6mr_interface = (unsigned)f->dev[0]->ifindex };
		struct group_source_req one = { .gsr_interface = (unsigned)f->dev[0]->ifindex };

		inet_pton(AF_INET6, "ff0e::1234", &any.ipv6mr_multiaddr);
		address_of("ff0e::4321", 0, &one.gsr_group);
		address_of("2001:db8:1::2", 0, &one.gsr_source);
		weft_setsockopt(f->sock[2], IPPROTO_IPV6, IPV6_JOIN_GROUP, &any, sizeof any);
		weft_setsockopt(f->sock[2], IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP, &one, sizeof one);
	}
}

/* The host's programs: all read what there is, errors as well; those with a peer send. */
static void program(struct fixture *f)
{
	static char buf[4000];
	u8 control[1000];

	for (unsigned i = 0; i < SOCKS; i++) {
		struct sockaddr_storage from;
		struct iovec iov = { buf, sizeof buf };
		struct msghdr m;
		weft_socket *child;

		if (!f->sock[i])
			continue;
		for (int flags = MSG_DONTWAIT; flags != -1; flags = flags & MSG_ERRQUEUE ? -1 : flags | MSG_ERRQUEUE)
			for (unsigned n = 0; n < 8; n++) {
				m = (struct msghdr){ .msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &iov, .msg_iovlen = 1,
						     .msg_control = control, .msg_controllen = sizeof control };
				if (weft_recvmsg(f->sock[i], &m, flags) <= 0)
					break;
			}
		if (sockets[i].peer)
			weft_send(f->sock[i], buf, 2000, MSG_DONTWAIT);
		else if (sockets[i].type == SOCK_STREAM && !weft_accept(f->sock[i], &child))
			weft_close(child);
	}
}

/* The upper protocol's checksum, behind as many extension headers as there are. */
static void checksum(u8 *p, u32 len)
{
	struct ip6_hdr *ip = (struct ip6_hdr *)p;
	u8 nh = ip->nexthdr, *daddr = ip->daddr;
	u32 at = IP6_HDR_LEN, field;
	u16 sum;

	while (ip6_is_ext(nh) && nh != IP6_NH_NONE && at + 8 <= len) {
		u32 n = ip6_ext_len(nh, p[at + 1]);

		if (nh == IP6_NH_ROUTING && p[at + 2] == IP6_RT_SEGMENT && at + 24 <= len)
			daddr = p + at + 8; /* the last segment */
		nh = p[at];
		at += n;
	}
	field = nh == IPPROTO_TCP ? 16 : nh == IPPROTO_UDP ? 6 : nh == IPPROTO_ICMPV6 ? 2 : 0;
	if (!field || at + field + 2 > len)
		return;
	memset(p + at + field, 0, 2);
	sum = csum_fold(csum_partial(p + at, len - at, csum_pseudo6(ip->saddr, daddr, len - at, nh)));
	memcpy(p + at + field, &sum, 2);
}

static void repair(u8 *p, u32 len, u8 flags)
{
	struct ip6_hdr *ip = (struct ip6_hdr *)p;

	if (len < IP6_HDR_LEN)
		return;
	if (flags & LENGTH) {
		p[0] = (u8)(0x60 | (p[0] & 15));
		ip->payload_len = cpu_to_be16((u16)(len - IP6_HDR_LEN));
	}
	if (flags & ADDRESSES) {
		inet_pton(AF_INET6, sources[ip->saddr[15] % ARRAY_SIZE(sources)], ip->saddr);
		inet_pton(AF_INET6, dests[ip->daddr[15] % ARRAY_SIZE(dests)], ip->daddr);
	}
	if (flags & HOPS_255)
		ip->hop_limit = 255;
	if (flags & CHECKSUM)
		checksum(p, len);
}

static void frame(struct fixture *f, const u8 *bytes, u32 len, u8 flags)
{
	struct cpu *cpu = f->ns[HOST]->home;
	struct net_device *dev = f->dev[flags & FROM_FAR];
	u8 group[6] = { 0x33, 0x33 };
	struct sk_buff *skb = skb_alloc(cpu, SKB_HEADROOM, len + ETH_HDR_LEN);

	if (!skb)
		return;
	cpu_enter(cpu, cpu->now);
	skb_reserve(skb, ETH_HDR_LEN);
	if (len)
		memcpy(skb_put(skb, len), bytes, len);
	repair(skb->data, len, flags);
	if (len >= IP6_HDR_LEN)
		memcpy(group + 2, skb->data + 36, 4);
	eth_build((struct eth_hdr *)skb_push(skb, ETH_HDR_LEN), flags & TO_GROUP ? group : dev->dev_addr, f->peer_mac[flags & FROM_FAR], ETH_P_IPV6);
	skb->dev = dev;
	if (eth_type_trans(skb, dev)) {
		skb->skb_iif = dev->ifindex;
		netif_receive(cpu, &skb, 1);
	} else {
		skb_drop(cpu, skb, SKB_DROP_REASON_PKT_TOO_SMALL);
	}
	cpu_leave(cpu);
}

static bool begin(struct fixture *f, u8 modes)
{
	static const char *const names[] = { "near", "host", "far" };
	weft_netns **ns = f->ns;

	if (weft_world_new(1, 1, &f->w))
		return false;
	for (unsigned i = 0; i < NAMESPACES; i++) {
		weft_netns_new(f->w, names[i], &ns[i]);
		weft_link_up(ns[i], "lo");
		if (modes & 4)
			weft_sysctl_set(ns[i], "net.ipv6.conf.default.accept_dad", "0");
	}
	if (modes & 1)
		weft_sysctl_set(ns[HOST], "net.ipv6.conf.all.forwarding", "1");
	if (modes & 2)
		weft_sysctl_set(ns[HOST], "net.ipv6.conf.default.accept_ra", "2");
	if (modes & 8) {
		weft_sysctl_set(ns[HOST], "net.ipv6.conf.all.seg6_enabled", "1");
		weft_sysctl_set(ns[HOST], "net.ipv6.conf.default.seg6_enabled", "1");
	}
	if (modes & 16)
		weft_sysctl_set(ns[HOST], "net.ipv6.icmp.echo_ignore_multicast", "1");
	if (modes & 64)
		weft_sysctl_set(ns[HOST], "net.ipv6.conf.default.use_tempaddr", "2");
	if (modes & 128)
		weft_sysctl_set(ns[HOST], "net.ipv6.conf.default.addr_gen_mode", "3");
	weft_sysctl_set(ns[HOST], "net.ipv4.ping_group_range", "0 100");
	weft_veth_new(ns[NEAR], "e0", ns[HOST], "e0");
	weft_veth_new(ns[HOST], "e1", ns[FAR], "e0");
	weft_addr_add(ns[NEAR], "e0", "2001:db8:1::2/64"), weft_addr_add(ns[NEAR], "e0", "fe80::2/64"), weft_addr_add(ns[NEAR], "e0", "10.0.0.2/24");
	weft_addr_add(ns[HOST], "e0", "2001:db8:1::1/64"), weft_addr_add(ns[HOST], "e0", "fe80::1/64"), weft_addr_add(ns[HOST], "e0", "10.0.0.1/24");
	weft_addr_add(ns[HOST], "e1", "2001:db8:2::1/64"), weft_addr_add(ns[FAR], "e0", "2001:db8:2::2/64");
	weft_link_up(ns[NEAR], "e0"), weft_link_up(ns[HOST], "e0"), weft_link_up(ns[HOST], "e1"), weft_link_up(ns[FAR], "e0");
	weft_route_add(ns[NEAR], "2001:db8::/32", "2001:db8:1::1", NULL);
	weft_route_add(ns[HOST], "2001:db8:7::/48", "2001:db8:1::2", NULL); /* back where it may have come from: a redirect */
	weft_route_add(ns[FAR], "2001:db8::/32", "2001:db8:2::1", NULL);
	f->dev[0] = dev_by_name(ns[HOST], "e0");
	f->dev[1] = dev_by_name(ns[HOST], "e1");
	f->peer_mac[0] = dev_by_name(ns[NEAR], "e0")->dev_addr;
	f->peer_mac[1] = dev_by_name(ns[FAR], "e0")->dev_addr;
	dev_set_mtu(config_cpu(f->w), f->dev[1], IP6_MIN_MTU, NULL);
	weft_run_for(f->w, modes & 32 ? 100 * NSEC_PER_MSEC : 3 * NSEC_PER_SEC); /* duplicates were looked for */
	sockets_open(f);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fixture f = { .w = NULL };

	if (!size || !begin(&f, data[0]))
		return 0;
	for (data++, size--; size >= 3;) {
		u8 flags = data[0];
		u32 len = MIN((u32)(data[1] | data[2] << 8) % 3000, (u32)(size - 3));

		frame(&f, data + 3, len, flags);
		data += 3 + len;
		size -= 3 + len;
		weft_run_for(f.w, flags & SECOND ? NSEC_PER_SEC : 1000);
		if (flags & PROGRAM)
			program(&f);
	}
	weft_run_for(f.w, 70 * NSEC_PER_SEC); /* fragments are waited for for 60 */
	assert(!f.ns[HOST]->ip6->frag_mem_bytes && !f.ns[FAR]->ip6->frag_mem_bytes);
	for (unsigned i = 0; i < SOCKS; i++)
		weft_close(f.sock[i]);
	weft_run_for(f.w, NSEC_PER_SEC);
	for (unsigned i = 0; i < NAMESPACES; i++)
		weft_netns_free(f.ns[i]);
	weft_world_free(f.w);
	return 0;
}
