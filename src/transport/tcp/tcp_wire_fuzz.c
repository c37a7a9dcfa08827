/* Fuzz: TCP against TCP, with a hand in the wire. Both ends are weft; the input is what the hand does to each segment, and what the
 * two programs do meanwhile. Checksums are made right again, so whatever the hand writes is taken for real.
 *
 * Three bytes choose the two ends: the family, options on and off, Fast Open, signatures, congestion control, buffers, memory limits,
 * a listener or two connects that meet. The first bit of them chooses the hand. Honest: it drops, doubles, delays, cuts and overlaps,
 * marks congestion and sends ICMP errors, but every byte it delivers is true: then what is read is what was written, in order, to the
 * end of the stream, and with the hand gone the transfer completes. Lying: it also changes sequence numbers, acknowledgements, flags,
 * windows, options, payload, and makes segments of its own: then nothing may crash, leak or go on without end.
 * In either case test_tcp_check.h's invariants hold between any two turns, and when all is closed nothing is left.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/sim.h>

#include "codec/wire/checksum.h"
#include "codec/wire/ip4hdr.h"
#include "transport/tcp/test_tcp_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MS NSEC_PER_MSEC
enum { ETH = 14, FRAME_MAX_LEN = 4096, STORM = 3000 };

enum { /* the three bytes */
	M_LIES = 1, M_NO_TS = 2, M_NO_SACK = 4, M_COOKIES = 8, M_ECN = 16, M_SMALL_RCVBUF = 32, M_V6 = 64, M_MEET = 128,
	M_FASTOPEN = 1 << 8, M_MD5 = 1 << 9, M_CC = 3 << 10, M_TIGHT_MEM = 1 << 12, M_SMALL_SNDBUF = 1 << 13, M_OOBINLINE = 1 << 14,
	M_NODELAY = 1 << 15, M_NO_DSACK = 1 << 16, M_NO_WSCALE = 1 << 17, M_KEEPALIVE = 1 << 18, M_MTU_PROBING = 1 << 19,
	M_NOMEM = 1 << 20, M_THIN = 1 << 21, M_CROWD = 1 << 22, M_LOW_LIMITS = 1 << 23,
	/* two together */
	M_ACCECN = M_ECN | M_THIN, M_AO = M_MD5 | M_THIN, /* in place of what the first alone means */
};

struct fuzz {
	const u8 *p;
	size_t left;
	u32 mode;
	u32 ip;			/* length of the network header */
	unsigned frames;	/* since the programs last did something */
	weft_world *w;
	weft_netns *net[2];
	weft_socket *srv, *end[2]; /* 0 left, 1 right */
	u64 sent[2], got[2];	/* bytes of each direction's stream, by sender */
	bool closed[2], eof[2];	/* by sender: will send no more; the other one has read the end */
	bool urgent;		/* urgent bytes were sent: taken out of the stream */
};
static u8 byte(struct fuzz *f) { return f->left ? (f->left--, *f->p++) : 0; }
static u16 half(struct fuzz *f) { return (u16)(byte(f) << 8 | byte(f)); }
static u32 step(struct fuzz *f)
{
	u8 k = byte(f);
	u16 v = half(f);
	return k < 100 ? (u32)(k % 7) : k < 160 ? v : k < 220 ? 0u - v : (u32)v << 16;
}
static u8 pattern(u64 i, int from) { return (u8)(i * 167 + (i >> 8) * 13 + (u64)from * 91); }

static void must(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "tcp_wire_fuzz: %s\n", what);
		abort();
	}
}

/* -- the hand -- */

static u32 thlen(const struct tcp_hdr *th) { return MAX(tcp_hlen(th), (u32)TCP_HDR_LEN); }

static u32 pseudo(const struct fuzz *f, const u8 *b, u32 len, u8 proto)
{
	be32 s, d;

	if (f->ip == 40)
		return csum_pseudo6(b + ETH + 8, b + ETH + 24, len, proto);
	memcpy(&s, b + ETH + 12, 4);
	memcpy(&d, b + ETH + 16, 4);
	return csum_pseudo4(s, d, len, proto);
}

