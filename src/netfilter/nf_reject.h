/* Answers to packets that a rule refuses: an ICMP error, or a TCP reset. */
#ifndef NETFILTER_NF_REJECT_H
#define NETFILTER_NF_REJECT_H

#include "netfilter/nf.h"

/* skb as at a hook of st's family (IPv4 or IPv6), data at the network header; borrowed. thoff: of the transport header; proto: its protocol.
 * Packets to which no answer may go (to groups, errors, resets, later fragments, with a wrong checksum) get none. */
void nf_reject_icmp(struct cpu *cpu, const struct hook_state *st, struct sk_buff *skb, u8 code); /* of "unreachable", in the family's numbers */
void nf_reject_tcp(struct cpu *cpu, const struct hook_state *st, struct sk_buff *skb, u32 thoff);

#endif
