/* TCP sockets: birth, inheritance, names, poll, ioctls; the subsystem's tables. See tcp(7). */
#include <linux/sockios.h>
#include <asm/ioctls.h>
#include <poll.h>

#include "core/subsys.h"
#include "transport/tcp/tcp_impl.h"

#define BINDPORT_LOCK 8

static int tcp_init(struct cpu *cpu, struct sock *sk)
{
	struct tcp_sock *tp = tcp_sk(sk);
	struct netns_tcp *n = sk->net->tcp;

	n->sockets++;
	tcp_stat(tp, SOCKSTAT_TCP_ALLOC, 1);
	sk->sndbuf = n->wmem[1];
	sk->rcvbuf = n->rmem[1];
	timer_init(&tp->timer, tcp_timer);
	list_init(&tp->accept_link);
	list_init(&tp->tsorted);
	list_init(&tp->tsq_work.link);
	tp->tsq_work.fn = tcp_tsq_run;
	tp->tcp_header_len = TCP_HDR_LEN;
	tp->rto_min = tcp_in_ticks((u64)n->rto_min_us * NSEC_PER_USEC);
	tp->rto_max = (u64)n->rto_max_ms * NSEC_PER_MSEC;
	tp->delack_max = TCP_DELACK_MAX;
	tp->mss_cache = TCP_MSS_DEFAULT;
	tcp_reset_fields(cpu, tp);
	return 0;
}

/* Everything a new connection begins with; options stay. */
void tcp_reset_fields(struct cpu *cpu, struct tcp_sock *tp)
{
	u16 user_mss = tp->rx_opt.user_mss;

	tp->rx_opt = (struct tcp_opts){ .user_mss = user_mss, .mss_clamp = TCP_MSS_DEFAULT };
	tp->snd_una = tp->snd_nxt = tp->snd_sml = tp->snd_up = tp->write_seq = tp->pushed_seq = 0;
	tp->rcv_nxt = tp->copied_seq = tp->rcv_wup = tp->rcv_wnd = tp->rcv_ssthresh = 0;
	tp->window_clamp = 0;
	tp->snd_wnd = tp->max_window = tp->snd_wl1 = 0;
	tp->packets_out = tp->sacked_out = tp->lost_out = tp->retrans_out = 0;
	tp->snd_cwnd = TCP_INIT_CWND;
	tp->snd_cwnd_clamp = ~0u;
	tp->snd_cwnd_cnt = tp->snd_cwnd_used = 0;
	tp->snd_ssthresh = TCP_INFINITE_SSTHRESH;
	tp->reordering = (u32)tcp_net(tp)->reordering;
	tp->ca_state = TCP_CA_Open;
	tp->scaling_ratio = 128;
	tp->pacing_rate = UINT64_MAX;
	tp->gso_max_bytes = 65536;
	tp->gso_max_segs = 65535;
	tp->backoff = tp->retransmits = tp->probes_out = 0;
	tp->probes_stamp = 0;
	tp->undo_marker = 0;
	tp->undo_retrans = -1;
	tp->retrans_stamp = 0;
	tp->total_retrans = tp->bytes_retrans = tp->bytes_sent = tp->bytes_acked = tp->bytes_received = 0;
	tp->segs_in = tp->segs_out = tp->data_segs_in = tp->data_segs_out = 0;
	tp->delivered = tp->delivered_ce = tp->lost = tp->total_rto = tp->total_rto_recoveries = tp->total_rto_ms = tp->rehash = tp->plb_rehash = tp->label_salt = 0;
	tp->rto_stamp = 0;
	tp->app_limited = ~0u; /* until the first window is full */
	tp->rate_app_limited = true;
	tp->rate_delivered = 0;
	tp->rate_interval_us = 0;
	tcp_rack_init(tp);
	tp->tlp_high_seq = 0;
	tp->reord_seen = tp->dsack_dups = 0;
	tp->is_sack_reneg = false;
	tp->pacing_next = 0;
	tp->dsack.start = tp->dsack.end = 0;
	tp->num_sacks = 0;
	tp->acks_held = tp->dups = 0;
	tp->urg_data = 0;
	tp->urg_mode = false;
	tp->fin_queued = tp->fin_received = false;
	tp->syn_fastopen = tp->syn_fastopen_exp = tp->syn_empty = tp->syn_data = tp->syn_data_acked = tp->defer_connect = false;
	tp->fo_client_fail = TFO_STATUS_UNSPEC;
	tp->ecn_ok = tp->accecn = tp->ecn_demand_cwr = tp->ecn_queue_cwr = false;
	memset(&tp->aecn, 0, sizeof tp->aecn);
	tp->ecn_seen = 0;
	tp->pred_flags = 0;
	tp->rcv_rtt.rtt_us = 0;
	tp->rcv_rtt.time = 0;
	tp->tcp_header_len = TCP_HDR_LEN;
	tp->tx_timestamp = 0;
	tp->last_oow_ack = 0;
	memset(&tp->ack, 0, sizeof tp->ack);
	tcp_rtt_init(tp);
	if (!tp->cc_setsockopt)
		tcp_cc_assign(tp);
	(void)cpu;
}

