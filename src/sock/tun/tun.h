/* tun and tap: network devices whose wire is a program. What is sent on one, a read of its file gives; what is written is received.
 *
 * A file of /dev/net/tun is a socket here: TUNSETIFF (socket_ioctl) makes or joins a device, socket_recvmsg reads a frame and socket_sendmsg
 * writes one, each with the headers in front that its flags ask for (struct tun_pi, struct virtio_net_hdr). A device goes with its last
 * file, unless it is persistent. linux/if_tun.h; the kernel's Documentation/networking/tuntap; ip-tuntap(8).
 */
#ifndef SOCK_TUN_TUN_H
#define SOCK_TUN_TUN_H

#include <linux/ioctl.h>
#include <linux/if_tun.h>

#include "link/ethtool.h"
#include "link/netns_dev.h"
#include "sock/sock.h"

#define TUN_QUEUES_MAX 256

struct tun_file {
	struct sock sk;		/* rx_queue: frames on their way to the reader, */
	u32 waiting;		/* so many, at most the device's tx_queue_len */
	struct net_device *dev; /* NULL: none yet, or it is gone */
	bool disabled;		/* IFF_DETACH_QUEUE: it keeps its device, and gets nothing */
	bool lost;		/* its device went away */
	struct list link;	/* struct tun.disabled */
};
struct tun { /* a device's priv */
	struct net_device *dev;
	u32 flags;		/* IFF_TUN or IFF_TAP; IFF_NO_PI, IFF_VNET_HDR, IFF_MULTI_QUEUE, IFF_PERSIST … */
	s32 owner, group;	/* who may join without CAP_NET_ADMIN; -1: not said */
	u32 vnet_hdr_len;
	u64 offload;		/* NETIF_F_*, of TUNSETOFFLOAD: what the reader takes unfinished */
	u64 user_features;	/* which of these may be had */
	s32 sndbuf;
	struct tun_file *queue[TUN_QUEUES_MAX];
	unsigned nqueues;
	struct list disabled;
	unsigned ndisabled;
	/* ethtool's, kept for whoever asks: */
	struct dev_link_settings link;
	u32 msglevel;
	u32 rx_frames;		/* most frames a writer may hold back; no write of a program does */
};
static inline struct tun *tun_of(const struct net_device *dev) { return dev->priv; }
static inline struct tun_file *tun_file(struct sock *sk) { return (struct tun_file *)sk; }

extern const struct link_kind link_kind_tun;
extern const struct sock_family tun_family; /* for socket_of: socket(2) makes none */

/* All batons held. flags: struct ifreq's. -EBUSY, -EINVAL, -EPERM, -E2BIG (queues), -ENOMEM; name becomes the device's. */
int tun_set_iff(struct cpu *cpu, struct tun_file *f, char name[IFNAMSIZ], u32 flags);
int tun_set_queue(struct cpu *cpu, struct tun_file *f, u32 flags);
void tun_detach(struct cpu *cpu, struct tun_file *f); /* its end; the device's too when it was the last. No-op without a device */
int tun_ioctl(struct cpu *cpu, struct sock *sk, unsigned cmd, void *arg, size_t len);
static inline u32 tun_flags(const struct tun *t) { return t->flags | IFF_NO_PI; } /* as TUNGETIFF says it, whether or not */

#endif
