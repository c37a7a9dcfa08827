/* Classic BPF: what the checker takes and refuses, and what programs answer, compared by hand with Linux's socket filters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/filter.h>

#include "base/mem.h"
#include "bpf/cbpf.h"

#define S(code, k) { code, 0, 0, k }
#define J(code, k, jt, jf) { code, jt, jf, k }
#define RUN(pkt, ...) run((pkt), (const struct cbpf_insn[]){ __VA_ARGS__ }, sizeof((const struct cbpf_insn[]){ __VA_ARGS__ }) / 8)
#define CHECK(...) cbpf_check((const struct cbpf_insn[]){ __VA_ARGS__ }, sizeof((const struct cbpf_insn[]){ __VA_ARGS__ }) / 8)

static const u8 bytes[] = { 0x45, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99 };

static bool load(const void *ctx, u32 off, void *to, u32 len)
{
	memcpy(to, (const u8 *)ctx + off, len);
	return true;
}

static u32 run(const struct cbpf_packet *p, const struct cbpf_insn *insn, unsigned n)
{
	assert_int_equal(cbpf_check(insn, n), 0);
	return cbpf_run(insn, p);
}

static void loads(void **state)
{
	struct cbpf_packet p = { .data = bytes, .linear = sizeof(bytes), .len = sizeof(bytes) };

	(void)state;
	for (unsigned split = 0; split < 2; split++) {
		assert_int_equal(RUN(&p, S(BPF_LD | BPF_W | BPF_ABS, 0), S(BPF_RET | BPF_A, 0)), 0x45112233);
		assert_int_equal(RUN(&p, S(BPF_LD | BPF_H | BPF_ABS, 4), S(BPF_RET | BPF_A, 0)), 0x4455);
		assert_int_equal(RUN(&p, S(BPF_LD | BPF_B | BPF_ABS, 9), S(BPF_RET | BPF_A, 0)), 0x99);
		assert_int_equal(RUN(&p, S(BPF_LD | BPF_W | BPF_ABS, 6), S(BPF_RET | BPF_A, 0)), 0x66778899);
		/* Outside: the program answers 0 at once. */
		assert_int_equal(RUN(&p, S(BPF_LD | BPF_W | BPF_ABS, 7), S(BPF_RET | BPF_K, 1)), 0);
		assert_int_equal(RUN(&p, S(BPF_LD | BPF_B | BPF_ABS, 10), S(BPF_RET | BPF_K, 1)), 0);
		assert_int_equal(RUN(&p, S(BPF_LD | BPF_W | BPF_ABS, 0x7fffffff), S(BPF_RET | BPF_K, 1)), 0);
		/* x = 4 * (0x45 & 0xf) would be 20; the byte at 1 is 0x11: x = 4 */
		assert_int_equal(RUN(&p, S(BPF_LDX | BPF_B | BPF_MSH, 1), S(BPF_LD | BPF_H | BPF_IND, 1), S(BPF_RET | BPF_A, 0)), 0x5566);
		assert_int_equal(RUN(&p, S(BPF_LDX | BPF_IMM, 0xffffffff), S(BPF_LD | BPF_B | BPF_IND, 3), S(BPF_RET | BPF_A, 0)), 0x22);
		assert_int_equal(RUN(&p, S(BPF_LDX | BPF_IMM, 9), S(BPF_LD | BPF_H | BPF_IND, 0), S(BPF_RET | BPF_K, 1)), 0);
		assert_int_equal(RUN(&p, S(BPF_LD | BPF_W | BPF_LEN, 0), S(BPF_RET | BPF_A, 0)), 10);
		assert_int_equal(RUN(&p, S(BPF_LDX | BPF_W | BPF_LEN, 0), S(BPF_MISC | BPF_TXA, 0), S(BPF_RET | BPF_A, 0)), 10);
		/* Same again with only five bytes linear. */
		p.linear = 5;
		p.load = load;
		p.ctx = bytes;
	}
}