/* A child begins with its listener's options (tcp(7), accept(2)). */
int tcp_inherit(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_sock *l)
{
	struct sock *sk = tcp_to_sock(tp);
	const struct sock *ls = &l->inet.sk;
	int err = tcp_init(cpu, sk);

	if (err)
		return err;
	sk->bound_dev_if = ls->bound_dev_if;
	sk->mark = ls->mark;
	sk->priority = ls->priority;
	sk->uid = ls->uid;
	sk->reuse = ls->reuse;
	sk->reuseport = ls->reuseport;
	sk->keepalive = ls->keepalive;
	sk->broadcast = ls->broadcast;
	sk->oobinline = ls->oobinline;
	sk->dontroute = ls->dontroute;
	sk->timestamp = ls->timestamp;
	sk->timestamp_ns = ls->timestamp_ns;
	sk->tstamp_new = ls->tstamp_new;
	sk->zerocopy = ls->zerocopy;
	sk->txrehash = ls->txrehash;
	sk->linger = ls->linger;
	sk->linger_s = ls->linger_s;
	sk->rcvlowat = ls->rcvlowat;
	sk->rcvtimeo_ns = ls->rcvtimeo_ns;
	sk->sndtimeo_ns = ls->sndtimeo_ns;
	sk->tsflags = ls->tsflags;
	sk->max_pacing_rate = ls->max_pacing_rate;
	sk->userlocks = ls->userlocks & 3u; /* the buffers' only: the address is its own */
	if (ls->userlocks & 1)
		sk->sndbuf = ls->sndbuf;
	if (ls->userlocks & 2)
		sk->rcvbuf = ls->rcvbuf;
	tp->inet.tos = l->inet.tos;
	tp->inet.uc_ttl = l->inet.uc_ttl;
	tp->inet.min_ttl = l->inet.min_ttl;
	tp->inet.mc_ttl = l->inet.mc_ttl;
	tp->inet.pmtudisc = l->inet.pmtudisc;
	tp->inet.cmsg_flags = l->inet.cmsg_flags;
	tp->inet.recverr = l->inet.recverr;
	tp->inet.freebind = l->inet.freebind;
	tp->inet.transparent = l->inet.transparent;
	tp->inet.v6only = l->inet.v6only;
	tp->inet.recverr6 = l->inet.recverr6;
	if (sk->family == AF_INET6) {
		*tp->inet.v6 = *l->inet.v6;
		list_init(&tp->inet.v6->anycasts);
		list_init(&tp->inet.v6->leases);
		if ((err = inet6_txopts_copy(cpu, &tp->inet, &l->inet)))
			return err;
	}
	tp->inet.uc_index = l->inet.uc_index;
	tp->rx_opt.user_mss = l->rx_opt.user_mss;
	tp->nonagle = l->nonagle;
	tp->keepalive_time_s = l->keepalive_time_s;
	tp->keepalive_intvl_s = l->keepalive_intvl_s;
	tp->keepalive_probes = l->keepalive_probes;
	tp->user_timeout_ms = l->user_timeout_ms;
	tp->linger2 = l->linger2;
	tp->syn_retries = l->syn_retries;
	tp->notsent_lowat = l->notsent_lowat;
	tp->recvmsg_inq = l->recvmsg_inq;
	tp->rto_max = l->rto_max;
	tp->rto_min = l->rto_min;
	tp->delack_max = l->delack_max;
	tp->tx_delay_us = l->tx_delay_us;
	tp->thin_lto = l->thin_lto;
	tp->save_syn = l->save_syn;
	tp->fo_connect = l->fo_connect;
	tp->fo_no_cookie = l->fo_no_cookie;
	if (l->cc_setsockopt) {
		tp->cc = l->cc;
		tp->cc_setsockopt = true;
	}
	return 0;
}

