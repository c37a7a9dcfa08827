/* Where a frame goes that the stack sends over a slirp uplink: to libslirp, to the connections of published ports, to both, to nobody.
 * Pure: reads bytes that programs inside chose. */
#ifndef HOST_FRAME_SORT_H
#define HOST_FRAME_SORT_H

#include "inet/addr.h"

enum { FRAME_SLIRP = 1, FRAME_PUBLISHED = 2 };

struct frame_sort {
	bool host_loopback; /* packets to this machine's own loopback addresses may pass */
	/* Whether a published port has this connection: the client is what the stack inside calls the peer. NULL: there are none. */
	bool (*published)(void *arg, u8 proto, const struct inaddr *client, be16 client_port, const struct inaddr *inner, be16 inner_port);
	void *arg;
};
unsigned frame_sort(const struct frame_sort *s, const void *frame, size_t len); /* FRAME_*, 0: dropped */


/* The answer to a question for a neighbour (ARP request, neighbour solicitation) that libslirp asks the stack: mac, whatever address it asks for. What it
 * has packets for came from the stack, so that is the way there, to addresses behind it, too. Length of the answer; 0: the frame is no such question. */
#define FRAME_ANSWER_MAX 86
size_t frame_answer(const void *question, size_t len, const u8 mac[6], u8 answer[FRAME_ANSWER_MAX]);

#endif
