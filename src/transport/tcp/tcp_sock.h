/* struct tcp_sock: one TCP connection or listener; struct tcp_req and struct tcp_tw: its small forms before and after.
 *
 * The send side keeps a byte stream (struct tcp_txbuf: a chain of buffers, from snd_una to write_seq) and, apart from it,
 * what was sent of it (struct tcp_seg: ranges of sequence numbers, in a tree). A segment on the wire is built from the
 * stream when it is sent: an sk_buff with headers of its own and fragments that share the stream's buffers. So cutting,
 * merging and re-segmenting are arithmetic, and payload is copied once, from the program.
 * The receive side keeps the packets as they came: in order in sk.rx_queue, out of order in a tree.
 *
 * All fields belong to the socket's home cpu. Times are ns (cpu->now) unless the name says otherwise.
 */
#ifndef TRANSPORT_TCP_TCP_SOCK_H
#define TRANSPORT_TCP_TCP_SOCK_H

#include <netinet/in.h>
#include <netinet/tcp.h> /* states, options, TCP_CA_* */

#include "base/list.h"
#include "base/minmax.h"
#include "base/rbtree.h"
#include "base/timer.h"
#include "codec/wire/tcphdr.h"
#include "sock/inet_sock.h"
#include "transport/inet_hash.h"
#include "transport/ports.h"
#include "transport/tcp/tcp_ao.h"
#include "transport/tcp/tcp_cc.h"
#include "transport/tcp/tcp_seq.h"

#define TCP_NEW_SYN_RECV 12
#define TCPS(s) BIT(TCP_##s)

#undef TCP_MSS_DEFAULT
#define TCP_MSS_DEFAULT 536u		 /* RFC 9293, 3.7.1 */
#define TCP_MIN_MSS 88u			 /* smallest advertised MSS we work with */
#define TCP_MAX_WINDOW 32767u
#define TCP_MAX_WSCALE 14
#define TCP_INIT_CWND 10u		 /* RFC 6928 */
#define TCP_INFINITE_SSTHRESH 0x7fffffffu
#define TCP_MAX_QUICKACKS 16u
#define TCP_FASTRETRANS_THRESH 3u
#define TCP_NUM_SACKS 4
#define TCP_SACK_BLOCKS_EXPECTED 2u /* stretches that one of the peer's ACKs is sure to hear of */
#define TCP_RTO_INIT (1 * NSEC_PER_SEC)	 /* RFC 6298 */
#define TCP_RTO_FALLBACK (3 * NSEC_PER_SEC) /* after a retransmitted SYN without timestamps */
#define TCP_DELACK_MIN (40 * NSEC_PER_MSEC)
#define TCP_DELACK_MAX (200 * NSEC_PER_MSEC)
#define TCP_ATO_MIN (40 * NSEC_PER_MSEC)
#define TCP_TICK (4 * NSEC_PER_MSEC)	   /* Linux's at 250 Hz: what its probe and reordering timers are rounded up to */
#define TCP_PROBE_SLACK (2 * NSEC_PER_MSEC) /* what a tail loss probe waits beyond two round trips */
/* The same for the reordering timer: Linux asks for 2 ms and its timer wheel makes it one or two ticks more (measured: 31 and 35 ms for a window
 * of 25 ms, 11 to 18 ms for one of 5 ms). */
#define TCP_REO_SLACK (2 * TCP_TICK)
#define TCP_RESOURCE_PROBE_INTERVAL (500 * NSEC_PER_MSEC) /* the device or memory refused: soon again */
#define TCP_TIMEWAIT_LEN (60 * NSEC_PER_SEC)
#define TCP_PAWS_WRAP_S 2147u /* a clock of us may have wrapped halfway since: whatever it says is news */
#define TCP_PAWS_MSL_S 60u
#define TCP_MAX_TSO_SEGS 45u		 /* pcount of 64 KiB at the usual MSS; a hint for sizes only */

/* Send stream: a piece of one buffer. Bytes [seq, seq + len) lie at buf->data + off. Pieces follow one another. */
struct tcp_txbuf {
	struct tcp_txbuf *next;
	struct buf *buf;
	u32 seq, off, len;
	u32 charged;	   /* bytes of tcp_mem it stands for */
	bool psh;	   /* its last byte is pushed */
	bool eor;	   /* MSG_EOR: no packet holds bytes from here and from behind */
	bool appendable;   /* ours alone: bytes behind off + len may still be written */
};

