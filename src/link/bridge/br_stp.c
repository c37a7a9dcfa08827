/* Spanning tree: who is root, which ports lead there, which are closed. IEEE 802.1D-1998 clause 8; sections are named where they are done.
 *
 * A bridge id is a u64, the priority above the address, so that the better one is the smaller. Timers are in br_stp_timer.c, messages in
 * br_stp_bpdu.c. While STP is off the same selection runs, all ports are designated, and open at once.
 */
#include "link/bridge/br_mcast.h"

static const char *const state_name[] = { "disabled", "listening", "learning", "forwarding", "blocking" };

bool br_stp_is_root(const struct bridge *br) { return br->designated_root == br->id; }
bool br_stp_is_designated(const struct br_port *p) { return p->designated_bridge == p->br->id && p->designated_port == p->port_id; }

struct br_port *br_port_by_no(struct bridge *br, u16 no)
{
	struct br_port *p;
	br_for_each_port(p, br)
		if (p->port_no == no)
			return p;
	return NULL;
}

void br_stp_set_state(struct cpu *cpu, struct br_port *p, u8 state)
{
	if (p->state != state) {
		if (state == BR_STATE_BLOCKING)
			p->stp_stats.transition_blk++;
		else if (state == BR_STATE_FORWARDING)
			p->stp_stats.transition_fwd++;
	}
	p->state = state;
	world_log(cpu->world, 6, "%s: port %u(%s) entered %s state", p->br->dev->name, p->port_no, p->dev->name, state_name[state]);
}

/* 8.6.9 */
void br_stp_become_designated(struct br_port *p)
{
	p->designated_root = p->br->designated_root;
	p->designated_cost = p->br->root_path_cost;
	p->designated_bridge = p->br->id;
	p->designated_port = p->port_id;
}

/* Whether p leads to the root better than `best` (NULL: none) does. 8.6.8 */
static bool leads_better(const struct br_port *p, const struct br_port *best)
{
	u64 a, b;
	if (p->state == BR_STATE_DISABLED || br_stp_is_designated(p) || p->br->id <= p->designated_root)
		return false;
	if (!best)
		return true;
	if (p->designated_root != best->designated_root)
		return p->designated_root < best->designated_root;
	a = (u64)p->designated_cost + p->path_cost;
	b = (u64)best->designated_cost + best->path_cost;
	if (a != b)
		return a < b;
	if (p->designated_bridge != best->designated_bridge)
		return p->designated_bridge < best->designated_bridge;
	if (p->designated_port != best->designated_port)
		return p->designated_port < best->designated_port;
	return p->port_id < best->port_id;
}

/* root_block: a port that may not lead to the root listens. */
static void block_root_port(struct cpu *cpu, struct br_port *p)
{
	world_log(cpu->world, 6, "%s: port %u(%s) tried to become root port (blocked)", p->br->dev->name, p->port_no, p->dev->name);
	br_stp_set_state(cpu, p, BR_STATE_LISTENING);
	br_tell_port(cpu, p);
	if (p->br->forward_delay)
		br_arm(p->br, &p->forward_delay, p->br->forward_delay);
}

static void select_root(struct cpu *cpu, struct bridge *br)
{
	struct br_port *p, *best = NULL;
	br_for_each_port(p, br) {
		if (!leads_better(p, best))
			continue;
		if (p->flags & BRP_ROOT_BLOCK)
			block_root_port(cpu, p);
		else
			best = p;
	}
	br->root_port = best ? best->port_no : 0;
	br->designated_root = best ? best->designated_root : br->id;
	br->root_path_cost = best ? best->designated_cost + best->path_cost : 0;
}

/* 8.6.10 */
static bool should_be_designated(const struct br_port *p)
{
	const struct bridge *br = p->br;
	if (br_stp_is_designated(p) || p->designated_root != br->designated_root)
		return true;
	if (br->root_path_cost != p->designated_cost)
		return br->root_path_cost < p->designated_cost;
	if (br->id != p->designated_bridge)
		return br->id < p->designated_bridge;
	return p->port_id < p->designated_port;
}

void br_stp_update(struct bridge *br)
{
	struct br_port *p;
	select_root(br_home(br), br);
	br_for_each_port(p, br)
		if (p->state != BR_STATE_DISABLED && should_be_designated(p))
			br_stp_become_designated(p);
}

