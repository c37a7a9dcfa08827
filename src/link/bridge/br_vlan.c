/* VLANs of a bridge: which it has, which ports are in them, and what that means for frames. IEEE 802.1Q; bridge(8), `bridge vlan`.
 *
 * Every port has a table of its VLANs (struct br_vlans), and the bridge has one: it holds those that any port has, and says of which the
 * bridge itself is a member (BRENTRY). The tables exist while filtering is off, too. While it is on, every frame has a tag beside it from
 * ingress (its own, or the port's PVID) to egress, where it is taken off if the VLAN leaves untagged.
 */
#include "base/mem.h"
#include "link/bridge/bridge.h"
#include "link/vlan.h"

/* 802.1Q-2011 table 8-2: what a provider's bridge keeps is less than what a customer's does (8-1). */
#define PROVIDER_FWD_MASK 0xb801

struct br_vlan *br_vlan_find(const struct br_vlans *vs, u16 vid)
{
	struct br_vlan **c = vs->chunk[vid >> 8 & 15];
	return c ? c[vid & 255] : NULL;
}

void br_vlans_init(struct br_vlans *vs) { list_init(&vs->list); }

static int list_vlan(struct mem *mem, struct br_vlans *vs, struct br_vlan *v)
{
	struct br_vlan ***c = &vs->chunk[v->vid >> 8];
	struct br_vlan *pos;
	if (!*c)
		*c = mem_zalloc(mem, 256 * sizeof(**c));
	if (!*c)
		return -ENOMEM;
	(*c)[v->vid & 255] = v;
	pos = list_last(&vs->list, struct br_vlan, link);
	while (&pos->link != &vs->list && pos->vid > v->vid)
		pos = list_last(&pos->link, struct br_vlan, link);
	list_add_head(&pos->link, &v->link);
	return 0;
}

static void unlist_vlan(struct mem *mem, struct br_vlans *vs, struct br_vlan *v)
{
	vs->chunk[v->vid >> 8][v->vid & 255] = NULL;
	list_del(&v->link);
	mem_free(mem, v);
	if (!list_empty(&vs->list))
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(vs->chunk); i++) {
		mem_free(mem, vs->chunk[i]);
		vs->chunk[i] = NULL;
	}
}

/* -- frames -- */

static bool state_passes(u8 state, bool learning) { return state == BR_STATE_FORWARDING || (learning && state == BR_STATE_LEARNING); }

static u8 pvid_state(const struct br_vlans *vs)
{
	const struct br_vlan *v = br_vlan_find(vs, vs->pvid);
	return v ? v->state : BR_STATE_DISABLED;
}

static bool drop(struct cpu *cpu, struct sk_buff *skb)
{
	skb_drop(cpu, skb, SKB_DROP_REASON_BRIDGE_VLAN_FILTER);
	return false;
}

/* A tag of the other protocol is payload: back into the frame. */
static bool put_back(struct cpu *cpu, struct sk_buff *skb)
{
	skb_push(skb, ETH_HDR_LEN);
	if (!vlan_insert(cpu, skb))
		return false;
	skb_pull(skb, ETH_HDR_LEN);
	skb_reset_network_header(skb);
	return true;
}

bool br_vlan_ingress(struct cpu *cpu, struct bridge *br, const struct br_vlans *vs, struct sk_buff *skb, u16 *vid, u8 *state)
{
	struct br_vlan *v;
	*vid = 0;
	if (likely(!br->vlan_filtering))
		return true;
	if (unlikely(!vlan_tag_present(skb) && be16_eq(skb->protocol, br->vlan_proto))) {
		if (!vlan_untag(cpu, skb))
			return false;
		skb_reset_network_header(skb);
	}
	if (unlikely(vlan_tag_present(skb) && !be16_eq(skb->vlan_proto, br->vlan_proto)) && !put_back(cpu, skb)) {
		skb_drop(cpu, skb, SKB_DROP_REASON_NOMEM);
		return false;
	}
	if (vlan_tag_present(skb))
		*vid = skb->vlan_tci & VLAN_VID_MASK;
	if (!*vid) { /* no tag, or one with a priority alone */
		if (!vs->pvid)
			return drop(cpu, skb);
		*vid = vs->pvid;
		if (!vlan_tag_present(skb)) {
			skb->vlan_proto = br->vlan_proto;
			skb->vlan_tci = 0;
		}
		skb->vlan_tci |= *vid;
	}
	v = br_vlan_find(vs, *vid);
	if (unlikely(!v || !br_vlan_is_member(v)))
		return drop(cpu, skb);
	if (*state == BR_STATE_FORWARDING) {
		*state = v->state;
		if (unlikely(!state_passes(*state, true)))
			return drop(cpu, skb);
	}
	if (br->vlan_stats) {
		v->stats->rx_bytes += skb->len;
		v->stats->rx_packets++;
	}
	return true;
}

