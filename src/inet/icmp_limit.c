/* How many ICMP messages of either family leave: a token bucket per destination (icmp_ratelimit) and one for the namespace
 * (icmp_msgs_per_sec, icmp_msgs_burst). Which types are limited is the families' own affair.
 *
 * Destinations are kept in a table of bounded size; when it is full the one unused for longest gives way, with its tokens (a
 * sender of many addresses meets the namespace's bucket).
 */
#include "inet/icmp_limit.h"

#include "core/netns.h"
#include "inet/inet.h"

enum { PEERS_MAX = 4096, BURST = 6 };
#define JIFFY_NS (4 * NSEC_PER_MSEC)
#define SILENT_BEFORE_NS (60 * NSEC_PER_SEC) /* a peer that is new was silent so long */
/* Tokens of the namespace's bucket are handed out in slices, and a message costs 0, 1 or 2 at random, so that nobody can count
 * the messages that somebody else caused. */
#define SLICE_NS (20 * NSEC_PER_MSEC)

struct peer {
	struct hnode node;
	struct list lru;
	struct inaddr addr;
	u64 tokens;	  /* ns */
	s64 last;	  /* when tokens were counted, or a redirect was sent or wanted; ns */
	u32 redirects;	  /* sent in a row */
};
struct icmp_limits {
	struct htable peers;
	struct list lru;
	u64 credit, stamp; /* of the namespace's bucket: messages, ns */
	bool started;
};

int icmp_limits_init(struct netns *net)
{
	struct icmp_limits *l = mem_zalloc(&net->world->mem, sizeof(*l));
	if (!l)
		return -ENOMEM;
	list_init(&l->lru);
	net->inet->icmp = l;
	return htable_init(&l->peers, &net->world->mem, 16);
}

void icmp_limits_fini(struct netns *net)
{
	struct icmp_limits *l = net->inet->icmp;
	struct peer *p, *tmp;
	if (!l)
		return;
	list_for_each_safe(p, tmp, &l->lru, lru)
		mem_free(&net->world->mem, p);
	htable_fini(&l->peers);
	mem_free(&net->world->mem, l);
	net->inet->icmp = NULL;
}

static struct peer *peer_get(struct cpu *cpu, struct netns *net, const struct inaddr *addr)
{
	struct icmp_limits *l = net->inet->icmp;
	u32 h = (u32)siphash_2u64(&net->world->hash_key, addr->q[0], addr->q[1]);
	struct peer *p;
	htable_for_each_match(p, &l->peers, h, node) {
		if (inaddr_eq(&p->addr, addr)) {
			list_del(&p->lru);
			list_add_head(&l->lru, &p->lru);
			return p;
		}
	}
	if (l->peers.count >= PEERS_MAX) {
		p = list_last(&l->lru, struct peer, lru);
		htable_del(&l->peers, &p->node);
		list_del(&p->lru);
	} else {
		p = mem_zalloc(&net->world->mem, sizeof(*p));
		if (!p)
			return NULL;
	}
	*p = (struct peer){ .addr = *addr, .last = (s64)(cpu->now - SILENT_BEFORE_NS) };
	list_init(&p->lru);
	list_add_head(&l->lru, &p->lru);
	htable_add(&l->peers, &p->node, h);
	return p;
}

bool icmp_global_allows(struct cpu *cpu, struct netns *net, u64 burst, u64 rate)
{
	struct icmp_limits *l = net->inet->icmp;
	u64 dt;
	u32 price;
	if (!l->started) {
		l->started = true;
		l->credit = burst;
		l->stamp = cpu->now;
	}
	dt = cpu->now - l->stamp;
	if (dt >= SLICE_NS) {
		u64 gain = MIN(dt, NSEC_PER_SEC) * rate / NSEC_PER_SEC;
		if (gain) {
			l->credit = MIN(l->credit + gain, burst);
			l->stamp = cpu->now;
		}
	}
	if (!l->credit)
		return false;
	price = rng_below(&cpu->rng, 3);
	l->credit -= MIN(l->credit, price);
	return true;
}

static bool take(struct cpu *cpu, struct peer *p, u64 cost, u64 most)
{
	p->tokens = MIN(p->tokens + (u64)((s64)cpu->now - p->last), most);
	p->last = (s64)cpu->now;
	if (p->tokens < cost)
		return false;
	p->tokens -= cost;
	return true;
}

bool icmp_peer_allows(struct cpu *cpu, struct netns *net, const struct inaddr *daddr, u64 limit)
{
	struct peer *p = peer_get(cpu, net, daddr);
	return !p || take(cpu, p, limit, BURST * limit);
}

static const struct netns_inet *of_world(const struct netns *net)
{
	return net->world->init_net && net->world->init_net->inet ? net->world->init_net->inet : net->inet;
}

bool icmp_route_error_allowed(struct cpu *cpu, struct netns *net, const struct inaddr *to)
{
	const struct netns_inet *in = of_world(net);
	struct peer *p = peer_get(cpu, net, to);
	return !p || take(cpu, p, (u64)MAX(in->error_cost, 0) * JIFFY_NS, (u64)MAX(in->error_burst, 0) * JIFFY_NS);
}

/* A host that goes on after nine redirects ignores them. */
bool icmp_redirect_allowed(struct cpu *cpu, struct netns *net, const struct inaddr *to)
{
	const struct netns_inet *in = of_world(net);
	struct peer *p = peer_get(cpu, net, to);
	s64 now = (s64)cpu->now;
	if (!p)
		return true;
	if (now > p->last + in->redirect_silence * (s64)JIFFY_NS) {
		p->tokens = 0;
		p->redirects = 0;
	}
	if ((s32)p->redirects >= in->redirect_number) {
		p->last = now;
		return false;
	}
	if (p->redirects && now <= p->last + ((s64)in->redirect_load << MIN(p->redirects, 31u)) * (s64)JIFFY_NS)
		return false;
	p->redirects++;
	p->last = now;
	return true;
}
