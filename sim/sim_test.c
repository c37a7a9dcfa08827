/* Determinism: two runs of a lossy transfer with one seed give the same captures, byte for byte; another seed gives others. And
 * what arrives is what was sent, over wires that lose, duplicate, reorder and damage. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <weft/sim.h>

enum { TOTAL = 3000000 };
struct run {
	weft_world *w;
	weft_netns *a, *b;
	weft_socket *listener, *client, *server;
	weft_wire *wire;
	weft_capture *cap;
	uint8_t *captured;
	size_t captured_len;
	uint64_t sent, received, bad, finished;
	weft_wire_stats stats;
};

static uint8_t pattern(uint64_t i)
{
	return (uint8_t)((i * 2654435761u) >> 13);
}

static void sending(weft_socket *s, uint32_t events, void *arg)
{
	struct run *r = arg;
	uint8_t buf[8192];
	ssize_t n = 1;
	while (r->sent < TOTAL && n > 0) {
		size_t want = TOTAL - r->sent < sizeof(buf) ? TOTAL - r->sent : sizeof(buf);
		for (size_t i = 0; i < want; i++)
			buf[i] = pattern(r->sent + i);
		n = weft_send(s, buf, want, 0);
		if (n > 0 && (r->sent += (uint64_t)n) == TOTAL)
			weft_shutdown(s, SHUT_WR);
	}
}

static void receiving(weft_socket *s, uint32_t events, void *arg)
{
	struct run *r = arg;
	uint8_t buf[8192];
	ssize_t n;
	while ((n = weft_recv(s, buf, sizeof(buf), 0)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			r->bad += buf[i] != pattern(r->received + (uint64_t)i);
		r->received += (uint64_t)n;
	}
	if (n == 0 && !r->finished)
		r->finished = weft_now(r->w);
}

static void accepting(weft_socket *s, uint32_t events, void *arg)
{
	struct run *r = arg;
	if (!r->server && weft_accept(s, &r->server) == 0)
		weft_on_event(r->server, receiving, r);
}

static void begin(struct run *r, uint64_t seed, const weft_wire_params *p)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = inet_addr("10.0.0.2") };
	memset(r, 0, sizeof(*r));
	assert_int_equal(weft_world_new(seed, 1, &r->w), 0);
	assert_int_equal(weft_netns_new(r->w, "a", &r->a), 0);
	assert_int_equal(weft_netns_new(r->w, "b", &r->b), 0);
	assert_int_equal(weft_wire_new(r->a, "eth0", r->b, "eth0", p, p, &r->wire), 0);
	assert_int_equal(weft_addr_add(r->a, "eth0", "10.0.0.1/24"), 0);
	assert_int_equal(weft_addr_add(r->b, "eth0", "10.0.0.2/24"), 0);
	assert_int_equal(weft_link_up(r->a, "eth0"), 0);
	assert_int_equal(weft_link_up(r->b, "eth0"), 0);
	assert_int_equal(weft_capture_start(r->b, "eth0", &r->cap), 0);
	assert_int_equal(weft_socket_new(r->b, AF_INET, SOCK_STREAM, 0, &r->listener), 0);
	assert_int_equal(weft_bind(r->listener, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(weft_listen(r->listener, 8), 0);
	weft_on_event(r->listener, accepting, r);
	assert_int_equal(weft_socket_new(r->a, AF_INET, SOCK_STREAM, 0, &r->client), 0);
	weft_on_event(r->client, sending, r);
	assert_int_equal(weft_connect(r->client, (struct sockaddr *)&to, sizeof(to)), -EINPROGRESS);
}

static void end(struct run *r)
{
	const uint8_t *data;
	weft_capture_data(r->cap, &data, &r->captured_len);
	r->captured = malloc(r->captured_len);
	memcpy(r->captured, data, r->captured_len);
	weft_wire_get_stats(r->wire, 0, &r->stats);
	weft_capture_stop(r->cap);
	weft_world_free(r->w);
	assert_int_equal(r->received, TOTAL);
	assert_int_equal(r->bad, 0);
	assert_true(r->finished);
}

static void transfer(struct run *r, uint64_t seed, const weft_wire_params *p)
{
	begin(r, seed, p);
	for (int i = 0; i < 6000 && !r->finished; i++)
		weft_run_for(r->w, 100000000); /* ten minutes of virtual time at most */
	end(r);
}