bool br_vlan_egress_ok(const struct bridge *br, const struct br_vlans *vs, const struct sk_buff *skb)
{
	const struct br_vlan *v;
	if (likely(!br->vlan_filtering))
		return true;
	v = br_vlan_find(vs, vlan_tag_present(skb) ? skb->vlan_tci & VLAN_VID_MASK : 0);
	return v && br_vlan_is_member(v) && state_passes(v->state, false);
}

bool br_vlan_egress(const struct bridge *br, const struct br_vlans *vs, struct sk_buff *skb)
{
	struct br_vlan *v;
	if (likely(!br->vlan_filtering))
		return true;
	v = br_vlan_find(vs, vlan_tag_present(skb) ? skb->vlan_tci & VLAN_VID_MASK : 0);
	if (unlikely(!v || !br_vlan_is_member(v)))
		return false;
	if (br->vlan_stats) {
		v->stats->tx_bytes += skb->len;
		v->stats->tx_packets++;
	}
	if (v->flags & BRIDGE_VLAN_INFO_UNTAGGED) {
		skb->vlan_proto = (be16){ 0 };
		skb->vlan_tci = 0;
	}
	return true;
}

u16 br_vlan_of(const struct bridge *br, const struct br_vlans *vs, const struct sk_buff *skb)
{
	const struct br_vlan *v;
	u16 vid = 0;
	if (!br->vlan_filtering)
		return 0;
	if (vlan_tag_present(skb) && be16_eq(skb->vlan_proto, br->vlan_proto))
		vid = skb->vlan_tci & VLAN_VID_MASK;
	if (!vid)
		return vs->pvid && state_passes(pvid_state(vs), true) ? vs->pvid : 0xffff;
	v = br_vlan_find(vs, vid);
	return v && state_passes(v->state, true) ? vid : 0xffff;
}

u16 br_vlan_forced_fwd_mask(const struct bridge *br)
{
	return br->vlan_filtering && be16_eq(br->vlan_proto, BE16(ETH_P_8021AD)) ? PROVIDER_FWD_MASK : 0;
}

/* -- membership: all batons held -- */

void br_vlan_tell(struct cpu *cpu, struct net_device *dev, u16 from, u16 to, bool gone)
{
	br_tell(cpu, &(struct br_event){ .what = BR_EV_VLAN, .dev = dev, .vid = from, .vid_end = to, .vlan_gone = gone });
}

static bool set_flags(struct br_vlans *vs, struct br_vlan *v, u16 flags)
{
	u16 old = v->flags, pvid = vs->pvid;
	if (flags & BRIDGE_VLAN_INFO_PVID)
		vs->pvid = v->vid;
	else if (vs->pvid == v->vid)
		vs->pvid = 0;
	v->flags = (u16)((v->flags & ~BRIDGE_VLAN_INFO_UNTAGGED) | (flags & BRIDGE_VLAN_INFO_UNTAGGED));
	return v->flags != old || vs->pvid != pvid;
}

static void master_put(struct bridge *br, struct br_vlan *m)
{
	if (!m->users && !(m->flags & BRIDGE_VLAN_INFO_BRENTRY))
		unlist_vlan(br_mem(br), &br->vlans, m);
}

static int new_vlan(struct bridge *br, struct br_vlans *vs, u16 vid, u16 flags, struct br_vlan **out)
{
	struct br_vlan *v = mem_zalloc(br_mem(br), sizeof(*v));
	int err;
	if (!v)
		return -ENOMEM;
	v->vid = vid;
	v->flags = flags;
	v->state = BR_STATE_FORWARDING;
	v->stats = &v->own;
	err = list_vlan(br_mem(br), vs, v);
	if (err)
		mem_free(br_mem(br), v);
	*out = v;
	return err;
}

/* The bridge becomes a member. */
static int join(struct bridge *br, struct br_vlan *v)
{
	int err = br_fdb_add_local(br, NULL, br->dev->dev_addr, v->vid);
	if (err == -ENOMEM)
		return err;
	v->flags |= BRIDGE_VLAN_INFO_BRENTRY;
	br->vlans.count++;
	return 0;
}

