/* Ports: how a device becomes one, and what happens to it while it is.
 *
 * Joining is in two halves: br_port_add() is dev_set_master's question whether dev may, and prepares everything; br_port_moved(), when dev
 * has its master, opens the port. A port that need not hear everything, because it neither learns nor floods, is not promiscuous, and is
 * told the static addresses instead.
 */
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>

#include "base/mem.h"
#include "link/bridge/br_mcast.h"
#include "link/ethtool.h"
#include "link/stacked.h"
#include "link/type/vlan_dev.h"

void br_tell(struct cpu *cpu, const struct br_event *e) { event_send(cpu, e->dev->net, EV_BRIDGE, (void *)e, 0); }

void br_tell_port(struct cpu *cpu, struct br_port *p)
{
	p->told = true;
	br_tell(cpu, &(struct br_event){ .what = BR_EV_PORT_NEW, .dev = p->dev });
}

bool br_oper_up(const struct net_device *dev) { return dev->carrier && (dev->operstate == IF_OPER_UP || dev->operstate == IF_OPER_UNKNOWN); }

u32 br_dev_speed(const struct net_device *dev)
{
	const struct net_device *slave;
	struct dev_link_settings s;
	u32 speed = 0;
	if (dev_is_bridge(dev)) {
		list_for_each(slave, &dev->slaves, slave_link)
			if (dev_running(slave) && slave->carrier)
				speed = MAX(speed, br_dev_speed(slave));
		return speed;
	}
	return dev_link_settings(dev, &s) || s.speed == (u32)SPEED_UNKNOWN ? 0 : s.speed;
}

/* IEEE 802.1t's costs, in 16 bits. */
static u32 path_cost(const struct net_device *dev)
{
	u32 speed = br_dev_speed(dev);
	switch (speed) {
	case 10000: return 2;
	case 5000: return 3;
	case 2500: return 4;
	case 1000: return 5;
	case 100: return 19;
	case 0: case 10: return 100;
	default: return speed > 10000 ? 1 : 100;
	}
}

/* -- who hears everything -- */

static void set_promisc(struct br_port *p, bool on)
{
	struct bridge *br = p->br;
	if (!!(p->flags & BRP_PROMISC) == on)
		return;
	if (on) {
		dev_set_promiscuity(br_home(br), p->dev, 1);
		br_fdb_unsync_static(br, p);
		p->flags |= BRP_PROMISC;
	} else if (p->dev->unicast_filter && !br_fdb_sync_static(br, p)) {
		dev_set_promiscuity(br_home(br), p->dev, -1);
		p->flags &= ~(u32)BRP_PROMISC;
	}
}

void br_manage_promisc(struct bridge *br)
{
	bool all = br->dev->flags & IFF_PROMISC || !br->vlan_filtering;
	struct br_port *p;
	br_for_each_port(p, br) /* one that learns alone need not be: what is for others is for it */
		set_promisc(p, all || (br->auto_count && !(br->auto_count == 1 && p->flags & BRP_AUTO)));
}

static void count_auto(struct bridge *br)
{
	u32 n = 0;
	const struct br_port *p;
	br_for_each_port(p, br)
		n += (p->flags & BRP_AUTO) != 0;
	if (n == br->auto_count)
		return;
	br->auto_count = n;
	br_manage_promisc(br);
}

void br_port_flags_changed(struct br_port *p, u32 old)
{
	if ((p->flags ^ old) & BRP_AUTO)
		count_auto(p->br);
}

/* -- joining and leaving -- */

static int find_no(const struct bridge *br)
{
	const struct br_port *p;
	for (u16 no = 1; no < BR_PORTS_MAX; no++) {
		bool used = false;
		br_for_each_port(p, br)
			used |= p->port_no == no;
		if (!used)
			return no;
	}
	return -EXFULL;
}

static void port_free(struct br_port *p)
{
	br_mcast_port_fini(p);
	mem_free(br_mem(p->br), p);
}

