/* Which socket does a packet belong to: the established table by four-tuple, the listening table by port and address.
 *
 * One struct inet_hash per protocol and namespace, keyed hashes with the world's key. Listeners are scored as Linux does: a
 * bound address beats any, a bound device beats none, the packet's family beats the other; within an SO_REUSEPORT group the
 * packet's hash chooses.
 */
#ifndef TRANSPORT_INET_HASH_H
#define TRANSPORT_INET_HASH_H

#include "sock/inet_sock.h"

struct inet_hash {
	struct htable est, listen;
	const struct siphash_key *key;
};
int inet_hash_init(struct inet_hash *h, struct world *w, u32 initial_buckets); /* 0, -ENOMEM */
void inet_hash_fini(struct inet_hash *h);

u32 inet_tuple_hash(const struct inet_hash *h, const struct inaddr *laddr, be16 lport, const struct inaddr *raddr, be16 rport);
/* Adds by the tuple's own fields (rcv_saddr, sport, daddr, dport). */
void inet_est_add(struct inet_hash *h, struct inet_tuple *t);
void inet_est_del(struct inet_hash *h, struct inet_tuple *t);
/* laddr, lport: ours. ifs: what the packet came in by. Borrowed, NULL: none. */
struct inet_tuple *inet_est_find(const struct inet_hash *h, const struct inaddr *laddr, be16 lport, const struct inaddr *raddr,
				 be16 rport, struct rx_ifs ifs);

void inet_listen_add(struct inet_hash *h, struct inet_sock *inet); /* by num and rcv_saddr */
void inet_listen_del(struct inet_hash *h, struct inet_sock *inet);
struct inet_sock *inet_listen_find(struct cpu *cpu, const struct inet_hash *h, const struct inaddr *laddr, be16 lport,
				   const struct inaddr *raddr, be16 rport, struct rx_ifs ifs);
/* fn for every tuple (established, then listening when `listeners`), until non-zero, which is returned. fn may delete its own. */
int inet_hash_walk(struct inet_hash *h, bool listeners, int (*fn)(void *arg, struct inet_tuple *t), void *arg);

static inline struct inet_sock *inet_sock_of_tuple(struct inet_tuple *t) { return container_of(t, struct inet_sock, tuple); }
/* n equally likely choices by hash: 0 .. n-1. */
static inline u32 reciprocal_scale(u32 hash, u32 n) { return (u32)(((u64)hash * n) >> 32); }

#endif
