/* What TCP's files know of one another; nobody else includes this. By file, in the order in which a reader meets them. */
#ifndef TRANSPORT_TCP_TCP_IMPL_H
#define TRANSPORT_TCP_TCP_IMPL_H

#include <linux/rtnetlink.h>

#include "core/sysctl.h"
#include "core/trace.h"
#include "inet/inet.h"
#include "inet/ip4/ip4.h"
#include "codec/wire/checksum.h"
#include "transport/tcp/tcp.h"
#include "transport/tcp/tcp_sock.h"

/* What an ACK did, and how it is to be taken. */
enum {
	FLAG_DATA = 0x01,	      /* carried data */
	FLAG_WIN_UPDATE = 0x02,	      /* moved the window */
	FLAG_DATA_ACKED = 0x04,	      /* acknowledged new data */
	FLAG_RETRANS_DATA_ACKED = 0x08, /* some of which had been sent again */
	FLAG_SYN_ACKED = 0x10,
	FLAG_DATA_SACKED = 0x20,      /* a new SACK */
	FLAG_ECE = 0x40,
	FLAG_SLOWPATH = 0x100,	      /* not predicted: look at the window */
	FLAG_ORIG_SACK_ACKED = 0x200, /* never sent again, SACKed or acknowledged below high_seq */
	FLAG_SND_UNA_ADVANCED = 0x400,
	FLAG_DSACKING_ACK = 0x800,
	FLAG_SET_XMIT_TIMER = 0x1000,
	FLAG_DSACK_TLP = 0x2000,	/* the D-SACK is about a tail loss probe */
	FLAG_UPDATE_TS_RECENT = 0x4000,
	FLAG_NO_CHALLENGE_ACK = 0x8000,
	FLAG_LOST_RETRANS = 0x80,     /* a retransmission was lost in its turn */
	FLAG_TS_PROGRESS = 0x20000,	/* the peer's clock moved on */
	FLAG_ACK_MAYBE_DELAYED = 0x10000, /* of one lone segment: the peer may have waited */
	FLAG_ACKED = FLAG_DATA_ACKED | FLAG_SYN_ACKED,
	FLAG_NOT_DUP = FLAG_DATA | FLAG_WIN_UPDATE | FLAG_ACKED,
	FLAG_CA_ALERT = FLAG_DATA_SACKED | FLAG_ECE | FLAG_DSACKING_ACK,
	FLAG_FORWARD_PROGRESS = FLAG_ACKED | FLAG_DATA_SACKED,
};
enum { REXMIT_NONE, REXMIT_LOST, REXMIT_NEW };
enum { TCP_CHRONO_BUSY = 1, TCP_CHRONO_RWND_LIMITED, TCP_CHRONO_SNDBUF_LIMITED };

/* What the SACK blocks of one ACK told. */
struct tcp_sack_state {
	u32 reord;	   /* lowest sequence number that came late; snd_nxt: none */
	u64 first_tx, last_tx; /* ns, of newly SACKed segments never sent again; 0: none */
	int flag;
	u32 delivered_bytes;
	struct tcp_rate_sample *rate;
};

/* Options of a segment to be sent. */
struct tcp_out_opts {
	u16 mss; /* 0: none */
	bool md5, ts, sack_perm, wscale_ok;
	u8 ao_rnext;
	const struct tcp_ao_key *ao; /* signs it; or NULL */
	u8 wscale, num_sacks, accecn_fields;
	u32 tsval, tsecr;
	u32 accecn[3];
	struct tcp_sack_block sacks[TCP_NUM_SACKS];
	struct tcp_fo_cookie fo;
};

/* A segment of a connection to be sent. */
struct tcp_tx {
	u32 seq, len;	      /* payload bytes */
	u8 flags;
	bool retrans;
	u32 mss;	      /* more payload than that: GSO */
	struct tcp_txbuf *tb; /* where seq lies, or before */
	const struct tcp_fo_cookie *fo; /* a SYN's Fast Open option; NULL: none */
};

/* A segment without a connection. */
struct tcp_reply {
	struct inaddr saddr, daddr;
	be16 sport, dport;
	u32 seq, ack, mark;
	s32 oif;
	u16 window;
	u8 flags, tos;
	be32 flowlabel;
	u8 ttl; /* 0: the default */
	bool ae;
	struct tcp_out_opts opts;
	const struct tcp_md5_key *md5; /* signs it; opts.md5 follows */
	struct tcp_ao_sig ao;	       /* so does opts.ao */
};

