/* Packet rings (PACKET_RX_RING): requests that are refused, all three versions over lo, a ring that is full, blocks that are handed over
 * by time, what poll and epoll say, and the end of a ring. */
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "t.h"

#define PORT 4901
static int sender;

static void datagram(size_t len)
{
	struct sockaddr_in to = addr("127.0.0.1", PORT);
	char data[2000];

	memset(data, 'r', sizeof(data));
	MUST(sendto(sender, data, len, 0, (struct sockaddr *)&to, sizeof(to)));
}

static int set(int s, int name, const void *v, size_t len) { return setsockopt(s, SOL_PACKET, name, v, (socklen_t)len); }
static int packets(int type, int version, int ethertype)
{
	struct sockaddr_ll lo = { .sll_family = AF_PACKET, .sll_protocol = htons((uint16_t)ethertype), .sll_ifindex = 1 };
	int s = MUST(socket(AF_PACKET, type, 0));

	MUST(set(s, PACKET_VERSION, &version, sizeof(version)));
	MUST(bind(s, (struct sockaddr *)&lo, sizeof(lo)));
	return s;
}

static void refused(void)
{
	static const struct {
		const char *what;
		int version;
		struct tpacket_req3 r;
		size_t len;
	} t[] = {
		{ "short request", 1, { 4096, 1, 2048, 2, 0, 0, 0 }, 15 },
		{ "short for version 3", 2, { 4096, 1, 2048, 2, 0, 0, 0 }, 16 },
		{ "no block size", 1, { 0, 1, 2048, 2, 0, 0, 0 }, 16 },
		{ "negative block size", 1, { 0x80000000u, 1, 2048, 2, 0, 0, 0 }, 16 },
		{ "not whole pages", 1, { 5000, 1, 2048, 2, 0, 0, 0 }, 16 },
		{ "small frames", 1, { 4096, 1, 48, 85, 0, 0, 0 }, 16 },
		{ "odd frames", 1, { 4096, 1, 1000, 4, 0, 0, 0 }, 16 },
		{ "frames larger than blocks", 1, { 4096, 1, 8192, 1, 0, 0, 0 }, 16 },
		{ "wrong number of frames", 1, { 4096, 2, 2048, 3, 0, 0, 0 }, 16 },
		{ "frames of no block", 1, { 0, 0, 0, 1, 0, 0, 0 }, 16 },
		{ "much private area", 2, { 4096, 1, 2048, 2, 10, 4000, 0 }, 28 },
		{ "nothing", 1, { 0, 0, 0, 0, 0, 0, 0 }, 16 },
	};
	int s, v;

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		s = packets(SOCK_RAW, t[i].version, ETH_P_IP);
		TRY(t[i].what, set(s, PACKET_RX_RING, &t[i].r, t[i].len));
		close(s);
	}
	s = packets(SOCK_RAW, 0, ETH_P_IP);
	v = 3;
	TRY("version 4", set(s, PACKET_VERSION, &v, 4));
	TRY("version, short", set(s, PACKET_VERSION, &v, 3));
	v = -1;
	TRY("negative reserve", set(s, PACKET_RESERVE, &v, 4));
	for (v = -1; v < 4; v++) {
		int h = v;
		socklen_t len = sizeof(h);

		SAY("header of version %d: ", v + 1);
		if (getsockopt(s, SOL_PACKET, PACKET_HDRLEN, &h, &len) < 0)
			SAY("%s\n", strerrorname_np(errno));
		else
			SAY("%d\n", h);
	}
	v = 0;
	TRY("header, short", getsockopt(s, SOL_PACKET, PACKET_HDRLEN, &v, &(socklen_t){ 2 }));
	close(s);
}

struct shared { /* a ring and its memory */
	int s;
	uint8_t *mem;
	size_t size;
	struct tpacket_req3 r;
};

static struct shared ring(int type, int version, int ethertype, struct tpacket_req3 r)
{
	struct shared k = { .r = r, .size = (size_t)r.tp_block_size * r.tp_block_nr };