/* What was sent: bytes [seq, end_seq) (SYN and FIN count one) as pcount packets of at most mss bytes. */
enum { SEG_SACKED = 1, SEG_RETRANS = 2, SEG_LOST = 4, SEG_EVER_RETRANS = 8 };
struct tcp_seg {
	struct rbnode rb;  /* tp->rtx, by seq */
	struct list tsorted; /* tp->tsorted, by last transmission, while neither SACKed nor found lost by RACK */
	struct tcp_txbuf *tb; /* where seq lies; NULL for a bare SYN or FIN. On the free list: next */
	u32 seq, end_seq;
	u32 pcount;
	u16 mss;
	u8 flags;	   /* TCPF_SYN, _FIN, _PSH, _URG */
	u8 state;	   /* SEG_* */
	u64 tx_ns;	   /* last transmission */
	u32 tx_in_flight;  /* packets in flight when sent */
	bool app_limited;
	u16 trimmed;	   /* bytes acknowledged ahead of a lone packet's rest */
	/* The connection's delivery when this was sent (tcp_rate.c); delivered_ns 0: counted already. */
	u32 delivered, delivered_ce;
	u64 delivered_ns, first_tx_ns;
};

/* On a received skb, while TCP has it. */
struct tcp_cb {
	union {
		struct rbnode rb;  /* tp->ofo */
		u32 tw_isn;	   /* of a SYN that took over from TIME-WAIT: what to answer with; else 0 */
	};
	u32 seq, end_seq;  /* SYN and FIN counted */
	u32 ack_seq;
	u16 urg_ptr, window;
	u8 flags;
	u8 dsfield;
	bool has_rxts;
};
_Static_assert(sizeof(struct tcp_cb) <= sizeof(((struct sk_buff *)0)->cb), "fits");
static inline struct tcp_cb *tcp_cb(struct sk_buff *skb) { return (struct tcp_cb *)skb->cb; }
static inline struct sk_buff *tcp_cb_skb(struct rbnode *rb) { return container_of((u8 *)rb, struct sk_buff, cb); }

struct tcp_sack_block {
	u32 start, end;
};

/* Options of a received segment, and what the handshake agreed on. */
struct tcp_opts {
	bool saw_tstamp, tstamp_ok, wscale_ok, sack_ok;
	u8 snd_wscale, rcv_wscale;
	u8 accecn; /* where its option begins, from the header's first byte; 0: none */
	u16 user_mss, mss_clamp;
	u32 rcv_tsval, rcv_tsecr;
	u32 ts_recent;
	u32 ts_recent_stamp_s; /* when ts_recent was stored, in seconds of cpu->now + 1; 0: never */
};

/* A Fast Open cookie, as an option carries it. Present with length 0: a request for one. */
#define TCP_FO_COOKIE_MAX 16
struct tcp_fo_cookie {
	bool present, exp; /* exp: by the experimental option number */
	u8 len;
	u8 val[TCP_FO_COOKIE_MAX];
};
struct tcp_fo_keys {
	u32 num; /* 0..2; the first makes cookies, both are believed */
	u8 key[2][16];
};
enum { TFO_CLIENT = 1, TFO_SERVER = 2, TFO_CLIENT_NO_COOKIE = 4, TFO_SERVER_NO_COOKIE = 0x200, TFO_SERVER_ALL = 0x400 }; /* tcp_fastopen */
enum { TFO_STATUS_UNSPEC, TFO_COOKIE_UNAVAILABLE, TFO_DATA_NOT_ACKED, TFO_SYN_RETRANSMITTED }; /* tcpi_fastopen_client_fail */

/* What is remembered of a path across connections: tcp_metrics.c. Round trips as in the estimator: srtt << 3, rttvar << 2. */
struct tcp_metrics {
	struct hnode node;
	struct list lru;	/* netns_tcp.metrics_lru, oldest first */
	struct inaddr laddr, raddr;
	u64 stamp;		/* last change */
	u32 rtt_us, rttvar_us, ssthresh, cwnd, reordering; /* 0: not known; the first two scaled as in struct tcp_sock */
	u32 locked;		/* BIT(RTAX_*): what the route fixed */
	u16 fo_mss, fo_syn_loss;
	u8 fo_try_exp;
	u64 fo_last_syn_loss;
	struct tcp_fo_cookie fo_cookie;
};

struct netns;
void tcp_metrics_del(struct netns *net, struct tcp_metrics *m);

