/* A nic's wire over a TAP device of this machine: frames cross whole, up to 64 KiB, with checksums left to whoever needs them. */
#ifndef HOST_PORT_TAP_H
#define HOST_PORT_TAP_H

#include "link/port.h"

struct host;

/* Opens `queues` descriptors of the TAP device `name` (made when missing; gone with the last descriptor unless it is persistent), with
 * a vnet header. Needs CAP_NET_ADMIN over the caller's network namespace, or a persistent device that belongs to the caller. -EPERM,
 * -EBUSY (someone else has it), -EINVAL (it is no TAP, or has one queue and more are asked for), -ENOENT (no /dev/net/tun). */
int tap_open(const char *name, unsigned queues, int *fds);
/* A port over descriptors from tap_open, which it takes (on success only). */
int port_tap_new(struct host *h, const int *fds, unsigned queues, struct port **out);

#endif
