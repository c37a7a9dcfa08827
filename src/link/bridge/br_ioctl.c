/* Bridges by ioctl: what brctl(8) and busybox's did before rtnetlink. linux/if_bridge.h (BRCTL_*), linux/sockios.h.
 *
 * Arguments are arrays of longs, the first one the command; pointers among them lead into the caller's memory.
 */
#include <linux/sockios.h>

#include "base/mem.h"
#include "link/bridge/br_mcast.h"
#include "link/bridge/br_sysfs.h"
#include "link/netns_dev.h"

#define FDB_AT_ONCE 128u
#define NOT_MINE (-515) /* ENOIOCTLCMD */

static int add(struct cpu *cpu, struct netns *net, const char *name)
{
	static const struct nl_attrs none = { .max = IFLA_MAX };
	struct net_device *dev;
	int err;
	if (!dev_name_valid(name))
		return -EINVAL;
	if (dev_by_name(net, name))
		return -EEXIST;
	dev = dev_new(net, &link_kind_bridge, name, 0, 0);
	if (!dev)
		return -ENOMEM;
	err = link_kind_bridge.newlink(cpu, net, dev, &none, NULL, NULL);
	if (err)
		dev_free(dev);
	return err;
}

static int del(struct cpu *cpu, struct netns *net, const char *name)
{
	struct net_device *dev = dev_by_name(net, name);
	if (!dev)
		return -ENXIO;
	if (!dev_is_bridge(dev))
		return -EPERM;
	if (dev_running(dev))
		return -EBUSY;
	link_kind_bridge.dellink(cpu, dev);
	return 0;
}

static int get_bridges(struct cpu *cpu, struct netns *net, const struct br_ioctl *io, void *user, unsigned long max)
{
	struct net_device *dev;
	s32 ids[2048];
	unsigned n = 0;
	if (max >= ARRAY_SIZE(ids))
		return -ENOMEM;
	dev_for_each(dev, net)
		if (dev_is_bridge(dev) && n < max)
			ids[n++] = dev->ifindex;
	return io->copy_out(cpu, user, ids, n * sizeof(*ids)) ? -EFAULT : (int)n;
}

int br_ioctl_netns(struct cpu *cpu, struct netns *net, const struct br_ioctl *io, unsigned cmd, void *arg, size_t len, bool admin)
{
	unsigned long a[3];
	char name[DEV_NAME_SIZE] = "";
	if (cmd == SIOCBRADDBR || cmd == SIOCBRDELBR) {
		if (!admin)
			return -EPERM;
		if (len < sizeof(name))
			return -EFAULT;
		memcpy(name, arg, sizeof(name) - 1);
		return cmd == SIOCBRADDBR ? add(cpu, net, name) : del(cpu, net, name);
	}
	if (cmd != SIOCGIFBR && cmd != SIOCSIFBR)
		return NOT_MINE;
	if (len < 2 * sizeof(*a))
		return -EFAULT;
	memcpy(a, arg, MIN(len, sizeof(a)));
	switch (a[0]) {
	case BRCTL_GET_VERSION:
		return BRCTL_VERSION;
	case BRCTL_GET_BRIDGES:
		return len < sizeof(a) ? -EFAULT : get_bridges(cpu, net, io, (void *)a[1], a[2]);
	case BRCTL_ADD_BRIDGE:
	case BRCTL_DEL_BRIDGE:
		if (!admin)
			return -EPERM;
		if (io->copy_in(cpu, name, (const void *)a[1], sizeof(name)))
			return -EFAULT;
		name[sizeof(name) - 1] = 0;
		return a[0] == BRCTL_ADD_BRIDGE ? add(cpu, net, name) : del(cpu, net, name);
	default:
		return -EOPNOTSUPP;
	}
}

static u32 left(const struct bridge *br, const struct timer *t) { return br_ticks(br_timer_left(br, t)); }

static int bridge_info(struct cpu *cpu, const struct bridge *br, const struct br_ioctl *io, void *user)
{
	struct __bridge_info i = {
		.designated_root = cpu_to_be64(br->designated_root).raw, .bridge_id = cpu_to_be64(br->id).raw, .root_path_cost = br->root_path_cost,
		.max_age = br_ticks(br->max_age), .hello_time = br_ticks(br->hello_time), .forward_delay = br_ticks(br->forward_delay),
		.bridge_max_age = br_ticks(br->bridge_max_age), .bridge_hello_time = br_ticks(br->bridge_hello_time),
		.bridge_forward_delay = br_ticks(br->bridge_forward_delay), .topology_change = br->topology_change,
		.topology_change_detected = br->topology_change_detected, .root_port = (u8)br->root_port, .stp_enabled = br->stp,
		.ageing_time = br_ticks(br->ageing_time), .hello_timer_value = left(br, &br->hello), .tcn_timer_value = left(br, &br->tcn),
		.topology_change_timer_value = left(br, &br->topology_change_timer), .gc_timer_value = left(br, &br->gc) };
	return io->copy_out(cpu, user, &i, sizeof(i)) ? -EFAULT : 0;
}

static int port_list(struct cpu *cpu, const struct bridge *br, const struct br_ioctl *io, void *user, unsigned long want)
{
	s32 ids[BR_PORTS_MAX] = { 0 };
	const struct br_port *p;
	unsigned max = want ? (unsigned)MIN(want, (unsigned long)BR_PORTS_MAX) : 256;
	br_for_each_port(p, br)
		if (p->port_no < max)
			ids[p->port_no] = p->dev->ifindex;
	return io->copy_out(cpu, user, ids, max * sizeof(*ids)) ? -EFAULT : (int)max;
}

