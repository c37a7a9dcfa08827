/* A nic's wire over a SOCK_SEQPACKET unix socket: one message is one frame, without more. What uplinks that live in a process of their own
 * (host/uplink_proc.c) are joined by. */
#ifndef HOST_PORT_FRAMES_H
#define HOST_PORT_FRAMES_H

#include "link/port.h"

struct host;

/* Takes the socket (on success only). -EINVAL: it is another kind of socket; -ENOMEM. */
int port_frames_new(struct host *h, int sock, struct port **out);

#endif