/* 8.6.12 */
static void make_forwarding(struct cpu *cpu, struct br_port *p)
{
	struct bridge *br = p->br;
	if (p->state != BR_STATE_BLOCKING)
		return;
	if (!br->stp || !br->forward_delay) {
		br_stp_set_state(cpu, p, BR_STATE_FORWARDING);
		br_stp_topology_changed(cpu, br);
		timer_cancel(&p->forward_delay);
	} else {
		br_stp_set_state(cpu, p, BR_STATE_LISTENING);
	}
	br_tell_port(cpu, p);
	if (br->forward_delay)
		br_arm(br, &p->forward_delay, br->forward_delay);
}

/* 8.6.13 */
static void make_blocking(struct cpu *cpu, struct br_port *p)
{
	if (p->state == BR_STATE_DISABLED || p->state == BR_STATE_BLOCKING)
		return;
	if (p->state == BR_STATE_FORWARDING || p->state == BR_STATE_LEARNING)
		br_stp_topology_changed(cpu, p->br);
	br_stp_set_state(cpu, p, BR_STATE_BLOCKING);
	br_tell_port(cpu, p);
	timer_cancel(&p->forward_delay);
}

void br_stp_port_states(struct cpu *cpu, struct bridge *br)
{
	struct br_port *p;
	unsigned live = 0;
	br_for_each_port(p, br) {
		if (p->state == BR_STATE_DISABLED)
			continue;
		if (p->port_no == br->root_port) {
			p->config_pending = p->topology_change_ack = false;
			make_forwarding(cpu, p);
		} else if (br_stp_is_designated(p)) {
			timer_cancel(&p->message_age);
			make_forwarding(cpu, p);
		} else {
			p->config_pending = p->topology_change_ack = false;
			make_blocking(cpu, p);
		}
		if (p->state != BR_STATE_BLOCKING)
			br_mcast_port_enable(cpu, p);
		live += p->state == BR_STATE_FORWARDING;
	}
	dev_set_carrier(cpu, br->dev, live != 0);
}

void br_stp_become_root(struct cpu *cpu, struct bridge *br)
{
	br->max_age = br->bridge_max_age;
	br->hello_time = br->bridge_hello_time;
	br->forward_delay = br->bridge_forward_delay;
	br_stp_topology_changed(cpu, br);
	timer_cancel(&br->tcn);
	if (!dev_running(br->dev))
		return;
	br_stp_generate_configs(cpu, br);
	br_arm(br, &br->hello, br->hello_time);
}

static void perhaps_root(struct cpu *cpu, struct bridge *br, bool was)
{
	if (!was && br_stp_is_root(br))
		br_stp_become_root(cpu, br);
}

/* 8.6.4 */
void br_stp_generate_configs(struct cpu *cpu, struct bridge *br)
{
	struct br_port *p;
	br_for_each_port(p, br)
		if (p->state != BR_STATE_DISABLED && br_stp_is_designated(p))
			br_stp_transmit_config(cpu, p);
}

/* 8.6.1 */
void br_stp_transmit_config(struct cpu *cpu, struct br_port *p)
{
	struct bridge *br = p->br;
	const struct br_port *root;
	struct br_config_bpdu c = { .topology_change = br->topology_change, .topology_change_ack = p->topology_change_ack, .root = br->designated_root,
				    .root_path_cost = br->root_path_cost, .bridge = br->id, .port_id = p->port_id, .max_age = br->max_age,
				    .hello_time = br->hello_time, .forward_delay = br->forward_delay };
	if (timer_armed(&p->hold)) {
		p->config_pending = true;
		return;
	}
	root = br_stp_is_root(br) ? NULL : br_port_by_no(br, br->root_port);
	if (root) /* one unit of its field more than it had */
		c.message_age = br_home(br)->now - root->designated_age + NSEC_PER_SEC / 256;
	if (c.message_age >= br->max_age)
		return;
	br_stp_send_config(cpu, p, &c);
	p->topology_change_ack = p->config_pending = false;
	if (br->stp)
		br_arm(br, &p->hold, NSEC_PER_SEC);
}

/* 8.6.6 */
void br_stp_transmit_tcn(struct cpu *cpu, struct bridge *br)
{
	struct br_port *p = br_port_by_no(br, br->root_port);
	if (p)
		br_stp_send_tcn(cpu, p);
}

void br_stp_set_topology_change(struct bridge *br, bool on)
{
	if (br->topology_change == on)
		return;
	br->topology_change = on;
	if (on) /* entries end sooner now */
		br_arm(br, &br->gc, MIN(br->forward_delay, br_timer_left(br, &br->gc)));
}

