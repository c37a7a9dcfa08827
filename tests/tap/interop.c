/* weft against this machine's own kernel, over a TAP: the kernel at one end, a weft router and a weft server behind it.
 *
 *   kernel (10.9.0.1, tap)  -  router (10.9.0.2 | 10.10.0.1)  -  wire  -  host (10.10.0.2)
 *   kernel (10.8.0.1, tap of four queues)  -  router (10.8.0.2)
 *
 * The process moves into a user and network namespace of its own, so no root is needed and nothing outside is touched. The wire
 * behind the router loses, reorders and duplicates. Bulk transfers go both ways, each side being client and server once; contents
 * are compared. The kernel's side is plain blocking sockets; weft's side runs in wake-ups on the lane.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <weft/sim.h>

#include "core/netns.h"
#include "host/host.h"
#include "host/port_tap.h"
#include "link/type/nic.h"
#include "sock/sock.h"
#include "stack/stack.h"

enum { BIG = 50000000, SMALL = 4000000, PORT = 8080, QUEUES = 4, FLOWS = 12 };
static struct host *h;
static struct netns *router, *behind;
static struct net_device *wide; /* router's nic of QUEUES queues */
static weft_wire *wire;
static bool no_tap;

static u8 pattern(u64 i) { return (u8)((i * 2654435761u) >> 13); }

/* -- weft's side: a sender or a receiver that lives in its socket's wake-ups -- */
struct peer {
	struct socket *listener, *s;
	bool sends;
	u64 total, bytes, bad;
	int err;
	bool done;
	pthread_mutex_t m;
	pthread_cond_t c;
};

static void finish(struct peer *p, int err)
{
	pthread_mutex_lock(&p->m);
	p->err = err;
	p->done = true;
	pthread_cond_broadcast(&p->c);
	pthread_mutex_unlock(&p->m);
}

static void progress(struct cpu *cpu, struct socket *s, u32 events, void *arg)
{
	struct peer *p = arg;
	static u8 buf[65536]; /* one lane: one at a time */
	ssize_t n;
	if (p->done)
		return;
	for (;;) {
		size_t want = p->sends ? MIN(sizeof(buf), p->total - p->bytes) : sizeof(buf);
		if (p->sends && !want) {
			socket_shutdown(cpu, s, SHUT_WR);
			return finish(p, 0);
		}
		struct iovec iov = { buf, want };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
		if (p->sends)
			for (size_t i = 0; i < want; i++)
				buf[i] = pattern(p->bytes + i);
		n = p->sends ? socket_sendmsg(cpu, s, &m, 0) : socket_recvmsg(cpu, s, &m, 0);
		if (n == -EAGAIN || n == -ENOTCONN)
			return;
		if (n < 0)
			return finish(p, (int)n);
		if (n == 0) {
			socket_shutdown(cpu, s, SHUT_WR);
			return finish(p, 0);
		}
		if (!p->sends)
			for (ssize_t i = 0; i < n; i++)
				p->bad += buf[i] != pattern(p->bytes + (u64)i);
		p->bytes += (u64)n;
	}
}

static void incoming(struct cpu *cpu, struct socket *s, u32 events, void *arg)
{
	struct peer *p = arg;
	if (p->s || socket_accept(cpu, s, &p->s))
		return;
	socket_set_wake(p->s, progress, p);
	progress(cpu, p->s, 0, p);
}

static void peer_init(struct peer *p, bool sends, u64 total)
{
	*p = (struct peer){ .sends = sends, .total = total, .m = PTHREAD_MUTEX_INITIALIZER, .c = PTHREAD_COND_INITIALIZER };
}

static void peer_wait(struct peer *p)
{
	pthread_mutex_lock(&p->m);
	while (!p->done)
		pthread_cond_wait(&p->c, &p->m);
	pthread_mutex_unlock(&p->m);
	struct cpu *cpu = host_lock_net(h, behind);
	if (p->listener)
		socket_close(cpu, p->listener);
	socket_close(cpu, p->s);
	host_unlock(h, cpu);
	assert_int_equal(p->err, 0);
	assert_int_equal(p->bad, 0);
	assert_int_equal(p->bytes, p->total);
}

static struct sockaddr_in addr(const char *a, u16 port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr(a) };
}

