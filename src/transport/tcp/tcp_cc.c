/* Congestion control: choosing a module, and what all of them share. See tcp_cc.h. */
#include "core/stack_tables.h"
#include "transport/tcp/tcp_impl.h"

const struct tcp_cc_ops *tcp_cc_find(const struct world *w, const char *name, size_t len)
{
	for (unsigned i = 0; w->tables->tcp_ccs && w->tables->tcp_ccs[i]; i++) {
		const struct tcp_cc_ops *cc = w->tables->tcp_ccs[i];
		if (strlen(cc->name) == len && !memcmp(cc->name, name, len))
			return cc;
	}
	return NULL;
}

const struct tcp_cc_ops *tcp_cc_by_id(const struct world *w, u32 id)
{
	for (u32 i = 0; id && w->tables->tcp_ccs && w->tables->tcp_ccs[i]; i++)
		if (i + 1 == id)
			return w->tables->tcp_ccs[i];
	return NULL;
}

u32 tcp_cc_id(const struct world *w, const char *name, size_t len)
{
	const struct tcp_cc_ops *cc = tcp_cc_find(w, name, len);

	for (u32 i = 0; cc && w->tables->tcp_ccs[i]; i++)
		if (w->tables->tcp_ccs[i] == cc)
			return i + 1;
	return 0;
}

const struct tcp_cc_ops *tcp_cc_of_route(const struct world *w, const struct dst *d)
{
	return d ? tcp_cc_by_id(w, dst_metric(d, RTAX_CC_ALGO)) : NULL;
}

void tcp_cc_of_dst(struct cpu *cpu, struct tcp_sock *tp, const struct dst *d)
{
	const struct tcp_cc_ops *cc = tcp_cc_of_route(cpu->world, d);

	tp->cc_locked = cc && (dst_metric(d, RTAX_LOCK) & BIT(RTAX_CC_ALGO));
	if (cc)
		tp->cc = cc;
}

void tcp_cc_assign(struct tcp_sock *tp)
{
	tp->cc = tcp_net(tp)->cc_default;
	tp->cc_inited = false;
	memset(tp->cc_priv, 0, sizeof tp->cc_priv);
}

void tcp_cc_init(struct cpu *cpu, struct tcp_sock *tp)
{
	tp->prior_ssthresh = 0;
	memset(tp->cc_priv, 0, sizeof tp->cc_priv);
	if (tp->cc->init)
		tp->cc->init(cpu, tp);
	tp->cc_inited = true;
}

void tcp_cc_cleanup(struct tcp_sock *tp)
{
	if (tp->cc_inited && tp->cc && tp->cc->release)
		tp->cc->release(tp);
	tp->cc_inited = false;
}

int tcp_cc_set(struct cpu *cpu, struct tcp_sock *tp, const char *name, size_t len)
{
	const struct world *w = cpu->world;
	const struct tcp_cc_ops *cc = tcp_cc_find(w, name, len);
	bool allowed = caller_net_admin(cpu);

	if (tp->cc_locked)
		return -EPERM;
	if (!cc)
		return -ENOENT;
	for (unsigned i = 0; w->tables->tcp_ccs[i] && i < 32; i++)
		if (w->tables->tcp_ccs[i] == cc && (tcp_net(tp)->cc_allowed & BIT(i)))
			allowed = true;
	if (!allowed)
		return -EPERM;
	if (cc == tp->cc) {
		tp->cc_setsockopt = true;
		return 0;
	}
	tcp_cc_cleanup(tp);
	tp->cc = cc;
	tp->cc_setsockopt = true;
	memset(tp->cc_priv, 0, sizeof tp->cc_priv);
	if (!(BIT(tp->inet.sk.state) & (TCPS(CLOSE) | TCPS(LISTEN))))
		tcp_cc_init(cpu, tp);
	return 0;
}

void tcp_cc_set_state(struct cpu *cpu, struct tcp_sock *tp, u8 state)
{
	if (tp->cc->set_state)
		tp->cc->set_state(cpu, tp, state);
	tp->ca_state = state;
}

void tcp_cc_event(struct cpu *cpu, struct tcp_sock *tp, enum tcp_ca_event ev)
{
	if (tp->cc->cwnd_event)
		tp->cc->cwnd_event(cpu, tp, ev);
}

bool tcp_is_cwnd_limited(const struct tcp_sock *tp)
{
	if (tp->is_cwnd_limited)
		return true;
	/* In slow start the window may grow to twice what was used. */
	if (tp->snd_cwnd < tp->snd_ssthresh)
		return tp->snd_cwnd < 2 * tp->max_packets_out;
	return false;
}

u32 tcp_slow_start(struct tcp_sock *tp, u32 acked)
{
	u32 cwnd = MIN(tp->snd_cwnd + acked, tp->snd_ssthresh);

	acked -= cwnd - tp->snd_cwnd;
	tp->snd_cwnd = MIN(cwnd, tp->snd_cwnd_clamp);
	return acked;
}

void tcp_cong_avoid_ai(struct tcp_sock *tp, u32 w, u32 acked)
{
	/* Credits left over from a larger w count at most one. */
	if (tp->snd_cwnd_cnt >= w) {
		tp->snd_cwnd_cnt = 0;
		tp->snd_cwnd++;
	}
	tp->snd_cwnd_cnt += acked;
	if (tp->snd_cwnd_cnt >= w) {
		u32 delta = tp->snd_cwnd_cnt / w;

		tp->snd_cwnd_cnt -= delta * w;
		tp->snd_cwnd += delta;
	}
	tp->snd_cwnd = MIN(tp->snd_cwnd, tp->snd_cwnd_clamp);
}
