/* Answers to extended echoes (RFC 8335), for both families. Home lane. */
#ifndef INET_ICMP_PROBE_H
#define INET_ICMP_PROBE_H

#include "core/skb.h"

struct netns;
/* skb: data at the ICMP header, whose eight bytes are linear and may be written. Turns the question into its answer: type, code and status; the
 * checksum is the caller's to make. False: it is not for us to answer. */
bool icmp_probe(struct netns *net, struct sk_buff *skb, u8 reply_type);

#endif
