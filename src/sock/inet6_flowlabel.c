/* IPV6_FLOWLABEL_MGR: a socket leases flow labels, gives them back, renews them, and says which label it answers with
 * (struct in6_flowlabel_req of linux/in6.h). The namespace's register of leases is inet/ip6's.
 */
#include <netinet/in.h>

#include "inet/ip6/ip6.h"
#include "sock/inet_sock.h"

enum { MIN_LINGER_S = 6, MAX_LINGER_S = 150, MAX_LEASES = 4096, MAX_PER_SOCKET = 32 };
#define STATELESS_FLAG 0x80000u
/* linux/in6.h's, which does not go together with netinet/in.h everywhere. */
enum { FL_GET = 0, FL_PUT = 1, FL_RENEW = 2 };
enum { FL_CREATE = 1, FL_EXCL = 2, FL_REFLECT = 4, FL_REMOTE = 8 };
struct flowlabel_req {
	u8 dst[16];
	be32 label;
	u8 action, share;
	u16 flags, expires, linger; /* seconds */
	u32 pad;
	/* control messages follow */
};

struct lease_ref {
	struct list link; /* inet6_opts.leases; the newest first */
	struct ip6_flowlabel *fl;
};

static struct lease_ref *find(const struct inet_sock *inet, be32 label)
{
	struct lease_ref *r;
	list_for_each(r, &inet->v6->leases, link)
		if (be32_eq(r->fl->label, label))
			return r;
	return NULL;
}

struct ip6_flowlabel *inet6_flowlabel_of(const struct inet_sock *inet, be32 label)
{
	struct lease_ref *r = find(inet, label);
	return r ? r->fl : NULL;
}

int inet6_flowlabel_check(const struct inet_sock *inet, be32 label)
{
	const struct netns_ip6 *ip6 = inet->sk.net->ip6;
	return label.raw && ip6 && ip6->flowlabel_excl && !find(inet, label) ? -EINVAL : 0;
}

static u64 linger_ns(const struct cpu *cpu, u32 s)
{
	if (s > MAX_LINGER_S && !caller_net_admin(cpu))
		return 0;
	return MAX(s, (u32)MIN_LINGER_S) * NSEC_PER_SEC;
}

static int renew(struct cpu *cpu, struct ip6_flowlabel *fl, u32 linger_s, u32 expires_s)
{
	u64 linger = linger_ns(cpu, linger_s), expires = linger_ns(cpu, expires_s);
	if (!linger || !expires)
		return -EPERM;
	fl->linger = MAX(fl->linger, linger);
	fl->expires = MAX(fl->expires, cpu->now + MAX(expires, fl->linger));
	return 0;
}

static void lease_free(struct cpu *cpu, struct ip6_flowlabel *fl)
{
	if (fl)
		mem_free(cpu_mem(cpu), fl->opts);
	mem_free(cpu_mem(cpu), fl);
}

/* The options that follow the request: only what comes before a fragment header belongs to a flow. */
static int read_opts(struct cpu *cpu, struct inet_sock *inet, const u8 *p, u32 len, struct ip6_txopts **out)
{
	struct msghdr m = { .msg_control = (void *)(uintptr_t)p, .msg_controllen = len };
	struct inet_cmsgs c;
	int err;

	inet_cmsgs_init(inet, &c);
	err = inet_cmsgs_parse(cpu, inet, &m, &c);
	if (!err && c.txopts6 && c.txopts6->len[IP6_TX_DST1OPT])
		err = -EINVAL;
	if (!err && ip6_txopts_nflen(c.txopts6)) {
		*out = c.txopts6;
		return 0;
	}
	mem_free(cpu_mem(cpu), c.txopts6);
	return err;
}