static const weft_wire_params lossy = { .delay_ns = 10000000, .jitter_ns = 1000000, .rate_bps = 100000000, .queue_frames = 200,
					.loss_ppm = 10000, .duplicate_ppm = 5000, .corrupt_ppm = 3000, .reorder_ppm = 5000 };

static void same_seed_same_packets(void **state)
{
	struct run a, b, c;
	transfer(&a, 7, &lossy);
	transfer(&b, 7, &lossy);
	transfer(&c, 8, &lossy);
	assert_true(a.stats.lost && a.stats.duplicated && a.stats.corrupted && a.stats.reordered);
	assert_int_equal(a.captured_len, b.captured_len);
	assert_memory_equal(a.captured, b.captured, a.captured_len);
	assert_int_equal(a.finished, b.finished);
	assert_true(a.captured_len != c.captured_len || memcmp(a.captured, c.captured, a.captured_len));
	free(a.captured);
	free(b.captured);
	free(c.captured);
}

/* Two worlds side by side, taking turns, do what each does alone: they share nothing. */
static void worlds_side_by_side(void **state)
{
	struct run alone[2], both[2];
	for (int k = 0; k < 2; k++) {
		transfer(&alone[k], 40 + (uint64_t)k, &lossy);
		begin(&both[k], 40 + (uint64_t)k, &lossy);
	}
	for (int i = 0; i < 6000 && !(both[0].finished && both[1].finished); i++)
		for (int k = 0; k < 2; k++)
			if (!both[k].finished)
				weft_run_for(both[k].w, 100000000);
	for (int k = 0; k < 2; k++) {
		end(&both[k]);
		assert_int_equal(both[k].captured_len, alone[k].captured_len);
		assert_memory_equal(both[k].captured, alone[k].captured, alone[k].captured_len);
		free(both[k].captured);
		free(alone[k].captured);
	}
}

static void perfect_wire_has_its_rate(void **state)
{
	static const weft_wire_params p = { .delay_ns = 1000000, .rate_bps = 100000000, .queue_frames = 1000 };
	struct run r;
	transfer(&r, 1, &p);
	assert_int_equal(r.stats.lost + r.stats.queue_drops, 0);
	/* 3 MB in 1448-byte segments of 1514 bytes at 100 Mbit/s take 250.9 ms; slow start and the handshake cost some round trips. */
	assert_in_range(r.finished, 250000000, 300000000);
	free(r.captured);
}

/* Frames in one direction are chosen by hand: the counters say what happened to them, and nothing else did. */
static unsigned int every_tenth(void *arg, int direction, const uint8_t *head, size_t len)
{
	unsigned int *n = arg;

	if (direction || len < 14 || head[12] != 8 || head[13])
		return 0;
	switch (++*n % 30) {
	case 10: return WEFT_FATE_LOST;
	case 20: return WEFT_FATE_REORDERED;
	case 0: return WEFT_FATE_DUPLICATED;
	default: return 0;
	}
}

static void chosen_frames(void **state)
{
	static const weft_wire_params p = { .delay_ns = 1000000, .rate_bps = 100000000, .queue_frames = 1000 };
	weft_wire_stats back;
	unsigned int n = 0;
	struct run r;

	begin(&r, 1, &p);
	weft_wire_set_fate(r.wire, every_tenth, &n);
	for (int i = 0; i < 600 && !r.finished; i++)
		weft_run_for(r.w, 100000000);
	weft_wire_get_stats(r.wire, 1, &back);
	end(&r);
	assert_in_range(n, TOTAL / 1448, 2 * TOTAL / 1448);
	assert_int_equal(r.stats.lost, (n + 20) / 30);
	assert_int_equal(r.stats.reordered, (n + 10) / 30);
	assert_int_equal(r.stats.duplicated, n / 30);
	assert_int_equal(back.lost + back.reordered + back.duplicated, 0);
	free(r.captured);
}

static void many_seeds(void **state)
{
	for (uint64_t seed = 100; seed < 120; seed++) {
		struct run r;
		transfer(&r, seed, &lossy);
		free(r.captured);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_seed_same_packets),
		cmocka_unit_test(worlds_side_by_side),
		cmocka_unit_test(perfect_wire_has_its_rate),
		cmocka_unit_test(chosen_frames),
		cmocka_unit_test(many_seeds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
