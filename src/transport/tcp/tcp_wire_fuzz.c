/* Fuzz: TCP against TCP, with a hand in the wire. Both ends are weft; the input is what the hand does to each segment, and what the
 * two programs do meanwhile. Checksums are made right again, so whatever the hand writes is taken for real.
 *
 * The first byte chooses. Even: the hand is honest (it drops, doubles, delays, cuts and overlaps, but every byte it delivers is true):
 * then what is read is what was written, in order, and with the hand gone the transfer completes. Odd: it also lies (sequence numbers,
 * acknowledgements, flags, windows, options, payload): then nothing may crash, leak or go on without end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/sim.h>

#include "codec/wire/checksum.h"
#include "codec/wire/ip4hdr.h"
#include "transport/tcp/tcp_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MS NSEC_PER_MSEC
enum { ETH = 14, IP = 20, FRAME_MAX_LEN = 4096, STORM = 3000 };

struct fuzz {
	const u8 *p;
	size_t left;
	bool lies;
	unsigned frames;	/* since the programs last did something */
	u64 sent[2], got[2];	/* bytes of each direction's stream, by sender: 0 left, 1 right */
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

static u32 thlen(const struct tcp_hdr *th) { return MAX(tcp_hlen(th), (u32)TCP_HDR_LEN); }

/* Lengths and checksums as if an honest host had sent it. */
static void seal(u8 *b, size_t len)
{
	struct tcp_hdr *th = (struct tcp_hdr *)(b + ETH + IP);
	u16 total = htons((u16)(len - ETH)), sum = 0;
	be32 s, d;

	memcpy(b + ETH + 2, &total, 2);
	memcpy(b + ETH + 10, &sum, 2);
	sum = csum_fold(csum_partial(b + ETH, IP, 0));
	memcpy(b + ETH + 10, &sum, 2);
	memcpy(&s, b + ETH + 12, 4);
	memcpy(&d, b + ETH + 16, 4);
	th->check = 0;
	th->check = csum_fold(csum_partial(th, (u32)(len - ETH - IP), csum_pseudo4(s, d, (u32)(len - ETH - IP), IPPROTO_TCP)));
}

/* Payload bytes [from, from + n) of the frame, as a segment of its own. */
static void piece(struct fuzz *f, weft_wire *w, int dir, const u8 *frame, size_t len, u32 from, u32 n, u64 delay)
{
	const struct tcp_hdr *th = (const struct tcp_hdr *)(frame + ETH + IP);
	u32 head = ETH + IP + thlen(th);
	u8 b[FRAME_MAX_LEN];
	struct tcp_hdr *h = (struct tcp_hdr *)(b + ETH + IP);

	memcpy(b, frame, head);
	memcpy(b + head, frame + head + from, n);
	h->seq = cpu_to_be32(be32_to_cpu(th->seq) + from);
	if (head + from + n < len)
		h->flags &= (u8)~(TCPF_FIN | TCPF_PSH);
	seal(b, head + n);
	weft_wire_inject(w, dir, b, head + n, delay);
}

static void lie(struct fuzz *f, u8 *b, size_t *len)
{
	struct tcp_hdr *th = (struct tcp_hdr *)(b + ETH + IP);
	u32 head = ETH + IP + thlen(th), n;

	switch (byte(f) % 9) {
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
		for (u32 i = ETH + IP + TCP_HDR_LEN; i < head; i++)
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
	default: /* less */
		if (*len > head)
			*len -= byte(f) % (*len - head + 1);
	}
	seal(b, *len);
}