static int tcp_bind(struct cpu *cpu, struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	struct tcp_sock *tp = tcp_sk(sk);
	u16 port;
	int err = inet_bind_addr(cpu, &tp->inet, a, len, &port);

	if (err)
		return err;
	if (!port && tp->inet.bind_address_no_port)
		return 0;
	err = port_bind(cpu, &tcp_net(tp)->ports, &tp->inet, port);
	if (err) {
		inet_bind_undo(&tp->inet);
		return err;
	}
	inet_dst_reset(&tp->inet);
	return 0;
}

/* Enough for SO_RCVLOWAT, or as much as the buffer will ever hold. */
bool tcp_readable(const struct tcp_sock *tp)
{
	const struct sock *sk = &tp->inet.sk;
	u32 avail = tp->rcv_nxt - tp->copied_seq;
	s32 target = MAX(MIN(sk->rcvlowat, sk->rcvbuf >> 1), 1);

	if (tp->urg_data && tp->urg_seq == tp->copied_seq && !sk->oobinline)
		target++;
	if (!avail)
		return false;
	return (s32)avail >= target || (s64)sk->rmem_alloc > (s64)sk->rcvbuf - (sk->rcvbuf >> 3) || tcp_receive_window(tp) <= tp->ack.rcv_mss;
}

static u32 tcp_poll(struct cpu *cpu, struct sock *sk)
{
	struct tcp_sock *tp = tcp_sk(sk);
	u32 mask = 0;

	if (sk->state == TCP_LISTEN)
		return list_empty(&tp->listen->accept) ? 0 : POLLIN | POLLRDNORM;
	if (sk->shutdown == (SHUT_RCV_BIT | SHUT_SND_BIT) || sk->state == TCP_CLOSE)
		mask |= POLLHUP;
	if (sk->shutdown & SHUT_RCV_BIT)
		mask |= POLLIN | POLLRDNORM | POLLRDHUP;
	if (sk->state != TCP_SYN_SENT && (sk->state != TCP_SYN_RECV || tp->fastopen_rsk)) {
		if (tcp_readable(tp))
			mask |= POLLIN | POLLRDNORM;
		if (!(sk->shutdown & SHUT_SND_BIT)) {
			if (tcp_is_writeable(tp))
				mask |= POLLOUT | POLLWRNORM;
			else
				tp->nospace = true;
		} else {
			mask |= POLLOUT | POLLWRNORM;
		}
		if (tp->urg_data & TCP_URG_VALID)
			mask |= POLLPRI;
	} else if (tp->defer_connect) { /* the first write will send the SYN */
		mask |= POLLOUT | POLLWRNORM;
	}
	if (sk->err || sk->err_queue.first)
		mask |= POLLERR;
	return mask;
}

