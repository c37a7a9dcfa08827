/* send(2) and its kin: from the program's bytes to the send stream, once copied; and the copy-free reserve and commit.
 *
 * Comes from sock/socket.c; goes to tcp_output.c when enough was queued. A send takes what fits the send buffer and returns
 * that count; -EAGAIN when nothing fits. See tcp(7), send(2).
 */
#include <linux/net_tstamp.h>

#include "transport/tcp/tcp_impl.h"

#define RESERVE_MIN 2048u

static u32 notsent(const struct tcp_sock *tp) { return tp->write_seq - tp->snd_nxt; }

static bool below_lowat(const struct tcp_sock *tp)
{
	u32 lowat = tp->notsent_lowat ? tp->notsent_lowat : tcp_net(tp)->notsent_lowat;

	return lowat == ~0u || notsent(tp) < lowat;
}

static bool memory_free(const struct tcp_sock *tp)
{
	return tp->inet.sk.wmem_queued < (u32)tp->inet.sk.sndbuf && below_lowat(tp);
}

/* POLLOUT: a third of the buffer is free. */
bool tcp_is_writeable(const struct tcp_sock *tp)
{
	const struct sock *sk = &tp->inet.sk;
	s64 space = (s64)sk->sndbuf - sk->wmem_queued;

	return space >= (s64)(sk->wmem_queued >> 1) && below_lowat(tp);
}

/* What keeps a program from sending. 0 or -errno. */
static int check_sendable(struct cpu *cpu, struct tcp_sock *tp)
{
	struct sock *sk = tcp_to_sock(tp);

	if (sk->err)
		return sock_error(sk);
	if (sk->shutdown & SHUT_SND_BIT)
		return -EPIPE;
	if (BIT(sk->state) & (TCPS(ESTABLISHED) | TCPS(CLOSE_WAIT)) || tp->fastopen_rsk)
		return 0;
	if (BIT(sk->state) & (TCPS(SYN_SENT) | TCPS(SYN_RECV)))
		return -EAGAIN;
	return -EPIPE;
}

static void mark_push(struct tcp_sock *tp)
{
	tp->pushed_seq = tp->write_seq;
	tp->tail_psh = true;
}

/* More than half of what the peer ever offered is unpushed. */
static bool forced_push(const struct tcp_sock *tp) { return seq_after(tp->write_seq, tp->pushed_seq + (tp->max_window >> 1)); }

/* Bytes of the packet to be that the next byte may join: unsent, and no record's end. */
static u32 tail_len(const struct tcp_sock *tp)
{
	u32 start = seq_after(tp->tail_start, tp->snd_nxt) ? tp->tail_start : tp->snd_nxt;

	if (tp->write_seq == start || (tp->txb_tail && tp->txb_tail->eor))
		return 0;
	return tp->write_seq - start;
}

/* Packets of ours wait in a qdisc or for the device: a small one more would be another in that queue, and can grow until one of them is
 * through (wfree() in tcp_segment.c). Not on loopback and veth, where nothing waits. */
static bool autocork(struct cpu *cpu, struct tcp_sock *tp)
{
	u32 tail = tail_len(tp);

	if (!tcp_net(tp)->autocorking || !tail || tail >= tp->size_goal || !tp->packets_out ||
	    !tcp_txq_outweighs(tp, tcp_to_sock(tp)->tx_waiting, tail))
		return false;
	if (!tp->autocorked && !tp->tsq_throttled)
		mib_inc(cpu, tp->inet.sk.net, MIB_TcpExt_TCPAutoCorking);
	tp->autocorked = true;
	return true;
}

static void push(struct cpu *cpu, struct tcp_sock *tp, int flags, u32 mss, int nonagle)
{
	struct sock *sk = tcp_to_sock(tp);

	if (!tcp_send_head(tp))
		return;
	if (!(flags & MSG_MORE) || forced_push(tp))
		mark_push(tp);
	if (flags & MSG_OOB) {
		tp->urg_mode = true;
		tp->snd_up = tp->write_seq;
	}
	if (unlikely(sk->tx_waiting) && autocork(cpu, tp))
		return;
	tcp_push_pending(cpu, tp, mss, flags & MSG_MORE ? TCP_NAGLE_CORK : nonagle);
}

