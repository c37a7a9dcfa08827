/* Applicants of VLAN registration: their states, and when they send.
 *
 * An applicant that has something to say does so after a random time of up to 0.2 s; nothing is armed while there is nothing
 * to say, but for MRP's second. Frames come by garp.c and mrp.c, and go out by dev_queue_xmit() of the real device. It belongs to the
 * home cpu of that device's namespace; when the device moves, its timers do, too.
 */
#include "link/vlan_reg.h"

#include "codec/wire/eth.h"
#include "core/event.h"
#include "link/netns_dev.h"
#include "core/trace.h"
#include "link/vlan.h"

#define JOIN_TIME_NS (200 * NSEC_PER_MSEC) /* both protocols' */

/* "Customer and Provider Bridge MVRP Address", IEEE 802.1Q table 10-1; GVRP's is the same. */
static const u8 group[ETH_ADDR_LEN] = { 0x01, 0x80, 0xc2, 0x00, 0x00, 0x21 };
static const struct reg_proto *const protos[REG_PROTOS] = { [REG_GVRP] = &garp_proto, [REG_MVRP] = &mrp_proto };

static bool says_join(u8 state) { return state == REG_VP || state == REG_AP || state == REG_VA || state == REG_AA; }
static bool is_declared(u8 state) { return state >= REG_VP && state <= REG_QA; }
static bool has_to_say(u8 state) { return says_join(state) || state == REG_LA; }

static void set_state(struct reg_port *port, u16 vid, u8 state)
{
	u8 was = port->state[vid];
	port->to_say = (u16)(port->to_say + has_to_say(state) - has_to_say(was));
	port->declared = (u16)(port->declared + is_declared(state) - is_declared(was));
	port->state[vid] = state;
}

static void move(struct reg_port *port, u16 vid, enum reg_event ev)
{
	u8 next = port->proto->next[port->state[vid]][ev];
	if (next != REG_NONE)
		set_state(port, vid, next);
}

static void arm(struct reg_port *port)
{
	struct cpu *cpu = port->dev->net->home;
	if (port->to_say && !timer_armed(&port->send))
		cpu_timer_arm(cpu, &port->send, cpu->now + rng_below(&cpu->rng, JOIN_TIME_NS));
	if (port->declared && port->proto->period_ns && !timer_armed(&port->periodic))
		cpu_timer_arm(cpu, &port->periodic, cpu->now + port->proto->period_ns);
}

/* -- out -- */

static bool pdu_begin(struct cpu *cpu, struct reg_port *port, struct reg_pdu *p)
{
	*p = (struct reg_pdu){ .skb = skb_alloc(cpu, SKB_HEADROOM, REG_FRAME_MAX), .max = MIN(port->dev->mtu, (u32)REG_FRAME_MAX) };
	if (p->skb)
		port->proto->begin(p);
	return p->skb;
}

static void pdu_send(struct cpu *cpu, struct reg_port *port, struct reg_pdu *p)
{
	struct sk_buff *skb = p->skb;
	u16 type = port->proto->ethertype;
	port->proto->end(p);
	skb->dev = port->dev;
	skb->protocol = type ? cpu_to_be16(type) : BE16(ETH_P_802_2);
	skb->priority = 7; /* TC_PRIO_CONTROL */
	skb_reset_network_header(skb);
	if (eth_header_ops.create(cpu, skb, port->dev, type ? type : (u16)skb->len, group, NULL)) {
		skb_drop(cpu, skb, SKB_DROP_REASON_NOMEM);
		return;
	}
	skb_reset_mac_header(skb);
	trace_mark(cpu, skb);
	dev_queue_xmit(cpu, skb);
}

/* Says all that there is to say; what does not fit for lack of memory waits for the next time. */
static void say(struct cpu *cpu, struct reg_port *port)
{
	struct reg_pdu p = { .skb = NULL };
	for (u16 vid = 0; vid < VLAN_IDS && port->to_say; vid++) {
		u8 was = port->state[vid];
		if (!has_to_say(was))
			continue;
		if (!p.skb && !pdu_begin(cpu, port, &p))
			return;
		if (!port->proto->add(&p, vid, says_join(was))) {
			pdu_send(cpu, port, &p);
			if (!pdu_begin(cpu, port, &p))
				return;
			port->proto->add(&p, vid, says_join(was));
		}
		if (was == REG_LA) /* it has been withdrawn: whoever else speaks of it is not listened to */
			set_state(port, vid, REG_NONE);
		else
			move(port, vid, REG_SEND);
	}
	if (p.skb)
		pdu_send(cpu, port, &p);
}

