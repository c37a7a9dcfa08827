/* Spanning tree's timers, and the times an administrator may set. IEEE 802.1D-1998 8.7, 8.10; table 8-3 has the ranges.
 *
 * Timers run on the home cpu of the bridge's namespace.
 */
#include "link/bridge/bridge.h"

void br_arm(struct bridge *br, struct timer *t, u64 after_ns)
{
	struct cpu *home = br_home(br);
	cpu_timer_arm(home, t, home->now + after_ns);
}

u64 br_timer_left(const struct bridge *br, const struct timer *t)
{
	return timer_armed(t) && t->expires > br_home(br)->now ? t->expires - br_home(br)->now : 0;
}

/* 8.7.5 */
static void forward_delay_over(void *owner, struct timer *t)
{
	struct br_port *p = container_of(t, struct br_port, forward_delay), *any;
	struct cpu *cpu = owner;
	bool designated = false;
	if (p->state == BR_STATE_LISTENING) {
		br_stp_set_state(cpu, p, BR_STATE_LEARNING);
		br_arm(p->br, t, p->br->forward_delay);
	} else if (p->state == BR_STATE_LEARNING) {
		br_stp_set_state(cpu, p, BR_STATE_FORWARDING);
		br_for_each_port(any, p->br)
			designated |= any->state != BR_STATE_DISABLED && any->designated_bridge == p->br->id;
		if (designated)
			br_stp_topology_changed(cpu, p->br);
		dev_set_carrier(cpu, p->br->dev, true);
	} else {
		return;
	}
	br_tell_port(cpu, p);
}

/* 8.7.4: what this port heard of the root is too old. */
static void message_age_over(void *owner, struct timer *t)
{
	struct br_port *p = container_of(t, struct br_port, message_age);
	struct bridge *br = p->br;
	struct cpu *cpu = owner;
	bool was_root = br_stp_is_root(br);
	if (p->state == BR_STATE_DISABLED)
		return;
	world_log(cpu->world, 6, "%s: port %u(%s) neighbor %04x.%012llx lost", br->dev->name, p->port_no, p->dev->name,
		  (unsigned)(p->designated_bridge >> 48), (unsigned long long)(p->designated_bridge & 0xffffffffffffull));
	br_stp_become_designated(p);
	br_stp_update(br);
	br_stp_port_states(cpu, br);
	if (br_stp_is_root(br) && !was_root)
		br_stp_become_root(cpu, br);
}

/* 8.7.8 */
static void hold_over(void *owner, struct timer *t)
{
	struct br_port *p = container_of(t, struct br_port, hold);
	if (p->config_pending)
		br_stp_transmit_config(owner, p);
}

/* 8.7.3 */
static void hello_over(void *owner, struct timer *t)
{
	struct bridge *br = container_of(t, struct bridge, hello);
	if (!dev_running(br->dev))
		return;
	br_stp_generate_configs(owner, br);
	if (br->stp)
		br_arm(br, t, br->hello_time);
}

/* 8.7.6 */
static void tcn_over(void *owner, struct timer *t)
{
	struct bridge *br = container_of(t, struct bridge, tcn);
	if (br_stp_is_root(br) || !dev_running(br->dev))
		return;
	br_stp_transmit_tcn(owner, br);
	br_arm(br, t, br->bridge_hello_time);
}

/* 8.7.7 */
static void topology_change_over(void *owner, struct timer *t)
{
	struct bridge *br = container_of(t, struct bridge, topology_change_timer);
	br->topology_change_detected = false;
	br_stp_set_topology_change(br, false);
}

void br_stp_init(struct bridge *br)
{
	timer_init(&br->hello, hello_over);
	timer_init(&br->tcn, tcn_over);
	timer_init(&br->topology_change_timer, topology_change_over);
}

void br_stp_timers_stop(struct bridge *br)
{
	timer_cancel(&br->hello);
	timer_cancel(&br->tcn);
	timer_cancel(&br->topology_change_timer);
	timer_cancel(&br->gc);
}

void br_stp_port_timers_stop(struct br_port *p)
{
	if (!p->forward_delay.fn) {
		timer_init(&p->forward_delay, forward_delay_over);
		timer_init(&p->hold, hold_over);
		timer_init(&p->message_age, message_age_over);
	}
	timer_cancel(&p->forward_delay);
	timer_cancel(&p->hold);
	timer_cancel(&p->message_age);
}

#define SECONDS(n) ((n) * NSEC_PER_SEC)

int br_stp_set_forward_delay(struct bridge *br, u64 ns)
{
	if (br->stp && (ns < SECONDS(2) || ns > SECONDS(30)))
		return -ERANGE;
	br->bridge_forward_delay = ns;
	if (br_stp_is_root(br))
		br->forward_delay = ns;
	return 0;
}

int br_stp_set_hello_time(struct bridge *br, u64 ns)
{
	if (ns < SECONDS(1) || ns > SECONDS(10))
		return -ERANGE;
	br->bridge_hello_time = ns;
	if (br_stp_is_root(br))
		br->hello_time = ns;
	return 0;
}

int br_stp_set_max_age(struct bridge *br, u64 ns)
{
	if (ns < SECONDS(6) || ns > SECONDS(40))
		return -ERANGE;
	br->bridge_max_age = ns;
	if (br_stp_is_root(br))
		br->max_age = ns;
	return 0;
}

/* A tree kept by a program (bridge-stp) is not asked for here: the bridge does it, as in every namespace but the machine's first. */
void br_stp_set_enabled(struct cpu *cpu, struct bridge *br, bool on)
{
	if (br->stp == on)
		return;
	br->stp = on;
	if (!on)
		return;
	br_stp_set_forward_delay(br, CLAMP(br->bridge_forward_delay, SECONDS(2), SECONDS(30)));
	if (dev_running(br->dev))
		br_arm(br, &br->hello, br->hello_time);
	br_stp_port_states(cpu, br);
}
