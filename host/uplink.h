/* Uplinks: how the world's first namespace reaches a network of this machine.
 *
 *	slirp       libslirp in a process of its own, as an ordinary user: connections are made anew by that process's sockets
 *	tap:NAME    a TAP device of this machine: its other end is the kernel's
 *	packet:DEV  the stack is one more station on the network of this machine's device DEV
 *
 * The command reads the options (uplink_args.c); the stack's process opens the uplink while it is still in the caller's network
 * namespace (uplink_open), and makes the device when the stack is there (uplink_install).
 */
#ifndef HOST_UPLINK_H
#define HOST_UPLINK_H

#include <linux/if.h>
#include <netinet/in.h>
#include <sys/types.h>

#include "host/control.h"
#include "inet/addr.h"

enum uplink_kind { UPLINK_NONE, UPLINK_SLIRP, UPLINK_TAP, UPLINK_PACKET };
enum { UPLINK_PUBLISH_MAX = 64, UPLINK_DNS_MAX = 3 };

/* What a family has. */
struct uplink_net {
	bool on;		/* there is an address (slirp: the family is served) */
	struct inaddr addr;
	u8 prefix_len;
	bool has_gateway;
	struct inaddr gateway;
};
struct uplink_publish {		/* a port of this machine that leads inward */
	bool udp;
	struct inaddr addr;	/* of this machine; all zero: all addresses of both families */
	u16 port, inner;	/* inner: at the uplink's own address */
};
struct uplink_config {
	enum uplink_kind kind;
	char device[IFNAMSIZ];	/* of this machine */
	char name[IFNAMSIZ];	/* inside; empty: device, slirp's is tap0 */
	u32 mtu;		/* 0: slirp 65520, else the device's */
	bool has_mac;
	u8 mac[6];
	struct uplink_net v4, v6;
	unsigned ndns;
	struct inaddr dns[UPLINK_DNS_MAX]; /* what resolv.conf inside says; none: this machine's file is seen */
	bool no_v6;		/* slirp: IPv4 alone */
	bool host_loopback;	/* slirp: the gateway's address leads to this machine's 127.0.0.1 and ::1 */
	unsigned npublish;
	struct uplink_publish publish[UPLINK_PUBLISH_MAX];
};

/* -- reading options: host/uplink_args.c; pure -- */
/* "slirp,mtu=1500" … into c, which is zero but for what uplink_parse_publish left. -EINVAL with a sentence. */
int uplink_parse(struct uplink_config *c, const char *text, struct ctl_error *err);
/* "[ADDR:]PORT[:INNER][/tcp|/udp]", ADDR of IPv6 in brackets. -EINVAL, -E2BIG with a sentence. */
int uplink_parse_publish(struct uplink_config *c, const char *text, struct ctl_error *err);
/* When all options are read: fills in what was left open, and says what does not go together. */
int uplink_check(struct uplink_config *c, struct ctl_error *err);

/* -- the stack's process: host/uplink.c -- */
struct daemon;
struct uplink {
	const struct uplink_config *cfg;
	int fd;			/* the port's; -1: the port has it */
	pid_t pid;		/* of the process that it leads to; 0: none */
	u32 mtu;
	char resolv_conf[2048];	/* what programs are to see; empty: nothing special */
};
/* In the caller's network namespace, with one thread. cfg is borrowed until uplink_close. -errno with a sentence and its remedy. */
int uplink_open(struct uplink *u, const struct uplink_config *cfg, struct ctl_error *err);
/* Descriptors for a nic, opened in this thread's network namespace. -errno with a sentence and its remedy. */
int uplink_open_tap(const char *name, unsigned queues, int *fds, struct ctl_error *err);
int uplink_open_packet(const char *dev, int *fd, struct ctl_error *err);
/* The stack is built: makes the device in its first namespace, with addresses and routes. Without batons. */
int uplink_install(struct daemon *d, struct uplink *u, struct ctl_error *err);
/* When the world is gone: waits for the process, which ends by itself, and a second later is ended. */
void uplink_close(struct uplink *u);

/* -- slirp's process: host/uplink_proc.c -- */
/* Forks it and waits until it serves. *sock: the frames' socket (port_frames.h). -ENOSYS: weft was built without libslirp. */
int uplink_proc_start(const struct uplink_config *cfg, pid_t *pid, int *sock, struct ctl_error *err);

#endif
