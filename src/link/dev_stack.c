/* Devices on top of devices: who sits on whom, and how news of a lower device travels up.
 *
 * A VLAN, macvlan or ipvlan is linked to the device it leans on; a bridge's port or a VRF's member has its master instead
 * (dev_set_master). Either way the upper device's ops->lower_event hears what happens below: it follows carrier and MTU, goes
 * down, or is deleted. News goes to the world's subscribers first, then up; only the end of a device goes up first, because what
 * stands on it must be gone when the others hear of it. ip-link(8).
 */
#include "base/mem.h"
#include "codec/netlink/nl_attr.h"
#include "link/dev_internal.h"

/* Devices upon devices: no more than this. */
#define NEST_MAX 8

bool dev_has_upper(const struct net_device *lower, const struct net_device *upper)
{
	const struct dev_adjacent *a;
	if (lower->master && (lower->master == upper || dev_has_upper(lower->master, upper)))
		return true;
	list_for_each(a, &lower->uppers, in_uppers)
		if (a->upper == upper || dev_has_upper(a->upper, upper))
			return true;
	return false;
}

static unsigned levels_above(const struct net_device *dev)
{
	const struct dev_adjacent *a;
	unsigned n = dev->master ? 1 + levels_above(dev->master) : 0;
	list_for_each(a, &dev->uppers, in_uppers)
		n = MAX(n, 1 + levels_above(a->upper));
	return n;
}

static unsigned levels_below(const struct net_device *dev)
{
	const struct dev_adjacent *a;
	const struct net_device *slave;
	unsigned n = 0;
	list_for_each(a, &dev->lowers, in_lowers)
		n = MAX(n, 1 + levels_below(a->lower));
	list_for_each(slave, &dev->slaves, slave_link)
		n = MAX(n, 1 + levels_below(slave));
	return n;
}

int dev_stack_check(const struct net_device *lower, const struct net_device *upper, struct nl_ext_ack *ack)
{
	if (lower == upper)
		return -EBUSY;
	if (dev_has_upper(upper, lower))
		return -EBUSY;
	if (levels_below(lower) + levels_above(upper) > NEST_MAX)
		return -EMLINK;
	if (dev_has_upper(lower, upper)) {
		NL_SET_ERR(ack, "Device is already an upper device of the lower interface");
		return -EEXIST;
	}
	return 0;
}

void dev_upper_told(struct cpu *cpu, struct net_device *upper)
{
	struct dev_adjacent *a;
	list_for_each(a, &upper->lowers, in_lowers)
		if (a->lower->registered && !a->lower->unregistering)
			event_send(cpu, a->lower->net, EV_LINK_CHANGE, a->lower, LINK_CHANGE_UPPER);
}

int dev_upper_link(struct net_device *lower, struct net_device *upper, struct nl_ext_ack *ack)
{
	struct dev_adjacent *a;
	int err = dev_stack_check(lower, upper, ack);
	if (err)
		return err;
	a = mem_zalloc(&lower->net->world->mem, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->upper = upper;
	a->lower = lower;
	dev_hold(lower);
	list_add_tail(&lower->uppers, &a->in_uppers);
	list_add_tail(&upper->lowers, &a->in_lowers);
	return 0;
}

void dev_upper_unlink(struct net_device *lower, struct net_device *upper)
{
	struct dev_adjacent *a, *tmp;
	list_for_each_safe(a, tmp, &lower->uppers, in_uppers) {
		if (a->upper != upper)
			continue;
		list_del(&a->in_uppers);
		list_del(&a->in_lowers);
		mem_free(&lower->net->world->mem, a);
		dev_put(lower);
	}
}

void dev_uppers_operstate(struct net_device *lower)
{
	struct dev_adjacent *a;
	list_for_each(a, &lower->uppers, in_uppers)
		if (a->upper->registered && !a->upper->carrier)
			dev_operstate_update(a->upper);
}

static void tell_above(struct cpu *cpu, struct net_device *dev, enum net_event ev, unsigned long info)
{
	struct dev_adjacent *a, *tmp;
	if (dev->master && dev->master->ops->lower_event)
		dev->master->ops->lower_event(cpu, dev->master, dev, ev, info);
	list_for_each_safe(a, tmp, &dev->uppers, in_uppers)
		if (a->upper->ops->lower_event)
			a->upper->ops->lower_event(cpu, a->upper, dev, ev, info);
}

void dev_tell(struct cpu *cpu, struct net_device *dev, enum net_event ev, unsigned long info)
{
	if (ev == EV_LINK_UNREGISTER)
		tell_above(cpu, dev, ev, info);
	event_send(cpu, dev->net, ev, dev, info);
	if (ev != EV_LINK_UNREGISTER)
		tell_above(cpu, dev, ev, info);
}

void dev_stacked_operstate(struct cpu *cpu, const struct net_device *lower, struct net_device *upper)
{
	u8 mode = lower->operstate == IF_OPER_DORMANT ? IF_LINK_MODE_DORMANT : IF_LINK_MODE_DEFAULT;
	upper->dormant = mode == IF_LINK_MODE_DORMANT;
	if (upper->carrier && lower->carrier && (upper->operstate == IF_OPER_DORMANT) != (mode == IF_LINK_MODE_DORMANT)) {
		upper->operstate = mode == IF_LINK_MODE_DORMANT ? IF_OPER_DORMANT : IF_OPER_UP;
		if (dev_running(upper))
			dev_tell(cpu, upper, EV_LINK_CHANGE, LINK_CHANGE_CARRIER);
	}
	dev_set_carrier(cpu, upper, lower->carrier);
}