/* No room: remembers that somebody wants to hear of it. */
static void wait_for_space(struct cpu *cpu, struct tcp_sock *tp)
{
	tp->nospace = true;
	tcp_chrono_start(cpu, tp, TCP_CHRONO_SNDBUF_LIMITED);
}

/* Bytes from offset `off` of the message to the end of the element that it lies in. */
static size_t element_left(const struct msghdr *m, size_t off)
{
	size_t i = 0;

	while (i + 1 < m->msg_iovlen && off >= m->msg_iov[i].iov_len)
		off -= m->msg_iov[i++].iov_len;
	return m->msg_iov[i].iov_len - off;
}

ssize_t tcp_sendmsg(struct cpu *cpu, struct sock *sk, const struct msghdr *m, int flags)
{
	struct tcp_sock *tp = tcp_sk(sk);
	size_t total = msg_len(m), done = 0;
	u32 mss, tsflags = sk->tsflags;
	bool zc = flags & MSG_ZEROCOPY && sk->zerocopy && total;
	int err;

	if (unlikely((flags & MSG_FASTOPEN || tp->defer_connect) && !tp->repair)) {
		u32 copied;

		err = tcp_connect_data(cpu, tp, m, &copied);
		if (err == -EINPROGRESS && copied) {
			if (unlikely(zc))
				tcp_mark_zerocopy(cpu, tp);
			tp->write_pending = flags & MSG_WAITALL && copied < total;
			return (ssize_t)copied;
		}
		if (err) /* 0: an earlier attempt has just succeeded */
			return err;
	}
	if (m->msg_controllen) {
		struct inet_cmsgs c;

		inet_cmsgs_init(&tp->inet, &c);
		err = inet_cmsgs_parse(cpu, &tp->inet, m, &c);
		mem_free(cpu_mem(cpu), c.txopts6);
		if (err)
			return err;
		tsflags = c.tsflags;
	}
	err = check_sendable(cpu, tp);
	if (err == -EAGAIN) {
		tp->nospace = true;
		tp->write_pending = flags & MSG_WAITALL;
	}
	if (err)
		return err;
	if (unlikely(tp->repair) && tp->repair_queue != TCP_SEND_QUEUE)
		return tp->repair_queue == TCP_RECV_QUEUE ? tcp_repair_send(cpu, tp, m) : -EINVAL;
	if (unlikely(zc) && (err = tcp_zerocopy_begin(tp)))
		return err;
	if (sk->state == TCP_CLOSE_WAIT || sk->state == TCP_ESTABLISHED)
		tcp_slow_start_after_idle_check(cpu, tp);
	mss = tcp_current_mss(cpu, tp);
	tcp_rate_check_app_limited(tp);

	tp->size_goal = flags & MSG_OOB ? mss : tcp_size_goal(tp, mss);

	while (done < total) {
		u32 room, n, tail = tail_len(tp);
		u8 *p;

		if (!tail || tail >= tp->size_goal) {
			if (unlikely(!memory_free(tp))) {
				wait_for_space(cpu, tp);
				break;
			}
			tcp_txq_end_packet(tp);
			tp->tail_start = tp->write_seq;
			tp->zc_frags = 0;
			tail = 0;
		}
		if (!done)
			tp->tail_psh = false; /* the end of what was pushed before is no longer the packet's */
		p = tcp_txq_room(cpu, tp, (u32)MIN(total - done, (size_t)65536), &room);
		if (!p) {
			wait_for_space(cpu, tp);
			if (!done)
				err = tp->packets_out || tcp_send_head(tp) ? -EAGAIN : -ENOMEM;
			break;
		}
		n = (u32)MIN((size_t)MIN(room, tp->size_goal - tail), total - done);
		if (unlikely(zc))
			n = (u32)MIN((size_t)n, element_left(m, done));
		err = msg_copy_to_buf(m, done, p, n);
		if (err) {
			tcp_txq_trim_tail(cpu, tp);
			break;
		}
		tcp_txq_commit(tp, n);
		done += n;
		/* Linux gives each of the program's pieces a fragment of its own, and a packet holds so many. */
		if (unlikely(zc) && ++tp->zc_frags == MAX_SKB_FRAGS && done < total)
			tcp_txq_end_record(tp);
		if (done == total || tail + n < tp->size_goal)
			continue;
		/* A whole packet: the device may begin while we go on copying. */
		if (forced_push(tp)) {
			mark_push(tp);
			tcp_push_pending(cpu, tp, mss, TCP_NAGLE_PUSH);
		} else if (!seq_after(tp->tail_start, tp->snd_nxt)) {
			tcp_write_xmit(cpu, tp, mss, TCP_NAGLE_PUSH, 1);
		}
	}
	if (done == total && flags & MSG_EOR)
		tcp_txq_end_record(tp);
	if (done && unlikely(zc))
		tcp_mark_zerocopy(cpu, tp);
	if (done && unlikely(tsflags & SOF_TIMESTAMPING_TX_RECORD_MASK))
		tcp_mark_stamp(cpu, tp, tsflags);
	if (done) {
		/* Cut short by a full buffer: push regardless of Nagle, only ACKs make room. */
		push(cpu, tp, done < total ? flags & ~MSG_MORE : flags, mss, done < total ? TCP_NAGLE_PUSH : tp->nonagle);
		return (ssize_t)done;
	}
	if (err)
		return err;
	if (total) /* no byte of this send is in the stream: none is urgent */
		push(cpu, tp, flags & ~(MSG_MORE | MSG_OOB), mss, TCP_NAGLE_PUSH);
	return total ? -EAGAIN : 0;
}

