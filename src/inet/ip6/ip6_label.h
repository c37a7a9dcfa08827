/* The policy table of source address selection (RFC 6724 section 2.1), as `ip addrlabel` shows and changes it. */
#ifndef INET_IP6_IP6_LABEL_H
#define INET_IP6_IP6_LABEL_H

#include "base/list.h"
#include "inet/addr.h"

struct cpu;
struct netns;
struct ip6_label { struct list link; struct inaddr prefix; u8 len; s32 ifindex; u32 label; }; /* longest prefix first */
int ip6_label_add(struct netns *net, const struct inaddr *prefix, u8 len, s32 ifindex, u32 label, bool replace); /* -EEXIST -ENOMEM -EINVAL */
int ip6_label_del(struct netns *net, const struct inaddr *prefix, u8 len, s32 ifindex); /* -ESRCH */
struct list *ip6_labels(struct netns *net);
u32 ip6_labels_seq(const struct netns *net); /* how many were ever added */
const struct ip6_label *ip6_label_find(struct netns *net, const struct inaddr *a, s32 ifindex);

#endif
