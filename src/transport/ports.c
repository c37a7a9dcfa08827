/* Local ports: buckets, the rules of sharing, and the choice of ephemeral ports (RFC 6056).
 *
 * A bucket exists while somebody has the port; a table lookup and a walk over the bucket's owners decide. What Linux calls the
 * relaxed rule is used for an explicit port (SO_REUSEADDR lets sockets that don't listen share it), the strict one for an
 * automatic port, which is shared with nobody unless net.ipv4.ip_autobind_reuse allows it.
 *
 * bind(0) prefers odd ports and connect() even ones (counted from the range's begin), as on Linux, so that programs that bind
 * first do not eat the ports of those that only connect. connect() walks the range from a keyed hash of the destination plus
 * a counter (RFC 6056, algorithm 4): unpredictable from outside, and the same destination sees a port again as late as
 * possible.
 */
#include "transport/ports.h"

#include <netinet/tcp.h>

#include "core/caller.h"
#include "core/sysctl.h"
#include "inet/inet.h"
#include "transport/inet_hash.h"

int port_table_init(struct port_table *t, struct netns *net, enum port_rules rules)
{
	*t = (struct port_table){ .net = net, .rules = rules };
	rng_bytes(&net->home->rng, t->perturb, sizeof t->perturb);
	return htable_init(&t->buckets, &net->world->mem, 64);
}

void port_table_fini(struct port_table *t)
{
	assert(!t->buckets.count);
	htable_fini(&t->buckets);
}

static u32 port_hash(u16 port) { return hash32_u64(port, 0); }

struct port_bucket *port_find(const struct port_table *t, u16 port)
{
	struct port_bucket *b;

	htable_for_each_match(b, &t->buckets, port_hash(port), node)
		if (b->port == port)
			return b;
	return NULL;
}

static struct port_bucket *bucket_get(struct port_table *t, u16 port)
{
	struct port_bucket *b = port_find(t, port);

	if (b)
		return b;
	b = mem_zalloc(&t->net->world->mem, sizeof *b);
	if (!b)
		return NULL;
	b->port = port;
	b->connect_only = true;
	list_init(&b->owners);
	list_init(&b->others);
	htable_add(&t->buckets, &b->node, port_hash(port));
	return b;
}

static void bucket_release(struct port_table *t, struct port_bucket *b)
{
	if (b->count)
		return;
	htable_del(&t->buckets, &b->node);
	mem_free(&t->net->world->mem, b);
}

static void bucket_join(struct port_bucket *b, struct inet_sock *inet)
{
	list_add_tail(&b->owners, &inet->bind_link);
	b->count++;
	inet->bucket = b;
	inet->num = b->port;
	inet->sport = cpu_to_be16(b->port);
}

void port_unbind(struct port_table *t, struct inet_sock *inet)
{
	struct port_bucket *b = inet->bucket;

	if (!b)
		return;
	list_del(&inet->bind_link);
	inet->bucket = NULL;
	inet->num = 0;
	b->count--;
	bucket_release(t, b);
}

static void note_owner(struct port_bucket *b, const struct inet_sock *me);

int port_inherit(struct port_table *t, struct inet_sock *child, const struct inet_sock *parent)
{
	struct port_bucket *b = bucket_get(t, parent->num);

	if (!b)
		return -ENOMEM;
	b->connect_only = false;
	if (list_empty(&b->owners))
		note_owner(b, child);
	bucket_join(b, child);
	return 0;
}

void port_hold(struct port_table *t, struct port_holder *h, const struct inet_sock *inet, const struct inet_tuple *tuple)
{
	struct port_bucket *b = inet->bucket;

	*h = (struct port_holder){ .bucket = b, .tuple = tuple, .uid = inet->sk.uid, .reuse = inet->sk.reuse,
				   .reuseport = inet->sk.reuseport };
	list_init(&h->link);
	if (!b)
		return;
	list_add_tail(&b->others, &h->link);
	b->count++;
}

