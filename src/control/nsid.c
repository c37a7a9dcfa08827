/* Ids of peer namespaces; see nsid.h. A list per namespace, ascending by id: there are few, and `lowest free` is one walk.
 * RTM_NEWNSID and RTM_DELNSID are built here, because a namespace's end sends them too. */
#include "control/nsid.h"

#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>

#include "control/netlink.h"

static void notify(struct cpu *cpu, struct netns *net, u16 type, s32 id)
{
	struct nl_buf b;

	if (!nl_group_used(net, NETLINK_ROUTE, RTNLGRP_NSID))
		return;
	nl_buf_init(&b, &net->world->mem, 0);
	nl_begin(&b, type, 0, 0, 0, sizeof(struct rtgenmsg));
	nl_put_u32(&b, NETNSA_NSID, (u32)id);
	nl_end(&b);
	nl_multicast(cpu, net, NETLINK_ROUTE, RTNLGRP_NSID, &b, 0);
	nl_buf_fini(&b);
}

s32 nsid_find(const struct netns *net, const struct netns *peer)
{
	struct nsid *n;

	if (!net->nsid)
		return NSID_NONE;
	list_for_each (n, &net->nsid->ids, link) {
		if (n->peer == peer)
			return n->id;
	}
	return NSID_NONE;
}

struct netns *nsid_peer(const struct netns *net, s32 id)
{
	struct nsid *n;

	list_for_each (n, &net->nsid->ids, link) {
		if (n->id == id)
			return n->peer;
	}
	return NULL;
}

int nsid_assign(struct netns *net, struct netns *peer, s32 id)
{
	struct list *at = &net->nsid->ids;
	struct nsid *n;
	s32 lowest = 0;

	if (nsid_find(net, peer) != NSID_NONE)
		return -EEXIST;
	list_for_each (n, &net->nsid->ids, link) {
		if (n->id == id)
			return -ENOSPC;
		if (n->id < (id < 0 ? lowest + 1 : id)) {
			at = &n->link;
			lowest += n->id == lowest;
		}
	}
	n = mem_zalloc(&net->world->mem, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->id = id < 0 ? lowest : id;
	n->peer = peer;
	list_insert_between(&n->link, at, at->next);
	net->nsid->gen++;
	return 0;
}

s32 nsid_get(struct cpu *cpu, struct netns *net, struct netns *peer)
{
	s32 id = nsid_find(net, peer);

	if (id != NSID_NONE || net->dying || peer->dying)
		return id;
	if (nsid_assign(net, peer, -1))
		return NSID_NONE;
	id = nsid_find(net, peer);
	notify(cpu, net, RTM_NEWNSID, id);
	return id;
}

int nsid_netns_init(struct netns *net)
{
	net->nsid = mem_zalloc(&net->world->mem, sizeof(*net->nsid));
	if (!net->nsid)
		return -ENOMEM;
	list_init(&net->nsid->ids);
	return 0;
}

static void drop(struct netns *net, struct nsid *n)
{
	list_del(&n->link);
	net->nsid->gen++;
	mem_free(&net->world->mem, n);
}

void nsid_netns_exit(struct netns *net)
{
	struct world *w = net->world;
	struct netns *other;
	struct nsid *n, *next;

	list_for_each (other, &w->netns_list, world_link) {
		if (other == net || !other->nsid)
			continue;
		list_for_each_safe (n, next, &other->nsid->ids, link) {
			if (n->peer == net) {
				notify(config_cpu(w), other, RTM_DELNSID, n->id);
				drop(other, n);
			}
		}
	}
	list_for_each_safe (n, next, &net->nsid->ids, link)
		drop(net, n);
}

void nsid_netns_fini(struct netns *net)
{
	struct nsid *n, *next;

	if (!net->nsid)
		return;
	list_for_each_safe (n, next, &net->nsid->ids, link)
		drop(net, n);
	mem_free(&net->world->mem, net->nsid);
	net->nsid = NULL;
}
