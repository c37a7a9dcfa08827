/* UDP header (RFC 768). */
#ifndef CODEC_WIRE_UDPHDR_H
#define CODEC_WIRE_UDPHDR_H

#include "base/types.h"

#define UDP_HDR_LEN 8
/* On the wire 0 means "no checksum"; a computed 0 is sent as its other representation. */
#define UDP_CSUM_MANGLED_0 0xffff

struct udp_hdr {
	be16 sport, dport;
	be16 len;  /* header and payload */
	u16 check; /* see checksum.h */
} __packed_alias;
_Static_assert(sizeof(struct udp_hdr) == UDP_HDR_LEN, "no padding");

#endif