/* A key of TCP_MD5SIG, in a socket's list. */
struct tcp_md5_key {
	struct tcp_md5_key *next;
	struct inaddr addr;
	u8 prefix;	/* bits of addr that count */
	bool by_vrf;	/* for peers in one VRF alone */
	s32 ifindex;	/* which; 0: in none */
	u8 len;
	u8 key[TCP_MD5SIG_MAXKEYLEN];
};

/* What our SYN asked for. */
enum { ECN_SYN_NONE, ECN_SYN_RFC3168, ECN_SYN_ACCURATE };
/* tcpi_accecn_fail_mode: a direction of the ACE field or of the option seems broken. tcpi_accecn_opt_seen. */
enum { ACCECN_ACE_FAIL_SEND = 1, ACCECN_ACE_FAIL_RECV = 2, ACCECN_OPT_FAIL_SEND = 4, ACCECN_OPT_FAIL_RECV = 8 };
enum { ACCECN_OPT_NOT_SEEN, ACCECN_OPT_EMPTY_SEEN, ACCECN_OPT_COUNTER_SEEN, ACCECN_OPT_FAIL_SEEN };
/* Accurate ECN: tcp_accecn.c. Bytes are of payload, by codepoint: ECT(1), ECT(0), CE. */
struct tcp_accecn {
	u32 received_ce;	/* packets that came marked CE */
	u32 received[3], delivered[3];
	u32 dsack_seq;		/* start of the last D-SACK that went with an option */
	u32 opt_us;		/* when an option was sent last; the low bits */
	u16 pkts_per_ack;	/* moving average, << 6 */
	bool opt_with_dsack : 1; /* there was one */
	bool reflect : 1;	/* the next pure ACK has syn_rcv in its ACE field */
	bool handshake : 1;	/* the segment under way completes the handshake */
	bool ack_now : 1;	/* the next data is to be acknowledged at once */
	u8 ce_pending;		/* marked packets that no ACE field told of; up to 15 */
	u8 minlen;		/* fields that the next option must have */
	u8 opt_demand;		/* segments that are to have an option */
	u8 prev, est;		/* codepoint of the last segment; of most of what we deliver, 0: not known */
	u8 syn_snt, syn_rcv;	/* codepoints of our SYN or SYN-ACK, and of the peer's */
	u8 opt_seen, fail;	/* ACCECN_OPT_*_SEEN; ACCECN_*_FAIL_* */
};

/* The headers of a SYN, for TCP_SAVED_SYN. */
struct tcp_saved_syn {
	u32 len;
	u8 data[];
};

/* A listener's queues. */
struct tcp_listen {
	struct list accept;	/* tcp_sock.accept_link: established, waiting for accept(2) */
	struct list reqs;	/* tcp_req.link: SYN_RECV */
	struct list fo_reset;	/* tcp_req.link: Fast Open children that a reset ended, with hold_until */
	u32 accept_len, reqs_len, young_len;
	u32 fo_qlen;		/* Fast Open children whose handshake is incomplete, and fo_reset */
	u32 backlog;		/* sk_max_ack_backlog */
	u64 cookie_sent_ns;	/* when the last SYN cookie went out, + 1; 0: never */
	u8 defer_accept;	/* SYN-ACK retransmissions to wait for data; 0: off */
	bool warned;		/* of a flood */
};
static inline bool tcp_acceptq_full(const struct tcp_listen *l) { return l->accept_len > l->backlog; }

struct tcp_sock {
	struct inet_sock inet;

