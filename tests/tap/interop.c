/* weft against this machine's own kernel, over a TAP: the kernel at one end, a weft router and a weft server behind it.
 *
 *   kernel (10.9.0.1, tap)  -  router (10.9.0.2 | 10.10.0.1)  -  wire  -  host (10.10.0.2)
 *   kernel (10.8.0.1, tap of four queues)  -  router (10.8.0.2)
 *
 * The process moves into a user and network namespace of its own, so no root is needed and nothing outside is touched. The wire
 * behind the router loses, reorders and duplicates. Bulk transfers go both ways, each side being client and server once; contents
 * are compared. The kernel's side is plain blocking sockets; weft's side runs in wake-ups on the lane.
 */
#include "tests/tap/tap_peer.h"

enum { BIG = 50000000, SMALL = 4000000, PORT = 8080, QUEUES = 4, FLOWS = 12 };
static struct netns *router, *behind;
static struct net_device *wide; /* router's nic of QUEUES queues */
static weft_wire *wire;
static bool no_tap;

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

static int begin(void **state)
{
	int fd, fds[QUEUES];
	if (!enter_namespaces()) {
		no_tap = true; /* said once per test, as skipped */
		return 0;
	}
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
	far = behind;
	ends = (__typeof__(ends)){ AF_INET, "10.9.0.1", "10.10.0.2" };
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
	int fd = kernel_connects(f->port);
	if (fd < 0)
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
	unsigned rx_used = 0, tx_used = 0;

	far = router;
	ends.weft = "10.8.0.2";
	for (unsigned i = 0; i < FLOWS; i++) {
		weft_listens(&p[i], i & 1, SMALL, (u16)(PORT + 100 + i));
		f[i] = (struct flow_of){ .port = (u16)(PORT + 100 + i), .sends = !(i & 1) };
		assert_int_equal(pthread_create(&f[i].thread, NULL, kernel_flow, &f[i]), 0);
	}
	for (unsigned i = 0; i < FLOWS; i++) {
		pthread_join(f[i].thread, NULL);
		peer_wait(&p[i]);
	}
	far = behind;
	ends.weft = "10.10.0.2";
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
