/* Protective load balancing: a connection that stays congested round after round looks for another path, by another flow label
 * (Qureshi et al., "PLB: Congestion Signals are Simple and Effective for Network Load Balancing", SIGCOMM 2022; net.ipv4.tcp_plb_*).
 *
 * A round, of one window of data, counts as congested when more than tcp_plb_cong_thresh / 256 of it was marked. After
 * tcp_plb_rehash_rounds of them in a row the label changes; after tcp_plb_idle_rehash_rounds already when nothing is in flight that
 * another path could reorder. A timeout changes the label by itself (SO_TXREHASH): then there is a pause, so that both do not chase
 * one another. Congestion controls that hear of marks keep the state and call this (cc/cc_dctcp.c).
 */
#include "transport/tcp/tcp_impl.h"

enum { SCALE_SHIFT = 8 };

void tcp_plb_round(struct tcp_sock *tp, struct tcp_plb *plb, u32 delivered, u32 marked)
{
	const struct netns_tcp *n = tcp_net(tp);

	if (!n->plb_enabled)
		return;
	if ((u32)(((u64)marked << SCALE_SHIFT) / delivered) < (u32)n->plb_cong_thresh)
		plb->congested_rounds = 0;
	else if (plb->congested_rounds < n->plb_rehash_rounds)
		plb->congested_rounds++;
}

void tcp_plb_check(struct cpu *cpu, struct tcp_sock *tp, struct tcp_plb *plb)
{
	const struct netns_tcp *n = tcp_net(tp);
	bool idle = n->plb_idle_rehash_rounds && !tp->packets_out && plb->congested_rounds >= n->plb_idle_rehash_rounds;

	if (!n->plb_enabled || (!idle && plb->congested_rounds < n->plb_rehash_rounds) || cpu->now < plb->pause_until)
		return;
	tp->label_salt += tp->inet.sk.txrehash;
	tp->plb_rehash++;
	plb->congested_rounds = 0;
	mib_inc(cpu, tp->inet.sk.net, MIB_TcpExt_TCPPLBRehash);
}

void tcp_plb_timeout(struct cpu *cpu, struct tcp_sock *tp, struct tcp_plb *plb)
{
	const struct netns_tcp *n = tcp_net(tp);
	u64 pause = n->plb_suspend_rto_sec * NSEC_PER_SEC;

	if (!n->plb_enabled)
		return;
	pause += (u64)rng_below(&cpu->rng, (u32)(pause / NSEC_PER_MSEC) + 1) * NSEC_PER_MSEC; /* one to two times: connections part */
	plb->pause_until = cpu->now + pause;
	plb->congested_rounds = 0;
}