static void send_due(void *owner, struct timer *t)
{
	struct reg_port *port = container_of(t, struct reg_port, send);
	say(owner, port);
	arm(port);
}

static void period_due(void *owner, struct timer *t)
{
	struct reg_port *port = container_of(t, struct reg_port, periodic);
	(void)owner;
	for (u16 vid = 0; vid < VLAN_IDS; vid++)
		move(port, vid, REG_PERIODIC);
	arm(port);
}

/* -- in -- */

struct reg_port *vlan_reg_port(const struct sk_buff *skb, unsigned proto)
{
	const struct vlan_group *g = ptr_load(skb->dev->vlans);
	if (!g || skb->pkt_type == PACKET_OTHERHOST || !eth_addr_eq(((const struct eth_hdr *)skb_mac_header(skb))->dst, group))
		return NULL;
	return g->reg[proto];
}

void vlan_reg_hear(struct cpu *cpu, struct reg_port *port, u16 vid, enum reg_event ev)
{
	(void)cpu;
	if (vid >= VLAN_IDS)
		return;
	move(port, vid, ev);
	arm(port);
}

void vlan_reg_hear_all(struct cpu *cpu, struct reg_port *port, enum reg_event ev)
{
	for (u16 vid = 0; vid < VLAN_IDS; vid++)
		move(port, vid, ev);
	(void)cpu;
	arm(port);
}

/* -- requests -- */

int vlan_reg_begin(struct net_device *real)
{
	for (unsigned i = 0; i < REG_PROTOS; i++) {
		int err = dev_mc_add(real, group);
		if (err) {
			while (i--)
				dev_mc_del(real, group);
			return err;
		}
	}
	return 0;
}

void vlan_reg_end(struct cpu *cpu, struct net_device *real)
{
	for (unsigned i = 0; i < REG_PROTOS; i++) {
		struct reg_port *port = real->vlans->reg[i];
		dev_mc_del(real, group);
		if (!port)
			continue;
		timer_cancel(&port->send);
		timer_cancel(&port->periodic);
		say(cpu, port);
		real->vlans->reg[i] = NULL;
		mem_free(cpu_mem(cpu), port);
	}
}

int vlan_reg_join(struct net_device *real, unsigned proto, u16 vid)
{
	struct reg_port *port = real->vlans->reg[proto];
	if (!port) {
		port = mem_zalloc(&real->net->world->mem, sizeof(*port));
		if (!port)
			return -ENOMEM;
		port->proto = protos[proto];
		port->dev = real;
		timer_init(&port->send, send_due);
		timer_init(&port->periodic, period_due);
		real->vlans->reg[proto] = port;
	}
	if (port->state[vid] == REG_NONE)
		set_state(port, vid, REG_VO);
	move(port, vid, REG_JOIN);
	arm(port);
	return 0;
}

void vlan_reg_leave(struct net_device *real, unsigned proto, u16 vid)
{
	struct reg_port *port = real->vlans->reg[proto];
	if (!port)
		return;
	move(port, vid, REG_LEAVE);
	arm(port);
}

/* A device that goes to another namespace takes its applicants along. */
static void link_event(struct cpu *cpu, struct netns *net, enum net_event ev, void *obj, unsigned long info)
{
	const struct net_device *dev = obj;
	(void)cpu, (void)net;
	if ((ev != EV_LINK_MOVED && !(ev == EV_LINK_UNREGISTER && info)) || !dev->vlans)
		return;
	for (unsigned i = 0; i < REG_PROTOS; i++) {
		struct reg_port *port = dev->vlans->reg[i];
		if (!port)
			continue;
		timer_cancel(&port->send);
		timer_cancel(&port->periodic);
		if (ev == EV_LINK_MOVED)
			arm(port);
	}
}

const struct event_sub vlan_reg_event_sub = { .fn = link_event };
