/* tun and tap devices in virtual time, by the library: what goes through, frames that lie, queues that are full, memory that runs out. What the
 * ioctls answer is compared with Linux in tests/attach/taps.c. */
#include "base/rng.h"
#include "link/netns_dev.h"
#include "sock/tun/tun.h"
#include "stack/testlib.h"

static ssize_t frame_out(weft_socket *s, void *buf, size_t len)
{
	struct iovec v = { buf, len };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	return weft_recvmsg(s, &m, 0);
}

static ssize_t frame_in(weft_socket *s, const void *buf, size_t len)
{
	struct iovec v = { (void *)buf, len };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	return weft_sendmsg(s, &m, 0);
}

/* In the left namespace, up, with 10.9.0.1/24; what the stack says of itself by IPv6 is taken out. */
static weft_socket *device(struct lab *l, char *name, unsigned flags)
{
	weft_socket *t = NULL;
	u8 b[2000];

	lab_ok(weft_tun_new(l->ns[LEFT], name, flags, &t));
	lab_ok(weft_sysctl_set(l->ns[LEFT], "net.ipv6.conf.all.disable_ipv6", "1"));
	lab_if(l->ns[LEFT], name, "10.9.0.1/24");
	lab_run_ms(l, 100);
	while (frame_out(t, b, sizeof(b)) > 0)
		;
	return t;
}

static void a_queue_holds_so_many(void **state)
{
	char name[IFNAMSIZ] = "";
	struct lab l;
	u8 b[2000];

	lab_pair(&l, 1);
	weft_socket *t = device(&l, name, IFF_TUN | IFF_NO_PI), *u = lab_udp(&l, LEFT, NULL, 0);
	struct net_device *dev = dev_by_name(l.ns[LEFT], name);
	struct dev_stats st;

	assert_string_equal(name, "tun0");
	assert_int_equal(frame_out(t, b, sizeof(b)), -EAGAIN);
	for (unsigned i = 0; i < 600; i++) {
		lab_sendto(u, "hello", 5, "10.9.0.2", 9);
		weft_run_for(l.w, 1000);
	}
	for (unsigned i = 0; i < 500; i++) {
		assert_int_equal(frame_out(t, b, sizeof(b)), 33);
		assert_memory_equal(b + 28, "hello", 5);
	}
	assert_int_equal(frame_out(t, b, sizeof(b)), -EAGAIN);
	dev_get_stats(dev, &st);
	assert_int_equal(st.tx_packets, 500);
	assert_int_equal(st.tx_dropped, 100);
	lab_sendto(u, "hello", 5, "10.9.0.2", 9);
	weft_run_for(l.w, 1000);
	assert_int_equal(frame_out(t, b, 20), 20); /* cut */
	weft_close(t);
	assert_null(dev_by_name(l.ns[LEFT], "tun0"));
	weft_close(u);
	lab_end(&l);
}

static void a_device_that_goes_leaves_its_file_useless(void **state)
{
	char name[IFNAMSIZ] = "x%d";
	struct lab l;
	u8 b[100];

	lab_pair(&l, 1);
	weft_socket *t = device(&l, name, IFF_TAP | IFF_NO_PI);

	assert_string_equal(name, "x0");
	weft_netns_free(l.ns[LEFT]); /* and the device with it, once the file lets go */
	l.ns[LEFT] = NULL;
	lab_run_ms(&l, 10);
	assert_true(frame_out(t, b, sizeof(b)) < 0);
	weft_close(t);
	lab_end(&l);
}

/* Random bytes, and half of them behind something that looks like a frame: nothing but counters moves. */
static void nonsense_written_does_no_harm(void **state)
{
	static const unsigned flags[] = { IFF_TUN | IFF_NO_PI, IFF_TUN, IFF_TAP | IFF_NO_PI, IFF_TAP, IFF_TAP | IFF_VNET_HDR, IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	struct rng r;

	rng_init(&r, (const u8[32]){ 7 }, 0);
	for (unsigned f = 0; f < ARRAY_SIZE(flags); f++) {
		char name[IFNAMSIZ] = "";
		struct lab l;
		u8 b[3000];

		lab_pair(&l, 1);
		weft_socket *t = device(&l, name, flags[f]);
		u32 front = (flags[f] & IFF_NO_PI ? 0 : 4) + (flags[f] & IFF_VNET_HDR ? 10 : 0);

		for (unsigned i = 0; i < 3000; i++) {
			u32 len = rng_below(&r, i % 8 ? 120 : sizeof(b));

			for (u32 j = 0; j < len; j++)
				b[j] = (u8)rng_below(&r, 256);
			if (i & 1 && len > front + 40) {
				memset(b, 0, front);
				if (flags[f] & IFF_TAP)
					memcpy(b + front + 12, i & 2 ? "\x08\x00\x45" : "\x86\xdd\x60", 3);
				else
					b[front] = i & 2 ? 0x45 : 0x60;
				if (flags[f] & IFF_VNET_HDR)
					for (u32 j = front - 10; j < front; j++)
						b[j] = (u8)rng_below(&r, 8);
			}
			frame_in(t, b, len);
			if (i % 64 == 0)
				weft_run_for(l.w, 1000);
		}
		lab_run_ms(&l, 1000);
		weft_close(t);
		lab_end(&l);
	}
}

static void memory_that_runs_out_is_survived(void **state)
{
	for (u64 at = 1; at < 400; at++) {
		char name[IFNAMSIZ] = "";
		weft_socket *t = NULL;
		struct lab l;
		int e;

		lab_pair(&l, 1);
		l.w->mem.fail_at = at;
		e = weft_tun_new(l.ns[LEFT], name, IFF_TUN | IFF_MULTI_QUEUE, &t);
		bool over = l.w->mem.fail_at > 0;
		l.w->mem.fail_at = 0;
		if (e == 0)
			weft_close(t);
		else
			assert_true(e == -ENOMEM || e == -ENOBUFS);
		lab_end(&l);
		if (over)
			return;
	}
	fail();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_queue_holds_so_many),
		cmocka_unit_test(a_device_that_goes_leaves_its_file_useless),
		cmocka_unit_test(nonsense_written_does_no_harm),
		cmocka_unit_test(memory_that_runs_out_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
