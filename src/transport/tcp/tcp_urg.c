/* Urgent data (RFC 9293 3.8.5, RFC 6093): one out-of-band byte, as BSD and Linux read it.
 *
 * The urgent pointer names the byte behind the urgent one (tcp_stdurg: the urgent one itself). The byte stays in the stream;
 * recv(MSG_OOB) reads it out of band, and an ordinary recv stops before it, then leaves it out (unless SO_OOBINLINE).
 */
#include "transport/tcp/tcp_impl.h"

/* The pointer of a segment: is it news? */
static void check_pointer(struct cpu *cpu, struct tcp_sock *tp, u32 seq, u32 ptr)
{
	struct sock *sk = tcp_to_sock(tp);

	if (ptr && !tcp_net(tp)->stdurg)
		ptr--;
	ptr += seq;
	if (seq_after(tp->copied_seq, ptr)) /* behind what was read */
		return;
	if (seq_before(ptr, tp->rcv_nxt)) /* it came before already */
		return;
	if (tp->urg_data && !seq_after(ptr, tp->urg_seq))
		return;
	/* The holder raises SIGURG on POLLPRI. An unread older mark that the reader stands at becomes plain data. */
	if (tp->urg_seq == tp->copied_seq && tp->urg_data && !sk->oobinline && tp->copied_seq != tp->rcv_nxt) {
		struct sk_buff *skb = sk->rx_queue.first;
		tp->copied_seq++;
		if (skb && !seq_before(tp->copied_seq, tcp_cb(skb)->end_seq))
			tcp_rxq_eat(cpu, tp);
	}
	tp->urg_data = TCP_URG_NOTYET;
	tp->urg_seq = ptr;
	tp->pred_flags = 0;
}

/* skb: headers still in front. */
void tcp_urg_rx(struct cpu *cpu, struct tcp_sock *tp, struct sk_buff *skb, const struct tcp_hdr *th, u32 hlen)
{
	u32 off;
	u8 byte;

	if (unlikely(th->flags & TCPF_URG))
		check_pointer(cpu, tp, tcp_cb(skb)->seq, be16_to_cpu(th->urg));
	if (likely(tp->urg_data != TCP_URG_NOTYET))
		return;
	off = tp->urg_seq - tcp_cb(skb)->seq - !!(th->flags & TCPF_SYN);
	if (off < skb->len - hlen && skb_copy_bits(skb, hlen + off, &byte, 1)) {
		tp->urg_data = TCP_URG_VALID | byte;
		sock_wake(cpu, tcp_to_sock(tp));
	}
}

/* recv(MSG_OOB): 1, 0 at the end, -EINVAL (none), -EAGAIN (announced, not arrived), -ENOTCONN. */
ssize_t tcp_recv_oob(struct tcp_sock *tp, struct msghdr *m, int flags)
{
	struct sock *sk = tcp_to_sock(tp);

	if (sk->oobinline || !tp->urg_data || tp->urg_data == TCP_URG_READ)
		return -EINVAL;
	if (sk->state == TCP_CLOSE && !tp->fin_received)
		return -ENOTCONN;
	if (tp->urg_data & TCP_URG_VALID) {
		u8 c = (u8)tp->urg_data;

		if (!(flags & MSG_PEEK))
			tp->urg_data = TCP_URG_READ;
		m->msg_flags |= MSG_OOB;
		if (!msg_len(m)) {
			m->msg_flags |= MSG_TRUNC;
			return 0;
		}
		for (size_t i = 0; i < m->msg_iovlen; i++)
			if (m->msg_iov[i].iov_len) {
				*(u8 *)m->msg_iov[i].iov_base = c;
				return 1;
			}
	}
	if (sk->state == TCP_CLOSE || (sk->shutdown & SHUT_RCV_BIT))
		return 0;
	return -EAGAIN;
}
