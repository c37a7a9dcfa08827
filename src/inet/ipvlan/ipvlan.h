/* ipvlan's insides, shared by its three files: frames (ipvlan.c), the device and its port (ipvlan_dev.c), rtnetlink (ipvlan_link.c).
 * It stands above IPv4 and IPv6, because addresses tell whose a packet is. */
#ifndef INET_IPVLAN_IPVLAN_H
#define INET_IPVLAN_IPVLAN_H

#include <linux/if_link.h>

#include "codec/wire/eth.h"
#include "inet/addr.h"
#include "link/netns_dev.h"
#include "link/stacked.h"

struct iv_port { /* what the lower device has; mode and flags are one for all */
	struct net_device *lower;
	struct list ipvlans; /* struct ipvlan.link */
	unsigned count;
	u16 mode, flags;     /* IPVLAN_MODE_*, IPVLAN_F_* */
	u16 last_id;
	struct skb_list groups; /* frames to groups, handled at the end of the step; lower's home cpu */
	struct cpu_work group_work;
};
struct ipvlan { /* priv */
	struct stacked on;
	struct net_device *dev;
	struct iv_port *port;
	struct list link;
	u32 msglevel;	/* ethtool's */
};
enum { IV_GROUPS_MAX = 1000 }; /* frames to groups that wait */

static inline struct ipvlan *iv_of(const struct net_device *dev) { return dev->priv; }

/* ipvlan.c */
bool iv_receive(struct cpu *cpu, struct sk_buff **pskb, void *data); /* the port's rx_handler */
void iv_group_run(struct cpu *cpu, struct cpu_work *work);
void iv_xmit_here(struct cpu *cpu, struct sk_buff *skb); /* netdev_ops.xmit_here */
enum netdev_tx iv_xmit(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev, unsigned txq);
/* Who has this address, up or not (but for `except`); NULL: nobody. */
struct ipvlan *iv_owner(const struct iv_port *port, const struct inaddr *a, const struct net_device *except);
/* ipvlan_dev.c */
void iv_setup(struct net_device *dev);
void iv_inherit(struct ipvlan *m, const struct net_device *lower);
int iv_port_get(struct net_device *lower, struct iv_port **out); /* made if need be. -EINVAL, -EBUSY, -ENOMEM */
void iv_port_put(struct cpu *cpu, struct iv_port *port); /* goes with its last ipvlan */
void iv_set_mode(struct cpu *cpu, struct iv_port *port, u16 mode);

#endif