	/* -- output: tcp_output.c, tcp_segment.c -- */
	u32 snd_una, snd_nxt, write_seq, snd_sml, snd_wl1, snd_up, pushed_seq;
	u32 snd_wnd, max_window;
	u16 mss_cache;		/* bytes of payload a segment carries now, options taken off */
	u16 advmss;		/* what we told the peer */
	u16 tcp_header_len;	/* with the timestamp option */
	u8 nonagle;		/* TCP_NAGLE_* */
	u8 ecn_seen;
	u8 repair_queue;	/* TCP_REPAIR_QUEUE: tcp_repair.c */
	u8 zc_frags;		/* of the last packet to be, while zero-copy sends fill it: tcp_tx.c */
	u32 pmtu_cookie;
	struct {		/* RFC 4821: tcp_mtu.c */
		u16 low, high;	/* MTU: known to pass, not known not to */
		u16 probe_size;	/* of the probe under way, as an MTU; 0: none */
		u16 len;	/* its payload, from seq on */
		u32 seq, stamp_s;
		bool enabled;
	} mtup;
	u32 gso_max_bytes, gso_max_segs;
	bool gso_ok, fin_queued, urg_mode, ecn_ok, accecn, ecn_demand_cwr, ecn_queue_cwr, tsq_throttled, repair;
	bool nospace;		/* somebody waits for room: tcp_check_space() tells */
	bool pacing_needed;	/* a congestion control asked for it; stays, as in Linux */
	bool autocorked;	/* a small write waits until a packet of ours left the host's queues: tcp_tx.c */
	bool tail_psh;		/* what tail_start began ends with what a send pushed */
	bool rate_app_limited;	/* the last sample was: see rate_delivered */
	u32 tail_start;		/* sequence number where the last packet to be, as send(2) fills them, began: tcp_tx.c */
	u32 segs_n, eor_n, psh_n; /* records in rtx; pieces with eor, with psh */
	u32 size_goal;		/* bytes that send(2) puts into one packet to be */
	struct tcp_mark *marks, *marks_last; /* bytes that somebody wants to hear of: tcp_notify.c */
	struct tcp_txbuf *txb_head, *txb_tail, *txb_nxt; /* nxt: where snd_nxt lies, or the last before it */
	struct rbroot rtx;	/* struct tcp_seg: snd_una .. snd_nxt */
	struct tcp_seg *rtx_last;
	u32 packets_out, max_packets_out, cwnd_usage_seq;
	u32 zc_next;		/* number of the next zero-copy send */
	u64 tx_timestamp;	/* lsndtime */
	u64 bytes_sent, bytes_retrans;
	u32 segs_out, data_segs_out, total_retrans;
	u32 lost;		/* packets, total, for rates: tcp_loss.c */
	u64 pacing_rate;	/* bytes a second; UINT64_MAX: none */
	u32 tx_delay_us;	/* TCP_TX_DELAY */
	u64 pacing_next;	/* when the next packet may go, if paced */
	struct cpu_work tsq_work;

	/* -- input: tcp_rx.c, tcp_reass.c -- */
	u32 rcv_nxt, copied_seq, rcv_wup, rcv_isn;
	u32 pred_flags;		/* doff, flags and window of the expected next header; 0: slow path */
	struct tcp_opts rx_opt;
	struct rbroot ofo;
	struct sk_buff *ofo_last;
	u32 ofo_bytes;
	struct tcp_sack_block sacks[TCP_NUM_SACKS], dsack;
	u8 num_sacks;
	u8 scaling_ratio;	/* payload share of truesize, of 256: tcp_window.c */
	u16 urg_data;		/* 0, or TCP_URG_* and the byte */
	u64 bytes_received, rcv_tstamp;
	u32 segs_in, data_segs_in, rcv_ooopack, urg_seq;
	struct tcp_accecn aecn;
	u64 last_oow_ack;	/* rate limit of ACKs to out-of-window segments */

	/* -- window: tcp_window.c -- */
	u32 rcv_wnd, rcv_ssthresh, window_clamp;
	u32 rcv_rtt_last_tsecr;
	struct { u32 rtt_us; u32 seq; u64 time; } rcv_rtt;
	struct { u32 space; u32 seq; u64 time; } rcvq_space;

	/* -- delayed ACK: tcp_output.c, tcp_timers.c -- */
	struct {
		u8 pending;	/* TCP_ACK_* */
		u8 quick;	/* ACKs to send at once */
		u8 pingpong;
		u8 retry;
		u32 last_seg_size, rcv_mss;
		u32 held_rcv_nxt; /* rcv_nxt that `dups` is for */
		u64 ato, lrcvtime;
	} ack;
	u64 delack_max;		/* TCP_DELACK_MAX_US */

	/* -- acknowledgement and round trip: tcp_ack.c, tcp_rtt.c -- */
	u32 srtt_us, mdev_us, mdev_max_us, rttvar_us, rtt_seq; /* srtt << 3, mdev << 2, as RFC 6298's arithmetic goes */
	u64 rto, rto_min, rto_max; /* the bounds: sysctls of the socket's birth, or options */
	struct minmax min_rtt; /* us, over tcp_min_rtt_wlen; time in ms */
	u64 bytes_acked;
	u32 delivered, delivered_ce;

