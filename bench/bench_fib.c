/* Full tables: 1,000,000 IPv4 and 200,000 IPv6 prefixes with a real table's lengths. Lookups of random addresses inside them, by our
 * longest-prefix match and, where libdpdk-dev is installed, by DPDK's rte_fib in the same run; and bytes a prefix. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/full_table.h"
#ifdef HAVE_DPDK
#include <rte_eal.h>
#include <rte_memory.h>
#include <rte_fib.h>
#include <rte_fib6.h>
#endif

enum { LOOKUPS = 1 << 21, BATCH = 64, HOPS = 16, PASSES = 5 };

static double now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

struct table {
	unsigned bits, n;
	struct lpm_key *key;
	u8 *len;
	struct lpm_key *ask;
};

static void make(struct table *t, unsigned bits, unsigned n)
{
	struct rng r;
	u8 seed[32] = { 7 };
	rng_init(&r, seed, bits);
	*t = (struct table){ bits, n, malloc(n * sizeof(*t->key)), malloc(n), malloc(LOOKUPS * sizeof(*t->ask)) };
	for (unsigned i = 0; i < n; i++)
		t->key[i] = random_prefix(&r, bits, &t->len[i]);
	for (unsigned i = 0; i < LOOKUPS; i++) {
		unsigned k = rng_below(&r, n);
		t->ask[i] = random_inside(&r, t->key[k], t->len[k]);
	}
}

static void ours(const struct table *t)
{
	static int hop[HOPS];
	struct mem mem;
	struct lpm l;
	be32 *a4 = malloc(LOOKUPS * sizeof(*a4));
	void *res[BATCH];
	double t0, best = 1e9, add;
	u64 sum = 0;
	mem_init(&mem, 0);
	lpm_init(&l, &mem, NULL, t->bits);
	t0 = now_ns();
	for (unsigned i = 0; i < t->n; i++)
		if (lpm_set(&l, t->key[i], t->len[i], &hop[i % HOPS], NULL))
			abort();
	add = (now_ns() - t0) / t->n;
	for (unsigned i = 0; i < LOOKUPS; i++)
		a4[i] = cpu_to_be32((u32)(t->ask[i].hi >> 32));
	for (unsigned pass = 0; pass < PASSES; pass++) {
		t0 = now_ns();
		for (unsigned i = 0; i < LOOKUPS; i += BATCH) {
			if (t->bits == 32)
				lpm4_lookup_bulk(&l, a4 + i, BATCH, res);
			else
				lpm_lookup_bulk(&l, t->ask + i, BATCH, res);
			sum += (u64)res[0];
		}
		best = MIN(best, (now_ns() - t0) / LOOKUPS);
	}
	printf("fib%u weft: %u prefixes, lookup_ns=%.1f add_ns=%.0f bytes_per_prefix=%.1f%s\n", t->bits == 32 ? 4 : 6, l.count, best, add,
	       (double)mem.bytes / l.count, sum ? "" : " NOTHING");
	lpm_fini(&l);
	free(a4);
}

#ifdef HAVE_DPDK
static void dpdk4(const struct table *t)
{
	struct rte_fib_conf conf = { .type = RTE_FIB_DIR24_8, .default_nh = 0, .max_routes = (int)t->n,
				     .dir24_8 = { .nh_sz = RTE_FIB_DIR24_8_4B, .num_tbl8 = 1 << 17 } };
	struct rte_fib *f = rte_fib_create("f4", SOCKET_ID_ANY, &conf);
	u32 *a = malloc(LOOKUPS * sizeof(*a));
	uint64_t hops[BATCH];
	double best = 1e9, t0;
	if (!f) {
		printf("fib4 dpdk: cannot be made\n");
		return;
	}
	for (unsigned i = 0; i < t->n; i++)
		rte_fib_add(f, (u32)(t->key[i].hi >> 32), t->len[i], 1 + i % HOPS);
	for (unsigned i = 0; i < LOOKUPS; i++)
		a[i] = (u32)(t->ask[i].hi >> 32);
	for (unsigned pass = 0; pass < PASSES; pass++) {
		t0 = now_ns();
		for (unsigned i = 0; i < LOOKUPS; i += BATCH)
			rte_fib_lookup_bulk(f, a + i, hops, BATCH);
		best = MIN(best, (now_ns() - t0) / LOOKUPS);
	}
	printf("fib4 rte_fib: lookup_ns=%.1f\n", best);
	rte_fib_free(f);
	free(a);
}

static void bytes_of(struct lpm_key k, u8 *b)
{
	be64 hi = cpu_to_be64(k.hi), lo = cpu_to_be64(k.lo);
	memcpy(b, &hi, 8);
	memcpy(b + 8, &lo, 8);
}

static void dpdk6(const struct table *t)
{
	struct rte_fib6_conf conf = { .type = RTE_FIB6_TRIE, .default_nh = 0, .max_routes = (int)t->n,
				      .trie = { .nh_sz = RTE_FIB6_TRIE_4B, .num_tbl8 = 1 << 17 } };
	struct rte_fib6 *f = rte_fib6_create("f6", SOCKET_ID_ANY, &conf);
	u8(*a)[16] = malloc(LOOKUPS * sizeof(*a)), p[16];
	uint64_t hops[BATCH];
	double best = 1e9, t0;
	if (!f) {
		printf("fib6 dpdk: cannot be made\n");
		return;
	}
	for (unsigned i = 0; i < t->n; i++) {
		bytes_of(t->key[i], p);
		rte_fib6_add(f, p, t->len[i], 1 + i % HOPS);
	}
	for (unsigned i = 0; i < LOOKUPS; i++)
		bytes_of(t->ask[i], a[i]);
	for (unsigned pass = 0; pass < PASSES; pass++) {
		t0 = now_ns();
		for (unsigned i = 0; i < LOOKUPS; i += BATCH)
			rte_fib6_lookup_bulk(f, a + i, hops, BATCH);
		best = MIN(best, (now_ns() - t0) / LOOKUPS);
	}
	printf("fib6 rte_fib6: lookup_ns=%.1f\n", best);
	rte_fib6_free(f);
	free(a);
}
#endif

int main(void)
{
	struct table t4, t6;
	setvbuf(stdout, NULL, _IOLBF, 0);
	make(&t4, 32, 1000000);
	make(&t6, 128, 200000);
	ours(&t4);
	ours(&t6);
#ifdef HAVE_DPDK
	char *args[] = { "bench_fib", "--no-huge", "--no-pci", "--no-shconf", "--no-telemetry", "-m", "1536", "-l", "0", NULL };
	if (rte_eal_init(9, args) < 0) {
		printf("dpdk: cannot start\n");
		return 1;
	}
	dpdk4(&t4);
	dpdk6(&t6);
#else
	printf("dpdk: libdpdk-dev is not installed\n");
#endif
	return 0;
}
