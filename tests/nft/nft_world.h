/* A world with one namespace and a socket to netfilter, and what its ruleset is as bytes: for batch_test.c and nft_fuzz.c. */
#ifndef TESTS_NFT_NFT_WORLD_H
#define TESTS_NFT_NFT_WORLD_H

#include <stdlib.h>

#include "control/nfnl/nft_nl.h"
#include "core/cpu.h"
#include "netfilter/nft/nft_set.h"
#include "sock/sock.h"
#include "stack/stack.h"

struct nft_world {
	struct world *w;
	struct netns *net;
	struct cpu *cpu;
	struct socket *s;
	struct call_ctx caller;
};

/* NULL ops: nothing here asks for the caller's memory. */
static const struct call_ops nft_world_caller = { .copy_from = NULL };

static inline int nft_world_init(struct nft_world *n)
{
	struct world_config cfg = { .ncpus = 1, .tables = &stack_tables, .start_ns = 5000000000ull };
	u32 on = 1;
	int err = world_new(&cfg, &n->w);

	if (err)
		return err;
	n->cpu = config_cpu(n->w);
	n->caller = (struct call_ctx){ .ops = &nft_world_caller, .pid = 7, .net_admin = true };
	cpu_enter(n->cpu, cfg.start_ns);
	n->cpu->caller = &n->caller;
	err = netns_new(n->w, "n", 0, &n->net);
	err = err ? err : socket_new(n->cpu, n->net, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER, &n->s);
	if (!err)
		socket_setsockopt(n->cpu, n->s, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	return err;
}

static inline void nft_world_fini(struct nft_world *n)
{
	if (n->s)
		socket_close(n->cpu, n->s);
	n->cpu->caller = NULL;
	cpu_leave(n->cpu);
	world_free(n->w);
}

/* Every answer, which must be whole messages. Their number. */
static inline unsigned nft_world_drain(struct nft_world *n)
{
	static _Alignas(8) u8 buf[65536];
	unsigned count = 0;

	for (;;) {
		struct iovec iov = { buf, sizeof(buf) };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
		ssize_t got = socket_recvmsg(n->cpu, n->s, &m, MSG_DONTWAIT);

		if (got == -ENOBUFS)
			continue;
		if (got < 0)
			return count;
		for (ssize_t at = 0; at + NLMSG_HDRLEN <= got; count++) {
			const struct nlmsghdr *h = (const struct nlmsghdr *)(buf + at);

			if (h->nlmsg_len < NLMSG_HDRLEN || h->nlmsg_len > got - at)
				abort();
			at += NLMSG_ALIGN(h->nlmsg_len);
		}
	}
}

static inline void nft_world_send(struct nft_world *n, const void *data, size_t len)
{
	struct iovec iov = { (void *)data, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	socket_sendmsg(n->cpu, n->s, &m, 0);
}

/* The ruleset with all that a dump would tell and the use counts, into b. */
static inline void nft_world_dump(struct nft_world *n, struct nl_buf *b)
{
	struct nft_table *t;
	struct nft_chain *c;
	struct nft_rule *r;
	struct nft_set *s;

	nl_buf_init(b, &n->w->mem, 0);
	list_for_each (t, &n->net->nft->tables, link) {
		nft_fill_table(b, t, false);
		list_for_each (s, &t->sets, link) {
			u64 cursor = 0, sum = 0; /* elements have no order that anybody may rely on */

			nft_fill_set(b, s, false);
			nl_put_u32(b, 1, s->use);
			for (struct nft_elem *e = nft_set_walk(s, &cursor, NULL); e; e = nft_set_walk(s, &cursor, e)) {
				struct nl_buf one;

				nl_buf_init(&one, &n->w->mem, 0);
				nft_fill_elem(&one, s, e, n->cpu->now);
				sum += (u64)hash32_bytes(one.data, one.len, 1) << 32 | hash32_bytes(one.data, one.len, 2);
				nl_buf_fini(&one);
			}
			nl_put_u64(b, 3, sum);
		}
		list_for_each (c, &t->chains, link) {
			nft_fill_chain(b, c, false);
			nl_put_u32(b, 2, c->program ? c->program->count : 0);
			list_for_each (r, &c->rules, link) {
				nft_fill_rule(b, r, 0, false);
			}
		}
	}
}

#endif
