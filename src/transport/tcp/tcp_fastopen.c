/* TCP Fast Open (RFC 7413): data in the SYN, for clients that were here before.
 *
 * A server gives each client address a cookie, a keyed hash of the pair of addresses; a SYN that brings it back proves that the
 * address is no invention, and its data goes to the program before the handshake is complete. So the child exists in SYN_RECV, on
 * the accept queue; its request (tp->fastopen_rsk) repeats the SYN-ACK until the last ACK comes. At most fo_max_qlen such children
 * may be incomplete; those that a reset ended keep their place for a minute, which starves spoofers.
 * A client keeps the cookie in the metrics cache (tcp_metrics.c). Data in a SYN stays in the retransmit queue as a segment of its
 * own behind the bare SYN, and is sent again without ado when the SYN-ACK does not cover it.
 * Middle boxes that swallow such connections: after timeouts, active Fast Open pauses (tcp_fastopen_blackhole_timeout_sec).
 * See tcp(7), ip-sysctl.rst (tcp_fastopen, tcp_fastopen_key).
 */
#include "transport/tcp/tcp_impl.h"

#define FO_EXP_MAGIC 0xf989u /* RFC 7413, section 4.1.2 of its drafts: option 254 with this number */
#define FO_OPTION_ROOM 40u   /* a SYN's data leaves room for all options that anyone may add */
#define FO_RESET_HOLD (60 * NSEC_PER_SEC)
#define FO_COOKIE_MIN 4
#define FO_COOKIE_LEN 8

/* -- the option -- */

static void take(struct tcp_fo_cookie *c, const u8 *p, unsigned len, bool exp)
{
	c->exp = exp;
	c->present = false;
	if (len & 1 || (len && len < FO_COOKIE_MIN) || len > TCP_FO_COOKIE_MAX)
		return;
	c->present = true;
	c->len = (u8)len;
	memcpy(c->val, p, len);
}

/* The option of a SYN or SYN-ACK; the last one counts. */
void tcp_fo_parse(const struct tcp_hdr *th, struct tcp_fo_cookie *c)
{
	const u8 *p = (const u8 *)(th + 1);
	int left = (int)tcp_hlen(th) - TCP_HDR_LEN;

	c->present = false;
	while (left > 0) {
		unsigned kind = p[0], len;

		if (kind == TCPO_EOL)
			return;
		if (kind == TCPO_NOP) {
			p++;
			left--;
			continue;
		}
		if (left < 2)
			return;
		len = p[1];
		if (len < 2 || len > (unsigned)left)
			return;
		if (kind == TCPO_FASTOPEN)
			take(c, p + 2, len - 2, false);
		else if (kind == TCPO_EXP && len >= 4 && (p[2] << 8 | p[3]) == FO_EXP_MAGIC)
			take(c, p + 4, len - 4, true);
		p += len;
		left -= (int)len;
	}
}

u32 tcp_fo_option_len(const struct tcp_fo_cookie *c) { return c->present ? ALIGN_UP(c->len + (c->exp ? 4u : 2u), 4u) : 0; }

u8 *tcp_fo_option_write(u8 *p, const struct tcp_fo_cookie *c)
{
	u32 room = tcp_fo_option_len(c), n = 0;

	if (c->exp) {
		p[n++] = TCPO_EXP;
		p[n++] = (u8)(4 + c->len);
		p[n++] = FO_EXP_MAGIC >> 8;
		p[n++] = FO_EXP_MAGIC & 0xff;
	} else {
		p[n++] = TCPO_FASTOPEN;
		p[n++] = (u8)(2 + c->len);
	}
	memcpy(p + n, c->val, c->len);
	n += c->len;
	while (n < room)
		p[n++] = TCPO_NOP;
	return p + room;
}

/* -- server: keys and cookies -- */

/* The keys a listener uses: its own, else the namespace's; made up when nobody set any. */
static const struct tcp_fo_keys *keys_of(struct cpu *cpu, struct tcp_sock *l)
{
	struct netns_tcp *n = tcp_net(l);

	if (l->fo_keys)
		return l->fo_keys;
	if (!n->fo_keys.num) {
		rng_bytes(&cpu->rng, n->fo_keys.key, sizeof n->fo_keys.key[0]);
		n->fo_keys.num = 1;
	}
	return &n->fo_keys;
}

