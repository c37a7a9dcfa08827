/* Two cpus, their loop threads, and programs' threads on one world, for the thread sanitizer: a bulk transfer through a router that
 * loses packets, while another thread changes routes, addresses, links and reads what can be read. left and right live on cpu 0, the
 * router on cpu 1, so every packet crosses cpus twice. Contents are checked. */
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/hook.h"
#include "core/proc.h"
#include "core/sysctl.h"
#include "host/host.h"
#include "inet/ip4/ip4.h"
#include "inet/route/fib.h"
#include "sock/sock.h"
#include "stack/stack.h"
#include "weft/weft.h"

enum { TOTAL = 20000000 };

struct side { /* one program thread's socket, and how it waits: no polling, no sleeping */
	struct host *h;
	struct netns *net;
	struct socket *s;
	pthread_mutex_t m;
	pthread_cond_t c;
	bool ready;
	uint64_t bytes, bad;
};
static struct host *h;
static struct netns *left, *router, *right;
static bool stop_changes;

static void woken(struct cpu *cpu, struct socket *s, u32 events, void *arg)
{
	struct side *d = arg;
	pthread_mutex_lock(&d->m);
	d->ready = true;
	pthread_cond_signal(&d->c);
	pthread_mutex_unlock(&d->m);
}

static void wait_ready(struct side *d)
{
	pthread_mutex_lock(&d->m);
	while (!d->ready)
		pthread_cond_wait(&d->c, &d->m);
	d->ready = false;
	pthread_mutex_unlock(&d->m);
}

static u8 pattern(u64 i) { return (u8)((i * 2654435761u) >> 13); }

static void *sender(void *arg)
{
	struct side *d = arg;
	static u8 buf[32768];
	while (d->bytes < TOTAL) {
		size_t want = MIN(sizeof(buf), TOTAL - d->bytes);
		for (size_t i = 0; i < want; i++)
			buf[i] = pattern(d->bytes + i);
		struct iovec iov = { buf, want };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
		struct cpu *cpu = host_lock_net(h, d->net);
		ssize_t n = socket_sendmsg(cpu, d->s, &m, 0);
		host_unlock(h, cpu);
		if (n > 0)
			d->bytes += (u64)n;
		else if (n == -EAGAIN)
			wait_ready(d);
		else {
			d->bad = (u64)-n;
			return NULL;
		}
	}
	struct cpu *cpu = host_lock_net(h, d->net);
	socket_shutdown(cpu, d->s, SHUT_WR);
	host_unlock(h, cpu);
	return NULL;
}

static void *receiver(void *arg)
{
	struct side *d = arg;
	static u8 buf[32768];
	for (;;) {
		struct iovec iov = { buf, sizeof(buf) };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
		struct cpu *cpu = host_lock_net(h, d->net);
		ssize_t n = socket_recvmsg(cpu, d->s, &m, 0);
		host_unlock(h, cpu);
		if (n == 0)
			return NULL;
		if (n > 0) {
			for (ssize_t i = 0; i < n; i++)
				d->bad += buf[i] != pattern(d->bytes + (u64)i);
			d->bytes += (u64)n;
		} else if (n == -EAGAIN) {
			wait_ready(d);
		} else {
			d->bad = (u64)-n;
			return NULL;
		}
	}
}

/* Everything an operator may do meanwhile. */
static void *changes(void *arg)
{
	for (unsigned i = 0; !__atomic_load_n(&stop_changes, __ATOMIC_ACQUIRE); i++) {
		char prefix[32];
		snprintf(prefix, sizeof(prefix), "10.%u.%u.0/24", 100 + i % 50, i % 251);
		struct cpu *cpu = host_lock_all(h);
		weft_route_add(router, prefix, "10.0.2.2", NULL);
		if (i % 7 == 0)
			weft_addr_add(router, "r1", "10.7.0.1/24");
		if (i % 97 == 50) {
			weft_link_down(router, "r0");
			weft_link_up(router, "r0");
		}
		if (i % 13 == 0)
			weft_sysctl_set(router, "net.ipv4.ip_forward", "1");
		(void)cpu;
		host_unlock_all(h);
		struct strbuf b;
		cpu = host_lock_net(h, router);
		strbuf_init(&b, cpu_mem(cpu));
		proc_read(router, i & 1 ? "route" : "snmp", &b);
		strbuf_fini(&b);
		host_unlock_quiet(h, cpu);
	}
	return NULL;
}

static enum hook_verdict lose(struct cpu *cpu, void *priv, struct sk_buff *skb, const struct hook_state *st)
{
	unsigned *n = priv;

	return ++*n % 64 == 20 || rng_below(&cpu->rng, 1000) < 5 ? HOOK_DROP : HOOK_ACCEPT; /* a transfer is some hundred packets */
}

