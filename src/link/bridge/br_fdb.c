/* The forwarding database: by which port a station was last heard.
 *
 * Entries are looked up by address and VLAN (0 while the bridge does not filter). Those of frames are learned, and forgotten after the
 * ageing time (or the forward delay, while the topology changes); local ones are the ports' own addresses and the bridge's; the others are
 * an administrator's. The list has the newest first, as dumps show it. IEEE 802.1D 7.8, 7.9; bridge(8).
 */
#include <linux/neighbour.h>

#include "base/mem.h"
#include "link/bridge/bridge.h"

#define GC_MIN_NS (10 * NSEC_PER_MSEC)
#define GC_FIRST_NS (100 * NSEC_PER_MSEC)

static inline u32 hash(const struct bridge *br, const u8 *addr, u16 vid)
{
	return hash32_u64(eth_addr_u64(addr) << 16 | vid, (u32)br->dev->ifindex * 2654435761u + 0x66646221);
}

struct br_fdb *br_fdb_find(const struct bridge *br, const u8 *addr, u16 vid)
{
	struct br_fdb *f;
	htable_for_each_match(f, &br->fdb, hash(br, addr, vid), node)
		if (likely(eth_addr_eq(f->addr, addr) && f->vid == vid))
			return f;
	return NULL;
}

u64 br_hold_time(const struct bridge *br) { return br->topology_change ? br->forward_delay : br->ageing_time; }

bool br_fdb_expired(const struct bridge *br, const struct br_fdb *f)
{
	return !(f->flags & (FDB_STATIC | FDB_EXT_LEARN)) && f->updated + br_hold_time(br) <= br_home(br)->now;
}

static void tell(struct cpu *cpu, struct bridge *br, const struct br_fdb *f, bool gone)
{
	br_tell(cpu, &(struct br_event){ .what = gone ? BR_EV_FDB_DEL : BR_EV_FDB_NEW, .dev = br->dev, .fdb = f });
}

/* Ports that are not promiscuous filter by address: they must know what the bridge expects behind others. */
static void ports_addr(struct bridge *br, const u8 *addr, bool add)
{
	struct br_port *p;
	br_for_each_port(p, br) {
		if (p->flags & BRP_PROMISC)
			continue;
		if (add)
			dev_uc_add(p->dev, addr);
		else
			dev_uc_del(p->dev, addr);
	}
}

int br_fdb_sync_static(struct bridge *br, struct br_port *p)
{
	struct br_fdb *f;
	int err;
	list_for_each(f, &br->fdb_list, link) {
		if (!(f->flags & FDB_STATIC))
			continue;
		err = dev_uc_add(p->dev, f->addr);
		if (!err)
			continue;
		for (struct list *l = f->link.prev; l != &br->fdb_list; l = l->prev) {
			const struct br_fdb *done = container_of(l, struct br_fdb, link);
			if (done->flags & FDB_STATIC)
				dev_uc_del(p->dev, done->addr);
		}
		return err;
	}
	return 0;
}

void br_fdb_unsync_static(struct bridge *br, struct br_port *p)
{
	struct br_fdb *f;
	list_for_each(f, &br->fdb_list, link)
		if (f->flags & FDB_STATIC)
			dev_uc_del(p->dev, f->addr);
}

static struct br_fdb *create(struct cpu *cpu, struct bridge *br, struct br_port *p, const u8 *addr, u16 vid, u32 flags)
{
	bool learned = !(flags & (FDB_USER | FDB_LOCAL));
	struct br_fdb *f;
	if (learned && br->fdb_max_learned && br->fdb_learned >= br->fdb_max_learned)
		return NULL;
	f = mem_zalloc(br_mem(br), sizeof(*f));
	if (!f)
		return NULL;
	memcpy(f->addr, addr, ETH_ADDR_LEN);
	f->vid = vid;
	f->dst = p;
	f->flags = flags | (learned ? FDB_LEARNED : 0);
	f->updated = f->used = br_home(br)->now;
	br->fdb_learned += learned;
	list_add_head(&br->fdb_list, &f->link);
	htable_add(&br->fdb, &f->node, hash(br, addr, vid));
	return f;
}