static void headers(void **state)
{
	struct cbpf_packet p = { .data = bytes + 4, .linear = 6, .len = 6, .before = 4, .ll_off = -4, .net_off = -2 };

	(void)state;
	assert_int_equal(RUN(&p, S(BPF_LD | BPF_B | BPF_ABS, 0), S(BPF_RET | BPF_A, 0)), 0x44);
	assert_int_equal(RUN(&p, S(BPF_LD | BPF_H | BPF_ABS, (u32)SKF_LL_OFF), S(BPF_RET | BPF_A, 0)), 0x4511);
	assert_int_equal(RUN(&p, S(BPF_LD | BPF_W | BPF_ABS, (u32)SKF_NET_OFF + 1), S(BPF_RET | BPF_A, 0)), 0x33445566);
	assert_int_equal(RUN(&p, S(BPF_LDX | BPF_B | BPF_MSH, (u32)SKF_LL_OFF), S(BPF_MISC | BPF_TXA, 0), S(BPF_RET | BPF_A, 0)), 20);
	assert_int_equal(RUN(&p, S(BPF_LD | BPF_W | BPF_ABS, (u32)SKF_NET_OFF + 6), S(BPF_RET | BPF_K, 1)), 0);
	assert_int_equal(RUN(&p, S(BPF_LD | BPF_W | BPF_ABS, 0x80000000), S(BPF_RET | BPF_K, 1)), 0);
	p.ll_off = -5;
	assert_int_equal(RUN(&p, S(BPF_LD | BPF_B | BPF_ABS, (u32)SKF_LL_OFF), S(BPF_RET | BPF_K, 1)), 0);
}

static u32 alu(u16 op, u32 a, u32 b)
{
	struct cbpf_packet p = { .data = bytes };
	u32 r = RUN(&p, S(BPF_LDX | BPF_IMM, b), S(BPF_LD | BPF_IMM, a), S((u16)(BPF_ALU | op | BPF_X), 0), S(BPF_RET | BPF_A, 0));
	const struct cbpf_insn k[] = { S(BPF_LD | BPF_IMM, a), S((u16)(BPF_ALU | op | BPF_K), b), S(BPF_RET | BPF_A, 0) };

	if (!cbpf_check(k, 3))
		assert_int_equal(cbpf_run(k, &p), r);
	return r;
}

static void arithmetic(void **state)
{
	struct cbpf_packet p = { .data = bytes };

	(void)state;
	assert_int_equal(alu(BPF_ADD, 0xffffffff, 2), 1);
	assert_int_equal(alu(BPF_SUB, 1, 2), 0xffffffff);
	assert_int_equal(alu(BPF_MUL, 0x10001, 0x10001), 0x20001);
	assert_int_equal(alu(BPF_DIV, 0xffffffff, 2), 0x7fffffff);
	assert_int_equal(alu(BPF_DIV, 7, 0), 0);
	assert_int_equal(alu(BPF_MOD, 0xffffffff, 10), 5);
	assert_int_equal(alu(BPF_MOD, 7, 0), 0);
	assert_int_equal(alu(BPF_AND, 0xff00, 0x0ff0), 0x0f00);
	assert_int_equal(alu(BPF_OR, 0xff00, 0x0ff0), 0xfff0);
	assert_int_equal(alu(BPF_XOR, 0xff00, 0x0ff0), 0xf0f0);
	assert_int_equal(alu(BPF_LSH, 3, 31), 0x80000000);
	assert_int_equal(alu(BPF_RSH, 0x80000000, 31), 1);
	assert_int_equal(alu(BPF_LSH, 1, 33), 2);
	assert_int_equal(RUN(&p, S(BPF_LD | BPF_IMM, 1), S(BPF_ALU | BPF_NEG, 0), S(BPF_RET | BPF_A, 0)), 0xffffffff);
	assert_int_equal(RUN(&p, S(BPF_LD | BPF_IMM, 7), S(BPF_ST, 15), S(BPF_LDX | BPF_MEM, 15), S(BPF_STX, 0), S(BPF_LD | BPF_MEM, 0),
			     S(BPF_RET | BPF_A, 0)), 7);
}

static u32 jump(u16 op, u32 a, u32 b)
{
	struct cbpf_packet p = { .data = bytes };

	return RUN(&p, S(BPF_LD | BPF_IMM, a), J((u16)(BPF_JMP | op | BPF_K), b, 1, 0), S(BPF_RET | BPF_K, 0), S(BPF_RET | BPF_K, 1));
}

