/* struct sock's life, memory and errors: what every protocol builds on.
 *
 * References: the socket holds one, a pending wake-up one, each packet being sent one; the protocol adds its own (timers,
 * tables of connections). The last one destroys. All on the home cpu, so the count is plain.
 *
 * Memory: a queued packet is charged by truesize to rmem_alloc, one being sent to wmem_alloc; destructors give it back
 * wherever the packet ends. Limits are checked before queueing, as Linux does: a queue may overrun by one packet.
 *
 * Waking: sock_wake() only notes that something happened. The holder is told once, at the end of the cpu's step, with the
 * poll mask of that moment: a batch of 64 packets costs one wake-up.
 */
#include "sock/sock.h"

#include <asm/ioctls.h>
#include <netinet/tcp.h>
#include <poll.h>

#include "core/proc.h"
#include "core/subsys.h"
#include "core/sysctl.h"
#include "inet/inet.h"
#include "sock/inet_sock.h"

static void wake_run(struct cpu *cpu, struct cpu_work *work)
{
	struct sock *sk = container_of(work, struct sock, wake_work);
	struct socket *s = sk->socket;

	sk->wake_pending = false;
	if (s && s->wake)
		s->wake(cpu, s, socket_poll(cpu, s), s->wake_arg);
	sock_put(cpu, sk);
}

struct sock *sock_alloc(struct cpu *cpu, struct netns *net, u16 family, u16 type, int protocol, const struct sock_ops *ops)
{
	const struct netns_core *limits = sock_limits(net);
	struct sock *sk = mem_zalloc(cpu_mem(cpu), ops->obj_size + (family == AF_INET6 ? sizeof(struct inet6_opts) : 0)); /* see inet_sock.v6 */

	if (!sk)
		return NULL;
	sk->ops = ops;
	sk->net = netns_get(net);
	sk->cpu = net->home;
	sk->refcnt = 1;
	sk->cookie = __atomic_add_fetch(&cpu->world->next_cookie, 1, __ATOMIC_RELAXED);
	sk->family = family;
	sk->type = type;
	sk->protocol = protocol;
	sk->state = TCP_CLOSE;
	sk->uid = cpu->caller ? caller_ids(cpu->caller)->uid : 0;
	sk->gid = cpu->caller ? cpu->caller->gid : 0;
	sk->sndbuf = (s32)limits->wmem_default;
	sk->rcvbuf = (s32)limits->rmem_default;
	sk->rcvlowat = 1;
	sk->rcvtimeo_ns = sk->sndtimeo_ns = UINT64_MAX;
	sk->max_pacing_rate = UINT64_MAX;
	sk->incoming_cpu = -1;
	sk->peek_off = -1;
	sk->ts_bind_phc = -1;
	sk->txrehash = net->core->txrehash;
	sk->wake_work.fn = wake_run;
	list_init(&sk->wake_work.link);
	skb_list_init(&sk->rx_queue);
	skb_list_init(&sk->err_queue);
	list_add_tail(&net->core->socks, &sk->net_link);
	if (family == AF_INET || family == AF_INET6)
		inet_sock_init(inet_sk(sk));
	return sk;
}

void sock_purge_queues(struct cpu *cpu, struct sock *sk)
{
	skb_list_drop(cpu, &sk->rx_queue, SKB_DROP_REASON_SOCKET_CLOSE);
	struct sk_buff *skb;
	while ((skb = skb_list_pop(&sk->err_queue)))
		skb_consume(cpu, skb);
}

void sock_put(struct cpu *cpu, struct sock *sk)
{
	struct netns *net = sk->net;

	assert(sk->refcnt > 0);
	if (--sk->refcnt)
		return;
	sk->refcnt = 1; /* the packets purged below may touch it */
	sk->dead = true;
	if (sk->ops->destruct)
		sk->ops->destruct(cpu, sk);
	sock_purge_queues(cpu, sk);
	sock_filter_detach(cpu, sk);
	if (sk->family == AF_INET || sk->family == AF_INET6)
		inet_sock_fini(cpu, inet_sk(sk));
	list_del(&sk->net_link);
	mem_free(cpu_mem(cpu), sk);
	netns_put(net);
}

void sock_wake(struct cpu *cpu, struct sock *sk)
{
	if (sk->wake_pending || !sk->socket || !sk->socket->wake)
		return;
	sk->wake_pending = true;
	sock_hold(sk);
	cpu_work_add(cpu, &sk->wake_work);
}

void sock_set_error(struct cpu *cpu, struct sock *sk, int err)
{
	sk->err = err;
	sock_wake(cpu, sk);
}

int sock_error(struct sock *sk)
{
	int err = sk->err;
	sk->err = 0;
	return -err;
}

