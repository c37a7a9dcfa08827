/* Packet sockets on this machine's kernel and on weft: what they see of the loopback, and what becomes of what they send. */
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/ioctl.h>

#include "tests/kernel_compare/both_sides.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

static sock pk_new(int type, int ethertype) { return sk_new_of(AF_PACKET, type, htons((uint16_t)ethertype)); }
static int pk_bind(sock s, int ethertype, int ifindex, socklen_t len)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_protocol = htons((uint16_t)ethertype), .sll_ifindex = ifindex };
	return on_weft ? weft_bind(s.s, (struct sockaddr *)&a, len) : bind(s.fd, (struct sockaddr *)&a, len) ? -errno : 0;
}
static ssize_t pk_send(sock s, const struct sockaddr_ll *a, socklen_t alen, const void *data, size_t len)
{
	struct iovec v = { (void *)data, len };
	struct msghdr m = { .msg_name = (void *)a, .msg_namelen = alen, .msg_iov = &v, .msg_iovlen = 1 };
	ssize_t rc;
	if (!on_weft)
		return (rc = sendmsg(s.fd, &m, 0)) < 0 ? -errno : rc;
	rc = weft_sendmsg(s.s, &m, 0);
	weft_run_for(world, 1000000);
	return rc;
}
static void say_name(sock s)
{
	struct sockaddr_storage st;
	struct sockaddr_ll a;
	socklen_t len = sizeof st;
	memset(&st, 0, sizeof st);
	int err = on_weft ? weft_getsockname(s.s, &st, &len) : getsockname(s.fd, (struct sockaddr *)&st, &len) ? -errno : 0;
	memcpy(&a, &st, sizeof a);
	say("  name: %s %u: protocol %04x ifindex %d hatype %u pkttype %u halen %u addr %02x%02x\n", result(err), len, ntohs(a.sll_protocol), a.sll_ifindex,
	    a.sll_hatype, a.sll_pkttype, a.sll_halen, a.sll_addr[0], a.sll_addr[5]);
}

/* One frame, its address and its control messages; IP's identification and checksum (at `ip`, -1: none) are each side's own. */
static bool say_packet(const char *what, sock s, size_t room, int flags, int ip)
{
	uint8_t buf[4096] = { 0 }, ctl[256];
	struct sockaddr_ll a;
	struct iovec v = { buf, room };
	struct msghdr m = { .msg_name = &a, .msg_namelen = sizeof a, .msg_iov = &v, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof ctl };
	memset(&a, 0, sizeof a);
	ssize_t rc = sk_recv(s, &m, flags);
	unsigned sum = 0;

	say("  %s: %s", what, result(rc));
	if (rc < 0) {
		say("\n");
		return false;
	}
	if (ip >= 0)
		memset(buf + ip + 4, 0, 2), memset(buf + ip + 10, 0, 2);
	for (size_t i = 0; i < (size_t)rc && i < room; i++)
		sum = sum * 31 + buf[i];
	say(" sum %u flags %x from (%u) %04x %d %u %u %u %02x%02x", sum, (unsigned)m.msg_flags, m.msg_namelen, ntohs(a.sll_protocol), a.sll_ifindex, a.sll_hatype,
	    a.sll_pkttype, a.sll_halen, a.sll_addr[0], a.sll_addr[5]);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		say(" [%d %d", c->cmsg_level, c->cmsg_type);
		for (size_t i = 0; c->cmsg_level == SOL_PACKET && i < c->cmsg_len - CMSG_LEN(0); i++)
			say("%s%02x", i % 4 ? "" : " ", CMSG_DATA(c)[i]);
		say("]");
	}
	say("\n");
	return true;
}

static void say_stats(sock s)
{
	struct tpacket_stats st = { 0 };
	socklen_t len = sizeof st;
	int err = on_weft ? weft_getsockopt(s.s, SOL_PACKET, PACKET_STATISTICS, &st, &len) : getsockopt(s.fd, SOL_PACKET, PACKET_STATISTICS, &st, &len) ? -errno : 0;
	say("  statistics: %s %u %u\n", result(err), st.tp_packets, st.tp_drops);
}

static void datagram(int port, size_t len)
{
	static char data[3000];
	sock u = sk_new(SOCK_DGRAM, 0);
	sk_bind(u, 6999);
	sk_send(u, port, data, len, 0, NULL, 0);
	sk_end(u);
}

