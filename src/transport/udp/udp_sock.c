/* UDP sockets: birth, names, options, the end; and the tables of the subsystem. See udp(7).
 *
 * A socket is in its port's bucket while it has a port, and in the table of four-tuples too while it is connected: a server with
 * ten thousand connected sockets on one port finds each in one step.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#include "transport/udp/udp.h"

enum { UDP_OPT_CORK = 1, UDP_OPT_SEND_CSCOV = 10, UDP_OPT_RECV_CSCOV, UDP_OPT_NO_CHECK6_TX = 101, UDP_OPT_NO_CHECK6_RX = 102, UDP_OPT_SEGMENT = 103, UDP_OPT_GRO = 104 };
#define SOL_UDP 17
#define BINDPORT_LOCK 8

static void est_unhash(struct netns_udp *u, struct udp_sock *us)
{
	if (us->est_hashed)
		inet_est_del(&u->hash, &us->inet.tuple);
	us->est_hashed = false;
}

void udp_rehash(struct netns_udp *u, struct udp_sock *us)
{
	est_unhash(u, us);
	us->inet.tuple_dev = us->inet.sk.bound_dev_if;
	if (us->inet.sk.state != TCP_ESTABLISHED || !us->inet.bucket)
		return;
	inet_est_add(&u->hash, &us->inet.tuple);
	us->est_hashed = true;
}

void udp_unhash(struct netns_udp *u, struct udp_sock *us)
{
	struct sock *sk = &us->inet.sk;

	est_unhash(u, us);
	if (!us->inet.bucket)
		return;
	port_unbind(&u->ports, &us->inet);
	sk->net->core->sockstat[SOCKSTAT_UDP_INUSE]--;
}

static int get_port(struct cpu *cpu, struct udp_sock *us, u16 port)
{
	struct netns *net = us->inet.sk.net;
	int err = port_bind(cpu, &net->udp->ports, &us->inet, port);

	if (!err)
		net->core->sockstat[SOCKSTAT_UDP_INUSE]++;
	return err;
}

int udp_autobind(struct cpu *cpu, struct udp_sock *us) { return get_port(cpu, us, 0) ? -EAGAIN : 0; }

static int udp_bind(struct cpu *cpu, struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	struct udp_sock *us = udp_sk(sk);
	u16 port;
	int err = inet_bind_addr(cpu, &us->inet, a, len, &port);

	if (err)
		return err;
	if (!port && us->inet.bind_address_no_port)
		return 0;
	if ((err = get_port(cpu, us, port)))
		inet_bind_undo(&us->inet);
	inet_dst_reset(&us->inet);
	return err;
}

static void udp_disconnect(struct cpu *cpu, struct sock *sk)
{
	struct udp_sock *us = udp_sk(sk);
	struct netns_udp *u = sk->net->udp;

	est_unhash(u, us);
	inet_dgram_disconnect(&us->inet);
	if (!(us->inet.sk.userlocks & BINDPORT_LOCK)) {
		udp_unhash(u, us);
		us->inet.sport = (be16){ 0 };
	}
}

static int udp_connect(struct cpu *cpu, struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	struct udp_sock *us = udp_sk(sk);
	int err;

	if (!us->inet.num && (err = udp_autobind(cpu, us)))
		return err;
	est_unhash(sk->net->udp, us);
	err = inet_dgram_connect(cpu, &us->inet, a, len);
	if (!err && us->pending) { /* what is being collected goes to the new peer, though still by the old route: so on Linux */
		us->pending_dest.fl.saddr = us->inet.saddr;
		us->pending_dest.fl.daddr = us->inet.daddr;
		us->pending_dest.dport = us->inet.dport;
	}
	udp_rehash(sk->net->udp, us);
	return err;
}

static void udp_release(struct cpu *cpu, struct sock *sk)
{
	struct udp_sock *us = udp_sk(sk);

	udp_flush_pending(cpu, us);
	if (us->gro)
		sk->net->udp->gro_socks--;
	us->gro = false;
	inet_mc_leave_all(cpu, &us->inet);
	udp_unhash(sk->net->udp, us);
	sk->state = TCP_CLOSE;
	sock_purge_queues(cpu, sk);
}

static void udp_sol_changed(struct cpu *cpu, struct sock *sk, int name)
{
	if (name == SO_BINDTODEVICE || name == SO_BINDTOIFINDEX)
		udp_rehash(sk->net->udp, udp_sk(sk));
}

