/* For TCP's scenario tests: connected pairs, transfers whose content is checked byte by byte, wires with faults. */
#ifndef TRANSPORT_TCP_TEST_TCP_H
#define TRANSPORT_TCP_TEST_TCP_H

#include <weft/sim.h>

#include "stack/testlib.h"
#include "transport/tcp/tcp_info.h"
#include "transport/tcp/tcp_sock.h"

struct tcp_pair {
	struct lab l;
	weft_wire *wire; /* NULL: veth */
	weft_socket *srv, *c, *s;
};

/* left 10.0.0.1/24 -- 10.0.0.2/24 right over a wire with faults. Offloads off on demand, so that every segment is a frame. */
static inline void pair_wire(struct tcp_pair *p, u64 seed, const weft_wire_params *ab, const weft_wire_params *ba)
{
	struct lab *l = &p->l;

	memset(p, 0, sizeof *p);
	lab_ok(weft_world_new(seed, 1, &l->w));
	lab_ok(weft_netns_new(l->w, "left", &l->ns[LEFT]));
	lab_ok(weft_netns_new(l->w, "right", &l->ns[RIGHT]));
	lab_ok(weft_wire_new(l->ns[LEFT], "eth0", l->ns[RIGHT], "eth0", ab, ba, &p->wire));
	for (int i = LEFT; i <= RIGHT; i++) {
		lab_ok(weft_link_up(l->ns[i], "lo"));
		lab_if(l->ns[i], "eth0", i == LEFT ? "10.0.0.1/24" : "10.0.0.2/24");
	}
}

static inline void pair_veth(struct tcp_pair *p)
{
	memset(p, 0, sizeof *p);
	lab_pair(&p->l, 1);
}

static inline weft_socket *tcp_listener(struct lab *l, int ns, u16 port, int backlog)
{
	weft_socket *s = lab_socket(l, ns, SOCK_STREAM, 0);
	lab_opt(s, SOL_SOCKET, SO_REUSEADDR, 1);
	lab_ok(weft_bind(s, LAB_SA("0.0.0.0", port)));
	lab_ok(weft_listen(s, backlog));
	return s;
}

/* p->c in left is connected to p->s in right. */
static inline void pair_connect(struct tcp_pair *p)
{
	if (!p->srv)
		p->srv = tcp_listener(&p->l, RIGHT, 80, 128);
	if (!p->c)
		p->c = lab_socket(&p->l, LEFT, SOCK_STREAM, 0);
	assert_int_equal(weft_connect(p->c, LAB_SA("10.0.0.2", 80)), -EINPROGRESS);
	assert_true(lab_wait(&p->l, 200000, weft_poll(p->c) & POLLOUT));
	assert_int_equal(lab_getopt(p->c, SOL_SOCKET, SO_ERROR), 0);
	assert_true(lab_wait(&p->l, 200000, weft_poll(p->srv) & POLLIN));
	lab_ok(weft_accept(p->srv, &p->s));
}

static inline void pair_end(struct tcp_pair *p)
{
	if (p->c)
		weft_close(p->c);
	if (p->s)
		weft_close(p->s);
	if (p->srv)
		weft_close(p->srv);
	lab_end(&p->l);
}

static inline struct tcp_sock *tcp_of(weft_socket *s) { return tcp_sk(s->sk); }
static inline int state_of(weft_socket *s) { return s->sk->state; }

/* The content of stream `salt`: a table of noise whose length is a prime, begun at a place of its own. */
enum { PATTERN_LEN = 1048573 };
static u8 pattern_table[PATTERN_LEN];
static inline const u8 *pattern_at(u64 i, u8 salt, size_t *run)
{
	size_t at = (i + salt * 77777ull) % PATTERN_LEN;

	if (!pattern_table[0])
		for (u64 k = 0, x = 88172645463325252ull; k < PATTERN_LEN; k++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			pattern_table[k] = (u8)(x >> 24) | !k;
		}
	*run = PATTERN_LEN - at;
	return pattern_table + at;
}

struct flow_half {
	weft_socket *from, *to;
	u64 total, sent, got;
	u8 salt;
	size_t chunk; /* of a write and a read */
	bool eof, closing; /* shutdown(SHUT_WR) after the last byte */
};

/* One round: sends and receives what goes. False: something was wrong with the content. */
static inline bool flow_pump(struct flow_half *f)
{
	static u8 buf[262144];
	size_t chunk = MIN(f->chunk ? f->chunk : 65536, sizeof buf), run;
	ssize_t n;

	while (f->sent < f->total) {
		const u8 *from = pattern_at(f->sent, f->salt, &run);
		n = weft_send(f->from, from, MIN(MIN(chunk, run), f->total - f->sent), MSG_NOSIGNAL);
		if (n <= 0)
			break;
		f->sent += (u64)n;
		if (f->sent == f->total && f->closing)
			weft_shutdown(f->from, SHUT_WR);
	}
	while (!f->eof) {
		n = weft_recv(f->to, buf, chunk, 0);
		if (n < 0)
			break;
		if (n == 0) {
			f->eof = true;
			break;
		}
		for (size_t done = 0; done < (size_t)n; done += run) {
			const u8 *want = pattern_at(f->got + done, f->salt, &run);
			run = MIN(run, (size_t)n - done);
			if (memcmp(buf + done, want, run)) {
				print_error("content differs near byte %llu\n", (unsigned long long)(f->got + done));
				return false;
			}
		}
		f->got += (u64)n;
	}
	return true;
}

/* Moves total bytes from c to s (and back when both), within ms of virtual time. */
static inline void pair_transfer(struct tcp_pair *p, u64 total, size_t chunk, bool both, u64 ms)
{
	struct flow_half a = { .from = p->c, .to = p->s, .total = total, .salt = 1, .chunk = chunk };
	struct flow_half b = { .from = p->s, .to = p->c, .total = both ? total : 0, .salt = 2, .chunk = chunk };
	bool ok = true;

	assert_true(lab_wait(&p->l, ms, ({
		ok = ok && flow_pump(&a) && flow_pump(&b);
		!ok || (a.got == a.total && b.got == b.total);
	})));
	assert_true(ok);
}

static inline struct tcp_info_full info_of(weft_socket *s)
{
	struct tcp_info_full i;
	socklen_t len = sizeof i;

	lab_ok(weft_getsockopt(s, IPPROTO_TCP, TCP_INFO, &i, &len));
	assert_int_equal(len, sizeof i);
	return i;
}

#endif