static void seeing(void)
{
	sock r = sk_new(SOCK_DGRAM, 0), all = pk_new(SOCK_RAW, ETH_P_ALL), cooked = pk_new(SOCK_DGRAM, ETH_P_ALL), ip = pk_new(SOCK_RAW, ETH_P_IP),
	     arp = pk_new(SOCK_RAW, ETH_P_ARP), none = pk_new(SOCK_RAW, 0), in = pk_new(SOCK_DGRAM, ETH_P_ALL);

	sk_bind(r, 7010);
	say("what sockets see of one datagram over lo\n");
	say("  auxdata %s ignore_outgoing %s %s\n", result(sk_int(all, SOL_PACKET, PACKET_AUXDATA, 1)), result(sk_int(in, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)),
	    result(sk_int(in, SOL_PACKET, PACKET_IGNORE_OUTGOING, 2)));
	sk_int(cooked, SOL_PACKET, PACKET_AUXDATA, 1);
	datagram(7010, 100);
	while (say_packet("raw", all, 2000, MSG_DONTWAIT, 14)) {}
	while (say_packet("cooked", cooked, 60, MSG_DONTWAIT | MSG_TRUNC, 0)) {}
	while (say_packet("ip only", ip, 2000, MSG_DONTWAIT, 14)) {}
	while (say_packet("arp", arp, 2000, MSG_DONTWAIT, 14)) {}
	while (say_packet("none", none, 2000, MSG_DONTWAIT, 14)) {}
	while (say_packet("in only", in, 2000, MSG_DONTWAIT | MSG_PEEK, 0) && say_packet("taken", in, 2000, MSG_DONTWAIT, 0)) {}
	say_stats(all);
	say_stats(all);
	say_stats(none);
	say("  bad flag: ");
	say_packet("", all, 100, MSG_OOB | MSG_DONTWAIT, -1);
	sk_end(r), sk_end(all), sk_end(cooked), sk_end(ip), sk_end(arp), sk_end(none), sk_end(in);
}

static void binding(void)
{
	sock s = pk_new(SOCK_RAW, 0);

	say("bind\n");
	say_name(s);
	say("  short %s", result(pk_bind(s, ETH_P_IP, 1, 16)));
	say(" nobody %s", result(pk_bind(s, ETH_P_IP, 99, sizeof(struct sockaddr_ll))));
	say(" lo %s\n", result(pk_bind(s, ETH_P_IP, 1, sizeof(struct sockaddr_ll))));
	say_name(s);
	say("  no protocol %s\n", result(pk_bind(s, 0, 1, sizeof(struct sockaddr_ll))));
	say_name(s);
	datagram(7011, 50);
	say_packet("bound", s, 2000, MSG_DONTWAIT, 14);
	say("  again %s\n", result(pk_bind(s, ETH_P_ALL, 0, sizeof(struct sockaddr_ll))));
	say_name(s);
	say("  peer %s connect %s listen %s\n", result(on_weft ? weft_getpeername(s.s, &(struct sockaddr_storage){ 0 }, &(socklen_t){ 128 }) :
	    getpeername(s.fd, (struct sockaddr *)&(struct sockaddr_storage){ 0 }, &(socklen_t){ 128 }) ? -errno : 0), result(sk_connect(s, 1)),
	    result(on_weft ? weft_listen(s.s, 1) : listen(s.fd, 1) ? -errno : 0));
	sk_end(s);
}

static void sending(void)
{
	struct sockaddr_ll lo = { .sll_family = AF_PACKET, .sll_protocol = htons(0x88b5), .sll_ifindex = 1, .sll_halen = 6, .sll_addr = { 2, 0, 0, 0, 0, 7 } }, to;
	uint8_t frame[2000] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5, 1, 2, 3 };
	static uint8_t big[66000];
	sock raw = pk_new(SOCK_RAW, 0), cooked = pk_new(SOCK_DGRAM, 0), see = pk_new(SOCK_RAW, 0x88b5), own = pk_new(SOCK_RAW, ETH_P_ALL), dg = pk_new(SOCK_DGRAM, 0x88b5);

	say("sending\n");
	say("  nowhere %s\n", result(pk_send(raw, NULL, 0, frame, 60)));
	to = lo;
	to.sll_ifindex = 99;
	say("  nobody %s\n", result(pk_send(raw, &to, sizeof to, frame, 60)));
	say("  short address %s\n", result(pk_send(raw, &lo, 12, frame, 60)));
	for (size_t len = 0; len < 20; len += len < 13 ? 13 : 1)
		say("  frame of %zu: %s\n", len, result(pk_send(raw, &lo, sizeof lo, frame, len)));
	say("  frame %s", result(pk_send(raw, &lo, sizeof lo, frame, 60)));
	say(" payload %s", result(pk_send(cooked, &lo, sizeof lo, frame, 60)));
	say(" nothing %s", result(pk_send(cooked, &lo, sizeof lo, frame, 0)));
	say(" own %s\n", result(pk_send(own, &lo, sizeof lo, frame, 64)));
	while (say_packet("seen", see, 2000, MSG_DONTWAIT, -1)) {}
	while (say_packet("cooked", dg, 2000, MSG_DONTWAIT, -1)) {}
	while (say_packet("by all, and by whom it came", own, 2000, MSG_DONTWAIT, -1)) {}
	say("  too long %s", result(pk_send(raw, &lo, sizeof lo, big, sizeof big)));
	say(" bound: %s", result(pk_bind(raw, 0x88b5, 1, sizeof lo)));
	say(" %s\n", result(pk_send(raw, NULL, 0, frame, 40)));
	while (say_packet("seen", see, 2000, MSG_DONTWAIT, -1)) {}
	say("  no checksum of ours: %s ", result(sk_int(raw, SOL_SOCKET, 43, 1)));
	say("%s\n", result(pk_send(raw, NULL, 0, frame, 40)));
	sk_end(raw), sk_end(cooked), sk_end(see), sk_end(own), sk_end(dg);
}

