/* Running rules over a packet: from a base chain's first rule on, through jumps and back, to a verdict.
 *
 * A rule is run expression by expression until one sets the verdict register to something else than NFT_CONTINUE: NFT_BREAK is how a
 * comparison that fails ends its rule. What leaves at the end of the base chain, or returns from it, meets the policy.
 *
 * A packet comes from hook_run() (inet/ip4, inet/ip6) by a chain type's function (nft_chain_type.c), and goes on there.
 */
#include "codec/wire/ip4hdr.h"
#include "codec/wire/ip6hdr.h"
#include "inet/ip6/ip6.h"
#include "netfilter/nft/nft_fast.h"

/* -- what is known of the packet at first -- */

static bool init_ip4(struct nft_pkt *p)
{
	u8 tmp[IP4_HDR_LEN];
	const struct ip4_hdr *ip = skb_header_pointer(p->skb, 0, IP4_HDR_LEN, tmp);

	if (!ip || ip4_version(ip) != 4 || ip4_hlen(ip) < IP4_HDR_LEN || ip4_hlen(ip) > p->skb->len)
		return false;
	p->l4_known = true;
	p->l4proto = ip->protocol;
	p->thoff = ip4_hlen(ip);
	p->fragoff = (u16)ip4_frag_off(ip);
	return true;
}

static bool init_ip6(struct nft_pkt *p)
{
	struct ip6_hdr tmp;
	const struct ip6_hdr *ip = skb_header_pointer(p->skb, 0, IP6_HDR_LEN, &tmp);
	be16 frag = { 0 };
	u8 next;
	int off;

	if (!ip || ip6_version(ip) != 6)
		return false;
	next = ip->nexthdr;
	off = likely(!ip6_is_ext(next)) ? IP6_HDR_LEN : ip6_skip_exthdrs(p->skb, IP6_HDR_LEN, &next, &frag);
	if (off < 0)
		return true; /* without a transport header that could be found */
	p->l4_known = true;
	p->l4proto = next;
	p->thoff = (u32)off;
	p->fragoff = be16_to_cpu(frag) & IP6_FRAG_OFFSET;
	return true;
}

bool nft_pkt_init(struct nft_pkt *p, struct cpu *cpu, struct sk_buff *skb, const struct hook_state *st)
{
	*p = (struct nft_pkt){ .cpu = cpu, .net = st->net, .skb = skb, .st = st, .family = nf_family(st) };
	switch (st->pf) {
	case NFPF_IPV4:
		return init_ip4(p);
	case NFPF_IPV6:
		return init_ip6(p);
	default:
		return true;
	}
}

/* -- expressions -- */

static inline void run_cmp_fast(const struct nft_cmp_fast *c, struct nft_regs *r)
{
	if (((r->w[c->sreg] & c->mask) == c->value) == c->inv)
		r->verdict.code = NFT_BREAK;
}

static inline void run_bitwise(const struct nft_bitwise *b, struct nft_regs *r)
{
	for (unsigned i = 0; i < (b->len + 3u) / 4; i++)
		r->w[b->dreg + i] = (r->w[b->sreg + i] & b->mask[i]) ^ b->xor[i];
}

static inline void run_immediate(const struct nft_immediate *m, struct nft_regs *r)
{
	if (m->is_verdict)
		r->verdict = m->data.verdict;
	else
		memcpy(&r->w[m->dreg], m->data.w, ALIGN_UP(m->len, 4u));
}

static inline void run_counter(struct nft_counter *c, const struct nft_pkt *pkt)
{
	c->packets++;
	c->bytes += pkt->skb->len;
}

static inline void run(const struct nft_expr *e, struct nft_regs *regs, struct nft_pkt *pkt)
{
	switch ((enum nft_op)e->ops->op) {
	case NFT_OP_CMP_FAST:
		run_cmp_fast((const struct nft_cmp_fast *)e->priv, regs);
		return;
	case NFT_OP_CMP:
		nft_cmp_eval(e, regs, pkt);
		return;
	case NFT_OP_PAYLOAD:
		nft_payload_eval(e, regs, pkt);
		return;
	case NFT_OP_META:
		nft_meta_get_eval(e, regs, pkt);
		return;
	case NFT_OP_BITWISE:
		run_bitwise((const struct nft_bitwise *)e->priv, regs);
		return;
	case NFT_OP_IMMEDIATE:
		run_immediate((const struct nft_immediate *)e->priv, regs);
		return;
	case NFT_OP_COUNTER:
		run_counter((struct nft_counter *)nft_expr_priv(e), pkt);
		return;
	case NFT_OP_CALL:
		e->ops->eval(e, regs, pkt);
		return;
	}
}

/* -- chains -- */

static enum hook_verdict verdict_of(struct nft_pkt *pkt, const struct nft_verdict *v)
{
	switch (v->code & NF_VERDICT_MASK) {
	case NF_ACCEPT:
		return HOOK_ACCEPT;
	case NF_STOLEN:
		return HOOK_STOLEN;
	case NF_QUEUE: /* nobody listens: a queue is not built yet */
		return v->code & NF_VERDICT_FLAG_QUEUE_BYPASS ? HOOK_ACCEPT : HOOK_DROP;
	default:
		return HOOK_DROP;
	}
}

enum hook_verdict nft_run(struct nft_pkt *pkt, const struct nft_chain *base)
{
	struct { const struct nft_program *prog; u32 at; } stack[NFT_JUMPS];
	const struct nft_program *prog = ptr_load(base->program);
	struct nft_regs regs;
	unsigned depth = 0;
	u32 i = 0;

	pkt->base = base;
	for (;;) {
		regs.verdict.code = NFT_CONTINUE;
		for (; prog && i < prog->count; i++) {
			nft_rule_for_each(e, prog->rule[i]) {
				run(e, &regs, pkt);
				if (regs.verdict.code != NFT_CONTINUE)
					break;
			}
			if (regs.verdict.code == NFT_BREAK)
				regs.verdict.code = NFT_CONTINUE;
			else if (regs.verdict.code != NFT_CONTINUE)
				break;
		}
		if (regs.verdict.code >= 0)
			return verdict_of(pkt, &regs.verdict);
		if (regs.verdict.code == NFT_JUMP) {
			if (depth == NFT_JUMPS) /* nft_check() has seen to that; a map changed by packets leads nowhere new */
				return HOOK_DROP;
			stack[depth].prog = prog;
			stack[depth++].at = i + 1;
		}
		if (regs.verdict.code == NFT_JUMP || regs.verdict.code == NFT_GOTO) {
			prog = ptr_load(regs.verdict.chain->program);
			i = 0;
			continue;
		}
		if (!depth)
			break;
		prog = stack[--depth].prog;
		i = stack[depth].at;
	}
	if (base->base->counted) {
		base->base->packets++;
		base->base->bytes += pkt->skb->len;
	}
	return base->base->policy == NF_ACCEPT ? HOOK_ACCEPT : HOOK_DROP;
}

int nft_compile(struct netns *net, struct nft_chain *c)
{
	struct nft_program *p = mem_alloc(&net->world->mem, sizeof(*p) + c->nrules * sizeof(p->rule[0]));
	struct nft_rule *r;

	if (!p)
		return -ENOMEM;
	p->count = 0;
	list_for_each (r, &c->rules, link) {
		if (!r->gone)
			p->rule[p->count++] = r;
	}
	c->next = p;
	return 0;
}