static void seal_ip(const struct fuzz *f, u8 *b, size_t len)
{
	u16 total = htons((u16)(len - ETH)), payload = htons((u16)(len - ETH - f->ip)), sum = 0;

	if (f->ip == 40) {
		memcpy(b + ETH + 4, &payload, 2);
		return;
	}
	memcpy(b + ETH + 2, &total, 2);
	memcpy(b + ETH + 10, &sum, 2);
	sum = csum_fold(csum_partial(b + ETH, 20, 0));
	memcpy(b + ETH + 10, &sum, 2);
}

/* Lengths and checksums as if an honest host had sent it. */
static void seal(const struct fuzz *f, u8 *b, size_t len)
{
	struct tcp_hdr *th = (struct tcp_hdr *)(b + ETH + f->ip);
	u32 n = (u32)(len - ETH - f->ip);

	seal_ip(f, b, len);
	th->check = 0;
	th->check = csum_fold(csum_partial(th, n, pseudo(f, b, n, IPPROTO_TCP)));
}

/* Payload bytes [from, from + n) of the frame, as a segment of its own. */
static void piece(struct fuzz *f, weft_wire *w, int dir, const u8 *frame, size_t len, u32 from, u32 n, u64 delay)
{
	const struct tcp_hdr *th = (const struct tcp_hdr *)(frame + ETH + f->ip);
	u32 head = ETH + f->ip + thlen(th);
	u8 b[FRAME_MAX_LEN];
	struct tcp_hdr *h = (struct tcp_hdr *)(b + ETH + f->ip);

	memcpy(b, frame, head);
	memcpy(b + head, frame + head + from, n);
	h->seq = cpu_to_be32(be32_to_cpu(th->seq) + from);
	if (head + from + n < len)
		h->flags &= (u8)~(TCPF_FIN | TCPF_PSH);
	if (th->flags & TCPF_URG) { /* the pointer counts from the segment's own beginning */
		u16 up = be16_to_cpu(th->urg);

		h->urg = cpu_to_be16((u16)(up > from ? up - from : 0));
		if (up <= from)
			h->flags &= (u8)~TCPF_URG;
	}
	seal(f, b, head + n);
	weft_wire_inject(w, dir, b, head + n, delay);
}

/* In pieces as small as one byte, some twice, in any order. */
static void crumbs(struct fuzz *f, weft_wire *w, int dir, const u8 *frame, size_t len, u32 payload)
{
	u32 n = 1 + byte(f) % 16, count = MIN((payload + n - 1) / n, 40u);

	for (u32 i = 0; i < count; i++) {
		u32 from = i * n, size = i == count - 1 ? payload - from : n;

		piece(f, w, dir, frame, len, from, size, (i ^ (byte(f) & 7)) * MS / 16);
	}
}

/* The router's complaint about the frame, to its sender. Honest ones leave the path usable. */
static void icmp(struct fuzz *f, weft_wire *w, int dir, const u8 *frame, size_t len)
{
	static const u8 types4[][2] = { { 3, 0 }, { 3, 1 }, { 3, 2 }, { 3, 3 }, { 3, 4 }, { 3, 13 }, { 11, 0 }, { 4, 0 } };
	static const u8 types6[][2] = { { 1, 0 }, { 1, 1 }, { 1, 3 }, { 1, 4 }, { 2, 0 }, { 3, 0 }, { 4, 1 }, { 1, 5 } };
	u8 b[FRAME_MAX_LEN] = { 0 }, *ic = b + ETH + f->ip, k = byte(f) % 8;
	size_t wanted = f->ip + 8u + byte(f) % 64;
	u32 quoted = (u32)MIN(len - ETH, wanted), n = 8 + quoted, addr = f->ip == 40 ? 16 : 4;
	u16 mtu = htons((u16)(f->ip == 40 ? 1280 + byte(f) : f->mode & M_LIES ? half(f) : 552 + byte(f) * 4)), sum;

	memcpy(b, frame + 6, 6);
	memcpy(b + 6, frame, 6);
	memcpy(b + 12, frame + 12, 2 + f->ip);
	memcpy(b + ETH + f->ip - 2 * addr, frame + ETH + f->ip - addr, addr);
	memcpy(b + ETH + f->ip - addr, frame + ETH + f->ip - 2 * addr, addr);
	b[ETH + (f->ip == 40 ? 6 : 9)] = f->ip == 40 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	memcpy(ic, f->ip == 40 ? types6[k] : types4[k], 2);
	memcpy(ic + 6, &mtu, 2);
	memcpy(ic + 8, frame + ETH, quoted);
	seal_ip(f, b, ETH + f->ip + n);
	sum = csum_fold(csum_partial(ic, n, f->ip == 40 ? pseudo(f, b, n, IPPROTO_ICMPV6) : 0));
	memcpy(ic + 2, &sum, 2);
	weft_wire_inject(w, 1 - dir, b, ETH + f->ip + n, MS);
}