static void filtering(void)
{
	struct sock_filter short_ip[] = { BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x0800, 0, 1), BPF_STMT(BPF_RET | BPF_K, 40),
					  BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_filter outgoing[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)SKF_AD_OFF + SKF_AD_PKTTYPE), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 1),
					  BPF_STMT(BPF_RET | BPF_K, 0xffff), BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_fprog a = { 4, short_ip }, b = { 4, outgoing };
	sock raw = pk_new(SOCK_RAW, ETH_P_ALL), out = pk_new(SOCK_DGRAM, ETH_P_ALL), r = sk_new(SOCK_DGRAM, 0);

	say("filters %s %s\n", result(sk_opt(raw, SOL_SOCKET, SO_ATTACH_FILTER, &a, sizeof a)), result(sk_opt(out, SOL_SOCKET, SO_ATTACH_FILTER, &b, sizeof b)));
	sk_bind(r, 7012);
	sk_int(raw, SOL_PACKET, PACKET_AUXDATA, 1);
	for (int i = 0; i < 2; i++) {
		datagram(7012, 30);
		while (say_packet("cut", raw, 2000, MSG_DONTWAIT | MSG_TRUNC, 14)) {}
		while (say_packet("out", out, 2000, MSG_DONTWAIT, 0)) {}
	}
	say_stats(out);
	sk_end(raw), sk_end(out), sk_end(r);
}

static void full(void)
{
	sock s = pk_new(SOCK_RAW, ETH_P_IP);
	struct tpacket_stats st = { 0 };
	socklen_t len = sizeof st;

	sk_int(s, SOL_SOCKET, SO_RCVBUF, 4000);
	for (int i = 0; i < 40; i++)
		datagram(7013, 1000);
	if (on_weft)
		weft_getsockopt(s.s, SOL_PACKET, PACKET_STATISTICS, &st, &len);
	else
		getsockopt(s.fd, SOL_PACKET, PACKET_STATISTICS, &st, &len);
	/* how many fit is each side's own; the sum is not, with the port unreachable answers (66 bytes and more) in it */
	say("full: some drops %d, some packets %d\n", st.tp_drops > 0, st.tp_packets > st.tp_drops);
	sk_end(s);
}

static void options(void)
{
	struct packet_mreq q = { .mr_ifindex = 1, .mr_type = PACKET_MR_PROMISC };
	sock s = pk_new(SOCK_RAW, 0), d = pk_new(SOCK_DGRAM, 0);

	say("memberships: %s", result(sk_opt(s, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &q, sizeof q)));
	say(" %s", result(sk_opt(s, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &q, sizeof q)));
	say(" short %s", result(sk_opt(s, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &q, 8)));
	say(" gone %s %s %s", result(sk_opt(s, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &q, sizeof q)), result(sk_opt(s, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &q, sizeof q)),
	    result(sk_opt(s, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &q, sizeof q)));
	q.mr_ifindex = 99;
	say(" nobody's %s", result(sk_opt(s, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &q, sizeof q)));
	q.mr_ifindex = 1;
	q.mr_type = PACKET_MR_MULTICAST;
	q.mr_alen = 4;
	say(" short group %s", result(sk_opt(s, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &q, sizeof q)));
	q.mr_alen = 6;
	memcpy(q.mr_address, "\1\0\x5e\1\2\3", 6);
	say(" group %s", result(sk_opt(s, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &q, sizeof q)));
	q.mr_alen = 9;
	say(" long %s\n", result(sk_opt(s, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &q, sizeof q)));
	static const struct { int name; const char *text; } names[] = { { PACKET_AUXDATA, "auxdata" }, { PACKET_ORIGDEV, "origdev" }, { PACKET_VNET_HDR, "vnet_hdr" },
		{ PACKET_IGNORE_OUTGOING, "ignore_outgoing" }, { 24, "vnet_hdr_sz" }, { 77, "77" } };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		for (int v = 0; v < 13; v += v < 2 ? 1 : 4) {
			int got = -1;
			socklen_t len = sizeof got;
			say("  %s %d: %s", names[i].text, v, result(sk_int(s, SOL_PACKET, names[i].name, v)));
			say(" cooked %s short %s", result(sk_int(d, SOL_PACKET, names[i].name, v)), result(sk_opt(s, SOL_PACKET, names[i].name, &v, 2)));
			ssize_t err = on_weft ? weft_getsockopt(s.s, SOL_PACKET, names[i].name, &got, &len) : getsockopt(s.fd, SOL_PACKET, names[i].name, &got, &len) ? -errno : 0;
			say(" read %s %d\n", result(err), got);
		}
	sk_end(s), sk_end(d);
}

static const struct scene scenes[] = { { "seeing", seeing }, { "binding", binding }, { "sending", sending }, { "filtering", filtering }, { "full", full },
				       { "options", options } };
int main(int argc, char **argv) { return run_scenes("packet_compare", scenes, sizeof scenes / sizeof *scenes, argc, argv); }