static void jumps(void **state)
{
	struct cbpf_packet p = { .data = bytes };

	(void)state;
	assert_int_equal(jump(BPF_JEQ, 5, 5), 1);
	assert_int_equal(jump(BPF_JEQ, 5, 6), 0);
	assert_int_equal(jump(BPF_JGT, 0xffffffff, 1), 1); /* unsigned */
	assert_int_equal(jump(BPF_JGT, 1, 1), 0);
	assert_int_equal(jump(BPF_JGE, 1, 1), 1);
	assert_int_equal(jump(BPF_JSET, 6, 2), 1);
	assert_int_equal(jump(BPF_JSET, 6, 9), 0);
	assert_int_equal(RUN(&p, S(BPF_JMP | BPF_JA, 1), S(BPF_RET | BPF_K, 1), S(BPF_RET | BPF_K, 2)), 2);
}

static void ancillary(void **state)
{
	static const u8 nl[] = { 8, 0, 1, 0, 'a', 'b', 'c', 'd', 12, 0, 2, 0, 8, 0, 9, 0, 1, 2, 3, 4 };
	struct cbpf_aux aux = { .has_dev = true, .protocol = 0x800, .pkt_type = 4, .ifindex = 7, .hatype = 1, .mark = 9, .queue = 3,
				.hash = 0xdead, .cpu = 1, .vlan_tci = 100, .vlan_proto = 0x8100, .pay_offset = 40 };
	struct cbpf_packet p = { .data = nl, .linear = sizeof(nl), .len = sizeof(nl), .aux = &aux };

	(void)state;
#define AD(which) RUN(&p, S(BPF_LD | BPF_W | BPF_ABS, (u32)(SKF_AD_OFF + (which))), S(BPF_RET | BPF_A, 0))
	assert_int_equal(AD(SKF_AD_PROTOCOL), 0x800);
	assert_int_equal(AD(SKF_AD_PKTTYPE), 4);
	assert_int_equal(AD(SKF_AD_IFINDEX), 7);
	assert_int_equal(AD(SKF_AD_HATYPE), 1);
	assert_int_equal(AD(SKF_AD_MARK), 9);
	assert_int_equal(AD(SKF_AD_QUEUE), 3);
	assert_int_equal(AD(SKF_AD_RXHASH), 0xdead);
	assert_int_equal(AD(SKF_AD_CPU), 1);
	assert_int_equal(AD(SKF_AD_VLAN_TAG), 100);
	assert_int_equal(AD(SKF_AD_VLAN_TAG_PRESENT), 1);
	assert_int_equal(AD(SKF_AD_VLAN_TPID), 0x8100);
	assert_int_equal(AD(SKF_AD_PAY_OFFSET), 40);
	assert_int_equal(RUN(&p, S(BPF_LDX | BPF_IMM, 6), S(BPF_LD | BPF_IMM, 3), S(BPF_LD | BPF_B | BPF_ABS, (u32)(SKF_AD_OFF + SKF_AD_ALU_XOR_X)),
			     S(BPF_RET | BPF_A, 0)), 5);
	/* Attribute 2 begins at 8; attribute 9 is nested in it at 12; attribute 3 is not there. */
#define NLA(which, a, x) RUN(&p, S(BPF_LDX | BPF_IMM, x), S(BPF_LD | BPF_IMM, a), S(BPF_LD | BPF_W | BPF_ABS, (u32)(SKF_AD_OFF + (which))), S(BPF_RET | BPF_A, 0))
	assert_int_equal(NLA(SKF_AD_NLATTR, 0, 2), 8);
	assert_int_equal(NLA(SKF_AD_NLATTR, 0, 3), 0);
	assert_int_equal(NLA(SKF_AD_NLATTR, 100, 2), 0);
	assert_int_equal(NLA(SKF_AD_NLATTR_NEST, 8, 9), 12);
	p.aux = NULL;
	assert_int_equal(AD(SKF_AD_MARK), 0);
	assert_int_equal(RUN(&p, S(BPF_LD | BPF_W | BPF_ABS, (u32)(SKF_AD_OFF + SKF_AD_IFINDEX)), S(BPF_RET | BPF_K, 5)), 0);
}