static void lie(struct fuzz *f, u8 *b, size_t *len)
{
	struct tcp_hdr *th = (struct tcp_hdr *)(b + ETH + f->ip);
	u32 head = ETH + f->ip + thlen(th), n;

	switch (byte(f) % 11) {
	case 0:
		th->seq = cpu_to_be32(be32_to_cpu(th->seq) + step(f));
		break;
	case 1:
		th->ack = cpu_to_be32(be32_to_cpu(th->ack) + step(f));
		break;
	case 2:
		th->flags ^= byte(f);
		break;
	case 3:
		th->window = cpu_to_be16(half(f));
		break;
	case 4:
		th->flags |= TCPF_URG;
		th->urg = cpu_to_be16(half(f));
		break;
	case 5: /* options: other bytes */
		for (u32 i = ETH + f->ip + TCP_HDR_LEN; i < head; i++)
			if (byte(f) & 1)
				b[i] = byte(f);
		break;
	case 6: /* payload becomes options, or the other way */
		th->doff = (u8)(th->doff + (byte(f) % 5 << 4));
		break;
	case 7: /* more payload */
		n = byte(f) * 4u;
		if (*len + n < FRAME_MAX_LEN) {
			memset(b + *len, 'z', n);
			*len += n;
		}
		break;
	case 8: { /* SACK blocks of its own, near what is in flight */
		u32 at = ETH + f->ip + TCP_HDR_LEN, blocks = 1 + byte(f) % 4, ack = be32_to_cpu(th->ack);
		u8 opt[36] = { 1, 1, 5, (u8)(2 + 8 * blocks) };

		for (u32 i = 0; i < blocks; i++) {
			be32 s = cpu_to_be32(ack + (byte(f) & 8 ? step(f) : byte(f) * 97u)), e = cpu_to_be32(be32_to_cpu(s) + (byte(f) & 1 ? 1u + byte(f) : step(f)));

			memcpy(opt + 4 + 8 * i, &s, 4);
			memcpy(opt + 8 + 8 * i, &e, 4);
		}
		memcpy(b + at, opt, 4 + 8 * blocks);
		*len = at + 4 + 8 * blocks;
		th->doff = (u8)((TCP_HDR_LEN + 4 + 8 * blocks) / 4 << 4);
		break;
	}
	case 9: /* ECN, in both headers */
		if (f->ip == 20)
			b[ETH + 1] ^= byte(f) & 3;
		th->flags ^= byte(f) & (TCPF_ECE | TCPF_CWR);
		break;
	default: /* less */
		if (*len > head)
			*len -= byte(f) % (*len - head + 1);
	}
	seal(f, b, *len);
}

