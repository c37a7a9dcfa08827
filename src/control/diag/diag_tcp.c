/* TCP in sock_diag: listeners first, then connections, requests and TIME-WAIT remains, chain by chain of the two tables. */
#include "control/diag/diag.h"
#include "transport/tcp/tcp_cc.h"
#include "transport/tcp/tcp_info.h"
#include "transport/tcp/tcp_sock.h"

enum { TIMER_NONE, TIMER_RTX, TIMER_KEEPALIVE, TIMER_TIMEWAIT, TIMER_PROBE0 };

static u32 ms_left(const struct cpu *cpu, u64 when) { return when > cpu->now ? (u32)((when - cpu->now) / NSEC_PER_MSEC) : 0; }

static void fill_msg(struct cpu *cpu, struct sock *sk, struct inet_diag_msg *m)
{
	const struct tcp_sock *tp = tcp_sk(sk);

	if (tp->rtx_kind == TCP_TIMER_PROBE0) {
		m->idiag_timer = TIMER_PROBE0;
		m->idiag_retrans = tp->probes_out;
		m->idiag_expires = ms_left(cpu, tp->rtx_deadline);
	} else if (tp->rtx_kind != TCP_TIMER_NONE) {
		m->idiag_timer = TIMER_RTX;
		m->idiag_retrans = tp->retransmits;
		m->idiag_expires = ms_left(cpu, tp->rtx_deadline);
	} else if (tp->keep_deadline) {
		m->idiag_timer = TIMER_KEEPALIVE;
		m->idiag_retrans = tp->probes_out;
		m->idiag_expires = ms_left(cpu, tp->keep_deadline);
	}
	if (sk->state == TCP_LISTEN) {
		m->idiag_rqueue = tp->listen->accept_len;
		m->idiag_wqueue = tp->listen->backlog;
	} else {
		m->idiag_rqueue = tp->rcv_nxt - tp->copied_seq;
		m->idiag_wqueue = tp->write_seq - tp->snd_una;
	}
}

static void fill_attrs(struct cpu *cpu, struct sock *sk, struct nl_buf *b, u8 ext)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	u64 cc[TCP_CC_INFO_MAX / 8 + 1];

	if (ext & (1 << (INET_DIAG_INFO - 1))) {
		struct tcp_info_full i;
		tcp_info_fill(cpu, tp, &i);
		nl_put(b, INET_DIAG_INFO, &i, sizeof i);
	}
	if (ext & (1 << (INET_DIAG_CONG - 1)))
		nl_put_str(b, INET_DIAG_CONG, tp->cc->name);
	if (ext & (1 << (INET_DIAG_VEGASINFO - 1)) && tp->cc->info && sk->state != TCP_LISTEN) {
		size_t len = tp->cc->info(tp, cc);
		/* The attribute is the algorithm's: which one, the size tells. */
		if (len == sizeof(struct tcp_bbr_info))
			nl_put(b, INET_DIAG_BBRINFO, cc, len);
		else if (len == sizeof(struct tcp_dctcp_info))
			nl_put(b, INET_DIAG_DCTCPINFO, cc, len);
		else if (len)
			nl_put(b, INET_DIAG_VEGASINFO, cc, len);
	}
}

/* A request: no socket yet. */
static int fill_req(struct cpu *cpu, const struct tcp_req *req, struct inet_diag_msg *m, struct nl_buf *b, const struct diag_query *q)
{
	if (m) {
		diag_fill_tuple(m, req->listener->inet.sk.family, &req->tuple, 0);
		m->idiag_state = TCP_SYN_RECV;
		m->idiag_timer = TIMER_RTX;
		m->idiag_retrans = req->num_retrans;
		m->idiag_expires = ms_left(cpu, req->timer.expires);
		m->idiag_uid = req->listener->inet.sk.uid;
		if (q->admin)
			nl_put_u32(b, INET_DIAG_MARK, req->mark);
	}
	return nl_end(b);
}

static int fill_tw(struct cpu *cpu, const struct tcp_tw *tw, struct inet_diag_msg *m, struct nl_buf *b)
{
	if (m) {
		diag_fill_tuple(m, tw->family, &tw->tuple, tw->cookie);
		m->idiag_state = tw->substate;
		m->idiag_timer = TIMER_TIMEWAIT;
		m->idiag_expires = ms_left(cpu, tw->timer.expires);
	}
	return nl_end(b);
}