static void cookie_make(const struct inaddr *client, const struct inaddr *server, const u8 key[16], struct tcp_fo_cookie *c)
{
	struct siphash_key k;
	u64 v;

	for (int i = 0; i < 2; i++) {
		k.k[i] = 0;
		for (int b = 7; b >= 0; b--)
			k.k[i] = k.k[i] << 8 | key[i * 8 + b];
	}
	if (inaddr_is_v4(client)) {
		be32 a[2] = { inaddr_v4(client), inaddr_v4(server) };
		v = siphash(&k, a, sizeof a);
	} else {
		struct inaddr a[2] = { *client, *server };
		v = siphash(&k, a, sizeof a);
	}
	c->present = true;
	c->len = FO_COOKIE_LEN;
	for (int i = 0; i < FO_COOKIE_LEN; i++)
		c->val[i] = (u8)(v >> (8 * i));
}

/* 0: not ours; 1: by the primary key; 2: by the backup. *fresh: by the primary key. */
static int cookie_valid(struct cpu *cpu, const struct tcp_req *req, const struct tcp_fo_cookie *c, struct tcp_fo_cookie *fresh)
{
	const struct tcp_fo_keys *k = keys_of(cpu, req->listener);
	struct tcp_fo_cookie mine;

	for (unsigned i = 0; i < k->num; i++) {
		cookie_make(&req->tuple.daddr, &req->tuple.rcv_saddr, k->key[i], &mine);
		if (!i)
			*fresh = mine;
		if (c->len == mine.len && !memcmp(c->val, mine.val, mine.len))
			return (int)i + 1;
	}
	return 0;
}

static bool queue_has_room(struct cpu *cpu, struct tcp_sock *l)
{
	struct tcp_listen *q = l->listen;
	struct tcp_req *old;

	if (!l->fo_max_qlen)
		return false;
	if (q->fo_qlen < l->fo_max_qlen)
		return true;
	old = list_empty(&q->fo_reset) ? NULL : list_first(&q->fo_reset, struct tcp_req, link);
	if (!old || old->hold_until > cpu->now) {
		mib_inc(cpu, l->inet.sk.net, MIB_TcpExt_TCPFastOpenListenOverflow);
		return false;
	}
	list_del(&old->link);
	q->fo_qlen--;
	tcp_req_free(cpu, old);
	return true;
}

/* Data (and FIN) that came with a SYN or SYN-ACK: behind its sequence number, into the queue. Consumes. */
void tcp_fo_queue_data(struct cpu *cpu, struct tcp_sock *tp, struct sk_buff *skb)
{
	struct tcp_cb *cb = tcp_cb(skb);
	u64 ato = tp->ack.ato;
	u8 quick = tp->ack.quick;

	skb_pull(skb, tcp_hlen((const struct tcp_hdr *)skb_transport_header(skb)));
	cb->seq++;
	cb->flags &= (u8)~TCPF_SYN;
	if (cb->seq == cb->end_seq) {
		trace_point(cpu, tp->inet.sk.net, skb, TP_CONSUMED, tp->inet.sk.cookie, 0, "SYN processed");
		skb_consume(cpu, skb);
		return;
	}
	tp->syn_data_acked = true;
	tp->data_segs_in++;
	tcp_data_queue(cpu, tp, skb);
	tp->ack.ato = ato; /* delayed ACKs begin with the first segment behind the handshake */
	tp->ack.quick = quick;
}

static struct tcp_sock *child_new(struct cpu *cpu, struct tcp_req *req, struct sk_buff *skb)
{
	struct tcp_sock *l = req->listener, *tp = tcp_req_child(cpu, req, tcp_cb(skb));