static void hand(void *arg, weft_wire *w, int dir, const uint8_t *frame, size_t len)
{
	struct fuzz *f = arg;
	const struct tcp_hdr *th = (const struct tcp_hdr *)(frame + ETH + f->ip);
	bool v6 = f->ip == 40;
	u8 b[FRAME_MAX_LEN], op;
	u32 head, payload;

	must(f->frames++ < STORM, "a storm of segments");
	if (len < ETH + f->ip + TCP_HDR_LEN || len > 2000 || frame[12] != (v6 ? 0x86 : 8) || frame[13] != (v6 ? 0xdd : 0) ||
	    frame[ETH + (v6 ? 6 : 9)] != IPPROTO_TCP || !f->left) {
		weft_wire_inject(w, dir, frame, len, MS);
		return;
	}
	head = ETH + f->ip + thlen(th);
	payload = len > head ? (u32)(len - head) : 0;
	op = byte(f);
	if (op < 110) {
		weft_wire_inject(w, dir, frame, len, MS);
	} else if (op < 130) {
		return; /* lost */
	} else if (op < 145) {
		weft_wire_inject(w, dir, frame, len, MS);
		weft_wire_inject(w, dir, frame, len, byte(f) * MS);
	} else if (op < 165) {
		weft_wire_inject(w, dir, frame, len, byte(f) * 4 * MS);
	} else if (op < 185 && payload > 1 && !(th->flags & TCPF_SYN)) { /* in overlapping pieces, in any order */
		u32 cut = 1 + half(f) % (payload - 1), back = byte(f) % (cut + 1);

		piece(f, w, dir, frame, len, cut - back, payload - (cut - back), byte(f) * MS / 8);
		piece(f, w, dir, frame, len, 0, cut, byte(f) * MS / 8);
	} else if (op < 190 && payload > 1 && !(th->flags & TCPF_SYN)) {
		crumbs(f, w, dir, frame, len, payload);
	} else if (op < 195 && (f->mode & M_LIES || !(th->flags & TCPF_SYN))) {
		if (op & 1)
			weft_wire_inject(w, dir, frame, len, MS);
		icmp(f, w, dir, frame, len);
	} else if (op < 200 && !v6 && frame[ETH + 1] & 3) { /* congestion is experienced */
		memcpy(b, frame, len);
		b[ETH + 1] |= 3;
		seal(f, b, len);
		weft_wire_inject(w, dir, b, len, MS);
	} else if (f->mode & M_LIES) {
		memcpy(b, frame, len);
		for (int n = op & 3; n >= 0; n--)
			lie(f, b, &len);
		weft_wire_inject(w, dir, b, len, op & 4 ? byte(f) * MS : MS);
		if (op & 8) /* beside the true one */
			weft_wire_inject(w, dir, frame, MIN(len, (size_t)head + payload), MS);
	} else {
		weft_wire_inject(w, dir, frame, len, MS);
	}
}

/* -- the programs -- */

static void send_some(struct fuzz *f, int from, u32 n, int flags)
{
	weft_socket *s = f->end[from];
	u8 b[4096];
	ssize_t r;

	if (!s || f->closed[from])
		return;
	n = MIN(n, (u32)sizeof b);
	for (u32 i = 0; i < n; i++)
		b[i] = pattern(f->sent[from] + i, from);
	r = weft_send(s, b, n, MSG_NOSIGNAL | flags);
	if (r > 0) {
		f->sent[from] += (u64)r;
		f->urgent = f->urgent || flags & MSG_OOB;
	}
}

static void recv_some(struct fuzz *f, int from, u32 n)
{
	weft_socket *s = f->end[1 - from];
	u8 b[8192];
	ssize_t r = s && !f->eof[from] ? weft_recv(s, b, MIN(n, (u32)sizeof b), 0) : -1;

	if (r == 0 && n && f->closed[from])
		f->eof[from] = true;
	if (r <= 0)
		return;
	/* Urgent bytes that are read apart shift the rest: only the number is known then. */
	for (ssize_t i = 0; i < r && !(f->mode & M_LIES) && (!f->urgent || f->mode & M_OOBINLINE); i++)
		must(b[i] == pattern(f->got[from] + (u64)i, from), "wrong content");
	f->got[from] += (u64)r;
}

static void opt(weft_socket *s, int level, int name, int v) { weft_setsockopt(s, level, name, &v, sizeof v); }

static void address(const struct fuzz *f, int host, u16 port, struct sockaddr_storage *a, socklen_t *len)
{
	memset(a, 0, sizeof *a);
	if (f->mode & M_V6) {
		struct sockaddr_in6 *s6 = (struct sockaddr_in6 *)a;

		*s6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port) };
		s6->sin6_addr.s6_addr[0] = 0xfd;
		s6->sin6_addr.s6_addr[15] = (u8)(1 + host);
		*len = sizeof *s6;
	} else {
		*(struct sockaddr_in *)a = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x0a000001u + (u32)host) };
		*len = sizeof(struct sockaddr_in);
	}
}

