/* TCP against this machine's own kernel over a TAP, in all combinations of options:
 *
 *   kernel (10.9.0.1, fd09::1)  -  TAP  -  weft (10.9.0.2, fd09::2)
 *
 * matrix    SACK, timestamps, window scaling, ECN, D-SACK on and off, with offloads and without, three MTUs, both families; then the first
 *           four on each side for itself. Either side opens, both send; contents are compared byte by byte, and what TCP_INFO says was
 *           agreed on must be what both allowed, on both sides.
 * accurate  tcp_ecn 3 to 5 beside the kernel's 0 to 2
 * short     many connections, one after the other, opened by either side, with a request and its echo
 * bulk      one long transfer each way
 *
 * CI takes a part of the matrix and short lengths. WEFT_TAP_FULL=1: the whole matrix, 10,000 connections, 10 GB each way.
 */
#include "tests/tap/tap_peer.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <time.h>

enum { SACK = 1, TS = 2, WSCALE = 4, ECN = 8, DSACK = 16, OPTIONS = 32 };
static const char *const sysctls[] = { "tcp_sack", "tcp_timestamps", "tcp_window_scaling", "tcp_ecn", "tcp_dsack" };
static struct net_device *nic;
static u64 all_features;
static bool no_tap, full;
static u16 next_port = 2000;

#define NEED_TAP if (no_tap) { print_message("no /dev/net/tun or no user namespaces here\n"); skip(); }

static void tell_drops(int sig)
{
	for (unsigned i = 0; far && i < SKB_DROP_REASON_MAX; i++)
		if (drops_sum(far, i))
			print_error("dropped %s: %llu\n", skb_drop_reason_name(i), (unsigned long long)drops_sum(far, i));
	if (sig) {
		print_error("a transfer hangs\n");
		_exit(1);
	}
}

static u16 port(void) { return next_port = (u16)(next_port < 30000 ? next_port + 1 : 2000); }

/* -- what the two ends may do -- */

static void set_options(unsigned kernel, unsigned weft)
{
	char name[80];

	for (unsigned i = 0; i < ARRAY_SIZE(sysctls); i++) {
		snprintf(name, sizeof(name), "/proc/sys/net/ipv4/%s", sysctls[i]);
		put(name, kernel >> i & 1 ? "1" : "0");
	}
	host_lock_all(h);
	for (unsigned i = 0; i < ARRAY_SIZE(sysctls); i++) {
		snprintf(name, sizeof(name), "net.ipv4.%s", sysctls[i]);
		assert_int_equal(weft_sysctl_set(far, name, weft >> i & 1 ? "1" : "0"), 0);
	}
	host_unlock_all(h);
}

static void ethtool(u32 cmd, u32 on)
{
	struct ethtool_value v = { cmd, on };
	struct ifreq r = { .ifr_name = "tap0", .ifr_data = (void *)&v };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(ioctl(fd, SIOCETHTOOL, &r), 0);
	close(fd);
}

static void set_offloads(bool on)
{
	struct cpu *cpu = host_lock_all(h);

	dev_set_features(cpu, nic, on ? all_features : 0);
	host_unlock_all(h);
	ethtool(ETHTOOL_STXCSUM, on);
	if (on)
		ethtool(ETHTOOL_STSO, 1);
	ethtool(ETHTOOL_SGSO, on);
	ethtool(ETHTOOL_SGRO, on);
}

static void set_mtu(int mtu)
{
	struct ifreq r = { .ifr_name = "tap0", .ifr_mtu = mtu };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct cpu *cpu;

	assert_int_equal(ioctl(fd, SIOCSIFMTU, &r), 0);
	close(fd);
	cpu = host_lock_all(h);
	assert_int_equal(dev_set_mtu(cpu, nic, (u32)mtu, NULL), 0);
	host_unlock_all(h);
}

static void set_family(int family)
{
	ends.family = family;
	ends.kernel = family == AF_INET6 ? "fd09::1" : "10.9.0.1";
	ends.weft = family == AF_INET6 ? "fd09::2" : "10.9.0.2";
}

/* -- one transfer -- */

static u8 agreed_kernel(int fd)
{
	struct tcp_info i;
	socklen_t len = sizeof(i);

	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	return i.tcpi_options & (TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE | TCPI_OPT_ECN);
}

