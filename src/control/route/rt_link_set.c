/* RTM_NEWLINK and RTM_SETLINK for a device that is there, RTM_NEWLINKPROP and RTM_DELLINKPROP: changing devices.
 *
 * NEWLINK changes the device when there is one by that index or name, else makes one (rt_link_make.c). `ip` sends an empty NEWLINK first
 * and takes ENODEV as a sign of life; the order of the checks below matters for that. A change is applied attribute by attribute in
 * Linux's order, and what was applied before a failing one stays applied.
 */
#include <net/if.h>

#include "control/nsid.h"
#include "control/route/rt_link_change.h"
#include "link/netns_dev.h"

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
static int set_af_spec(struct link_change *c, struct net_device *dev, const struct nlattr *spec)
{
	const struct nlattr *af;

	nl_for_each_nested(af, spec) {
		if (nl_type(af) == AF_INET6) {
			int err = rt_set_inet6(c->rq, dev, af);
			if (err)
				return err;
			continue;
		}
		if (nl_type(af) != AF_INET)
			return -EAFNOSUPPORT;
		NL_SET_ERR_ATTR(c->rq->ack, af, "Setting IPv4 device configuration is not supported");
		return -EOPNOTSUPP;
	}
	return 0;
}

static int unsupported(const struct link_change *c)
{
	static const u8 none[] = { IFLA_MAP, IFLA_VFINFO_LIST, IFLA_VF_PORTS, IFLA_PORT_SELF, IFLA_NEW_IFINDEX, IFLA_WEIGHT, RT_IFLA_GSO_IPV4_MAX_SIZE,
				   RT_IFLA_GRO_IPV4_MAX_SIZE };

	for (size_t i = 0; i < sizeof(none); i++) {
		if (c->a.a[none[i]])
			return -EOPNOTSUPP;
	}
	return 0;
}

/* `protodown`: who runs a protocol over the device holds its carrier down, for reasons of which it may give some as bits. */
static int set_proto_down(struct link_change *c, struct net_device *dev)
{
	enum { MASK = IFLA_PROTO_DOWN_REASON_MASK, VALUE = IFLA_PROTO_DOWN_REASON_VALUE };
	static const struct nl_policy policy[IFLA_PROTO_DOWN_REASON_MAX + 1] = { [MASK] = { .type = NLP_U32 }, [VALUE] = { .type = NLP_U32 } };
	const struct nlattr *down = c->a.a[IFLA_PROTO_DOWN], *reason = c->a.a[IFLA_PROTO_DOWN_REASON];
	struct nl_ext_ack *ack = c->rq->ack;
	struct nl_attrs r;
	u32 mask;
	int err;

	if (!down && !reason)
		return 0;
	if (!dev->can_proto_down) {
		NL_SET_ERR(ack, "Protodown not supported by device");
		return -EOPNOTSUPP;
	}
	if (reason) {
		err = nl_parse_nested(reason, &r, IFLA_PROTO_DOWN_REASON_MAX, policy, true, NULL);
		if (err)
			return err;
		if (!r.a[VALUE]) {
			NL_SET_ERR(ack, "Invalid protodown reason value");
			return -EINVAL;
		}
		mask = r.a[MASK] ? nl_u32(r.a[MASK]) : ~0u;
		dev->proto_down_reason = (dev->proto_down_reason & ~mask) | (nl_u32(r.a[VALUE]) & mask);
		if (dev->flags & IFF_UP)
			changed(c->rq->cpu, dev, LINK_CHANGE_OTHER);
	}
	if (!down)
		return 0;
	if (!nl_u8(down) && dev->proto_down_reason) {
		NL_SET_ERR(ack, "Cannot clear protodown, active reasons");
		return -EBUSY;
	}
	dev->proto_down = nl_u8(down);
	dev_set_carrier(c->rq->cpu, dev, !dev->proto_down);
	if (dev->flags & IFF_UP)
		changed(c->rq->cpu, dev, LINK_CHANGE_OTHER);
	return 0;
}

/* No device has a program: taking it away succeeds, giving it one is what a kernel without bpf(2) says. */
static int set_xdp(const struct link_change *c)
{
	static const struct nl_policy policy[IFLA_XDP_MAX + 1] = { [IFLA_XDP_FD] = { .type = NLP_S32 }, [IFLA_XDP_FLAGS] = { .type = NLP_U32 } };
	struct nl_attrs x;
	u32 flags;
	int err;

	if (!c->a.a[IFLA_XDP])
		return 0;
	err = nl_parse_nested(c->a.a[IFLA_XDP], &x, IFLA_XDP_MAX, policy, false, NULL);
	if (err)
		return err;
	if (x.a[IFLA_XDP_ATTACHED] || x.a[IFLA_XDP_PROG_ID])
		return -EINVAL;
	flags = x.a[IFLA_XDP_FLAGS] ? nl_u32(x.a[IFLA_XDP_FLAGS]) : 0;
	if (flags & ~(u32)XDP_FLAGS_MASK || __builtin_popcount(flags & XDP_FLAGS_MODES) > 1)
		return -EINVAL;
	return x.a[IFLA_XDP_FD] && (s32)nl_u32(x.a[IFLA_XDP_FD]) >= 0 ? -EOPNOTSUPP : 0;
}

/* Nobody is told of these. */
static void set_sizes(const struct nl_attrs *a, struct net_device *dev)
{
	if (a->a[IFLA_GSO_MAX_SIZE])
		dev->gso_max_size = nl_u32(a->a[IFLA_GSO_MAX_SIZE]);
	if (a->a[IFLA_GSO_MAX_SEGS])
		dev->gso_max_segs = nl_u32(a->a[IFLA_GSO_MAX_SEGS]);
	if (a->a[IFLA_GRO_MAX_SIZE])
		dev->gro_max_size = nl_u32(a->a[IFLA_GRO_MAX_SIZE]);
}

