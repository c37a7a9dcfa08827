/* RTM_NEWLINK, RTM_SETLINK, RTM_DELLINK, RTM_NEWLINKPROP, RTM_DELLINKPROP: making, changing and removing devices.
 *
 * NEWLINK changes the device when there is one by that index or name, else makes one of the kind that LINKINFO names. `ip`
 * sends an empty NEWLINK first and takes ENODEV as a sign of life; the order of the checks below matters for that. A change is
 * applied attribute by attribute in Linux's order, and what was applied before a failing one stays applied.
 */
#include <net/if.h>
#include <stdio.h>

#include "control/nsid.h"
#include "control/route/rt_link.h"
#include "core/caller.h"
#include "link/netns_dev.h"
#include "sock/sock.h"

const struct nl_policy rt_linkinfo_policy[IFLA_INFO_MAX + 1] = {
	[IFLA_INFO_KIND] = { .type = NLP_STRING },
	[IFLA_INFO_DATA] = { .type = NLP_BINARY },
	[IFLA_INFO_SLAVE_KIND] = { .type = NLP_STRING },
	[IFLA_INFO_SLAVE_DATA] = { .type = NLP_BINARY },
};

struct change { /* a parsed request */
	struct nl_request *rq;
	const struct ifinfomsg *m;
	struct nl_attrs a, info, data;
	bool has_data;
	const struct link_kind *kind;
	char kind_name[32];
	char ifname[IFNAMSIZ];	/* "": not given */
};

static int parse(struct nl_request *rq, struct change *c)
{
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, sizeof(struct ifinfomsg), &len);
	int err;

	if (nlmsg_body_len(rq->nlh) < sizeof(struct ifinfomsg))
		return -EINVAL;
	c->rq = rq;
	c->m = nlmsg_hdr_data(rq->nlh);
	c->kind = NULL;
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
		err = nl_parse_nested(c->info.a[IFLA_INFO_DATA], &c->data, NL_ATTRS_MAX - 1, NULL, false, rq->ack);
		if (err)
			return err;
		c->has_data = true;
	}
	return 0;
}

static int validate(const struct change *c, const struct net_device *dev)
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

/* The namespace the request sends the device to: a new reference, or NULL for none named. */
static int target(const struct change *c, struct netns **out)
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

static u32 combine_flags(const struct net_device *dev, const struct ifinfomsg *m)
{
	u32 shown = (dev->flags & ~(u32)(IFF_PROMISC | IFF_ALLMULTI)) | (dev->gflags & (IFF_PROMISC | IFF_ALLMULTI));

	return m->ifi_change ? (m->ifi_flags & m->ifi_change) | (shown & ~m->ifi_change) : m->ifi_flags;
}

static int set_master(struct change *c, struct net_device *dev, s32 ifindex)
{
	struct net_device *master = NULL;

	if (ifindex) {
		master = dev_by_index(dev->net, ifindex);
		if (!master)
			return -EINVAL;
	}
	return dev_set_master(c->rq->cpu, dev, master, c->rq->ack);
}

static void changed(struct cpu *cpu, struct net_device *dev, unsigned long what)
{
	event_send(cpu, dev->net, EV_LINK_CHANGE, dev, what);
}

static void set_operstate(struct cpu *cpu, struct net_device *dev, u8 wanted)
{
	u8 now = dev->operstate;

	if (wanted == IF_OPER_UP && (now == IF_OPER_DORMANT || now == IF_OPER_TESTING || now == IF_OPER_UNKNOWN))
		now = IF_OPER_UP;
	else if (wanted == IF_OPER_DORMANT && (now == IF_OPER_UP || now == IF_OPER_UNKNOWN))
		now = IF_OPER_DORMANT;
	else if (wanted == IF_OPER_TESTING && (now == IF_OPER_UP || now == IF_OPER_UNKNOWN))
		now = IF_OPER_TESTING;
	if (now != dev->operstate) {
		dev->operstate = now;
		changed(cpu, dev, LINK_CHANGE_OTHER);
	}
}

/* IFLA_AF_SPEC: per-device settings of a family; IPv4's go through sysctl. */
static int set_af_spec(struct change *c, struct net_device *dev, const struct nlattr *spec)
{
	const struct nlattr *af;

	nl_for_each_nested(af, spec) {
		if (nl_type(af) != AF_INET)
			return -EAFNOSUPPORT;
		NL_SET_ERR_ATTR(c->rq->ack, af, "Setting IPv4 device configuration is not supported");
		return -EOPNOTSUPP;
	}
	return 0;
}

