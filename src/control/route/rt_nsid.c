/* RTM_NEWNSID, RTM_GETNSID: ids of peer namespaces (ip netns set, ip netns list-id; and before that, `ip link` asks for the id of
 * every file in /run/netns). The table itself is control/nsid.c. */
#include <linux/net_namespace.h>

#include "control/nsid.h"
#include "control/route/rt.h"
#include "core/caller.h"

enum { TARGET_NSID = NETNSA_TARGET_NSID, CURRENT_NSID = NETNSA_CURRENT_NSID };

static const struct nl_policy policy[NETNSA_MAX + 1] = {
	[NETNSA_NSID] = { .type = NLP_S32 },
	[NETNSA_PID] = { .type = NLP_U32 },
	[NETNSA_FD] = { .type = NLP_U32 },
	[NETNSA_TARGET_NSID] = { .type = NLP_S32 },
};

int rt_netns_by_fd(struct cpu *cpu, s32 fd, struct netns **out)
{
	struct call_ctx *c = cpu->caller;

	return c && c->ops && c->ops->netns_by_fd ? c->ops->netns_by_fd(c, fd, out) : -EBADF;
}

int rt_netns_by_pid(struct cpu *cpu, s32 pid, struct netns **out)
{
	struct call_ctx *c = cpu->caller;

	return c && c->ops && c->ops->netns_by_pid ? c->ops->netns_by_pid(c, pid, out) : -ESRCH;
}

/* The peer that a request names, and the attribute that did. */
static int find_peer(struct nl_request *rq, const struct nl_attrs *a, bool by_id, struct netns **peer, const struct nlattr **by)
{
	int err;

	if (a->a[NETNSA_PID]) {
		*by = a->a[NETNSA_PID];
		err = rt_netns_by_pid(rq->cpu, (s32)nl_u32(*by), peer);
	} else if (a->a[NETNSA_FD]) {
		*by = a->a[NETNSA_FD];
		err = rt_netns_by_fd(rq->cpu, (s32)nl_u32(*by), peer);
	} else if (by_id && a->a[NETNSA_NSID]) {
		*by = a->a[NETNSA_NSID];
		*peer = nsid_peer(rq->net, (s32)nl_u32(*by));
		err = *peer ? 0 : -ENOENT;
		if (*peer)
			netns_get(*peer);
	} else {
		NL_SET_ERR(rq->ack, "Peer netns reference is missing");
		return -EINVAL;
	}
	if (err)
		NL_SET_ERR_ATTR(rq->ack, *by, "Peer netns reference is invalid");
	return err;
}

static int parse(struct nl_request *rq, struct nl_attrs *a, bool strict)
{
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, sizeof(struct rtgenmsg), &len);

	return nl_parse(p, len, a, NETNSA_MAX, policy, strict, rq->ack);
}

static int fill(void *hdr, struct nl_buf *b, s32 id, bool with_current, s32 current)
{
	if (hdr) {
		((struct rtgenmsg *)hdr)->rtgen_family = AF_UNSPEC;
		nl_put_u32(b, NETNSA_NSID, (u32)id);
		if (with_current)
			nl_put_u32(b, CURRENT_NSID, (u32)current);
	}
	return nl_end(b);
}

static int new_nsid(struct nl_request *rq)
{
	struct nl_attrs a;
	const struct nlattr *by;
	struct netns *peer;
	struct nl_buf b;
	s32 id;
	int err = parse(rq, &a, false);

	if (err)
		return err;
	if (!a.a[NETNSA_NSID]) {
		NL_SET_ERR(rq->ack, "nsid is missing");
		return -EINVAL;
	}
	id = (s32)nl_u32(a.a[NETNSA_NSID]);
	err = find_peer(rq, &a, false, &peer, &by);
	if (err)
		return err;
	err = nsid_assign(rq->net, peer, id);
	if (err == -EEXIST) {
		NL_SET_ERR_ATTR(rq->ack, by, "Peer netns already has a nsid assigned");
	} else if (err == -ENOSPC) {
		err = -EEXIST;
		NL_SET_ERR_ATTR(rq->ack, a.a[NETNSA_NSID], "The specified nsid is already used");
	} else if (!err) {
		nl_buf_init(&b, cpu_mem(rq->cpu), 0);
		fill(nl_begin(&b, RTM_NEWNSID, 0, rq->nlh->nlmsg_seq, rq->portid, sizeof(struct rtgenmsg)), &b,
		     nsid_find(rq->net, peer), false, 0);
		nl_multicast(rq->cpu, rq->net, NETLINK_ROUTE, RTNLGRP_NSID, &b, 0);
		nl_buf_fini(&b);
	}
	netns_put(peer);
	return err;
}

static int get_nsid(struct nl_request *rq)
{
	struct netns *peer, *target = rq->net;
	const struct nlattr *by;
	struct nl_attrs a;
	struct nl_buf b;
	bool other = false;
	int err = parse(rq, &a, false);

	if (err)
		return err;
	err = find_peer(rq, &a, true, &peer, &by);
	if (err)
		return err;
	if (a.a[TARGET_NSID]) {
		target = nsid_peer(rq->net, (s32)nl_u32(a.a[TARGET_NSID]));
		other = true;
		if (!target) {
			NL_SET_ERR_ATTR(rq->ack, a.a[TARGET_NSID], "Target netns reference is invalid");
			err = -EINVAL;
			goto out;
		}
	}
	nl_buf_init(&b, cpu_mem(rq->cpu), 0);
	err = fill(nl_reply_begin(rq, &b, RTM_NEWNSID, sizeof(struct rtgenmsg)), &b, nsid_find(target, peer), other,
		   nsid_find(rq->net, peer));
	err = err ? err : nl_unicast(rq, &b);
	nl_buf_fini(&b);
out:
	netns_put(peer);
	return err;
}

static int dump_nsid(struct nl_dump *d, struct nl_buf *b)
{
	struct netns *net = d->net;
	struct nl_attrs a;
	struct nsid *n;
	size_t len;
	const void *p = nlmsg_attrs(d->req, sizeof(struct rtgenmsg), &len);
	bool other = false;
	int err;

	err = nl_parse(p, len, &a, NETNSA_MAX, policy, d->strict, d->ack);
	if (err)
		return err;
	if (a.a[TARGET_NSID]) {
		net = nsid_peer(d->net, (s32)nl_u32(a.a[TARGET_NSID]));
		other = true;
		if (!net) {
			NL_SET_ERR_ATTR(d->ack, a.a[TARGET_NSID], "Invalid target network namespace id");
			return -EINVAL;
		}
	}
	if (d->strict) {
		for (unsigned i = 1; i <= NETNSA_MAX; i++) {
			if (a.a[i] && i != TARGET_NSID) {
				NL_SET_ERR_ATTR(d->ack, a.a[i], "Unsupported attribute in dump request");
				return -EINVAL;
			}
		}
	}
	list_for_each (n, &net->nsid->ids, link) {
		if ((u64)n->id < d->arg[0])
			continue;
		err = fill(nl_dump_begin(d, b, RTM_NEWNSID, sizeof(struct rtgenmsg)), b, n->id, other, nsid_find(d->net, n->peer));
		if (err)
			return err == -EMSGSIZE ? 1 : err;
		d->arg[0] = (u64)n->id + 1;
	}
	return 0;
}

const struct nl_handler rt_nsid_handlers[] = {
	{ .protocol = NETLINK_ROUTE, .type = RTM_NEWNSID, .doit = new_nsid },
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETNSID, .doit = get_nsid, .dump = dump_nsid },
	{ 0 },
};