static int make(struct cpu *cpu, struct inet_sock *inet, const struct flowlabel_req *q, const u8 *val, u32 len, struct ip6_flowlabel **out)
{
	struct ip6_flowlabel *fl;
	u32 skip = (u32)ALIGN_UP(sizeof *q, sizeof(size_t));
	int err = 0;

	if (len > skip && len - skip > 64 * 1024)
		return -EINVAL;
	if (!(fl = mem_zalloc(cpu_mem(cpu), sizeof *fl)))
		return -ENOMEM;
	list_init(&fl->link);
	fl->label = q->label;
	fl->dst = inaddr_from_v6(q->dst);
	fl->share = q->share;
	fl->users = 1;
	if (len > skip)
		err = read_opts(cpu, inet, val + skip, len - skip, &fl->opts);
	if (!err)
		err = renew(cpu, fl, q->linger, q->expires);
	if (!err && (inaddr_is_v4(&fl->dst) || v6_is_any(&fl->dst)))
		err = -EINVAL;
	switch (fl->share) {
	case IP6_FL_S_PROCESS: fl->owner = cpu->caller ? (u32)cpu->caller->tid : 0; break;
	case IP6_FL_S_USER: fl->owner = cpu->caller ? caller_ids(cpu->caller)->uid : 0; break;
	case IP6_FL_S_EXCL:
	case IP6_FL_S_ANY: break;
	default: err = err ? err : -EINVAL;
	}
	if (err)
		lease_free(cpu, fl);
	else
		*out = fl;
	return err;
}

static int hold(struct cpu *cpu, struct inet_sock *inet, struct ip6_flowlabel *fl)
{
	struct lease_ref *r = mem_alloc(cpu_mem(cpu), sizeof *r);
	if (!r)
		return -ENOMEM;
	r->fl = fl;
	list_add_head(&inet->v6->leases, &r->link);
	return 0;
}

static int enough_left(struct cpu *cpu, struct inet_sock *inet)
{
	u32 used = ip6_flowlabel_count(cpu, inet->sk.net), room = MAX_LEASES - MIN(used, (u32)MAX_LEASES), own = 0;
	struct lease_ref *r;

	if (room > MAX_LEASES - MAX_PER_SOCKET)
		return 0;
	list_for_each(r, &inet->v6->leases, link)
		own++;
	if (!room)
		return -ENOBUFS;
	if (own >= MAX_PER_SOCKET || (own && room < MAX_LEASES / 2) || room < MAX_LEASES / 4)
		return caller_net_admin(cpu) ? 0 : -ENOBUFS;
	return 0;
}

/* Another's lease of the same label, when it is shared that far. */
static int share(struct cpu *cpu, struct inet_sock *inet, const struct flowlabel_req *q, struct ip6_flowlabel *there, const struct ip6_flowlabel *want)
{
	int err;

	if (q->flags & FL_EXCL)
		return -EEXIST;
	if (there->share == IP6_FL_S_EXCL || there->share != want->share || there->owner != want->owner)
		return -EPERM;
	if ((err = hold(cpu, inet, there)))
		return err;
	there->users++;
	there->linger = MAX(there->linger, want->linger);
	there->expires = MAX(there->expires, want->expires);
	return 0;
}

static int get(struct cpu *cpu, struct inet_sock *inet, const struct flowlabel_req *q, u8 *val, u32 len)
{
	struct netns *net = inet->sk.net;
	struct ip6_flowlabel *fl = NULL, *there = NULL;
	be32 label = q->label;
	int err;

	if (q->flags & FL_REFLECT) {
		if (net->ip6->flowlabel_consistency)
			return -EPERM;
		if (inet->sk.protocol != IPPROTO_TCP)
			return -ENOPROTOOPT;
		inet->v6->repflow = true;
		return 0;
	}
	if (be32_to_cpu(label) > IP6_FLOWLABEL_MASK)
		return -EINVAL;
	if (net->ip6->flowlabel_state_ranges && be32_to_cpu(label) & STATELESS_FLAG)
		return -ERANGE;
	if ((err = make(cpu, inet, q, val, len, &fl)))
		return err;
	if (label.raw && (there = ip6_flowlabel_find(cpu, net, label))) {
		err = share(cpu, inet, q, there, fl);
		lease_free(cpu, fl);
		return err;
	}
	err = q->flags & FL_CREATE ? enough_left(cpu, inet) : -ENOENT;
	if (!err)
		err = hold(cpu, inet, fl);
	if (err) {
		lease_free(cpu, fl);
		return err;
	}
	ip6_flowlabel_add(cpu, net, fl);
	if (!label.raw) /* the program learns it from its request */
		memcpy(val + offsetof(struct flowlabel_req, label), &fl->label, sizeof fl->label);
	return 0;
}

