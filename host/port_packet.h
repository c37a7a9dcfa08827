/* A nic's wire over an AF_PACKET socket: the stack is one more station on the network of a device of this machine. */
#ifndef HOST_PORT_PACKET_H
#define HOST_PORT_PACKET_H

#include "link/port.h"

struct host;

/* A packet socket on the Ethernet device `dev`, which is set to take every frame while the socket lives. Needs CAP_NET_RAW over the caller's network
 * namespace. -EPERM; -ENODEV; -EMEDIUMTYPE: no Ethernet; -errno. */
int packet_open(const char *dev, int *fd);
/* A port over a socket from packet_open, which it takes (on success only). -EINVAL: it is another kind of descriptor; -ENOMEM. */
int port_packet_new(struct host *h, int fd, struct port **out);

#endif
