/* Kinds of devices that stand on one other device: vlan, macvlan, ipvlan. What they have in common, as functions for their ops tables. */
#ifndef LINK_STACKED_H
#define LINK_STACKED_H

#include "link/netdevice.h"

struct nl_attrs;
struct nl_ext_ack;

struct stacked { struct net_device *lower; }; /* how the private part of such a device begins; a reference once it is set */

static inline struct net_device *stacked_lower(const struct net_device *dev) { return ((const struct stacked *)dev->priv)->lower; }

/* -- making one -- */
/* The device of IFLA_LINK, or, when it is of dev's own kind, the one below that. -EINVAL, -ENODEV. */
int stacked_find_lower(struct netns *src_net, const struct nl_attrs *attrs, const struct net_device *dev, struct net_device **out);
/* Whether fn may receive instead of lower: 0; -EEXIST: it does already; -EINVAL, -EBUSY as Linux has it. */
int stacked_can_receive(const struct net_device *lower, rx_handler_fn fn);
void stacked_inherit(struct net_device *dev, const struct net_device *lower); /* header lengths, sizes of segments */
/* Links dev above its lower device and registers it; on failure neither. */
int stacked_register(struct cpu *cpu, struct net_device *dev, struct nl_ext_ack *ack);

/* -- netdev_ops and header_ops -- */
void stacked_free(struct net_device *dev);
void stacked_change_rx_flags(struct net_device *dev, u32 change);
void stacked_set_rx_mode(struct net_device *dev);
s32 stacked_iflink(const struct net_device *dev);
struct netns *stacked_link_netns(const struct net_device *dev);
int stacked_create_header(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev, u16 ethertype, const u8 *daddr, const u8 *saddr);
extern const struct header_ops stacked_header_ops;
/* What every such device does when things happen below: its carrier and features follow, it ends with the lower device. */
void stacked_lower_event(struct cpu *cpu, struct net_device *dev, struct net_device *lower, enum net_event ev, unsigned long info);
/* fix_features of a device whose packets are cut where the lower device needs it: `always` whatever that one can. */
u64 stacked_fix_features(struct net_device *dev, u64 wanted, u64 always);

/* -- packets -- */
bool stacked_hears(const struct net_device *dev, const u8 *group); /* whether frames to this group are for dev */
void stacked_count_rx(struct cpu *cpu, struct net_device *dev, u32 bytes, bool multicast);
void stacked_count_tx(struct cpu *cpu, struct net_device *dev, u32 bytes, bool sent);
/* Whether the Ethernet header can be read; if not, the packet is dropped and counted. */
bool stacked_tx_begin(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev);

#endif
