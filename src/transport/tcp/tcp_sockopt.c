/* setsockopt and getsockopt at level SOL_TCP, as tcp(7) and linux/tcp.h name them.
 *
 * Zero-copy receive is not built and answers as a kernel without it: ENOPROTOOPT. There are no upper-layer protocols (TCP_ULP).
 */
#include "transport/tcp/tcp_impl.h"

enum { OPT_IS_MPTCP = 43, OPT_RTO_MAX_MS = 44, OPT_RTO_MIN_US = 45, OPT_DELACK_MAX_US = 46 };
#define TX_DELAY_MAX_US (1 << 28) /* an eighth of what srtt << 3 can tell */
#define KEEPIDLE_MAX_S 32767
#define KEEPINTVL_MAX_S 32767
#define KEEPCNT_MAX 127
#define SYNCNT_MAX 127

void tcp_set_nodelay(struct cpu *cpu, struct tcp_sock *tp, bool on)
{
	if (on) {
		tp->nonagle |= TCP_NAGLE_OFF | TCP_NAGLE_PUSH;
		if (tcp_send_head(tp))
			tcp_push_pending(cpu, tp, tcp_current_mss(cpu, tp), tp->nonagle);
		tp->nonagle &= (u8)~TCP_NAGLE_PUSH;
	} else {
		tp->nonagle &= (u8)~TCP_NAGLE_OFF;
	}
}

static void set_cork(struct cpu *cpu, struct tcp_sock *tp, bool on)
{
	if (on) {
		tp->nonagle |= TCP_NAGLE_CORK;
		if (tp->nonagle & TCP_NAGLE_OFF)
			tp->nonagle |= TCP_NAGLE_PUSH;
		tp->nonagle &= (u8)~TCP_NAGLE_PUSH;
	} else {
		tp->nonagle &= (u8)~TCP_NAGLE_CORK;
		if (tcp_send_head(tp) && !(BIT(tp->inet.sk.state) & (TCPS(SYN_SENT) | TCPS(SYN_RECV) | TCPS(CLOSE) | TCPS(LISTEN))))
			tcp_push_pending(cpu, tp, tcp_current_mss(cpu, tp), tp->nonagle | (tp->nonagle & TCP_NAGLE_OFF ? TCP_NAGLE_PUSH : 0));
	}
}

static void set_quickack(struct cpu *cpu, struct tcp_sock *tp, int v)
{
	if (!v) {
		tp->ack.pingpong = tcp_net(tp)->pingpong_thresh;
		return;
	}
	tp->ack.pingpong = 0;
	if ((BIT(tp->inet.sk.state) & (TCPS(ESTABLISHED) | TCPS(CLOSE_WAIT))) && (tp->ack.pending & TCP_ACK_SCHED)) {
		tp->ack.pending |= TCP_ACK_PUSHED;
		tcp_cleanup_rbuf(cpu, tp, 1);
		if (!(v & 1))
			tp->ack.pingpong = tcp_net(tp)->pingpong_thresh;
	}
}

static int set_window_clamp(struct tcp_sock *tp, int v)
{
	if (v) {
		tcp_set_window_clamp(tp, (u32)MAX(v, 0));
		return 0;
	}
	if (tp->inet.sk.state != TCP_CLOSE)
		return -EINVAL;
	tp->window_clamp = 0;
	return 0;
}

/* Bounds of TCP_RTO_MIN_US and TCP_DELACK_MAX_US: two ticks, and the usual 200 ms. */
static int set_us(u64 *field, int us)
{
	u64 ns = us < 0 ? UINT64_MAX / 2 : tcp_in_ticks((u64)us * NSEC_PER_USEC);

	if (ns < 2 * TCP_TICK || ns > TCP_DELACK_MAX)
		return -EINVAL;
	*field = ns;
	return 0;
}

/* The way is longer by the difference at once. */
static int set_tx_delay(struct cpu *cpu, struct tcp_sock *tp, int us)
{
	s64 delta = (s64)us - tp->tx_delay_us;

	if (us < 0 || us >= TX_DELAY_MAX_US)
		return -EINVAL;
	tp->tx_delay_us = (u32)us;
	if (!delta || tp->inet.sk.state != TCP_ESTABLISHED)
		return 0;
	tp->srtt_us = (u32)CLAMP((s64)tp->srtt_us + delta * 8, (s64)1, (s64)UINT32_MAX);
	tcp_set_rto(tp);
	minmax_reset(&tp->min_rtt, (u32)(cpu->now / NSEC_PER_MSEC), ~0u);
	tcp_update_pacing_rate(tp);
	return 0;
}