static int udp_setsockopt(struct cpu *cpu, struct sock *sk, int level, int name, const void *val, socklen_t len)
{
	struct udp_sock *us = udp_sk(sk);
	int v;

	if (level != SOL_UDP)
		return inet_setsockopt(cpu, sk, level, name, val, len);
	if (len < sizeof v)
		return -EINVAL;
	memcpy(&v, val, sizeof v);
	switch (name) {
	case UDP_OPT_CORK:
		us->cork = v != 0;
		if (!us->cork)
			udp_push_pending(cpu, us);
		return 0;
	case UDP_OPT_NO_CHECK6_TX:
		us->no_check6_tx = v != 0;
		return 0;
	case UDP_OPT_NO_CHECK6_RX:
		us->no_check6_rx = v != 0;
		return 0;
	case UDP_OPT_SEGMENT:
		if (v < 0 || v > UINT16_MAX)
			return -EINVAL;
		us->gso_size = (u16)v;
		return 0;
	case UDP_OPT_GRO:
		sk->net->udp->gro_socks += (u32)((v != 0) - us->gro);
		us->gro = v != 0;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int udp_getsockopt(struct cpu *cpu, struct sock *sk, int level, int name, void *val, socklen_t *len)
{
	const struct udp_sock *us = udp_sk(sk);

	if (level != SOL_UDP)
		return inet_getsockopt(cpu, sk, level, name, val, len);
	switch (name) {
	case UDP_OPT_CORK: return sockopt_put_int(val, len, us->cork);
	case UDP_OPT_NO_CHECK6_TX: return sockopt_put_int(val, len, us->no_check6_tx);
	case UDP_OPT_NO_CHECK6_RX: return sockopt_put_int(val, len, us->no_check6_rx);
	case UDP_OPT_SEGMENT: return sockopt_put_int(val, len, us->gso_size);
	case UDP_OPT_GRO: return sockopt_put_int(val, len, us->gro);
	case UDP_OPT_SEND_CSCOV:
	case UDP_OPT_RECV_CSCOV: return sockopt_put_int(val, len, 0); /* UDP-Lite's: all is covered */
	default: return -ENOPROTOOPT;
	}
}

const struct sock_ops udp_ops = {
	.name = "UDP",
	.obj_size = sizeof(struct udp_sock),
	.has_peek_off = true,
	.release = udp_release,
	.bind = udp_bind,
	.connect = udp_connect,
	.disconnect = udp_disconnect,
	.getname = inet_getname,
	.sendmsg = udp_sendmsg,
	.recvmsg = udp_recvmsg,
	.shutdown = inet_dgram_shutdown,
	.setsockopt = udp_setsockopt,
	.getsockopt = udp_getsockopt,
	.sol_changed = udp_sol_changed,
	.ioctl = sock_dgram_ioctl,
	.poll = sock_dgram_poll,
};

const struct sock_family udp_family_v4 = { .family = AF_INET, .type = SOCK_DGRAM, .protocol = IPPROTO_UDP, .dflt = true,
					   .ops = &udp_ops };
const struct sock_family udp_family_v6 = { .family = AF_INET6, .type = SOCK_DGRAM, .protocol = IPPROTO_UDP, .dflt = true,
					   .ops = &udp_ops };
const struct l4_proto udp_proto = { .name = "UDP", .proto = IPPROTO_UDP, .families = 3, .no_policy = true, .rx = udp_rx, .err = udp_err,
				    .gro_receive = udp_gro_receive, .gro_complete = udp_gro_complete, .gso_segment = udp_gso_segment };

static int netns_init(struct netns *net)
{
	struct netns_udp *u = mem_zalloc(&net->world->mem, sizeof *u);
	int err;

	if (!u)
		return -ENOMEM;
	if ((err = port_table_init(&u->ports, net, PORT_RULES_UDP)))
		goto free;
	if ((err = inet_hash_init(&u->hash, net->world, 16)))
		goto ports;
	net->udp = u;
	return 0;
ports:
	port_table_fini(&u->ports);
free:
	mem_free(&net->world->mem, u);
	return err;
}

static void netns_fini(struct netns *net)
{
	inet_hash_fini(&net->udp->hash);
	port_table_fini(&net->udp->ports);
	mem_free(&net->world->mem, net->udp);
	net->udp = NULL;
}
const struct subsys udp_subsys = { .name = "udp", .netns_init = netns_init, .netns_fini = netns_fini };

static void show(struct netns *net, struct strbuf *out, u16 family)
{
	struct htable *buckets = &net->udp->ports.buckets;
	struct hnode *n = NULL;
	u64 cursor = 0;

	if (family == AF_INET)
		strbuf_printf(out, "%-127s\n", "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
					       "inode ref pointer drops");
	else
		strbuf_printf(out, "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when "
				   "retrnsmt   uid  timeout inode ref pointer drops\n");
	while ((n = htable_walk(buckets, &cursor, n))) {
		const struct port_bucket *b = container_of(n, struct port_bucket, node);
		const struct inet_sock *i;
		list_for_each(i, &b->owners, bind_link)
			if (i->sk.family == family)
				inet_proc_line(out, i, b->port);
	}
}
static void udp_show(struct netns *net, struct strbuf *out) { show(net, out, AF_INET); }
static void udp6_show(struct netns *net, struct strbuf *out) { show(net, out, AF_INET6); }
const struct proc_file udp_proc = { .name = "udp", .mode = 0444, .show = udp_show };
const struct proc_file udp6_proc = { .name = "udp6", .mode = 0444, .show = udp6_show };
