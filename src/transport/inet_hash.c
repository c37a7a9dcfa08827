/* The tables of four-tuples and of listeners: see inet_hash.h.
 *
 * The established table is keyed with the world's key over the whole tuple, since a peer chooses half of it. Listeners are
 * found by port; among those, each is scored, so a wildcard listener and a specific one share a chain.
 */
#include "transport/inet_hash.h"

int inet_hash_init(struct inet_hash *h, struct world *w, u32 initial_buckets)
{
	int err = htable_init(&h->est, &w->mem, initial_buckets);

	if (err)
		return err;
	if ((err = htable_init(&h->listen, &w->mem, 16)))
		htable_fini(&h->est);
	h->key = &w->hash_key;
	return err;
}

void inet_hash_fini(struct inet_hash *h)
{
	assert(!h->est.count && !h->listen.count);
	htable_fini(&h->est);
	htable_fini(&h->listen);
}

/* v4-mapped addresses differ in their last word only: one 64-bit word holds both. */
u32 inet_tuple_hash(const struct inet_hash *h, const struct inaddr *laddr, be16 lport, const struct inaddr *raddr, be16 rport)
{
	u64 ports = (u64)lport.raw << 16 | rport.raw, v;

	if (likely(inaddr_is_v4(laddr)))
		v = siphash_2u64(h->key, (u64)laddr->w[3] << 32 | raddr->w[3], ports);
	else
		v = siphash_4u64(h->key, laddr->q[0] ^ (raddr->q[0] << 1), laddr->q[1], raddr->q[1], ports);
	return (u32)(v ^ (v >> 32));
}

void inet_est_add(struct inet_hash *h, struct inet_tuple *t)
{
	htable_add(&h->est, &t->est_node, inet_tuple_hash(h, &t->rcv_saddr, t->sport, &t->daddr, t->dport));
}
void inet_est_del(struct inet_hash *h, struct inet_tuple *t) { htable_del(&h->est, &t->est_node); }

struct inet_tuple *inet_est_find(const struct inet_hash *h, const struct inaddr *laddr, be16 lport, const struct inaddr *raddr,
				 be16 rport, struct rx_ifs ifs)
{
	struct inet_tuple *t;

	htable_for_each_match(t, &h->est, inet_tuple_hash(h, laddr, lport, raddr, rport), est_node)
		if (be16_eq(t->sport, lport) && be16_eq(t->dport, rport) && inaddr_eq(&t->daddr, raddr) &&
		    inaddr_eq(&t->rcv_saddr, laddr) && (!ifs.iif || rx_ifs_match(t->tuple_dev, ifs)))
			return t;
	return NULL;
}

static u32 listen_hash(u16 port) { return hash32_u64(port, 1); }

void inet_listen_add(struct inet_hash *h, struct inet_sock *inet) { htable_add(&h->listen, &inet->est_node, listen_hash(inet->num)); }
void inet_listen_del(struct inet_hash *h, struct inet_sock *inet) { htable_del(&h->listen, &inet->est_node); }

/* 0: not for it. A bound address outweighs everything else, as Linux looks for it first. */
static u32 listen_score(const struct cpu *cpu, const struct inet_sock *i, const struct inaddr *laddr, struct rx_ifs ifs)
{
	bool any = inaddr_is_any(&i->rcv_saddr), v4 = inaddr_is_v4(laddr);
	u32 score = 1;

	if (any ? v4 && i->v6only : !inaddr_eq(&i->rcv_saddr, laddr))
		return 0;
	if (v4 && any && i->sk.family == AF_INET6 && i->v6only)
		return 0;
	if (!v4 && i->sk.family == AF_INET)
		return 0;
	if (!rx_ifs_match(i->sk.bound_dev_if, ifs))
		return 0;
	if (i->sk.bound_dev_if)
		score += 4;
	if (!any)
		score += 16;
	if (v4 == (i->sk.family == AF_INET))
		score += 2;
	if (i->sk.incoming_cpu == (s32)cpu->id)
		score++;
	return score;
}

struct inet_sock *inet_listen_find(struct cpu *cpu, const struct inet_hash *h, const struct inaddr *laddr, be16 lport,
				   const struct inaddr *raddr, be16 rport, struct rx_ifs ifs)
{
	struct inet_sock *i, *best = NULL;
	u16 port = be16_to_cpu(lport);
	u32 high = 0, group = 0, pick;

	htable_for_each_match(i, &h->listen, listen_hash(port), est_node) {
		u32 score;
		if (i->num != port || !(score = listen_score(cpu, i, laddr, ifs)))
			continue;
		if (score > high) {
			best = i;
			high = score;
			group = i->sk.reuseport;
		} else if (score == high && best->sk.reuseport && i->sk.reuseport) {
			group++;
		}
	}
	if (likely(group < 2))
		return best;
	pick = reciprocal_scale(inet_tuple_hash(h, laddr, lport, raddr, rport), group);
	htable_for_each_match(i, &h->listen, listen_hash(port), est_node)
		if (i->num == port && i->sk.reuseport && listen_score(cpu, i, laddr, ifs) == high && !pick--)
			return i;
	return best;
}

int inet_hash_walk(struct inet_hash *h, bool listeners, int (*fn)(void *arg, struct inet_tuple *t), void *arg)
{
	struct htable *tables[] = { &h->est, &h->listen };

	for (unsigned k = 0; k < (listeners ? 2 : 1); k++) {
		struct hnode *n = NULL;
		u64 cursor = 0;
		while ((n = htable_walk(tables[k], &cursor, n))) {
			int rc = fn(arg, container_of(n, struct inet_tuple, est_node));
			if (rc)
				return rc;
		}
	}
	return 0;
}