static inline u32 tcp_in_flight(const struct tcp_sock *tp)
{
	return tp->packets_out - (tp->sacked_out + tp->lost_out) + tp->retrans_out;
}
static inline u32 tcp_left_out(const struct tcp_sock *tp) { return tp->sacked_out + tp->lost_out; }
static inline bool tcp_is_sack(const struct tcp_sock *tp) { return tp->rx_opt.sack_ok; }
static inline bool tcp_is_reno(const struct tcp_sock *tp) { return !tp->rx_opt.sack_ok; }
static inline bool tcp_in_cwnd_reduction(const struct tcp_sock *tp)
{
	return tp->ca_state == TCP_CA_CWR || tp->ca_state == TCP_CA_Recovery;
}
static inline bool tcp_ack_is_dubious(const struct tcp_sock *tp, int flag)
{
	return !(flag & FLAG_NOT_DUP) || (flag & FLAG_CA_ALERT) || tp->ca_state != TCP_CA_Open;
}
static inline u32 tcp_receive_window(const struct tcp_sock *tp)
{
	s32 win = (s32)(tp->rcv_wup + tp->rcv_wnd - tp->rcv_nxt);
	return win < 0 ? 0 : (u32)win;
}
static inline bool tcp_in_pingpong(const struct tcp_sock *tp) { return tp->ack.pingpong >= tcp_net(tp)->pingpong_thresh; }
static inline bool tcp_in_quickack(const struct tcp_sock *tp)
{
	return (tp->ack.quick && !tcp_in_pingpong(tp)) || (tp->inet.dst && dst_metric(tp->inet.dst, RTAX_QUICKACK));
}
static inline void tcp_stat(const struct tcp_sock *tp, enum sockstat which, int by)
{
	tp->inet.sk.net->core->sockstat[which] += (u64)(s64)by;
}
/* Sent at a rate: because the program asked (SO_MAX_PACING_RATE), or the congestion control lives by it. */
static inline bool tcp_is_paced(const struct tcp_sock *tp) { return tp->pacing_needed || tp->inet.sk.max_pacing_rate != UINT64_MAX; }
/* Timers of a kernel go by ticks; so do the bounds that options and sysctls set. */
static inline u64 tcp_in_ticks(u64 ns) { return (ns + TCP_TICK - 1) / TCP_TICK * TCP_TICK; }
/* Clocks: the timestamp option's ms, or us on routes with the feature tcp_usec_ts; and seconds for PAWS. */
static inline u32 tcp_ts_of(u64 ns, bool usec) { return (u32)(ns / (usec ? NSEC_PER_USEC : NSEC_PER_MSEC)); }
static inline u32 tcp_ts_now(const struct cpu *cpu, bool usec) { return tcp_ts_of(cpu->now, usec); }
static inline bool tcp_route_usec_ts(const struct dst *d) { return dst_metric(d, RTAX_FEATURES) & RTAX_FEATURE_TCP_USEC_TS; }
static inline u32 tcp_now_s(const struct cpu *cpu) { return (u32)(cpu->now / NSEC_PER_SEC); }
static inline u32 tcp_initial_rcv_mss(const struct tcp_sock *tp)
{
	u32 hint = MIN((u32)tp->advmss, (u32)tp->mss_cache);

	hint = MIN(hint, tp->rcv_wnd / 2);
	hint = MIN(hint, TCP_MSS_DEFAULT);
	return MAX(hint, TCP_MIN_MSS);
}

/* tcp_txq.c */
bool tcp_mem_charge(struct tcp_sock *tp, u32 bytes);
void tcp_mem_uncharge(struct tcp_sock *tp, u32 bytes);
u8 *tcp_txq_room(struct cpu *cpu, struct tcp_sock *tp, u32 want, u32 *room);
u8 *tcp_txq_add(struct cpu *cpu, struct tcp_sock *tp, u32 size, u32 *room);
void tcp_wmem_update(struct tcp_sock *tp);
void tcp_txq_end_record(struct tcp_sock *tp);
u32 tcp_txq_record(const struct tcp_sock *tp, u32 seq, u32 len);
u32 tcp_txq_record_from(struct tcp_txbuf *tb, u32 seq, u32 len);
void tcp_txq_end_packet(struct tcp_sock *tp);
bool tcp_txq_pushed(const struct tcp_sock *tp, u32 seq);
void tcp_txq_commit(struct tcp_sock *tp, u32 n);
void tcp_txq_trim_tail(struct cpu *cpu, struct tcp_sock *tp);
void tcp_txq_ack(struct cpu *cpu, struct tcp_sock *tp, u32 una);
struct tcp_txbuf *tcp_txq_at(struct tcp_txbuf *from, u32 seq);
void tcp_txq_purge(struct cpu *cpu, struct tcp_sock *tp);
bool tcp_txq_outweighs(const struct tcp_sock *tp, u32 packets, u32 len);
u32 tcp_seg_payload(const struct tcp_seg *s);
struct tcp_seg *tcp_seg_add(struct cpu *cpu, struct tcp_sock *tp, u32 seq, u32 len, u8 flags, u32 mss, struct tcp_txbuf *tb);
struct tcp_seg *tcp_seg_first(const struct tcp_sock *tp);
struct tcp_seg *tcp_seg_next(const struct tcp_seg *s);
struct tcp_seg *tcp_seg_prev(const struct tcp_seg *s);
struct tcp_seg *tcp_seg_find(const struct tcp_sock *tp, u32 seq);
void tcp_seg_del(struct cpu *cpu, struct tcp_sock *tp, struct tcp_seg *s);
int tcp_seg_split(struct cpu *cpu, struct tcp_sock *tp, struct tcp_seg *s, u32 len, u32 mss);
void tcp_seg_recount(struct tcp_sock *tp, struct tcp_seg *s, u32 mss);
void tcp_seg_merge(struct cpu *cpu, struct tcp_sock *tp, struct tcp_seg *s, struct tcp_seg *next);
void tcp_seg_collapse(struct cpu *cpu, struct tcp_sock *tp, struct tcp_seg *s, struct tcp_seg *next);
u32 tcp_seg_trim_head(struct tcp_sock *tp, struct tcp_seg *s, u32 una);
void tcp_txq_fini(struct netns *net);

/* tcp_options.c */
void tcp_options_parse(struct netns_tcp *n, const struct tcp_hdr *th, struct tcp_opts *o, bool established, const u8 **sack, unsigned *sack_blocks);
void tcp_options_parse_fast(struct tcp_sock *tp, const struct tcp_hdr *th, const u8 **sack, unsigned *sack_blocks);
struct tcp_sack_block tcp_sack_block_get(const u8 *p, unsigned i);
u32 tcp_out_opts_len(const struct tcp_out_opts *o);
void tcp_out_opts_write(u8 *p, const struct tcp_out_opts *o);
u32 tcp_options_ao(const struct tcp_sock *tp, struct tcp_out_opts *o);
u32 tcp_options_established(struct cpu *cpu, struct tcp_sock *tp, struct tcp_out_opts *o);
u32 tcp_isn(struct cpu *cpu, const struct inaddr *l, const struct inaddr *r, be16 lp, be16 rp);
u32 tcp_ts_offset(const struct world *w, const struct inaddr *l, const struct inaddr *r);