static int set_names(struct link_change *c, struct net_device *dev)
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
static int do_set(struct link_change *c, struct net_device *dev)
{
	const struct nl_attrs *a = &c->a;
	struct nl_ext_ack *ack = c->rq->ack;
	struct cpu *cpu = c->rq->cpu;
	struct netns *to;
	int err = rt_link_validate(c, dev);

	if (err)
		return err;
	err = unsupported(c);
	if (err)
		return err;
	err = rt_link_target(c, &to);
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
		err = rt_link_set_master(c, dev, (s32)nl_u32(a->a[IFLA_MASTER]));
		if (err)
			return err;
	}
	if (c->m->ifi_flags || c->m->ifi_change) {
		err = dev_change_flags(cpu, dev, rt_link_flags(dev, c->m), ack);
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
	set_sizes(a, dev);
	if (a->a[IFLA_OPERSTATE])
		set_operstate(cpu, dev, nl_u8(a->a[IFLA_OPERSTATE]));
	if (a->a[IFLA_LINKMODE] && dev->link_mode != nl_u8(a->a[IFLA_LINKMODE])) {
		dev->link_mode = nl_u8(a->a[IFLA_LINKMODE]);
		if (dev->flags & IFF_UP)
			changed(cpu, dev, LINK_CHANGE_OTHER);
	}
	if (a->a[IFLA_AF_SPEC]) {
		err = set_af_spec(c, dev, a->a[IFLA_AF_SPEC]);
		if (err)
			return err;
		if (dev->flags & IFF_UP)
			changed(cpu, dev, LINK_CHANGE_OTHER);
	}
	err = set_proto_down(c, dev);
	return err ? err : set_xdp(c);
}

/* What a member says to its master's kind: `ip link set X type bridge_slave ...`. */
static int set_slave_data(struct link_change *c, struct net_device *dev)
{
	const struct link_kind *kind = dev->master ? dev->master->kind : NULL;
	int err;

	if (!kind || !kind->slave_changelink)
		return -EOPNOTSUPP;
	err = nl_parse_nested(c->info.a[IFLA_INFO_SLAVE_DATA], &c->data, kind->slave_policy_max, kind->slave_policy, false, c->rq->ack);
	if (!err)
		err = kind->slave_changelink(c->rq->cpu, dev->master, dev, &c->data, c->rq->ack);
	if (!err)
		changed(c->rq->cpu, dev, LINK_CHANGE_OTHER);
	return err;
}

static int set_existing(struct link_change *c, struct net_device *dev)
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
	err = c->info.a[IFLA_INFO_SLAVE_DATA] ? set_slave_data(c, dev) : 0;
	return err ? err : do_set(c, dev);
}

static int set_group(struct link_change *c, u32 group)
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

static int new_link(struct link_change *c)
{
	struct net_device *dev;
	int err;

	if (c->m->ifi_index < 0) {
		NL_SET_ERR(c->rq->ack, "ifindex can't be negative");
		return -EINVAL;
	}
	if (c->kind && c->kind->validate) {
		err = c->kind->validate(&c->a, c->has_data ? &c->data : NULL, c->rq->ack);
		if (err)
			return err;
	}
	if (c->a.a[IFLA_LINK_NETNSID]) {
		c->link_net = nsid_peer(c->rq->net, (s32)nl_u32(c->a.a[IFLA_LINK_NETNSID]));
		if (!c->link_net) {
			NL_SET_ERR(c->rq->ack, "Unknown network namespace id");
			return -EINVAL;
		}
	}
	dev = rt_link_named(c, c->rq->net);
	if (dev)
		return set_existing(c, dev);
	if (c->rq->nlh->nlmsg_flags & NLM_F_CREATE)
		return rt_link_make(c);
	if (rt_link_has_name(c) || !c->a.a[IFLA_GROUP])
		return -ENODEV;
	return set_group(c, nl_u32(c->a.a[IFLA_GROUP]));
}

int rt_new_link(struct nl_request *rq)
{
	return rt_link_change(rq, new_link);
}

static int set_link(struct link_change *c)
{
	struct net_device *dev;

	if (!rt_link_has_name(c))
		return -EINVAL;
	dev = rt_link_named(c, c->rq->net);
	return dev ? do_set(c, dev) : -ENODEV;
}

int rt_set_link(struct nl_request *rq)
{
	return rt_link_change(rq, set_link);
}

/* RTM_NEWLINKPROP, RTM_DELLINKPROP: alternative names. */
static int set_props(struct link_change *c)
{
	bool add = c->rq->nlh->nlmsg_type == RTM_NEWLINKPROP;
	const struct nlattr *pos;
	struct net_device *dev;
	char name[128];
	int err;

	if (!rt_link_has_name(c))
		return -EINVAL;
	dev = rt_link_named(c, c->rq->net);
	if (!dev)
		return -ENODEV;
	if (!c->a.a[IFLA_PROP_LIST])
		return 0;
	nl_for_each_nested(pos, c->a.a[IFLA_PROP_LIST]) {
		if (nl_type(pos) != IFLA_ALT_IFNAME)
			continue;
		if (!nl_len(pos) || nl_strcpy(name, sizeof(name), pos) >= sizeof(name)) {
			NL_SET_ERR_ATTR(c->rq->ack, pos, "Attribute failed policy validation");
			return nl_len(pos) ? -ERANGE : -EINVAL;
		}
		err = add ? dev_altname_add(c->rq->cpu, dev, name) : dev_altname_del(c->rq->cpu, dev, name);
		if (err)
			return err;
	}
	return 0;
}

int rt_set_linkprops(struct nl_request *rq)
{
	return rt_link_change(rq, set_props);
}
