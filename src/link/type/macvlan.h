/* macvlan's insides, shared by its three files: frames (macvlan.c), the device and its port (macvlan_dev.c), rtnetlink (macvlan_link.c). */
#ifndef LINK_TYPE_MACVLAN_H
#define LINK_TYPE_MACVLAN_H

#include <linux/if_link.h>

#include "codec/wire/eth.h"
#include "link/netns_dev.h"
#include "link/stacked.h"

extern const struct link_kind link_kind_macvlan;

#define MV_BC_QUEUE_LEN 1000 /* frames to groups that wait, by default */

struct mv_port { /* what the lower device has */
	struct net_device *lower;
	struct list macvlans; /* struct macvlan.link, newest first */
	unsigned count;
	bool passthru;
	u8 perm_addr[ETH_ADDR_LEN]; /* the lower device's, before a passthru macvlan changed it */
	u32 bc_queue_len;
	struct skb_list bc_queue;
	struct cpu_work bc_work;
};
struct mv_source { struct list link; u8 addr[ETH_ADDR_LEN]; };
struct macvlan { /* priv */
	struct stacked on;
	struct net_device *dev;
	struct mv_port *port;
	struct list link;
	bool up;		/* found by address */
	u32 mode;
	u16 flags;		/* MACVLAN_FLAG_* */
	u32 bc_queue_len;
	struct list sources;
	u32 nsources;
};
struct mv_cb { struct macvlan *src; }; /* skb->cb while in bc_queue */
#define MV_CB(skb) ((struct mv_cb *)(skb)->cb)

static inline struct macvlan *mv_of(const struct net_device *dev) { return dev->priv; }

struct macvlan *mv_find(const struct mv_port *port, const u8 *addr); /* who is up and has this address; NULL: nobody */
bool mv_receive(struct cpu *cpu, struct sk_buff **pskb, void *data); /* the port's rx_handler */
void mv_bc_run(struct cpu *cpu, struct cpu_work *work);
enum netdev_tx mv_xmit(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev, unsigned txq);

void mv_setup(struct net_device *dev);
/* What the new macvlan takes from lower; mode, flags and bc_queue_len are set. */
void mv_inherit(struct macvlan *m, const struct net_device *lower);
int mv_port_get(struct net_device *lower, struct mv_port **out); /* the port, made if need be. -EINVAL, -EBUSY, -ENOMEM */
void mv_port_put(struct cpu *cpu, struct mv_port *port);	 /* goes with its last macvlan */
void mv_update_bc_queue_len(struct mv_port *port);
void mv_sources_flush(struct macvlan *m);

#endif