/* tcp_segment.c */
void tcp_send_what_waits(struct cpu *cpu, struct tcp_sock *tp);
void tcp_tsq_run(struct cpu *cpu, struct cpu_work *work);
struct dst *tcp_route(struct cpu *cpu, struct tcp_sock *tp, int *err);
u32 tcp_size_goal(const struct tcp_sock *tp, u32 mss);
void tcp_setup_caps(struct tcp_sock *tp);
u32 tcp_frag_limit(struct tcp_txbuf *tb, u32 seq, u32 len);
int tcp_transmit(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_tx *x);
u32 tcp_mtu_to_mss(const struct tcp_sock *tp, u32 pmtu);
u32 tcp_sync_mss(struct cpu *cpu, struct tcp_sock *tp, u32 pmtu);
u32 tcp_current_mss(struct cpu *cpu, struct tcp_sock *tp);
u16 tcp_advertise_mss(struct cpu *cpu, struct tcp_sock *tp);
u32 tcp_dst_advmss(struct cpu *cpu, const struct inet_af *af, const struct dst *d);

/* tcp_ecn.c */
u8 tcp_ecn_syn_flags(struct tcp_sock *tp);
u8 tcp_ecn_syn_again_flags(const struct tcp_sock *tp);
void tcp_ecn_syn_rx(struct tcp_sock *tp, const struct tcp_hdr *th, u8 dsfield);
void tcp_ecn_synack_rx(struct tcp_sock *tp, const struct tcp_hdr *th, u8 dsfield);
void tcp_ecn_req(struct tcp_req *req, const struct dst *dst, const struct tcp_hdr *th);
void tcp_ecn_req_syn_again(struct tcp_req *req, const struct tcp_hdr *th, u8 dsfield);
void tcp_ecn_req_synack(const struct tcp_req *req, struct tcp_reply *r, bool again);
void tcp_ecn_child(struct tcp_sock *tp, const struct tcp_req *req);
void tcp_ecn_send(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_tx *x, const struct tcp_out_opts *o, struct tcp_hdr *th, struct ip_out *out);
void tcp_ecn_recv(struct cpu *cpu, struct tcp_sock *tp, const struct sk_buff *skb);
void tcp_ecn_accept_cwr(struct tcp_sock *tp, const struct sk_buff *skb);

/* tcp_accecn.c */
u8 tcp_accecn_reflector(u8 ecn);
void tcp_ace_put(struct tcp_hdr *th, u8 ace);
u8 tcp_accecn_counter(u32 ce);
void tcp_accecn_synack_rx(struct tcp_sock *tp, const struct tcp_hdr *th, u8 ecn);
void tcp_accecn_syn_again(struct tcp_sock *tp, const struct tcp_hdr *th, u8 ecn);
void tcp_accecn_third_ack(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_hdr *th, u32 payload);
void tcp_ecn_received(struct tcp_sock *tp, const struct sk_buff *skb, u32 payload);
u32 tcp_accecn_option_len(unsigned fields, bool sacks);
u32 tcp_accecn_fit(const struct cpu *cpu, const struct tcp_sock *tp, struct tcp_out_opts *o, u32 used);
void tcp_accecn_synack_option(struct tcp_out_opts *o);
u8 *tcp_accecn_option_write(u8 *p, const struct tcp_out_opts *o);
void tcp_accecn_send(struct cpu *cpu, struct tcp_sock *tp, struct tcp_hdr *th, const struct tcp_out_opts *o, bool pure_ack);
void tcp_accecn_old_data(struct tcp_sock *tp, u32 seq);
u32 tcp_accecn_ack(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_hdr *th, u32 pkts, u32 bytes, int flag);
/* Every segment that is accepted; without any mark there is nothing to count. */
static inline void tcp_ecn_count(struct tcp_sock *tp, const struct sk_buff *skb, u32 payload)
{
	if (unlikely((((const struct tcp_cb *)skb->cb)->dsfield & 3) | tp->aecn.prev))
		tcp_ecn_received(tp, skb, payload);
}

/* tcp_reply.c */
int tcp_send_reply(struct cpu *cpu, struct netns *net, const struct tcp_reply *r);
void tcp_send_reset(struct cpu *cpu, struct netns *net, struct tcp_sock *tp, struct sk_buff *skb);
void tcp_send_reset_of(struct cpu *cpu, struct netns *net, const struct tcp_req *req, const struct tcp_tw *tw, struct sk_buff *skb);
void tcp_send_active_reset(struct cpu *cpu, struct tcp_sock *tp);

/* tcp_output.c */
u32 tcp_unsent(const struct tcp_sock *tp);
bool tcp_send_head(const struct tcp_sock *tp);
void tcp_event_data_sent(struct cpu *cpu, struct tcp_sock *tp);
void tcp_event_ack_sent(struct cpu *cpu, struct tcp_sock *tp, u32 pkts);
void tcp_slow_start_after_idle_check(struct cpu *cpu, struct tcp_sock *tp);
bool tcp_write_xmit(struct cpu *cpu, struct tcp_sock *tp, u32 mss, int nonagle, int push_one);
void tcp_push_pending(struct cpu *cpu, struct tcp_sock *tp, u32 mss, int nonagle);
void tcp_data_snd_check(struct cpu *cpu, struct tcp_sock *tp);
void tcp_send_fin(struct cpu *cpu, struct tcp_sock *tp);
void tcp_send_ack(struct cpu *cpu, struct tcp_sock *tp);
u32 tcp_acceptable_seq(const struct tcp_sock *tp);
void tcp_send_delayed_ack(struct cpu *cpu, struct tcp_sock *tp);
int tcp_xmit_probe(struct cpu *cpu, struct tcp_sock *tp, bool urgent);
int tcp_write_wakeup(struct cpu *cpu, struct tcp_sock *tp);
void tcp_send_probe0(struct cpu *cpu, struct tcp_sock *tp);

