/* Ends: close(2), shutdown(2), connect(AF_UNSPEC), aborts, and what is freed when.
 *
 * RFC 9293 3.10.4, RFC 2525 2.17 (unread data at close: reset, since it is lost), SO_LINGER, tcp_max_orphans.
 * A closed program leaves an orphan: the connection goes on without a struct socket until it is done; the table's reference
 * keeps it alive. tcp_destroy() is the orphan's end; destruct frees what is left with the last reference.
 */
#include "transport/tcp/tcp_impl.h"

/* Where close goes from each state, and whether a FIN goes out. */
static bool close_state(struct cpu *cpu, struct tcp_sock *tp)
{
	static const struct {
		u8 next;
		bool fin;
	} table[] = {
		[TCP_ESTABLISHED] = { TCP_FIN_WAIT1, true },
		[TCP_SYN_SENT] = { TCP_CLOSE, false },
		[TCP_SYN_RECV] = { TCP_FIN_WAIT1, true },
		[TCP_FIN_WAIT1] = { TCP_FIN_WAIT1, false },
		[TCP_FIN_WAIT2] = { TCP_FIN_WAIT2, false },
		[TCP_TIME_WAIT] = { TCP_CLOSE, false },
		[TCP_CLOSE] = { TCP_CLOSE, false },
		[TCP_CLOSE_WAIT] = { TCP_LAST_ACK, true },
		[TCP_LAST_ACK] = { TCP_LAST_ACK, false },
		[TCP_LISTEN] = { TCP_CLOSE, false },
		[TCP_CLOSING] = { TCP_CLOSING, false },
	};
	u8 s = tp->inet.sk.state;

	tcp_set_state(cpu, tp, table[s].next);
	return table[s].fin;
}

int tcp_shutdown(struct cpu *cpu, struct sock *sk, int how)
{
	struct tcp_sock *tp = tcp_sk(sk);
	u8 bits = (u8)(how + 1); /* SHUT_RD 0, SHUT_WR 1, SHUT_RDWR 2 */

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	if (tp->ss == TCP_SS_CONNECTING)
		tp->ss = BIT(sk->state) & (TCPS(SYN_SENT) | TCPS(SYN_RECV) | TCPS(CLOSE)) ? TCP_SS_DISCONNECTING : TCP_SS_CONNECTED;
	switch (sk->state) {
	case TCP_CLOSE:
		sk->shutdown |= bits; /* whoever polls hears POLLHUP */
		sock_wake(cpu, sk);
		return -ENOTCONN;
	case TCP_LISTEN:
		if (!(bits & SHUT_RCV_BIT))
			return 0;
		/* fallthrough */
	case TCP_SYN_SENT:
		tp->ss = TCP_SS_UNCONNECTED;
		return tcp_disconnect(cpu, tp);
	default:
		sk->shutdown |= bits;
		break;
	}
	if ((bits & SHUT_SND_BIT) &&
	    (BIT(sk->state) & (TCPS(ESTABLISHED) | TCPS(SYN_SENT) | TCPS(CLOSE_WAIT)))) {
		if (close_state(cpu, tp))
			tcp_send_fin(cpu, tp);
	}
	sock_wake(cpu, sk);
	return 0;
}

static bool too_many_orphans(const struct tcp_sock *tp)
{
	const struct netns_tcp *n = tcp_net(tp);
	return n->orphans > (u32)n->max_orphans;
}

static void orphan(struct tcp_sock *tp)
{
	if (!tp->orphan_counted) {
		tp->orphan_counted = true;
		tcp_net(tp)->orphans++;
		tcp_stat(tp, SOCKSTAT_TCP_ORPHAN, 1);
	}
}