int br_vlan_add(struct bridge *br, u16 vid, u16 flags, bool *changed, struct nl_ext_ack *ack)
{
	struct br_vlan *v = br_vlan_find(&br->vlans, vid);
	bool fresh = !v;
	int err = 0;
	*changed = false;
	if (v && !br_vlan_is_member(v) && !(flags & BRIDGE_VLAN_INFO_BRENTRY))
		return -EINVAL;
	if (fresh)
		err = new_vlan(br, &br->vlans, vid, BRIDGE_VLAN_INFO_MASTER, &v);
	if (err)
		return err;
	if (flags & BRIDGE_VLAN_INFO_BRENTRY && !(v->flags & BRIDGE_VLAN_INFO_BRENTRY)) {
		err = join(br, v);
		if (err && fresh)
			unlist_vlan(br_mem(br), &br->vlans, v);
		if (err)
			return err;
		*changed = true;
	}
	*changed |= fresh;
	if (br_vlan_is_member(v))
		*changed |= set_flags(&br->vlans, v, flags);
	return 0;
}

static void leave(struct bridge *br, struct br_vlan *v)
{
	if (br->vlans.pvid == v->vid)
		br->vlans.pvid = 0;
	if (v->flags & BRIDGE_VLAN_INFO_BRENTRY) {
		v->flags &= (u16)~BRIDGE_VLAN_INFO_BRENTRY;
		br->vlans.count--;
	}
	master_put(br, v);
}

int br_vlan_del(struct bridge *br, u16 vid)
{
	struct br_vlan *v = br_vlan_find(&br->vlans, vid);
	if (!v || !(v->flags & BRIDGE_VLAN_INFO_BRENTRY))
		return -ENOENT;
	br_fdb_del_local(br, NULL, br->dev->dev_addr, vid);
	br_fdb_del_port(br, NULL, vid, false);
	leave(br, v);
	return 0;
}

int br_vlan_port_add(struct br_port *p, u16 vid, u16 flags, bool *changed, struct nl_ext_ack *ack)
{
	struct bridge *br = p->br;
	struct br_vlan *v = br_vlan_find(&p->vlans, vid), *m;
	bool bridge_changed;
	int err;
	*changed = false;
	if (v) {
		*changed = set_flags(&p->vlans, v, flags);
		return 0;
	}
	if (flags & BRIDGE_VLAN_INFO_MASTER) { /* the bridge as well */
		err = br_vlan_add(br, vid, flags | BRIDGE_VLAN_INFO_BRENTRY, &bridge_changed, ack);
		if (err)
			return err;
		if (bridge_changed)
			br_vlan_tell(br_home(br), br->dev, vid, vid, false);
	}
	m = br_vlan_find(&br->vlans, vid);
	if (!m) {
		err = new_vlan(br, &br->vlans, vid, BRIDGE_VLAN_INFO_MASTER, &m);
		if (err)
			return err;
	}
	err = new_vlan(br, &p->vlans, vid, 0, &v);
	if (!err) {
		m->users++;
		v->master = m;
		if (!br->vlan_stats_per_port)
			v->stats = &m->own;
		err = br_fdb_add_local(br, p, p->dev->dev_addr, vid);
		if (err) {
			m->users--;
			unlist_vlan(br_mem(br), &p->vlans, v);
		}
	}
	if (err) {
		master_put(br, m);
		return err;
	}
	p->vlans.count++;
	set_flags(&p->vlans, v, flags);
	*changed = true;
	return 0;
}

static void port_leave(struct br_port *p, struct br_vlan *v)
{
	struct br_vlan *m = v->master;
	if (p->vlans.pvid == v->vid)
		p->vlans.pvid = 0;
	p->vlans.count--;
	unlist_vlan(br_mem(p->br), &p->vlans, v);
	m->users--;
	master_put(p->br, m);
}

int br_vlan_port_del(struct br_port *p, u16 vid)
{
	struct br_vlan *v = br_vlan_find(&p->vlans, vid);
	if (!v)
		return -ENOENT;
	br_fdb_del_local(p->br, p, p->dev->dev_addr, vid);
	br_fdb_del_port(p->br, p, vid, false);
	port_leave(p, v);
	return 0;
}

int br_vlan_port_init(struct br_port *p)
{
	bool changed;
	int err;
	if (!p->br->default_pvid)
		return 0;
	err = br_vlan_port_add(p, p->br->default_pvid, BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED, &changed, NULL);
	if (!err)
		br_vlan_tell(br_home(p->br), p->dev, p->br->default_pvid, p->br->default_pvid, false);
	return err;
}

/* Tells of runs of ids as one. */
static void flush(struct bridge *br, struct net_device *dev, struct br_vlans *vs, struct br_port *p)
{
	struct br_vlan *v, *tmp;
	u16 from = 0, to = 0;
	list_for_each_safe(v, tmp, &vs->list, link) {
		u16 vid = v->vid;
		if (!p && !br_vlan_is_member(v))
			continue;
		if (p)
			port_leave(p, v);
		else
			leave(br, v);
		if (from && vid == to + 1) {
			to = vid;
			continue;
		}
		if (from)
			br_vlan_tell(br_home(br), dev, from, to, true);
		from = to = vid;
	}
	if (from)
		br_vlan_tell(br_home(br), dev, from, to, true);
}

