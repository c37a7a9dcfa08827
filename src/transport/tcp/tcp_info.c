/* What a connection knows of itself: TCP_INFO, for getsockopt and sock_diag; and the clocks of what limits it.
 *
 * The clocks (RFC 4898's spirit, Linux's tcp_chrono) run while data is unacknowledged, and say which of receive window and
 * send buffer held it up.
 */
#include "transport/tcp/tcp_info.h"

#include "transport/tcp/tcp_impl.h"

#ifndef TCPI_OPT_USEC_TS /* newer than the headers of Debian 12 */
#define TCPI_OPT_USEC_TS 64
#endif

static void chrono_set(struct cpu *cpu, struct tcp_sock *tp, u8 type)
{
	u64 now = cpu->now;

	if (tp->chrono_type == type)
		return;
	if (tp->chrono_type)
		tp->chrono_stat[tp->chrono_type - 1] += now - tp->chrono_start;
	tp->chrono_start = now;
	tp->chrono_type = type;
}
void tcp_chrono_start(struct cpu *cpu, struct tcp_sock *tp, u8 type)
{
	if (type > tp->chrono_type && (tp->packets_out || tcp_send_head(tp)))
		chrono_set(cpu, tp, type);
}
void tcp_chrono_stop(struct cpu *cpu, struct tcp_sock *tp, u8 type)
{
	if (!tp->packets_out && !tcp_send_head(tp)) /* nothing is left to be busy with */
		chrono_set(cpu, tp, 0);
	else if (tp->chrono_type == type)
		chrono_set(cpu, tp, TCP_CHRONO_BUSY);
}
/* After a turn of sending. */
void tcp_chrono_set(struct cpu *cpu, struct tcp_sock *tp, bool rwnd_limited)
{
	if (rwnd_limited)
		chrono_set(cpu, tp, TCP_CHRONO_RWND_LIMITED);
	else if (tp->chrono_type == TCP_CHRONO_RWND_LIMITED || (!tp->chrono_type && tp->packets_out))
		chrono_set(cpu, tp, tp->packets_out ? TCP_CHRONO_BUSY : 0);
}

static u32 ms_since(const struct cpu *cpu, u64 t) { return (u32)((cpu->now - t) / NSEC_PER_MSEC); }

/* A run of timeouts is over: data or SYN came through. */
void tcp_rto_run_ends(struct cpu *cpu, struct tcp_sock *tp)
{
	if (!tp->rto_stamp)
		return;
	tp->total_rto_ms += ms_since(cpu, tp->rto_stamp);
	tp->rto_stamp = 0;
}