/* close(2) of the last descriptor. */
void tcp_release(struct cpu *cpu, struct sock *sk)
{
	struct tcp_sock *tp = tcp_sk(sk);
	u64 unread = 0;

	sock_hold(sk);
	sk->shutdown = SHUT_RCV_BIT | SHUT_SND_BIT;
	sk->dead = true;
	if (sk->state == TCP_LISTEN) {
		tcp_set_state(cpu, tp, TCP_CLOSE);
		tcp_listen_stop(cpu, tp);
		goto dead;
	}
	for (struct sk_buff *skb = sk->rx_queue.first; skb; skb = skb->next)
		unread += tcp_cb(skb)->end_seq - seq_max(tp->copied_seq, tcp_cb(skb)->seq) - !!(tcp_cb(skb)->flags & TCPF_FIN);
	tcp_rx_purge(cpu, tp);
	if (sk->state == TCP_CLOSE)
		goto dead;
	if (unlikely(tp->repair)) { /* it goes on elsewhere */
		tcp_disconnect(cpu, tp);
	} else if (unread) {
		/* RFC 2525: what was not read is lost; the peer must know. */
		mib_inc(cpu, sk->net, MIB_TcpExt_TCPAbortOnClose);
		tcp_set_state(cpu, tp, TCP_CLOSE);
		tcp_send_active_reset(cpu, tp);
	} else if (sk->linger && !sk->linger_s) {
		tcp_abort_connection(cpu, tp);
		mib_inc(cpu, sk->net, MIB_TcpExt_TCPAbortOnData);
	} else if (close_state(cpu, tp)) {
		tcp_send_fin(cpu, tp);
	}
	orphan(tp);
	if (sk->state == TCP_FIN_WAIT2) {
		if (tp->linger2 < 0) {
			tcp_set_state(cpu, tp, TCP_CLOSE);
			tcp_send_active_reset(cpu, tp);
			mib_inc(cpu, sk->net, MIB_TcpExt_TCPAbortOnLinger);
		} else {
			u64 tmo = tcp_fin_time(tp);

			if (tmo > TCP_TIMEWAIT_LEN) {
				tcp_arm_keepalive(cpu, tp, tmo - TCP_TIMEWAIT_LEN);
			} else {
				tcp_time_wait(cpu, tp, TCP_FIN_WAIT2, tmo);
				goto out;
			}
		}
	}
	if (sk->state != TCP_CLOSE && too_many_orphans(tp)) {
		tcp_set_state(cpu, tp, TCP_CLOSE);
		tcp_send_active_reset(cpu, tp);
		mib_inc(cpu, sk->net, MIB_TcpExt_TCPAbortOnMemory);
	}
dead:
	if (sk->state == TCP_CLOSE)
		tcp_destroy(cpu, tp);
out:
	sock_put(cpu, sk);
}

/* Reset, at once. */
void tcp_abort_connection(struct cpu *cpu, struct tcp_sock *tp)
{
	struct sock *sk = tcp_to_sock(tp);

	if (BIT(sk->state) & (TCPS(ESTABLISHED) | TCPS(FIN_WAIT1) | TCPS(FIN_WAIT2) | TCPS(CLOSE_WAIT) | TCPS(SYN_RECV)))
		tcp_send_active_reset(cpu, tp);
	tcp_txq_purge(cpu, tp);
	tcp_clear_timers(tp);
	tcp_set_state(cpu, tp, TCP_CLOSE);
}

/* By an administrator, or the namespace's end. */
void tcp_abort(struct cpu *cpu, struct sock *sk, int err)
{
	struct tcp_sock *tp = tcp_sk(sk);

	sock_hold(sk);
	if (sk->state == TCP_LISTEN) {
		tcp_set_state(cpu, tp, TCP_CLOSE);
		tcp_listen_stop(cpu, tp);
	} else if (sk->state != TCP_CLOSE) {
		if (BIT(sk->state) & (TCPS(ESTABLISHED) | TCPS(FIN_WAIT1) | TCPS(FIN_WAIT2) | TCPS(CLOSE_WAIT) | TCPS(SYN_RECV)))
			tcp_send_active_reset(cpu, tp);
		sk->err = err < 0 ? -err : err;
		tcp_txq_purge(cpu, tp);
		tcp_done(cpu, tp);
	}
	if (!sk->dead)
		sock_wake(cpu, sk);
	sock_put(cpu, sk);
}