/* tcp_rtt.c */
void tcp_set_rto(struct tcp_sock *tp);
u64 tcp_rto_min(const struct tcp_sock *tp);
u32 tcp_min_rtt(const struct tcp_sock *tp);
s64 tcp_tsecr_age_us(const struct cpu *cpu, const struct tcp_sock *tp);
bool tcp_update_rtt(struct cpu *cpu, struct tcp_sock *tp, int flag, s64 seq_rtt_us, s64 sack_rtt_us, s64 *ca_rtt_us);
void tcp_update_pacing_rate(struct tcp_sock *tp);
void tcp_rtt_init(struct tcp_sock *tp);

/* tcp_ack.c */
int tcp_ack(struct cpu *cpu, struct tcp_sock *tp, struct sk_buff *skb, const struct tcp_hdr *th, const u8 *sack, unsigned sack_blocks, int flag);

/* tcp_sack.c */
u32 tcp_highest_sack(const struct tcp_sock *tp);
void tcp_check_sack_reordering(struct cpu *cpu, struct tcp_sock *tp, u32 low, bool ts);
int tcp_sacktag(struct cpu *cpu, struct tcp_sock *tp, const u8 *sack, unsigned n, u32 ack, u32 prior_una, struct tcp_sack_state *st);
void tcp_check_sack_reordering_state(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_sack_state *st);
void tcp_limit_reno_sacked(struct cpu *cpu, struct tcp_sock *tp);
void tcp_add_reno_sack(struct cpu *cpu, struct tcp_sock *tp, int num_dupack);
void tcp_remove_reno_sacks(struct cpu *cpu, struct tcp_sock *tp, u32 acked);
bool tcp_is_dupack(const struct tcp_sock *tp, struct sk_buff *skb, int flag);

/* tcp_rate.c */
void tcp_rate_seg_sent(struct cpu *cpu, struct tcp_sock *tp, struct tcp_seg *s);
void tcp_rate_seg_delivered(struct tcp_sock *tp, struct tcp_seg *s, struct tcp_rate_sample *rs);
void tcp_rate_gen(struct cpu *cpu, struct tcp_sock *tp, u32 delivered, u32 lost, bool sack_reneg, struct tcp_rate_sample *rs);
void tcp_rate_check_app_limited(struct tcp_sock *tp);

/* tcp_rack.c */
static inline bool tcp_sent_after(u64 t1, u32 seq1, u64 t2, u32 seq2) { return t1 > t2 || (t1 == t2 && seq_after(seq1, seq2)); }
void tcp_rack_init(struct tcp_sock *tp);
void tcp_rack_advance(struct cpu *cpu, struct tcp_sock *tp, u8 state, u32 end_seq, u64 tx_ns);
s64 tcp_rack_remaining(struct cpu *cpu, const struct tcp_sock *tp, const struct tcp_seg *s, u32 reo_wnd_us);
bool tcp_rack_mark_lost(struct cpu *cpu, struct tcp_sock *tp);
void tcp_rack_update_reo_wnd(struct tcp_sock *tp, const struct tcp_rate_sample *rs);
void tcp_rack_reo_timeout(struct cpu *cpu, struct tcp_sock *tp);

/* tcp_tlp.c */
bool tcp_tlp_schedule(struct cpu *cpu, struct tcp_sock *tp, bool advancing_rto);
void tcp_tlp_send(struct cpu *cpu, struct tcp_sock *tp);
void tcp_tlp_ack(struct cpu *cpu, struct tcp_sock *tp, u32 ack, int flag);

/* tcp_loss.c */
void tcp_mark_lost(struct cpu *cpu, struct tcp_sock *tp, struct tcp_seg *s);
void tcp_newreno_mark_lost(struct cpu *cpu, struct tcp_sock *tp, bool una_advanced);
int tcp_resend_seg(struct cpu *cpu, struct tcp_sock *tp, struct tcp_seg *s, u32 max_segs);
int tcp_retransmit_seg(struct cpu *cpu, struct tcp_sock *tp, struct tcp_seg *s, u32 max_segs);
void tcp_xmit_retransmit(struct cpu *cpu, struct tcp_sock *tp);
void tcp_enter_loss(struct cpu *cpu, struct tcp_sock *tp);

void tcp_simple_retransmit(struct cpu *cpu, struct tcp_sock *tp);
void tcp_loss_without_congestion(struct cpu *cpu, struct tcp_sock *tp);

/* tcp_recovery.c */
u32 tcp_current_ssthresh(const struct tcp_sock *tp);
void tcp_cwnd_reduction(struct tcp_sock *tp, u32 newly_acked_sacked, u32 newly_lost, int flag);
void tcp_enter_cwr(struct cpu *cpu, struct tcp_sock *tp);
void tcp_init_cwnd_reduction(struct cpu *cpu, struct tcp_sock *tp);
void tcp_end_cwnd_reduction(struct cpu *cpu, struct tcp_sock *tp);
void tcp_try_keep_open(struct cpu *cpu, struct tcp_sock *tp);
void tcp_enter_recovery(struct cpu *cpu, struct tcp_sock *tp, bool ece);
void tcp_init_undo(struct tcp_sock *tp);
bool tcp_spurious_retrans(const struct tcp_sock *tp, u8 state, u64 tx_ns);
void tcp_fastretrans_alert(struct cpu *cpu, struct tcp_sock *tp, u32 prior_una, int num_dupack, int *pflag, int *rexmit);
void tcp_xmit_recovery(struct cpu *cpu, struct tcp_sock *tp, int rexmit);