static int tcp_ioctl(struct cpu *cpu, struct sock *sk, unsigned cmd, void *arg, size_t len)
{
	struct tcp_sock *tp = tcp_sk(sk);
	int v;

	switch (cmd) {
	case SIOCINQ:
		if (sk->state == TCP_LISTEN)
			return -EINVAL;
		v = tcp_inq(tp);
		break;
	case SIOCATMARK:
		v = tp->urg_data && tp->urg_seq == tp->copied_seq;
		break;
	case SOCK_IOC_URGENT_AHEAD:
		if (!(tp->urg_data & TCP_URG_VALID) || seq_before(tp->urg_seq, tp->copied_seq) ||
		    !seq_before(tp->urg_seq, tp->rcv_nxt))
			return -EAGAIN;
		v = (int)(tp->urg_seq - tp->copied_seq);
		break;
	case SIOCOUTQ:
		if (sk->state == TCP_LISTEN)
			return -EINVAL;
		v = BIT(sk->state) & (TCPS(SYN_SENT) | TCPS(SYN_RECV)) ? 0 : (int)(tp->write_seq - tp->snd_una);
		break;
	case SIOCOUTQNSD:
		if (sk->state == TCP_LISTEN)
			return -EINVAL;
		v = BIT(sk->state) & (TCPS(SYN_SENT) | TCPS(SYN_RECV)) ? 0 : (int)(tp->write_seq - tp->snd_nxt);
		break;
	default:
		return -ENOIOCTLCMD;
	}
	if (len < sizeof v)
		return -EFAULT;
	memcpy(arg, &v, sizeof v);
	return 0;
}

static int tcp_getname(struct cpu *cpu, struct sock *sk, bool peer, struct sockaddr_storage *a, socklen_t *len)
{
	if (peer && (BIT(sk->state) & (TCPS(CLOSE) | TCPS(SYN_SENT) | TCPS(LISTEN))) && !(sk->state == TCP_SYN_SENT && peer && 0))
		return -ENOTCONN;
	return inet_getname(cpu, sk, peer, a, len);
}

static void tcp_sol_changed(struct cpu *cpu, struct sock *sk, int name)
{
	struct tcp_sock *tp = tcp_sk(sk);

	switch (name) {
	case SO_KEEPALIVE:
		tcp_set_keepalive(cpu, tp, sk->keepalive);
		break;
	case SO_RCVBUF:
	case SO_RCVBUFFORCE:
		if (sk->state != TCP_CLOSE && sk->state != TCP_LISTEN && tp->window_clamp > tcp_full_space(tp))
			tp->window_clamp = MAX(tcp_full_space(tp), 1u);
		break;
	case SO_SNDBUF:
	case SO_SNDBUFFORCE:
		tcp_check_space(cpu, tp);
		break;
	case SO_RCVLOWAT: {
		/* The buffer must be able to hold that much, and half of it is all that can be waited for. */
		sk->rcvlowat = MIN(sk->rcvlowat, sk->userlocks & 2 ? sk->rcvbuf >> 1 : tcp_net(tp)->rmem[2] >> 1);
		u64 want = ((u64)sk->rcvlowat << 8) / tp->scaling_ratio;
		if (!(sk->userlocks & 2) && want > (u64)sk->rcvbuf) {
			sk->rcvbuf = (s32)MIN(want, (u64)tcp_net(tp)->rmem[2] >> 1);
			tp->window_clamp = MAX(tp->window_clamp, (u32)sk->rcvlowat);
		}
		sock_wake(cpu, sk);
		break;
	}
	case SO_MAX_PACING_RATE:
		tp->pacing_rate = MIN(tp->pacing_rate, sk->max_pacing_rate);
		break;
	case SO_BINDTODEVICE:
	case SO_BINDTOIFINDEX:
		if (tp->hashed == TCP_HASHED_EST) {
			inet_est_del(&tcp_net(tp)->hash, &tp->inet.tuple);
			tp->inet.tuple_dev = sk->bound_dev_if;
			inet_est_add(&tcp_net(tp)->hash, &tp->inet.tuple);
		} else if (tp->hashed == TCP_HASHED_LISTEN) {
			tp->inet.tuple_dev = sk->bound_dev_if;
		}
		inet_dst_reset(&tp->inet);
		break;
	case -IP_OPTIONS:
		if (tp->inet.dst)
			tcp_sync_mss(cpu, tp, tp->pmtu_cookie);
		break;
	default:
		break;
	}
}

