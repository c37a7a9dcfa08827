/* TCP_INFO as Linux 6.18 lays it out; the C library's header may be older. */
#ifndef TRANSPORT_TCP_TCP_INFO_H
#define TRANSPORT_TCP_TCP_INFO_H

#include "base/types.h"

struct tcp_info_full {
	u8 state, ca_state, retransmits, probes, backoff, options;
	u8 snd_wscale : 4, rcv_wscale : 4;
	u8 delivery_rate_app_limited : 1, fastopen_client_fail : 2;
	u32 rto, ato, snd_mss, rcv_mss;
	u32 unacked, sacked, lost, retrans, fackets;
	u32 last_data_sent, last_ack_sent, last_data_recv, last_ack_recv;
	u32 pmtu, rcv_ssthresh, rtt, rttvar, snd_ssthresh, snd_cwnd, advmss, reordering;
	u32 rcv_rtt, rcv_space, total_retrans;
	u64 pacing_rate, max_pacing_rate, bytes_acked, bytes_received;
	u32 segs_out, segs_in, notsent_bytes, min_rtt, data_segs_in, data_segs_out;
	u64 delivery_rate, busy_time, rwnd_limited, sndbuf_limited;
	u32 delivered, delivered_ce;
	u64 bytes_sent, bytes_retrans;
	u32 dsack_dups, reord_seen, rcv_ooopack, snd_wnd, rcv_wnd, rehash;
	u16 total_rto, total_rto_recoveries;
	u32 total_rto_time;
	u32 received_ce, delivered_e1_bytes, delivered_e0_bytes, delivered_ce_bytes, received_e1_bytes, received_e0_bytes, received_ce_bytes;
	u16 accecn_fail_mode, accecn_opt_seen;
};
_Static_assert(offsetof(struct tcp_info_full, pacing_rate) == 104, "layout of linux/tcp.h");
_Static_assert(offsetof(struct tcp_info_full, snd_wnd) == 228, "layout of linux/tcp.h");

struct cpu;
struct tcp_sock;
void tcp_info_fill(struct cpu *cpu, const struct tcp_sock *tp, struct tcp_info_full *i);

#endif