static int unsupported(const struct change *c)
{
	static const u8 none[] = { IFLA_MAP, IFLA_VFINFO_LIST, IFLA_VF_PORTS, IFLA_PORT_SELF, IFLA_XDP, IFLA_PROTO_DOWN,
				   IFLA_NEW_IFINDEX, IFLA_PROTO_DOWN_REASON, IFLA_WEIGHT, RT_IFLA_GSO_IPV4_MAX_SIZE,
				   RT_IFLA_GRO_IPV4_MAX_SIZE };

	for (size_t i = 0; i < sizeof(none); i++) {
		if (c->a.a[none[i]])
			return -EOPNOTSUPP;
	}
	return 0;
}

static int set_sizes(struct change *c, struct net_device *dev)
{
	const struct nl_attrs *a = &c->a;
	bool any = false;

	if (a->a[IFLA_GSO_MAX_SIZE]) {
		dev->gso_max_size = nl_u32(a->a[IFLA_GSO_MAX_SIZE]);
		any = true;
	}
	if (a->a[IFLA_GSO_MAX_SEGS]) {
		dev->gso_max_segs = nl_u32(a->a[IFLA_GSO_MAX_SEGS]);
		any = true;
	}
	if (a->a[IFLA_GRO_MAX_SIZE]) {
		dev->gro_max_size = nl_u32(a->a[IFLA_GRO_MAX_SIZE]);
		any = true;
	}
	if (any)
		changed(c->rq->cpu, dev, LINK_CHANGE_OTHER);
	return 0;
}

static int set_names(struct change *c, struct net_device *dev)
{
	const struct nl_attrs *a = &c->a;
	struct cpu *cpu = c->rq->cpu;
	int err;

	if (a->a[IFLA_GROUP]) {
		err = dev_set_group(cpu, dev, nl_u32(a->a[IFLA_GROUP]));
		if (err)
			return err;
	}
	if (c->m->ifi_index > 0 && c->ifname[0]) {
		err = strcmp(dev->name, c->ifname) ? dev_set_name(cpu, dev, c->ifname) : 0;
		if (err)
			return err;
	}
	if (a->a[IFLA_IFALIAS]) {
		const char *s = nl_data(a->a[IFLA_IFALIAS]);
		err = dev_set_alias(cpu, dev, s, strnlen(s, nl_len(a->a[IFLA_IFALIAS])));
		if (err)
			return err;
	}
	return 0;
}

/* Everything a request may change of an existing device. */
static int do_set(struct change *c, struct net_device *dev)
{
	const struct nl_attrs *a = &c->a;
	struct nl_ext_ack *ack = c->rq->ack;
	struct cpu *cpu = c->rq->cpu;
	struct netns *to;
	int err = validate(c, dev);

	if (err)
		return err;
	err = unsupported(c);
	if (err)
		return err;
	err = target(c, &to);
	if (err)
		return err;
	if (to) {
		err = to == dev->net ? 0 : dev_set_netns(cpu, dev, to, c->ifname[0] ? c->ifname : NULL, ack);
		netns_put(to);
		if (err)
			return err;
	}
	if (a->a[IFLA_ADDRESS]) {
		err = dev_set_mac(cpu, dev, nl_data(a->a[IFLA_ADDRESS]), ack);
		if (err)
			return err;
	}
	if (a->a[IFLA_MTU]) {
		err = dev_set_mtu(cpu, dev, nl_u32(a->a[IFLA_MTU]), ack);
		if (err)
			return err;
	}
	err = set_names(c, dev);
	if (err)
		return err;
	if (a->a[IFLA_BROADCAST]) {
		memcpy(dev->broadcast, nl_data(a->a[IFLA_BROADCAST]), dev->addr_len);
		changed(cpu, dev, LINK_CHANGE_ADDR);
	}
	if (a->a[IFLA_MASTER]) {
		err = set_master(c, dev, (s32)nl_u32(a->a[IFLA_MASTER]));
		if (err)
			return err;
	}
	if (c->m->ifi_flags || c->m->ifi_change) {
		err = dev_change_flags(cpu, dev, combine_flags(dev, c->m), ack);
		if (err)
			return err;
	}
	if (a->a[IFLA_CARRIER]) { /* a device whose carrier is its administrator's: dummy */
		if (!dev->kind || strcmp(dev->kind->name, "dummy"))
			return -EOPNOTSUPP;
		dev_set_carrier(cpu, dev, nl_u8(a->a[IFLA_CARRIER]) != 0);
	}
	if (a->a[IFLA_TXQLEN]) {
		err = dev_set_tx_queue_len(cpu, dev, nl_u32(a->a[IFLA_TXQLEN]));
		if (err)
			return err;
	}
	err = set_sizes(c, dev);
	if (err)
		return err;
	if (a->a[IFLA_OPERSTATE])
		set_operstate(cpu, dev, nl_u8(a->a[IFLA_OPERSTATE]));
	if (a->a[IFLA_LINKMODE] && dev->link_mode != nl_u8(a->a[IFLA_LINKMODE])) {
		dev->link_mode = nl_u8(a->a[IFLA_LINKMODE]);
		changed(cpu, dev, LINK_CHANGE_OTHER);
	}
	return a->a[IFLA_AF_SPEC] ? set_af_spec(c, dev, a->a[IFLA_AF_SPEC]) : 0;
}

