/* The socket options and ioctls of multicast forwarding (linux/mroute.h, linux/mroute6.h), for the raw socket of a routing program. Their
 * numbers are the same in both families; what their values look like is the family's (struct mr_family). What a request says wrong is
 * answered as Linux 6.18 does.
 */
#include <netinet/in.h>
#include <linux/mroute.h>

#include "core/netns.h"
#include "inet/mroute/mroute.h"

enum { ENOIOCTLCMD_ = 515, VERSION = 0x0305 };

struct counters { unsigned long packets, bytes, wrong_if; }; /* the end of struct sioc_sg_req and sioc_sg_req6 */

static struct mr_table *table_of(struct netns *net, const struct mr_family *f, const struct mr_user *u)
{
	return mr_table_find(net, f, *u->table ? *u->table : f->default_table);
}

static bool len_ok(const struct mr_family *f, u32 len, u32 wanted) { return f->exact_len ? len == wanted : len >= wanted; }

static int entry_opt(struct cpu *cpu, struct mr_table *t, const struct mr_user *u, bool add, bool proxy, const void *val, u32 len)
{
	struct mr_entry_config c = { .parent_given = proxy, .is_static = t->sk != u->sk, .nttl = MR_VIFS };
	u8 ttl[MR_VIFS];
	if (!len_ok(t->ops, len, t->ops->entry_len))
		return -EINVAL;
	t->ops->entry_read(val, &c, ttl);
	c.ttl = ttl;
	return add ? mr_entry_set(cpu, t, &c) : mr_entry_del(cpu, t, &c);
}

static int table_opt(struct netns *net, struct mr_table *t, const struct mr_user *u, const void *val, u32 len)
{
	bool too_long; /* the register device's name would be */
	u32 id;
	if (len != sizeof(id))
		return -EINVAL;
	memcpy(&id, val, sizeof(id));
	too_long = id != RT_TABLE_DEFAULT && id >= t->ops->table_max;
	if (t->sk == u->sk && !(too_long && t->ops->family == AF_INET6)) /* which Linux looks at first */
		return -EBUSY;
	if (too_long)
		return -EINVAL;
	if (!mr_table_get_or_new(net, t->ops, id))
		return -ENOMEM;
	*u->table = id;
	return 0;
}

/* The options that carry an int. */
static int int_opt(struct cpu *cpu, struct mr_table *t, int name, const void *val, u32 len)
{
	int v;
	if (len != sizeof(v))
		return -EINVAL;
	memcpy(&v, val, sizeof(v));
	switch (name) {
	case MRT_FLUSH:
		mr_flush(cpu, t, v);
		return 0;
	case MRT_ASSERT:
		t->do_assert = v;
		return 0;
	default: /* MRT_PIM */
		if (t->do_pim != !!v) {
			t->do_pim = t->do_assert = v;
			t->do_wrvifwhole = v == MR_WRVIFWHOLE;
		}
		return 0;
	}
}

int mr_setsockopt(struct cpu *cpu, struct netns *net, const struct mr_family *f, const struct mr_user *u, int name, const void *val, u32 len)
{
	struct mr_table *t = table_of(net, f, u);
	if (!t)
		return -ENOENT;
	if (name != MRT_INIT && t->sk != u->sk && !u->net_admin)
		return -EACCES;
	switch (name) {
	case MRT_INIT:
		return len_ok(f, len, sizeof(int)) ? mr_socket_take(cpu, t, u->sk) : -EINVAL;
	case MRT_DONE:
		if (t->sk != u->sk)
			return -EACCES;
		mr_socket_leave(cpu, net, f, u->sk);
		return 0;
	case MRT_ADD_VIF:
	case MRT_DEL_VIF:
		return f->vif_opt(cpu, t, t->sk != u->sk, name == MRT_ADD_VIF, val, len);
	case MRT_ADD_MFC:
	case MRT_DEL_MFC:
		return entry_opt(cpu, t, u, name == MRT_ADD_MFC, false, val, len);
	case MRT_ADD_MFC_PROXY:
	case MRT_DEL_MFC_PROXY:
		return entry_opt(cpu, t, u, name == MRT_ADD_MFC_PROXY, true, val, len);
	case MRT_FLUSH:
	case MRT_ASSERT:
	case MRT_PIM:
		return int_opt(cpu, t, name, val, len);
	case MRT_TABLE:
		return table_opt(net, t, u, val, len);
	default:
		return -ENOPROTOOPT;
	}
}

int mr_getsockopt(struct netns *net, const struct mr_family *f, const struct mr_user *u, int name, int *val)
{
	const struct mr_table *t = table_of(net, f, u);
	if (!t)
		return -ENOENT;
	switch (name) {
	case MRT_VERSION: *val = VERSION; return 0;
	case MRT_PIM: *val = t->do_pim; return 0;
	case MRT_ASSERT: *val = t->do_assert; return 0;
	default: return -ENOPROTOOPT;
	}
}

static int vif_counters(const struct mr_table *t, void *arg, size_t len)
{
	struct sioc_vif_req v; /* sioc_mif_req6 is the same */
	const struct mr_vif *vif;
	if (len < sizeof(v))
		return -EFAULT;
	memcpy(&v, arg, sizeof(v));
	if (v.vifi >= t->nvifs)
		return -EINVAL;
	vif = &t->vif[v.vifi];
	if (!vif->dev)
		return -EADDRNOTAVAIL;
	v.icount = vif->pkts_in;
	v.ocount = vif->pkts_out;
	v.ibytes = vif->bytes_in;
	v.obytes = vif->bytes_out;
	memcpy(arg, &v, sizeof(v));
	return 0;
}

static int entry_counters(const struct mr_table *t, void *arg, size_t len)
{
	struct inaddr origin, group;
	struct counters c;
	const struct mr_entry *e;
	if (len < t->ops->sg_len)
		return -EFAULT;
	t->ops->sg_read(arg, &origin, &group);
	e = mr_entry_find(t, &origin, &group, -1);
	if (!e)
		return -EADDRNOTAVAIL;
	c = (struct counters){ e->pkts, e->bytes, e->wrong_if };
	memcpy((u8 *)arg + t->ops->sg_len - sizeof(c), &c, sizeof(c));
	return 0;
}

int mr_ioctl(struct netns *net, const struct mr_family *f, const struct mr_user *u, unsigned cmd, void *arg, size_t len)
{
	const struct mr_table *t = table_of(net, f, u);
	if (cmd != SIOCGETVIFCNT && cmd != SIOCGETSGCNT)
		return -ENOIOCTLCMD_;
	if (!t)
		return -ENOENT;
	return cmd == SIOCGETVIFCNT ? vif_counters(t, arg, len) : entry_counters(t, arg, len);
}
