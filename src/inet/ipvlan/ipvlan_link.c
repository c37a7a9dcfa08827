/* ipvlan by rtnetlink: IFLA_IPVLAN_*, what is refused, what is shown. The modes are explained in ipvlan.c.
 */
#include "codec/netlink/nl_attr.h"
#include "inet/ipvlan/ipvlan.h"

extern const struct link_kind link_kind_ipvlan;

static const struct nl_policy policy[IFLA_IPVLAN_MAX + 1] = {
	[IFLA_IPVLAN_MODE] = { .type = NLP_U16 },
	[IFLA_IPVLAN_FLAGS] = { .type = NLP_U16 },
};

static int validate(const struct nl_attrs *attrs, const struct nl_attrs *data, struct nl_ext_ack *ack)
{
	u16 flags = data && data->a[IFLA_IPVLAN_FLAGS] ? nl_u16(data->a[IFLA_IPVLAN_FLAGS]) : 0;
	if (flags & ~(IPVLAN_F_PRIVATE | IPVLAN_F_VEPA) || flags == (IPVLAN_F_PRIVATE | IPVLAN_F_VEPA))
		return -EINVAL;
	return 0;
}

static int changelink(struct cpu *cpu, struct net_device *dev, const struct nl_attrs *data, struct nl_ext_ack *ack)
{
	struct iv_port *port = iv_of(dev)->port;
	if (!data)
		return 0;
	if (data->a[IFLA_IPVLAN_MODE])
		iv_set_mode(cpu, port, nl_u16(data->a[IFLA_IPVLAN_MODE]));
	if (data->a[IFLA_IPVLAN_FLAGS])
		port->flags = nl_u16(data->a[IFLA_IPVLAN_FLAGS]);
	return 0;
}

static int newlink(struct cpu *cpu, struct netns *src_net, struct net_device *dev, const struct nl_attrs *attrs,
		   const struct nl_attrs *data, struct nl_ext_ack *ack)
{
	struct ipvlan *m = iv_of(dev);
	struct net_device *lower;
	int err;
	err = stacked_find_lower(src_net, attrs, dev, &lower);
	if (err)
		return err;
	err = iv_port_get(lower, &m->port);
	if (err)
		return err;
	if (!attrs->a[IFLA_MTU])
		dev->mtu = lower->mtu;
	dev->dev_id = ++m->port->last_id;
	dev_hold(lower);
	m->on.lower = lower;
	iv_inherit(m, lower);
	err = stacked_register(cpu, dev, ack);
	if (err) {
		iv_port_put(cpu, m->port);
		m->port = NULL;
		return err;
	}
	m->port->count++;
	list_add_tail(&m->port->ipvlans, &m->link);
	/* The latest word counts, for all. */
	iv_set_mode(cpu, m->port, data && data->a[IFLA_IPVLAN_MODE] ? nl_u16(data->a[IFLA_IPVLAN_MODE]) : IPVLAN_MODE_L3);
	if (data && data->a[IFLA_IPVLAN_FLAGS])
		m->port->flags = nl_u16(data->a[IFLA_IPVLAN_FLAGS]);
	dev_stacked_operstate(cpu, lower, dev);
	dev_operstate_update(dev);
	return 0;
}

static int fill_info(const struct net_device *dev, struct nl_buf *out)
{
	const struct iv_port *port = iv_of(dev)->port;
	nl_put_u16(out, IFLA_IPVLAN_MODE, port ? port->mode : IPVLAN_MODE_L3);
	nl_put_u16(out, IFLA_IPVLAN_FLAGS, port ? port->flags : 0);
	return 0;
}

const struct link_kind link_kind_ipvlan = {
	.name = "ipvlan", .priv_size = sizeof(struct ipvlan), .setup = iv_setup, .policy = policy, .policy_max = IFLA_IPVLAN_MAX,
	.validate = validate, .newlink = newlink, .changelink = changelink, .dellink = dev_unregister, .fill_info = fill_info,
};