/* 8.6.14 */
void br_stp_topology_changed(struct cpu *cpu, struct bridge *br)
{
	if (!br->stp)
		return;
	world_log(cpu->world, 6, "%s: topology change detected, %s", br->dev->name, br_stp_is_root(br) ? "propagating" : "sending tcn bpdu");
	if (br_stp_is_root(br)) {
		br_stp_set_topology_change(br, true);
		br_arm(br, &br->topology_change_timer, br->bridge_forward_delay + br->bridge_max_age);
	} else if (!br->topology_change_detected) {
		br_stp_transmit_tcn(cpu, br);
		br_arm(br, &br->tcn, br->bridge_hello_time);
	}
	br->topology_change_detected = true;
}

/* 8.6.2.2 */
static bool supersedes(const struct br_port *p, const struct br_config_bpdu *c)
{
	if (c->root != p->designated_root)
		return c->root < p->designated_root;
	if (c->root_path_cost != p->designated_cost)
		return c->root_path_cost < p->designated_cost;
	if (c->bridge != p->designated_bridge)
		return c->bridge < p->designated_bridge;
	return c->bridge != p->br->id || c->port_id <= p->designated_port;
}

void br_stp_config_received(struct cpu *cpu, struct br_port *p, const struct br_config_bpdu *c)
{
	struct bridge *br = p->br;
	bool was_root = br_stp_is_root(br);
	p->stp_stats.rx_bpdu++;
	if (!supersedes(p, c)) {
		if (br_stp_is_designated(p)) /* 8.6.5: tell him better */
			br_stp_transmit_config(cpu, p);
		return;
	}
	p->designated_root = c->root;
	p->designated_cost = c->root_path_cost;
	p->designated_bridge = c->bridge;
	p->designated_port = c->port_id;
	p->designated_age = cpu->now - c->message_age;
	br_arm(br, &p->message_age, c->max_age - c->message_age);
	br_stp_update(br);
	br_stp_port_states(cpu, br);
	if (was_root && !br_stp_is_root(br)) {
		timer_cancel(&br->hello);
		if (br->topology_change_detected) {
			timer_cancel(&br->topology_change_timer);
			br_stp_transmit_tcn(cpu, br);
			br_arm(br, &br->tcn, br->bridge_hello_time);
		}
	}
	if (p->port_no != br->root_port)
		return;
	br->max_age = c->max_age;
	br->hello_time = c->hello_time;
	br->forward_delay = c->forward_delay;
	br_stp_set_topology_change(br, c->topology_change);
	br_stp_generate_configs(cpu, br);
	if (c->topology_change_ack) { /* 8.6.15 */
		br->topology_change_detected = false;
		timer_cancel(&br->tcn);
	}
}

void br_stp_tcn_received(struct cpu *cpu, struct br_port *p)
{
	p->stp_stats.rx_tcn++;
	if (!br_stp_is_designated(p))
		return;
	world_log(cpu->world, 6, "%s: port %u(%s) received tcn bpdu", p->br->dev->name, p->port_no, p->dev->name);
	br_stp_topology_changed(cpu, p->br);
	p->topology_change_ack = true; /* 8.6.16 */
	br_stp_transmit_config(cpu, p);
}

/* -- ports come and go: all batons held -- */

void br_stp_port_init(struct br_port *p)
{
	p->port_id = (u16)(p->priority << BR_PORT_BITS | p->port_no);
	br_stp_become_designated(p);
	p->state = BR_STATE_BLOCKING;
	p->topology_change_ack = p->config_pending = false;
}

void br_stp_port_enable(struct cpu *cpu, struct br_port *p)
{
	br_stp_port_init(p);
	br_stp_set_state(cpu, p, BR_STATE_BLOCKING);
	br_stp_port_states(cpu, p->br);
	br_tell_port(cpu, p);
}

void br_stp_port_disable(struct cpu *cpu, struct br_port *p)
{
	struct bridge *br = p->br;
	bool was_root = br_stp_is_root(br);
	br_stp_become_designated(p);
	br_stp_set_state(cpu, p, BR_STATE_DISABLED);
	p->topology_change_ack = p->config_pending = false;
	br_tell_port(cpu, p);
	br_stp_port_timers_stop(p);
	if (!p->backup)
		br_fdb_del_port(br, p, 0, false);
	br_mcast_port_disable(cpu, p);
	br_stp_update(br);
	br_stp_port_states(cpu, br);
	perhaps_root(cpu, br, was_root);
}

