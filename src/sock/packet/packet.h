/* Packet sockets (packet(7)): frames of a device as they come and go, and frames made by programs.
 *
 * A socket is a tap on its device, or on all of the namespace. It keeps clones: the bytes are shared with whoever else has the
 * packet. The memory-mapped rings and what belongs to them, fanout and PACKET_QDISC_BYPASS are not built: their options are refused.
 */
#ifndef SOCK_PACKET_PACKET_H
#define SOCK_PACKET_PACKET_H

#include "core/event.h"
#include "core/proc.h"
#include "core/subsys.h"
#include "link/netdevice.h"
#include "sock/sock.h"

/* struct sockaddr_ll: linux/if_packet.h and core/skb.h both name the types of packets, so it cannot be included. */
struct packet_addr {
	u16 family;
	be16 protocol;
	s32 ifindex;
	u16 hatype;
	u8 pkttype, halen, addr[8];
};
struct packet_member { /* PACKET_ADD_MEMBERSHIP */
	struct list link;
	s32 ifindex;
	u16 type, len; /* PACKET_MR_* */
	u8 addr[DEV_ADDR_MAX];
	u32 users;
};
struct packet_sock {
	struct sock sk;
	struct list link;	/* netns_packet.socks */
	struct dev_tap tap;	/* ethertype: what it listens for, 0: nothing */
	bool hooked;
	s32 ifindex;		/* bound to; 0: all devices, -1: to one that is gone */
	bool auxdata, origdev, ignore_outgoing;
	u8 vnet_hdr_len;	/* of the header in front of each frame; 0: none */
	u32 packets, dropped;	/* since PACKET_STATISTICS was last read */
	struct list members;
};
static inline struct packet_sock *packet_sk(struct sock *sk) { return (struct packet_sock *)sk; }
struct netns_packet {
	struct list socks;
};

/* In skb->cb from the tap to recvmsg. */
struct packet_cb {
	s32 ifindex;
	u32 orig_len;
	u16 hatype;
	u8 pkt_type, halen;
	u8 addr[8];
};
#define PACKET_CB(skb) ((struct packet_cb *)(skb)->cb)

/* packet_rx.c */
void packet_tap(struct cpu *cpu, struct dev_tap *tap, struct sk_buff *skb, struct net_device *dev, bool outgoing);
ssize_t packet_recvmsg(struct cpu *cpu, struct sock *sk, struct msghdr *m, int flags);
/* packet_tx.c */
ssize_t packet_sendmsg(struct cpu *cpu, struct sock *sk, const struct msghdr *m, int flags);
/* packet_opt.c */
int packet_setsockopt(struct cpu *cpu, struct sock *sk, int level, int name, const void *val, socklen_t len);
int packet_getsockopt(struct cpu *cpu, struct sock *sk, int level, int name, void *val, socklen_t *len);
void packet_members_drop(struct cpu *cpu, struct packet_sock *ps, const struct net_device *dev); /* dev NULL: all */

extern const struct sock_family packet_family_raw, packet_family_dgram;
extern const struct subsys packet_subsys;
extern const struct event_sub packet_event_sub;
extern const struct proc_file packet_proc;

#endif
