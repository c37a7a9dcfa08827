/* The expressions that nearly every rule has, as nft_eval.c runs them without a call. Their files in expr/ make and write them. */
#ifndef NETFILTER_NFT_NFT_FAST_H
#define NETFILTER_NFT_NFT_FAST_H

#include "netfilter/nft/nft.h"

struct nft_cmp {
	union nft_data data;
	u8 sreg, len, op; /* NFT_CMP_* */
};
struct nft_cmp_fast {	  /* equality of at most 4 bytes */
	u32 value, mask;
	u8 sreg, len;
	bool inv;
};
struct nft_payload {
	u32 offset;
	u8 base, len, dreg; /* NFT_PAYLOAD_* */
};
struct nft_meta {
	u8 key, reg, len; /* NFT_META_*; bytes of the register */
};
struct nft_bitwise {	  /* NFT_BITWISE_BOOL: dreg = (sreg & mask) ^ xor */
	u32 mask[4], xor[4];
	u8 sreg, dreg, len;
};
struct nft_counter {
	u64 packets, bytes;
};
struct nft_immediate {
	union nft_data data;
	u8 dreg, len;
	bool is_verdict;
};

void nft_payload_eval(const struct nft_expr *e, struct nft_regs *regs, struct nft_pkt *pkt);
void nft_meta_get_eval(const struct nft_expr *e, struct nft_regs *regs, struct nft_pkt *pkt);
void nft_cmp_eval(const struct nft_expr *e, struct nft_regs *regs, struct nft_pkt *pkt);
/* Where a payload's base is, from skb->data; false: it is not there. */
bool nft_payload_base(const struct nft_pkt *pkt, u8 base, s32 *off);

/* What a register holds when fewer bytes than its last word has are stored: zeros behind them. */
static inline void nft_reg_store(struct nft_regs *regs, u8 reg, const void *p, u32 len)
{
	if (len & 3)
		regs->w[reg + len / 4] = 0;
	memcpy(&regs->w[reg], p, len);
}
static inline void nft_reg_store8(struct nft_regs *regs, u8 reg, u8 v) { regs->w[reg] = v; }
static inline void nft_reg_store16(struct nft_regs *regs, u8 reg, u16 v) { regs->w[reg] = v; } /* as in memory */
static inline void nft_reg_store64(struct nft_regs *regs, u8 reg, u64 v) { memcpy(&regs->w[reg], &v, 8); }

#endif