static u8 secs_to_retrans(int seconds, int timeout, int rto_max)
{
	u8 res = 0;

	if (seconds > 0) {
		int period = timeout;
		res = 1;
		while (seconds > period && res < 255) {
			res++;
			timeout <<= 1;
			if (timeout > rto_max)
				timeout = rto_max;
			period += timeout;
		}
	}
	return res;
}

static int retrans_to_secs(u8 retrans, int timeout, int rto_max)
{
	int period = 0;

	if (retrans > 0) {
		period = timeout;
		while (--retrans) {
			timeout <<= 1;
			if (timeout > rto_max)
				timeout = rto_max;
			period += timeout;
		}
	}
	return period;
}

int tcp_setsockopt(struct cpu *cpu, struct sock *sk, int level, int name, const void *val, socklen_t len)
{
	struct tcp_sock *tp = tcp_sk(sk);
	int v;

	if (level != SOL_TCP)
		return inet_setsockopt(cpu, sk, level, name, val, len);
	if (name == TCP_CONGESTION) {
		char cc[TCP_CC_NAME_MAX];
		size_t n;

		if (len < 1)
			return -EINVAL;
		n = strnlen(val, MIN((size_t)len, sizeof cc - 1));
		memcpy(cc, val, n);
		return tcp_cc_set(cpu, tp, cc, n);
	}
	if (name == TCP_MD5SIG || name == TCP_MD5SIG_EXT)
		return tcp_md5_set(cpu, tp, name, val, len);
	if (name == OPT_AO_ADD_KEY || name == OPT_AO_DEL_KEY || name == OPT_AO_INFO || name == OPT_AO_REPAIR)
		return tcp_ao_set(cpu, tp, name, val, len);
	if (name == TCP_FASTOPEN_KEY)
		return tcp_fo_set_keys(cpu, tp, val, len);
	if (name == TCP_ULP) /* no protocol of that name */
		return len < 1 ? -EINVAL : -ENOENT;
	if (len < sizeof v)
		return -EINVAL;
	memcpy(&v, val, sizeof v);
	switch (name) {
	case TCP_REPAIR:
	case TCP_REPAIR_QUEUE:
	case TCP_QUEUE_SEQ:
	case TCP_REPAIR_OPTIONS:
	case TCP_REPAIR_WINDOW:
	case TCP_TIMESTAMP:
		return tcp_repair_set(cpu, tp, name, val, len);
	case TCP_FASTOPEN:
		if (v < 0 || !(BIT(sk->state) & (TCPS(CLOSE) | TCPS(LISTEN))))
			return -EINVAL;
		tp->fo_max_qlen = MIN((u32)v, (u32)sk->net->core->somaxconn);
		return 0;
	case TCP_FASTOPEN_CONNECT:
		if (v < 0 || v > 1)
			return -EINVAL;
		if (!(tcp_net(tp)->fastopen & TFO_CLIENT))
			return -EOPNOTSUPP;
		if (sk->state != TCP_CLOSE)
			return -EINVAL;
		tp->fo_connect = v;
		return 0;
	case TCP_FASTOPEN_NO_COOKIE:
		if (v < 0 || v > 1 || !(BIT(sk->state) & (TCPS(CLOSE) | TCPS(LISTEN))))
			return -EINVAL;
		tp->fo_no_cookie = v;
		return 0;
	case TCP_SAVE_SYN:
		if (v < 0 || v > 2)
			return -EINVAL;
		tp->save_syn = (u8)v;
		return 0;
	case TCP_MAXSEG:
		if (v && (v < (int)TCP_MIN_MSS || v > (int)TCP_MAX_WINDOW))
			return -EINVAL;
		tp->rx_opt.user_mss = (u16)v;
		return 0;
	case TCP_NODELAY:
		tcp_set_nodelay(cpu, tp, v);
		return 0;
	case TCP_CORK:
		set_cork(cpu, tp, v);
		return 0;
	case TCP_THIN_LINEAR_TIMEOUTS:
		if (v < 0 || v > 1)
			return -EINVAL;
		tp->thin_lto = v;
		return 0;
	case TCP_THIN_DUPACK: /* accepted and without effect since Linux 4.11 */
		return v < 0 || v > 1 ? -EINVAL : 0;
	case TCP_KEEPIDLE:
		if (v < 1 || v > KEEPIDLE_MAX_S)
			return -EINVAL;
		tp->keepalive_time_s = (u32)v;
		if (sk->keepalive && !(BIT(sk->state) & (TCPS(CLOSE) | TCPS(LISTEN)))) {
			u64 idle = cpu->now - MAX(tp->ack.lrcvtime, tp->rcv_tstamp), t = tcp_keepalive_time(tp);
			tcp_arm_keepalive(cpu, tp, t > idle ? t - idle : 0);
		}
		return 0;
	case TCP_KEEPINTVL:
		if (v < 1 || v > KEEPINTVL_MAX_S)
			return -EINVAL;
		tp->keepalive_intvl_s = (u32)v;
		return 0;
	case TCP_KEEPCNT:
		if (v < 1 || v > KEEPCNT_MAX)
			return -EINVAL;
		tp->keepalive_probes = (u8)v;
		return 0;
	case TCP_SYNCNT:
		if (v < 1 || v > SYNCNT_MAX)
			return -EINVAL;
		tp->syn_retries = (u8)v;
		return 0;
	case TCP_LINGER2:
		if (v < 0)
			tp->linger2 = -1;
		else if (v > 120)
			tp->linger2 = 120;
		else
			tp->linger2 = v;
		return 0;
	case TCP_DEFER_ACCEPT:
		tp->defer_accept = secs_to_retrans(v, 1, 120);
		if (tp->listen)
			tp->listen->defer_accept = tp->defer_accept;
		return 0;
	case TCP_WINDOW_CLAMP:
		return set_window_clamp(tp, v);
	case TCP_QUICKACK:
		set_quickack(cpu, tp, v);
		return 0;
	case TCP_USER_TIMEOUT:
		if (v < 0)
			return -EINVAL;
		tp->user_timeout_ms = (u32)v;
		return 0;
	case TCP_NOTSENT_LOWAT:
		tp->notsent_lowat = (u32)v;
		tcp_check_space(cpu, tp);
		return 0;
	case TCP_INQ:
		if (v < 0 || v > 1)
			return -EINVAL;
		tp->recvmsg_inq = v;
		return 0;
	case OPT_RTO_MAX_MS:
		if (v < 1000 || v > 120000)
			return -EINVAL;
		tp->rto_max = tcp_in_ticks((u64)v * NSEC_PER_MSEC);
		return 0;
	case OPT_RTO_MIN_US:
		return set_us(&tp->rto_min, v);
	case OPT_DELACK_MAX_US:
		return set_us(&tp->delack_max, v);
	case TCP_TX_DELAY:
		return set_tx_delay(cpu, tp, v);
	default:
		return -ENOPROTOOPT;
	}
}