static weft_socket *open_socket(struct fuzz *f, int host)
{
	static const char *const cc[] = { "cubic", "reno", "bbr", "dctcp" };
	const char *name = cc[f->mode >> 10 & 3];
	struct tcp_md5sig key = { .tcpm_keylen = 4, .tcpm_key = "both" };
	struct sockaddr_storage peer;
	weft_socket *s = NULL;
	socklen_t len;

	if (weft_socket_new(f->net[host], f->mode & M_V6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0, &s))
		return NULL;
	address(f, 1 - host, 0, &peer, &len);
	memcpy(&key.tcpm_addr, &peer, sizeof peer);
	weft_setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name));
	opt(s, SOL_SOCKET, SO_REUSEADDR, 1);
	if ((f->mode & M_AO) == M_AO) {
		struct ao_add ao = { .sndid = 1, .rcvid = 1, .prefix = f->mode & M_V6 ? 128 : 32, .keylen = 4, .key = "both" };

		memcpy(&ao.addr, &peer, sizeof peer);
		strcpy(ao.alg_name, f->mode & M_NODELAY ? "cmac(aes128)" : f->mode & M_OOBINLINE ? "hmac(sha256)" : "hmac(sha1)");
		ao.maclen = f->mode & M_KEEPALIVE ? 5 : 0;
		weft_setsockopt(s, IPPROTO_TCP, OPT_AO_ADD_KEY, &ao, sizeof ao);
	} else if (f->mode & M_MD5) {
		weft_setsockopt(s, IPPROTO_TCP, TCP_MD5SIG, &key, sizeof key);
	}
	if (f->mode & M_SMALL_RCVBUF)
		opt(s, SOL_SOCKET, SO_RCVBUF, 4096);
	if (f->mode & M_SMALL_SNDBUF)
		opt(s, SOL_SOCKET, SO_SNDBUF, 4096);
	if (f->mode & M_OOBINLINE)
		opt(s, SOL_SOCKET, SO_OOBINLINE, 1);
	if (f->mode & M_NODELAY)
		opt(s, IPPROTO_TCP, TCP_NODELAY, 1);
	if (f->mode & M_THIN)
		opt(s, IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 1);
	if (f->mode & M_KEEPALIVE) {
		opt(s, SOL_SOCKET, SO_KEEPALIVE, 1);
		opt(s, IPPROTO_TCP, TCP_KEEPIDLE, 2);
		opt(s, IPPROTO_TCP, TCP_KEEPINTVL, 1);
		opt(s, IPPROTO_TCP, TCP_KEEPCNT, 100);
	}
	return s;
}

static void build(struct fuzz *f, weft_wire **wire)
{
	static const struct { u32 bit; const char *name, *value; } sysctls[] = {
		{ M_NO_TS, "tcp_timestamps", "0" }, { M_NO_SACK, "tcp_sack", "0" }, { M_ECN, "tcp_ecn", "1" }, { M_NO_DSACK, "tcp_dsack", "0" },
		{ M_NO_WSCALE, "tcp_window_scaling", "0" }, { M_MTU_PROBING, "tcp_mtu_probing", "2" }, { M_FASTOPEN, "tcp_fastopen", "1543" },
		{ M_LOW_LIMITS, "tcp_max_orphans", "0" }, { M_LOW_LIMITS, "tcp_max_tw_buckets", "1" }, { M_LOW_LIMITS, "tcp_abort_on_overflow", "1" },
		{ M_TIGHT_MEM, "tcp_mem", "2 4 8" }, { M_COOKIES, "tcp_syncookies", "2" },
	};
	weft_wire_params fast = { .delay_ns = MS };
	char name[64];

	weft_netns_new(f->w, "left", &f->net[0]);
	weft_netns_new(f->w, "right", &f->net[1]);
	weft_wire_new(f->net[0], "eth0", f->net[1], "eth0", &fast, &fast, wire);
	for (int i = 0; i < 2; i++) {
		if (f->mode & M_V6)
			weft_sysctl_set(f->net[i], "net.ipv6.conf.eth0.accept_dad", "0");
		weft_link_up(f->net[i], "eth0");
		if (f->mode & M_V6)
			weft_addr_add(f->net[i], "eth0", i ? "fd00::2/64" : "fd00::1/64");
		else
			weft_addr_add(f->net[i], "eth0", i ? "10.0.0.2/24" : "10.0.0.1/24");
		for (size_t k = 0; k < ARRAY_SIZE(sysctls); k++) {
			if (!(f->mode & sysctls[k].bit) || (sysctls[k].bit == M_NO_TS && i) || (sysctls[k].bit == M_NO_SACK && !i))
				continue;
			snprintf(name, sizeof name, "net.ipv4.%s", sysctls[k].name);
			weft_sysctl_set(f->net[i], name, sysctls[k].value);
		}
		if ((f->mode & M_ACCECN) == M_ACCECN)
			weft_sysctl_set(f->net[i], "net.ipv4.tcp_ecn", "3");
	}
}