void br_fdb_remove(struct cpu *cpu, struct bridge *br, struct br_fdb *f)
{
	if (f->flags & FDB_STATIC)
		ports_addr(br, f->addr, false);
	list_del(&f->link);
	htable_del(&br->fdb, &f->node);
	if (f->flags & FDB_LEARNED)
		br->fdb_learned--;
	tell(cpu, br, f, true);
	mem_free(br_mem(br), f);
}

/* -- of frames -- */

void br_fdb_learn(struct cpu *cpu, struct bridge *br, struct br_port *p, const u8 *addr, u16 vid, u32 flags)
{
	struct br_fdb *f;
	bool changed = false;
	if (unlikely(!br_hold_time(br))) /* everything is to be flooded */
		return;
	f = br_fdb_find(br, addr, vid);
	if (unlikely(!f)) {
		f = create(cpu, br, p, addr, vid, flags);
		if (f)
			tell(cpu, br, f, false);
		return;
	}
	if (unlikely(f->flags & FDB_LOCAL)) {
		world_log_limited(cpu, 6, "%s: received packet on %s with own address as source address (addr:%02x:%02x:%02x:%02x:%02x:%02x, vlan:%u)",
				  br->dev->name, p->dev->name, addr[0], addr[1], addr[2], addr[3], addr[4], addr[5], vid);
		return;
	}
	f->updated = cpu->now;
	if (unlikely(f->flags & FDB_NOTIFY_INACTIVE)) {
		f->flags &= ~(u32)FDB_NOTIFY_INACTIVE;
		changed = true;
	}
	if (unlikely(f->dst != p && !(f->flags & FDB_STICKY))) {
		f->dst = p;
		f->flags &= ~(u32)(FDB_EXT_LEARN | FDB_LOCKED);
		changed = true;
	}
	if (unlikely(flags & FDB_USER))
		f->flags |= FDB_USER;
	if (unlikely(changed))
		tell(cpu, br, f, false);
}

static void gc(void *owner, struct timer *t)
{
	struct bridge *br = container_of(t, struct bridge, gc);
	struct br_fdb *f, *tmp;
	u64 hold = br_hold_time(br), now = br_home(br)->now, next = hold;
	list_for_each_safe(f, tmp, &br->fdb_list, link) {
		u64 end = f->updated + hold;
		if (f->flags & (FDB_STATIC | FDB_EXT_LEARN)) {
			if (!(f->flags & FDB_NOTIFY))
				continue;
			if (end > now) {
				next = MIN(next, end - now);
			} else if (!(f->flags & FDB_NOTIFY_INACTIVE)) {
				f->flags |= FDB_NOTIFY_INACTIVE;
				tell(owner, br, f, false);
			}
		} else if (end > now) {
			next = MIN(next, end - now);
		} else {
			br_fdb_remove(owner, br, f);
		}
	}
	if (dev_running(br->dev))
		br_arm(br, &br->gc, MAX(next, GC_MIN_NS));
}

void br_fdb_gc_now(struct bridge *br)
{
	br_arm(br, &br->gc, dev_running(br->dev) && !timer_armed(&br->gc) ? GC_FIRST_NS : 0);
}

/* -- local ones: all batons held -- */

int br_fdb_add_local(struct bridge *br, struct br_port *p, const u8 *addr, u16 vid)
{
	struct cpu *cpu = br_home(br);
	struct br_fdb *f;
	if (!eth_addr_is_valid(addr))
		return -EINVAL;
	f = br_fdb_find(br, addr, vid);
	if (f) {
		if (f->flags & FDB_LOCAL) /* several ports may have one address: the first one's */
			return 0;
		world_log(cpu->world, 6, "%s: adding interface %s with same address as a received packet (addr:%02x:%02x:%02x:%02x:%02x:%02x, vlan:%u)",
			  br->dev->name, p ? p->dev->name : br->dev->name, addr[0], addr[1], addr[2], addr[3], addr[4], addr[5], vid);
		br_fdb_remove(cpu, br, f);
	}
	f = create(cpu, br, p, addr, vid, FDB_LOCAL | FDB_STATIC);
	if (!f)
		return -ENOMEM;
	ports_addr(br, addr, true);
	tell(cpu, br, f, false);
	return 0;
}