static u32 tcp_stamp_base(const struct sock *sk, bool written)
{
	const struct tcp_sock *tp = tcp_sk((struct sock *)sk);
	return written ? tp->write_seq : tp->snd_una;
}

const struct sock_ops tcp_sock_ops = {
	.name = "TCP",
	.obj_size = sizeof(struct tcp_sock),
	.has_peek_off = true,
	.init = tcp_init,
	.release = tcp_release,
	.destruct = tcp_destruct,
	.bind = tcp_bind,
	.connect = tcp_connect,
	.listen = tcp_listen,
	.accept = tcp_accept,
	.getname = tcp_getname,
	.sendmsg = tcp_sendmsg,
	.recvmsg = tcp_recvmsg,
	.shutdown = tcp_shutdown,
	.setsockopt = tcp_setsockopt,
	.getsockopt = tcp_getsockopt,
	.sol_changed = tcp_sol_changed,
	.stamp_base = tcp_stamp_base,
	.ioctl = tcp_ioctl,
	.poll = tcp_poll,
	.abort = tcp_abort,
	.peek = tcp_peek,
	.consume = tcp_consume,
	.reserve = tcp_reserve,
	.commit = tcp_commit,
};

const struct sock_family tcp_family_v6 = { .family = AF_INET6, .type = SOCK_STREAM, .protocol = IPPROTO_TCP, .dflt = true, .ops = &tcp_sock_ops };
const struct sock_family tcp_family_v4 = { .family = AF_INET, .type = SOCK_STREAM, .protocol = IPPROTO_TCP, .dflt = true, .ops = &tcp_sock_ops };

/* -- the subsystem -- */

/* Of a namespace's table, which grows by itself: net.ipv4.tcp_child_ehash_entries of the first namespace says how large it begins. */
static u32 first_buckets(const struct netns *net)
{
	const struct netns *init = net->world->init_net;
	u32 n = init && init != net && init->tcp ? init->tcp->child_ehash_entries : 0, size = 1;

	while (size < n)
		size <<= 1;
	return n ? size : 64;
}

static int netns_init(struct netns *net)
{
	struct netns_tcp *n = mem_zalloc(&net->world->mem, sizeof *n);
	int err;

	if (!n)
		return -ENOMEM;
	net->tcp = n;
	tcp_sysctl_defaults(net);
	list_init(&n->tws);
	if ((err = tcp_metrics_init(net)))
		goto free;
	if ((err = port_table_init(&n->ports, net, PORT_RULES_TCP)))
		goto metrics;
	if ((err = inet_hash_init(&n->hash, net->world, first_buckets(net))))
		goto ports;
	return 0;
ports:
	port_table_fini(&n->ports);
metrics:
	tcp_metrics_fini(net);
free:
	mem_free(&net->world->mem, n);
	net->tcp = NULL;
	return err;
}

static int abort_one(void *arg, struct inet_tuple *t)
{
	if (t->tuple_kind == INET_TUPLE_SOCK)
		tcp_abort(arg, &inet_sock_of_tuple(t)->sk, ENETDOWN);
	return 0;
}

static void netns_exit(struct netns *net)
{
	inet_hash_walk(&net->tcp->hash, true, abort_one, net->home);
	tcp_tw_purge(net->home, net);
}

static void netns_fini(struct netns *net)
{
	tcp_tw_purge(net->home, net);
	inet_hash_fini(&net->tcp->hash);
	port_table_fini(&net->tcp->ports);
	tcp_metrics_fini(net);
	tcp_txq_fini(net);
	mem_free(&net->world->mem, net->tcp);
	net->tcp = NULL;
}

const struct subsys tcp_subsys = { .name = "tcp", .netns_init = netns_init, .netns_exit = netns_exit, .netns_fini = netns_fini };