static void drop(struct cpu *cpu, struct lease_ref *r)
{
	list_del(&r->link);
	ip6_flowlabel_put(cpu, r->fl);
	mem_free(cpu_mem(cpu), r);
}

static int put(struct cpu *cpu, struct inet_sock *inet, const struct flowlabel_req *q)
{
	be32 label = q->label;
	struct lease_ref *r;

	if (q->flags & FL_REFLECT) {
		if (inet->sk.protocol != IPPROTO_TCP)
			return -ENOPROTOOPT;
		if (!inet->v6->repflow)
			return -ESRCH;
		inet->v6->flow_label = (be32){ 0 };
		inet->v6->repflow = false;
		return 0;
	}
	if (be32_eq(inet->v6->flow_label, label))
		inet->v6->flow_label = (be32){ 0 };
	if (!(r = find(inet, label)))
		return -ESRCH;
	drop(cpu, r);
	return 0;
}

static int renew_one(struct cpu *cpu, struct inet_sock *inet, const struct flowlabel_req *q)
{
	be32 label = q->label;
	struct ip6_flowlabel *fl = inet6_flowlabel_of(inet, label);

	if (!fl && q->share == IP6_FL_S_NONE && caller_net_admin(cpu))
		fl = ip6_flowlabel_find(cpu, inet->sk.net, label);
	return fl && fl->users ? renew(cpu, fl, q->linger, q->expires) : -ESRCH;
}

int inet6_flowlabel_set(struct cpu *cpu, struct inet_sock *inet, const void *val, socklen_t len)
{
	struct flowlabel_req q;

	if (len < sizeof q)
		return -EINVAL;
	memcpy(&q, val, sizeof q);
	switch (q.action) {
	case FL_GET: return get(cpu, inet, &q, (u8 *)(uintptr_t)val, len);
	case FL_PUT: return put(cpu, inet, &q);
	case FL_RENEW: return renew_one(cpu, inet, &q);
	default: return -EINVAL;
	}
}

int inet6_flowlabel_get(struct cpu *cpu, struct inet_sock *inet, void *val, socklen_t *len)
{
	struct flowlabel_req q;
	struct ip6_flowlabel *fl;

	if (*len < sizeof q)
		return -EINVAL;
	memcpy(&q, val, sizeof q);
	if (q.action != FL_GET)
		return -EINVAL;
	memset(&q, 0, sizeof q);
	if (((const struct flowlabel_req *)val)->flags & FL_REMOTE) {
		q.label.raw = inet->v6->rcv_flowinfo.raw & BE32(IP6_FLOWLABEL_MASK).raw;
	} else if (inet->v6->repflow) {
		q.label = inet->v6->flow_label;
	} else {
		if (!(fl = inet6_flowlabel_of(inet, inet->v6->flow_label)))
			return -ENOENT;
		q.label = fl->label;
		memcpy(q.dst, fl->dst.b, 16);
		q.share = fl->share;
		q.linger = (u16)(fl->linger / NSEC_PER_SEC);
		q.expires = (u16)((fl->expires - cpu->now) / NSEC_PER_SEC);
	}
	*len = sizeof q;
	memcpy(val, &q, sizeof q);
	return 0;
}

void inet6_flowlabel_leave_all(struct cpu *cpu, struct inet_sock *inet)
{
	while (!list_empty(&inet->v6->leases))
		drop(cpu, list_first(&inet->v6->leases, struct lease_ref, link));
}