int tcp_getsockopt(struct cpu *cpu, struct sock *sk, int level, int name, void *val, socklen_t *len)
{
	struct tcp_sock *tp = tcp_sk(sk);
	struct netns_tcp *n = tcp_net(tp);
	int v;

	if (level != SOL_TCP)
		return inet_getsockopt(cpu, sk, level, name, val, len);
	if ((int)*len < 0)
		return -EINVAL;
	switch (name) {
	case TCP_REPAIR:
	case TCP_REPAIR_QUEUE:
	case TCP_QUEUE_SEQ:
	case TCP_REPAIR_WINDOW:
		return tcp_repair_get(tp, name, val, len);
	case TCP_ULP:
		*len = 0;
		return 0;
	case OPT_IS_MPTCP:
		v = 0;
		break;
	case OPT_AO_INFO:
	case OPT_AO_GET_KEYS:
	case OPT_AO_REPAIR:
		return tcp_ao_get(tp, name, val, len);
	case TCP_FASTOPEN:
		v = (int)tp->fo_max_qlen;
		break;
	case TCP_FASTOPEN_CONNECT:
		v = tp->fo_connect;
		break;
	case TCP_FASTOPEN_NO_COOKIE:
		v = tp->fo_no_cookie;
		break;
	case TCP_FASTOPEN_KEY:
		return tcp_fo_get_keys(tp, val, len);
	case TCP_SAVE_SYN:
		v = tp->save_syn;
		break;
	case TCP_SAVED_SYN: /* once: it is gone then */
		if (!tp->saved_syn) {
			*len = 0;
			return 0;
		}
		if (*len < tp->saved_syn->len) {
			*len = tp->saved_syn->len;
			return -EINVAL;
		}
		sockopt_put(val, len, tp->saved_syn->data, tp->saved_syn->len);
		mem_free(cpu_mem(cpu), tp->saved_syn);
		tp->saved_syn = NULL;
		return 0;
	case TCP_MAXSEG:
		v = tp->mss_cache;
		if (tp->rx_opt.user_mss && (BIT(sk->state) & (TCPS(CLOSE) | TCPS(LISTEN))))
			v = tp->rx_opt.user_mss;
		break;
	case TCP_NODELAY:
		v = !!(tp->nonagle & TCP_NAGLE_OFF);
		break;
	case TCP_CORK:
		v = !!(tp->nonagle & TCP_NAGLE_CORK);
		break;
	case TCP_KEEPIDLE:
		v = (int)(tcp_keepalive_time(tp) / NSEC_PER_SEC);
		break;
	case TCP_KEEPINTVL:
		v = (int)(tcp_keepalive_intvl(tp) / NSEC_PER_SEC);
		break;
	case TCP_KEEPCNT:
		v = tp->keepalive_probes ? tp->keepalive_probes : n->keepalive_probes;
		break;
	case TCP_SYNCNT:
		v = tp->syn_retries ? tp->syn_retries : n->syn_retries;
		break;
	case TCP_LINGER2:
		v = tp->linger2;
		if (v >= 0)
			v = v ? v : n->fin_timeout;
		break;
	case TCP_DEFER_ACCEPT:
		v = retrans_to_secs(tp->defer_accept, 1, 120);
		break;
	case TCP_WINDOW_CLAMP:
		v = (int)tp->window_clamp;
		break;
	case TCP_INFO:
		return tcp_info_get(cpu, tp, val, len);
	case TCP_CC_INFO: {
		u8 info[TCP_CC_INFO_MAX];
		size_t bytes = tp->cc->info ? tp->cc->info(tp, info) : 0;

		return sockopt_put(val, len, info, bytes);
	}
	case TCP_QUICKACK:
		v = !tcp_in_pingpong(tp);
		break;
	case TCP_CONGESTION: {
		char cc[TCP_CC_NAME_MAX] = { 0 };

		strncpy(cc, tp->cc->name, sizeof cc - 1);
		return sockopt_put(val, len, cc, sizeof cc);
	}
	case TCP_THIN_LINEAR_TIMEOUTS:
		v = tp->thin_lto;
		break;
	case TCP_THIN_DUPACK:
		v = 0;
		break;
	case TCP_USER_TIMEOUT:
		v = (int)tp->user_timeout_ms;
		break;
	case TCP_NOTSENT_LOWAT:
		v = (int)tp->notsent_lowat;
		break;
	case TCP_TIMESTAMP:
		v = (int)(((tcp_ts_now(cpu, tp->usec_ts) + tp->ts_offset) & ~1u) | tp->usec_ts); /* the lowest bit: a clock of microseconds */
		break;
	case TCP_INQ:
		v = tp->recvmsg_inq;
		break;
	case OPT_RTO_MAX_MS:
		v = (int)(tp->rto_max / NSEC_PER_MSEC);
		break;
	case OPT_RTO_MIN_US:
		v = (int)(tp->rto_min / NSEC_PER_USEC);
		break;
	case OPT_DELACK_MAX_US:
		v = (int)(tp->delack_max / NSEC_PER_USEC);
		break;
	case TCP_TX_DELAY:
		v = (int)tp->tx_delay_us;
		break;
	default:
		return -ENOPROTOOPT;
	}
	return sockopt_put_int(val, len, v);
}