/* tcp_window.c */
u32 tcp_win_from_space(const struct tcp_sock *tp, s64 space);
u32 tcp_full_space(const struct tcp_sock *tp);
u32 tcp_select_window(struct cpu *cpu, struct tcp_sock *tp);
u32 tcp_window_now(struct cpu *cpu, struct tcp_sock *tp);
void tcp_clamp_window(struct tcp_sock *tp);
void tcp_grow_window(struct tcp_sock *tp, const struct sk_buff *skb);
void tcp_rcv_rtt_measure_ts(struct cpu *cpu, struct tcp_sock *tp, const struct sk_buff *skb, u32 len);
void tcp_rcv_space_adjust(struct cpu *cpu, struct tcp_sock *tp);
void tcp_rcvbuf_grow(struct tcp_sock *tp, u32 taken);
void tcp_measure_rcv_mss(struct tcp_sock *tp, const struct sk_buff *skb);
void tcp_set_window_clamp(struct tcp_sock *tp, u32 clamp);
void tcp_event_data_recv(struct cpu *cpu, struct tcp_sock *tp, const struct sk_buff *skb);
void tcp_incr_quickack(struct tcp_sock *tp, u32 max);
void tcp_enter_quickack(struct tcp_sock *tp, u32 max);
void tcp_cleanup_rbuf(struct cpu *cpu, struct tcp_sock *tp, u32 copied);
void tcp_select_initial_window(const struct netns_tcp *n, u32 space, u32 mss, u32 init_segs, u32 *rcv_wnd, u32 *clamp,
			       bool wscale_ok, u8 *wscale, u32 rmem_max);
void tcp_init_buffer_space(struct cpu *cpu, struct tcp_sock *tp);
void tcp_sndbuf_expand(struct tcp_sock *tp);
void tcp_check_space(struct cpu *cpu, struct tcp_sock *tp);

/* tcp_reass.c */
void tcp_rxq_add(struct cpu *cpu, struct tcp_sock *tp, struct sk_buff *skb);
bool tcp_rx_room(struct cpu *cpu, struct tcp_sock *tp, u32 seq, u32 size);
void tcp_rxq_eat(struct cpu *cpu, struct tcp_sock *tp);
void tcp_rx_purge(struct cpu *cpu, struct tcp_sock *tp);
void tcp_dsack_extend(struct cpu *cpu, struct tcp_sock *tp, u32 seq, u32 end);
void tcp_send_dupack(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_cb *cb);
void tcp_ofo_drop(struct cpu *cpu, struct tcp_sock *tp, struct sk_buff *skb, enum skb_drop_reason reason);
void tcp_data_queue(struct cpu *cpu, struct tcp_sock *tp, struct sk_buff *skb);

/* tcp_demux.c */
void tcp_rx_sock(struct cpu *cpu, struct tcp_sock *tp, struct sk_buff *skb);

/* tcp_rx.c */
void tcp_fast_path_on(struct tcp_sock *tp);
void tcp_fast_path_check(struct tcp_sock *tp);
bool tcp_oow_limited(struct cpu *cpu, struct netns *net, const struct sk_buff *skb, enum mib m, u64 *last);
void tcp_send_challenge_ack(struct cpu *cpu, struct tcp_sock *tp);
void tcp_store_ts_recent(struct cpu *cpu, struct tcp_sock *tp);
bool tcp_paws_ok(struct cpu *cpu, const struct tcp_opts *o, s32 slack);
void tcp_reset(struct cpu *cpu, struct tcp_sock *tp);
bool tcp_validate(struct cpu *cpu, struct tcp_sock *tp, struct sk_buff *skb, const struct tcp_hdr *th, bool syn_ack_ok);
void tcp_ack_snd_check(struct cpu *cpu, struct tcp_sock *tp);
void tcp_rx_established(struct cpu *cpu, struct tcp_sock *tp, struct sk_buff *skb);


/* tcp_urg.c */
void tcp_urg_rx(struct cpu *cpu, struct tcp_sock *tp, struct sk_buff *skb, const struct tcp_hdr *th, u32 hlen);
ssize_t tcp_recv_oob(struct tcp_sock *tp, struct msghdr *m, int flags);

/* tcp_state.c */
const char *tcp_state_name(unsigned state);
void tcp_set_state(struct cpu *cpu, struct tcp_sock *tp, u8 state);
void tcp_done(struct cpu *cpu, struct tcp_sock *tp);
void tcp_finish_connect(struct cpu *cpu, struct tcp_sock *tp);
void tcp_init_transfer(struct cpu *cpu, struct tcp_sock *tp);
u32 tcp_init_cwnd(const struct tcp_sock *tp);
void tcp_fin(struct cpu *cpu, struct tcp_sock *tp);
void tcp_rx_state(struct cpu *cpu, struct tcp_sock *tp, struct sk_buff *skb);

/* tcp_connect.c */
void tcp_hash(struct tcp_sock *tp);
void tcp_unhash(struct cpu *cpu, struct tcp_sock *tp);
int tcp_connect(struct cpu *cpu, struct sock *sk, const struct sockaddr *a, socklen_t len);
int tcp_connect_data(struct cpu *cpu, struct tcp_sock *tp, const struct msghdr *m, u32 *copied);
int tcp_send_syn(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_fo_cookie *fo, u32 len);
void tcp_rx_syn_sent(struct cpu *cpu, struct tcp_sock *tp, struct sk_buff *skb, const struct tcp_hdr *th);

/* tcp_listen.c */
void tcp_listen_rx(struct cpu *cpu, struct tcp_sock *tp, struct sk_buff *skb, const struct tcp_hdr *th);
int tcp_listen(struct cpu *cpu, struct sock *sk, int backlog);
int tcp_accept(struct cpu *cpu, struct sock *sk, struct sock **out);
void tcp_listen_stop(struct cpu *cpu, struct tcp_sock *tp);

/* tcp_migrate.c */
void tcp_migrate(struct cpu *cpu, struct tcp_sock *l);

