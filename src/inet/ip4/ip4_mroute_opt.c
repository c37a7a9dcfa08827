/* The socket options and ioctls of multicast forwarding (linux/mroute.h), for a raw socket of IPPROTO_IGMP. What a request says wrong is
 * answered as Linux 6.18 does.
 */
#include <netinet/in.h>
#include <linux/mroute.h>

#include "inet/ip4/ip4_priv.h"
#include "inet/mroute/mroute.h"

enum { ENOIOCTLCMD_ = 515, VERSION = 0x0305 };

static struct mr_table *table_of(struct netns *net, const struct mr_user *u)
{
	return mr_table_find(net, &ip4_mr_family, *u->table ? *u->table : RT_TABLE_DEFAULT);
}

static int vif_add(struct cpu *cpu, struct mr_table *t, const struct mr_user *u, const struct vifctl *v)
{
	struct mr_vif_config c = { .vif = v->vifc_vifi, .flags = v->vifc_flags, .threshold = v->vifc_threshold, .rate_limit = v->vifc_rate_limit,
				   .local = { v->vifc_lcl_addr.s_addr }, .remote = { v->vifc_rmt_addr.s_addr }, .is_static = t->sk != u->sk };
	switch (v->vifc_flags) {
	case VIFF_REGISTER:
		c.is_register = true;
		break;
	case VIFF_TUNNEL: /* of DVMRP's time: no kernel without tunl0 makes one */
		return t->vif[c.vif].dev ? -EADDRINUSE : -ENOBUFS;
	case VIFF_USE_IFINDEX:
		c.dev = dev_by_index(t->net, v->vifc_lcl_ifindex);
		c.local = (be32){ (u32)v->vifc_lcl_ifindex };
		break;
	case 0:
		c.dev = ip4_dev_by_addr(t->net, c.local);
		break;
	default:
		return t->vif[c.vif].dev ? -EADDRINUSE : -EINVAL;
	}
	return mr_vif_add(cpu, t, &c);
}

static int vif_opt(struct cpu *cpu, struct mr_table *t, const struct mr_user *u, bool add, const void *val, u32 len)
{
	struct vifctl v;
	if (len != sizeof(v))
		return -EINVAL;
	memcpy(&v, val, sizeof(v));
	if (v.vifc_vifi >= MR_VIFS)
		return -ENFILE;
	return add ? vif_add(cpu, t, u, &v) : mr_vif_del(cpu, t, v.vifc_vifi);
}

static int entry_opt(struct cpu *cpu, struct mr_table *t, const struct mr_user *u, bool add, bool proxy, const void *val, u32 len)
{
	struct mfcctl m;
	struct mr_entry_config c;
	if (len != sizeof(m))
		return -EINVAL;
	memcpy(&m, val, sizeof(m));
	c = (struct mr_entry_config){ .origin = inaddr_from_v4((be32){ m.mfcc_origin.s_addr }),
				      .group = inaddr_from_v4((be32){ m.mfcc_mcastgrp.s_addr }), .parent = m.mfcc_parent,
				      .parent_given = proxy, .is_static = t->sk != u->sk, .ttl = m.mfcc_ttls, .nttl = MAXVIFS };
	return add ? mr_entry_set(cpu, t, &c) : mr_entry_del(cpu, t, &c);
}

static int table_opt(struct netns *net, struct mr_table *t, const struct mr_user *u, const void *val, u32 len)
{
	u32 id;
	if (len != sizeof(id))
		return -EINVAL;
	memcpy(&id, val, sizeof(id));
	if (t->sk == u->sk)
		return -EBUSY;
	if (id != RT_TABLE_DEFAULT && id >= 1000000000) /* "pimreg%u" would be too long a name */
		return -EINVAL;
	if (!mr_table_get_or_new(net, &ip4_mr_family, id))
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
			t->do_wrvifwhole = v == IGMPMSG_WRVIFWHOLE;
		}
		return 0;
	}
}

int ip4_mroute_setsockopt(struct cpu *cpu, struct netns *net, const struct mr_user *u, int name, const void *val, u32 len)
{
	struct mr_table *t = table_of(net, u);
	if (!t)
		return -ENOENT;
	if (name != MRT_INIT && t->sk != u->sk && !u->net_admin)
		return -EACCES;
	switch (name) {
	case MRT_INIT:
		return len != sizeof(int) ? -EINVAL : mr_socket_take(cpu, t, u->sk);
	case MRT_DONE:
		if (t->sk != u->sk)
			return -EACCES;
		mr_socket_leave(cpu, net, &ip4_mr_family, u->sk);
		return 0;
	case MRT_ADD_VIF:
	case MRT_DEL_VIF:
		return vif_opt(cpu, t, u, name == MRT_ADD_VIF, val, len);
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

int ip4_mroute_getsockopt(struct netns *net, const struct mr_user *u, int name, int *val)
{
	const struct mr_table *t = table_of(net, u);
	if (!t)
		return -ENOENT;
	switch (name) {
	case MRT_VERSION: *val = VERSION; return 0;
	case MRT_PIM: *val = t->do_pim; return 0;
	case MRT_ASSERT: *val = t->do_assert; return 0;
	default: return -ENOPROTOOPT;
	}
}

int ip4_mroute_ioctl(struct netns *net, const struct mr_user *u, unsigned cmd, void *arg, size_t len)
{
	const struct mr_table *t = table_of(net, u);
	struct sioc_vif_req v;
	struct sioc_sg_req sg;
	const struct mr_entry *e;
	if (cmd != SIOCGETVIFCNT && cmd != SIOCGETSGCNT)
		return -ENOIOCTLCMD_;
	if (!t)
		return -ENOENT;
	if (cmd == SIOCGETVIFCNT) {
		if (len < sizeof(v))
			return -EFAULT;
		memcpy(&v, arg, sizeof(v));
		if (v.vifi >= t->nvifs)
			return -EINVAL;
		if (!t->vif[v.vifi].dev)
			return -EADDRNOTAVAIL;
		v.icount = t->vif[v.vifi].pkts_in;
		v.ocount = t->vif[v.vifi].pkts_out;
		v.ibytes = t->vif[v.vifi].bytes_in;
		v.obytes = t->vif[v.vifi].bytes_out;
		memcpy(arg, &v, sizeof(v));
		return 0;
	}
	if (len < sizeof(sg))
		return -EFAULT;
	memcpy(&sg, arg, sizeof(sg));
	struct inaddr origin = inaddr_from_v4((be32){ sg.src.s_addr }), group = inaddr_from_v4((be32){ sg.grp.s_addr });
	e = mr_entry_find(t, &origin, &group, -1);
	if (!e)
		return -EADDRNOTAVAIL;
	sg.pktcnt = e->pkts;
	sg.bytecnt = e->bytes;
	sg.wrong_if = e->wrong_if;
	memcpy(arg, &sg, sizeof(sg));
	return 0;
}

void ip4_mroute_close(struct cpu *cpu, struct netns *net, struct sock *sk) { mr_socket_leave(cpu, net, &ip4_mr_family, sk); }
