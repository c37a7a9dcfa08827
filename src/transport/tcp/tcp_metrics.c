/* What one connection learnt of a path, for the next one to the same peer: the metrics cache (tcp_metrics), and Fast Open cookies.
 *
 * RFC 9040 (sharing of control blocks, temporal). An entry per pair of addresses, at most METRICS_MAX in a namespace, the least
 * recently used one goes first. Filled at the end of a connection (tcp_time_wait, LAST-ACK), read at its beginning; a peer with a
 * round-trip time on record is a proven one, for whom the SYN queue keeps room. tcp_no_metrics_save, tcp_no_ssthresh_metrics_save.
 */
#include "transport/tcp/tcp_impl.h"

#define METRICS_MAX 8192u
#define METRICS_AGE (3600 * NSEC_PER_SEC)

static u32 key_hash(const struct world *w, const struct inaddr *l, const struct inaddr *r)
{
	return (u32)siphash_4u64(&w->hash_key, l->q[0], l->q[1], r->q[0], r->q[1]);
}

struct tcp_metrics *tcp_metrics_find(const struct netns *net, const struct inaddr *laddr, const struct inaddr *raddr)
{
	struct tcp_metrics *m;

	htable_for_each_match(m, &net->tcp->metrics, key_hash(net->world, laddr, raddr), node)
		if (inaddr_eq(&m->laddr, laddr) && inaddr_eq(&m->raddr, raddr))
			return m;
	return NULL;
}

void tcp_metrics_del(struct netns *net, struct tcp_metrics *m)
{
	htable_del(&net->tcp->metrics, &m->node);
	list_del(&m->lru);
	mem_free(&net->world->mem, m);
}

/* What the route says itself: where an entry begins, and again when it has not been touched for an hour. Locked values stay. */
static void take_route(struct cpu *cpu, struct tcp_metrics *m, const struct dst *d)
{
	m->stamp = cpu->now;
	m->locked = d ? dst_metric(d, RTAX_LOCK) : 0;
	m->rtt_us = d ? dst_metric(d, RTAX_RTT) * 1000u : 0;
	m->rttvar_us = d ? dst_metric(d, RTAX_RTTVAR) * 1000u : 0;
	m->ssthresh = d ? dst_metric(d, RTAX_SSTHRESH) : 0;
	m->cwnd = d ? dst_metric(d, RTAX_CWND) : 0;
	m->reordering = d ? dst_metric(d, RTAX_REORDERING) : 0;
}
static void refresh(struct cpu *cpu, struct tcp_metrics *m, const struct dst *d)
{
	if (cpu->now > m->stamp + METRICS_AGE)
		take_route(cpu, m, d);
}
static bool locked(const struct tcp_metrics *m, unsigned which /* RTAX_* */) { return m->locked & BIT(which); }

/* Of tp's two addresses. NULL: no memory. */
static struct tcp_metrics *get(struct cpu *cpu, const struct tcp_sock *tp)
{
	struct netns *net = tp->inet.sk.net;
	struct netns_tcp *n = net->tcp;
	const struct inaddr *laddr = &tp->inet.saddr, *raddr = &tp->inet.daddr;
	struct tcp_metrics *m = tcp_metrics_find(net, laddr, raddr);

	if (m) {
		refresh(cpu, m, tp->inet.dst);
		list_del(&m->lru);
		list_add_tail(&n->metrics_lru, &m->lru);
		return m;
	}
	if (n->metrics.count >= METRICS_MAX)
		tcp_metrics_del(net, list_first(&n->metrics_lru, struct tcp_metrics, lru));
	m = mem_zalloc(cpu_mem(cpu), sizeof *m);
	if (!m)
		return NULL;
	m->laddr = *laddr;
	m->raddr = *raddr;
	take_route(cpu, m, tp->inet.dst);
	htable_add(&n->metrics, &m->node, key_hash(net->world, laddr, raddr));
	list_add_tail(&n->metrics_lru, &m->lru);
	return m;
}

int tcp_metrics_init(struct netns *net)
{
	list_init(&net->tcp->metrics_lru);
	return htable_init(&net->tcp->metrics, &net->world->mem, 16);
}

void tcp_metrics_flush(struct netns *net)
{
	while (!list_empty(&net->tcp->metrics_lru))
		tcp_metrics_del(net, list_first(&net->tcp->metrics_lru, struct tcp_metrics, lru));
}

void tcp_metrics_fini(struct netns *net)
{
	tcp_metrics_flush(net);
	htable_fini(&net->tcp->metrics);
}

bool tcp_metrics_peer_proven(const struct netns *net, const struct inet_tuple *t)
{
	const struct tcp_metrics *m = tcp_metrics_find(net, &t->rcv_saddr, &t->daddr);

	return m && m->rtt_us;
}

/* -- the end of a connection -- */

/* A longer round trip than the one on record counts at once, a shorter one by an eighth: too long is safer than too short. */
static void save_rtt(struct tcp_metrics *m, const struct tcp_sock *tp)
{
	s32 diff = (s32)(m->rtt_us - tp->srtt_us), dev;

	if (!locked(m, RTAX_RTT))
		m->rtt_us = diff <= 0 ? tp->srtt_us : m->rtt_us - (u32)(diff >> 3);
	if (locked(m, RTAX_RTTVAR))
		return;
	dev = (diff < 0 ? -diff : diff) >> 1;
	dev = MAX(dev, (s32)tp->mdev_us);
	m->rttvar_us = (u32)dev >= m->rttvar_us ? (u32)dev : m->rttvar_us - ((m->rttvar_us - (u32)dev) >> 2);
}