	if (!tp)
		return NULL;
	l->listen->fo_qlen++;
	tp->fastopen_rsk = req;
	tcp_set_state(cpu, tp, TCP_SYN_RECV);
	tp->snd_wnd = tp->max_window = req->peer_window; /* a SYN's window is never scaled */
	tp->ack.lrcvtime = cpu->now;
	tp->rcv_tstamp = cpu->now;
	tcp_init_transfer(cpu, tp);
	tcp_arm_rtx(cpu, tp, TCP_TIMER_RTO, cpu->now + TCP_RTO_INIT);
	tp->segs_in++;
	tp->ack.pingpong = 0;
	tcp_fo_queue_data(cpu, tp, skb);
	req->rcv_nxt = tp->rcv_wup = tp->rcv_nxt;
	tp->ack.pending = 0; /* the SYN-ACK says it */
	tcp_clear_delack(tp);
	tcp_req_send_synack(cpu, req, false, false);
	sock_wake(cpu, tcp_to_sock(l));
	return tp;
}

/* A SYN for a listener that may do Fast Open. True: a child has it (skb is consumed, req belongs to the child). False: the ordinary
 * way; *c becomes what the SYN-ACK is to carry. */
bool tcp_fo_server_syn(struct cpu *cpu, struct tcp_req *req, struct sk_buff *skb, const struct dst *dst, struct tcp_fo_cookie *c)
{
	struct tcp_sock *l = req->listener;
	struct netns *net = req->net;
	const struct tcp_cb *cb = tcp_cb(skb);
	bool data = cb->end_seq != cb->seq + 1, exp = c->exp;
	struct tcp_fo_cookie fresh = { 0 };
	int valid;

	if (c->present && !c->len)
		mib_inc(cpu, net, MIB_TcpExt_TCPFastOpenCookieReqd);
	if (!((net->tcp->fastopen & TFO_SERVER) && (data || c->present) && queue_has_room(cpu, l))) {
		c->present = false;
		return false;
	}
	if ((net->tcp->fastopen & TFO_SERVER_NO_COOKIE) || l->fo_no_cookie || dst_metric(dst, RTAX_FASTOPEN_NO_COOKIE)) {
		valid = 1;
	} else if (!c->present) {
		return false;
	} else if (!c->len) { /* asks for one */
		cookie_valid(cpu, req, c, &fresh);
		goto offer;
	} else {
		valid = cookie_valid(cpu, req, c, &fresh);
		if (!valid) {
			mib_inc(cpu, net, MIB_TcpExt_TCPFastOpenPassiveFail);
			goto offer;
		}
	}
	req->foc.present = false;
	if (valid == 2) { /* the old key's: here is one of the new */
		fresh.exp = exp;
		req->foc = fresh;
	}
	if (child_new(cpu, req, skb)) {
		req->foc.present = false;
		if (valid == 2)
			mib_inc(cpu, net, MIB_TcpExt_TCPFastOpenPassiveAltKey);
		mib_inc(cpu, net, MIB_TcpExt_TCPFastOpenPassive);
		return true;
	}
	mib_inc(cpu, net, MIB_TcpExt_TCPFastOpenPassiveFail);
	if (!fresh.present) {
		c->present = false;
		return false;
	}
offer:
	fresh.exp = exp;
	*c = fresh;
	return false;
}

/* The child's handshake is over, one way or the other. reset: by a RST, so that its place stays taken for a while. */
void tcp_fo_remove(struct cpu *cpu, struct tcp_sock *tp, bool reset)
{
	struct tcp_req *req = tp->fastopen_rsk;
	struct tcp_listen *q;

	if (!req)
		return;
	tp->fastopen_rsk = NULL;
	q = req->listener->listen;
	if (q && reset && !tp->parent) {
		req->hold_until = cpu->now + FO_RESET_HOLD;
		list_add_tail(&q->fo_reset, &req->link);
		return;
	}
	if (q)
		q->fo_qlen--;
	tcp_req_free(cpu, req);
}

