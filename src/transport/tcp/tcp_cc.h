/* Seam: a congestion control is one const struct tcp_cc_ops in one file of cc/, listed in cc/tcp_cc_list.c.
 *
 * TCP keeps snd_cwnd and snd_ssthresh (in segments) and tells the module what happens; the module has TCP_CC_PRIV bytes of
 * its own in the socket, zeroed before init. All calls come with the socket's baton.
 */
#ifndef TRANSPORT_TCP_TCP_CC_H
#define TRANSPORT_TCP_TCP_CC_H

#include <netinet/tcp.h> /* TCP_CA_*: the phases of loss recovery, as tcpi_ca_state */

#include "core/netns.h"

#define TCP_CC_NAME_MAX 16
#define TCP_CC_INFO_MAX 64
#define TCP_CC_PRIV 104 /* as Linux's ICSK_CA_PRIV_SIZE: BBR fits */

struct tcp_sock;

enum tcp_ca_event {
	CA_EVENT_TX_START,	 /* first transmission after idleness */
	CA_EVENT_CWND_RESTART,
	CA_EVENT_COMPLETE_CWR,
	CA_EVENT_LOSS,		 /* RTO */
	CA_EVENT_ECN_NO_CE,
	CA_EVENT_ECN_IS_CE,
};

struct tcp_ack_sample {
	u32 pkts_acked;	 /* segments this ACK delivered */
	s32 rtt_us;	 /* -1: no sample */
	u32 in_flight;	 /* when the acked segment was sent */
};

/* What BBR and other models that set a rate look at, once per ACK. */
struct tcp_rate_sample {
	u64 prior_mstamp_ns;   /* starting time of the sample */
	u32 prior_delivered, prior_delivered_ce; /* tp->delivered at that time */
	s32 delivered;	       /* segments delivered over the interval, -1: no sample */
	s32 delivered_ce;      /* of these, marked */
	s64 interval_us;       /* -1: no sample */
	u32 last_end_seq;      /* end of the segment that the sample is about */
	u32 snd_interval_us, rcv_interval_us;
	s64 rtt_us;
	u32 losses, acked_sacked, prior_in_flight;
	bool is_app_limited, is_retrans, is_ack_delayed;
};

struct tcp_cc_ops {
	const char *name;
	bool non_restricted;  /* any program may choose it, not only one with CAP_NET_ADMIN */
	bool needs_ecn;
	bool needs_pacing;    /* sets tp->pacing_rate and wants packets spread by it */
	/* Required, unless cong_control is there. */
	u32 (*ssthresh)(struct cpu *cpu, struct tcp_sock *tp);
	void (*cong_avoid)(struct cpu *cpu, struct tcp_sock *tp, u32 ack, u32 acked);
	u32 (*undo_cwnd)(struct tcp_sock *tp);
	/* May be NULL. */
	void (*init)(struct cpu *cpu, struct tcp_sock *tp);
	void (*release)(struct tcp_sock *tp);
	void (*set_state)(struct cpu *cpu, struct tcp_sock *tp, u8 new_state);
	void (*in_ack_event)(struct cpu *cpu, struct tcp_sock *tp, u32 flags); /* every ACK, once its deliveries are counted */
	void (*cwnd_event)(struct cpu *cpu, struct tcp_sock *tp, enum tcp_ca_event ev);
	void (*pkts_acked)(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_ack_sample *sample);
	/* Replaces cong_avoid and PRR: sets cwnd and pacing rate itself. */
	void (*cong_control)(struct cpu *cpu, struct tcp_sock *tp, u32 ack, int flag, const struct tcp_rate_sample *rs);
	u32 (*min_tso_segs)(struct tcp_sock *tp);
	u32 (*sndbuf_expand)(struct tcp_sock *tp);
	/* TCP_CC_INFO: fills a union tcp_cc_info (linux/inet_diag.h) at out, TCP_CC_INFO_MAX bytes; returns the length. */
	size_t (*info)(const struct tcp_sock *tp, void *out);
};

/* By name, NULL: none. */
const struct tcp_cc_ops *tcp_cc_find(const struct world *w, const char *name, size_t len);
/* By what a route's metric RTAX_CC_ALGO holds: place in the list and 1; 0, for NULL: none. */
u32 tcp_cc_id(const struct world *w, const char *name, size_t len);
const struct tcp_cc_ops *tcp_cc_by_id(const struct world *w, u32 id);
struct dst;
const struct tcp_cc_ops *tcp_cc_of_route(const struct world *w, const struct dst *d);
void tcp_cc_of_dst(struct cpu *cpu, struct tcp_sock *tp, const struct dst *d); /* the route's choice, before the connection begins */
void tcp_cc_assign(struct tcp_sock *tp);		      /* the namespace's default */
void tcp_cc_init(struct cpu *cpu, struct tcp_sock *tp);	      /* when the connection is established */
void tcp_cc_cleanup(struct tcp_sock *tp);
int tcp_cc_set(struct cpu *cpu, struct tcp_sock *tp, const char *name, size_t len); /* -ENOENT, -EPERM */
void tcp_cc_set_state(struct cpu *cpu, struct tcp_sock *tp, u8 state);
void tcp_cc_event(struct cpu *cpu, struct tcp_sock *tp, enum tcp_ca_event ev);
/* Slow start: how much of `acked` is left after cwnd reached ssthresh. */
u32 tcp_slow_start(struct tcp_sock *tp, u32 acked);
/* One more segment per `w` acked. */
void tcp_cong_avoid_ai(struct tcp_sock *tp, u32 w, u32 acked);
bool tcp_is_cwnd_limited(const struct tcp_sock *tp);

extern const struct tcp_cc_ops tcp_cc_reno, tcp_cc_cubic, tcp_cc_bbr, tcp_cc_dctcp;
extern const struct tcp_cc_ops *const tcp_cc_list[];

/* Reno's parts, which others fall back to. */
u32 reno_ssthresh(struct cpu *cpu, struct tcp_sock *tp);
void reno_cong_avoid(struct cpu *cpu, struct tcp_sock *tp, u32 ack, u32 acked);
u32 reno_undo_cwnd(struct tcp_sock *tp);

#endif
