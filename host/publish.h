/* Published ports: listeners in this machine's network whose connections go on inside, from the client's own address. See publish.c. */
#ifndef HOST_PUBLISH_H
#define HOST_PUBLISH_H

#include "host/uplink_proc.h"

struct publish;

/* Binds the ports (with the rights of the caller) and makes the far side of the connections. epfd: where its descriptors are watched; their
 * data.ptr is for publish_event. frame_fn: towards the stack. -EADDRINUSE, -EACCES, -EADDRNOTAVAIL … with a sentence. */
int publish_new(const struct uplink_config *cfg, int epfd, frame_fn emit, void *arg, struct publish **out, struct ctl_error *err);
/* What frame_sort asks. */
bool publish_has(void *publish, u8 proto, const struct inaddr *client, be16 client_port, const struct inaddr *inner, be16 inner_port);
void publish_input(struct publish *p, const void *frame, size_t len); /* from the stack */
void publish_event(struct publish *p, void *ptr, u32 epoll_events);
/* Moves what can be moved, runs what is due. stalled: the stack takes no frames now. Returns when to be called again: monotonic ns. */
u64 publish_run(struct publish *p, u64 now, bool stalled);

#endif