	/* -- delivery rate: tcp_rate.c -- */
	u32 app_limited;	/* `delivered` up to which samples are limited by the application; 0: not */
	u32 rate_delivered;	/* packets, and the time they took: the last sample that counted, for TCP_INFO */
	u64 rate_interval_us;
	u64 delivered_time, first_tx_time;

	/* -- time-based loss detection and tail loss probe: tcp_rack.c, tcp_tlp.c -- */
	struct list tsorted;	/* struct tcp_seg.tsorted: not known to be delivered or lost, oldest transmission first */
	struct {
		u64 tx_ns;	/* of the most recently sent segment among those delivered */
		u32 end_seq;	/* its end: breaks ties of tx_ns */
		u32 rtt_us;	/* its round trip */
		u32 last_delivered; /* `delivered` when reo_wnd_steps changed last */
		u8 reo_wnd_steps;   /* window in quarters of the minimum round trip */
		u8 reo_wnd_persist; /* recoveries left before the window falls back to one step */
		bool dsack_seen, advanced;
	} rack;
	u32 tlp_high_seq;	/* snd_nxt when the probe went; 0: none out */

	/* -- SACK scoreboard and loss: tcp_sack.c, tcp_loss.c -- */
	u32 sacked_out, lost_out, retrans_out, reordering, reord_seen, dsack_dups;
	u32 highest_sack;	/* end of the highest SACKed range; valid while sacked_out */
	struct tcp_seg *rtx_hint;	/* where to look for the next retransmission */
	u32 high_seq, undo_marker;
	u64 retrans_stamp;
	s32 undo_retrans;
	u8 ca_state;
	bool is_sack_reneg, is_cwnd_limited, frto;
	bool tlp_retrans;	/* the tail loss probe was a retransmission: tcp_tlp.c */
	bool cc_inited, cc_setsockopt, cc_locked; /* locked: by the route */
	u32 prior_ssthresh, prior_cwnd, prr_delivered, prr_out;
	u32 snd_cwnd, snd_cwnd_cnt, snd_cwnd_clamp, snd_ssthresh, snd_cwnd_used;
	u64 snd_cwnd_stamp;

	/* -- congestion control: cc/ -- */
	const struct tcp_cc_ops *cc;
	u64 cc_priv[TCP_CC_PRIV / 8];

	/* -- timers: tcp_timers.c -- */
	struct timer timer;	/* one for all deadlines, armed no later than the earliest */
	u64 rtx_deadline;	/* while rtx_kind */
	u64 delack_deadline;	/* while ack.pending & TCP_ACK_TIMER */
	u64 held_deadline;	/* of the ACK that tcp_comp_sack_* hold back; 0: none */
	u64 keep_deadline;	/* keepalive, FIN-WAIT-2 of an orphan; 0: none */
	u64 probes_stamp;
	bool pacing_waits;	/* until pacing_next */
	bool timer_running;
	u8 rtx_kind;		/* TCP_TIMER_* */
	u8 retransmits, backoff, probes_out;
	u8 acks_held;		/* out-of-order packets since the last ACK that got none */
	u8 dups;		/* ACKs of held_rcv_nxt that were not held back, up to TCP_FASTRETRANS_THRESH */
	u8 syn_retries;		/* TCP_SYNCNT, 0: sysctl */
	u8 keepalive_probes;	/* TCP_KEEPCNT, 0: sysctl */
	u32 keepalive_time_s, keepalive_intvl_s; /* 0: sysctl */
	u32 user_timeout_ms;
	s32 linger2;		/* ns in jiffies' stead: seconds; -1: no FIN_WAIT2; 0: sysctl */
	u32 notsent_lowat;	/* 0: sysctl */
	u32 rehash, plb_rehash; /* how often another path was looked for: after a timeout (SO_TXREHASH), by tcp_plb.c */
	u32 label_salt;	   /* changes the flow label */
	u32 total_rto, total_rto_recoveries, total_rto_ms; /* timeouts; runs of them; how long those took */
	u64 rto_stamp;		/* when the present run began; 0: none */