static struct net_device *named(const struct change *c)
{
	if (c->m->ifi_index > 0)
		return dev_by_index(c->rq->net, c->m->ifi_index);
	return rt_dev_named(c->rq->net, c->a.a[IFLA_IFNAME], c->a.a[IFLA_ALT_IFNAME]);
}

static int set_existing(struct change *c, struct net_device *dev)
{
	u16 flags = c->rq->nlh->nlmsg_flags;
	int err;

	if (flags & NLM_F_EXCL)
		return -EEXIST;
	if (flags & NLM_F_REPLACE)
		return -EOPNOTSUPP;
	if (c->has_data) {
		if (!c->kind || c->kind != dev->kind || !c->kind->changelink)
			return -EOPNOTSUPP;
		err = c->kind->changelink(c->rq->cpu, dev, &c->data, c->rq->ack);
		if (err)
			return err;
		changed(c->rq->cpu, dev, LINK_CHANGE_OTHER);
	}
	if (c->info.a[IFLA_INFO_SLAVE_DATA])
		return -EOPNOTSUPP;
	return do_set(c, dev);
}

static int set_group(struct change *c, u32 group)
{
	struct net_device *dev, *next;
	int err = 0;

	dev_for_each_safe (dev, next, c->rq->net) {
		if (dev->group != group)
			continue;
		err = do_set(c, dev);
		if (err)
			break;
	}
	return err;
}

/* What a request says of a device that is about to be registered. */
static int prepare(struct change *c, struct net_device *dev)
{
	const struct nl_attrs *a = &c->a;
	u32 mtu;

	if (a->a[IFLA_MTU]) {
		mtu = nl_u32(a->a[IFLA_MTU]);
		if (mtu < dev->min_mtu) {
			NL_SET_ERR(c->rq->ack, "mtu less than device minimum");
			return -EINVAL;
		}
		if (dev->max_mtu && mtu > dev->max_mtu) {
			NL_SET_ERR(c->rq->ack, "mtu greater than device maximum");
			return -EINVAL;
		}
		dev->mtu = mtu;
	}
	if (a->a[IFLA_ADDRESS]) {
		memcpy(dev->dev_addr, nl_data(a->a[IFLA_ADDRESS]), MIN(nl_len(a->a[IFLA_ADDRESS]), (u16)DEV_ADDR_MAX));
		dev->addr_assign_type = 3; /* NET_ADDR_SET */
	}
	if (a->a[IFLA_BROADCAST])
		memcpy(dev->broadcast, nl_data(a->a[IFLA_BROADCAST]), MIN(nl_len(a->a[IFLA_BROADCAST]), (u16)DEV_ADDR_MAX));
	if (a->a[IFLA_TXQLEN])
		dev->tx_queue_len = nl_u32(a->a[IFLA_TXQLEN]);
	if (a->a[IFLA_OPERSTATE])
		dev->operstate = nl_u8(a->a[IFLA_OPERSTATE]);
	if (a->a[IFLA_LINKMODE])
		dev->link_mode = nl_u8(a->a[IFLA_LINKMODE]);
	if (a->a[IFLA_GROUP])
		dev->group = nl_u32(a->a[IFLA_GROUP]);
	if (a->a[IFLA_GSO_MAX_SIZE])
		dev->gso_max_size = nl_u32(a->a[IFLA_GSO_MAX_SIZE]);
	if (a->a[IFLA_GSO_MAX_SEGS])
		dev->gso_max_segs = nl_u32(a->a[IFLA_GSO_MAX_SEGS]);
	if (a->a[IFLA_GRO_MAX_SIZE])
		dev->gro_max_size = nl_u32(a->a[IFLA_GRO_MAX_SIZE]);
	return validate(c, dev);
}