void tcp_info_fill(struct cpu *cpu, const struct tcp_sock *tp, struct tcp_info_full *i)
{
	const struct sock *sk = &tp->inet.sk;
	u64 stat[3];
	u32 n;

	*i = (struct tcp_info_full){ .state = sk->state };
	i->pacing_rate = tp->pacing_rate;
	i->max_pacing_rate = sk->max_pacing_rate;
	i->reordering = tp->reordering;
	i->snd_cwnd = tp->snd_cwnd;
	if (sk->state == TCP_LISTEN) {
		i->unacked = tp->listen->accept_len; /* as ss shows Recv-Q and Send-Q */
		i->sacked = tp->listen->backlog;
		return;
	}
	i->ca_state = tp->ca_state;
	i->retransmits = tp->retransmits;
	i->probes = tp->probes_out;
	i->backoff = tp->backoff;
	if (tp->rx_opt.tstamp_ok)
		i->options |= TCPI_OPT_TIMESTAMPS;
	if (tp->usec_ts)
		i->options |= TCPI_OPT_USEC_TS;
	if (tp->rx_opt.sack_ok)
		i->options |= TCPI_OPT_SACK;
	if (tp->rx_opt.wscale_ok) {
		i->options |= TCPI_OPT_WSCALE;
		i->snd_wscale = tp->rx_opt.snd_wscale & 15;
		i->rcv_wscale = tp->rx_opt.rcv_wscale & 15;
	}
	if (tp->ecn_ok || tp->accecn)
		i->options |= TCPI_OPT_ECN;
	if (tp->ecn_seen)
		i->options |= TCPI_OPT_ECN_SEEN;
	if (tp->syn_data_acked)
		i->options |= TCPI_OPT_SYN_DATA;
	i->fastopen_client_fail = tp->fo_client_fail & 3;
	i->rto = (u32)(tp->rto / NSEC_PER_USEC);
	i->ato = (u32)(tp->ack.ato / NSEC_PER_USEC);
	i->snd_mss = tp->mss_cache;
	i->rcv_mss = tp->ack.rcv_mss;
	i->unacked = tp->packets_out;
	i->sacked = tp->sacked_out;
	i->lost = tp->lost_out;
	i->retrans = tp->retrans_out;
	i->last_data_sent = ms_since(cpu, tp->tx_timestamp);
	i->last_data_recv = ms_since(cpu, tp->ack.lrcvtime);
	i->last_ack_recv = ms_since(cpu, tp->rcv_tstamp);
	i->pmtu = tp->pmtu_cookie;
	i->rcv_ssthresh = tp->rcv_ssthresh;
	i->rtt = tp->srtt_us >> 3;
	i->rttvar = tp->mdev_us >> 2;
	i->snd_ssthresh = tp->snd_ssthresh;
	i->advmss = tp->advmss;
	i->rcv_rtt = tp->rcv_rtt.rtt_us >> 3;
	i->rcv_space = tp->rcvq_space.space;
	i->total_retrans = (u32)tp->total_retrans;
	i->bytes_acked = tp->bytes_acked;
	i->bytes_received = tp->bytes_received;
	i->segs_out = (u32)tp->segs_out;
	i->segs_in = (u32)tp->segs_in;
	n = tp->write_seq - tp->snd_nxt;
	i->notsent_bytes = (s32)n > 0 ? n : 0;
	i->min_rtt = tcp_min_rtt(tp);
	i->data_segs_in = (u32)tp->data_segs_in;
	i->data_segs_out = (u32)tp->data_segs_out;
	i->delivery_rate_app_limited = tp->rate_app_limited;
	if (tp->rate_interval_us)
		i->delivery_rate = (u64)tp->rate_delivered * tp->mss_cache * 1000000 / tp->rate_interval_us;
	memcpy(stat, tp->chrono_stat, sizeof stat);
	if (tp->chrono_type)
		stat[tp->chrono_type - 1] += cpu->now - tp->chrono_start;
	i->busy_time = (stat[0] + stat[1] + stat[2]) / NSEC_PER_USEC;
	i->rwnd_limited = stat[1] / NSEC_PER_USEC;
	i->sndbuf_limited = stat[2] / NSEC_PER_USEC;
	i->delivered = tp->delivered;
	i->delivered_ce = tp->delivered_ce;
	i->bytes_sent = tp->bytes_sent;
	i->bytes_retrans = tp->bytes_retrans;
	i->dsack_dups = tp->dsack_dups;
	i->reord_seen = tp->reord_seen;
	i->rcv_ooopack = tp->rcv_ooopack;
	i->snd_wnd = tp->snd_wnd;
	i->rcv_wnd = tp->rcv_wnd;
	i->received_ce = tp->aecn.received_ce;
	i->received_e1_bytes = tp->aecn.received[0];
	i->received_e0_bytes = tp->aecn.received[1];
	i->received_ce_bytes = tp->aecn.received[2];
	i->delivered_e1_bytes = tp->aecn.delivered[0];
	i->delivered_e0_bytes = tp->aecn.delivered[1];
	i->delivered_ce_bytes = tp->aecn.delivered[2];
	i->accecn_fail_mode = tp->aecn.fail;
	i->accecn_opt_seen = tp->aecn.opt_seen;
	i->total_rto = (u16)tp->total_rto;
	i->rehash = tp->rehash + tp->plb_rehash;
	i->total_rto_recoveries = (u16)tp->total_rto_recoveries;
	i->total_rto_time = tp->total_rto_ms;
	if (tp->rto_stamp)
		i->total_rto_time += ms_since(cpu, tp->rto_stamp);
}

int tcp_info_get(struct cpu *cpu, struct tcp_sock *tp, void *val, socklen_t *len)
{
	struct tcp_info_full i;

	tcp_info_fill(cpu, tp, &i);
	return sockopt_put(val, len, &i, sizeof i);
}
