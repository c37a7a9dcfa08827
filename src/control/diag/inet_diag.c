/* What every inet socket shows: addresses, queues, owner, memory, options; which of them a query wants. */

#include "control/diag/diag.h"

static bool asks(u8 ext, int attr) { return ext & (1 << (attr - 1)); }

bool diag_wanted(const struct diag_query *q, const struct diag_entry *e, u8 state)
{
	const struct inet_diag_req_v2 *r = &q->r;

	if (!(r->idiag_states & (1u << state)))
		return false;
	if (r->sdiag_family != AF_UNSPEC && r->sdiag_family != e->family)
		return false;
	if (r->id.idiag_sport && ntohs(r->id.idiag_sport) != e->sport)
		return false;
	if (r->id.idiag_dport && ntohs(r->id.idiag_dport) != e->dport)
		return false;
	return !q->bc || diag_bytecode_run(q->bc, q->bc_len, e);
}

void diag_entry_of(const struct sock *sk, struct diag_entry *e)
{
	const struct inet_sock *inet = (const struct inet_sock *)sk;

	*e = (struct diag_entry){ .saddr = &inet->rcv_saddr, .daddr = &inet->daddr, .family = sk->family, .sport = be16_to_cpu(inet->sport),
				  .dport = be16_to_cpu(inet->dport), .ifindex = sk->bound_dev_if, .mark = sk->mark,
				  .userlocks = sk->userlocks };
}

static void put_addr(u32 to[4], u16 family, const struct inaddr *a)
{
	memset(to, 0, 16);
	if (family == AF_INET6)
		memcpy(to, a->b, 16);
	else if (inaddr_is_v4(a))
		memcpy(to, a->b + 12, 4);
}

void diag_fill_tuple(struct inet_diag_msg *m, u16 family, const struct inet_tuple *t, u64 cookie)
{
	m->idiag_family = (u8)family;
	m->id.idiag_sport = t->sport.raw;
	m->id.idiag_dport = t->dport.raw;
	put_addr(m->id.idiag_src, family, &t->rcv_saddr);
	put_addr(m->id.idiag_dst, family, &t->daddr);
	m->id.idiag_if = (u32)t->tuple_dev;
	m->id.idiag_cookie[0] = (u32)cookie;
	m->id.idiag_cookie[1] = (u32)(cookie >> 32);
}

static void put_options(struct nl_buf *b, const struct sock *sk, bool is_icsk, bool defer_connect)
{
	const struct inet_sock *inet = (const struct inet_sock *)sk;
	struct inet_diag_sockopt o = { .recverr = inet->recverr, .is_icsk = is_icsk, .freebind = inet->freebind, .hdrincl = inet->hdrincl,
				       .mc_loop = inet->mc_loop, .transparent = inet->transparent, .mc_all = inet->mc_all,
				       .nodefrag = inet->nodefrag, .bind_address_no_port = inet->bind_address_no_port,
				       .recverr_rfc4884 = inet->recverr_rfc4884, .defer_connect = defer_connect };

	nl_put(b, INET_DIAG_SOCKOPT, &o, sizeof o);
}

int diag_fill_sock(struct cpu *cpu, struct sock *sk, struct inet_diag_msg *m, struct nl_buf *b, const struct diag_query *q)
{
	const struct inet_sock *inet = (const struct inet_sock *)sk;
	u8 ext = q->r.idiag_ext;

	if (!m)
		return nl_end(b);
	diag_fill_tuple(m, sk->family, &inet->tuple, sk->cookie);
	m->id.idiag_if = (u32)sk->bound_dev_if;
	m->idiag_state = sk->state;
	m->idiag_uid = sk->uid;
	m->idiag_inode = sk->socket ? (u32)sk->socket->inode : 0;
	q->proto->fill_msg(cpu, sk, m);

	nl_put_u8(b, INET_DIAG_SHUTDOWN, sk->shutdown);
	if (asks(ext, INET_DIAG_TOS))
		nl_put_u8(b, INET_DIAG_TOS, inet->tos);
	if (sk->family == AF_INET6 && (BIT(sk->state) & (BIT(7) | BIT(10))))
		nl_put_u8(b, INET_DIAG_SKV6ONLY, inet->v6only);
	if (q->admin)
		nl_put_u32(b, INET_DIAG_MARK, sk->mark);
	put_options(b, sk, sk->type == SOCK_STREAM, false);
	if (asks(ext, INET_DIAG_MEMINFO)) {
		struct inet_diag_meminfo mi = { sk->rmem_alloc, sk->wmem_queued, sk->forward_alloc, sk->wmem_alloc };
		nl_put(b, INET_DIAG_MEMINFO, &mi, sizeof mi);
	}
	if (asks(ext, INET_DIAG_SKMEMINFO)) {
		u32 v[SK_MEMINFO_VARS] = { [SK_MEMINFO_RMEM_ALLOC] = sk->rmem_alloc, [SK_MEMINFO_RCVBUF] = (u32)sk->rcvbuf,
					   [SK_MEMINFO_WMEM_ALLOC] = sk->wmem_alloc, [SK_MEMINFO_SNDBUF] = (u32)sk->sndbuf,
					   [SK_MEMINFO_FWD_ALLOC] = sk->forward_alloc, [SK_MEMINFO_WMEM_QUEUED] = sk->wmem_queued,
					   [SK_MEMINFO_OPTMEM] = sk->omem_alloc, [SK_MEMINFO_DROPS] = sk->drops };
		nl_put(b, INET_DIAG_SKMEMINFO, v, sizeof v);
	}
	if (sk->type == SOCK_RAW)
		nl_put_u8(b, INET_DIAG_PROTOCOL, (u8)sk->protocol);
	if (q->proto->fill_attrs)
		q->proto->fill_attrs(cpu, sk, b, ext);
	return nl_end(b);
}