static int make_in(struct change *c, struct netns *net)
{
	const struct nl_attrs *a = &c->a;
	struct cpu *cpu = c->rq->cpu;
	char pattern[IFNAMSIZ];
	struct net_device *dev;
	u32 txqs = a->a[IFLA_NUM_TX_QUEUES] ? nl_u32(a->a[IFLA_NUM_TX_QUEUES]) : 0;
	u32 rxqs = a->a[IFLA_NUM_RX_QUEUES] ? nl_u32(a->a[IFLA_NUM_RX_QUEUES]) : 0;
	int err;

	if (a->a[IFLA_NUM_TX_QUEUES] && (txqs < 1 || txqs > 4096)) {
		NL_SET_ERR(c->rq->ack, "Invalid number of transmit queues");
		return -EINVAL;
	}
	if (a->a[IFLA_NUM_RX_QUEUES] && (rxqs < 1 || rxqs > 4096)) {
		NL_SET_ERR(c->rq->ack, "Invalid number of receive queues");
		return -EINVAL;
	}
	if (!c->ifname[0]) {
		snprintf(pattern, sizeof(pattern), "%s%%d", c->kind->name);
	} else {
		memcpy(pattern, c->ifname, sizeof(pattern));
		if (!dev_name_valid(pattern))
			return -EINVAL;
		if (dev_by_name(net, pattern))
			return -EEXIST;
	}
	dev = dev_new(net, c->kind, pattern, txqs, rxqs);
	if (!dev)
		return -ENOMEM;
	dev->ifindex = c->m->ifi_index;
	c->rq->made = dev;
	err = prepare(c, dev);
	if (!err && c->kind->newlink)
		err = c->kind->newlink(cpu, c->rq->net, dev, &c->a, c->has_data ? &c->data : NULL, c->rq->ack);
	else if (!err)
		err = dev_register(cpu, dev, c->m->ifi_index);
	if (err) {
		dev_free(dev);
		return err;
	}
	if (c->m->ifi_flags || c->m->ifi_change)
		err = dev_change_flags(cpu, dev, combine_flags(dev, c->m), c->rq->ack);
	if (!err && a->a[IFLA_MASTER])
		err = set_master(c, dev, (s32)nl_u32(a->a[IFLA_MASTER]));
	if (err) {
		if (c->kind->dellink)
			c->kind->dellink(cpu, dev);
		else
			dev_unregister(cpu, dev);
	}
	return err;
}

static int make(struct change *c)
{
	struct netns *to;
	int err;

	if (c->a.a[IFLA_MAP] || c->a.a[IFLA_PROTINFO])
		return -EOPNOTSUPP;
	if (!c->kind) {
		NL_SET_ERR(c->rq->ack, "Unknown device type");
		return -EOPNOTSUPP;
	}
	if (c->a.a[IFLA_LINK_NETNSID])
		return -EOPNOTSUPP;
	err = target(c, &to);
	if (err)
		return err;
	err = make_in(c, to ? to : c->rq->net);
	if (to)
		netns_put(to);
	return err;
}

int rt_new_link(struct nl_request *rq)
{
	struct net_device *dev;
	struct change *c;
	int err;

	c = mem_alloc(cpu_mem(rq->cpu), sizeof(*c));
	if (!c)
		return -ENOMEM;
	err = parse(rq, c);
	if (err)
		goto out;
	if (c->m->ifi_index < 0) {
		NL_SET_ERR(rq->ack, "ifindex can't be negative");
		err = -EINVAL;
		goto out;
	}
	dev = named(c);
	if (dev) {
		err = set_existing(c, dev);
	} else if (!(rq->nlh->nlmsg_flags & NLM_F_CREATE)) {
		if (c->m->ifi_index || c->a.a[IFLA_IFNAME] || c->a.a[IFLA_ALT_IFNAME] || !c->a.a[IFLA_GROUP])
			err = -ENODEV;
		else
			err = set_group(c, nl_u32(c->a.a[IFLA_GROUP]));
	} else {
		err = make(c);
	}
out:
	mem_free(cpu_mem(rq->cpu), c);
	return err;
}

int rt_set_link(struct nl_request *rq)
{
	struct net_device *dev;
	struct change *c;
	int err;

	c = mem_alloc(cpu_mem(rq->cpu), sizeof(*c));
	if (!c)
		return -ENOMEM;
	err = parse(rq, c);
	if (err)
		goto out;
	err = -EINVAL;
	if (c->m->ifi_index <= 0 && !c->a.a[IFLA_IFNAME] && !c->a.a[IFLA_ALT_IFNAME])
		goto out;
	dev = named(c);
	err = dev ? do_set(c, dev) : -ENODEV;
out:
	mem_free(cpu_mem(rq->cpu), c);
	return err;
}