/* The SYN-ACK was not answered. */
void tcp_fo_synack_timeout(struct cpu *cpu, struct tcp_sock *tp)
{
	struct tcp_req *req = tp->fastopen_rsk;
	unsigned max = (tp->syn_retries ? tp->syn_retries : (unsigned)tcp_net(tp)->synack_retries) + 1;

	mib_inc(cpu, req->net, MIB_TcpExt_TCPTimeouts);
	if (req->num_timeout >= max) {
		tcp_write_err(cpu, tp);
		return;
	}
	if (tp->retransmits == 1)
		tcp_enter_loss(cpu, tp);
	tcp_req_resend_synack(cpu, req);
	req->num_timeout++;
	tp->retransmits++;
	tp->total_retrans++;
	if (!tp->retrans_stamp)
		tp->retrans_stamp = cpu->now;
	tcp_arm_rtx(cpu, tp, TCP_TIMER_RTO, cpu->now + MIN(TCP_RTO_INIT << req->num_timeout, tp->rto_max));
}

/* listen(2): the queue of those who did not set TCP_FASTOPEN, when the sysctl says so. */
void tcp_fo_listen(struct tcp_sock *tp, u32 backlog)
{
	u32 bits = (u32)tcp_net(tp)->fastopen;

	if ((bits & TFO_SERVER) && (bits & TFO_SERVER_ALL) && !tp->fo_max_qlen)
		tp->fo_max_qlen = MIN(backlog, (u32)tp->inet.sk.net->core->somaxconn);
}

void tcp_fo_listen_stop(struct cpu *cpu, struct tcp_listen *q)
{
	while (!list_empty(&q->fo_reset)) {
		struct tcp_req *req = list_first(&q->fo_reset, struct tcp_req, link);
		list_del(&req->link);
		tcp_req_free(cpu, req);
	}
}

/* -- client -- */

/* Pauses that double with each failure, up to 64 times the sysctl. */
static bool paused(const struct cpu *cpu, const struct tcp_sock *tp)
{
	const struct netns_tcp *n = tcp_net(tp);
	u64 timeout = (u64)n->fo_blackhole_s * NSEC_PER_SEC;

	if (!timeout || !n->fo_disable_times)
		return false;
	return cpu->now < n->fo_disable_ns + (timeout << MIN(n->fo_disable_times - 1, 6u));
}

static void pause_active(struct cpu *cpu, struct tcp_sock *tp)
{
	struct netns_tcp *n = tcp_net(tp);

	if (!n->fo_blackhole_s)
		return;
	n->fo_disable_ns = cpu->now;
	n->fo_disable_times++;
	mib_inc(cpu, tp->inet.sk.net, MIB_TcpExt_TCPFastOpenBlackhole);
}

/* A retransmission timeout of a connection that used Fast Open. */
void tcp_fo_detect_blackhole(struct cpu *cpu, struct tcp_sock *tp, bool expired)
{
	if ((tp->syn_fastopen || tp->syn_data || tp->syn_data_acked) && (tp->retransmits == 2 || (tp->retransmits < 2 && expired))) {
		pause_active(cpu, tp);
		mib_inc(cpu, tp->inet.sk.net, MIB_TcpExt_TCPFastOpenActiveFail);
	}
}

/* The cookie and MSS for a SYN. True: data may go with it (c absent: even without a cookie). */
static bool cookie_for_syn(const struct cpu *cpu, const struct tcp_sock *tp, u16 *mss, struct tcp_fo_cookie *c)
{
	*c = (struct tcp_fo_cookie){ .present = true }; /* unknown: ask for one */
	tcp_metrics_fo_get(tp, mss, c);
	if (paused(cpu, tp)) {
		c->present = false;
		return false;
	}
	if ((tcp_net(tp)->fastopen & TFO_CLIENT_NO_COOKIE) || tp->fo_no_cookie ||
	    (tp->inet.dst && dst_metric(tp->inet.dst, RTAX_FASTOPEN_NO_COOKIE))) {
		c->present = false;
		return true;
	}
	return c->len > 0;
}

/* TCP_FASTOPEN_CONNECT: shall connect(2) return at once and leave the SYN to the first write? If not, the SYN may ask for a
 * cookie: *c. */