/* A listener and one who connects, or two who connect to each other. */
static void begin(struct fuzz *f)
{
	struct sockaddr_storage a;
	socklen_t len;

	if (f->mode & M_MEET) {
		for (int i = 0; i < 2; i++) {
			if (!(f->end[i] = open_socket(f, i)))
				return;
			address(f, i, 80, &a, &len);
			weft_bind(f->end[i], (struct sockaddr *)&a, len);
		}
		for (int i = 0; i < 2; i++) {
			address(f, 1 - i, 80, &a, &len);
			weft_connect(f->end[i], (struct sockaddr *)&a, len);
		}
		return;
	}
	f->srv = open_socket(f, 1);
	f->end[0] = open_socket(f, 0);
	if (!f->srv || !f->end[0])
		return;
	address(f, 1, 80, &a, &len);
	weft_bind(f->srv, (struct sockaddr *)&a, len);
	if (f->mode & M_FASTOPEN)
		opt(f->srv, IPPROTO_TCP, TCP_FASTOPEN, 5);
	weft_listen(f->srv, f->mode & M_CROWD ? 1 : 3);
	if (f->mode & M_FASTOPEN) {
		u8 b[600];
		struct iovec iov = { b, half(f) % sizeof b };
		struct msghdr m = { .msg_name = &a, .msg_namelen = len, .msg_iov = &iov, .msg_iovlen = 1 };
		ssize_t n;

		for (size_t i = 0; i < iov.iov_len; i++)
			b[i] = pattern(i, 0);
		n = weft_sendmsg(f->end[0], &m, MSG_FASTOPEN | MSG_NOSIGNAL);
		f->sent[0] = n > 0 ? (u64)n : 0;
	} else {
		weft_connect(f->end[0], (struct sockaddr *)&a, len);
	}
}

static void accept_one(struct fuzz *f)
{
	weft_socket *s;

	if (f->srv && !f->end[1] && !weft_accept(f->srv, &s))
		f->end[1] = s;
}

/* TCP_REPAIR with any values; whoever does it has only himself to blame, but nothing may crash or go on for ever. */
static void repair(struct fuzz *f, weft_socket *s)
{
	u8 b[3000] = { 0 }, k = byte(f);
	struct tcp_repair_window w = { .snd_wl1 = step(f), .snd_wnd = half(f), .max_window = (u32)half(f) << (k & 8), .rcv_wnd = half(f) };
	struct tcp_repair_opt o[2] = { { (u32[]){ 2, 3, 4, 8 }[k >> 6], k & 32 ? half(f) : 0 }, { 3, (u32)(byte(f) % 16 | byte(f) % 16 << 16) } };
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	opt(s, IPPROTO_TCP, TCP_REPAIR, 1);
	if (k & 1) {
		opt(s, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_RECV_QUEUE);
		weft_send(s, b, half(f) % sizeof b, 0);
		weft_recv(s, b, sizeof b, MSG_PEEK);
	}
	if (k & 2) {
		opt(s, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_SEND_QUEUE);
		weft_send(s, b, half(f) % sizeof b, 0);
		weft_recv(s, b, sizeof b, MSG_PEEK);
	}
	if (k & 4)
		weft_setsockopt(s, IPPROTO_TCP, TCP_REPAIR_OPTIONS, o, sizeof o);
	if (k & 16) {
		w.snd_wl1 += tcp_sk(s->sk)->rcv_nxt;
		w.rcv_wup = tcp_sk(s->sk)->rcv_nxt - half(f) % 4096u;
		weft_setsockopt(s, IPPROTO_TCP, TCP_REPAIR_WINDOW, &w, sizeof w);
	}
	if (k == 255)
		weft_connect(s, &none, sizeof none);
	if (k % 3)
		opt(s, IPPROTO_TCP, TCP_REPAIR, k % 3 == 1 ? 0 : -1);
	f->urgent = true; /* what is read is not what was sent */
}