static int port_info(struct cpu *cpu, struct bridge *br, const struct br_ioctl *io, void *user, unsigned long no)
{
	const struct br_port *p = br_port_by_no(br, (u16)no);
	struct __port_info i;
	if (!p)
		return -EINVAL;
	i = (struct __port_info){ .designated_root = cpu_to_be64(p->designated_root).raw, .designated_bridge = cpu_to_be64(p->designated_bridge).raw,
				  .port_id = p->port_id, .designated_port = p->designated_port, .path_cost = p->path_cost,
				  .designated_cost = p->designated_cost, .state = p->state, .top_change_ack = p->topology_change_ack,
				  .config_pending = p->config_pending, .message_age_timer_value = left(br, &p->message_age),
				  .forward_delay_timer_value = left(br, &p->forward_delay), .hold_timer_value = left(br, &p->hold) };
	return io->copy_out(cpu, user, &i, sizeof(i)) ? -EFAULT : 0;
}

static int fdb_entries(struct cpu *cpu, const struct bridge *br, const struct br_ioctl *io, void *user, unsigned long max, unsigned long skip)
{
	struct __fdb_entry *e;
	unsigned n;
	int err;
	max = MIN(max, 4096ul / sizeof(*e) * 4);
	e = mem_alloc(br_mem(br), MAX(max, 1ul) * sizeof(*e));
	if (!e)
		return -ENOMEM;
	n = br_fdb_entries(br, (unsigned)skip, e, (unsigned)max);
	err = io->copy_out(cpu, user, e, n * sizeof(*e)) ? -EFAULT : (int)n;
	mem_free(br_mem(br), e);
	return err;
}

static int add_if(struct cpu *cpu, struct net_device *dev, s32 ifindex, bool on)
{
	struct net_device *port = dev_by_index(dev->net, ifindex);
	if (!port)
		return -EINVAL;
	if (on)
		return port->master ? -EBUSY : dev_set_master(cpu, port, dev, NULL);
	return port->master == dev ? dev_set_master(cpu, port, NULL, NULL) : -EINVAL;
}

static int private(struct cpu *cpu, struct net_device *dev, const struct br_ioctl *io, const unsigned long *a, bool admin)
{
	struct bridge *br = br_of(dev);
	struct br_port *p;
	switch (a[0]) { /* those that only tell */
	case BRCTL_GET_BRIDGE_INFO: return bridge_info(cpu, br, io, (void *)a[1]);
	case BRCTL_GET_PORT_LIST: return port_list(cpu, br, io, (void *)a[1], a[2]);
	case BRCTL_GET_PORT_INFO: return port_info(cpu, br, io, (void *)a[1], a[2]);
	case BRCTL_GET_FDB_ENTRIES: return fdb_entries(cpu, br, io, (void *)a[1], a[2], a[3]);
	default: break;
	}
	if (!admin)
		return -EPERM;
	switch (a[0]) {
	case BRCTL_ADD_IF:
	case BRCTL_DEL_IF:
		return add_if(cpu, dev, (s32)a[1], a[0] == BRCTL_ADD_IF);
	case BRCTL_SET_BRIDGE_FORWARD_DELAY:
		return br_stp_set_forward_delay(br, a[1] * BR_TICKS_NS);
	case BRCTL_SET_BRIDGE_HELLO_TIME:
		return br_stp_set_hello_time(br, a[1] * BR_TICKS_NS);
	case BRCTL_SET_BRIDGE_MAX_AGE:
		return br_stp_set_max_age(br, a[1] * BR_TICKS_NS);
	case BRCTL_SET_AGEING_TIME:
		br->ageing_time = a[1] * BR_TICKS_NS;
		br_arm(br, &br->gc, 0);
		return 0;
	case BRCTL_SET_GC_INTERVAL: /* of old: there is none */
		return 0;
	case BRCTL_SET_BRIDGE_STP_STATE:
		br_stp_set_enabled(cpu, br, a[1]);
		return 0;
	case BRCTL_SET_BRIDGE_PRIORITY:
		br_stp_set_priority(cpu, br, (u16)a[1]);
		return 0;
	case BRCTL_SET_PORT_PRIORITY:
	case BRCTL_SET_PATH_COST:
		p = br_port_by_no(br, (u16)a[1]);
		if (!p)
			return -EINVAL;
		return a[0] == BRCTL_SET_PATH_COST ? br_stp_set_path_cost(cpu, p, (u32)a[2]) : br_stp_set_port_priority(cpu, p, (u32)a[2]);
	default:
		return -EOPNOTSUPP;
	}
}

int br_ioctl_dev(struct cpu *cpu, struct net_device *dev, const struct br_ioctl *io, unsigned cmd, void *ifreq, bool admin)
{
	struct ifreq *ifr = ifreq;
	unsigned long a[4];
	if (!dev_is_bridge(dev))
		return NOT_MINE;
	switch (cmd) {
	case SIOCBRADDIF:
	case SIOCBRDELIF:
		return admin ? add_if(cpu, dev, ifr->ifr_ifindex, cmd == SIOCBRADDIF) : -EPERM;
	case SIOCDEVPRIVATE:
		if (io->copy_in(cpu, a, ifr->ifr_data, sizeof(a)))
			return -EFAULT;
		return private(cpu, dev, io, a, admin);
	default:
		return NOT_MINE;
	}
}
