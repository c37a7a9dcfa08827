/* Making a nic for the control protocol: descriptors from a command become a port, and the port a device. */
#ifndef HOST_NIC_MAKE_H
#define HOST_NIC_MAKE_H

#include "host/daemon.h"

/* Takes descriptors out of fds (and *nfds down) as far as it used them. `peer` is who asks: where netns_pid says nothing, its
 * namespace is meant when it is a program of this stack, else the world's first. */
int nic_make(struct daemon *d, const struct ctl_nic *rq, pid_t peer, int *fds, unsigned *nfds, struct ctl_error *err);

#endif
