/* What ports have in common whose queues are descriptors: each frame is one readv or writev, with or without a vnet header in front.
 *
 * A kind of port (port_tap.c, port_frames.c, port_packet.c) brings its own struct port_ops, most of which lead here, and what its
 * start, stop and offloads have to do besides. */
#ifndef HOST_PORT_FD_H
#define HOST_PORT_FD_H

#include "link/port.h"

struct fd_port;
struct host;

enum {
	FD_PORT_VNET_HDR = 1, /* struct virtio_net_hdr (little-endian) in front of each frame; the kind's caps say so too */
	FD_PORT_INTACT = 2,   /* frames come from memory, not off a wire: their checksums are not verified again */
};
#define FD_PORT_QUEUES_MAX 256

/* Takes the descriptors (on success only), which do not block. -ENOMEM. */
int fd_port_new(struct host *h, const struct port_ops *ops, const int *fds, unsigned queues, unsigned flags, struct port **out);
unsigned fd_port_queues(const struct port *p);
int fd_port_fd(const struct port *p, unsigned q);
/* Something of the kind's own, freed when nothing reads or writes any more. */
void fd_port_set_aux(struct port *p, void *aux, void (*free_aux)(void *aux));
void *fd_port_aux(const struct port *p);
void fd_port_broke(struct port *p, unsigned q); /* the queue's baton: its wire is gone, and so the carrier */

/* struct port_ops */
int fd_port_start(struct port *p, struct nic *nic, unsigned queues); /* -EINVAL: too many; -ENODEV: its wire is gone */
void fd_port_stop(struct port *p);
void fd_port_free(struct port *p);
unsigned fd_port_rx(struct cpu *cpu, struct port *p, unsigned q, struct sk_buff **skbs, unsigned n);
unsigned fd_port_tx(struct cpu *cpu, struct port *p, unsigned q, struct sk_buff **skbs, unsigned n);
bool fd_port_arm(struct cpu *cpu, struct port *p, unsigned q);

#endif