/* One tuple: 0 or -EMSGSIZE. */
static int dump_one(struct nl_dump *d, struct nl_buf *b, const struct diag_query *q, struct inet_tuple *t)
{
	struct diag_entry e = { .saddr = &t->rcv_saddr, .daddr = &t->daddr, .sport = be16_to_cpu(t->sport), .dport = be16_to_cpu(t->dport),
				.ifindex = t->tuple_dev };

	if (t->tuple_kind == INET_TUPLE_SOCK) {
		struct sock *sk = &inet_sock_of_tuple(t)->sk;

		diag_entry_of(sk, &e);
		if (!diag_wanted(q, &e, sk->state))
			return 0;
		return diag_fill_sock(d->cpu, sk, nl_dump_begin(d, b, SOCK_DIAG_BY_FAMILY, sizeof(struct inet_diag_msg)), b, q);
	}
	if (t->tuple_kind == INET_TUPLE_REQUEST) {
		const struct tcp_req *req = container_of(t, struct tcp_req, tuple);

		e.family = req->listener->inet.sk.family;
		e.mark = req->mark;
		if (!diag_wanted(q, &e, TCP_SYN_RECV))
			return 0;
		return fill_req(d->cpu, req, nl_dump_begin(d, b, SOCK_DIAG_BY_FAMILY, sizeof(struct inet_diag_msg)), b, q);
	}
	const struct tcp_tw *tw = container_of(t, struct tcp_tw, tuple);
	e.family = tw->family;
	e.mark = tw->mark;
	if (!diag_wanted(q, &e, tw->substate))
		return 0;
	return fill_tw(d->cpu, tw, nl_dump_begin(d, b, SOCK_DIAG_BY_FAMILY, sizeof(struct inet_diag_msg)), b);
}

/* arg[1]: which table, arg[2]: chain, arg[3]: how many of it are done. */
static int dump(struct nl_dump *d, struct nl_buf *b, const struct diag_query *q)
{
	struct inet_hash *h = &d->net->tcp->hash;

	for (; d->arg[1] < 2; d->arg[1]++, d->arg[2] = 0) {
		const struct htable *t = d->arg[1] ? &h->est : &h->listen;

		if (!d->arg[1] && (!(q->r.idiag_states & TCPS(LISTEN)) || q->r.id.idiag_dport))
			continue;
		for (; d->arg[2] < htable_chains(t); d->arg[2]++, d->arg[3] = 0) {
			u64 i = 0;

			for (struct hnode *n = htable_chain(t, (u32)d->arg[2]); n; n = n->next, i++) {
				if (i < d->arg[3])
					continue;
				if (dump_one(d, b, q, container_of(n, struct inet_tuple, est_node)))
					return 1;
				d->arg[3] = i + 1;
			}
		}
	}
	return 0;
}

static struct inaddr addr_of(u8 family, const u32 a[4])
{
	struct inaddr r;

	if (family == AF_INET)
		return inaddr_from_v4((be32){ a[0] });
	memcpy(r.b, a, 16);
	return r;
}

static int find(struct cpu *cpu, struct netns *net, const struct inet_diag_req_v2 *r, struct sock **out)
{
	struct inet_hash *h = &net->tcp->hash;
	struct inaddr s = addr_of(r->sdiag_family, r->id.idiag_src), d = addr_of(r->sdiag_family, r->id.idiag_dst);
	be16 sport = { r->id.idiag_sport }, dport = { r->id.idiag_dport };
	struct inet_tuple *t = inet_est_find(h, &s, sport, &d, dport, rx_ifs_any((s32)r->id.idiag_if));
	struct inet_sock *l;

	if (t && t->tuple_kind == INET_TUPLE_SOCK) {
		*out = &inet_sock_of_tuple(t)->sk;
		return 0;
	}
	if (t)
		return -ENOENT;
	l = inet_listen_find(cpu, h, &s, sport, &d, dport, rx_ifs_any((s32)r->id.idiag_if));
	if (!l)
		return -ENOENT;
	*out = &l->sk;
	return 0;
}

const struct diag_proto diag_tcp = { .protocol = IPPROTO_TCP, .find = find, .dump = dump, .fill_msg = fill_msg, .fill_attrs = fill_attrs };