static void rx_uncharge(struct cpu *cpu, struct sk_buff *skb)
{
	struct sock *sk = skb->sk;
	assert(sk->rmem_alloc >= skb->truesize);
	sk->rmem_alloc -= skb->truesize;
}

void sock_charge_rx(struct sock *sk, struct sk_buff *skb)
{
	skb->sk = sk;
	skb->destructor = rx_uncharge;
	sk->rmem_alloc += skb->truesize;
}

/* A writer is woken when half of the buffer is free again, so that it does not wake for every packet. */
static void tx_uncharge(struct cpu *cpu, struct sk_buff *skb)
{
	struct sock *sk = skb->sk;
	u32 half = (u32)sk->sndbuf / 2;
	bool was_full = sk->wmem_alloc >= half;

	assert(sk->wmem_alloc >= skb->truesize);
	sk->wmem_alloc -= skb->truesize;
	if (was_full && sk->wmem_alloc < half)
		sock_wake(cpu, sk);
	sock_put(cpu, sk);
}

void sock_charge_tx(struct sock *sk, struct sk_buff *skb)
{
	sock_hold(sk);
	skb->sk = sk;
	skb->destructor = tx_uncharge;
	sk->wmem_alloc += skb->truesize;
}

void sock_tx_waits(struct sock *sk, bool more) { sk->tx_waiting += more ? 1u : UINT32_MAX; }

bool sock_can_send(const struct sock *sk) { return sk->wmem_alloc < (u32)sk->sndbuf; }

int sock_queue_rx(struct cpu *cpu, struct sock *sk, struct sk_buff *skb, enum skb_drop_reason *reason)
{
	u32 keep = sock_filter_run(sk, skb);

	if (unlikely(!keep)) {
		*reason = SKB_DROP_REASON_SOCKET_FILTER;
		return -EPERM;
	}
	if (unlikely(keep < skb->len) && !skb_trim(cpu, skb, keep)) {
		*reason = SKB_DROP_REASON_NOMEM;
		return -ENOMEM;
	}
	if (unlikely(sk->rmem_alloc >= (u32)sk->rcvbuf)) {
		sk->drops++;
		*reason = SKB_DROP_REASON_SOCKET_RCVBUFF;
		return -ENOMEM;
	}
	skb_orphan(cpu, skb);
	sock_charge_rx(sk, skb);
	skb_list_add(&sk->rx_queue, skb);
	sock_wake(cpu, sk);
	return 0;
}

static int netns_init(struct netns *net)
{
	struct netns_core *core = mem_zalloc(&net->world->mem, sizeof *core);

	if (!core)
		return -ENOMEM;
	core->somaxconn = 4096;
	core->wmem_default = core->rmem_default = 212992; /* 256 packets of 832 bytes' truesize, as Linux counts */
	core->wmem_max = core->rmem_max = 4194304;
	core->optmem_max = 131072;
	core->txrehash = 1;
	list_init(&core->socks);
	net->core = core;
	return 0;
}

/* Programs that still hold sockets of a dying namespace (in a kernel they would keep it alive) get an error. */
static void netns_exit(struct netns *net)
{
	struct cpu *cpu = net->home;
	struct list todo;

	list_init(&todo);
	list_splice_tail(&todo, &net->core->socks);
	while (!list_empty(&todo)) {
		struct sock *sk = list_first(&todo, struct sock, net_link);
		list_del(&sk->net_link);
		list_add_tail(&net->core->socks, &sk->net_link);
		sock_hold(sk);
		if (sk->ops->abort) {
			sk->ops->abort(cpu, sk, ENETDOWN);
		} else if (sk->ops->disconnect) {
			sk->ops->disconnect(cpu, sk);
			sock_set_error(cpu, sk, ENETDOWN);
		}
		sock_put(cpu, sk);
	}
}

static void netns_fini(struct netns *net)
{
	assert(list_empty(&net->core->socks));
	mem_free(&net->world->mem, net->core);
	net->core = NULL;
}

const struct subsys sock_subsys = { .name = "sock", .netns_init = netns_init, .netns_exit = netns_exit, .netns_fini = netns_fini };

/* The four buffer limits belong to the first namespace: the others show its values and refuse writing. */
static void *core_base(struct netns *net, const char *dev) { return net->core; }
static int mem_get(struct netns *net, void *base, const struct sysctl *s, struct strbuf *out)
{
	u32 v;
	memcpy(&v, (const u8 *)sock_limits(net) + s->offset, sizeof v);
	strbuf_printf(out, "%u", v);
	return 0;
}

