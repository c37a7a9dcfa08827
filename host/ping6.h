/* ping over IPv6 through slirp's process, which libslirp leaves out. See ping6.c. */
#ifndef HOST_PING6_H
#define HOST_PING6_H

#include "host/uplink_proc.h"

struct ping6;

/* NULL: no memory, or no descriptors. */
struct ping6 *ping6_new(const struct uplink_config *cfg, frame_fn emit, void *arg);
/* A frame of the stack's for this machine's network. True: it was an echo request, and has been taken. */
bool ping6_take(struct ping6 *p, const void *frame, size_t len);
int ping6_fd(const struct ping6 *p);		     /* readable: ping6_run */
void ping6_run(struct ping6 *p, const u8 stack_mac[6]); /* answers become frames for the stack */

#endif