	k.s = packets(type, version, ethertype);
	MUST(set(k.s, PACKET_RX_RING, &r, version == 2 ? sizeof(r) : sizeof(struct tpacket_req)));
	k.mem = mmap(NULL, k.size, PROT_READ | PROT_WRITE, MAP_SHARED, k.s, 0);
	if (k.mem == MAP_FAILED)
		MUST(-1);
	return k;
}

static void end(struct shared *k)
{
	MUST(munmap(k->mem, k->size));
	close(k->s);
}

static void stats(int s)
{
	struct tpacket_stats_v3 st = { 0 };
	socklen_t len = sizeof(st);

	MUST(getsockopt(s, SOL_PACKET, PACKET_STATISTICS, &st, &len));
	SAY("statistics: %u packets, %u lost, length %u\n", st.tp_packets, st.tp_drops, len);
}

static void say_packet(const uint8_t *p, unsigned len, unsigned snaplen, unsigned mac, unsigned net, unsigned status, const uint8_t *ll)
{
	struct sockaddr_ll a;
	uint8_t copy[2048];
	unsigned sum = 0;

	memcpy(&a, ll, sizeof(a));
	memcpy(copy, p + mac, snaplen);
	if (net - mac + 12 <= snaplen)
		memset(copy + (net - mac) + 4, 0, 2), memset(copy + (net - mac) + 10, 0, 2); /* IP's identification and checksum */
	for (unsigned i = 0; i < snaplen; i++)
		sum = sum * 31 + copy[i];
	SAY("  %u of %u bytes at %u, network %u, status %#x, sum %u, %04x %d %u %u %u\n", snaplen, len, mac, net, status & ~TP_STATUS_TS_SOFTWARE, sum,
	    ntohs(a.sll_protocol), a.sll_ifindex, a.sll_hatype, a.sll_pkttype, a.sll_halen);
}

static bool recent(uint32_t sec)
{
	time_t now = time(NULL);

	return (time_t)sec >= now - 60 && (time_t)sec <= now + 60;
}

static uint8_t *frame(struct shared *k, unsigned i)
{
	unsigned per = k->r.tp_block_size / k->r.tp_frame_size;

	return k->mem + (size_t)(i / per) * k->r.tp_block_size + (size_t)(i % per) * k->r.tp_frame_size;
}