bool tcp_fo_defer_connect(struct cpu *cpu, struct tcp_sock *tp, struct tcp_fo_cookie *c)
{
	u16 mss = 0;

	c->present = false;
	if (!tp->fo_connect)
		return false;
	return cookie_for_syn(cpu, tp, &mss, c);
}

/* The SYN of sendmsg(MSG_FASTOPEN) or of a deferred connect, with as much of m as it may carry; *copied says how much. */
int tcp_fo_send_syn(struct cpu *cpu, struct tcp_sock *tp, const struct msghdr *m, u32 *copied)
{
	struct tcp_fo_cookie c;
	u16 clamp = tp->advmss;
	struct tcp_seg *s;
	u32 space = 0, room, size = (u32)MIN(msg_len(m), (size_t)65535);
	int err;
	u8 *p;

	*copied = 0;
	tp->rx_opt.mss_clamp = tp->advmss;
	if (!cookie_for_syn(cpu, tp, &clamp, &c)) {
		if (c.present)
			c.len = 0; /* a request */
		tp->fo_client_fail = TFO_COOKIE_UNAVAILABLE;
		return tcp_send_syn(cpu, tp, &c, 0);
	}
	if (tp->rx_opt.user_mss && tp->rx_opt.user_mss < clamp)
		clamp = tp->rx_opt.user_mss;
	tp->rx_opt.mss_clamp = clamp;
	tcp_sync_mss(cpu, tp, tp->pmtu_cookie);
	room = tcp_mtu_to_mss(tp, tp->pmtu_cookie) + tp->tcp_header_len - TCP_HDR_LEN;
	space = MIN(room > FO_OPTION_ROOM ? room - FO_OPTION_ROOM : 0, size);
	if (!space) { /* counts as data, of which there is none */
		err = tcp_send_syn(cpu, tp, &c, 0);
		if (!err)
			mib_inc(cpu, tp->inet.sk.net, MIB_TcpExt_TCPOrigDataSent);
		tp->syn_empty = !err;
		return err;
	}
	/* The stream begins behind the SYN. */
	tp->write_seq++;
	p = tcp_txq_room(cpu, tp, space, &room);
	space = MIN(space, room);
	if (!p || msg_copy_to_buf(m, 0, p, space)) { /* the connection opens all the same, as if there were no cookie */
		tcp_txq_trim_tail(cpu, tp);
		tp->write_seq--;
		c.len = 0;
		return tcp_send_syn(cpu, tp, &c, 0);
	}
	tcp_txq_commit(tp, space);
	tp->write_seq -= space + 1;
	err = tcp_send_syn(cpu, tp, &c, space);
	if (err)
		return err;
	s = tcp_seg_add(cpu, tp, tp->snd_nxt, space, TCPF_PSH, MAX(tp->mss_cache, space), tp->txb_head);
	if (!s)
		return -ENOBUFS;
	s->tx_ns = cpu->now;
	tp->write_seq += space;
	tp->packets_out += s->pcount;
	tp->snd_nxt = tp->pushed_seq = tp->write_seq;
	tp->syn_data = true;
	mib_add(cpu, tp->inet.sk.net, MIB_TcpExt_TCPOrigDataSent, s->pcount);
	*copied = space;
	return 0;
}

