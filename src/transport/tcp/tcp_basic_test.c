/* First things first: a handshake over veth, bytes both ways, an orderly end. */
#include "stack/testlib.h"

#include "transport/tcp/tcp_sock.h"

static void test_hello(void **state)
{
	struct lab l;
	weft_socket *srv, *c, *s = NULL;
	char buf[64];

	lab_pair(&l, 1);
	srv = lab_socket(&l, RIGHT, SOCK_STREAM, 0);
	lab_ok(weft_bind(srv, LAB_SA("10.0.0.2", 80)));
	lab_ok(weft_listen(srv, 5));
	c = lab_socket(&l, LEFT, SOCK_STREAM, 0);
	assert_int_equal(weft_connect(c, LAB_SA("10.0.0.2", 80)), -EINPROGRESS);
	assert_true(lab_wait(&l, 1000, weft_poll(c) & POLLOUT));
	assert_true(lab_wait(&l, 1000, weft_poll(srv) & POLLIN));
	lab_ok(weft_accept(srv, &s));
	assert_int_equal(weft_send(c, "hello", 5, 0), 5);
	assert_true(lab_wait(&l, 1000, weft_poll(s) & POLLIN));
	assert_int_equal(weft_recv(s, buf, sizeof buf, 0), 5);
	assert_memory_equal(buf, "hello", 5);
	assert_int_equal(weft_send(s, "world!", 6, 0), 6);
	assert_true(lab_wait(&l, 1000, weft_poll(c) & POLLIN));
	assert_int_equal(weft_recv(c, buf, sizeof buf, 0), 6);
	weft_close(c);
	assert_true(lab_wait(&l, 1000, weft_poll(s) & POLLRDHUP));
	assert_int_equal(weft_recv(s, buf, sizeof buf, 0), 0);
	weft_close(s);
	lab_run_ms(&l, 1000);
	weft_close(srv);
	lab_end(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_hello) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
