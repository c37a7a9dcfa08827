/* Sequence numbers live on a circle of 2^32 (RFC 9293, 3.4): comparison is by the sign of the difference. */
#ifndef TRANSPORT_TCP_TCP_SEQ_H
#define TRANSPORT_TCP_TCP_SEQ_H

#include "base/types.h"

static inline bool seq_before(u32 a, u32 b) { return (s32)(a - b) < 0; }
static inline bool seq_after(u32 a, u32 b) { return (s32)(b - a) < 0; }
/* lo <= x <= hi on the circle */
static inline bool seq_between(u32 x, u32 lo, u32 hi) { return hi - lo >= x - lo; }
static inline u32 seq_max(u32 a, u32 b) { return seq_before(a, b) ? b : a; }
static inline u32 seq_min(u32 a, u32 b) { return seq_before(a, b) ? a : b; }

#endif