	/* -- opening and closing: tcp_connect.c, tcp_listen.c, tcp_close.c -- */
	struct tcp_listen *listen;
	struct list accept_link;
	struct tcp_sock *parent; /* while in its accept queue */
	u32 snt_synack_us;
	u8 hashed;		/* TCP_HASHED_* */
	u8 defer_accept;	/* TCP_DEFER_ACCEPT in SYN-ACK retransmissions */
	u8 ss;			/* SS_*: how far connect(2) got, as the socket layer keeps it */
	bool write_pending, fin_received, orphan_counted, recvmsg_inq, thin_lto;
	u8 chrono_type;		/* 0 none, 1 busy, 2 rwnd-limited, 3 sndbuf-limited: see chrono_start */
	u8 ecn_syn;		/* ECN_SYN_* */
	u8 save_syn;		/* TCP_SAVE_SYN of a listener: 1 from the network header on, 2 from the link's */
	struct tcp_saved_syn *saved_syn; /* of a child, until it is fetched */
	struct tcp_md5_key *md5_keys;	/* tcp_md5.c */
	struct tcp_ao *ao;		/* tcp_ao.c */

	/* -- Fast Open: tcp_fastopen.c -- */
	struct tcp_req *fastopen_rsk;	/* a child's request while its handshake is incomplete; ours */
	struct tcp_fo_keys *fo_keys;	/* TCP_FASTOPEN_KEY of a listener; NULL: the namespace's */
	u32 fo_max_qlen;		/* TCP_FASTOPEN of a listener; 0: off */
	u32 ts_offset;			/* added to our clock: RFC 7323, 5.4: tcp_options.c */
	bool usec_ts;			/* which ticks in us, by the route */
	bool syn_fastopen, syn_fastopen_exp; /* our SYN had the option */
	bool syn_empty;			/* ... with a cookie, and no data */
	bool syn_data, syn_data_acked;	/* the SYN carried data; all of it was acknowledged by the SYN-ACK */
	bool fo_connect, fo_no_cookie;	/* TCP_FASTOPEN_CONNECT, TCP_FASTOPEN_NO_COOKIE */
	bool defer_connect;		/* connect(2) returned, the SYN waits for the first write */
	u8 fo_client_fail;		/* TFO_* */

	/* -- reserve and commit: tcp_tx.c -- */
	struct tcp_txbuf *reserved;

	/* -- limits reached, for TCP_INFO: tcp_info.c -- */
	u64 chrono_start, chrono_stat[3];
};
static inline struct tcp_sock *tcp_sk(struct sock *sk) { return (struct tcp_sock *)sk; }
static inline struct sock *tcp_to_sock(struct tcp_sock *tp) { return &tp->inet.sk; }

/* A socket stays CONNECTED when its connection ends, until connect(AF_UNSPEC). */
enum { TCP_SS_UNCONNECTED, TCP_SS_CONNECTING, TCP_SS_CONNECTED, TCP_SS_DISCONNECTING };
enum { TCP_HASHED_NOT, TCP_HASHED_EST, TCP_HASHED_LISTEN };
enum { TCP_NAGLE_OFF = 1, TCP_NAGLE_CORK = 2, TCP_NAGLE_PUSH = 4 };
enum { TCP_ACK_SCHED = 1, TCP_ACK_TIMER = 2, TCP_ACK_PUSHED = 4, TCP_ACK_PUSHED2 = 8, TCP_ACK_NOW = 16, TCP_ACK_NOMEM = 32 };
enum { TCP_TIMER_NONE, TCP_TIMER_RTO, TCP_TIMER_PROBE0, TCP_TIMER_LOSS_PROBE, TCP_TIMER_REO };
enum { TCP_URG_VALID = 0x100, TCP_URG_NOTYET = 0x200, TCP_URG_READ = 0x400 };

/* A connection request: SYN received, SYN-ACK sent. */
struct tcp_req {
	struct inet_tuple tuple;
	struct list link;	/* listener's reqs */
	struct timer timer;	/* SYN-ACK retransmission */
	struct tcp_sock *listener; /* a reference */
	struct netns *net;
	u32 rcv_isn, snt_isn, ts_recent, ts_offset, rcv_nxt;
	u32 tsval_first, tsval_last; /* of our SYN-ACKs, while tsval_sent: what the peer may echo */
	u32 rcv_wnd;
	u32 mark;
	s32 iif;
	u64 sent_ns;		/* first SYN-ACK */
	u64 last_oow_ack;
	u32 window_clamp;
	u16 mss;		/* the peer's, clamped */
	u16 advmss, peer_window;
	u8 num_timeout, num_retrans;
	u8 snd_wscale, rcv_wscale, tos;
	bool tstamp_ok, sack_ok, wscale_ok, ecn_ok, accecn, acked, usec_ts, tsval_sent; /* ecn_ok: RFC 3168; accecn: accurate */
	u8 accecn_fail;
	bool ao_used;		/* the SYN was signed with TCP-AO */
	u8 ao_sndid, ao_rcvid;	/* ids of the key that the peer asked for, and of the one that it used */
	bool queued;		/* in the SYN queue; else made up from a cookie, or a Fast Open child's */
	struct tcp_fo_cookie foc; /* for the next SYN-ACK */
	u64 hold_until;		/* while in fo_reset */
	struct tcp_saved_syn *saved_syn;
};