/* The SYN-ACK came and acknowledged what it did. True: data of the SYN had to be sent again, which says ACK too. */
bool tcp_fo_rx_synack(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_hdr *th, const struct tcp_fo_cookie *c)
{
	struct netns *net = tp->inet.sk.net;
	struct tcp_seg *data = tp->syn_data ? tcp_seg_first(tp) : NULL;
	struct tcp_opts o = { .mss_clamp = TCP_MSS_DEFAULT };
	const struct tcp_fo_cookie *keep = tp->syn_fastopen ? c : NULL; /* else nobody asked */
	u16 mss = tp->rx_opt.mss_clamp;
	bool syn_lost = false;
	u8 try_exp = 0;

	if (tp->syn_empty) {
		tp->syn_empty = false;
		tp->delivered++;
		mib_inc(cpu, net, MIB_TcpExt_TCPDelivered);
	}

	if (mss == tp->rx_opt.user_mss) { /* what the peer said, not what the user limited it to */
		tcp_options_parse(net->tcp, th, &o, false, NULL, NULL);
		mss = o.mss_clamp;
	}
	if (tp->syn_fastopen) {
		if (tp->total_retrans)
			syn_lost = !c->present && data;
		else if (!c->present && !tp->syn_data)
			try_exp = tp->syn_fastopen_exp ? 2 : 1; /* asked in vain: the other option next time */
	}
	tcp_metrics_fo_set(cpu, tp, mss, keep, syn_lost, try_exp);
	if (data) {
		tp->fo_client_fail = tp->total_retrans ? TFO_SYN_RETRANSMITTED : TFO_DATA_NOT_ACKED;
		for (struct tcp_seg *s = data; s; s = tcp_seg_next(s))
			tcp_mark_lost(cpu, tp, s);
		tcp_loss_without_congestion(cpu, tp);
		mib_inc(cpu, net, MIB_TcpExt_TCPFastOpenActiveFail);
		return true;
	}
	tp->syn_data_acked = tp->syn_data;
	if (tp->syn_data_acked) {
		mib_inc(cpu, net, MIB_TcpExt_TCPFastOpenActive);
		if (tp->delivered > 1)
			tp->delivered--; /* SYN and data were one packet */
	}
	return false;
}

/* -- options and sysctls -- */

/* TCP_FASTOPEN_KEY: one key or two, 16 bytes each; none: the namespace's again. */
int tcp_fo_set_keys(struct cpu *cpu, struct tcp_sock *tp, const void *val, socklen_t len)
{
	if (len != 16 && len != 32)
		return -EINVAL;
	if (!tp->fo_keys)
		tp->fo_keys = mem_zalloc(cpu_mem(cpu), sizeof *tp->fo_keys);
	if (!tp->fo_keys)
		return -ENOMEM;
	memcpy(tp->fo_keys->key, val, len);
	tp->fo_keys->num = len / 16;
	return 0;
}

int tcp_fo_get_keys(struct tcp_sock *tp, void *val, socklen_t *len)
{
	const struct tcp_fo_keys *k = tp->fo_keys ? tp->fo_keys : &tcp_net(tp)->fo_keys;

	return sockopt_put(val, len, k->key, 16 * k->num);
}

static u32 le32(const u8 *p) { return (u32)p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24; }

int tcp_fo_sysctl_key_get(struct netns *net, void *b, const struct sysctl *s, struct strbuf *out)
{
	const struct tcp_fo_keys *k = &net->tcp->fo_keys;

	for (unsigned i = 0; i < MAX(k->num, 1u); i++)
		strbuf_printf(out, "%s%08x-%08x-%08x-%08x", i ? "," : "", le32(k->key[i]), le32(k->key[i] + 4), le32(k->key[i] + 8),
			      le32(k->key[i] + 12));
	return 0;
}

/* Four groups of hex digits; what follows the last one does not matter, and of long ones the low digits count, as on Linux. */
static bool key_parse(const char **text, u8 key[16])
{
	for (int g = 0; g < 4; g++) {
		u32 v = 0;
		int digits = 0;

		for (;; digits = 1, ++*text) {
			char ch = **text;
			int d = ch >= '0' && ch <= '9' ? ch - '0' : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : ch >= 'A' && ch <= 'F' ? ch - 'A' + 10 : -1;
			if (d < 0)
				break;
			v = v << 4 | (u32)d;
		}
		if (!digits)
			return false;
		if (g < 3 && *(*text)++ != '-')
			return false;
		for (int i = 0; i < 4; i++)
			key[g * 4 + i] = (u8)(v >> (8 * i));
	}
	return true;
}

int tcp_fo_sysctl_key_set(struct netns *net, void *b, const struct sysctl *s, const char *text)
{
	struct tcp_fo_keys k = { .num = 1 };

	if (!key_parse(&text, k.key[0]))
		return -EINVAL;
	if (*text == ',') {
		text++;
		if (!key_parse(&text, k.key[1]))
			return -EINVAL;
		k.num = 2;
	}
	net->tcp->fo_keys = k;
	return 0;
}
