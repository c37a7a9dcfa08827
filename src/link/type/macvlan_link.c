/* macvlan by rtnetlink: IFLA_MACVLAN_*, what is refused, what is shown. The modes are explained in macvlan.c.
 */
#include <linux/if_link.h>

#include "base/mem.h"
#include "codec/netlink/nl_attr.h"
#include "link/type/macvlan.h"

#define ALL_MODES (MACVLAN_MODE_PRIVATE | MACVLAN_MODE_VEPA | MACVLAN_MODE_BRIDGE | MACVLAN_MODE_PASSTHRU | MACVLAN_MODE_SOURCE)
#define SOURCES_MAX 4096

static const struct nl_policy policy[IFLA_MACVLAN_MAX + 1] = {
	[IFLA_MACVLAN_MODE] = { .type = NLP_U32 },
	[IFLA_MACVLAN_FLAGS] = { .type = NLP_U16 },
	[IFLA_MACVLAN_MACADDR_MODE] = { .type = NLP_U32 },
	[IFLA_MACVLAN_MACADDR] = { .type = NLP_BINARY, .len = DEV_ADDR_MAX },
	[IFLA_MACVLAN_MACADDR_DATA] = { .type = NLP_NESTED },
	[IFLA_MACVLAN_MACADDR_COUNT] = { .type = NLP_U32 },
	[IFLA_MACVLAN_BC_QUEUE_LEN] = { .type = NLP_U32 },
	[IFLA_MACVLAN_BC_QUEUE_LEN_USED] = { .type = NLP_REJECT },
};

static const struct nlattr *attr(const struct nl_attrs *tb, unsigned type) { return tb && type <= tb->max ? tb->a[type] : NULL; }

static bool is_addr(const struct nlattr *a) { return nl_len(a) == ETH_ADDR_LEN && eth_addr_is_valid(nl_data(a)); }

static int validate_sources(const struct nl_attrs *data)
{
	const struct nlattr *a, *mode = attr(data, IFLA_MACVLAN_MACADDR_MODE);
	if (mode) {
		u32 v = nl_u32(mode);
		if (v != MACVLAN_MACADDR_ADD && v != MACVLAN_MACADDR_DEL && v != MACVLAN_MACADDR_FLUSH && v != MACVLAN_MACADDR_SET)
			return -EINVAL;
	}
	if ((a = attr(data, IFLA_MACVLAN_MACADDR))) {
		if (nl_len(a) != ETH_ADDR_LEN)
			return -EINVAL;
		if (!is_addr(a))
			return -EADDRNOTAVAIL;
	}
	if (attr(data, IFLA_MACVLAN_MACADDR_COUNT))
		return -EINVAL;
	return 0;
}

static int validate(const struct nl_attrs *attrs, const struct nl_attrs *data, struct nl_ext_ack *ack)
{
	int err = eth_validate(attrs, data, ack);
	const struct nlattr *a;
	u32 mode;
	if (err)
		return err;
	if ((a = attr(data, IFLA_MACVLAN_FLAGS)) && nl_u16(a) & ~(MACVLAN_FLAG_NOPROMISC | MACVLAN_FLAG_NODST))
		return -EINVAL;
	if ((a = attr(data, IFLA_MACVLAN_MODE))) {
		mode = nl_u32(a);
		if (!mode || mode & ~(u32)ALL_MODES || mode & (mode - 1))
			return -EINVAL;
	}
	return validate_sources(data);
}

static struct mv_source *source_find(const struct macvlan *m, const u8 *addr)
{
	struct mv_source *s;
	list_for_each(s, &m->sources, link)
		if (eth_addr_eq(s->addr, addr))
			return s;
	return NULL;
}

static int source_add(struct macvlan *m, const u8 *addr)
{
	struct mv_source *s;
	if (source_find(m, addr))
		return 0;
	if (m->nsources >= SOURCES_MAX || !(s = mem_zalloc(&m->dev->net->world->mem, sizeof(*s))))
		return -ENOMEM;
	memcpy(s->addr, addr, ETH_ADDR_LEN);
	list_add_tail(&m->sources, &s->link);
	m->nsources++;
	return 0;
}

static int change_sources(struct macvlan *m, u32 what, const struct nl_attrs *data)
{
	const struct nlattr *addr = attr(data, IFLA_MACVLAN_MACADDR), *list = attr(data, IFLA_MACVLAN_MACADDR_DATA), *a;
	struct mv_source *s;
	int err = 0;
	switch (what) {
	case MACVLAN_MACADDR_ADD:
		return addr ? source_add(m, nl_data(addr)) : -EINVAL;
	case MACVLAN_MACADDR_DEL:
		if (!addr)
			return -EINVAL;
		s = source_find(m, nl_data(addr));
		if (s) {
			list_del(&s->link);
			mem_free(&m->dev->net->world->mem, s);
			m->nsources--;
		}
		return 0;
	case MACVLAN_MACADDR_FLUSH:
		mv_sources_flush(m);
		return 0;
	default: /* MACVLAN_MACADDR_SET */
		mv_sources_flush(m);
		if (addr)
			err = source_add(m, nl_data(addr));
		if (err || !list)
			return err;
		nl_for_each_nested(a, list) {
			if (nl_type(a) != IFLA_MACVLAN_MACADDR || !is_addr(a))
				continue;
			err = source_add(m, nl_data(a));
			if (err)
				return err;
		}
		return 0;
	}
}