/* A connection's remains in TIME-WAIT (or FIN-WAIT-2 without a socket). */
struct tcp_tw {
	struct inet_tuple tuple;
	struct port_holder port;
	struct timer timer;
	struct netns *net;
	struct list link;	/* netns_tcp.tws */
	u32 rcv_nxt, snd_nxt, rcv_wnd, ts_recent, ts_offset;
	u32 ts_recent_stamp_s;
	u32 mark, uid;
	u64 last_oow_ack, entry_ns;
	u64 cookie;
	u8 substate;		/* TCP_FIN_WAIT2, TCP_TIME_WAIT */
	u8 rcv_wscale, tos, family;
	bool tstamp_ok, reuse_ok, usec_ts;
	struct tcp_md5_key *md5; /* of the peer, or NULL */
	struct tcp_ao *ao;	/* what signs, or NULL */
	struct inaddr saddr;	/* source of what we send */
};

/* One namespace's TCP: tables, totals, /proc/sys/net/ipv4/tcp_*. */
struct netns_tcp {
	struct inet_hash hash;
	struct port_table ports;
	struct list tws;
	struct tcp_seg *free_segs;
	struct tcp_txbuf *free_txbufs;
	u32 free_segs_n, free_txbufs_n;
	u32 tw_count, orphans, sockets;
	bool pressure;
	u64 challenge_second;
	u32 challenge_count;
	struct htable metrics;	/* struct tcp_metrics */
	struct list metrics_lru;
	struct tcp_fo_keys fo_keys;
	u64 fo_disable_ns;	/* when active Fast Open was last paused */
	u32 fo_disable_times;
	const struct tcp_cc_ops *cc_default;
	u32 cc_allowed;		/* bits over world's tcp_ccs */

	s32 rmem[3], wmem[3];
	u64 mem_pages[3];
	s32 max_syn_backlog, max_orphans, max_tw_buckets, challenge_ack_limit;
	s32 retries1, retries2, syn_retries, synack_retries, orphan_retries, syn_linear_timeouts;
	s32 keepalive_time, keepalive_intvl, keepalive_probes, fin_timeout;
	s32 min_snd_mss, app_win, reordering, max_reordering, tw_reuse, tw_reuse_delay_ms, tso_win_divisor;
	s32 min_rtt_wlen, pacing_ss_ratio, pacing_ca_ratio, min_tso_segs, tso_rtt_log, limit_output_bytes, rto_min_us, rto_max_ms;
	u32 notsent_lowat;
	u64 comp_sack_delay_ns, comp_sack_slack_ns, invalid_ratelimit_ns;
	u8 comp_sack_nr;
	u8 early_retrans, recovery, ecn_fallback, autocorking, retrans_collapse;
	s32 fastopen, fo_blackhole_s;
	s32 plb_cong_thresh, low_latency, adv_win_scale;
	u32 child_ehash_entries;
	s32 base_mss, mtu_probe_floor, probe_threshold, probe_interval;
	u8 mtu_probing;
	u8 syncookies, no_metrics_save, no_ssthresh_metrics_save;
	u8 abort_on_overflow, dsack, ecn, ecn_option, ecn_option_beacon, frto, fwmark_accept, moderate_rcvbuf, pingpong_thresh, reflect_tos, rfc1337, sack,
		plb_enabled, plb_idle_rehash_rounds, plb_rehash_rounds, plb_suspend_rto_sec, migrate_req,
		early_demux, backlog_ack_defer, fack, /* these three, and low_latency, adv_win_scale, without effect: docs/sysctls.md */
		shrink_window, slow_start_after_idle, stdurg, thin_linear_timeouts, timestamps, window_scaling, workaround_signed_windows;
};
static inline struct netns_tcp *tcp_net(const struct tcp_sock *tp) { return tp->inet.sk.net->tcp; }

#endif