void port_release(struct port_table *t, struct port_holder *h)
{
	struct port_bucket *b = h->bucket;

	if (!b)
		return;
	list_del(&h->link);
	h->bucket = NULL;
	b->count--;
	bucket_release(t, b);
}

/* -- conflicts -- */

static bool any6(const struct inaddr *a) { return !a->q[0] && !a->q[1]; }

/* Whether two bound addresses can be the destination of one packet. */
static bool addrs_overlap(const struct inaddr *a, bool a_v6only, const struct inaddr *b, bool b_v6only)
{
	if (any6(a) && any6(b))
		return true;
	if (any6(a))
		return !a_v6only || !inaddr_is_v4(b);
	if (any6(b))
		return !b_v6only || !inaddr_is_v4(a);
	if (inaddr_is_v4(a) != inaddr_is_v4(b))
		return false;
	return inaddr_eq(a, b) || inaddr_is_any(a) || inaddr_is_any(b);
}
/* Where listeners of no device hear nothing of VRFs, each VRF has ports of its own. */
static bool other_vrf(struct netns *net, s32 a, s32 b)
{
	struct net_device *d = a ? dev_by_index(net, a) : NULL, *e = b ? dev_by_index(net, b) : NULL;
	return !net->inet->tcp_l3mdev_accept && (d ? dev_vrf(d) : NULL) != (e ? dev_vrf(e) : NULL);
}
static bool devs_overlap(s32 a, s32 b) { return !a || !b || a == b; }

struct other { /* who has the port already */
	const struct inaddr *addr;
	s32 dev;
	u32 uid;
	u8 state;
	bool v6only, reuse, reuseport;
};

static bool tcp_conflicts(const struct inet_sock *me, const struct other *o, bool relaxed, bool reuseport_ok)
{
	const struct sock *sk = &me->sk;
	bool same_owner = o->state == TCP_TIME_WAIT || o->uid == sk->uid;

	if (!devs_overlap(sk->bound_dev_if, o->dev) || (sk->bound_dev_if != o->dev && other_vrf(sk->net, sk->bound_dev_if, o->dev)) || !addrs_overlap(&me->rcv_saddr, me->v6only, o->addr, o->v6only))
		return false;
	if (sk->reuse && o->reuse && o->state != TCP_LISTEN)
		return !relaxed || (!reuseport_ok && sk->reuseport && o->reuseport && same_owner);
	return !reuseport_ok || !sk->reuseport || !o->reuseport || !same_owner;
}

static bool udp_overlaps(const struct inet_sock *me, const struct inet_sock *o)
{
	if (me->sk.reuse && o->sk.reuse)
		return false;
	return devs_overlap(me->sk.bound_dev_if, o->sk.bound_dev_if) && addrs_overlap(&me->rcv_saddr, me->v6only, &o->rcv_saddr, o->v6only);
}

/* The youngest socket that overlaps decides, as on Linux: whoever shares with it shares with all before it. */
static bool udp_conflicts(const struct port_bucket *b, const struct inet_sock *me)
{
	const struct list *n;

	for (n = b->owners.prev; n != &b->owners; n = n->prev) {
		const struct inet_sock *o = container_of(n, struct inet_sock, bind_link);
		if (o != me && udp_overlaps(me, o))
			return !(me->sk.reuseport && o->sk.reuseport && o->sk.uid == me->sk.uid);
	}
	return false;
}

static bool conflicts(const struct port_table *t, const struct port_bucket *b, const struct inet_sock *me, bool relaxed,
		      bool reuseport_ok)
{
	struct port_holder *h;
	struct inet_sock *i;

	if (t->rules == PORT_RULES_UDP)
		return udp_conflicts(b, me);
	list_for_each(i, &b->owners, bind_link) {
		struct other o = { &i->rcv_saddr, i->sk.bound_dev_if, i->sk.uid, i->sk.state, i->v6only, i->sk.reuse, i->sk.reuseport };
		if (i != me && tcp_conflicts(me, &o, relaxed, reuseport_ok))
			return true;
	}
	list_for_each(h, &b->others, link) {
		struct other o = { &h->tuple->rcv_saddr, h->tuple->tuple_dev, h->uid, TCP_TIME_WAIT, false, h->reuse, h->reuseport };
		if (tcp_conflicts(me, &o, relaxed, reuseport_ok))
			return true;
	}
	return false;
}