static void turn(struct fuzz *f)
{
	u8 op = byte(f), k;

	f->frames = 0;
	accept_one(f);
	if (op & 1)
		send_some(f, 0, 1u + half(f) % 5000, 0);
	if (op & 2)
		send_some(f, 1, 1u + half(f) % 5000, 0);
	if (op & 4)
		recv_some(f, 0, 8192);
	if (op & 8)
		recv_some(f, 1, 8192);
	if ((op & 0xf0) == 0xe0) { /* something rarer */
		int who = op & 1;
		weft_socket *s = f->end[who];

		k = byte(f);
		switch (k % 13) {
		case 0:
			if (s && !weft_shutdown(s, SHUT_WR))
				f->closed[who] = true;
			break;
		case 1:
			send_some(f, who, 1u + k % 40, MSG_OOB);
			break;
		case 2:
			for (int i = 0; i < 10; i++)
				send_some(f, who, 1u + k % 3, k & 16 ? MSG_EOR : 0);
			break;
		case 3:
			send_some(f, who, 1u + k * 9u, MSG_MORE);
			break;
		case 4:
			if (s)
				opt(s, IPPROTO_TCP, TCP_CORK, k >> 4 & 1);
			break;
		case 5:
			recv_some(f, who, 1u + k % 50);
			break;
		case 6:
			if (s)
				opt(s, SOL_SOCKET, k & 16 ? SO_RCVBUF : SO_SNDBUF, 2048 << (k >> 5));
			break;
		case 7:
			if (s && f->mode & M_LIES) /* a clamp that came and went may leave less than a segment for ever, on Linux too */
				opt(s, IPPROTO_TCP, TCP_WINDOW_CLAMP, 256 << (k >> 4));
			break;
		case 8: {
			u8 b;
			if (s && f->mode & M_LIES)
				weft_recv(s, &b, 1, MSG_OOB);
			break;
		}
		case 9:
			if (s && f->mode & M_LIES) {
				opt(s, SOL_SOCKET, SO_KEEPALIVE, k >> 5 & 1);
				opt(s, IPPROTO_TCP, TCP_USER_TIMEOUT, k * 100);
			}
			break;
		case 10:
			if (s && f->mode & M_LIES && k & 16) {
				struct linger l = { k >> 5 & 1, 0 };
				weft_setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof l);
				weft_close(s);
				f->end[who] = NULL;
			}
			break;
		case 11:
			if (s && f->mode & M_LIES)
				repair(f, s);
			break;
		default:
			if (f->mode & M_LIES && f->mode & M_NOMEM)
				f->w->mem.fail_at = 1 + k;
		}
	}
	weft_run_for(f->w, (op & 0xf0) == 0xf0 ? 3000 * MS : (1 + (op >> 4)) * MS * 4);
}

/* The connection that the hand's losses ended is nobody's fault. */
static bool timed_out(const struct fuzz *f)
{
	for (int i = 0; i < 2; i++) {
		int err = 0;
		socklen_t len = sizeof err;

		if (f->end[i] && !weft_getsockopt(f->end[i], SOL_SOCKET, SO_ERROR, &err, &len) && err)
			return true;
		if (f->end[i] && f->end[i]->sk->state == TCP_CLOSE)
			return true;
	}
	return false;
}

