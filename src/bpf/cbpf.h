/* Classic BPF: socket filters, trace filters, and what libpcap compiles. A checker and an interpreter over packet bytes.
 *
 * The checker accepts what Linux accepts for socket filters, and a checked program ends after at most its length in steps,
 * reads no uninitialised memory and no byte outside the packet. A load outside the packet and a division by 0 end it with 0.
 */
#ifndef BPF_CBPF_H
#define BPF_CBPF_H

#include "base/types.h"

struct mem;
struct rng;

struct cbpf_insn { /* as struct sock_filter */
	u16 code;
	u8 jt, jf;
	u32 k;
};
#define CBPF_MAX_INSNS 4096
#define CBPF_MEM_WORDS 16

struct cbpf_prog {
	u32 refcnt; /* atomic */
	u16 len;
	struct cbpf_insn insn[];
};

/* What the ancillary loads (SKF_AD_*) read. */
struct cbpf_aux {
	bool has_dev;	  /* else loading ifindex or hatype ends the program with 0 */
	u16 protocol;	  /* host byte order */
	u8 pkt_type;
	u32 ifindex;
	u16 hatype;
	u32 mark, queue, hash, cpu;
	u16 vlan_tci, vlan_proto; /* vlan_proto host byte order; 0: no tag */
	u32 pay_offset;	  /* where the payload behind the headers begins */
	struct rng *rng;  /* for SKF_AD_RANDOM; NULL: 0 */
};

/* A packet: `len` bytes, of which `linear` lie at `data`. */
struct cbpf_packet {
	const u8 *data;
	u32 linear, len;
	u32 before;	  /* bytes that may be read in front of data: headers that were pulled */
	s32 net_off, ll_off; /* where the network and link-layer headers begin, from data: for SKF_NET_OFF, SKF_LL_OFF */
	/* Copies [off, off+len), which is inside the packet but not linear. False: not there. NULL: all of it is linear. */
	bool (*load)(const void *ctx, u32 off, void *to, u32 len);
	const void *ctx;
	const struct cbpf_aux *aux; /* NULL: all zero, no device */
};

/* 0, or -EINVAL. */
int cbpf_check(const struct cbpf_insn *insn, unsigned len);
/* A checked program: how many bytes of the packet to keep, 0: none. */
u32 cbpf_run(const struct cbpf_insn *insn, const struct cbpf_packet *pkt);

/* Checks and copies. One reference in *out. -EINVAL, -ENOMEM. */
int cbpf_prog_new(struct mem *mem, const struct cbpf_insn *insn, unsigned len, struct cbpf_prog **out);
static inline struct cbpf_prog *cbpf_prog_get(struct cbpf_prog *p) { __atomic_fetch_add(&p->refcnt, 1, __ATOMIC_RELAXED); return p; }
void cbpf_prog_put(struct mem *mem, struct cbpf_prog *p); /* NULL is fine */

#endif