static int changelink(struct cpu *cpu, struct net_device *dev, const struct nl_attrs *data, struct nl_ext_ack *ack)
{
	struct macvlan *m = mv_of(dev);
	const struct nlattr *a;
	u32 mode = m->mode;
	int err;
	if ((a = attr(data, IFLA_MACVLAN_MODE))) {
		mode = nl_u32(a);
		/* passthru is for life */
		if ((mode == MACVLAN_MODE_PASSTHRU) != (m->mode == MACVLAN_MODE_PASSTHRU))
			return -EINVAL;
		if (m->mode == MACVLAN_MODE_SOURCE && mode != m->mode)
			mv_sources_flush(m);
	}
	if ((a = attr(data, IFLA_MACVLAN_FLAGS))) {
		u16 flags = nl_u16(a);
		bool change = (flags ^ m->flags) & MACVLAN_FLAG_NOPROMISC;
		if (m->port->passthru && change && dev_running(dev))
			dev_set_promiscuity(cpu, m->on.lower, flags & MACVLAN_FLAG_NOPROMISC ? -1 : 1);
		m->flags = flags;
	}
	if ((a = attr(data, IFLA_MACVLAN_BC_QUEUE_LEN))) {
		m->bc_queue_len = nl_u32(a);
		mv_update_bc_queue_len(m->port);
	}
	m->mode = mode;
	if ((a = attr(data, IFLA_MACVLAN_MACADDR_MODE))) {
		if (m->mode != MACVLAN_MODE_SOURCE)
			return -EINVAL;
		err = change_sources(m, nl_u32(a), data);
		if (err)
			return err;
	}
	return 0;
}

static int configure(struct macvlan *m, struct net_device *lower, const struct nl_attrs *attrs, const struct nl_attrs *data)
{
	struct net_device *dev = m->dev;
	const struct nlattr *a;
	if (!attrs->a[IFLA_MTU])
		dev->mtu = lower->mtu;
	else if (dev->mtu > lower->mtu)
		return -EINVAL;
	if (!attrs->a[IFLA_ADDRESS]) {
		eth_random_addr(config_cpu(dev->net->world), dev->dev_addr);
		dev->addr_assign_type = 1; /* NET_ADDR_RANDOM */
	}
	m->mode = (a = attr(data, IFLA_MACVLAN_MODE)) ? nl_u32(a) : MACVLAN_MODE_VEPA;
	m->flags = (a = attr(data, IFLA_MACVLAN_FLAGS)) ? nl_u16(a) : 0;
	m->bc_queue_len = (a = attr(data, IFLA_MACVLAN_BC_QUEUE_LEN)) ? nl_u32(a) : MV_BC_QUEUE_LEN;
	mv_inherit(m, lower);
	return 0;
}

static int join_port(struct macvlan *m, const struct nl_attrs *data)
{
	struct mv_port *port = m->port;
	const struct nlattr *a;
	if (port->passthru) /* has it for itself */
		return -EINVAL;
	if (m->mode == MACVLAN_MODE_PASSTHRU) {
		if (port->count)
			return -EINVAL;
		port->passthru = true;
		memcpy(m->dev->dev_addr, m->on.lower->dev_addr, ETH_ADDR_LEN);
	}
	if ((a = attr(data, IFLA_MACVLAN_MACADDR_MODE))) {
		if (m->mode != MACVLAN_MODE_SOURCE)
			return -EINVAL;
		return change_sources(m, nl_u32(a), data);
	}
	return 0;
}

static int newlink(struct cpu *cpu, struct netns *src_net, struct net_device *dev, const struct nl_attrs *attrs,
		   const struct nl_attrs *data, struct nl_ext_ack *ack)
{
	struct macvlan *m = mv_of(dev);
	struct net_device *lower;
	int err;
	err = stacked_find_lower(src_net, attrs, dev, &lower);
	if (err)
		return err;
	err = configure(m, lower, attrs, data);
	if (err)
		return err;
	err = mv_port_get(lower, &m->port);
	if (err)
		return err;
	dev_hold(lower);
	m->on.lower = lower;
	err = join_port(m, data);
	if (!err)
		err = stacked_register(cpu, dev, ack);
	if (err) {
		if (m->mode == MACVLAN_MODE_PASSTHRU && !m->port->count)
			m->port->passthru = false;
		mv_sources_flush(m);
		mv_port_put(cpu, m->port);
		m->port = NULL;
		return err;
	}
	m->port->count++;
	list_add_head(&m->port->macvlans, &m->link);
	mv_update_bc_queue_len(m->port);
	dev_stacked_operstate(cpu, lower, dev);
	dev_operstate_update(dev);
	return 0;
}

static int fill_info(const struct net_device *dev, struct nl_buf *out)
{
	const struct macvlan *m = mv_of(dev);
	struct mv_source *s;
	size_t nest;
	nl_put_u32(out, IFLA_MACVLAN_MODE, m->mode);
	nl_put_u16(out, IFLA_MACVLAN_FLAGS, m->flags);
	nl_put_u32(out, IFLA_MACVLAN_MACADDR_COUNT, m->nsources);
	if (m->nsources) {
		nest = nl_nest(out, IFLA_MACVLAN_MACADDR_DATA);
		list_for_each(s, &m->sources, link)
			nl_put(out, IFLA_MACVLAN_MACADDR, s->addr, ETH_ADDR_LEN);
		nl_nest_end(out, nest);
	}
	nl_put_u32(out, IFLA_MACVLAN_BC_QUEUE_LEN, m->bc_queue_len);
	nl_put_u32(out, IFLA_MACVLAN_BC_QUEUE_LEN_USED, m->port ? m->port->bc_queue_len : 0);
	return 0;
}

const struct link_kind link_kind_macvlan = {
	.name = "macvlan", .priv_size = sizeof(struct macvlan), .setup = mv_setup, .policy = policy, .policy_max = IFLA_MACVLAN_MAX,
	.validate = validate, .newlink = newlink, .changelink = changelink, .dellink = dev_unregister, .fill_info = fill_info,
};