/* tcp_request.c */
struct tcp_req *tcp_req_new(struct cpu *cpu, const struct tcp_req *from, const struct sk_buff *skb);
void tcp_req_queue(struct cpu *cpu, struct tcp_req *req);
void tcp_req_free(struct cpu *cpu, struct tcp_req *req);
void tcp_req_drop(struct cpu *cpu, struct tcp_req *req);
void tcp_req_windows(struct cpu *cpu, struct tcp_req *req, const struct inet_af *af, const struct dst *dst);
void tcp_req_ao(struct tcp_req *req, const struct tcp_hdr *th);
int tcp_req_send_synack(struct cpu *cpu, struct tcp_req *req, bool cookie, bool again);
/* The device that answers leave by: the listener's; of a link-local peer, the one it is behind. 0: any. */
static inline s32 tcp_req_oif(const struct tcp_req *req)
{
	return req->tuple.tuple_dev ? req->tuple.tuple_dev : v6_is_linklocal(&req->tuple.daddr) ? req->iif : 0;
}
void tcp_req_resend_synack(struct cpu *cpu, struct tcp_req *req);
void tcp_req_timer(void *owner, struct timer *t);
struct tcp_sock *tcp_req_child(struct cpu *cpu, struct tcp_req *req, const struct tcp_cb *cb);
void tcp_req_complete(struct cpu *cpu, struct tcp_req *req, struct sk_buff *skb, bool cookie);
bool tcp_req_check(struct cpu *cpu, struct tcp_req *req, struct tcp_sock *child, struct sk_buff *skb, const struct tcp_hdr *th);
void tcp_req_rx(struct cpu *cpu, struct tcp_req *req, struct sk_buff *skb, const struct tcp_hdr *th);
struct tcp_saved_syn *tcp_saved_syn_take(struct cpu *cpu, const struct sk_buff *skb, u8 mode);

/* tcp_syncookie.c */
u32 tcp_cookie_make(struct cpu *cpu, struct tcp_req *req);
u32 tcp_cookie_timestamp(struct cpu *cpu, const struct tcp_req *req);
bool tcp_cookie_rx(struct cpu *cpu, struct tcp_sock *l, struct sk_buff *skb, const struct tcp_hdr *th);

/* tcp_fastopen.c */
void tcp_fo_parse(const struct tcp_hdr *th, struct tcp_fo_cookie *c);
u32 tcp_fo_option_len(const struct tcp_fo_cookie *c);
u8 *tcp_fo_option_write(u8 *p, const struct tcp_fo_cookie *c);
void tcp_fo_queue_data(struct cpu *cpu, struct tcp_sock *tp, struct sk_buff *skb);
bool tcp_fo_server_syn(struct cpu *cpu, struct tcp_req *req, struct sk_buff *skb, const struct dst *dst, struct tcp_fo_cookie *c);
void tcp_fo_remove(struct cpu *cpu, struct tcp_sock *tp, bool reset);
void tcp_fo_synack_timeout(struct cpu *cpu, struct tcp_sock *tp);
void tcp_fo_listen(struct tcp_sock *tp, u32 backlog);
void tcp_fo_listen_stop(struct cpu *cpu, struct tcp_listen *q);
void tcp_fo_detect_blackhole(struct cpu *cpu, struct tcp_sock *tp, bool expired);
bool tcp_fo_defer_connect(struct cpu *cpu, struct tcp_sock *tp, struct tcp_fo_cookie *c);
int tcp_fo_send_syn(struct cpu *cpu, struct tcp_sock *tp, const struct msghdr *m, u32 *copied);
bool tcp_fo_rx_synack(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_hdr *th, const struct tcp_fo_cookie *c);
int tcp_fo_set_keys(struct cpu *cpu, struct tcp_sock *tp, const void *val, socklen_t len);
int tcp_fo_get_keys(struct tcp_sock *tp, void *val, socklen_t *len);
int tcp_fo_sysctl_key_get(struct netns *net, void *b, const struct sysctl *s, struct strbuf *out);
int tcp_fo_sysctl_key_set(struct netns *net, void *b, const struct sysctl *s, const char *text);

/* tcp_metrics.c */
int tcp_metrics_init(struct netns *net);
void tcp_metrics_fini(struct netns *net);
void tcp_metrics_flush(struct netns *net);
struct tcp_metrics *tcp_metrics_find(const struct netns *net, const struct inaddr *laddr, const struct inaddr *raddr);
bool tcp_metrics_peer_proven(const struct netns *net, const struct inet_tuple *t);
void tcp_metrics_save(struct cpu *cpu, struct tcp_sock *tp);
void tcp_metrics_load(struct cpu *cpu, struct tcp_sock *tp);
void tcp_metrics_fo_get(const struct tcp_sock *tp, u16 *mss, struct tcp_fo_cookie *c);
void tcp_metrics_fo_set(struct cpu *cpu, struct tcp_sock *tp, u16 mss, const struct tcp_fo_cookie *c, bool syn_lost, u8 try_exp);

/* tcp_auth.c */
s32 tcp_l3index(struct netns *net, s32 ifindex);
s32 tcp_sock_l3index(const struct tcp_sock *tp);
bool tcp_auth_options(const struct tcp_hdr *th, const u8 **md5, struct tcp_ao_opt *ao);
bool tcp_auth_ok(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_req *req, const struct inaddr *s, const struct inaddr *d, struct sk_buff *skb);

/* tcp_ao.c */
u16 tcp_ao_family(const struct inaddr *a);
bool tcp_ao_key_matches(const struct tcp_ao_key *k, s32 l3index, const struct inaddr *addr, u16 family, u8 prefix, int sndid, int rcvid);
struct tcp_ao_key *tcp_ao_find(const struct tcp_ao *ao, s32 l3index, const struct inaddr *peer, int sndid, int rcvid);
struct tcp_ao_key *tcp_ao_by_id(const struct tcp_ao *ao, int sndid, int rcvid);
void tcp_ao_free(struct cpu *cpu, struct sock *sk, struct tcp_ao **ao);
void tcp_ao_key_del(struct cpu *cpu, struct tcp_sock *tp, struct tcp_ao_key **at);
void tcp_ao_traffic_key(const struct tcp_ao_key *k, const struct inaddr *s, const struct inaddr *d, be16 sport, be16 dport, u32 sisn, u32 disn, u8 out[MAC_MAX_LEN]);
void tcp_ao_mac(const struct tcp_ao_key *k, const u8 *traffic, u32 sne, const struct inaddr *s, const struct inaddr *d, const struct sk_buff *skb, u32 off,
		u32 opt_off, u8 out[MAC_MAX_LEN]);
