/* Fuzz: a hostile peer's segments into an established connection and a listener, while the program sends, reads, sets options,
 * shuts down and closes, and time passes. All memory must come back at the end.
 *
 * The input is a sequence of operations of at least one byte: 0-127: a segment (13 bytes of header fields follow, relative to what the
 * connection expects, then up to 64 of options and payload); 128-255: what the program does (send, recv, shutdown, options, time).
 */
#include <string.h>
#include <weft/weft.h>

#include "codec/wire/checksum.h"
#include "transport/tcp/tcp_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct in {
	const u8 *p;
	size_t left;
};
static u8 byte(struct in *in) { return in->left ? (in->left--, *in->p++) : 0; }
static u16 half(struct in *in) { return (u16)(byte(in) << 8 | byte(in)); }
/* Mostly small steps, sometimes far. */
static u32 step(struct in *in)
{
	u8 k = byte(in);
	u16 v = half(in);

	return k < 128 ? 0u : k < 192 ? v : k < 224 ? 0u - v : (u32)v << 16;
}

static weft_world *w;
static weft_netns *left, *right;

/* From left's address to right's, by a raw socket in left: the way of a real packet. */
static void segment(struct in *in, struct tcp_sock *peer, u8 op)
{
	u8 b[160] = { 0 };
	struct tcp_hdr *th = (struct tcp_hdr *)b;
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = BE32(0x0a000002).raw };
	u32 extra = byte(in) % 100, opts;
	weft_socket *raw;

	th->sport = cpu_to_be16(op & 1 ? 5000 + (op >> 3) % 4 : 4000);
	th->dport = BE16(80);
	th->seq = cpu_to_be32((peer ? peer->rcv_nxt : 1000) + step(in));
	th->ack = cpu_to_be32((peer ? peer->snd_una : 1000) + step(in));
	th->flags = op & 2 ? byte(in) : TCPF_ACK | (byte(in) & 1 ? TCPF_PSH : 0);
	th->window = cpu_to_be16(half(in));
	th->urg = cpu_to_be16(op & 4 ? half(in) : 0);
	opts = op & 8 ? byte(in) % 11 * 4 : 0;
	opts = MIN(opts, ALIGN_UP(extra, 4u) & ~3u);
	th->doff = (u8)((op & 64 ? byte(in) & 0xf0u : (TCP_HDR_LEN + opts) / 4 << 4));
	for (u32 i = 0; i < extra; i++)
		b[TCP_HDR_LEN + i] = byte(in);
	if ((op & 16) && peer && opts >= 12) { /* a plausible timestamp */
		struct tcp_out_opts o = { .ts = true, .tsval = peer->rx_opt.ts_recent + (byte(in) >> 4), .tsecr = tcp_ts_now(left->home, false) + peer->ts_offset };
		tcp_out_opts_write(b + TCP_HDR_LEN, &o);
	}
	th->check = csum_fold(csum_partial(b, TCP_HDR_LEN + extra, csum_pseudo4(BE32(0x0a000001), BE32(0x0a000002), TCP_HDR_LEN + extra, 6)));
	if (weft_socket_new(left, AF_INET, SOCK_RAW, IPPROTO_TCP, &raw))
		return;
	struct iovec iov = { b, TCP_HDR_LEN + extra };
	struct msghdr m = { .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &iov, .msg_iovlen = 1 };
	weft_sendmsg(raw, &m, 0);
	weft_close(raw);
	weft_run_for(w, 1000);
}

static void program(struct in *in, weft_socket **s, weft_socket *srv, u8 op)
{
	static char buf[70000];
	weft_socket *a;
	int v = byte(in);

	switch (op & 15) {
	case 0: case 1:
		if (*s)
			weft_send(*s, buf, 1u + v * 256u, (v & 1 ? MSG_MORE : 0) | (v & 2 ? MSG_OOB : 0));
		break;
	case 2: case 3:
		if (*s)
			weft_recv(*s, buf, 1u + v * 256u, (v & 1 ? MSG_PEEK : 0) | (v == 2 ? MSG_OOB : 0) | (v == 4 ? MSG_TRUNC : 0));
		break;
	case 4: {
		struct iovec iov[4];
		uint64_t n;
		if (*s && weft_peek(*s, iov, 4, &n) > 0)
			weft_consume(*s, n / 2);
		break;
	}
	case 5:
		if (*s)
			weft_shutdown(*s, v % 3);
		break;
	case 6: {
		int val = (int)half(in);
		if (*s)
			weft_setsockopt(*s, v & 1 ? IPPROTO_TCP : SOL_SOCKET, v >> 1 & 63, &val, sizeof val);
		break;
	}
	case 7: {
		char info[400];
		socklen_t len = sizeof info;
		if (*s)
			weft_getsockopt(*s, IPPROTO_TCP, v & 63, info, &len);
		break;
	}
	case 8:
		weft_run_for(w, (uint64_t)v << 24); /* up to 4 s */
		break;
	case 9:
		weft_run_for(w, (uint64_t)v << 30); /* up to 4 min */
		break;
	case 10:
		if (!weft_accept(srv, &a)) {
			if (*s)
				weft_close(*s);
			*s = a;
		}
		break;
	case 11:
		if (v < 16 && *s) {
			weft_close(*s);
			*s = NULL;
		}
		break;
	default:
		if (*s)
			weft_poll(*s);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct in in = { data, size };
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = BE16(80).raw, .sin_addr.s_addr = BE32(0x0a000002).raw };
	struct sockaddr_in mine = { .sin_family = AF_INET, .sin_port = BE16(4000).raw, .sin_addr.s_addr = BE32(0x0a000001).raw };
	weft_socket *srv, *c, *s = NULL;

	if (weft_world_new(1, 1, &w))
		return 0;
	weft_netns_new(w, "left", &left);
	weft_netns_new(w, "right", &right);
	weft_veth_new(left, "eth0", right, "eth0");
	weft_addr_add(left, "eth0", "10.0.0.1/24");
	weft_addr_add(right, "eth0", "10.0.0.2/24");
	weft_link_up(left, "eth0");
	weft_link_up(right, "eth0");
	weft_socket_new(right, AF_INET, SOCK_STREAM, 0, &srv);
	weft_bind(srv, (struct sockaddr *)&addr, sizeof addr);
	weft_listen(srv, 3);
	weft_socket_new(left, AF_INET, SOCK_STREAM, 0, &c);
	weft_bind(c, (struct sockaddr *)&mine, sizeof mine);
	weft_connect(c, (struct sockaddr *)&addr, sizeof addr);
	weft_run_for(w, 100000000);
	weft_accept(srv, &s);
	while (in.left) {
		u8 op = byte(&in);
		if (op < 128)
			segment(&in, s ? tcp_sk(s->sk) : NULL, op);
		else
			program(&in, op & 32 ? &c : &s, srv, op);
	}
	if (s)
		weft_close(s);
	if (c)
		weft_close(c);
	weft_close(srv);
	weft_run_for(w, 1000000000);
	weft_netns_free(left);
	weft_netns_free(right);
	weft_world_free(w);
	return 0;
}
