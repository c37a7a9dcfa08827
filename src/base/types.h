/* Integer types, big-endian types, and the few macros that everything uses.
 *
 * be16/be32/be64 hold a value as it stands on the wire. They are structs, so that they do not mix with integers
 * silently: convert with cpu_to_beN()/beN_to_cpu(), compare with beN_eq().
 */
#ifndef BASE_TYPES_H
#define BASE_TYPES_H

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

typedef struct { u16 raw; } be16;
typedef struct { u32 raw; } be32;
typedef struct { u64 raw; } be64;

static inline be16 cpu_to_be16(u16 v) { return (be16){ __builtin_bswap16(v) }; }
static inline be32 cpu_to_be32(u32 v) { return (be32){ __builtin_bswap32(v) }; }
static inline be64 cpu_to_be64(u64 v) { return (be64){ __builtin_bswap64(v) }; }
static inline u16 be16_to_cpu(be16 v) { return __builtin_bswap16(v.raw); }
static inline u32 be32_to_cpu(be32 v) { return __builtin_bswap32(v.raw); }
static inline u64 be64_to_cpu(be64 v) { return __builtin_bswap64(v.raw); }
static inline bool be16_eq(be16 a, be16 b) { return a.raw == b.raw; }
static inline bool be32_eq(be32 a, be32 b) { return a.raw == b.raw; }
#define BE16(v) ((be16){ __builtin_bswap16(v) })
#define BE32(v) ((be32){ __builtin_bswap32(v) })

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "only little-endian machines so far");

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define CLAMP(v, lo, hi) ((v) < (lo) ? (lo) : (v) > (hi) ? (hi) : (v))
#define ALIGN_UP(v, a) (((v) + (a) - 1) & ~((__typeof__(v))(a) - 1))
#define BIT(n) (1u << (n))
#define BIT64(n) (1ull << (n))
#define CACHELINE 64
#define __cacheline_aligned __attribute__((aligned(CACHELINE)))
#define __packed_alias __attribute__((packed, may_alias)) /* wire headers: any alignment, any buffer */
#define __printf(f, a) __attribute__((format(printf, f, a)))
#define prefetch(p) __builtin_prefetch(p)
#define prefetchw(p) __builtin_prefetch((p), 1)

#define NSEC_PER_USEC 1000ull
#define NSEC_PER_MSEC 1000000ull
#define NSEC_PER_SEC 1000000000ull

/* Published pointers: a writer prepares the object, then publishes; a reader follows it within one step. */
#define ptr_load(p) __atomic_load_n(&(p), __ATOMIC_ACQUIRE)
#define ptr_publish(p, v) __atomic_store_n(&(p), (v), __ATOMIC_RELEASE)

#endif