/* The orphan's end: nothing but references keep it now. */
void tcp_destroy(struct cpu *cpu, struct tcp_sock *tp)
{
	tcp_fo_remove(cpu, tp, false);
	tcp_clear_timers(tp);
	tcp_unhash(cpu, tp);
	tcp_txq_purge(cpu, tp);
	tcp_rx_purge(cpu, tp);
	port_unbind(&tcp_net(tp)->ports, &tp->inet);
	if (tp->orphan_counted) {
		tp->orphan_counted = false;
		tcp_net(tp)->orphans--;
		tcp_stat(tp, SOCKSTAT_TCP_ORPHAN, -1);
	}
}

/* connect(AF_UNSPEC), shutdown of what is not connected: back to a fresh socket with its options. */
int tcp_disconnect(struct cpu *cpu, struct tcp_sock *tp)
{
	struct sock *sk = tcp_to_sock(tp);
	struct inet_sock *inet = &tp->inet;
	u8 old = sk->state;

	if (old == TCP_LISTEN) {
		tcp_set_state(cpu, tp, TCP_CLOSE);
		tcp_listen_stop(cpu, tp);
	} else if (unlikely(tp->repair)) {
		sk->err = ECONNABORTED;
	} else if (BIT(old) & (TCPS(ESTABLISHED) | TCPS(FIN_WAIT1) | TCPS(FIN_WAIT2) | TCPS(CLOSE_WAIT) | TCPS(SYN_RECV)) ||
		   (tp->snd_nxt != tp->write_seq && (BIT(old) & (TCPS(CLOSING) | TCPS(LAST_ACK))))) {
		tcp_send_active_reset(cpu, tp);
		sk->err = ECONNRESET;
	} else if (old == TCP_SYN_SENT) {
		sk->err = ECONNRESET;
	}
	tcp_fo_remove(cpu, tp, false);
	tcp_clear_timers(tp);
	if (old != TCP_CLOSE)
		tcp_set_state(cpu, tp, TCP_CLOSE);
	tcp_rx_purge(cpu, tp);
	tcp_txq_purge(cpu, tp);
	dst_put(inet->dst);
	inet->dst = NULL;
	inet->dport = (be16){ 0 };
	memset(&inet->daddr, 0, sizeof inet->daddr);
	if (!(sk->userlocks & 4)) {
		inet->saddr = inet->rcv_saddr = (struct inaddr){ 0 };
		if (sk->family == AF_INET)
			inet->saddr = inet->rcv_saddr = inaddr_from_v4((be32){ 0 });
	}
	sk->shutdown = 0;
	tcp_cc_cleanup(tp);
	tcp_reset_fields(cpu, tp);
	sock_wake(cpu, sk);
	return 0;
}

void tcp_destruct(struct cpu *cpu, struct sock *sk)
{
	struct tcp_sock *tp = tcp_sk(sk);

	tcp_clear_timers(tp);
	tcp_txq_purge(cpu, tp);
	tcp_rx_purge(cpu, tp);
	tcp_cc_cleanup(tp);
	port_unbind(&tcp_net(tp)->ports, &tp->inet);
	if (tp->orphan_counted) {
		tcp_net(tp)->orphans--;
		tcp_stat(tp, SOCKSTAT_TCP_ORPHAN, -1);
	}
	tcp_fo_remove(cpu, tp, false);
	tcp_md5_free(cpu, &tp->md5_keys);
	tcp_ao_free(cpu, sk, &tp->ao);
	mem_free(cpu_mem(cpu), tp->saved_syn);
	mem_free(cpu_mem(cpu), tp->fo_keys);
	tp->saved_syn = NULL;
	tp->fo_keys = NULL;
	tcp_net(tp)->sockets--;
	tcp_stat(tp, SOCKSTAT_TCP_ALLOC, -1);
	if (tp->listen) {
		mem_free(cpu_mem(cpu), tp->listen);
		tp->listen = NULL;
	}
}

