/* What the smallest operations cost: packets and buffers, checksums, timers, tables, an empty step. Prints nanoseconds an
 * operation (and GB/s for checksums), the best of several rounds.
 *
 *   bench_core [rounds]
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bpf/cbpf.h"
#include "codec/wire/checksum.h"
#include "core/netns.h"
#include "core/stack_tables.h"

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static unsigned rounds = 5;
static struct world *w;
static struct cpu *cpu;
static volatile u32 sink;

/* Runs `body` n times a round; the best round counts. */
#define MEASURE(ns, n, body)                                                                                           \
	do {                                                                                                           \
		ns = 1e18;                                                                                             \
		for (unsigned round_ = 0; round_ < rounds; round_++) {                                                 \
			double start_ = now_ns(), took_;                                                               \
			for (unsigned i = 0; i < (n); i++) {                                                           \
				body;                                                                                  \
			}                                                                                              \
			took_ = (now_ns() - start_) / (n);                                                             \
			ns = took_ < ns ? took_ : ns;                                                                  \
		}                                                                                                      \
	} while (0)

static void report(const char *what, double ns) { printf("%-44s %8.1f ns\n", what, ns); }

static void packets(void)
{
	struct sk_buff *batch[64], *skb, *clone;
	double ns;

	MEASURE(ns, 2000000, {
		skb = skb_alloc(cpu, SKB_HEADROOM, 60);
		__asm__ volatile("" ::"r"(skb) : "memory");
		skb_consume(cpu, skb);
	});
	report("skb_alloc + skb_consume, 60 bytes", ns);
	MEASURE(ns, 30000, {
		for (unsigned k = 0; k < 64; k++)
			batch[k] = skb_alloc(cpu, SKB_HEADROOM, 1500);
		for (unsigned k = 0; k < 64; k++)
			skb_consume(cpu, batch[k]);
	});
	report("  in batches of 64, 1500 bytes", ns / 64);
	MEASURE(ns, 30000, {
		for (unsigned k = 0; k < 64; k++)
			batch[k] = skb_alloc(cpu, SKB_HEADROOM, 1500);
		for (unsigned k = 0; k < 64; k++)
			skb_consume(w->cpu[1], batch[k]);
	});
	report("  freed on another cpu (through the depot)", ns / 64);
	MEASURE(ns, 2000000, {
		struct buf *b = buf_alloc(cpu, 2000);

		__asm__ volatile("" ::"r"(b) : "memory");
		buf_put(cpu, b);
	});
	report("buf_alloc + buf_put, 2000 bytes", ns);
	skb = skb_alloc(cpu, SKB_HEADROOM, 60000);
	skb_put(skb, 60000);
	MEASURE(ns, 2000000, {
		clone = skb_clone(cpu, skb);
		__asm__ volatile("" ::"r"(clone) : "memory");
		skb_consume(cpu, clone);
	});
	report("skb_clone + skb_consume", ns);
	MEASURE(ns, 1000000, {
		clone = skb_clone(cpu, skb);
		skb_cow_head(cpu, clone, SKB_HEADROOM);
		skb_push(clone, 54);
		skb_consume(cpu, clone);
	});
	report("skb_clone of 60 kB + private headers", ns);
	skb_consume(cpu, skb);
}

static void sums(void)
{
	static const u32 sizes[] = { 20, 64, 1500, 65536 };
	u8 *p = aligned_alloc(64, 65536 + 64);
	double ns;

	memset(p, 0x5a, 65536 + 64);
	for (unsigned s = 0; s < ARRAY_SIZE(sizes); s++) {
		unsigned n = 40000000 / (sizes[s] + 100);
		char what[64];

		MEASURE(ns, n, sink += csum_partial(p + 2, sizes[s], i));
		snprintf(what, sizeof(what), "csum_partial of %u bytes (%.1f GB/s)", sizes[s], sizes[s] / ns);
		report(what, ns);
	}
	free(p);
}

static void fire(void *owner, struct timer *t)
{
	(void)owner, (void)t;
}

static void timers(void)
{
	static struct timer t[1024];
	struct timer_wheel *wheel = timer_wheel_new(&w->mem, 0, NULL);
	u64 now = 0;
	double ns;

	for (unsigned i = 0; i < 1024; i++)
		timer_init(&t[i], fire);
	MEASURE(ns, 2000000, timer_arm(wheel, &t[i & 1023], now + 200000000 + i));
	report("timer_arm (again), 200 ms ahead", ns);
	for (unsigned i = 0; i < 1024; i++)
		timer_cancel(&t[i]);
	MEASURE(ns, 2000, {
		for (unsigned k = 0; k < 1024; k++)
			timer_arm(wheel, &t[k], now + 1000000 + (k * 7919) % 200000000);
		now += 300000000;
		timer_wheel_run(wheel, now, UINT32_MAX);
	});
	report("timer_arm and its firing, 1-200 ms", ns / 1024);
	timer_wheel_free(wheel);
}

static void tables_and_steps(void)
{
	static const struct cbpf_insn filter[] = { /* tcp port 80, as libpcap writes it for raw IP */
		{ 0x30, 0, 0, 0 }, { 0x54, 0, 0, 0xf0 }, { 0x15, 0, 8, 0x40 }, { 0x30, 0, 0, 9 }, { 0x15, 0, 6, 6 },
		{ 0x28, 0, 0, 6 }, { 0x45, 4, 0, 0x1fff }, { 0xb1, 0, 0, 0 }, { 0x48, 0, 0, 2 }, { 0x15, 0, 1, 80 },
		{ 0x06, 0, 0, 0x40000 }, { 0x06, 0, 0, 0 } };
	static const u8 ip[64] = { 0x45, 0, 0, 64, 0, 0, 0x40, 0, 64, 6, [22] = 0, [23] = 80 };
	static struct hnode nodes[65536];
	struct cbpf_packet p = { .data = ip, .linear = 64, .len = 64 };
	struct siphash_key key = { { 1, 2 } };
	struct htable t;
	double ns;

	if (htable_init(&t, &w->mem, 0))
		exit(1);
	for (unsigned i = 0; i < 65536; i++)
		htable_add(&t, &nodes[i], hash32_u64(i, 0));
	MEASURE(ns, 2000000, sink += htable_first(&t, hash32_u64(i & 65535, 0)) != NULL);
	report("hash lookup among 65536", ns);
	htable_fini(&t);
	MEASURE(ns, 2000000, sink += (u32)siphash_2u64(&key, i, 5));
	report("siphash of 16 bytes", ns);
	MEASURE(ns, 2000000, sink += rng_u32(&cpu->rng));
	report("rng_u32", ns);
	if (cbpf_check(filter, ARRAY_SIZE(filter)))
		exit(1);
	MEASURE(ns, 2000000, sink += cbpf_run(filter, &p));
	report("filter of 12 instructions", ns);
	MEASURE(ns, 1000000, cpu_run(cpu, i));
	report("an empty step", ns);
}

int main(int argc, char **argv)
{
	struct world_config cfg = { .ncpus = 2 };

	if (argc > 1)
		rounds = (unsigned)atoi(argv[1]);
	if (world_new(&cfg, &w))
		return 1;
	cpu = w->cpu[0];
	packets();
	sums();
	timers();
	tables_and_steps();
	world_free(w);
	return 0;
}