#define CORE(f) offsetof(struct netns_core, f)
static const struct sysctl core_entries[] = {
	{ .name = "somaxconn", .kind = SYSCTL_INT, .mode = 0644, .offset = CORE(somaxconn), .min = 0, .max = INT32_MAX },
	{ .name = "optmem_max", .kind = SYSCTL_UINT, .mode = 0644, .offset = CORE(optmem_max), .min = 0, .max = INT32_MAX },
	{ .name = "rmem_default", .kind = SYSCTL_UINT, .mode = 0644, .child_mode = 0444, .offset = CORE(rmem_default), .min = 2304, .max = INT32_MAX,
	  .get = mem_get },
	{ .name = "rmem_max", .kind = SYSCTL_UINT, .mode = 0644, .child_mode = 0444, .offset = CORE(rmem_max), .min = 2304, .max = INT32_MAX,
	  .get = mem_get },
	{ .name = "wmem_default", .kind = SYSCTL_UINT, .mode = 0644, .child_mode = 0444, .offset = CORE(wmem_default), .min = 4608, .max = INT32_MAX,
	  .get = mem_get },
	{ .name = "wmem_max", .kind = SYSCTL_UINT, .mode = 0644, .child_mode = 0444, .offset = CORE(wmem_max), .min = 4608, .max = INT32_MAX,
	  .get = mem_get },
	{ .name = "txrehash", .kind = SYSCTL_U8, .mode = 0644, .offset = CORE(txrehash), .min = 0, .max = 1 },
};
const struct sysctl_table sock_sysctls = { .dir = "core", .entries = core_entries, .count = ARRAY_SIZE(core_entries),
					   .base = core_base };

static void sockstat_show(struct netns *net, struct strbuf *out)
{
	const u64 *n = net->core->sockstat;
	u64 frag = net->inet ? net->inet->frag_mem_bytes : 0;

	strbuf_printf(out, "sockets: used %llu\n", (unsigned long long)n[SOCKSTAT_USED]);
	strbuf_printf(out, "TCP: inuse %llu orphan %llu tw %llu alloc %llu mem %llu\n", (unsigned long long)n[SOCKSTAT_TCP_INUSE],
		      (unsigned long long)n[SOCKSTAT_TCP_ORPHAN], (unsigned long long)n[SOCKSTAT_TCP_TW],
		      (unsigned long long)n[SOCKSTAT_TCP_ALLOC], (unsigned long long)((net->core->tcp_mem_bytes + 4095) / 4096));
	strbuf_printf(out, "UDP: inuse %llu mem %llu\n", (unsigned long long)n[SOCKSTAT_UDP_INUSE],
		      (unsigned long long)((net->core->udp_mem_bytes + 4095) / 4096));
	strbuf_printf(out, "UDPLITE: inuse 0\nRAW: inuse %llu\n", (unsigned long long)n[SOCKSTAT_RAW_INUSE]);
	strbuf_printf(out, "FRAG: inuse %u memory %llu\n", frag ? 1 : 0, (unsigned long long)frag);
}
const struct proc_file sock_proc_sockstat = { .name = "sockstat", .mode = 0444, .show = sockstat_show };

struct netns *sock_netns(const struct sock *sk) { return sk->net; }
u64 sock_cookie(const struct sock *sk) { return sk->cookie; }

int sock_recv_error_or_again(struct sock *sk)
{
	if (sk->err)
		return sock_error(sk);
	return sk->shutdown & SHUT_RCV_BIT ? 0 : -EAGAIN;
}

int sock_dgram_ioctl(struct cpu *cpu, struct sock *sk, unsigned cmd, void *arg, size_t len)
{
	int v;

	switch (cmd) {
	case TIOCOUTQ: v = (int)sk->wmem_alloc; break;
	case FIONREAD: v = sk->rx_queue.first ? (int)sk->rx_queue.first->len : 0; break;
	default: return -ENOIOCTLCMD;
	}
	if (len < sizeof v)
		return -EFAULT;
	memcpy(arg, &v, sizeof v);
	return 0;
}

u32 sock_dgram_poll(struct cpu *cpu, struct sock *sk)
{
	u32 mask = 0;

	if (sk->err || !skb_list_empty(&sk->err_queue))
		mask |= POLLERR | (sk->select_err_queue ? POLLPRI : 0);
	if (sk->shutdown & SHUT_RCV_BIT)
		mask |= POLLRDHUP | POLLIN | POLLRDNORM;
	if (sk->shutdown == (SHUT_RCV_BIT | SHUT_SND_BIT))
		mask |= POLLHUP;
	if (!skb_list_empty(&sk->rx_queue))
		mask |= POLLIN | POLLRDNORM;
	if (sk->wmem_alloc < (u32)sk->sndbuf / 2)
		mask |= POLLOUT | POLLWRNORM | POLLWRBAND;
	return mask;
}
