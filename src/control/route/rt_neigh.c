/* RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH: the neighbour tables as `ip neigh` reads and writes them; AF_BRIDGE's are in rt_fdb.c. */
#include <linux/neighbour.h>

#include "control/route/rt.h"
#include "link/neigh.h"
#include "inet/route/fib.h"
#include "link/netns_dev.h"
#include "link/netns_neigh.h"
#include "inet/ip4/ip4.h"
#include "inet/ip6/ip6.h"

const struct nl_policy rt_neigh_policy[NDA_MAX + 1] = {
	[NDA_DST] = { .type = NLP_BINARY, .len = 32 },
	[NDA_LLADDR] = { .type = NLP_BINARY, .len = DEV_ADDR_MAX },
	[NDA_CACHEINFO] = { .type = NLP_MIN_LEN, .len = sizeof(struct nda_cacheinfo) },
	[NDA_PROBES] = { .type = NLP_U32 },
	[NDA_VLAN] = { .type = NLP_U16 },
	[NDA_PORT] = { .type = NLP_U16 },
	[NDA_VNI] = { .type = NLP_U32 },
	[NDA_IFINDEX] = { .type = NLP_U32 },
	[NDA_MASTER] = { .type = NLP_U32 },
	[NDA_PROTOCOL] = { .type = NLP_U8 },
	[NDA_NH_ID] = { .type = NLP_U32 },
	[NDA_FLAGS_EXT] = { .type = NLP_U32 },
	[NDA_FDB_EXT_ATTRS] = { .type = NLP_NESTED },
};

static const struct neigh_table *table_of(u8 family)
{
	return family == AF_INET ? &arp_table : family == AF_INET6 ? &nd_table : NULL;
}

static u32 age(u64 now, u64 then)
{
	return rt_ticks(now > then ? now - then : 0);
}

int rt_neigh_fill(struct nl_buf *b, const struct neighbour *n, u64 now, u16 type, u16 flags, u32 seq, u32 portid)
{
	struct ndmsg *m = nl_begin(b, type, flags, seq, portid, sizeof(*m));
	struct nda_cacheinfo ci = { .ndm_confirmed = age(now, n->confirmed), .ndm_used = age(now, n->used),
				    .ndm_updated = age(now, n->updated), .ndm_refcnt = n->refcnt ? n->refcnt - 1 : 0 };

	if (!m)
		return nl_end(b);
	m->ndm_family = n->tbl->family;
	m->ndm_ifindex = n->dev->ifindex;
	m->ndm_state = n->nud_state;
	m->ndm_flags = n->flags;
	m->ndm_type = n->type;
	nl_put(b, NDA_DST, n->key, n->key_len);
	if (n->nud_state & (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY))
		nl_put(b, NDA_LLADDR, n->ha, n->dev->addr_len);
	nl_put_u32(b, NDA_PROBES, n->probes);
	nl_put(b, NDA_CACHEINFO, &ci, sizeof(ci));
	if (n->protocol)
		nl_put_u8(b, NDA_PROTOCOL, n->protocol);
	if (n->managed)
		nl_put_u32(b, NDA_FLAGS_EXT, NTF_EXT_MANAGED);
	return nl_end(b);
}

/* What NEWNEIGH, DELNEIGH and GETNEIGH have in common. */
struct target {
	const struct ndmsg *m;
	struct nl_attrs a;
	const struct neigh_table *tbl;
	struct net_device *dev;
};

static int parse(struct nl_request *rq, struct target *t)
{
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, sizeof(struct ndmsg), &len);
	int err;

	if (nlmsg_body_len(rq->nlh) < sizeof(struct ndmsg))
		return -EINVAL;
	t->m = nlmsg_hdr_data(rq->nlh);
	err = nl_parse(p, len, &t->a, NDA_MAX, rt_neigh_policy, false, rq->ack);
	if (err)
		return err;
	if (!t->a.a[NDA_DST]) {
		NL_SET_ERR(rq->ack, "Network address not specified");
		return -EINVAL;
	}
	t->dev = NULL;
	if (t->m->ndm_ifindex) {
		t->dev = dev_by_index(rq->net, t->m->ndm_ifindex);
		if (!t->dev)
			return -ENODEV;
	}
	t->tbl = table_of(t->m->ndm_family);
	if (!t->tbl)
		return -EAFNOSUPPORT;
	if (nl_len(t->a.a[NDA_DST]) < t->tbl->key_len) {
		NL_SET_ERR(rq->ack, "Invalid network address");
		return -EINVAL;
	}
	return 0;
}

static bool has_proxies(const struct ndmsg *m)
{
	return m->ndm_flags & NTF_PROXY;
}

