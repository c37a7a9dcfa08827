/* /proc/net/fib_trie of many random prefixes: each route once, in order, under nodes that enclose it; memory that runs out. */
#include "stack/testlib.h"

#include "core/proc.h"
#include "inet/route/fib.h"

static u32 add_some(struct lab *l, unsigned n, u32 seed)
{
	u32 added = 0;
	for (unsigned i = 0; i < n; i++) {
		struct fib_config c = { .family = AF_INET, .table = 77, .type = RTN_BLACKHOLE, .protocol = RTPROT_BOOT,
					.nl_flags = NLM_F_CREATE | NLM_F_EXCL };
		seed = seed * 1664525 + 1013904223;
		c.prefix_len = i % 3 ? 24 : seed >> 5 & 31;
		c.dst = inaddr_from_v4(cpu_to_be32(c.prefix_len ? (i & 1 ? seed : seed >> 8) >> (32 - c.prefix_len) << (32 - c.prefix_len) : 0));
		added += !fib_route_add(config_cpu(l->w), l->ns[LEFT], &c);
	}
	return added;
}

static void check(const char *text, u32 routes)
{
	struct { u32 key, len, leaf; } up[40];
	unsigned depth = 0, nodes = 0;
	u32 seen = 0, last_len = 0, last_key = 0;
	const char *line = strchr(text, '\n') + 1;
	assert_memory_equal(text, "Id 77:\n", 7);
	for (; *line == ' '; line = strchr(line, '\n') + 1) {
		unsigned in = (unsigned)strspn(line, " "), a, b, c, d, pos, bits, full, empty;
		const char *at = line + in;
		if (*at == '/') {
			u32 len = (u32)atoi(at + 1);
			assert_int_equal(in, 3 * depth + 2);
			assert_true(len < last_len);
			assert_true(!len || !(last_key << len) || len == 32);
			assert_non_null(strstr(at, " universe BLACKHOLE\n"));
			last_len = len;
			seen++;
			continue;
		}
		assert_int_equal((in + 1) % 3, 0);
		assert_true((in + 1) / 3 <= depth + 1);
		depth = (in + 1) / 3;
		assert_int_equal(sscanf(at + 4, "%u.%u.%u.%u/%u %u %u %u", &a, &b, &c, &d, &pos, &bits, &full, &empty), at[0] == '+' ? 8 : 4);
		u32 key = a << 24 | b << 16 | c << 8 | d;
		if (depth > 1) {
			assert_false(up[depth - 1].leaf);
			assert_true(!up[depth - 1].len || !((key ^ up[depth - 1].key) >> (32 - up[depth - 1].len)));
		}
		up[depth].leaf = at[0] == '|';
		up[depth].key = key;
		up[depth].len = at[0] == '+' ? pos : 32;
		if (at[0] == '+') {
			assert_true(pos + bits <= 32 && 1u << bits > empty);
			nodes++;
		} else {
			assert_true(key > last_key || !seen);
			last_key = key;
			last_len = 33;
		}
	}
	assert_int_equal(seen, routes);
	assert_true(nodes > 1);
}

static void many(void **state)
{
	struct lab l;
	struct strbuf b;
	char want[64];
	lab_pair(&l, 1);
	u32 n = add_some(&l, 5000, 7);
	assert_true(n > 3000);
	strbuf_init(&b, &l.w->mem);
	lab_ok(proc_read(l.ns[LEFT], "fib_trie", &b));
	check(b.s, n);
	strbuf_fini(&b);
	strbuf_init(&b, &l.w->mem);
	lab_ok(proc_read(l.ns[LEFT], "fib_triestat", &b));
	snprintf(want, sizeof(want), "\tPrefixes:       %u\n", n);
	assert_non_null(strstr(b.s, want));
	strbuf_fini(&b);
	lab_end(&l);
}

static void no_memory(void **state)
{
	struct lab l;
	int err = -ENOMEM;
	unsigned failed = 0;
	lab_pair(&l, 1);
	add_some(&l, 150, 3);
	for (unsigned at = 1; err; at++) {
		struct strbuf b;
		strbuf_init(&b, &l.w->mem);
		l.w->mem.fail_at = at;
		err = proc_read(l.ns[LEFT], "fib_trie", &b);
		if (l.w->mem.fail_at)
			assert_int_equal(err, 0);
		else
			assert_int_equal(err, -ENOMEM);
		l.w->mem.fail_at = 0;
		strbuf_fini(&b);
		failed += !!err;
	}
	assert_true(failed > 150);
	lab_end(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(many), cmocka_unit_test(no_memory) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
