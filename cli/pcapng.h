/* Capture files in the pcapng format (draft-ietf-opsawg-pcapng): one section in a file; an interface for every device of every network namespace
 * that something was seen on; a packet with its direction, its number and a comment; what was counted, at the end. Times are in nanoseconds. */
#ifndef CLI_PCAPNG_H
#define CLI_PCAPNG_H

#include <stdio.h>

#include "host/control.h"

struct pcapng_if {
	u32 netns_id;
	s32 ifindex;
	bool link_header;
	char netns[32], dev[16];
	u64 received, dropped, lost; /* seen on it; of those, dropped by the stack; not in the file for want of room */
};
struct pcapng {
	FILE *to;
	u64 bytes;		/* written to this file */
	u32 snaplen;
	const char *filter;	/* as the user gave it */
	s64 wall_minus_mono;	/* to be added to frames' times */
	u64 started_ns;		/* wall clock */
	u64 lost_before;	/* packets lost since the last one that was written */
	unsigned n, cap;
	struct pcapng_if *ifs;	/* of this file */
};

/* Begins a file: p's to, snaplen, filter, wall_minus_mono are set. The FILE stays the caller's; errors are where stdio keeps them (ferror). */
void pcapng_begin(struct pcapng *p);
/* One frame, whose f->caplen bytes are at data; CTL_FRAME_LOST is counted. -ENOMEM. */
int pcapng_frame(struct pcapng *p, const struct ctl_frame *f, const u8 *data);
void pcapng_end(struct pcapng *p, u64 now_wall_ns); /* the statistics; then p can begin another file */
/* "lab/eth0"; of what was dropped before it had a device, "lab". */
void pcapng_if_name(const char netns[32], const char dev[16], char *buf, size_t size);
/* What happened to the frame, in words: "netns a, device eth0, out", "netns b, device lo, dropped: NO_SOCKET". */
void pcapng_comment(const struct ctl_frame *f, char *buf, size_t size);

#endif