static int new_neigh(struct nl_request *rq)
{
	u32 flags = NEIGH_UPDATE_OVERRIDE | NEIGH_UPDATE_OVERRIDE_ISROUTER | NEIGH_UPDATE_ADMIN, portid = rq->portid;
	u16 nlf = rq->nlh->nlmsg_flags;
	const u8 *lladdr = NULL;
	struct neighbour *n;
	struct target t;
	bool managed;
	int err = parse(rq, &t);

	if (err)
		return err;
	if (t.a.a[NDA_LLADDR] && t.dev && nl_len(t.a.a[NDA_LLADDR]) < t.dev->addr_len) {
		NL_SET_ERR(rq->ack, "Invalid link address");
		return -EINVAL;
	}
	if (has_proxies(t.m) && t.tbl->family == AF_INET6 && t.dev && !t.dev->ip6_ptr && !neigh_proxy_find(rq->net, t.tbl, nl_data(t.a.a[NDA_DST]), t.dev))
		return -ENOBUFS; /* it cannot join the solicited-node group */
	if (has_proxies(t.m))
		return neigh_proxy_add(rq->net, t.tbl, nl_data(t.a.a[NDA_DST]), t.dev, (u8)t.m->ndm_flags,
				       t.a.a[NDA_PROTOCOL] ? nl_u8(t.a.a[NDA_PROTOCOL]) : 0);
	if (t.a.a[NDA_NH_ID])
		return -EOPNOTSUPP;
	managed = t.a.a[NDA_FLAGS_EXT] && nl_u32(t.a.a[NDA_FLAGS_EXT]) & NTF_EXT_MANAGED;
	if (t.a.a[NDA_FLAGS_EXT] && nl_u32(t.a.a[NDA_FLAGS_EXT]) & ~(u32)NTF_EXT_MANAGED) {
		NL_SET_ERR(rq->ack, "Invalid extended flags");
		return -EINVAL;
	}
	if (!t.dev) {
		NL_SET_ERR(rq->ack, "Device not specified");
		return -EINVAL;
	}
	if (t.tbl->family == AF_INET6 && !rq->net->fib->ops6->dev_enabled(t.dev)) {
		NL_SET_ERR(rq->ack, "IPv6 is disabled on this device");
		return -EINVAL;
	}
	if (t.tbl->family == AF_INET && !t.dev->ip_ptr)
		return -EINVAL;
	if (t.a.a[NDA_LLADDR])
		lladdr = nl_data(t.a.a[NDA_LLADDR]);
	n = neigh_lookup(t.tbl, nl_data(t.a.a[NDA_DST]), t.dev);
	if (!n) {
		if (!(nlf & NLM_F_CREATE))
			return -ENOENT;
		if (managed && t.m->ndm_state & NUD_PERMANENT) {
			NL_SET_ERR(rq->ack, "Invalid NTF_* flag for permanent entry");
			return -EINVAL;
		}
		n = neigh_get(rq->cpu, t.tbl, nl_data(t.a.a[NDA_DST]), t.dev);
		if (!n)
			return -ENOBUFS;
	} else {
		if (nlf & NLM_F_EXCL)
			return -EEXIST;
		if (!(nlf & NLM_F_REPLACE))
			flags &= ~(u32)(NEIGH_UPDATE_OVERRIDE | NEIGH_UPDATE_OVERRIDE_ISROUTER);
	}
	neigh_hold(n);
	if (t.a.a[NDA_PROTOCOL])
		n->protocol = nl_u8(t.a.a[NDA_PROTOCOL]);
	if (t.m->ndm_flags & NTF_ROUTER)
		flags |= NEIGH_UPDATE_ISROUTER;
	neigh_set_managed(rq->cpu, n, managed);
	if (managed || t.m->ndm_flags & NTF_USE) {
		neigh_kick(rq->cpu, n); /* as if a packet had gone there */
	} else {
		n->flags = (u8)((n->flags & ~NTF_EXT_LEARNED) | (t.m->ndm_flags & NTF_EXT_LEARNED));
		err = neigh_update(rq->cpu, n, lladdr, (u8)t.m->ndm_state, flags, portid);
		if (err == -EINVAL && !lladdr)
			NL_SET_ERR(rq->ack, "No link layer address given");
	}
	neigh_put(rq->cpu, n);
	return err;
}

static int del_neigh(struct nl_request *rq)
{
	struct neighbour *n;
	struct target t;
	int err = parse(rq, &t);

	if (err)
		return err;
	if (has_proxies(t.m))
		return neigh_proxy_del(rq->net, t.tbl, nl_data(t.a.a[NDA_DST]), t.dev);
	if (!t.dev)
		return -EINVAL;
	n = neigh_lookup(t.tbl, nl_data(t.a.a[NDA_DST]), t.dev);
	if (!n)
		return -ENOENT;
	n->flags &= (u8)~NTF_EXT_LEARNED; /* as any change by hand that doesn't say so */
	err = neigh_update(rq->cpu, n, NULL, NUD_FAILED, NEIGH_UPDATE_OVERRIDE | NEIGH_UPDATE_ADMIN, rq->portid);
	return err ? err : neigh_del(rq->cpu, n);
}

