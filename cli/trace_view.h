/* `weft trace` inside: filter, packets' lives, and how they are shown. */
#ifndef CLI_TRACE_VIEW_H
#define CLI_TRACE_VIEW_H

#include <stdio.h>

#include "core/trace.h"
#include "host/control.h"

/* -- trace_filter.c -- */
struct cbpf_insn;
struct trace_filter {
	struct cbpf_insn *insns; /* raw_len, then eth_len */
	unsigned raw_len, eth_len;
};
/* Compiles a libpcap expression ("" is everything) for packets and for frames. -EINVAL with libpcap's sentence. */
int trace_filter_compile(const char *expression, struct trace_filter *f, struct ctl_error *err);
void trace_filter_free(struct trace_filter *f);

/* -- packet_summary.c -- */
/* One line about the packet's bytes as tcpdump would say it; false when they are no packet that it knows (buf is then generic). */
bool packet_summary(const struct trace_event *ev, char *buf, size_t size);
const char *trace_tcp_state(unsigned state);

/* -- trace_life.c -- */
struct life {
	struct life *next;     /* in order of birth */
	struct life *chain;    /* hash bucket */
	u32 packet;
	bool shown_before;     /* later events of a packet that was shown already */
	u64 last_ns;	       /* CLOCK_MONOTONIC when its last event came in here */
	unsigned n, cap;
	struct trace_event *ev;
};
struct lives;
struct lives *lives_new(void);
void lives_free(struct lives *l);
/* max_packets: events of further packets are not taken; 0: no limit. -ENOMEM. */
int lives_add(struct lives *l, const struct trace_event *ev, u64 now, u64 max_packets);
/* Takes the oldest life that is over: quiet since `quiet_ns`, or every one with UINT64_MAX as now. NULL: none. The caller frees it. */
struct life *lives_take(struct lives *l, u64 now);
void life_free(struct life *life);
/* When lives_take has to be asked again, UINT64_MAX: never. */
u64 lives_next(const struct lives *l);

/* -- trace_text.c, trace_json.c -- */
/* wall_minus_mono: to be added to time_ns for the time of day. */
void trace_show_text(FILE *to, const struct life *l, s64 wall_minus_mono);
void trace_show_json(FILE *to, const struct life *l, s64 wall_minus_mono);
/* What this stage decided, in words; "" when the stage's name says it all. */
void trace_describe(const struct trace_event *ev, char *buf, size_t size);

/* -- cmd_trace.c -- */
struct trace_options {
	const char *name, *filter;
	bool json;
	u64 count;	/* packets; 0: no limit */
	u64 seconds_ns; /* 0: no limit */
	FILE *to;
	int ready_fd;	/* a byte is written when the trace runs; -1: nobody waits */
};
int trace_run(const struct trace_options *o); /* exit status */

#endif
