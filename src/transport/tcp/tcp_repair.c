/* TCP_REPAIR: a connection taken apart on one host, or in one process, and put together on another (CRIU).
 *
 * While a socket is under repair, no packet leaves by what its program does. Its queues can be looked at (recv with MSG_PEEK), a closed
 * socket's sequence numbers set; connect() makes it established at once; send() fills the queue that TCP_REPAIR_QUEUE names: bytes that
 * came and were not read, or bytes that went out and were not acknowledged. Options, windows and the clock of timestamps follow from
 * what the handshake once agreed on. close() leaves without a word, so that the peer goes on with whoever takes over. The end of the
 * repair sends a window probe: the peer's ACK starts what waits.
 *
 * Calls come from tcp_sockopt.c, tcp_connect.c, tcp_tx.c, tcp_recv.c and tcp_close.c. linux/tcp.h has the shapes; see also criu.org.
 */
#include "core/caller.h"
#include "transport/tcp/tcp_impl.h"

enum { QUEUE_PAGE = 4096, QUEUE_MAX_PAGES = 17, QUEUE_PIECE = 32768 }; /* a send into the receive queue takes what one of Linux's packets holds */

static bool may_repair(const struct cpu *cpu, const struct sock *sk) { return caller_net_admin(cpu) && sk->state != TCP_LISTEN; }

static int set_repair(struct cpu *cpu, struct tcp_sock *tp, int v)
{
	struct sock *sk = tcp_to_sock(tp);

	if (!may_repair(cpu, sk))
		return -EPERM;
	if (v != TCP_REPAIR_ON && v != TCP_REPAIR_OFF && v != TCP_REPAIR_OFF_NO_WP)
		return -EINVAL;
	tp->repair = v == TCP_REPAIR_ON;
	sk->reuse = sk->force_reuse = tp->repair; /* its old address, whoever listens there */
	if (tp->repair)
		tp->repair_queue = TCP_NO_QUEUE;
	if (v == TCP_REPAIR_OFF && sk->state == TCP_ESTABLISHED) {
		tp->snd_wl1 = tp->rcv_nxt - 1; /* whatever the answer says of the window is news */
		tcp_xmit_probe(cpu, tp, false);
	}
	return 0;
}

static int set_seq(struct tcp_sock *tp, u32 seq)
{
	if (tp->inet.sk.state != TCP_CLOSE)
		return -EPERM;
	switch (tp->repair_queue) {
	case TCP_SEND_QUEUE:
		if (tcp_seg_first(tp))
			return -EPERM;
		tp->write_seq = seq;
		return 0;
	case TCP_RECV_QUEUE:
		if (tp->rcv_nxt != tp->copied_seq)
			return -EPERM;
		tp->rcv_nxt = tp->copied_seq = seq;
		return 0;
	default:
		return -EINVAL;
	}
}

static int set_options(struct cpu *cpu, struct tcp_sock *tp, const void *val, socklen_t len)
{
	struct tcp_repair_opt o;

	if (!tp->repair)
		return -EINVAL;
	if (tp->inet.sk.state != TCP_ESTABLISHED || tp->bytes_sent)
		return -EPERM;
	for (size_t at = 0; len - at >= sizeof o; at += sizeof o) {
		memcpy(&o, (const u8 *)val + at, sizeof o);
		switch (o.opt_code) {
		case TCPO_MSS:
			tp->rx_opt.mss_clamp = (u16)o.opt_val;
			tcp_mtu_init(cpu, tp);
			break;
		case TCPO_WSCALE:
			if ((o.opt_val & 0xffff) > TCP_MAX_WSCALE || o.opt_val >> 16 > TCP_MAX_WSCALE)
				return -EFBIG;
			tp->rx_opt.snd_wscale = (u8)o.opt_val;
			tp->rx_opt.rcv_wscale = (u8)(o.opt_val >> 16);
			tp->rx_opt.wscale_ok = true;
			break;
		case TCPO_SACK_PERM:
			if (o.opt_val)
				return -EINVAL;
			tp->rx_opt.sack_ok = true;
			break;
		case TCPO_TIMESTAMP:
			if (o.opt_val)
				return -EINVAL;
			tp->rx_opt.tstamp_ok = true;
			break;
		}
	}
	return 0;
}

static int set_window(struct tcp_sock *tp, const void *val, socklen_t len)
{
	struct tcp_repair_window w;

	if (!tp->repair)
		return -EPERM;
	if (len != sizeof w)
		return -EINVAL;
	memcpy(&w, val, sizeof w);
	if (w.max_window < w.snd_wnd || seq_after(w.snd_wl1, tp->rcv_nxt + w.rcv_wnd) || seq_after(w.rcv_wup, tp->rcv_nxt))
		return -EINVAL;
	tp->snd_wl1 = w.snd_wl1;
	tp->snd_wnd = w.snd_wnd;
	tp->max_window = w.max_window;
	tp->rcv_wnd = w.rcv_wnd;
	tp->rcv_wup = w.rcv_wup;
	return 0;
}

