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

#endif