int rt_bridge_set_link(struct nl_request *rq)
{
	struct change *c;
	int err;

	if (nlmsg_body_len(rq->nlh) < sizeof(struct ifinfomsg))
		return -EINVAL;
	c = mem_alloc(cpu_mem(rq->cpu), sizeof(*c));
	if (!c)
		return -ENOMEM;
	err = parse(rq, c);
	if (!err && !dev_by_index(rq->net, c->m->ifi_index)) {
		NL_SET_ERR(rq->ack, "unknown ifindex");
		err = -ENODEV;
	}
	mem_free(cpu_mem(rq->cpu), c);
	return err ? err : -EOPNOTSUPP;
}

static int remove_one(struct cpu *cpu, struct net_device *dev)
{
	if (!dev->kind)
		return -EOPNOTSUPP;
	if (dev->kind->dellink)
		dev->kind->dellink(cpu, dev);
	else
		dev_unregister(cpu, dev);
	return 0;
}

static int remove_group(struct nl_request *rq, u32 group)
{
	struct net_device *dev, *next;
	bool found = false;

	if (!group)
		return -EPERM;
	dev_for_each (dev, rq->net) {
		if (dev->group != group)
			continue;
		found = true;
		if (!dev->kind)
			return -EOPNOTSUPP;
	}
	if (!found)
		return -ENODEV;
again:	/* removing one may remove its peer as well */
	dev_for_each_safe (dev, next, rq->net) {
		if (dev->group == group) {
			remove_one(rq->cpu, dev);
			goto again;
		}
	}
	return 0;
}

int rt_del_link(struct nl_request *rq)
{
	struct net_device *dev;
	struct change *c;
	int err;

	c = mem_alloc(cpu_mem(rq->cpu), sizeof(*c));
	if (!c)
		return -ENOMEM;
	err = parse(rq, c);
	if (err)
		goto out;
	if (c->m->ifi_index < 0) {
		NL_SET_ERR(rq->ack, "ifindex can't be negative");
		err = -EINVAL;
	} else if (c->m->ifi_index > 0 || c->a.a[IFLA_IFNAME] || c->a.a[IFLA_ALT_IFNAME]) {
		struct netns *net = rq->net;
		if (c->a.a[IFLA_TARGET_NETNSID])
			net = nsid_peer(rq->net, (s32)nl_u32(c->a.a[IFLA_TARGET_NETNSID]));
		if (!net)
			dev = NULL;
		else if (c->m->ifi_index > 0)
			dev = dev_by_index(net, c->m->ifi_index);
		else
			dev = rt_dev_named(net, c->a.a[IFLA_IFNAME], c->a.a[IFLA_ALT_IFNAME]);
		err = !net ? -EINVAL : dev ? remove_one(rq->cpu, dev) : -ENODEV;
	} else {
		err = c->a.a[IFLA_GROUP] ? remove_group(rq, nl_u32(c->a.a[IFLA_GROUP])) : -EINVAL;
	}
out:
	mem_free(cpu_mem(rq->cpu), c);
	return err;
}

static int linkprop(struct nl_request *rq, bool add)
{
	struct net_device *dev;
	const struct nlattr *pos;
	char name[128];
	struct change *c;
	int err;

	c = mem_alloc(cpu_mem(rq->cpu), sizeof(*c));
	if (!c)
		return -ENOMEM;
	err = parse(rq, c);
	if (err)
		goto out;
	err = -EINVAL;
	if (c->m->ifi_index <= 0 && !c->a.a[IFLA_IFNAME] && !c->a.a[IFLA_ALT_IFNAME])
		goto out;
	dev = named(c);
	err = -ENODEV;
	if (!dev)
		goto out;
	err = 0;
	if (!c->a.a[IFLA_PROP_LIST])
		goto out;
	nl_for_each_nested(pos, c->a.a[IFLA_PROP_LIST]) {
		if (nl_type(pos) != IFLA_ALT_IFNAME)
			continue;
		if (!nl_len(pos) || nl_strcpy(name, sizeof(name), pos) >= sizeof(name)) {
			NL_SET_ERR_ATTR(rq->ack, pos, "Attribute failed policy validation");
			err = nl_len(pos) ? -ERANGE : -EINVAL;
			goto out;
		}
		err = add ? dev_altname_add(rq->cpu, dev, name) : dev_altname_del(rq->cpu, dev, name);
		if (err)
			goto out;
	}
out:
	mem_free(cpu_mem(rq->cpu), c);
	return err;
}

int rt_new_linkprop(struct nl_request *rq)
{
	return linkprop(rq, true);
}

int rt_del_linkprop(struct nl_request *rq)
{
	return linkprop(rq, false);
}