static void describe(const struct fuzz *f)
{
	for (int i = 0; i < 2; i++) {
		const struct tcp_sock *tp = f->end[i] ? tcp_sk(f->end[i]->sk) : NULL;

		fprintf(stderr, "end %d: sent %llu, read by the other %llu, closed %d, end seen %d\n", i, (unsigned long long)f->sent[i],
			(unsigned long long)f->got[i], f->closed[i], f->eof[i]);
		if (tp)
			fprintf(stderr, "  state %d, out %u, unsent %u, snd_wnd %u, rcv_wnd %u, rmem %u of %d, wmem %u of %d, timer %u, retransmits %u, tcp_mem %llu, ssthresh %u, clamp %u, ratio %u, mss %u, unread %u, pending %x\n",
				tp->inet.sk.state, tp->packets_out, tp->write_seq - tp->snd_nxt, tp->snd_wnd, tp->rcv_wnd, tp->inet.sk.rmem_alloc,
				tp->inet.sk.rcvbuf, tp->inet.sk.wmem_queued, tp->inet.sk.sndbuf, tp->rtx_kind, tp->retransmits,
				(unsigned long long)tp->inet.sk.net->core->tcp_mem_bytes, tp->rcv_ssthresh, tp->window_clamp, tp->scaling_ratio,
				tp->ack.rcv_mss, tp->rcv_nxt - tp->copied_seq, tp->ack.pending);
	}
}

static bool complete(const struct fuzz *f)
{
	for (int i = 0; i < 2; i++)
		if (f->urgent && !(f->mode & M_OOBINLINE) ? f->got[i] + 100 * 300 < f->sent[i] : f->got[i] < f->sent[i])
			return false;
	return (!f->closed[0] || f->eof[0]) && (!f->closed[1] || f->eof[1]);
}

/* It may take its time: with a backed-off timer and buffers for less than two segments, a window a minute. But something goes on. */
static void finish(struct fuzz *f)
{
	u64 quiet = 0;

	for (int i = 0; i < 20000 && !complete(f) && quiet < 600; i++) {
		u64 before = f->got[0] + f->got[1], ms = quiet < 50 ? 250 : 5000;

		f->frames = 0;
		accept_one(f);
		recv_some(f, 0, 8192);
		recv_some(f, 1, 8192);
		weft_run_for(f->w, ms * MS);
		if (!complete(f) && timed_out(f))
			return;
		quiet = f->got[0] + f->got[1] == before ? quiet + (ms + 999) / 1000 : 0;
	}
	if (quiet < 600)
		return;
	describe(f);
	must(false, "the transfer does not complete");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { .p = data, .left = size };
	weft_wire *wire;

	if (size > 4096 || weft_world_new(1, 1, &f.w))
		return 0;
	f.mode = byte(&f);
	f.mode |= (u32)half(&f) << 8;
	if (!(f.mode & M_LIES)) /* a cookie's handshake ends in a reset when the second segment overtakes the first: that is their price */
		f.mode &= ~(u32)(M_COOKIES | M_LOW_LIMITS | M_NOMEM);
	f.ip = f.mode & M_V6 ? 40 : 20;
	build(&f, &wire);
	begin(&f);
	weft_wire_set_hand(wire, hand, &f);
	weft_run_for(f.w, 50 * MS);
	for (int i = 0; f.left && i < 300; i++) {
		turn(&f);
		tcp_check_net(f.net[0]);
		tcp_check_net(f.net[1]);
	}
	f.w->mem.fail_at = 0;
	/* The hand goes; what was written arrives. */
	f.left = 0;
	for (int i = 0; i < 2 && !(f.mode & M_LIES); i++)
		if (f.end[i])
			opt(f.end[i], IPPROTO_TCP, TCP_CORK, 0);
	if (!(f.mode & M_LIES))
		finish(&f);
	for (int i = 0; i < 2; i++)
		if (f.end[i])
			weft_close(f.end[i]);
	f.frames = 0;
	weft_run_for(f.w, 2000 * MS);
	if (f.srv)
		weft_close(f.srv);
	/* Orphans and TIME-WAIT have their times; then nothing is left. */
	for (int i = 0; i < 100 && (f.net[0]->tcp->hash.est.count || f.net[1]->tcp->hash.est.count); i++) {
		f.frames = 0;
		weft_run_for(f.w, 20000 * MS);
	}
	tcp_check_empty(f.net[0]);
	tcp_check_empty(f.net[1]);
	weft_wire_set_hand(wire, NULL, NULL);
	weft_netns_free(f.net[0]);
	weft_netns_free(f.net[1]);
	weft_world_free(f.w);
	return 0;
}
