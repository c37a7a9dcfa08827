/* What the files of slirp's process share: uplink_proc.c (the process), uplink_sandbox.c, slirp_net.c (libslirp), publish.c. */
#ifndef HOST_UPLINK_PROC_H
#define HOST_UPLINK_PROC_H

#include <poll.h>

#include "base/list.h"
#include "host/uplink.h"

#define UPLINK_FRAME_MAX 65550	/* Ethernet header and the longest IP packet */
#define UPLINK_POLLS_MAX 8192	/* descriptors that libslirp may wait for at once */

/* Takes frames for the stack. Never blocks: what the stack has no room for waits, up to a limit. */
typedef void (*frame_fn)(void *arg, const void *frame, size_t len);

/* Gives up everything that moving bytes between sockets does not need: files (but the folder of resolv.conf), capabilities, most
 * system calls. 0, -errno with a sentence. */
int uplink_sandbox(struct ctl_error *err);

/* -- libslirp: slirp_net.c -- */
struct slirp_net;
int slirp_net_new(const struct uplink_config *cfg, frame_fn emit, void *arg, struct slirp_net **out, struct ctl_error *err);
void slirp_net_input(struct slirp_net *s, const void *frame, size_t len);
/* Adds what it waits for to p (at most max), and lowers *timeout_ms; stalled: it is not to read from its sockets now. How many. */
unsigned slirp_net_fill(struct slirp_net *s, struct pollfd *p, unsigned max, bool stalled, u32 *timeout_ms);
void slirp_net_poll(struct slirp_net *s, const struct pollfd *p, bool failed); /* after poll(), with what fill got */

#endif