int br_port_add(struct net_device *dev, struct net_device *slave, struct nl_ext_ack *ack)
{
	struct bridge *br = br_of(dev);
	struct br_port *p;
	int no, err;
	if (slave->flags & IFF_LOOPBACK || slave->type != ARPHRD_ETHER || slave->addr_len != ETH_ADDR_LEN || !eth_addr_is_valid(slave->dev_addr))
		return -EINVAL;
	if (dev_is_bridge(slave)) {
		NL_SET_ERR(ack, "Can not enslave a bridge to a bridge");
		return -ELOOP;
	}
	if (slave->master)
		return -EBUSY;
	if (dev_has_upper(dev, slave))
		return -EBUSY;
	no = find_no(br);
	if (no < 0)
		return no;
	p = mem_zalloc(br_mem(br), sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->br = br;
	p->dev = slave;
	p->port_no = (u16)no;
	p->priority = 0x8000 >> BR_PORT_BITS;
	p->path_cost = path_cost(slave);
	p->flags = BRP_LEARNING | BRP_FLOOD | BRP_MCAST_FLOOD | BRP_BCAST_FLOOD;
	br_vlans_init(&p->vlans);
	br_stp_port_init(p);
	p->state = BR_STATE_DISABLED;
	br_stp_port_timers_stop(p);
	err = br_mcast_port_init(p);
	if (!err)
		err = dev_rx_handler_set(slave, br_receive, p);
	if (err) {
		port_free(p);
		return err;
	}
	dev_set_allmulti(br_home(br), slave, 1);
	if (slave->features & NETIF_F_LRO)
		dev_set_features(br_home(br), slave, slave->wanted_features & ~(u64)NETIF_F_LRO);
	list_add_head(&br->ports, &p->link);
	br->auto_count++;
	br_manage_promisc(br);
	if (!(p->flags & BRP_PROMISC) && slave->unicast_filter)
		br_fdb_sync_static(br, p);
	return 0;
}

/* It has its master. */
static void opened(struct cpu *cpu, struct br_port *p)
{
	struct bridge *br = p->br;
	bool addr;
	dev_features_update(cpu, br->dev);
	if (br_fdb_add_local(br, p, p->dev->dev_addr, 0))
		world_log(cpu->world, 3, "%s: failed insert local address bridge forwarding table", p->dev->name);
	br_vlan_port_init(p);
	addr = br_stp_recalculate_id(cpu, br);
	if (dev_running(p->dev) && br_oper_up(p->dev) && dev_running(br->dev))
		br_stp_port_enable(cpu, p);
	br_tell_port(cpu, p);
	if (addr)
		dev_announce_addr(cpu, br->dev);
	br_mtu_adjust(cpu, br);
	br_gso_limits(br);
}

static void forget_backup(struct br_port *p)
{
	struct br_port *other;
	br_port_set_backup(p, NULL);
	br_for_each_port(other, p->br)
		if (other->backup == p)
			br_port_set_backup(other, NULL);
}

int br_port_del(struct net_device *dev, struct net_device *slave)
{
	struct bridge *br = br_of(dev);
	struct br_port *p = br_port_of(slave);
	struct cpu *cpu = br_home(br);
	if (!p || p->br != br)
		return -EINVAL;
	dev_set_allmulti(cpu, slave, -1);
	if (p->flags & BRP_PROMISC)
		dev_set_promiscuity(cpu, slave, -1);
	else
		br_fdb_unsync_static(br, p);
	p->flags |= BRP_PROMISC; /* its filter is none of the table's business any more */
	if (p->state != BR_STATE_DISABLED)
		br_stp_port_disable(cpu, p);
	br_tell(cpu, &(struct br_event){ .what = BR_EV_PORT_DEL, .dev = slave });
	list_del(&p->link);
	br_vlan_port_flush(p);
	br_fdb_del_port(br, p, 0, true);
	forget_backup(p);
	count_auto(br);
	dev_rx_handler_clear(slave);
	br_mcast_port_gone(cpu, p);
	br_stp_port_timers_stop(p);
	port_free(p);
	return 0;
}

static void left(struct cpu *cpu, struct bridge *br)
{
	br_mtu_adjust(cpu, br);
	br_gso_limits(br);
	if (br_stp_recalculate_id(cpu, br))
		dev_announce_addr(cpu, br->dev);
	dev_features_update(cpu, br->dev);
}

void br_port_moved(struct cpu *cpu, struct net_device *bridge, struct net_device *slave)
{
	struct br_port *p = br_port_of(slave);
	if (p && p->br == br_of(bridge))
		opened(cpu, p);
	else
		left(cpu, br_of(bridge));
}

int br_port_set_backup(struct br_port *p, struct net_device *backup)
{
	struct br_port *b = backup ? br_port_of(backup) : NULL;
	if (backup && (!b || b->br != p->br))
		return -ENOENT;
	if (b == p)
		return -EINVAL;
	if (p->backup)
		p->backup->backup_users--;
	p->backup = b;
	if (b)
		b->backup_users++;
	return 0;
}

/* -- what happens below -- */

static void carrier_check(struct cpu *cpu, struct br_port *p)
{
	bool up = dev_running(p->dev) && br_oper_up(p->dev);
	if (!(p->flags & BRP_ADMIN_COST) && up)
		p->path_cost = path_cost(p->dev);
	if (!dev_running(p->br->dev))
		return;
	if (up && p->state == BR_STATE_DISABLED)
		br_stp_port_enable(cpu, p);
	else if (!up && p->state != BR_STATE_DISABLED)
		br_stp_port_disable(cpu, p);
}

void br_port_event(struct cpu *cpu, struct net_device *dev, struct net_device *lower, enum net_event ev, unsigned long info)
{
	struct bridge *br = br_of(dev);
	struct br_port *p = br_port_of(lower);
	bool refresh = false;
	if (!p || p->br != br)
		return;
	p->told = false;
	switch (ev) {
	case EV_LINK_CHANGE:
		if (info & LINK_CHANGE_MTU)
			br_mtu_adjust(cpu, br);
		if (info & LINK_CHANGE_ADDR) {
			br_fdb_change_port_addr(p, lower->dev_addr);
			if (br_stp_recalculate_id(cpu, br))
				dev_announce_addr(cpu, dev);
			refresh = true;
		}
		if (info & LINK_CHANGE_CARRIER) {
			carrier_check(cpu, p);
			refresh = true;
		}
		if (info & LINK_CHANGE_FEATURES)
			dev_features_update(cpu, dev);
		break;
	case EV_LINK_DOWN:
		if (dev_running(dev) && p->state != BR_STATE_DISABLED)
			br_stp_port_disable(cpu, p);
		refresh = true;
		break;
	case EV_LINK_UP:
		if (dev_running(dev) && br_oper_up(lower) && p->state == BR_STATE_DISABLED)
			br_stp_port_enable(cpu, p);
		refresh = true;
		break;
	default:
		break;
	}
	if (refresh && !p->told)
		br_tell_port(cpu, p);
}
