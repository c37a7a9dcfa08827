/* Ports over descriptors, with the loops of two cpus: frames both ways, what is too long or too short, the end of the wire, found while
 * receiving and while sending, and a device that goes away while its carrier is being taken. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <weft/weft.h>

#include "codec/wire/arp.h"
#include "host/host.h"
#include "host/port_frames.h"
#include "link/netdevice.h"
#include "link/port.h"
#include "stack/stack.h"

static const u8 MINE[6] = { 2, 0, 0, 0, 0, 1 }, PEER[6] = { 2, 0, 0, 0, 0, 2 };

struct wire {
	struct host *h;
	struct netns *net;
	int far; /* the test's end */
};

static void begin(struct wire *w, bool up)
{
	struct host_config hc = { .ncpus = 2, .tables = &stack_tables };
	struct nic_config nc = { .queues = 1, .mtu = 65520, .mac = MINE };
	struct net_device *dev;
	struct port *port;
	struct cpu *cpu;
	int sv[2];

	assert_int_equal(host_new(&hc, &w->h), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv), 0);
	w->far = sv[1];
	assert_int_equal(port_frames_new(w->h, sv[0], &port), 0);
	cpu = host_lock_all(w->h);
	assert_int_equal(netns_new(host_world(w->h), "one", 1, &w->net), 0); /* the home is the second cpu: the carrier is taken from the first */
	assert_int_equal(nic_new(cpu, w->net, "wire", port, &nc, &dev), 0);
	assert_int_equal(weft_addr_add(w->net, "wire", "10.0.0.1/24"), 0);
	assert_int_equal(weft_sysctl_set(w->net, "net.ipv6.conf.wire.disable_ipv6", "1"), 0);
	if (up)
		assert_int_equal(weft_link_up(w->net, "wire"), 0);
	host_unlock_all(w->h);
	assert_int_equal(host_start(w->h), 0);
}

static void finish(struct wire *w)
{
	host_stop(w->h);
	host_lock_all(w->h);
	netns_free(w->net);
	host_unlock_all(w->h);
	host_free(w->h);
	if (w->far >= 0)
		close(w->far);
}

static bool carrier(struct wire *w)
{
	bool on;

	host_lock_all(w->h);
	on = dev_by_name(w->net, "wire")->carrier;
	host_unlock_all(w->h);
	return on;
}

/* Until the loops have found the end; the test's own limit is the only clock. */
static void lost(struct wire *w)
{
	while (carrier(w))
		usleep(100);
}

static size_t question(u8 *f)
{
	eth_build((void *)f, (const u8[6]){ 255, 255, 255, 255, 255, 255 }, PEER, ETH_P_ARP);
	arp_ip4_build(f + ETH_HDR_LEN, 1, ARP_OP_REQUEST, 6, PEER, BE32(0x0a000002), NULL, BE32(0x0a000001));
	return ETH_HDR_LEN + 28;
}

static void frames(void **state)
{
	static u8 big[70000];
	struct wire w;
	struct arp_view v;
	u8 f[2048];

	begin(&w, true);
	assert_int_equal(send(w.far, "short", 5, 0), 5); /* nothing comes of these two */
	assert_int_equal(send(w.far, big, sizeof(big), 0), sizeof(big));
	for (unsigned i = 0; i < 200; i++) {
		size_t n = question(f);
		struct pollfd p = { .fd = w.far, .events = POLLIN };

		assert_int_equal(send(w.far, f, n, 0), n);
		do {
			assert_int_equal(poll(&p, 1, 60000), 1);
			assert_true(recv(w.far, f, sizeof(f), 0) >= (ssize_t)(ETH_HDR_LEN + 28));
		} while (f[12] != 8 || f[13] != 6 || !arp_ip4_parse(f + ETH_HDR_LEN, 28, 6, &v) || v.op != ARP_OP_REPLY);
		assert_memory_equal(v.sha, MINE, 6);
		assert_memory_equal(f, PEER, 6);
	}
	finish(&w);
}

static void end_while_receiving(void **state)
{
	struct wire w;

	begin(&w, true);
	assert_true(carrier(&w));
	close(w.far);
	w.far = -1;
	lost(&w);
	host_lock_all(w.h);
	assert_int_equal(weft_link_down(w.net, "wire"), 0);
	assert_int_equal(weft_link_up(w.net, "wire"), -ENODEV);
	host_unlock_all(w.h);
	finish(&w);
}

/* Nobody reads it while it is down: it is found when it comes up. */
static void end_while_down(void **state)
{
	struct wire w;

	begin(&w, false);
	close(w.far);
	w.far = -1;
	host_lock_all(w.h);
	assert_int_equal(weft_link_up(w.net, "wire"), 0);
	host_unlock_all(w.h);
	lost(&w);
	finish(&w);
}

/* The namespace, and the device with it, goes while the loop may be about to take its carrier. */
static void end_of_both(void **state)
{
	for (unsigned i = 0; i < 20; i++) {
		struct wire w;

		begin(&w, true);
		close(w.far);
		w.far = -1;
		for (unsigned k = 0; k < i; k++)
			carrier(&w);
		host_lock_all(w.h);
		assert_int_equal(weft_link_down(w.net, "wire"), 0);
		host_unlock_all(w.h);
		finish(&w);
	}
}

static void other_descriptors(void **state)
{
	struct host_config hc = { .ncpus = 1, .tables = &stack_tables };
	struct port *port;
	struct host *h;
	int sv[2];

	assert_int_equal(host_new(&hc, &h), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	assert_int_equal(port_frames_new(h, sv[0], &port), -EINVAL);
	close(sv[0]);
	close(sv[1]);
	host_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(frames), cmocka_unit_test(end_while_receiving), cmocka_unit_test(end_while_down),
					    cmocka_unit_test(end_of_both), cmocka_unit_test(other_descriptors) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