static bool reuseport_match(const struct port_bucket *b, const struct inet_sock *me)
{
	if (!b->reuseport || !me->sk.reuseport || b->reuseport_uid != me->sk.uid)
		return false;
	return b->reuseport == PORT_REUSEPORT_ANY || inaddr_is_any(&b->reuseport_addr) || inaddr_eq(&b->reuseport_addr, &me->rcv_saddr);
}

static bool reuses(const struct inet_sock *me) { return me->sk.reuse && me->sk.state != TCP_LISTEN; }

/* Before me joins b. */
static void note_owner(struct port_bucket *b, const struct inet_sock *me)
{
	bool first = list_empty(&b->owners), match = reuseport_match(b, me);

	b->all_reuse = first ? reuses(me) : b->all_reuse && reuses(me);
	if (!me->sk.reuseport) {
		b->reuseport = PORT_REUSEPORT_NONE;
	} else if (first || !match) {
		b->reuseport = first ? PORT_REUSEPORT_ANY : PORT_REUSEPORT_STRICT;
		b->reuseport_uid = me->sk.uid;
		b->reuseport_addr = me->rcv_saddr;
	}
}

/* -- choosing -- */

bool port_range(const struct inet_sock *inet, u16 *lo, u16 *hi)
{
	const struct netns_inet *n = inet->sk.net->inet;

	*lo = (u16)n->local_port_range[0];
	*hi = (u16)n->local_port_range[1];
	if (!inet->local_port_lo && !inet->local_port_hi)
		return false;
	if (inet->local_port_lo >= *lo && inet->local_port_lo <= *hi)
		*lo = inet->local_port_lo;
	if (inet->local_port_hi && inet->local_port_hi >= *lo && inet->local_port_hi <= *hi)
		*hi = inet->local_port_hi;
	return true;
}

static bool reserved(const struct netns_inet *n, u32 port)
{
	return n->reserved_ports && (n->reserved_ports[port >> 3] & BIT(port & 7));
}

static bool free_for(const struct port_table *t, const struct inet_sock *inet, u32 port, bool relaxed)
{
	const struct port_bucket *b;

	if (reserved(t->net->inet, port))
		return false;
	b = port_find(t, (u16)port);
	return !b || !conflicts(t, b, inet, relaxed, false);
}

/* One pass over [lo, hi): ports of one parity first, then the other. 0: none. */
static u32 tcp_scan(struct cpu *cpu, const struct port_table *t, const struct inet_sock *inet, u32 lo, u32 hi, bool relaxed)
{
	u32 n = hi - lo, start;

	if (n > 1)
		n &= ~1u;
	start = rng_below(&cpu->rng, n) | 1;
	for (int parity = 0; parity < 2; parity++, start--) {
		for (u32 i = 0; i < n; i += 2) {
			u32 port = lo + (start + i) % n;
			if (free_for(t, inet, port, relaxed))
				return port;
		}
	}
	return 0;
}

static u32 tcp_choose(struct cpu *cpu, const struct port_table *t, const struct inet_sock *inet)
{
	u16 lo, hi;
	bool own = port_range(inet, &lo, &hi);
	u32 end = hi + 1u, half = lo + (((end - lo) >> 2) << 1), port;

	/* SO_REUSEADDR sockets try the lower half first, so that a connecting program keeps a part that is not shared. */
	if (inet->sk.reuse && !own && half > lo) {
		if ((port = tcp_scan(cpu, t, inet, lo, half, false)))
			return port;
		if ((port = tcp_scan(cpu, t, inet, half, end, false)))
			return port;
	} else if ((port = tcp_scan(cpu, t, inet, lo, end, false))) {
		return port;
	}
	if (inet->sk.reuse && t->net->ip4 && t->net->ip4->autobind_reuse)
		return tcp_scan(cpu, t, inet, lo, end, true);
	return 0;
}