/* A local entry goes, unless another port, or the bridge, has the address as well. */
static void drop_local(struct bridge *br, const struct br_port *p, struct br_fdb *f)
{
	struct br_port *other;
	const struct br_vlan *v;
	br_for_each_port(other, br) {
		if (other == p || !eth_addr_eq(other->dev->dev_addr, f->addr) || (f->vid && !br_vlan_find(&other->vlans, f->vid)))
			continue;
		f->dst = other;
		f->flags &= ~(u32)FDB_USER;
		return;
	}
	v = br_vlan_find(&br->vlans, f->vid);
	if (p && eth_addr_eq(br->dev->dev_addr, f->addr) && (!f->vid || (v && br_vlan_is_member(v)))) {
		f->dst = NULL;
		f->flags &= ~(u32)FDB_USER;
		return;
	}
	br_fdb_remove(br_home(br), br, f);
}

void br_fdb_del_local(struct bridge *br, const struct br_port *p, const u8 *addr, u16 vid)
{
	struct br_fdb *f = br_fdb_find(br, addr, vid);
	if (f && f->flags & FDB_LOCAL && !(f->flags & FDB_USER) && f->dst == p)
		drop_local(br, p, f);
}

void br_fdb_change_port_addr(struct br_port *p, const u8 *addr)
{
	struct bridge *br = p->br;
	struct br_fdb *f, *tmp;
	const struct br_vlan *v;
	list_for_each_safe(f, tmp, &br->fdb_list, link)
		if (f->dst == p && f->flags & FDB_LOCAL && !(f->flags & FDB_USER))
			drop_local(br, p, f);
	br_fdb_add_local(br, p, addr, 0);
	list_for_each(v, &p->vlans.list, link)
		br_fdb_add_local(br, p, addr, v->vid);
}

static void change_bridge_entry(struct bridge *br, const u8 *addr, u16 vid)
{
	struct br_fdb *f = br_fdb_find(br, br->dev->dev_addr, vid);
	if (f && f->flags & FDB_LOCAL && !f->dst && !(f->flags & FDB_USER))
		drop_local(br, NULL, f);
	br_fdb_add_local(br, NULL, addr, vid);
}

void br_fdb_change_bridge_addr(struct bridge *br, const u8 *addr)
{
	const struct br_vlan *v;
	change_bridge_entry(br, addr, 0);
	list_for_each(v, &br->vlans.list, link)
		if (br_vlan_is_member(v))
			change_bridge_entry(br, addr, v->vid);
}

void br_fdb_del_port(struct bridge *br, const struct br_port *p, u16 vid, bool all)
{
	struct br_fdb *f, *tmp;
	list_for_each_safe(f, tmp, &br->fdb_list, link) {
		if (f->dst != p || (!all && (f->flags & FDB_STATIC || (f->flags & FDB_EXT_LEARN) || (vid && f->vid != vid))))
			continue;
		if (f->flags & FDB_LOCAL)
			drop_local(br, p, f);
		else
			br_fdb_remove(br_home(br), br, f);
	}
}

void br_fdb_flush(struct bridge *br, const struct br_fdb_flush *w)
{
	struct br_fdb *f, *tmp;
	list_for_each_safe(f, tmp, &br->fdb_list, link) {
		s32 at = f->dst ? f->dst->dev->ifindex : br->dev->ifindex;
		if ((w->vid && f->vid != w->vid) || (w->ifindex && at != w->ifindex) || (w->mask && (f->flags & w->mask) != w->flags))
			continue;
		br_fdb_remove(br_home(br), br, f);
	}
}

/* -- an administrator's -- */

static int state_flags(u16 state, u32 *flags)
{
	*flags &= ~(u32)(FDB_LOCAL | FDB_STATIC);
	if (state & NUD_PERMANENT)
		*flags |= FDB_LOCAL | FDB_STATIC;
	else if (state & NUD_NOARP)
		*flags |= FDB_STATIC;
	return 0;
}

