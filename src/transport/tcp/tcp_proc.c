/* /proc/net/tcp, in Linux's columns (netstat and lsof read it): listeners first, then connections, requests, TIME-WAIT. */
#include <stdio.h>

#include "core/proc.h"
#include "transport/tcp/tcp_impl.h"

struct show {
	struct strbuf *out;
	struct netns *net;
	struct cpu *cpu;
	u32 slot;
	u16 family;
};

static u64 ticks(u64 ns) { return ns / (NSEC_PER_SEC / 100); } /* USER_HZ */
static u64 left(const struct cpu *cpu, u64 when) { return when > cpu->now ? ticks(when - cpu->now) : 0; }

static const char *addr(const struct show *s, const struct inaddr *a, char buf[33])
{
	if (s->family == AF_INET)
		snprintf(buf, 33, "%08X", inaddr_v4(a).raw);
	else
		snprintf(buf, 33, "%08X%08X%08X%08X", a->w[0], a->w[1], a->w[2], a->w[3]);
	return buf;
}

static void line_start(struct show *s, const struct inet_tuple *t, unsigned state, u32 tx, u32 rx, unsigned timer, u64 expires,
		       u32 retransmits, u32 uid, u32 probes, u64 inode, u32 ref)
{
	char local[33], peer[33];

	strbuf_printf(s->out, "%4u: %s:%04X %s:%04X %02X %08X:%08X %02X:%08lX %08X %5u %8u %lu %u %s", s->slot++, addr(s, &t->rcv_saddr, local),
		      be16_to_cpu(t->sport), addr(s, &t->daddr, peer), be16_to_cpu(t->dport), state, tx, rx, timer, (unsigned long)expires,
		      retransmits, uid, probes, (unsigned long)inode, ref, "0000000000000000");
}

static void pad(const struct show *s, size_t from)
{
	while (s->family == AF_INET && !s->out->err && s->out->len - from < 149)
		strbuf_add(s->out, " ", 1);
	strbuf_add(s->out, "\n", 1);
}

static void show_sock(struct show *s, struct tcp_sock *tp)
{
	const struct sock *sk = &tp->inet.sk;
	size_t from = s->out->len;
	unsigned timer = 0;
	u64 expires = 0;
	u32 rx, tx;

	if (tp->rtx_kind == TCP_TIMER_RTO) {
		timer = 1;
		expires = left(s->cpu, tp->rtx_deadline);
	} else if (tp->rtx_kind == TCP_TIMER_PROBE0) {
		timer = 4;
		expires = left(s->cpu, tp->rtx_deadline);
	} else if (tp->keep_deadline) {
		timer = 2;
		expires = left(s->cpu, tp->keep_deadline);
	}
	if (sk->state == TCP_LISTEN) {
		rx = tp->listen->accept_len;
		tx = 0;
	} else {
		rx = tp->rcv_nxt - tp->copied_seq;
		tx = tp->write_seq - tp->snd_una;
	}
	line_start(s, &tp->inet.tuple, sk->state, tx, rx, timer, expires, tp->retransmits, sk->uid, tp->probes_out,
		   sk->socket ? sk->socket->inode : 0, sk->refcnt - 1 /* the table's own */);
	strbuf_printf(s->out, " %lu %lu %u %u %d", (unsigned long)ticks(tp->rto), (unsigned long)ticks(tp->ack.ato),
		      (unsigned)(tp->ack.quick << 1 | tcp_in_pingpong(tp)), tp->snd_cwnd,
		      sk->state == TCP_LISTEN ? 0 : tp->snd_ssthresh >= TCP_INFINITE_SSTHRESH ? -1 : (int)tp->snd_ssthresh);
	pad(s, from);
}

static int show_est(void *arg, struct inet_tuple *t)
{
	struct show *s = arg;
	size_t from = s->out->len;

	if (t->tuple_kind == INET_TUPLE_SOCK) {
		struct tcp_sock *tp = (struct tcp_sock *)inet_sock_of_tuple(t);
		if (tp->inet.sk.family == s->family)
			show_sock(s, tp);
	} else if (t->tuple_kind == INET_TUPLE_REQUEST) {
		const struct tcp_req *r = container_of(t, struct tcp_req, tuple);

		if (r->listener->inet.sk.family != s->family)
			return 0;

		line_start(s, t, TCP_SYN_RECV, 0, 0, 1, left(s->cpu, r->timer.expires), r->num_timeout, r->listener->inet.sk.uid, 0, 0, 0);
		pad(s, from);
	} else {
		const struct tcp_tw *tw = container_of(t, struct tcp_tw, tuple);

		if (inaddr_is_v4(&t->rcv_saddr) != (s->family == AF_INET))
			return 0;
		line_start(s, t, tw->substate, 0, 0, 3, left(s->cpu, tw->timer.expires), 0, 0, 0, 0, 3);
		pad(s, from);
	}
	return 0;
}

static int show_listen(void *arg, struct inet_tuple *t)
{
	struct tcp_sock *tp = (struct tcp_sock *)inet_sock_of_tuple(t);

	if (tp->inet.sk.state == TCP_LISTEN && tp->inet.sk.family == ((struct show *)arg)->family)
		show_sock(arg, tp);
	return 0;
}

static int only_listen(void *arg, struct inet_tuple *t)
{
	if (t->tuple_kind == INET_TUPLE_SOCK && inet_sock_of_tuple(t)->sk.state == TCP_LISTEN)
		return show_listen(arg, t);
	return 0;
}

static void show(struct netns *net, struct strbuf *out, u16 family)
{
	struct show s = { out, net, net->home, 0, family };

	if (family == AF_INET)
		strbuf_printf(out, "%-149s\n", "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode");
	else
		strbuf_printf(out, "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when "
				   "retrnsmt   uid  timeout inode\n");
	inet_hash_walk(&net->tcp->hash, true, only_listen, &s);
	inet_hash_walk(&net->tcp->hash, false, show_est, &s);
}
static void tcp_show(struct netns *net, struct strbuf *out) { show(net, out, AF_INET); }
static void tcp6_show(struct netns *net, struct strbuf *out) { show(net, out, AF_INET6); }

const struct proc_file tcp_proc = { .name = "tcp", .mode = 0444, .show = tcp_show };
const struct proc_file tcp6_proc = { .name = "tcp6", .mode = 0444, .show = tcp6_show };