/* -- without copying -- */

int tcp_reserve(struct cpu *cpu, struct sock *sk, struct iovec *iov, unsigned max, u64 *bytes)
{
	struct tcp_sock *tp = tcp_sk(sk);
	struct tcp_txbuf *tail = tp->txb_tail;
	unsigned n = 0;
	u32 room;
	u8 *p;
	int err;

	*bytes = 0;
	if (unlikely(tp->defer_connect)) { /* whoever moves bytes himself does without data in the SYN */
		struct msghdr none = { 0 };
		u32 copied;

		err = tcp_connect_data(cpu, tp, &none, &copied);
		if (err != -EINPROGRESS)
			return err;
	}
	err = check_sendable(cpu, tp);
	if (err)
		return err;
	if (unlikely(tp->repair)) /* its queues take send(2) alone */
		return -EAGAIN;
	if (!max)
		return -EINVAL;
	if (!memory_free(tp)) {
		wait_for_space(cpu, tp);
		return -EAGAIN;
	}
	tp->reserved = NULL;
	/* What is left in the last buffer, when worth it, and then whole new ones. */
	if (tail && tail->appendable && tail->buf->size - tail->off - tail->len >= RESERVE_MIN) {
		iov[n].iov_base = tail->buf->data + tail->off + tail->len;
		iov[n].iov_len = tail->buf->size - tail->off - tail->len;
		*bytes += iov[n++].iov_len;
		tp->reserved = tail;
	}
	while (n < max && tp->inet.sk.wmem_queued + *bytes < (u32)tp->inet.sk.sndbuf && *bytes < 262144) {
		p = tcp_txq_add(cpu, tp, 65536, &room);
		if (!p)
			break;
		if (!tp->reserved)
			tp->reserved = tp->txb_tail;
		iov[n].iov_base = p;
		iov[n].iov_len = room;
		*bytes += room;
		n++;
	}
	if (!n)
		return -ENOMEM;
	return (int)n;
}

int tcp_commit(struct cpu *cpu, struct sock *sk, u64 bytes, int flags)
{
	struct tcp_sock *tp = tcp_sk(sk);
	struct tcp_txbuf *tb = tp->reserved;

	tp->reserved = NULL;
	if (bytes)
		tp->tail_psh = false;
	for (; tb && bytes; tb = tb->next) {
		u32 n = (u32)MIN(bytes, (u64)(tb->buf->size - tb->off - tb->len));

		if (!tb->len)
			tb->seq = tp->write_seq;
		tb->len += n;
		tp->write_seq += n;
		bytes -= n;
		if (!bytes)
			break;
		tb->appendable = tb->off + tb->len < tb->buf->size;
	}
	tcp_txq_trim_tail(cpu, tp);
	tcp_wmem_update(tp);
	if (flags & MSG_EOR)
		tcp_txq_end_record(tp);
	if (tcp_send_head(tp)) {
		tcp_slow_start_after_idle_check(cpu, tp);
		push(cpu, tp, flags, tcp_current_mss(cpu, tp), tp->nonagle);
	}
	return 0;
}
