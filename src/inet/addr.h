/* Network addresses. struct inaddr is always 16 bytes: IPv6 as it is, IPv4 as ::ffff:a.b.c.d. So sockets, tables and tuples
 * of both families share one shape and one comparison, and a dual-stack socket needs no special case. */
#ifndef INET_ADDR_H
#define INET_ADDR_H

#include <sys/socket.h>

#include "base/types.h"

struct inaddr {
	union {
		u8 b[16];
		u32 w[4];
		u64 q[2];
	};
};

static inline struct inaddr inaddr_from_v4(be32 a) { return (struct inaddr){ .w = { 0, 0, BE32(0xffffu).raw, a.raw } }; }
static inline be32 inaddr_v4(const struct inaddr *a) { return (be32){ a->w[3] }; }
static inline bool inaddr_is_v4(const struct inaddr *a) { return !a->q[0] && a->w[2] == BE32(0xffffu).raw; }
static inline bool inaddr_eq(const struct inaddr *a, const struct inaddr *b) { return a->q[0] == b->q[0] && a->q[1] == b->q[1]; }
/* All zero, in either family: "any". */
static inline bool inaddr_is_any(const struct inaddr *a) { return !a->q[0] && (!a->q[1] || (inaddr_is_v4(a) && !a->w[3])); }
static inline bool v4_is_multicast(be32 a) { return (be32_to_cpu(a) & 0xf0000000u) == 0xe0000000u; }
static inline bool v4_is_loopback(be32 a) { return (be32_to_cpu(a) >> 24) == 127; }
static inline bool v4_is_broadcast(be32 a) { return a.raw == 0xffffffffu; }
static inline bool v4_is_zeronet(be32 a) { return !a.raw; } /* the rest of 0/8 is like any other since Linux 5.3 */

/* -- IPv6 (RFC 4291) -- */
static inline struct inaddr inaddr_from_v6(const void *p) { struct inaddr a; memcpy(a.b, p, 16); return a; }
static inline struct inaddr inaddr_v6_any(void) { return (struct inaddr){ .q = { 0, 0 } }; }
static inline struct inaddr inaddr_v6_loopback(void) { return (struct inaddr){ .b = { [15] = 1 } }; }
static inline bool v6_is_any(const struct inaddr *a) { return !a->q[0] && !a->q[1]; }
static inline bool v6_is_loopback(const struct inaddr *a) { return !a->q[0] && a->q[1] == __builtin_bswap64(1); }
static inline bool v6_is_multicast(const struct inaddr *a) { return a->b[0] == 0xff; }
static inline bool v6_is_linklocal(const struct inaddr *a) { return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80; }
/* A group's scope: 1 interface, 2 link, 5 site, 14 global. */
static inline u8 v6_mc_scope(const struct inaddr *a) { return a->b[1] & 15; }
/* Means something on one link only, so that a device has to be named: fe80::/10, ff01::, ff02:: (and with flags). */
static inline bool v6_needs_scope(const struct inaddr *a)
{
	return v6_is_linklocal(a) || (v6_is_multicast(a) && (v6_mc_scope(a) == 1 || v6_mc_scope(a) == 2));
}
static inline bool v6_prefix_eq(const struct inaddr *a, const struct inaddr *b, unsigned len)
{
	unsigned bytes = len / 8, bits = len % 8;
	return !memcmp(a->b, b->b, bytes) && (!bits || !((a->b[bytes] ^ b->b[bytes]) & (0xff00 >> bits & 0xff)));
}
static inline struct inaddr v6_prefix(const struct inaddr *a, unsigned len)
{
	struct inaddr p = { .q = { 0, 0 } };
	memcpy(p.b, a->b, len / 8);
	if (len % 8)
		p.b[len / 8] = (u8)(a->b[len / 8] & (0xff00 >> len % 8));
	return p;
}

#endif