static u8 agreed_weft(struct peer *p)
{
	struct tcp_info i;
	socklen_t len = sizeof(i);
	struct cpu *cpu = host_lock_net(h, far);

	assert_int_equal(socket_getsockopt(cpu, p->s, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	host_unlock(h, cpu);
	return i.tcpi_options & (TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE | TCPI_OPT_ECN);
}

/* Returns what was agreed on, the same on both sides. */
static u8 transfer(bool weft_opens, bool weft_sends, u64 total)
{
	struct peer p;
	u16 at = port();
	int fd, l = -1;
	u8 k, w;

	if (weft_opens) {
		l = kernel_listens(at);
		weft_connects(&p, weft_sends, total, at);
		fd = accept(l, NULL, NULL);
	} else {
		weft_listens(&p, weft_sends, total, at);
		fd = kernel_connects(at);
	}
	assert_true(fd >= 0);
	k = agreed_kernel(fd);
	kernel_moves(fd, !weft_sends, total);
	w = agreed_weft(&p);
	peer_wait(&p);
	if (l >= 0)
		close(l);
	assert_int_equal(k, w);
	return k;
}

static void check_agreed(u8 got, unsigned both)
{
	assert_int_equal(!!(got & TCPI_OPT_SACK), !!(both & SACK));
	assert_int_equal(!!(got & TCPI_OPT_TIMESTAMPS), !!(both & TS));
	assert_int_equal(!!(got & TCPI_OPT_WSCALE), !!(both & WSCALE));
	assert_int_equal(!!(got & TCPI_OPT_ECN), !!(both & ECN));
}

static void matrix(void **state)
{
	static const int mtus[] = { 1500, 9000, 1280 };
	unsigned done = 0, every = full ? 1 : 9, n = 0;
	u64 total = 200000;

	NEED_TAP
	for (unsigned off = 0; off < 2; off++) {
		set_offloads(!off);
		for (unsigned m = 0; m < ARRAY_SIZE(mtus); m++) {
			set_mtu(mtus[m]);
			for (unsigned o = 0; o < 2 * OPTIONS; o++) {
				if (n++ % every)
					continue;
				set_family(o & OPTIONS ? AF_INET6 : AF_INET);
				set_options(o % OPTIONS, o % OPTIONS);
				for (unsigned who = 0; who < (full ? 4 : 2); who++, done++)
					check_agreed(transfer((who ^ n) & 1, full ? who >> 1 : who & 1, total), o);
			}
		}
	}
	set_mtu(1500);
	set_offloads(true);
	for (unsigned o = 0; o < 256; o++) { /* what one side has and the other has not */
		if (n++ % every)
			continue;
		set_family(o & 1 ? AF_INET6 : AF_INET);
		set_options(DSACK | o % 16, DSACK | o / 16);
		for (unsigned who = 0; who < 2; who++, done++)
			check_agreed(transfer(who, !who, total), o % 16 & o / 16);
	}
	set_options(OPTIONS - 1, OPTIONS - 1);
	print_message("%u transfers\n", done);
}

/* Asking for accurate ECN, which this kernel has no value of tcp_ecn for: it answers as RFC 3168, or not at all; and what it asks for is granted. */
static void accurate(void **state)
{
	static const struct { bool weft_opens; const char *weft, *kernel; bool ecn; } cases[] = {
		{ true, "3", "0", false }, { true, "3", "1", true }, { true, "3", "2", true },	{ true, "4", "2", true }, { true, "5", "2", false },
		{ false, "3", "1", true }, { false, "4", "1", true }, { false, "5", "1", true }, { false, "3", "2", false },
	};

	NEED_TAP
	set_family(AF_INET);
	set_options(OPTIONS - 1, OPTIONS - 1);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		put("/proc/sys/net/ipv4/tcp_ecn", cases[i].kernel);
		host_lock_all(h);
		assert_int_equal(weft_sysctl_set(far, "net.ipv4.tcp_ecn", cases[i].weft), 0);
		host_unlock_all(h);
		assert_int_equal(!!(transfer(cases[i].weft_opens, i & 1, 200000) & TCPI_OPT_ECN), cases[i].ecn);
	}
	set_options(OPTIONS - 1, OPTIONS - 1);
}

/* -- many short connections -- */

enum { REQUEST = 100 };
struct echo { /* one connection at weft's end: says back what it hears; or, as a client, asks and compares */
	struct socket *s;
	u8 b[REQUEST];
	u32 have;
	bool client, done;
};
static struct {
	struct socket *listener;
	u32 opened, ended, bad, total; /* of weft as a server; of weft as a client, one after the other */
	u16 port;
	pthread_mutex_t m;
	pthread_cond_t c;
} many = { .m = PTHREAD_MUTEX_INITIALIZER, .c = PTHREAD_COND_INITIALIZER };

static void client_next(struct cpu *cpu);

static void echo_end(struct cpu *cpu, struct echo *e)
{
	bool client = e->client;

	socket_close(cpu, e->s);
	free(e);
	pthread_mutex_lock(&many.m);
	many.ended++;
	pthread_cond_broadcast(&many.c);
	pthread_mutex_unlock(&many.m);
	if (client && many.ended < many.total)
		client_next(cpu);
}

static ssize_t move(struct cpu *cpu, struct echo *e, bool out, u32 from, u32 len)
{
	struct iovec iov = { e->b + from, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	return out ? socket_sendmsg(cpu, e->s, &m, 0) : socket_recvmsg(cpu, e->s, &m, 0);
}

static void echo_run(struct cpu *cpu, struct socket *s, u32 events, void *arg)
{
	struct echo *e = arg;
	ssize_t n;

	if (e->client && !e->done) { /* the request */
		memset(e->b, (u8)many.ended, REQUEST);
		n = move(cpu, e, true, 0, REQUEST);
		if (n == -EAGAIN || n == -ENOTCONN)
			return;
		many.bad += n != REQUEST;
		e->done = true;
	}
	while ((n = move(cpu, e, false, e->have, REQUEST - e->have)) > 0 && (e->have += (u32)n) < REQUEST)
		;
	if (e->client && e->have == REQUEST) {
		for (u32 i = 0; i < REQUEST; i++)
			many.bad += e->b[i] != (u8)many.ended;
		echo_end(cpu, e);
	} else if (!e->client && e->have == REQUEST && !e->done) {
		e->done = true;
		many.bad += move(cpu, e, true, 0, REQUEST) != REQUEST;
	} else if (n == 0 || (n < 0 && n != -EAGAIN)) {
		many.bad += n != 0 || e->have != REQUEST;
		echo_end(cpu, e);
	}
}

static void echo_begin(struct cpu *cpu, struct echo *e, struct socket *s)
{
	e->s = s;
	socket_set_wake(s, echo_run, e);
}

static void echo_accept(struct cpu *cpu, struct socket *l, u32 events, void *arg)
{
	struct socket *s;

	while (!socket_accept(cpu, l, &s)) {
		struct echo *e = calloc(1, sizeof(*e));

		many.opened++;
		echo_begin(cpu, e, s);
		echo_run(cpu, s, 0, e);
	}
}

static void client_next(struct cpu *cpu)
{
	struct echo *e = calloc(1, sizeof(*e));
	struct socket *s;
	socklen_t len;
	struct sockaddr_storage to = addr(ends.kernel, many.port, &len);

	e->client = true;
	if (socket_new(cpu, far, ends.family, SOCK_STREAM, 0, &s)) {
		many.bad++;
		free(e);
		return;
	}
	many.opened++;
	echo_begin(cpu, e, s);
	many.bad += socket_connect(cpu, s, (struct sockaddr *)&to, len) != -EINPROGRESS;
}

static void wait_many(u32 n)
{
	pthread_mutex_lock(&many.m);
	while (many.ended < n)
		pthread_cond_wait(&many.c, &many.m);
	pthread_mutex_unlock(&many.m);
}

static void kernel_asks(u32 n)
{
	socklen_t len;
	struct sockaddr_storage at = addr(ends.weft, port(), &len);
	struct cpu *cpu = host_lock_net(h, far);

	many.opened = many.ended = 0;
	assert_int_equal(socket_new(cpu, far, ends.family, SOCK_STREAM, 0, &many.listener), 0);
	socket_set_wake(many.listener, echo_accept, NULL);
	assert_int_equal(socket_bind(cpu, many.listener, (struct sockaddr *)&at, len), 0);
	assert_int_equal(socket_listen(cpu, many.listener, 128), 0);
	host_unlock(h, cpu);
	for (u32 i = 0; i < n; i++) {
		u8 b[REQUEST], r[REQUEST];
		int fd = kernel_connects(next_port);

		assert_true(fd >= 0);
		memset(b, (u8)i, sizeof(b));
		assert_int_equal(write(fd, b, sizeof(b)), REQUEST);
		assert_int_equal(recv(fd, r, sizeof(r), MSG_WAITALL), REQUEST);
		assert_memory_equal(b, r, REQUEST);
		close(fd);
	}
	wait_many(n);
	cpu = host_lock_net(h, far);
	socket_close(cpu, many.listener);
	host_unlock(h, cpu);
	assert_int_equal(many.opened, n);
	assert_int_equal(many.bad, 0);
}

static void weft_asks(u32 n)
{
	struct cpu *cpu;
	int l = kernel_listens(many.port = port());

	many.opened = many.ended = 0;
	many.total = n;
	cpu = host_lock_net(h, far);
	client_next(cpu);
	host_unlock(h, cpu);
	for (u32 i = 0; i < n; i++) {
		u8 b[REQUEST];
		int fd = accept(l, NULL, NULL);

		assert_true(fd >= 0);
		assert_int_equal(recv(fd, b, sizeof(b), MSG_WAITALL), REQUEST);
		assert_int_equal(write(fd, b, sizeof(b)), REQUEST);
		close(fd);
	}
	wait_many(n);
	close(l);
	assert_int_equal(many.bad, 0);
}

static void short_ones(void **state)
{
	u32 n = full ? 2500 : 100;

	NEED_TAP
	for (int f = 0; f < 2; f++) {
		set_family(f ? AF_INET6 : AF_INET);
		kernel_asks(n);
		weft_asks(n);
	}
	print_message("%u connections\n", 4 * n);
}

/* -- bulk -- */

static void bulk(void **state)
{
	u64 total = full ? 10000000000ull : 30000000;

	NEED_TAP
	for (int sends = 0; sends < 2; sends++) {
		struct timespec a, b;

		set_family(sends ? AF_INET6 : AF_INET);
		clock_gettime(CLOCK_MONOTONIC, &a);
		transfer(sends, sends, total);
		clock_gettime(CLOCK_MONOTONIC, &b);
		print_message("%llu bytes %s in %.1f s\n", (unsigned long long)total, sends ? "from weft" : "to weft",
			      (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9);
	}
}

static int begin(void **state)
{
	struct host_config cfg = { .ncpus = 1, .tables = &stack_tables };
	struct nic_config nc = { .queues = 1 };
	struct port *tap;
	struct cpu *cpu;
	int fd;

	full = getenv("WEFT_TAP_FULL") != NULL;
	if (!enter_namespaces()) {
		no_tap = true; /* said once per test, as skipped */
		return 0;
	}
	assert_int_equal(tap_open("tap0", 1, &fd), 0);
	sh("ip link set lo up && ip addr add 10.9.0.1/24 dev tap0 && ip addr add fd09::1/64 dev tap0 nodad && ip link set tap0 up");
	assert_int_equal(host_new(&cfg, &h), 0);
	assert_int_equal(host_start(h), 0);
	cpu = host_lock_all(h);
	assert_int_equal(netns_new(host_world(h), "far", 0, &far), 0);
	assert_int_equal(port_tap_new(h, &fd, 1, &tap), 0);
	assert_int_equal(nic_new(cpu, far, "eth0", tap, &nc, &nic), 0);
	all_features = nic->features;
	assert_int_equal(weft_sysctl_set(far, "net.ipv6.conf.eth0.accept_dad", "0"), 0);
	assert_int_equal(weft_link_up(far, "eth0"), 0);
	assert_int_equal(weft_addr_add(far, "eth0", "10.9.0.2/24"), 0);
	assert_int_equal(weft_addr_add(far, "eth0", "fd09::2/64"), 0);
	host_unlock_all(h);
	set_family(AF_INET);
	return 0;
}

static int end(void **state)
{
	if (no_tap)
		return 0;
	host_lock_all(h);
	netns_free(far);
	host_unlock_all(h);
	host_stop(h);
	host_free(h);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(matrix), cmocka_unit_test(accurate), cmocka_unit_test(short_ones), cmocka_unit_test(bulk) };

	signal(SIGALRM, tell_drops);
	alarm(getenv("WEFT_TAP_FULL") ? 3000 : 240);
	return cmocka_run_group_tests(tests, begin, end);
}