static int get_window(const struct tcp_sock *tp, void *val, socklen_t *len)
{
	const struct tcp_repair_window w = { tp->snd_wl1, tp->snd_wnd, tp->max_window, tp->rcv_wnd, tp->rcv_wup };

	if (*len != sizeof w)
		return -EINVAL;
	if (!tp->repair)
		return -EPERM;
	return sockopt_put(val, len, &w, sizeof w);
}

/* Of at least an int's length. -ENOPROTOOPT: none of ours. */
int tcp_repair_set(struct cpu *cpu, struct tcp_sock *tp, int name, const void *val, socklen_t len)
{
	int v;

	memcpy(&v, val, sizeof v);
	switch (name) {
	case TCP_REPAIR:
		return set_repair(cpu, tp, v);
	case TCP_REPAIR_QUEUE:
		if (!tp->repair)
			return -EPERM;
		if (v < TCP_NO_QUEUE || v > TCP_SEND_QUEUE)
			return -EINVAL;
		tp->repair_queue = (u8)v;
		return 0;
	case TCP_QUEUE_SEQ:
		return set_seq(tp, (u32)v);
	case TCP_REPAIR_OPTIONS:
		return set_options(cpu, tp, val, len);
	case TCP_REPAIR_WINDOW:
		return set_window(tp, val, len);
	case TCP_TIMESTAMP: /* as it was read; the lowest bit says how fine the clock is */
		if (!tp->repair)
			return -EPERM;
		tp->usec_ts = v & 1;
		tp->ts_offset = (u32)v - tcp_ts_now(cpu, tp->usec_ts);
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

int tcp_repair_get(const struct tcp_sock *tp, int name, void *val, socklen_t *len)
{
	switch (name) {
	case TCP_REPAIR:
		return sockopt_put_int(val, len, tp->repair);
	case TCP_REPAIR_QUEUE:
		return tp->repair ? sockopt_put_int(val, len, tp->repair_queue) : -EINVAL;
	case TCP_QUEUE_SEQ:
		if (tp->repair_queue == TCP_NO_QUEUE)
			return -EINVAL;
		return sockopt_put_int(val, len, (int)(tp->repair_queue == TCP_SEND_QUEUE ? tp->write_seq : tp->rcv_nxt));
	case TCP_REPAIR_WINDOW:
		return get_window(tp, val, len);
	default:
		return -ENOPROTOOPT;
	}
}

static int rcvq_piece(struct cpu *cpu, struct tcp_sock *tp, const struct msghdr *m, size_t from, u32 len)
{
	struct sk_buff *skb = skb_alloc(cpu, 0, len);
	int err;

	if (!skb)
		return -ENOBUFS;
	err = tcp_rx_room(cpu, tp, tp->rcv_nxt, skb->truesize) ? msg_copy_to_buf(m, from, skb_put(skb, len), len) : -ENOMEM;
	if (err) {
		skb_consume(cpu, skb);
		return err;
	}
	*tcp_cb(skb) = (struct tcp_cb){ .seq = tp->rcv_nxt, .end_seq = tp->rcv_nxt + len, .ack_seq = tp->snd_una - 1 };
	tcp_rxq_add(cpu, tp, skb);
	return 0;
}

/* send(2) into the receive queue: as if the peer had sent it. The count, which one packet's room limits. */
ssize_t tcp_repair_send(struct cpu *cpu, struct tcp_sock *tp, const struct msghdr *m)
{
	size_t size = msg_len(m), done = 0;

	/* What came out of order lies behind the new end, or across it: the peer has it still. */
	for (struct rbnode *n; (n = rb_first(&tp->ofo));)
		tcp_ofo_drop(cpu, tp, tcp_cb_skb(n), SKB_DROP_REASON_TCP_OFO_QUEUE_PRUNE);
	tp->num_sacks = 0;
	if (size > QUEUE_PAGE)
		size = MIN(size / QUEUE_PAGE, (size_t)QUEUE_MAX_PAGES) * QUEUE_PAGE + size % QUEUE_PAGE;
	while (done < size) {
		u32 n = (u32)MIN(size - done, (size_t)QUEUE_PIECE);
		int err = rcvq_piece(cpu, tp, m, done, n);

		if (err)
			return done ? (ssize_t)done : err;
		done += n;
	}
	return (ssize_t)done;
}

/* recv(2) with MSG_PEEK of the send queue: what is not acknowledged, sent or not. The count, more than was copied if there was no room. */
ssize_t tcp_repair_peek(struct tcp_sock *tp, struct msghdr *m)
{
	size_t room = msg_len(m), done = 0;

	for (const struct tcp_txbuf *tb = tp->txb_head; tb; tb = tb->next) {
		u32 skip = seq_after(tp->snd_una, tb->seq) ? tp->snd_una - tb->seq : 0, len = tb->len > skip ? tb->len - skip : 0;
		size_t n = MIN((size_t)len, room > done ? room - done : 0);
		int err = n ? msg_copy_from_buf(m, done, tb->buf->data + tb->off + skip, n) : 0;

		if (err)
			return err;
		done += len;
	}
	return (ssize_t)done;
}
