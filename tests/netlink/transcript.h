/* Transcripts of netlink conversations (record.py): reading them and playing their requests against a weft world. */
#ifndef TESTS_NETLINK_TRANSCRIPT_H
#define TESTS_NETLINK_TRANSCRIPT_H

#include <stdio.h>

#include "core/caller.h"
#include "core/netns.h"
#include "sock/sock.h"

enum { MAX_SPACES = 8, MAX_SOCKS = 512, MAX_FDS = 64 };

struct nl_msgs { /* messages that have been received and not looked at yet, whole and aligned */
	u8 *data;
	size_t len, pos, cap;
};
struct play_sock {
	char id[32];
	struct socket *s;	/* NULL: closed */
	struct netns *net;
	u32 recorded_port, port;
	struct nl_msgs ours;
	u8 *request;		/* the last datagram sent */
	size_t request_len;
};
struct play {
	struct world *w;
	struct cpu *cpu;
	u64 now;
	struct call_ctx caller;
	struct { char name[32]; struct netns *net; } spaces[MAX_SPACES];
	unsigned nspaces;
	struct play_sock socks[MAX_SOCKS];
	unsigned nsocks;
	struct netns *fds[MAX_FDS];
	char command[256];	/* of the transcript, for messages */
	unsigned line;
	/* A `recv` line: what the kernel's socket got. */
	void (*got)(struct play *p, struct play_sock *s, u32 groups, u8 *data, size_t len);
	void (*before_send)(struct play *p, struct play_sock *s); /* a new request, or the end of the socket */
	void *arg;
};

struct stack_tables;
int play_init(struct play *p, const struct stack_tables *tables, unsigned ncpus);
void play_fini(struct play *p);
int play_file(struct play *p, const char *path); /* 0, -errno, -EPROTO: a line that makes no sense */
/* The next message our socket has; NULL: none. */
const struct nlmsghdr *play_next(struct play *p, struct play_sock *s);
size_t play_hex(const char *hex, u8 *out, size_t size); /* bytes written */

#endif