u32 tcp_ao_sne(const struct tcp_ao_sne *r, u32 seq);
u8 *tcp_ao_option_write(u8 *p, const struct tcp_out_opts *o);
void tcp_ao_sign(struct tcp_sock *tp, const struct tcp_ao_key *key, struct sk_buff *skb, struct tcp_hdr *th);
void tcp_ao_sign_reply(const struct tcp_reply *r, struct sk_buff *skb, struct tcp_hdr *th);
void tcp_ao_reply(const struct tcp_ao *ao, struct tcp_reply *r);
bool tcp_ao_req_reply(const struct tcp_req *req, struct tcp_reply *r);
int tcp_ao_connect(struct cpu *cpu, struct tcp_sock *tp);
void tcp_ao_peer_isn(struct tcp_sock *tp, u32 isn);
int tcp_ao_child(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_req *req);
struct tcp_ao *tcp_ao_remains(struct cpu *cpu, struct tcp_sock *tp);
bool tcp_ao_unsigned_ok(struct cpu *cpu, const struct tcp_sock *tp, const struct inaddr *s, struct sk_buff *skb);
bool tcp_ao_signed_ok(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_req *req, const struct tcp_ao_opt *o, const struct inaddr *s,
		      const struct inaddr *d, struct sk_buff *skb);
bool tcp_ao_ignores_icmp(struct cpu *cpu, struct netns *net, struct tcp_ao *ao, const struct icmp_error *e);

/* tcp_ao_opt.c */
int tcp_ao_set(struct cpu *cpu, struct tcp_sock *tp, int name, const void *val, socklen_t len);
int tcp_ao_get(struct tcp_sock *tp, int name, void *val, socklen_t *len);

/* tcp_md5.c */
enum { TCP_MD5_OPTION = 20 }; /* with two NOPs in front */
const struct tcp_md5_key *tcp_md5_find(const struct tcp_sock *tp, s32 l3index, const struct inaddr *peer);
void tcp_md5_free(struct cpu *cpu, struct tcp_md5_key **list);
int tcp_md5_copy(struct cpu *cpu, struct tcp_md5_key **list, const struct tcp_md5_key *k, const struct inaddr *peer);
int tcp_md5_set(struct cpu *cpu, struct tcp_sock *tp, int name, const void *val, socklen_t len);
void tcp_md5_sign(const struct tcp_md5_key *k, const struct inaddr *s, const struct inaddr *d, struct sk_buff *skb, struct tcp_hdr *th);
bool tcp_md5_ok(struct cpu *cpu, const struct tcp_sock *tp, const u8 *sig, const struct inaddr *s, const struct inaddr *d, struct sk_buff *skb);
bool tcp_md5_any(const struct tcp_sock *tp, const struct inaddr *addr, u16 family, u8 prefix);
/* The key for the connection's own peer. */
/* Of a peer whose segments come in by device iif, or go out there; nearly every socket has none. */
static inline const struct tcp_md5_key *tcp_md5_of(const struct tcp_sock *tp, s32 iif, const struct inaddr *peer)
{
	return likely(!tp->md5_keys) ? NULL : tcp_md5_find(tp, tcp_l3index(tp->inet.sk.net, iif), peer);
}
static inline const struct tcp_md5_key *tcp_md5_key(const struct tcp_sock *tp) { return tcp_md5_of(tp, tp->inet.sk.bound_dev_if, &tp->inet.daddr); }

/* tcp_plb.c */
struct tcp_plb { /* a congestion control's, per connection */
	u64 pause_until;
	u8 congested_rounds; /* in a row */
};
void tcp_plb_round(struct tcp_sock *tp, struct tcp_plb *plb, u32 delivered, u32 marked);
void tcp_plb_check(struct cpu *cpu, struct tcp_sock *tp, struct tcp_plb *plb);
void tcp_plb_timeout(struct cpu *cpu, struct tcp_sock *tp, struct tcp_plb *plb);

/* tcp_repair.c */
int tcp_repair_set(struct cpu *cpu, struct tcp_sock *tp, int name, const void *val, socklen_t len);
int tcp_repair_get(const struct tcp_sock *tp, int name, void *val, socklen_t *len);
ssize_t tcp_repair_send(struct cpu *cpu, struct tcp_sock *tp, const struct msghdr *m);
ssize_t tcp_repair_peek(struct tcp_sock *tp, struct msghdr *m);
/* What is queued counts as sent, without being sent. */
static inline bool tcp_repairs_sends(const struct tcp_sock *tp) { return unlikely(tp->repair) && tp->repair_queue == TCP_SEND_QUEUE; }

/* tcp_mtu.c */
enum tcp_mtu_verdict { TCP_MTU_NO_PROBE, TCP_MTU_PROBE, TCP_MTU_WAIT };
void tcp_mtu_init(struct cpu *cpu, struct tcp_sock *tp);
u32 tcp_mtu_limit(struct tcp_sock *tp, u32 pmtu, u32 mss);
enum tcp_mtu_verdict tcp_mtu_probe(struct cpu *cpu, struct tcp_sock *tp, u32 *len);
void tcp_mtu_sent(struct tcp_sock *tp, u32 len);
void tcp_mtu_acked(struct cpu *cpu, struct tcp_sock *tp);
bool tcp_mtu_lost(struct cpu *cpu, struct tcp_sock *tp);
void tcp_mtu_black_hole(struct cpu *cpu, struct tcp_sock *tp);