void tcp_metrics_save(struct cpu *cpu, struct tcp_sock *tp)
{
	struct netns *net = tp->inet.sk.net;
	const struct netns_tcp *n = net->tcp;
	u32 cwnd = tp->snd_cwnd, ssthresh = tp->snd_ssthresh;
	bool keep_ssthresh, keep_cwnd;
	struct tcp_metrics *m;

	if (n->no_metrics_save || !tp->inet.dst)
		return;
	if (tp->backoff || !tp->srtt_us) { /* it could not even measure: what is on record is doubtful */
		m = tcp_metrics_find(net, &tp->inet.saddr, &tp->inet.daddr);
		if (m && !locked(m, RTAX_RTT))
			m->rtt_us = 0;
		return;
	}
	m = get(cpu, tp);
	if (!m)
		return;
	keep_ssthresh = !n->no_ssthresh_metrics_save && !locked(m, RTAX_SSTHRESH);
	keep_cwnd = !locked(m, RTAX_CWND);
	save_rtt(m, tp);
	if (ssthresh >= TCP_INFINITE_SSTHRESH) { /* still in the first slow start */
		if (keep_ssthresh && m->ssthresh && cwnd >> 1 > m->ssthresh)
			m->ssthresh = cwnd >> 1;
		if (keep_cwnd)
			m->cwnd = MAX(m->cwnd, cwnd);
	} else if (cwnd >= ssthresh && tp->ca_state == TCP_CA_Open) { /* congestion avoidance: cwnd means something */
		if (keep_ssthresh)
			m->ssthresh = MAX(cwnd >> 1, ssthresh);
		if (keep_cwnd)
			m->cwnd = (m->cwnd + cwnd) >> 1;
	} else {
		if (keep_cwnd)
			m->cwnd = (m->cwnd + ssthresh) >> 1;
		if (keep_ssthresh && m->ssthresh && ssthresh > m->ssthresh)
			m->ssthresh = ssthresh;
	}
	if (!locked(m, RTAX_REORDERING) && m->reordering < tp->reordering && tp->reordering != (u32)n->reordering)
		m->reordering = tp->reordering;
	m->stamp = cpu->now;
}

/* -- the beginning of the next -- */

void tcp_metrics_load(struct cpu *cpu, struct tcp_sock *tp)
{
	const struct netns_tcp *n = tcp_net(tp);
	struct tcp_metrics *m = tp->inet.dst ? tcp_metrics_find(tp->inet.sk.net, &tp->inet.saddr, &tp->inet.daddr) : NULL;
	u32 rtt = 0;

	tp->snd_ssthresh = TCP_INFINITE_SSTHRESH; /* a lost SYN halved nothing that the path had shown */
	if (m) {
		refresh(cpu, m, tp->inet.dst);
		if (locked(m, RTAX_CWND))
			tp->snd_cwnd_clamp = MAX(m->cwnd, 1u);
		if (!n->no_ssthresh_metrics_save && m->ssthresh)
			tp->snd_ssthresh = MIN(m->ssthresh, tp->snd_cwnd_clamp);
		if (m->reordering && m->reordering != tp->reordering)
			tp->reordering = m->reordering;
		rtt = m->rtt_us;
	}
	/* SYNs are small and may be faster than data: the path's own record seeds the timeout, not the estimator. */
	if (rtt > tp->srtt_us) {
		u64 r = (u64)(rtt >> 3) * NSEC_PER_USEC, min = tcp_rto_min(tp);

		tp->rto = MIN(r + MAX(2 * r, min), tp->rto_max);
	} else if (!tp->srtt_us) { /* RFC 6298, 5.7: the SYN was lost, or a cookie kept no time */
		tp->rttvar_us = tp->mdev_us = tp->mdev_max_us = (u32)(TCP_RTO_FALLBACK / NSEC_PER_USEC);
		tp->rto = TCP_RTO_FALLBACK;
	}
}

/* -- Fast Open cookies -- */

void tcp_metrics_fo_get(const struct tcp_sock *tp, u16 *mss, struct tcp_fo_cookie *c)
{
	const struct tcp_metrics *m = tcp_metrics_find(tp->inet.sk.net, &tp->inet.saddr, &tp->inet.daddr);

	if (!m)
		return;
	if (m->fo_mss)
		*mss = m->fo_mss;
	*c = m->fo_cookie;
	c->present = true;
	if (!c->len && m->fo_try_exp == 1)
		c->exp = true;
}

/* cookie not present: keep the one on record. try_exp: which option to ask with next time (1: the experimental one, 2: not again). */
void tcp_metrics_fo_set(struct cpu *cpu, struct tcp_sock *tp, u16 mss, const struct tcp_fo_cookie *c, bool syn_lost, u8 try_exp)
{
	struct tcp_metrics *m = get(cpu, tp);

	if (!m)
		return;
	if (mss)
		m->fo_mss = mss;
	if (c && c->present && c->len) {
		m->fo_cookie = *c;
	} else if (try_exp > m->fo_try_exp && !m->fo_cookie.len && !m->fo_cookie.exp) {
		m->fo_try_exp = try_exp;
	}
	if (syn_lost) {
		m->fo_syn_loss++;
		m->fo_last_syn_loss = cpu->now;
	} else {
		m->fo_syn_loss = 0;
	}
	m->stamp = cpu->now;
}
