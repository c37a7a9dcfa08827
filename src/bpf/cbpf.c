/* The interpreter of classic BPF (McCanne, Jacobson: "The BSD Packet Filter", with Linux's extensions).
 *
 * Two registers, 16 words of scratch memory, loads in network byte order. An offset at or above SKF_LL_OFF (read as signed)
 * counts from the link-layer or network header; an absolute one at or above SKF_AD_OFF reads what is known about the packet
 * instead of its bytes.
 */
#include <linux/filter.h>
#include <linux/netlink.h>

#include "base/rng.h"
#include "bpf/cbpf.h"

/* size bytes at a signed offset from data; the word it makes in *v. */
static bool load_at(const struct cbpf_packet *p, s64 off, u32 size, u32 *v)
{
	u8 tmp[4];
	const u8 *b;

	if (likely(off >= -(s64)p->before && off + size <= p->linear)) {
		b = p->data + off;
	} else {
		if (off < 0 || off + size > p->len || !p->load || !p->load(p->ctx, (u32)off, tmp, size))
			return false;
		b = tmp;
	}
	switch (size) {
	case 1:
		*v = b[0];
		break;
	case 2:
		*v = (u32)b[0] << 8 | b[1];
		break;
	default:
		*v = (u32)b[0] << 24 | (u32)b[1] << 16 | (u32)b[2] << 8 | b[3];
	}
	return true;
}

static bool load(const struct cbpf_packet *p, u32 k, u32 size, u32 *v)
{
	s32 off = (s32)k;

	if (likely(off >= 0))
		return load_at(p, off, size, v);
	if (off >= SKF_NET_OFF)
		return load_at(p, (s64)p->net_off + off - SKF_NET_OFF, size, v);
	if (off >= SKF_LL_OFF)
		return load_at(p, (s64)p->ll_off + off - SKF_LL_OFF, size, v);
	return false;
}

/* Linux's nla_find: the attribute of type x in [off, end), its offset; 0 when there is none. Attributes are in host byte order. */
static u32 find_attr(const struct cbpf_packet *p, u32 off, u32 end, u32 x)
{
	u32 word;

	while (end - off >= NLA_HDRLEN && load_at(p, off, 4, &word)) {
		u32 nla_len = __builtin_bswap16((u16)(word >> 16)), type = __builtin_bswap16((u16)word) & NLA_TYPE_MASK;

		if (nla_len < NLA_HDRLEN || nla_len > end - off)
			return 0;
		if (type == x)
			return off;
		nla_len = NLA_ALIGN(nla_len);
		if (nla_len >= end - off)
			return 0;
		off += nla_len;
	}
	return 0;
}

static u32 find_nested(const struct cbpf_packet *p, u32 a, u32 x)
{
	u32 word, nla_len;

	if (!load_at(p, a, 4, &word))
		return 0;
	nla_len = __builtin_bswap16((u16)(word >> 16));
	if (nla_len < NLA_HDRLEN || nla_len > p->len - a)
		return 0;
	return find_attr(p, a + NLA_HDRLEN, a + nla_len, x);
}

/* SKF_AD_*. False ends the program. */
static bool ancillary(const struct cbpf_packet *p, u32 which, u32 x, u32 *a)
{
	static const struct cbpf_aux none;
	const struct cbpf_aux *aux = p->aux ? p->aux : &none;

	switch (which) {
	case SKF_AD_PROTOCOL:
		*a = aux->protocol;
		return true;
	case SKF_AD_PKTTYPE:
		*a = aux->pkt_type;
		return true;
	case SKF_AD_IFINDEX:
		*a = aux->ifindex;
		return aux->has_dev;
	case SKF_AD_HATYPE:
		*a = aux->hatype;
		return aux->has_dev;
	case SKF_AD_NLATTR:
	case SKF_AD_NLATTR_NEST:
		if (p->len < NLA_HDRLEN || *a > p->len - NLA_HDRLEN)
			*a = 0;
		else
			*a = which == SKF_AD_NLATTR ? find_attr(p, *a, p->len, x) : find_nested(p, *a, x);
		return true;
	case SKF_AD_MARK:
		*a = aux->mark;
		return true;
	case SKF_AD_QUEUE:
		*a = aux->queue;
		return true;
	case SKF_AD_RXHASH:
		*a = aux->hash;
		return true;
	case SKF_AD_CPU:
		*a = aux->cpu;
		return true;
	case SKF_AD_ALU_XOR_X:
		*a ^= x;
		return true;
	case SKF_AD_VLAN_TAG:
		*a = aux->vlan_tci;
		return true;
	case SKF_AD_VLAN_TAG_PRESENT:
		*a = aux->vlan_proto != 0;
		return true;
	case SKF_AD_VLAN_TPID:
		*a = aux->vlan_proto;
		return true;
	case SKF_AD_PAY_OFFSET:
		*a = aux->pay_offset;
		return true;
	case SKF_AD_RANDOM:
		*a = aux->rng ? rng_u32(aux->rng) : 0;
		return true;
	}
	return false;
}