/* NTF_USE: as if a frame had come. */
static int use(struct cpu *cpu, struct bridge *br, struct br_port *p, const struct br_fdb_request *r)
{
	if (!p) {
		world_log(cpu->world, 6, "bridge: RTM_NEWNEIGH %s with invalid state %#x", br->dev->name, r->state);
		return -EINVAL;
	}
	if (p->state == BR_STATE_LEARNING || p->state == BR_STATE_FORWARDING)
		br_fdb_learn(br_home(br), br, p, r->addr, r->vid, FDB_USER);
	return 0;
}

/* NTF_EXT_LEARNED: somebody who learns outside tells what he learned. */
static int ext_learned(struct cpu *cpu, struct bridge *br, struct br_port *p, const struct br_fdb_request *r, bool locked)
{
	struct br_fdb *f = br_fdb_find(br, r->addr, r->vid);
	u32 flags = FDB_EXT_LEARN | FDB_USER | (locked ? FDB_LOCKED : 0);
	bool changed = false;
	if (!f) {
		if (!p)
			flags |= FDB_LOCAL;
		f = create(cpu, br, p, r->addr, r->vid, flags);
		if (!f)
			return -ENOMEM;
		tell(cpu, br, f, false);
		return 0;
	}
	if (locked && (!(f->flags & FDB_LOCKED) || f->flags & FDB_LOCAL))
		return -EINVAL;
	f->updated = br_home(br)->now;
	if (f->dst != p) {
		f->dst = p;
		changed = true;
	}
	if (f->flags & FDB_EXT_LEARN)
		f->used = br_home(br)->now;
	else
		changed = true;
	f->flags |= flags;
	if (!p)
		f->flags |= FDB_LOCAL;
	if (f->flags & FDB_LEARNED) {
		f->flags &= ~(u32)FDB_LEARNED;
		br->fdb_learned--;
	}
	if (changed)
		tell(cpu, br, f, false);
	return 0;
}

static bool activity(struct br_fdb *f, const struct br_fdb_request *r)
{
	u32 old = f->flags;
	if (!r->activity)
		return false;
	f->flags &= ~(u32)(FDB_NOTIFY | FDB_NOTIFY_INACTIVE);
	if (r->activity_bits & 1)
		f->flags |= FDB_NOTIFY;
	if (r->activity_bits & 2)
		f->flags |= FDB_NOTIFY_INACTIVE;
	return f->flags != old;
}

static int entry_add(struct cpu *cpu, struct bridge *br, struct br_port *p, const struct br_fdb_request *r, struct nl_ext_ack *ack)
{
	bool sticky = r->flags & NTF_STICKY, refresh = !r->norefresh, changed = false;
	struct br_fdb *f;
	u32 old;
	/* Where nothing is learned, nothing is added that looks learned. */
	if (p && !(r->state & (NUD_PERMANENT | NUD_NOARP)) && p->state != BR_STATE_LEARNING && p->state != BR_STATE_FORWARDING)
		return -EPERM;
	if (!p && !(r->state & NUD_PERMANENT)) {
		world_log(cpu->world, 6, "bridge: RTM_NEWNEIGH %s without NUD_PERMANENT", br->dev->name);
		return -EINVAL;
	}
	if (sticky && r->state & NUD_PERMANENT)
		return -EINVAL;
	f = br_fdb_find(br, r->addr, r->vid);
	if (!f) {
		if (!(r->nl_flags & NLM_F_CREATE))
			return -ENOENT;
		f = create(cpu, br, p, r->addr, r->vid, FDB_USER);
		if (!f)
			return -ENOMEM;
		changed = true;
	} else {
		if (r->nl_flags & NLM_F_EXCL)
			return -EEXIST;
		if (f->dst != p) {
			f->dst = p;
			changed = true;
		}
		f->flags |= FDB_USER;
		if (f->flags & FDB_LEARNED) {
			f->flags &= ~(u32)FDB_LEARNED;
			br->fdb_learned--;
		}
	}
	old = f->flags;
	state_flags(r->state, &f->flags);
	if ((old ^ f->flags) & FDB_STATIC)
		ports_addr(br, f->addr, f->flags & FDB_STATIC);
	f->flags = sticky ? f->flags | FDB_STICKY : f->flags & ~(u32)FDB_STICKY;
	f->flags &= ~(u32)FDB_LOCKED;
	changed |= old != f->flags;
	changed |= activity(f, r);
	f->used = br_home(br)->now;
	if (changed) {
		if (refresh)
			f->updated = br_home(br)->now;
		tell(cpu, br, f, false);
	}
	return 0;
}

