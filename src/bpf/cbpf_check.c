/* What makes a classic BPF program acceptable: known instructions, jumps forward and inside, scratch memory written before it
 * is read on every way there, no division by a constant 0, no shift by 32 or more, an end on every way.
 *
 * Ways only go forward, so one pass suffices: for each instruction, the set of scratch words that every jump to it has
 * written is known before it is reached. (Behind a RET the words of the way to it still count, though nobody falls through: that
 * is how Linux judges.)
 */
#include <linux/filter.h>

#include "base/mem.h"
#include "bpf/cbpf.h"

_Static_assert(sizeof(struct cbpf_insn) == sizeof(struct sock_filter), "the layout is sock_filter's");
_Static_assert(CBPF_MAX_INSNS == BPF_MAXINSNS && CBPF_MEM_WORDS == BPF_MEMWORDS, "linux/filter.h");

static bool known_ancillary(u32 k)
{
	switch (k - (u32)SKF_AD_OFF) {
	case SKF_AD_PROTOCOL:
	case SKF_AD_PKTTYPE:
	case SKF_AD_IFINDEX:
	case SKF_AD_NLATTR:
	case SKF_AD_NLATTR_NEST:
	case SKF_AD_MARK:
	case SKF_AD_QUEUE:
	case SKF_AD_HATYPE:
	case SKF_AD_RXHASH:
	case SKF_AD_CPU:
	case SKF_AD_ALU_XOR_X:
	case SKF_AD_VLAN_TAG:
	case SKF_AD_VLAN_TAG_PRESENT:
	case SKF_AD_PAY_OFFSET:
	case SKF_AD_RANDOM:
	case SKF_AD_VLAN_TPID:
		return true;
	}
	return false;
}

/* Of one instruction, jumps and scratch memory aside. */
static bool valid(const struct cbpf_insn *in)
{
	switch (in->code) {
	case BPF_LD | BPF_W | BPF_ABS:
	case BPF_LD | BPF_H | BPF_ABS:
	case BPF_LD | BPF_B | BPF_ABS:
		return in->k < (u32)SKF_AD_OFF || known_ancillary(in->k);
	case BPF_LD | BPF_W | BPF_IND:
	case BPF_LD | BPF_H | BPF_IND:
	case BPF_LD | BPF_B | BPF_IND:
	case BPF_LD | BPF_W | BPF_LEN:
	case BPF_LD | BPF_IMM:
	case BPF_LDX | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_B | BPF_MSH:
	case BPF_LDX | BPF_IMM:
	case BPF_MISC | BPF_TAX:
	case BPF_MISC | BPF_TXA:
	case BPF_RET | BPF_K:
	case BPF_RET | BPF_A:
	case BPF_ALU | BPF_NEG:
		return true;
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
		return in->k < CBPF_MEM_WORDS;
	case BPF_ALU | BPF_ADD | BPF_K:
	case BPF_ALU | BPF_SUB | BPF_K:
	case BPF_ALU | BPF_MUL | BPF_K:
	case BPF_ALU | BPF_AND | BPF_K:
	case BPF_ALU | BPF_OR | BPF_K:
	case BPF_ALU | BPF_XOR | BPF_K:
	case BPF_ALU | BPF_ADD | BPF_X:
	case BPF_ALU | BPF_SUB | BPF_X:
	case BPF_ALU | BPF_MUL | BPF_X:
	case BPF_ALU | BPF_DIV | BPF_X:
	case BPF_ALU | BPF_MOD | BPF_X:
	case BPF_ALU | BPF_AND | BPF_X:
	case BPF_ALU | BPF_OR | BPF_X:
	case BPF_ALU | BPF_XOR | BPF_X:
	case BPF_ALU | BPF_LSH | BPF_X:
	case BPF_ALU | BPF_RSH | BPF_X:
		return true;
	case BPF_ALU | BPF_DIV | BPF_K:
	case BPF_ALU | BPF_MOD | BPF_K:
		return in->k != 0;
	case BPF_ALU | BPF_LSH | BPF_K:
	case BPF_ALU | BPF_RSH | BPF_K:
		return in->k < 32;
	case BPF_JMP | BPF_JA:
	case BPF_JMP | BPF_JEQ | BPF_K:
	case BPF_JMP | BPF_JGE | BPF_K:
	case BPF_JMP | BPF_JGT | BPF_K:
	case BPF_JMP | BPF_JSET | BPF_K:
	case BPF_JMP | BPF_JEQ | BPF_X:
	case BPF_JMP | BPF_JGE | BPF_X:
	case BPF_JMP | BPF_JGT | BPF_X:
	case BPF_JMP | BPF_JSET | BPF_X:
		return true;
	}
	return false;
}

int cbpf_check(const struct cbpf_insn *insn, unsigned len)
{
	u16 written[CBPF_MAX_INSNS]; /* on every jump to this instruction */
	u16 now = 0;		     /* on every way to the present one */

	if (!insn || !len || len > CBPF_MAX_INSNS)
		return -EINVAL;
	if (BPF_CLASS(insn[len - 1].code) != BPF_RET)
		return -EINVAL;
	memset(written, 0xff, len * sizeof(written[0]));
	for (unsigned pc = 0; pc < len; pc++) {
		const struct cbpf_insn *in = &insn[pc];
		unsigned left = len - pc - 1; /* instructions behind this one */

		if (!valid(in))
			return -EINVAL;
		now &= written[pc];
		switch (BPF_CLASS(in->code)) {
		case BPF_ST:
		case BPF_STX:
			now |= (u16)BIT(in->k);
			break;
		case BPF_LD:
		case BPF_LDX:
			if (BPF_MODE(in->code) == BPF_MEM && !(now & BIT(in->k)))
				return -EINVAL;
			break;
		case BPF_JMP:
			if (in->code == (BPF_JMP | BPF_JA)) {
				if (in->k >= left)
					return -EINVAL;
				written[pc + 1 + in->k] &= now;
			} else {
				if (in->jt >= left || in->jf >= left)
					return -EINVAL;
				written[pc + 1 + in->jt] &= now;
				written[pc + 1 + in->jf] &= now;
			}
			now = 0xffff; /* nobody falls through to the next one */
			break;
		}
	}
	return 0;
}

int cbpf_prog_new(struct mem *mem, const struct cbpf_insn *insn, unsigned len, struct cbpf_prog **out)
{
	struct cbpf_prog *p;
	int err = cbpf_check(insn, len);

	if (err)
		return err;
	p = mem_alloc(mem, sizeof(*p) + len * sizeof(*insn));
	if (!p)
		return -ENOMEM;
	p->refcnt = 1;
	p->len = (u16)len;
	memcpy(p->insn, insn, len * sizeof(*insn));
	*out = p;
	return 0;
}

void cbpf_prog_put(struct mem *mem, struct cbpf_prog *p)
{
	if (p && !__atomic_sub_fetch(&p->refcnt, 1, __ATOMIC_ACQ_REL))
		mem_free(mem, p);
}
