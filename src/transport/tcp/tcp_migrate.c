/* A listener of a reuseport group closes, and with net.ipv4.tcp_migrate_req another one of the group inherits what waited in its
 * queues: connections that nobody accepted yet, and handshakes under way. Without it, and without a heir, they are reset or forgotten
 * (tcp_listen.c). The packet's hash chooses the heir, as it does for new connections.
 */
#include "transport/tcp/tcp_impl.h"

/* Who in the group takes over from l, which is in no table any more. Borrowed; NULL: nobody. */
static struct tcp_sock *heir_of(struct cpu *cpu, const struct tcp_sock *l, const struct inet_tuple *t)
{
	struct inet_sock *i = inet_listen_find(cpu, &tcp_net(l)->hash, &t->rcv_saddr, t->sport, &t->daddr, t->dport, rx_ifs_any(l->inet.sk.bound_dev_if));

	if (!i || !i->sk.reuseport || i->sk.uid != l->inet.sk.uid || i->sk.bound_dev_if != l->inet.sk.bound_dev_if ||
	    !inaddr_eq(&i->rcv_saddr, &l->inet.rcv_saddr))
		return NULL;
	return container_of(i, struct tcp_sock, inet);
}

static void req_moves(struct cpu *cpu, struct tcp_req *req, struct tcp_sock *to)
{
	struct tcp_sock *from = req->listener;

	sock_hold(tcp_to_sock(to));
	req->listener = to;
	sock_put(cpu, tcp_to_sock(from));
}

static void children_move(struct cpu *cpu, struct tcp_sock *l)
{
	struct tcp_listen *q = l->listen;
	struct list *n, *next;

	for (n = q->accept.next; n != &q->accept; n = next) {
		struct tcp_sock *child = container_of(n, struct tcp_sock, accept_link), *to = heir_of(cpu, l, &child->inet.tuple);

		next = n->next;
		if (!to) {
			mib_inc(cpu, l->inet.sk.net, MIB_TcpExt_TCPMigrateReqFailure);
			continue;
		}
		list_del(&child->accept_link);
		q->accept_len--;
		list_add_tail(&to->listen->accept, &child->accept_link);
		to->listen->accept_len++;
		child->parent = to;
		if (child->fastopen_rsk) {
			q->fo_qlen--;
			to->listen->fo_qlen++;
			req_moves(cpu, child->fastopen_rsk, to);
		}
		mib_inc(cpu, l->inet.sk.net, MIB_TcpExt_TCPMigrateReqSuccess);
		sock_wake(cpu, tcp_to_sock(to));
	}
}

static void requests_move(struct cpu *cpu, struct tcp_sock *l)
{
	struct tcp_listen *q = l->listen;
	struct list *n, *next;

	for (n = q->reqs.next; n != &q->reqs; n = next) {
		struct tcp_req *req = container_of(n, struct tcp_req, link);
		struct tcp_sock *to = heir_of(cpu, l, &req->tuple);
		bool young = !req->num_timeout;

		next = n->next;
		if (!to) {
			mib_inc(cpu, l->inet.sk.net, MIB_TcpExt_TCPMigrateReqFailure);
			continue;
		}
		list_del(&req->link);
		q->reqs_len--;
		q->young_len -= young;
		list_add_tail(&to->listen->reqs, &req->link);
		to->listen->reqs_len++;
		to->listen->young_len += young;
		req_moves(cpu, req, to);
		mib_inc(cpu, l->inet.sk.net, MIB_TcpExt_TCPMigrateReqSuccess);
	}
}

/* The caller holds a reference to l. */
void tcp_migrate(struct cpu *cpu, struct tcp_sock *l)
{
	if (!l->inet.sk.reuseport || !tcp_net(l)->migrate_req)
		return;
	requests_move(cpu, l);
	children_move(cpu, l);
}