void br_vlan_port_flush(struct br_port *p) { flush(p->br, p->dev, &p->vlans, p); }

void br_vlan_bridge_flush(struct bridge *br)
{
	struct br_vlan *v, *tmp;
	flush(br, br->dev, &br->vlans, NULL);
	list_for_each_safe(v, tmp, &br->vlans.list, link)
		unlist_vlan(br_mem(br), &br->vlans, v);
}

int br_vlan_bridge_init(struct bridge *br)
{
	bool changed;
	return br->default_pvid ? br_vlan_add(br, br->default_pvid, BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED | BRIDGE_VLAN_INFO_BRENTRY, &changed, NULL)
				: 0;
}

/* -- settings -- */

static bool is_default(const struct br_vlans *vs, u16 vid)
{
	const struct br_vlan *v = vid ? br_vlan_find(vs, vid) : NULL;
	return v && br_vlan_is_member(v) && vs->pvid == vid && v->flags & BRIDGE_VLAN_INFO_UNTAGGED;
}

static void forget_default(struct cpu *cpu, struct bridge *br)
{
	struct br_port *p;
	u16 old = br->default_pvid;
	if (is_default(&br->vlans, old)) {
		br_vlan_del(br, old);
		br_vlan_tell(cpu, br->dev, old, old, true);
	}
	br_for_each_port(p, br) {
		if (!is_default(&p->vlans, old))
			continue;
		br_vlan_port_del(p, old);
		br_vlan_tell(cpu, p->dev, old, old, true);
	}
	br->default_pvid = 0;
}

/* Where the old one stands as it was made, the new one takes its place; what somebody configured himself stays. */
int br_vlan_set_default_pvid(struct cpu *cpu, struct bridge *br, u16 pvid, struct nl_ext_ack *ack)
{
	const u16 flags = BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED;
	u16 old = br->default_pvid;
	struct br_port *p;
	struct br_vlan *v;
	bool changed;
	int err;
	if (pvid >= VLAN_VID_MASK)
		return -EINVAL;
	if (pvid == old)
		return 0;
	if (!pvid) {
		forget_default(cpu, br);
		return 0;
	}
	v = br_vlan_find(&br->vlans, pvid);
	if ((!old || is_default(&br->vlans, old)) && (!v || !br_vlan_is_member(v))) {
		err = br_vlan_add(br, pvid, flags | BRIDGE_VLAN_INFO_BRENTRY, &changed, ack);
		if (err)
			return err;
		if (!br_vlan_del(br, old))
			br_vlan_tell(cpu, br->dev, old, old, true);
		br_vlan_tell(cpu, br->dev, pvid, pvid, false);
	}
	br_for_each_port(p, br) {
		if ((old && !is_default(&p->vlans, old)) || br_vlan_find(&p->vlans, pvid))
			continue;
		err = br_vlan_port_add(p, pvid, flags, &changed, ack);
		if (err)
			return err;
		if (!br_vlan_port_del(p, old))
			br_vlan_tell(cpu, p->dev, old, old, true);
		br_vlan_tell(cpu, p->dev, pvid, pvid, false);
	}
	br->default_pvid = pvid;
	return 0;
}

/* Spanning tree of a provider's bridge has an address of its own. */
static void choose_group_addr(struct bridge *br)
{
	if (!br->group_addr_set)
		br->group_addr[5] = br_vlan_forced_fwd_mask(br) ? 0x08 : 0x00;
}

int br_vlan_set_protocol(struct bridge *br, be16 proto)
{
	if (!eth_type_is_vlan(proto))
		return -EPROTONOSUPPORT;
	br->vlan_proto = proto;
	choose_group_addr(br);
	return 0;
}

int br_vlan_set_filtering(struct cpu *cpu, struct bridge *br, bool on)
{
	if (br->vlan_filtering == on)
		return 0;
	br->vlan_filtering = on;
	br_manage_promisc(br);
	choose_group_addr(br);
	return 0;
}

int br_vlan_set_stats_per_port(struct bridge *br, bool on)
{
	const struct br_port *p;
	br_for_each_port(p, br)
		if (p->vlans.count)
			return -EBUSY;
	br->vlan_stats_per_port = on;
	return 0;
}

bool br_vlan_set_port_vlan_state(struct br_vlan *v, u8 state)
{
	bool changed = v->state != state;
	v->state = state;
	return changed;
}