static void hand(void *arg, weft_wire *w, int dir, const uint8_t *frame, size_t len)
{
	struct fuzz *f = arg;
	const struct tcp_hdr *th = (const struct tcp_hdr *)(frame + ETH + IP);
	u8 b[FRAME_MAX_LEN], op;
	u32 head, payload;

	must(f->frames++ < STORM, "a storm of segments");
	if (len < ETH + IP + TCP_HDR_LEN || len > 2000 || frame[12] != 8 || frame[13] || frame[ETH + 9] != IPPROTO_TCP || !f->left) {
		weft_wire_inject(w, dir, frame, len, MS);
		return;
	}
	head = ETH + IP + thlen(th);
	payload = len > head ? (u32)(len - head) : 0;
	op = byte(f);
	if (op < 120) {
		weft_wire_inject(w, dir, frame, len, MS);
	} else if (op < 140) {
		return; /* lost */
	} else if (op < 155) {
		weft_wire_inject(w, dir, frame, len, MS);
		weft_wire_inject(w, dir, frame, len, byte(f) * MS);
	} else if (op < 175) {
		weft_wire_inject(w, dir, frame, len, byte(f) * 4 * MS);
	} else if (op < 200 && payload > 1 && !(th->flags & TCPF_SYN)) { /* in overlapping pieces, in any order */
		u32 cut = 1 + half(f) % (payload - 1), back = byte(f) % (cut + 1);

		piece(f, w, dir, frame, len, cut - back, payload - (cut - back), byte(f) * MS / 8);
		piece(f, w, dir, frame, len, 0, cut, byte(f) * MS / 8);
	} else if (f->lies) {
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

static void send_some(struct fuzz *f, weft_socket *s, int from, u32 n)
{
	u8 b[4096];
	ssize_t r;

	n = MIN(n, (u32)sizeof b);
	for (u32 i = 0; i < n; i++)
		b[i] = pattern(f->sent[from] + i, from);
	r = weft_send(s, b, n, MSG_NOSIGNAL);
	if (r > 0)
		f->sent[from] += (u64)r;
}

static void recv_some(struct fuzz *f, weft_socket *s, int from, u32 n)
{
	u8 b[8192];
	ssize_t r = weft_recv(s, b, MIN(n, (u32)sizeof b), 0);

	if (r <= 0)
		return;
	for (ssize_t i = 0; i < r && !f->lies; i++)
		must(b[i] == pattern(f->got[from] + (u64)i, from), "wrong content");
	f->got[from] += (u64)r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = BE16(80).raw, .sin_addr.s_addr = BE32(0x0a000002).raw };
	weft_wire_params fast = { .delay_ns = MS };
	weft_netns *left, *right;
	weft_socket *srv, *c, *s = NULL;
	weft_wire *wire;
	weft_world *w;
	u8 mode = byte(&f);

	if (size > 4096 || weft_world_new(1, 1, &w))
		return 0;
	f.lies = mode & 1;
	weft_netns_new(w, "left", &left);
	weft_netns_new(w, "right", &right);
	weft_wire_new(left, "eth0", right, "eth0", &fast, &fast, &wire);
	weft_addr_add(left, "eth0", "10.0.0.1/24");
	weft_addr_add(right, "eth0", "10.0.0.2/24");
	weft_link_up(left, "eth0");
	weft_link_up(right, "eth0");
	if (mode & 2)
		weft_sysctl_set(left, "net.ipv4.tcp_timestamps", "0");
	if (mode & 4)
		weft_sysctl_set(right, "net.ipv4.tcp_sack", "0");
	if (mode & 8 && f.lies) /* a cookie's handshake ends in a reset when the second segment overtakes the first: that is their price */
		weft_sysctl_set(right, "net.ipv4.tcp_syncookies", "2");
	if (mode & 16) {
		weft_sysctl_set(left, "net.ipv4.tcp_ecn", "1");
		weft_sysctl_set(right, "net.ipv4.tcp_ecn", "1");
	}
	weft_socket_new(right, AF_INET, SOCK_STREAM, 0, &srv);
	weft_bind(srv, (struct sockaddr *)&addr, sizeof addr);
	weft_listen(srv, 3);
	weft_socket_new(left, AF_INET, SOCK_STREAM, 0, &c);
	if (mode & 32) {
		int v = 4096;
		weft_setsockopt(srv, SOL_SOCKET, SO_RCVBUF, &v, sizeof v);
	}
	weft_wire_set_hand(wire, hand, &f);
	weft_connect(c, (struct sockaddr *)&addr, sizeof addr);
	weft_run_for(w, 50 * MS);
	for (int turn = 0; f.left && turn < 300; turn++) {
		u8 op = byte(&f);

		f.frames = 0;
		if (!s)
			weft_accept(srv, &s);
		if (op & 1)
			send_some(&f, c, 0, 1u + half(&f) % 5000);
		if (op & 2 && s)
			send_some(&f, s, 1, 1u + half(&f) % 5000);
		if (op & 4 && s)
			recv_some(&f, s, 0, 8192);
		if (op & 8)
			recv_some(&f, c, 1, 8192);
		if (op >= 250 && s && f.lies)
			weft_shutdown(op & 4 ? s : c, SHUT_WR);
		weft_run_for(w, (op & 0xf0) == 0xf0 ? 3000 * MS : (1 + (op >> 4)) * MS * 4);
	}
	/* The hand goes; what was written arrives. */
	f.left = 0;
	f.frames = 0;
	for (int turn = 0; turn < 4000 && !f.lies && (f.got[0] < f.sent[0] || f.got[1] < f.sent[1]); turn++) {
		f.frames = 0;
		if (!s && weft_accept(srv, &s))
			s = NULL;
		if (s)
			recv_some(&f, s, 0, 8192);
		recv_some(&f, c, 1, 8192);
		weft_run_for(w, 250 * MS);
	}
	if (!f.lies)
		must(f.got[0] == f.sent[0] && f.got[1] == f.sent[1], "the transfer does not complete");
	f.frames = 0;
	weft_close(c);
	if (s)
		weft_close(s);
	weft_run_for(w, 2000 * MS);
	weft_close(srv);
	weft_wire_set_hand(wire, NULL, NULL);
	weft_netns_free(left);
	weft_netns_free(right);
	weft_world_free(w);
	return 0;
}