static u32 udp_choose(struct cpu *cpu, const struct port_table *t, const struct inet_sock *inet)
{
	u16 lo, hi;
	u32 n, start;

	port_range(inet, &lo, &hi);
	n = hi - lo + 1u;
	start = rng_below(&cpu->rng, n);
	for (u32 i = 0; i < n; i++) {
		u32 port = lo + (start + i) % n;
		if (free_for(t, inet, port, true))
			return port;
	}
	return 0;
}

static bool may_bind_low(const struct cpu *cpu)
{
	return !cpu->caller || cpu->caller->net_bind_service;
}

int port_bind(struct cpu *cpu, struct port_table *t, struct inet_sock *inet, u16 port)
{
	struct port_bucket *b;

	/* Who has the port already may listen on it without the right to bind it. */
	if (port && port < t->net->inet->unprivileged_port_start && !inet->bucket && !may_bind_low(cpu))
		return -EACCES;
	if (!port) {
		port = (u16)(t->rules == PORT_RULES_TCP ? tcp_choose(cpu, t, inet) : udp_choose(cpu, t, inet));
		if (!port)
			return -EADDRINUSE;
	} else {
		b = port_find(t, port);
		if (b && !inet->sk.force_reuse && !(t->rules == PORT_RULES_TCP && ((b->all_reuse && reuses(inet)) || reuseport_match(b, inet))) &&
		    conflicts(t, b, inet, true, true))
			return -EADDRINUSE;
	}
	if (inet->bucket && inet->bucket->port == port) {
		note_owner(inet->bucket, inet);
		return 0;
	}
	assert(!inet->bucket);
	if (!(b = bucket_get(t, port)))
		return -ENOMEM;
	note_owner(b, inet);
	b->connect_only = false;
	bucket_join(b, inet);
	return 0;
}

int port_connect(struct cpu *cpu, struct port_table *t, struct inet_sock *inet,
		 int (*unique)(struct cpu *cpu, struct inet_sock *inet, u16 port, void *arg), void *arg)
{
	u64 h = siphash_4u64(&cpu->world->secret, inet->saddr.q[0] ^ inet->daddr.q[0], inet->saddr.q[1], inet->daddr.q[1],
			     inet->dport.raw);
	u16 lo, hi;
	u32 step = port_range(inet, &lo, &hi) ? 1 : 2;
	u32 n = hi - lo + 1u, *counter = &t->perturb[h % ARRAY_SIZE(t->perturb)];
	u32 start;

	start = (*counter + (u32)(h >> 32)) % n;
	if (step == 2)
		start &= ~1u;
	for (u32 pass = 0; pass < step; pass++, start++) {
		for (u32 i = 0; i < n; i += step) {
			u16 port = (u16)(lo + (start + i) % n);
			struct port_bucket *b;
			int err;

			if (reserved(t->net->inet, port))
				continue;
			b = port_find(t, port);
			if (b && !b->connect_only)
				continue;
			if (!(b = bucket_get(t, port)))
				return -ENOMEM;
			bucket_join(b, inet);
			err = unique(cpu, inet, port, arg);
			if (!err) {
				*counter += MAX(i, rng_below(&cpu->rng, 8) * step) + step;
				return 0;
			}
			port_unbind(t, inet);
			inet->sport = (be16){ 0 };
			if (err != -EADDRNOTAVAIL)
				return err;
		}
	}
	return -EADDRNOTAVAIL;
}

/* -- /proc/sys/net/ipv4 -- */

static void *inet_base(struct netns *net, const char *dev) { return net->inet; }

static int range_get(struct netns *net, void *base, const struct sysctl *s, struct strbuf *out)
{
	strbuf_printf(out, "%d\t%d", net->inet->local_port_range[0], net->inet->local_port_range[1]);
	return 0;
}