static void refused(void **state)
{
	struct cbpf_insn many[CBPF_MAX_INSNS + 1];

	(void)state;
	for (unsigned i = 0; i <= CBPF_MAX_INSNS; i++)
		many[i] = (struct cbpf_insn)S(BPF_RET | BPF_K, 0);
	assert_int_equal(cbpf_check(many, CBPF_MAX_INSNS), 0);
	assert_int_equal(cbpf_check(many, CBPF_MAX_INSNS + 1), -EINVAL);
	assert_int_equal(cbpf_check(many, 0), -EINVAL);
	assert_int_equal(CHECK(S(BPF_LD | BPF_IMM, 0)), -EINVAL);			     /* no end */
	assert_int_equal(CHECK(S(0xffff, 0), S(BPF_RET | BPF_K, 0)), -EINVAL);
	assert_int_equal(CHECK(S(BPF_RET | BPF_X, 0)), -EINVAL);
	assert_int_equal(CHECK(S(BPF_ALU | BPF_DIV | BPF_K, 0), S(BPF_RET | BPF_K, 0)), -EINVAL);
	assert_int_equal(CHECK(S(BPF_ALU | BPF_MOD | BPF_K, 0), S(BPF_RET | BPF_K, 0)), -EINVAL);
	assert_int_equal(CHECK(S(BPF_ALU | BPF_LSH | BPF_K, 32), S(BPF_RET | BPF_K, 0)), -EINVAL);
	assert_int_equal(CHECK(S(BPF_ST, 16), S(BPF_RET | BPF_K, 0)), -EINVAL);
	assert_int_equal(CHECK(S(BPF_LD | BPF_MEM, 3), S(BPF_RET | BPF_A, 0)), -EINVAL);    /* never written */
	assert_int_equal(CHECK(S(BPF_JMP | BPF_JA, 1), S(BPF_RET | BPF_K, 0)), -EINVAL);
	assert_int_equal(CHECK(S(BPF_JMP | BPF_JA, 0xffffffff), S(BPF_RET | BPF_K, 0)), -EINVAL); /* no way back */
	assert_int_equal(CHECK(J(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), S(BPF_RET | BPF_K, 0)), -EINVAL);
	assert_int_equal(CHECK(J(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), S(BPF_RET | BPF_K, 0)), -EINVAL);
	assert_int_equal(CHECK(S(BPF_LD | BPF_W | BPF_ABS, (u32)SKF_AD_OFF + 1), S(BPF_RET | BPF_K, 0)), -EINVAL);
	assert_int_equal(CHECK(S(BPF_LD | BPF_W | BPF_ABS, (u32)SKF_AD_OFF + SKF_AD_MAX), S(BPF_RET | BPF_K, 0)), -EINVAL);
	/* Written on one way only. */
	assert_int_equal(CHECK(J(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), S(BPF_ST, 1), S(BPF_LD | BPF_MEM, 1), S(BPF_RET | BPF_A, 0)), -EINVAL);
	/* On both. */
	assert_int_equal(CHECK(J(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2), S(BPF_ST, 1), S(BPF_JMP | BPF_JA, 1), S(BPF_STX, 1), S(BPF_LD | BPF_MEM, 1),
			       S(BPF_RET | BPF_A, 0)), 0);
}

static void life(void **state)
{
	static const struct cbpf_insn ok[] = { S(BPF_RET | BPF_K, 5) }, bad[] = { S(BPF_RET | BPF_X, 5) };
	struct cbpf_prog *p;
	struct mem mem;

	(void)state;
	mem_init(&mem, 0);
	assert_int_equal(cbpf_prog_new(&mem, bad, 1, &p), -EINVAL);
	mem.fail_at = 1;
	assert_int_equal(cbpf_prog_new(&mem, ok, 1, &p), -ENOMEM);
	assert_int_equal(cbpf_prog_new(&mem, ok, 1, &p), 0);
	cbpf_prog_get(p);
	cbpf_prog_put(&mem, p);
	assert_int_equal(cbpf_run(p->insn, &(struct cbpf_packet){ .data = bytes }), 5);
	cbpf_prog_put(&mem, p);
	assert_int_equal(mem_fini(&mem), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loads), cmocka_unit_test(headers), cmocka_unit_test(arithmetic), cmocka_unit_test(jumps),
		cmocka_unit_test(ancillary), cmocka_unit_test(refused), cmocka_unit_test(life),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