/* tcp_timewait.c */
void tcp_tw_purge(struct cpu *cpu, struct netns *net);
void tcp_time_wait(struct cpu *cpu, struct tcp_sock *tp, u8 state, u64 timeout);
bool tcp_tw_rx(struct cpu *cpu, struct tcp_tw *tw, struct sk_buff *skb, const struct tcp_hdr *th); /* true: tcp_cb(skb)->tw_isn is set */
bool tcp_tw_reuse(struct cpu *cpu, struct tcp_sock *tp, struct tcp_tw *tw, u32 *seq);

/* tcp_timers.c */
void tcp_write_err(struct cpu *cpu, struct tcp_sock *tp);
void tcp_arm_rtx(struct cpu *cpu, struct tcp_sock *tp, u8 kind, u64 when);
bool tcp_pacing_holds(struct cpu *cpu, struct tcp_sock *tp);
void tcp_stop_rtx(struct tcp_sock *tp);
void tcp_rearm_rto(struct cpu *cpu, struct tcp_sock *tp);
void tcp_set_xmit_timer(struct cpu *cpu, struct tcp_sock *tp);
void tcp_arm_delack(struct cpu *cpu, struct tcp_sock *tp, u64 when);
void tcp_arm_held_ack(struct cpu *cpu, struct tcp_sock *tp);
void tcp_clear_delack(struct tcp_sock *tp);
void tcp_arm_keepalive(struct cpu *cpu, struct tcp_sock *tp, u64 in);
void tcp_clear_timers(struct tcp_sock *tp);
u64 tcp_keepalive_time(const struct tcp_sock *tp);
u64 tcp_keepalive_intvl(const struct tcp_sock *tp);
u64 tcp_fin_time(const struct tcp_sock *tp);
u64 tcp_probe0_when(const struct tcp_sock *tp);
void tcp_arm_probe0(struct cpu *cpu, struct tcp_sock *tp, u64 in);
void tcp_check_probe_timer(struct cpu *cpu, struct tcp_sock *tp);
void tcp_timer(void *owner, struct timer *t);
void tcp_set_keepalive(struct cpu *cpu, struct tcp_sock *tp, bool on);
void tcp_ld_rto_revert(struct cpu *cpu, struct tcp_sock *tp, u32 seq);

/* tcp_close.c */
int tcp_shutdown(struct cpu *cpu, struct sock *sk, int how);
void tcp_release(struct cpu *cpu, struct sock *sk);
void tcp_abort_connection(struct cpu *cpu, struct tcp_sock *tp);
void tcp_abort(struct cpu *cpu, struct sock *sk, int err);
void tcp_destroy(struct cpu *cpu, struct tcp_sock *tp);
int tcp_disconnect(struct cpu *cpu, struct tcp_sock *tp);
void tcp_destruct(struct cpu *cpu, struct sock *sk);

/* tcp_tx.c */
bool tcp_is_writeable(const struct tcp_sock *tp);
ssize_t tcp_sendmsg(struct cpu *cpu, struct sock *sk, const struct msghdr *m, int flags);
int tcp_reserve(struct cpu *cpu, struct sock *sk, struct iovec *iov, unsigned max, u64 *bytes);
int tcp_commit(struct cpu *cpu, struct sock *sk, u64 bytes, int flags);

/* tcp_notify.c */
void tcp_mark_stamp(struct cpu *cpu, struct tcp_sock *tp, u32 tsflags);
int tcp_zerocopy_begin(const struct tcp_sock *tp);
void tcp_mark_zerocopy(struct cpu *cpu, struct tcp_sock *tp);
struct sk_buff *tcp_marks_copy(struct cpu *cpu, const struct tcp_sock *tp, u32 seq, u32 len, const struct sk_buff *skb);
void tcp_marks_sent(struct cpu *cpu, struct tcp_sock *tp, u32 seq, u32 len, struct sk_buff *copy);
void tcp_marks_acked(struct cpu *cpu, struct tcp_sock *tp, u32 una);
void tcp_marks_purge(struct cpu *cpu, struct tcp_sock *tp);

/* tcp_recv.c */
ssize_t tcp_recvmsg(struct cpu *cpu, struct sock *sk, struct msghdr *m, int flags);
int tcp_inq(const struct tcp_sock *tp);
int tcp_peek(struct cpu *cpu, struct sock *sk, struct iovec *iov, unsigned max, u64 *bytes);
void tcp_consume(struct cpu *cpu, struct sock *sk, u64 bytes);

/* tcp_sock.c */
bool tcp_readable(const struct tcp_sock *tp);
void tcp_reset_fields(struct cpu *cpu, struct tcp_sock *tp);
int tcp_inherit(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_sock *l);

/* tcp_sockopt.c */
void tcp_set_nodelay(struct cpu *cpu, struct tcp_sock *tp, bool on);
int tcp_setsockopt(struct cpu *cpu, struct sock *sk, int level, int name, const void *val, socklen_t len);
int tcp_getsockopt(struct cpu *cpu, struct sock *sk, int level, int name, void *val, socklen_t *len);

/* tcp_info.c */
void tcp_chrono_start(struct cpu *cpu, struct tcp_sock *tp, u8 type);
void tcp_chrono_stop(struct cpu *cpu, struct tcp_sock *tp, u8 type);
void tcp_chrono_set(struct cpu *cpu, struct tcp_sock *tp, bool rwnd_limited);
void tcp_rto_run_ends(struct cpu *cpu, struct tcp_sock *tp);
int tcp_info_get(struct cpu *cpu, struct tcp_sock *tp, void *val, socklen_t *len);

/* tcp_gro.c */
struct sk_buff *tcp_gro_receive(struct cpu *cpu, struct skb_list *held, struct sk_buff *skb, const struct inaddr *saddr, const struct inaddr *daddr);
void tcp_gro_complete(struct cpu *cpu, struct sk_buff *skb, u32 thoff);

/* tcp_gso.c */
int tcp_gso_segment(struct cpu *cpu, struct sk_buff *skb, u64 features, struct skb_list *out);

/* tcp_sysctl.c */
void tcp_sysctl_defaults(struct netns *net);

#endif