static void weft_listens(struct peer *p, bool sends, u64 total, u16 port)
{
	struct sockaddr_in at = addr("10.10.0.2", port);
	peer_init(p, sends, total);
	struct cpu *cpu = host_lock_net(h, behind);
	assert_int_equal(socket_new(cpu, behind, AF_INET, SOCK_STREAM, 0, &p->listener), 0);
	socket_set_wake(p->listener, incoming, p);
	assert_int_equal(socket_bind(cpu, p->listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(socket_listen(cpu, p->listener, 8), 0);
	host_unlock(h, cpu);
}

static void weft_connects(struct peer *p, bool sends, u64 total, u16 port)
{
	struct sockaddr_in to = addr("10.9.0.1", port);
	peer_init(p, sends, total);
	struct cpu *cpu = host_lock_net(h, behind);
	assert_int_equal(socket_new(cpu, behind, AF_INET, SOCK_STREAM, 0, &p->s), 0);
	socket_set_wake(p->s, progress, p);
	assert_int_equal(socket_connect(cpu, p->s, (struct sockaddr *)&to, sizeof(to)), -EINPROGRESS);
	host_unlock(h, cpu);
}

/* -- the kernel's side -- */
static void kernel_moves(int fd, bool sends, u64 total)
{
	u8 buf[65536];
	u64 bytes = 0, bad = 0;
	ssize_t n;
	assert_true(fd >= 0);
	if (sends) {
		while (bytes < total) {
			size_t want = MIN(sizeof(buf), total - bytes);
			for (size_t i = 0; i < want; i++)
				buf[i] = pattern(bytes + i);
			n = write(fd, buf, want);
			assert_true(n > 0);
			bytes += (u64)n;
		}
		shutdown(fd, SHUT_WR);
		assert_int_equal(read(fd, buf, 1), 0); /* weft's end closes after all has arrived */
	} else {
		while ((n = read(fd, buf, sizeof(buf))) > 0) {
			for (ssize_t i = 0; i < n; i++)
				bad += buf[i] != pattern(bytes + (u64)i);
			bytes += (u64)n;
		}
		assert_int_equal(n, 0);
		assert_int_equal(bad, 0);
		assert_int_equal(bytes, total);
	}
	close(fd);
}

static int kernel_connects(u16 port)
{
	struct sockaddr_in to = addr("10.10.0.2", port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	return connect(fd, (struct sockaddr *)&to, sizeof(to)) ? -1 : fd;
}

static int kernel_listens(u16 port)
{
	struct sockaddr_in at = addr("10.9.0.1", port);
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

/* What became of the packets. */
static void tell_drops(int sig)
{
	for (unsigned i = 0; h && i < SKB_DROP_REASON_MAX; i++)
		if (drops_sum(router, i) + drops_sum(behind, i))
			print_error("dropped %s: router %llu, behind %llu\n", skb_drop_reason_name(i),
				    (unsigned long long)drops_sum(router, i), (unsigned long long)drops_sum(behind, i));
	if (sig) {
		print_error("a transfer hangs\n");
		_exit(1);
	}
}

static void sh(const char *cmd)
{
	if (system(cmd)) {
		tell_drops(0);
		fail_msg("%s", cmd);
	}
}

static void put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY);
	if (fd >= 0) {
		if (write(fd, text, strlen(text)) < 0)
			perror(file);
		close(fd);
	}
}

static int begin(void **state)
{
	char map[64];
	unsigned uid = getuid(), gid = getgid();
	int fd, fds[QUEUES];
	if (access("/dev/net/tun", R_OK | W_OK) || unshare(CLONE_NEWUSER | CLONE_NEWNET)) {
		no_tap = true; /* said once per test, as skipped */
		return 0;
	}
	put("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", uid);
	put("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", gid);
	put("/proc/self/gid_map", map);
	assert_int_equal(tap_open("tap0", 1, &fd), 0);
	assert_int_equal(tap_open("tap1", QUEUES, fds), 0);
	sh("ip addr add 10.8.0.1/24 dev tap1 && ip link set tap1 up");
	sh("ip link set lo up && ip addr add 10.9.0.1/24 dev tap0 && ip link set tap0 up && ip route add 10.10.0.0/24 via 10.9.0.2");

	struct host_config cfg = { .ncpus = 1, .tables = &stack_tables };
	assert_int_equal(host_new(&cfg, &h), 0);
	assert_int_equal(host_start(h), 0);
	struct cpu *cpu = host_lock_all(h);
	struct world *w = host_world(h);
	struct port *port;
	struct net_device *dev;
	struct nic_config nc = { .queues = 1 };
	assert_int_equal(netns_new(w, "router", 0, &router), 0);
	assert_int_equal(netns_new(w, "behind", 0, &behind), 0);
	assert_int_equal(port_tap_new(h, &fd, 1, &port), 0);
	assert_int_equal(nic_new(cpu, router, "eth0", port, &nc, &dev), 0);
	assert_int_equal(weft_wire_new(router, "eth1", behind, "eth0", NULL, NULL, &wire), 0);
	nc.queues = QUEUES;
	assert_int_equal(port_tap_new(h, fds, QUEUES, &port), 0);
	assert_int_equal(nic_new(cpu, router, "eth2", port, &nc, &wide), 0);
	assert_int_equal(weft_addr_add(router, "eth2", "10.8.0.2/24"), 0);
	assert_int_equal(weft_link_up(router, "eth2"), 0);
	assert_int_equal(weft_addr_add(router, "eth0", "10.9.0.2/24"), 0);
	assert_int_equal(weft_addr_add(router, "eth1", "10.10.0.1/24"), 0);
	assert_int_equal(weft_addr_add(behind, "eth0", "10.10.0.2/24"), 0);
	assert_int_equal(weft_link_up(router, "eth0"), 0);
	assert_int_equal(weft_link_up(router, "eth1"), 0);
	assert_int_equal(weft_link_up(behind, "eth0"), 0);
	assert_int_equal(weft_route_add(behind, "default", "10.10.0.1", NULL), 0);
	assert_int_equal(weft_sysctl_set(router, "net.ipv4.ip_forward", "1"), 0);
	host_unlock_all(h);
	return 0;
}

static void impair(const weft_wire_params *p)
{
	struct cpu *cpu = host_lock_all(h);
	(void)cpu;
	weft_wire_set(wire, 0, p);
	weft_wire_set(wire, 1, p);
	host_unlock_all(h);
}

#define NEED_TAP if (no_tap) { print_message("no /dev/net/tun or no user namespaces here\n"); skip(); }

static void both_ways(u64 total, u16 port)
{
	struct peer p;
	weft_listens(&p, false, total, port);
	kernel_moves(kernel_connects(port), true, total);
	peer_wait(&p);

	weft_listens(&p, true, total, port + 1);
	kernel_moves(kernel_connects(port + 1), false, total);
	peer_wait(&p);

	for (int sends = 0; sends < 2; sends++) {
		int l = kernel_listens(port + 2 + sends);
		weft_connects(&p, sends, total, port + 2 + sends);
		kernel_moves(accept(l, NULL, NULL), !sends, total);
		peer_wait(&p);
		close(l);
	}
}

/* A line "Tcp: names", then one with the values: one of the kernel's counters in this network namespace. */
static u64 kernel_counter(const char *file, const char *group, const char *name)
{
	static char names[16384], values[16384];
	u64 found = 0;
	FILE *f = fopen(file, "r");
	assert_non_null(f);
	while (fgets(names, sizeof(names), f) && fgets(values, sizeof(values), f)) {
		char *n, *v, *np, *vp;
		if (strncmp(names, group, strlen(group)))
			continue;
		for (n = strtok_r(names, " \n", &np), v = strtok_r(values, " \n", &vp); n && v;
		     n = strtok_r(NULL, " \n", &np), v = strtok_r(NULL, " \n", &vp))
			if (!strcmp(n, name))
				found = strtoull(v, NULL, 10);
	}
	fclose(f);
	return found;
}

static u64 lost(void)
{
	static const enum skb_drop_reason full[] = { SKB_DROP_REASON_FULL_RING, SKB_DROP_REASON_QDISC_OVERLIMIT, SKB_DROP_REASON_NOMEM };
	u64 n = 0;
	FILE *f = fopen("/proc/net/dev", "r");
	char line[512];
	while (f && fgets(line, sizeof(line), f)) {
		unsigned long long rx, tx;
		if (sscanf(line, " tap0: %*u %*u %*u %llu %*u %*u %*u %*u %*u %*u %*u %llu", &rx, &tx) == 2)
			n += rx + tx;
	}
	if (f)
		fclose(f);
	for (unsigned i = 0; i < ARRAY_SIZE(full); i++)
		n += drops_sum(router, full[i]) + drops_sum(behind, full[i]);
	return n;
}

/* Nothing is lost or late on the way, so nothing may arrive out of order, whatever is merged, cut and queued in between. */
static void clean(void **state)
{
	NEED_TAP
	both_ways(BIG, PORT);
	if (lost()) {
		print_message("a queue overflowed: this run says nothing about order\n");
		return;
	}
	assert_int_equal(mib_sum(behind, MIB_TcpExt_TCPOFOQueue), 0);
	assert_int_equal(kernel_counter("/proc/net/netstat", "TcpExt:", "TCPOFOQueue"), 0);
}

static void impaired(void **state)
{
	NEED_TAP
	impair(&(weft_wire_params){ .delay_ns = 500000, .jitter_ns = 50000, .loss_ppm = 5000, .duplicate_ppm = 5000, .reorder_ppm = 5000 });
	both_ways(SMALL, PORT + 10);
	weft_wire_stats st;
	weft_wire_get_stats(wire, 0, &st);
	assert_true(st.lost && st.duplicated && st.reordered);
	impair(NULL);
}

struct flow_of { pthread_t thread; u16 port; bool sends; };
static void *kernel_flow(void *arg)
{
	struct flow_of *f = arg;
	struct sockaddr_in to = addr("10.8.0.2", f->port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
		abort();
	kernel_moves(fd, f->sends, SMALL);
	return NULL;
}

/* Bulk both ways over all queues of a TAP at once: the kernel spreads flows over them by hash, and so do we. */
static void all_queues(void **state)
{
	NEED_TAP
	static struct peer p[FLOWS];
	struct flow_of f[FLOWS];
	struct netns *keep = behind;
	unsigned rx_used = 0, tx_used = 0;

	behind = router; /* where weft's ends live here */
	for (unsigned i = 0; i < FLOWS; i++) {
		struct sockaddr_in at = addr("10.8.0.2", (u16)(PORT + 100 + i));
		peer_init(&p[i], i & 1, SMALL);
		struct cpu *cpu = host_lock_net(h, router);
		assert_int_equal(socket_new(cpu, router, AF_INET, SOCK_STREAM, 0, &p[i].listener), 0);
		socket_set_wake(p[i].listener, incoming, &p[i]);
		assert_int_equal(socket_bind(cpu, p[i].listener, (struct sockaddr *)&at, sizeof(at)), 0);
		assert_int_equal(socket_listen(cpu, p[i].listener, 8), 0);
		host_unlock(h, cpu);
		f[i] = (struct flow_of){ .port = (u16)(PORT + 100 + i), .sends = !(i & 1) };
		assert_int_equal(pthread_create(&f[i].thread, NULL, kernel_flow, &f[i]), 0);
	}
	for (unsigned i = 0; i < FLOWS; i++) {
		pthread_join(f[i].thread, NULL);
		peer_wait(&p[i]);
	}
	behind = keep;
	host_lock_all(h);
	for (unsigned q = 0; q < QUEUES; q++) {
		rx_used += nic_of(wide)->q[q].stats.rx_packets > 100;
		tx_used += nic_of(wide)->q[q].stats.tx_packets > 100;
	}
	host_unlock_all(h);
	assert_true(rx_used > 1);
	assert_true(tx_used > 1);
}

static void ping_from_the_kernel(void **state)
{
	NEED_TAP
	sh("ping -q -c 3 -i 0.01 10.10.0.2 >/dev/null");
	sh("ping -q -c 1 -s 20000 10.10.0.2 >/dev/null"); /* fragments, both ways */
}

static int end(void **state)
{
	if (no_tap)
		return 0;
	host_lock_all(h);
	netns_free(behind);
	netns_free(router);
	host_unlock_all(h);
	host_stop(h);
	host_free(h);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ping_from_the_kernel),
		cmocka_unit_test(clean),
		cmocka_unit_test(impaired),
		cmocka_unit_test(all_queues),
	};
	signal(SIGALRM, tell_drops);
	alarm(getenv("T") ? (unsigned)atoi(getenv("T")) : 240);
	return cmocka_run_group_tests(tests, begin, end);
}
