/* The parser of link requests, and what making, changing and removing have in common. */
#include <net/if.h>

#include "control/nsid.h"
#include "control/route/rt_link_change.h"
#include "link/netns_dev.h"

const struct nl_policy rt_linkinfo_policy[IFLA_INFO_MAX + 1] = {
	[IFLA_INFO_KIND] = { .type = NLP_STRING },
	[IFLA_INFO_DATA] = { .type = NLP_BINARY },
	[IFLA_INFO_SLAVE_KIND] = { .type = NLP_STRING },
	[IFLA_INFO_SLAVE_DATA] = { .type = NLP_BINARY },
};

static int parse(struct nl_request *rq, struct link_change *c)
{
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, sizeof(struct ifinfomsg), &len);
	int err;

	if (nlmsg_body_len(rq->nlh) < sizeof(struct ifinfomsg))
		return -EINVAL;
	c->rq = rq;
	c->m = nlmsg_hdr_data(rq->nlh);
	c->kind = NULL;
	c->link_net = NULL;
	c->has_data = false;
	c->kind_name[0] = c->ifname[0] = 0;
	memset(&c->info, 0, sizeof(c->info));
	err = nl_parse(p, len, &c->a, RT_IFLA_MAX, rt_link_policy, false, rq->ack);
	if (err)
		return err;
	if (c->a.a[IFLA_IFNAME])
		nl_strcpy(c->ifname, sizeof(c->ifname), c->a.a[IFLA_IFNAME]);
	if (!c->a.a[IFLA_LINKINFO])
		return 0;
	err = nl_parse_nested(c->a.a[IFLA_LINKINFO], &c->info, IFLA_INFO_MAX, rt_linkinfo_policy, false, NULL);
	if (err)
		return err;
	if (c->info.a[IFLA_INFO_KIND]) {
		nl_strcpy(c->kind_name, sizeof(c->kind_name), c->info.a[IFLA_INFO_KIND]);
		c->kind = link_kind_find(rq->net->world, c->kind_name);
	}
	if (c->info.a[IFLA_INFO_DATA]) {
		err = nl_parse_nested(c->info.a[IFLA_INFO_DATA], &c->data, c->kind && c->kind->policy ? c->kind->policy_max : NL_ATTRS_MAX - 1,
				      c->kind ? c->kind->policy : NULL, false, rq->ack);
		if (err)
			return err;
		c->has_data = true;
	}
	return 0;
}

int rt_link_change(struct nl_request *rq, int (*fn)(struct link_change *c))
{
	struct link_change *c = mem_alloc(cpu_mem(rq->cpu), sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	err = parse(rq, c);
	if (!err)
		err = fn(c);
	mem_free(cpu_mem(rq->cpu), c);
	return err;
}

int rt_link_validate(const struct link_change *c, const struct net_device *dev)
{
	const struct nl_attrs *a = &c->a;

	if (dev && a->a[IFLA_ADDRESS] && nl_len(a->a[IFLA_ADDRESS]) < dev->addr_len)
		return -EINVAL;
	if (dev && a->a[IFLA_BROADCAST] && nl_len(a->a[IFLA_BROADCAST]) < dev->addr_len)
		return -EINVAL;
	if (dev && a->a[IFLA_GSO_MAX_SIZE] && nl_u32(a->a[IFLA_GSO_MAX_SIZE]) > dev->tso_max_size) {
		NL_SET_ERR(c->rq->ack, "too big gso_max_size");
		return -EINVAL;
	}
	if (dev && a->a[IFLA_GSO_MAX_SEGS] &&
	    (nl_u32(a->a[IFLA_GSO_MAX_SEGS]) > 65535 || nl_u32(a->a[IFLA_GSO_MAX_SEGS]) > dev->tso_max_segs)) {
		NL_SET_ERR(c->rq->ack, "too big gso_max_segs");
		return -EINVAL;
	}
	if (dev && a->a[IFLA_GRO_MAX_SIZE] && nl_u32(a->a[IFLA_GRO_MAX_SIZE]) > 8 * 65535) {
		NL_SET_ERR(c->rq->ack, "too big gro_max_size");
		return -EINVAL;
	}
	return 0;
}

int rt_link_target(const struct link_change *c, struct netns **out)
{
	const struct nl_attrs *a = &c->a;
	struct nl_request *rq = c->rq;

	*out = NULL;
	if (a->a[IFLA_NET_NS_PID])
		return rt_netns_by_pid(rq->cpu, (s32)nl_u32(a->a[IFLA_NET_NS_PID]), out);
	if (a->a[IFLA_NET_NS_FD])
		return rt_netns_by_fd(rq->cpu, (s32)nl_u32(a->a[IFLA_NET_NS_FD]), out);
	if (a->a[IFLA_TARGET_NETNSID]) {
		*out = nsid_peer(rq->net, (s32)nl_u32(a->a[IFLA_TARGET_NETNSID]));
		if (!*out)
			return -EINVAL;
		netns_get(*out);
	}
	return 0;
}

u32 rt_link_flags(const struct net_device *dev, const struct ifinfomsg *m)
{
	u32 shown = (dev->flags & ~(u32)(IFF_PROMISC | IFF_ALLMULTI)) | (dev->gflags & (IFF_PROMISC | IFF_ALLMULTI));

	return m->ifi_change ? (m->ifi_flags & m->ifi_change) | (shown & ~m->ifi_change) : m->ifi_flags;
}

int rt_link_set_master(struct link_change *c, struct net_device *dev, s32 ifindex)
{
	struct net_device *master = NULL;

	if (ifindex) {
		master = dev_by_index(dev->net, ifindex);
		if (!master)
			return -EINVAL;
	}
	return dev_set_master(c->rq->cpu, dev, master, c->rq->ack);
}

bool rt_link_has_name(const struct link_change *c)
{
	return c->m->ifi_index > 0 || c->a.a[IFLA_IFNAME] || c->a.a[IFLA_ALT_IFNAME];
}

struct net_device *rt_link_named(const struct link_change *c, struct netns *net)
{
	if (c->m->ifi_index > 0)
		return dev_by_index(net, c->m->ifi_index);
	return rt_dev_named(net, c->a.a[IFLA_IFNAME], c->a.a[IFLA_ALT_IFNAME]);
}