static void lab(void)
{
	struct host_config cfg = { .ncpus = 2, .tables = &stack_tables };
	assert_int_equal(host_new(&cfg, &h), 0);
	assert_int_equal(host_start(h), 0);
	struct world *w = host_world(h);
	host_lock_all(h);
	assert_int_equal(netns_new(w, "left", 0, &left), 0);
	assert_int_equal(netns_new(w, "router", 1, &router), 0);
	assert_int_equal(netns_new(w, "right", 0, &right), 0);
	assert_int_equal(weft_veth_new(left, "l0", router, "r0"), 0);
	assert_int_equal(weft_veth_new(router, "r1", right, "s0"), 0);
	assert_int_equal(weft_addr_add(left, "l0", "10.0.1.2/24"), 0);
	assert_int_equal(weft_addr_add(router, "r0", "10.0.1.1/24"), 0);
	assert_int_equal(weft_addr_add(router, "r1", "10.0.2.1/24"), 0);
	assert_int_equal(weft_addr_add(right, "s0", "10.0.2.2/24"), 0);
	assert_int_equal(weft_link_up(left, "l0"), 0);
	assert_int_equal(weft_link_up(router, "r0"), 0);
	assert_int_equal(weft_link_up(router, "r1"), 0);
	assert_int_equal(weft_link_up(right, "s0"), 0);
	assert_int_equal(weft_route_add(left, "default", "10.0.1.1", NULL), 0);
	assert_int_equal(weft_route_add(right, "default", "10.0.2.1", NULL), 0);
	assert_int_equal(weft_sysctl_set(router, "net.ipv4.ip_forward", "1"), 0);
	host_unlock_all(h);
}

static void transfer_under_changes(void **state)
{
	struct side a = { .m = PTHREAD_MUTEX_INITIALIZER, .c = PTHREAD_COND_INITIALIZER }, b = a, l = a;
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = inet_addr("10.0.2.2") };
	static struct { struct hook_entries e; struct hook_entry one; } hooks = { .e = { .count = 1 } };
	pthread_t ta, tb, tc;

	lab();
	a.net = left;
	b.net = l.net = right;
	unsigned forwarded = 0;
	hooks.e.entry[0].fn = lose;
	hooks.e.entry[0].priv = &forwarded;
	struct cpu *cpu = host_lock_all(h);
	struct netns_nf *had = router->nf, nf = { 0 };
	if (!had)
		router->nf = &nf;
	struct hook_entries *before = router->nf->hooks[NFPF_IPV4][NFH_FORWARD];
	ptr_publish(router->nf->hooks[NFPF_IPV4][NFH_FORWARD], &hooks.e);
	host_unlock_all(h);

	cpu = host_lock_net(h, right);
	assert_int_equal(socket_new(cpu, right, AF_INET, SOCK_STREAM, 0, &l.s), 0);
	socket_set_wake(l.s, woken, &l);
	assert_int_equal(socket_bind(cpu, l.s, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(socket_listen(cpu, l.s, 8), 0);
	host_unlock(h, cpu);
	cpu = host_lock_net(h, left);
	assert_int_equal(socket_new(cpu, left, AF_INET, SOCK_STREAM, 0, &a.s), 0);
	socket_set_wake(a.s, woken, &a);
	assert_int_equal(socket_connect(cpu, a.s, (struct sockaddr *)&to, sizeof(to)), -EINPROGRESS);
	host_unlock(h, cpu);
	for (;;) {
		cpu = host_lock_net(h, right);
		int err = socket_accept(cpu, l.s, &b.s);
		if (!err)
			socket_set_wake(b.s, woken, &b);
		host_unlock(h, cpu);
		if (!err)
			break;
		assert_int_equal(err, -EAGAIN);
		wait_ready(&l);
	}
	pthread_create(&tb, NULL, receiver, &b);
	pthread_create(&ta, NULL, sender, &a);
	pthread_create(&tc, NULL, changes, NULL);
	pthread_join(ta, NULL);
	pthread_join(tb, NULL);
	__atomic_store_n(&stop_changes, true, __ATOMIC_RELEASE);
	pthread_join(tc, NULL);
	assert_int_equal(a.bad, 0);
	assert_int_equal(b.bad, 0);
	assert_int_equal(b.bytes, TOTAL);

	cpu = host_lock_all(h);
	ptr_publish(router->nf->hooks[NFPF_IPV4][NFH_FORWARD], before);
	if (!had)
		router->nf = NULL;
	assert_true(drops_sum(router, SKB_DROP_REASON_NETFILTER_DROP) > 0);
	socket_close(cpu, a.s);
	socket_close(cpu, b.s);
	socket_close(cpu, l.s);
	host_unlock_all(h);
	host_stop(h);
	cpu = host_lock_all(h);
	netns_free(left);
	netns_free(router);
	netns_free(right);
	host_unlock_all(h);
	host_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(transfer_under_changes) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