/* A decimal number and what follows it; false: none. */
static bool parse_num(const char **p, long *v)
{
	long n = 0;

	while (**p == ' ' || **p == '\t')
		++*p;
	if (**p < '0' || **p > '9')
		return false;
	while (**p >= '0' && **p <= '9' && n < 1000000)
		n = n * 10 + (*(*p)++ - '0');
	*v = n;
	return true;
}

/* Not below ip_unprivileged_port_start, and not the wrong way round. */
static int range_set(struct netns *net, void *base, const struct sysctl *s, const char *text)
{
	long lo, hi = net->inet->local_port_range[1];

	if (!parse_num(&text, &lo))
		return -EINVAL;
	parse_num(&text, &hi);
	if (*text && *text != '\n' && *text != ' ')
		return -EINVAL;
	if (lo < 1 || hi > 65535 || hi < lo || lo < net->inet->unprivileged_port_start)
		return -EINVAL;
	net->inet->local_port_range[0] = (s32)lo;
	net->inet->local_port_range[1] = (s32)hi;
	return 0;
}

static int unprivileged_set(struct netns *net, void *base, const struct sysctl *s, const char *text)
{
	long v;

	if (!parse_num(&text, &v) || (*text && *text != '\n') || v > 65535)
		return -EINVAL;
	if (v > net->inet->local_port_range[0])
		return -EINVAL; /* ephemeral ports must stay free for all */
	net->inet->unprivileged_port_start = (s32)v;
	return 0;
}
static int unprivileged_get(struct netns *net, void *base, const struct sysctl *s, struct strbuf *out)
{
	strbuf_printf(out, "%d", net->inet->unprivileged_port_start);
	return 0;
}

static int reserved_get(struct netns *net, void *base, const struct sysctl *s, struct strbuf *out)
{
	const struct netns_inet *n = net->inet;
	const char *comma = "";

	for (u32 p = 0; p < 65536; p++) {
		u32 first = p;
		if (!reserved(n, p))
			continue;
		while (p < 65535 && reserved(n, p + 1))
			p++;
		strbuf_printf(out, first == p ? "%s%u" : "%s%u-%u", comma, first, p);
		comma = ",";
	}
	return 0;
}

/* "8080,9000-9100": the whole list at once; an empty text clears it. */
static int reserved_set(struct netns *net, void *base, const struct sysctl *s, const char *text)
{
	u8 *map = mem_zalloc(&net->world->mem, 65536 / 8);
	bool some = false;

	if (!map)
		return -ENOMEM;
	while (*text && *text != '\n') {
		long lo, hi;
		if (!parse_num(&text, &lo))
			goto bad;
		hi = lo;
		if (*text == '-' && (text++, !parse_num(&text, &hi)))
			goto bad;
		if (lo > 65535 || hi > 65535 || hi < lo)
			goto bad;
		for (long p = lo; p <= hi; p++)
			map[p >> 3] |= (u8)BIT(p & 7);
		some = true;
		while (*text == ' ')
			text++;
		if (*text == ',')
			text++;
		else if (*text && *text != '\n')
			goto bad;
	}
	if (!some) {
		mem_free(&net->world->mem, map);
		map = NULL;
	}
	mem_free(&net->world->mem, net->inet->reserved_ports);
	net->inet->reserved_ports = map;
	return 0;
bad:
	mem_free(&net->world->mem, map);
	return -EINVAL;
}

static const struct sysctl port_entries[] = {
	{ .name = "ip_local_port_range", .kind = SYSCTL_CUSTOM, .mode = 0644, .get = range_get, .set = range_set },
	{ .name = "ip_local_reserved_ports", .kind = SYSCTL_CUSTOM, .mode = 0644, .get = reserved_get, .set = reserved_set },
	{ .name = "ip_unprivileged_port_start", .kind = SYSCTL_CUSTOM, .mode = 0644, .get = unprivileged_get, .set = unprivileged_set },
};
const struct sysctl_table port_sysctls = { .dir = "ipv4", .entries = port_entries, .count = ARRAY_SIZE(port_entries),
					   .base = inet_base };