static int parse_get(struct nl_request *rq, struct target *t)
{
	const struct ndmsg *m = nlmsg_hdr_data(rq->nlh);
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, sizeof(*m), &len);
	int err;

	if (nlmsg_body_len(rq->nlh) < sizeof(*m)) {
		NL_SET_ERR(rq->ack, "Invalid header for neighbor get request");
		return -EINVAL;
	}
	if (m->ndm_pad1 || m->ndm_pad2 || m->ndm_state || m->ndm_type) {
		NL_SET_ERR(rq->ack, "Invalid values in header for neighbor get request");
		return -EINVAL;
	}
	if (m->ndm_flags & ~NTF_PROXY) {
		NL_SET_ERR(rq->ack, "Invalid flags in header for neighbor get request");
		return -EINVAL;
	}
	err = nl_parse(p, len, &t->a, NDA_MAX, rt_neigh_policy, true, rq->ack);
	if (err)
		return err;
	t->m = m;
	t->tbl = table_of(m->ndm_family);
	if (!t->tbl) {
		NL_SET_ERR(rq->ack, "Unsupported family in header for neighbor get request");
		return -EAFNOSUPPORT;
	}
	for (unsigned i = 1; i <= NDA_MAX; i++) {
		if (t->a.a[i] && i != NDA_DST) {
			NL_SET_ERR(rq->ack, "Unsupported attribute in neighbor get request");
			return -EINVAL;
		}
	}
	if (!t->a.a[NDA_DST]) {
		NL_SET_ERR(rq->ack, "Network address not specified");
		return -EINVAL;
	}
	if (nl_len(t->a.a[NDA_DST]) != t->tbl->key_len) {
		NL_SET_ERR(rq->ack, "Invalid network address in neighbor get request");
		return -EINVAL;
	}
	t->dev = m->ndm_ifindex ? dev_by_index(rq->net, m->ndm_ifindex) : NULL;
	if (m->ndm_ifindex && !t->dev) {
		NL_SET_ERR(rq->ack, "Unknown device ifindex");
		return -ENODEV;
	}
	return 0;
}

static int proxy_fill(struct nl_buf *b, const struct neigh_proxy *p, const struct neigh_table *tbl, u16 flags, u32 seq, u32 portid)
{
	struct ndmsg *m = nl_begin(b, RTM_NEWNEIGH, flags, seq, portid, sizeof(*m));
	if (!m)
		return nl_end(b);
	*m = (struct ndmsg){ .ndm_family = tbl->family, .ndm_ifindex = p->dev ? p->dev->ifindex : 0, .ndm_state = NUD_NONE,
			     .ndm_flags = p->flags | NTF_PROXY, .ndm_type = 1 /* RTN_UNICAST */ };
	nl_put(b, NDA_DST, p->key, tbl->key_len);
	if (p->protocol)
		nl_put_u8(b, NDA_PROTOCOL, p->protocol);
	return nl_end(b);
}

static int get_neigh(struct nl_request *rq)
{
	struct neighbour *n;
	struct target t;
	struct nl_buf b;
	int err = parse_get(rq, &t);

	if (err)
		return err;
	if (has_proxies(t.m)) {
		const struct neigh_proxy *p = neigh_proxy_find(rq->net, t.tbl, nl_data(t.a.a[NDA_DST]), t.dev);
		if (!p) {
			NL_SET_ERR(rq->ack, "Proxy neighbour entry not found");
			return -ENOENT;
		}
		nl_buf_init(&b, cpu_mem(rq->cpu), 0);
		err = proxy_fill(&b, p, t.tbl, 0, rq->nlh->nlmsg_seq, rq->portid);
		err = err ? err : nl_unicast(rq, &b);
		nl_buf_fini(&b);
		return err;
	}
	if (!t.dev) {
		NL_SET_ERR(rq->ack, "No device specified");
		return -EINVAL;
	}
	n = neigh_lookup(t.tbl, nl_data(t.a.a[NDA_DST]), t.dev);
	if (!n) {
		NL_SET_ERR(rq->ack, "Neighbour entry not found");
		return -ENOENT;
	}
	neigh_hold(n);
	nl_buf_init(&b, cpu_mem(rq->cpu), 0);
	err = rt_neigh_fill(&b, n, rq->cpu->now, RTM_NEWNEIGH, 0, rq->nlh->nlmsg_seq, rq->portid);
	err = err ? err : nl_unicast(rq, &b);
	nl_buf_fini(&b);
	neigh_put(rq->cpu, n);
	return err;
}