static int request_add_one(struct cpu *cpu, struct bridge *br, struct br_port *p, const struct br_fdb_request *r, struct nl_ext_ack *ack)
{
	if (r->flags & NTF_USE)
		return use(cpu, br, p, r);
	if (r->flags & NTF_EXT_LEARNED) {
		if (!p && !(r->state & NUD_PERMANENT)) {
			NL_SET_ERR(ack, "bridge: FDB entry towards bridge must be permanent");
			return -EINVAL;
		}
		return ext_learned(cpu, br, p, r, false);
	}
	return entry_add(cpu, br, p, r, ack);
}

/* vid 0 means each VLAN of the port as well. */
int br_fdb_request_add(struct cpu *cpu, struct bridge *br, struct br_port *p, const struct br_fdb_request *r, struct nl_ext_ack *ack)
{
	const struct br_vlans *vs = p ? &p->vlans : &br->vlans;
	struct br_fdb_request each = *r;
	const struct br_vlan *v;
	int err;
	if (!(r->state & (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE))) {
		world_log(cpu->world, 6, "bridge: RTM_NEWNEIGH with invalid state %#x", r->state);
		return -EINVAL;
	}
	if (eth_addr_is_zero(r->addr)) {
		world_log(cpu->world, 6, "bridge: RTM_NEWNEIGH with invalid ether address");
		return -EINVAL;
	}
	if (r->ext_flags & 2 /* NTF_EXT_LOCKED */) {
		NL_SET_ERR(ack, "bridge: Cannot add FDB entry with \"locked\" flag set");
		return -EINVAL;
	}
	if (r->vid) {
		v = br_vlan_find(vs, r->vid);
		if (!v || !br_vlan_is_member(v)) {
			world_log(cpu->world, 6, "bridge: RTM_NEWNEIGH with unconfigured vlan %d on %s", r->vid, p ? p->dev->name : br->dev->name);
			return -EINVAL;
		}
		return request_add_one(cpu, br, p, r, ack);
	}
	err = request_add_one(cpu, br, p, r, ack);
	if (err || !vs->count)
		return err;
	list_for_each(v, &vs->list, link) {
		if (!br_vlan_is_member(v))
			continue;
		each.vid = v->vid;
		err = request_add_one(cpu, br, p, &each, ack);
		if (err)
			return err;
	}
	return 0;
}

static int request_del_one(struct cpu *cpu, struct bridge *br, const struct br_port *p, const u8 *addr, u16 vid)
{
	struct br_fdb *f = br_fdb_find(br, addr, vid);
	if (!f || f->dst != p)
		return -ENOENT;
	br_fdb_remove(cpu, br, f);
	return 0;
}

int br_fdb_request_del(struct cpu *cpu, struct bridge *br, const struct br_port *p, const u8 *addr, u16 vid)
{
	const struct br_vlans *vs = p ? &p->vlans : &br->vlans;
	const struct br_vlan *v;
	int err;
	if (vid) {
		v = br_vlan_find(vs, vid);
		if (!v || !br_vlan_is_member(v))
			return -EINVAL;
		return request_del_one(cpu, br, p, addr, vid);
	}
	err = request_del_one(cpu, br, p, addr, 0);
	list_for_each(v, &vs->list, link)
		if (br_vlan_is_member(v) && !request_del_one(cpu, br, p, addr, v->vid))
			err = 0;
	return err;
}

int br_fdb_init(struct bridge *br)
{
	list_init(&br->fdb_list);
	timer_init(&br->gc, gc);
	return htable_init(&br->fdb, br_mem(br), 64);
}

void br_fdb_fini(struct bridge *br)
{
	struct br_fdb *f, *tmp;
	timer_cancel(&br->gc);
	if (!br->fdb.buckets)
		return;
	list_for_each_safe(f, tmp, &br->fdb_list, link) {
		list_del(&f->link);
		htable_del(&br->fdb, &f->node);
		mem_free(br_mem(br), f);
	}
	htable_fini(&br->fdb);
}