u32 cbpf_run(const struct cbpf_insn *in, const struct cbpf_packet *p)
{
	u32 a = 0, x = 0, mem[CBPF_MEM_WORDS], v;

	for (;; in++) {
		switch (in->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (unlikely(in->k >= (u32)SKF_AD_OFF)) {
				if (!ancillary(p, in->k - (u32)SKF_AD_OFF, x, &a))
					return 0;
			} else if (unlikely(!load(p, in->k, 4, &a))) {
				return 0;
			}
			break;
		case BPF_LD | BPF_H | BPF_ABS:
			if (unlikely(in->k >= (u32)SKF_AD_OFF)) {
				if (!ancillary(p, in->k - (u32)SKF_AD_OFF, x, &a))
					return 0;
			} else if (unlikely(!load(p, in->k, 2, &a))) {
				return 0;
			}
			break;
		case BPF_LD | BPF_B | BPF_ABS:
			if (unlikely(in->k >= (u32)SKF_AD_OFF)) {
				if (!ancillary(p, in->k - (u32)SKF_AD_OFF, x, &a))
					return 0;
			} else if (unlikely(!load(p, in->k, 1, &a))) {
				return 0;
			}
			break;
		case BPF_LD | BPF_W | BPF_IND:
			if (!load(p, x + in->k, 4, &a))
				return 0;
			break;
		case BPF_LD | BPF_H | BPF_IND:
			if (!load(p, x + in->k, 2, &a))
				return 0;
			break;
		case BPF_LD | BPF_B | BPF_IND:
			if (!load(p, x + in->k, 1, &a))
				return 0;
			break;
		case BPF_LDX | BPF_B | BPF_MSH:
			if (!load(p, in->k, 1, &v))
				return 0;
			x = (v & 0xf) * 4;
			break;
		case BPF_LD | BPF_W | BPF_LEN:
			a = p->len;
			break;
		case BPF_LDX | BPF_W | BPF_LEN:
			x = p->len;
			break;
		case BPF_LD | BPF_IMM:
			a = in->k;
			break;
		case BPF_LDX | BPF_IMM:
			x = in->k;
			break;
		case BPF_LD | BPF_MEM:
			a = mem[in->k];
			break;
		case BPF_LDX | BPF_MEM:
			x = mem[in->k];
			break;
		case BPF_ST:
			mem[in->k] = a;
			break;
		case BPF_STX:
			mem[in->k] = x;
			break;
		case BPF_MISC | BPF_TAX:
			x = a;
			break;
		case BPF_MISC | BPF_TXA:
			a = x;
			break;
		case BPF_RET | BPF_K:
			return in->k;
		case BPF_RET | BPF_A:
			return a;

#define ALU(op, expr)                                                                                                  \
	case BPF_ALU | op | BPF_K:                                                                                     \
		v = in->k;                                                                                             \
		a = expr;                                                                                              \
		break;                                                                                                 \
	case BPF_ALU | op | BPF_X:                                                                                     \
		v = x;                                                                                                 \
		a = expr;                                                                                              \
		break
			ALU(BPF_ADD, a + v);
			ALU(BPF_SUB, a - v);
			ALU(BPF_MUL, a * v);
			ALU(BPF_AND, a & v);
			ALU(BPF_OR, a | v);
			ALU(BPF_XOR, a ^ v);
			ALU(BPF_LSH, a << (v & 31));
			ALU(BPF_RSH, a >> (v & 31));
#undef ALU
		case BPF_ALU | BPF_DIV | BPF_K:
			a /= in->k;
			break;
		case BPF_ALU | BPF_MOD | BPF_K:
			a %= in->k;
			break;
		case BPF_ALU | BPF_DIV | BPF_X:
			if (!x)
				return 0;
			a /= x;
			break;
		case BPF_ALU | BPF_MOD | BPF_X:
			if (!x)
				return 0;
			a %= x;
			break;
		case BPF_ALU | BPF_NEG:
			a = -a;
			break;
		case BPF_JMP | BPF_JA:
			in += in->k;
			break;

#define JUMP(op, cond)                                                                                                 \
	case BPF_JMP | op | BPF_K:                                                                                     \
		v = in->k;                                                                                             \
		in += (cond) ? in->jt : in->jf;                                                                        \
		break;                                                                                                 \
	case BPF_JMP | op | BPF_X:                                                                                     \
		v = x;                                                                                                 \
		in += (cond) ? in->jt : in->jf;                                                                        \
		break
			JUMP(BPF_JEQ, a == v);
			JUMP(BPF_JGT, a > v);
			JUMP(BPF_JGE, a >= v);
			JUMP(BPF_JSET, (a & v) != 0);
#undef JUMP
		default:
			assert(!"a checked program has known instructions only");
			return 0;
		}
	}
}