/* d->arg[0]: serial number of the last entry that was shown or passed over. Entries stand in that order, so what comes and goes
 * between two datagrams makes nobody appear twice or be left out. Linux marks no dump of neighbours as interrupted. */
struct dumping {
	struct nl_dump *d;
	struct nl_buf *b;
	s32 ifindex, master;
	u16 flags;
};

static int dump_one(void *arg, struct neighbour *n)
{
	struct dumping *p = arg;
	int err;

	if (n->serial <= p->d->arg[0])
		return 0;
	if ((p->ifindex && n->dev->ifindex != p->ifindex) || !rt_master_fits(n->dev, p->master)) {
		p->d->arg[0] = n->serial;
		return 0;
	}
	err = rt_neigh_fill(p->b, n, p->d->cpu->now, RTM_NEWNEIGH, p->flags, p->d->seq, p->d->portid);
	if (err)
		return err == -EMSGSIZE ? 1 : err;
	p->d->arg[0] = n->serial;
	return 0;
}

static int dump_proxies(struct dumping *p, const struct neigh_table *tbl)
{
	struct neigh_proxy *x;
	u64 seen = 0;
	list_for_each (x, &neigh_slot_of(p->d->net, tbl)->proxies, link) {
		int err;
		if (seen++ < p->d->arg[0] || (p->ifindex && (!x->dev || x->dev->ifindex != p->ifindex)))
			continue;
		err = proxy_fill(p->b, x, tbl, p->flags, p->d->seq, p->d->portid);
		if (err)
			return err == -EMSGSIZE ? 1 : err;
		p->d->arg[0] = seen;
	}
	return 0;
}

static int parse_dump(struct nl_dump *d, struct dumping *p, bool *proxies)
{
	const struct ndmsg *m = nlmsg_hdr_data(d->req);
	struct nl_attrs a;
	size_t len;
	const void *attrs = nlmsg_attrs(d->req, sizeof(*m), &len);
	int err;

	*proxies = nlmsg_body_len(d->req) >= sizeof(*m) && m->ndm_flags == NTF_PROXY;
	if (d->strict) {
		if (nlmsg_body_len(d->req) < sizeof(*m)) {
			NL_SET_ERR(d->ack, "Invalid header for neighbor dump request");
			return -EINVAL;
		}
		if (m->ndm_pad1 || m->ndm_pad2 || m->ndm_ifindex || m->ndm_state || m->ndm_type) {
			NL_SET_ERR(d->ack, "Invalid values in header for neighbor dump request");
			return -EINVAL;
		}
		if (m->ndm_flags & ~NTF_PROXY) {
			NL_SET_ERR(d->ack, "Invalid flags in header for neighbor dump request");
			return -EINVAL;
		}
	}
	err = nl_parse(attrs, len, &a, NDA_MAX, rt_neigh_policy, d->strict, d->ack);
	if (err)
		return d->strict ? err : 0;
	for (unsigned i = 1; i <= NDA_MAX; i++) {
		if (!a.a[i])
			continue;
		if (i == NDA_IFINDEX)
			p->ifindex = (s32)nl_u32(a.a[i]);
		else if (i == NDA_MASTER)
			p->master = (s32)nl_u32(a.a[i]);
		else if (d->strict) {
			NL_SET_ERR(d->ack, "Unsupported attribute in neighbor dump request");
			return -EINVAL;
		}
	}
	return 0;
}

static int dump_neigh(struct nl_dump *d, struct nl_buf *b)
{
	struct dumping p = { .d = d, .b = b };
	bool proxies;
	u8 family;
	int err = parse_dump(d, &p, &proxies);

	if (err)
		return err;
	family = *(const u8 *)nlmsg_hdr_data(d->req);
	if (family && !table_of(family))
		return 0;
	/* NLMSG_DONE does not say that neighbours were filtered; they do. */
	p.flags = (u16)(NLM_F_MULTI | (p.ifindex || p.master ? NLM_F_DUMP_FILTERED : 0) | (d->intr ? NLM_F_DUMP_INTR : 0));
	/* arg[1]: which table it is at. */
	for (; d->arg[1] < 2; d->arg[1]++, d->arg[0] = 0) {
		const struct neigh_table *tbl = d->arg[1] ? &nd_table : &arp_table;
		if (family && family != tbl->family)
			continue;
		err = proxies ? dump_proxies(&p, tbl) : neigh_walk(d->net, tbl, dump_one, &p);
		if (err)
			return err;
	}
	return 0;
}

const struct nl_handler rt_neigh_handlers[] = {
	{ .protocol = NETLINK_ROUTE, .type = RTM_NEWNEIGH, .doit = new_neigh },
	{ .protocol = NETLINK_ROUTE, .type = RTM_DELNEIGH, .doit = del_neigh },
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETNEIGH, .doit = get_neigh, .dump = dump_neigh },
	{ 0 },
};
