/* Classic BPF programs over packets: socket filters and trace filters. */
#ifndef CORE_SKB_FILTER_H
#define CORE_SKB_FILTER_H

#include "bpf/cbpf.h"
#include "core/cpu.h"

/* Runs a checked program over the bytes from `from` on (offset from skb->data; negative: into a header that was pulled). Returns how
 * many bytes to keep, 0: none. Does not change the packet. */
u32 skb_run_filter(struct cpu *cpu, const struct sk_buff *skb, s32 from, const struct cbpf_insn *insn);

#endif
