/* Simulation: wires that delay, lose, reorder, duplicate and corrupt, in virtual time and from the world's seed, so that one
 * seed gives the same packets, bit for bit. For worlds that one thread runs (weft_step, weft_run_for). */
#ifndef WEFT_SIM_H
#define WEFT_SIM_H

#include <weft/weft.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One direction of a wire. Shares are in parts per million. */
typedef struct weft_wire_params {
	uint64_t delay_ns;	/* one way */
	uint64_t jitter_ns;	/* added, uniform in 0..jitter; may reorder */
	uint64_t rate_bps;	/* bits per second, frame bytes counted; 0: no limit */
	uint32_t queue_frames;	/* in front of the rate limit; beyond it the tail is dropped; 0: 1000 */
	uint32_t loss_ppm, duplicate_ppm, corrupt_ppm;
	uint32_t reorder_ppm;	/* these go at once, past the delay */
	uint32_t mark_frames;	/* as many wait for the rate limit, or more: ECN-capable packets are marked (CE); 0: never */
} weft_wire_params;

typedef struct weft_wire weft_wire; /* lives as long as its two devices */
typedef struct weft_wire_stats {
	uint64_t sent, delivered, lost, duplicated, corrupted, reordered, queue_drops, marked;
} weft_wire_stats;

/* Makes a device `name_a` in a and `name_b` in b (both down, kind nic) and the wire between them. NULL params: a perfect wire.
 * -EEXIST, -EINVAL, -ENOMEM. *out may be NULL. */
WEFT_API int weft_wire_new(weft_netns *a, const char *name_a, weft_netns *b, const char *name_b, const weft_wire_params *a_to_b,
			   const weft_wire_params *b_to_a, weft_wire **out);
/* Changes one direction from now on: 0 is a to b, 1 is b to a. */
WEFT_API void weft_wire_set(weft_wire *w, int direction, const weft_wire_params *p);
WEFT_API void weft_wire_get_stats(const weft_wire *w, int direction, weft_wire_stats *out);

/* A hand in the wire: gets every frame instead of the other end, and injects what it wants to arrive, as often as it wants. The wire's
 * own losses and delays don't apply then. fn NULL: no hand. direction: 0 is a to b, 1 is b to a. */
typedef void (*weft_wire_hand)(void *arg, weft_wire *w, int direction, const uint8_t *frame, size_t len);
WEFT_API void weft_wire_set_hand(weft_wire *w, weft_wire_hand fn, void *arg);
WEFT_API int weft_wire_inject(weft_wire *w, int direction, const uint8_t *frame, size_t len, uint64_t delay_ns); /* -EINVAL, -ENOMEM */

/* Decides over single frames, beside the shares: asked for each frame that the queue in front of the rate limit took, in that order, with
 * at least its Ethernet header. Returns what happens to it, any of enum weft_fate. fn NULL: the shares alone. */
enum weft_fate { WEFT_FATE_LOST = 1, WEFT_FATE_REORDERED = 2, WEFT_FATE_DUPLICATED = 4 };
typedef unsigned int (*weft_wire_fate)(void *arg, int direction, const uint8_t *head, size_t len);
WEFT_API void weft_wire_set_fate(weft_wire *w, weft_wire_fate fn, void *arg);

/* Captures every frame that device sees, both ways, as a pcap file in memory (nanosecond stamps of virtual time).
 * Two runs with one seed give identical bytes. */
typedef struct weft_capture weft_capture;
WEFT_API int weft_capture_start(weft_netns *net, const char *dev, weft_capture **out);
WEFT_API void weft_capture_data(const weft_capture *c, const uint8_t **data, size_t *len); /* valid until the next step */
WEFT_API void weft_capture_stop(weft_capture *c); /* before its device or world goes */

#ifdef __cplusplus
}
#endif
#endif