void br_stp_bridge_up(struct cpu *cpu, struct bridge *br)
{
	struct br_port *p;
	if (br->stp)
		br_arm(br, &br->hello, br->hello_time);
	br_arm(br, &br->gc, NSEC_PER_SEC / 10);
	br_stp_generate_configs(cpu, br);
	br_for_each_port(p, br)
		if (dev_running(p->dev) && br_oper_up(p->dev))
			br_stp_port_enable(cpu, p);
}

void br_stp_bridge_down(struct cpu *cpu, struct bridge *br)
{
	struct br_port *p;
	br_for_each_port(p, br)
		if (p->state != BR_STATE_DISABLED)
			br_stp_port_disable(cpu, p);
	br_stp_set_topology_change(br, false);
	br->topology_change_detected = false;
	br_stp_timers_stop(br);
}

/* -- settings: all batons held -- */

void br_stp_change_id(struct cpu *cpu, struct bridge *br, const u8 *addr)
{
	const u64 mask = 0xffffffffffffull;
	u64 old = br->id & mask, now = 0;
	bool was_root = br_stp_is_root(br);
	struct br_port *p;
	for (unsigned i = 0; i < ETH_ADDR_LEN; i++)
		now = now << 8 | addr[i];
	br_fdb_change_bridge_addr(br, addr);
	br->id = (br->id & ~mask) | now;
	memcpy(br->dev->dev_addr, addr, ETH_ADDR_LEN);
	br_for_each_port(p, br) {
		if ((p->designated_bridge & mask) == old)
			p->designated_bridge = (p->designated_bridge & ~mask) | now;
		if ((p->designated_root & mask) == old)
			p->designated_root = (p->designated_root & ~mask) | now;
	}
	br_stp_update(br);
	br_stp_port_states(cpu, br);
	perhaps_root(cpu, br, was_root);
}

bool br_stp_recalculate_id(struct cpu *cpu, struct bridge *br)
{
	static const u8 zero[ETH_ADDR_LEN];
	u8 addr[ETH_ADDR_LEN] = { 0 };
	u64 now = 0;
	const struct br_port *p;
	if (br->dev->addr_assign_type == 3 /* NET_ADDR_SET */)
		return false;
	br_for_each_port(p, br)
		if (!memcmp(addr, zero, ETH_ADDR_LEN) || memcmp(p->dev->dev_addr, addr, ETH_ADDR_LEN) < 0)
			memcpy(addr, p->dev->dev_addr, ETH_ADDR_LEN);
	for (unsigned i = 0; i < ETH_ADDR_LEN; i++)
		now = now << 8 | addr[i];
	if (now == (br->id & 0xffffffffffffull))
		return false;
	br_stp_change_id(cpu, br, addr);
	return true;
}

void br_stp_set_priority(struct cpu *cpu, struct bridge *br, u16 prio)
{
	bool was_root = br_stp_is_root(br);
	u64 old = br->id;
	struct br_port *p;
	br->id = (br->id & 0xffffffffffffull) | (u64)prio << 48;
	br_for_each_port(p, br)
		if (p->state != BR_STATE_DISABLED && p->designated_bridge == old && p->designated_port == p->port_id)
			p->designated_bridge = br->id;
	br_stp_update(br);
	br_stp_port_states(cpu, br);
	perhaps_root(cpu, br, was_root);
}

int br_stp_set_port_priority(struct cpu *cpu, struct br_port *p, u32 prio)
{
	u16 id = (u16)(prio << BR_PORT_BITS | p->port_no);
	if (prio > 0xffff >> BR_PORT_BITS)
		return -ERANGE;
	if (br_stp_is_designated(p))
		p->designated_port = id;
	p->port_id = id;
	p->priority = (u8)prio;
	if (p->designated_bridge == p->br->id && p->port_id < p->designated_port) {
		br_stp_become_designated(p);
		br_stp_port_states(cpu, p->br);
	}
	return 0;
}

int br_stp_set_path_cost(struct cpu *cpu, struct br_port *p, u32 cost)
{
	if (cost < 1 || cost > 65535)
		return -ERANGE;
	p->flags |= BRP_ADMIN_COST;
	p->path_cost = cost;
	br_stp_update(p->br);
	br_stp_port_states(cpu, p->br);
	return 0;
}

int br_stp_set_port_state(struct cpu *cpu, struct br_port *p, u8 state)
{
	if (state > BR_STATE_BLOCKING)
		return -EINVAL;
	if (p->br->stp)
		return -EBUSY;
	if (!dev_running(p->dev) || (!br_oper_up(p->dev) && state != BR_STATE_DISABLED))
		return -ENETDOWN;
	br_stp_set_state(cpu, p, state);
	br_stp_port_states(cpu, p->br);
	return 0;
}