/* All frames from the n-th on that are ours, given back when asked to. */
static unsigned drain(struct shared *k, int version, unsigned n, bool back)
{
	for (;; n = (n + 1) % k->r.tp_frame_nr) {
		uint8_t *f = frame(k, n);

		if (version == 0) {
			struct tpacket_hdr *h = (void *)f;

			if (!(__atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
				return n;
			say_packet(f, h->tp_len, h->tp_snaplen, h->tp_mac, h->tp_net, (unsigned)h->tp_status, f + TPACKET_ALIGN(sizeof(*h)));
			SAY("  time %s\n", recent(h->tp_sec) && h->tp_usec < 1000000 ? "is now" : "is not now");
			if (!back)
				return n;
			__atomic_store_n(&h->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		} else {
			struct tpacket2_hdr *h = (void *)f;

			if (!(__atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
				return n;
			say_packet(f, h->tp_len, h->tp_snaplen, h->tp_mac, h->tp_net, h->tp_status, f + TPACKET_ALIGN(sizeof(*h)));
			SAY("  time %s, tag %u %u\n", recent(h->tp_sec) && h->tp_nsec < 1000000000 ? "is now" : "is not now", h->tp_vlan_tci, h->tp_vlan_tpid);
			if (!back)
				return n;
			__atomic_store_n(&h->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		}
	}
}

static bool quiet(int s) /* not readable, at last: what was given back is noticed a little later in weft */
{
	struct pollfd p = { .fd = s, .events = POLLIN };

	for (int i = 0; i < 2000; i++) {
		if (poll(&p, 1, 0) == 0)
			return true;
		usleep(1000);
	}
	return false;
}

static void frames(int type, int version, unsigned reserve)
{
	struct tpacket_req3 r = { 8192, 2, 1024, 16, 0, 0, 0 };
	struct sock_filter cut[] = { BPF_STMT(BPF_RET | BPF_K, 60) };
	struct sock_fprog prog = { 1, cut };
	struct shared k = { .r = r, .size = 16384 };
	unsigned n = 0;
	int v = version, w;

	SAY("%s, version %d, reserve %u\n", type == SOCK_RAW ? "raw" : "cooked", version + 1, reserve);
	k.s = packets(type, version, ETH_P_IP);
	MUST(set(k.s, PACKET_RESERVE, &reserve, 4));
	TRY("ring", set(k.s, PACKET_RX_RING, &r, 16));
	TRY("another", set(k.s, PACKET_RX_RING, &r, 16));
	TRY("version now", set(k.s, PACKET_VERSION, &v, 4));
	TRY("reserve now", set(k.s, PACKET_RESERVE, &reserve, 4));
	TRY("mapped at an offset", mmap(NULL, k.size, PROT_READ, MAP_SHARED, k.s, 4096) == MAP_FAILED ? -1 : 0);
	TRY("mapped too long", mmap(NULL, k.size + 4096, PROT_READ, MAP_SHARED, k.s, 0) == MAP_FAILED ? -1 : 0);
	k.mem = mmap(NULL, k.size, PROT_READ | PROT_WRITE, MAP_SHARED, k.s, 0);
	if (k.mem == MAP_FAILED)
		MUST(-1);
	SAY("empty: %s\n", quiet(k.s) ? "nothing to read" : "readable");
	datagram(100);
	SAY("a datagram: %s\n", bits(wait_bits(k.s, POLLIN) & POLLIN));
	SAY("still: %s\n", bits(wait_bits(k.s, POLLIN) & POLLIN));
	n = drain(&k, version, n, true);
	SAY("given back: %s\n", quiet(k.s) ? "nothing to read" : "readable");
	datagram(1500);
	wait_bits(k.s, POLLIN);
	n = drain(&k, version, n, true);
	MUST(setsockopt(k.s, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
	datagram(500);
	wait_bits(k.s, POLLIN);
	n = drain(&k, version, n, true);
	stats(k.s);
	SAY("full\n");
	quiet(k.s);
	for (int i = 0; i < 20; i++)
		datagram((size_t)i);
	stats(k.s);
	n = drain(&k, version, n, true);
	SAY("then %s\n", quiet(k.s) ? "nothing to read" : "readable");
	for (int i = 0; i < 17; i++)
		datagram((size_t)i);
	n = drain(&k, version, n, true);
	stats(k.s);
	datagram(7);
	wait_bits(k.s, POLLIN);
	n = drain(&k, version, n, true);
	w = MUST(dup(k.s));
	close(k.s);
	datagram(9);
	SAY("by a duplicate: %s\n", bits(wait_bits(w, POLLIN) & POLLIN));
	drain(&k, version, n, true);
	memset(&r, 0, sizeof(r));
	TRY("no ring, while mapped", set(w, PACKET_RX_RING, &r, 16));
	MUST(munmap(k.mem, k.size));
	TRY("no ring", set(w, PACKET_RX_RING, &r, 16));
	datagram(11);
	SAY("without: %s", bits(wait_bits(w, POLLIN) & POLLIN));
	SAY(" %zd bytes\n", recv(w, (char[100]){ 0 }, 100, MSG_DONTWAIT));
	close(w);
}

static unsigned blocks(struct shared *k, unsigned n, unsigned *seen)
{
	for (;; n = (n + 1) % k->r.tp_block_nr) {
		struct tpacket_block_desc *b = (void *)(k->mem + (size_t)n * k->r.tp_block_size);
		unsigned status = __atomic_load_n(&b->hdr.bh1.block_status, __ATOMIC_ACQUIRE);
		uint8_t *p;

		if (!(status & TP_STATUS_USER))
			return n;
		SAY(" block %u: version %u, private at %u, status %#x, %u packets from %u, %u bytes, number %llu, times %s\n", n, b->version, b->offset_to_priv,
		    status, b->hdr.bh1.num_pkts, b->hdr.bh1.offset_to_first_pkt, b->hdr.bh1.blk_len, (unsigned long long)b->hdr.bh1.seq_num,
		    recent(b->hdr.bh1.ts_first_pkt.ts_sec) && recent(b->hdr.bh1.ts_last_pkt.ts_sec) ? "are now" : "are not now");
		p = (uint8_t *)b + b->hdr.bh1.offset_to_first_pkt;
		for (unsigned i = 0; i < b->hdr.bh1.num_pkts; i++) {
			struct tpacket3_hdr *h = (void *)p;

			say_packet(p, h->tp_len, h->tp_snaplen, h->tp_mac, h->tp_net, h->tp_status, p + TPACKET_ALIGN(sizeof(*h)));
			SAY("  next %u, tag %u %u, time %s\n", h->tp_next_offset, h->hv1.tp_vlan_tci, h->hv1.tp_vlan_tpid, recent(h->tp_sec) ? "is now" : "is not now");
			p += h->tp_next_offset;
		}
		*seen += b->hdr.bh1.num_pkts;
		__atomic_store_n(&b->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	}
}

static void in_blocks(int type, unsigned priv)
{
	struct tpacket_req3 r = { 4096, 2, 2048, 4, 60000, priv, 0 };
	struct tpacket_stats_v3 st;
	socklen_t len = sizeof(st);
	struct shared k = ring(type, 2, ETH_P_IP, r);
	unsigned n = 0, seen = 0;

	SAY("%s, version 3, private %u\n", type == SOCK_RAW ? "raw" : "cooked", priv);
	for (int i = 0; i < 3; i++)
		datagram(900);
	SAY("three: %s\n", quiet(k.s) ? "nothing to read" : "readable");
	datagram(910);
	SAY("four: %s\n", bits(wait_bits(k.s, POLLIN) & POLLIN));
	n = blocks(&k, n, &seen);
	for (int i = 0; i < 12; i++)
		datagram(920);
	MUST(getsockopt(k.s, SOL_PACKET, PACKET_STATISTICS, &st, &len));
	SAY("%u packets, %u lost, stood still %u times, length %u\n", st.tp_packets, st.tp_drops, st.tp_freeze_q_cnt, len);
	n = blocks(&k, n, &seen);
	for (int i = 0; i < 5; i++)
		datagram(930);
	n = blocks(&k, n, &seen);
	len = sizeof(st);
	MUST(getsockopt(k.s, SOL_PACKET, PACKET_STATISTICS, &st, &len));
	SAY("%u packets, %u lost, stood still %u times; %u seen\n", st.tp_packets, st.tp_drops, st.tp_freeze_q_cnt, seen);
	end(&k);
}

static void by_time(void)
{
	struct tpacket_req3 r = { 4096, 4, 2048, 8, 20, 0, 0 };
	struct shared k = ring(SOCK_RAW, 2, ETH_P_IP, r);
	int ep = MUST(epoll_create1(0));
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	unsigned n = 0, seen = 0;

	SAY("blocks by time\n");
	MUST(epoll_ctl(ep, EPOLL_CTL_ADD, k.s, &ev));
	for (int i = 0; i < 3; i++) {
		datagram((size_t)(10 + i));
		SAY("edge: %d\n", epoll_wait(ep, &ev, 1, 5000));
		n = blocks(&k, n, &seen);
		quiet(k.s);
	}
	close(ep);
	end(&k);
}

int main(void)
{
	struct sockaddr_in to = addr("127.0.0.1", PORT);
	int sink = MUST(socket(AF_INET, SOCK_DGRAM, 0));

	MUST(bind(sink, (struct sockaddr *)&to, sizeof(to)));
	sender = MUST(socket(AF_INET, SOCK_DGRAM, 0));
	to = addr("127.0.0.1", PORT + 1);
	MUST(bind(sender, (struct sockaddr *)&to, sizeof(to)));
	refused();
	for (int version = 0; version < 2; version++) {
		frames(SOCK_RAW, version, 0);
		frames(SOCK_DGRAM, version, 32);
	}
	in_blocks(SOCK_RAW, 0);
	in_blocks(SOCK_DGRAM, 13);
	by_time();
	return 0;
}
