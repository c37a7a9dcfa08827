/* The socket options and ioctls of multicast forwarding (linux/mroute6.h), for a raw socket of IPPROTO_ICMPV6. What a request says wrong
 * is answered as Linux 6.18 does.
 */
#include <netinet/in.h>
#include <linux/mroute6.h>

#include "inet/ip4/ip4.h"
#include "inet/ip6/ip6_priv.h"
#include "inet/mroute/mroute.h"

enum { ENOIOCTLCMD_ = 515, VERSION = 0x0305 };

static struct mr_table *table_of(struct netns *net, const struct mr_user *u)
{
	return mr_table_find(net, &ip6_mr_family, *u->table ? *u->table : RT_TABLE_MAIN);
}

static int mif_add(struct cpu *cpu, struct mr_table *t, const struct mr_user *u, const void *val, u32 len)
{
	struct mif6ctl m;
	struct mr_vif_config c;
	if (len < sizeof(m))
		return -EINVAL;
	memcpy(&m, val, sizeof(m));
	if (m.mif6c_mifi >= MR_VIFS)
		return -ENFILE;
	c = (struct mr_vif_config){ .vif = m.mif6c_mifi, .flags = m.mif6c_flags, .threshold = m.vifc_threshold,
				    .rate_limit = m.vifc_rate_limit, .is_register = m.mif6c_flags == MIFF_REGISTER,
				    .dev = dev_by_index(t->net, m.mif6c_pifi), .is_static = t->sk != u->sk };
	if (m.mif6c_flags && !c.is_register)
		return t->vif[c.vif].dev ? -EADDRINUSE : -EINVAL;
	return mr_vif_add(cpu, t, &c);
}

static int mif_del(struct cpu *cpu, struct mr_table *t, const void *val, u32 len)
{
	mifi_t mif;
	if (len < sizeof(mif))
		return -EINVAL;
	memcpy(&mif, val, sizeof(mif));
	return mr_vif_del(cpu, t, mif);
}

static int entry_opt(struct cpu *cpu, struct mr_table *t, const struct mr_user *u, bool add, bool proxy, const void *val, u32 len)
{
	struct mf6cctl m;
	struct mr_entry_config c;
	u8 ttl[MR_VIFS];
	if (len < sizeof(m))
		return -EINVAL;
	memcpy(&m, val, sizeof(m));
	for (u32 i = 0; i < MR_VIFS; i++)
		ttl[i] = IF_ISSET(i, &m.mf6cc_ifset) ? 1 : MR_TTL_OFF;
	c = (struct mr_entry_config){ .origin = inaddr_from_v6(&m.mf6cc_origin.sin6_addr), .group = inaddr_from_v6(&m.mf6cc_mcastgrp.sin6_addr),
				      .parent = m.mf6cc_parent, .parent_given = proxy, .is_static = t->sk != u->sk, .ttl = ttl,
				      .nttl = MR_VIFS };
	return add ? mr_entry_set(cpu, t, &c) : mr_entry_del(cpu, t, &c);
}

static int table_opt(struct netns *net, struct mr_table *t, const struct mr_user *u, const void *val, u32 len)
{
	u32 id;
	if (len != sizeof(id))
		return -EINVAL;
	memcpy(&id, val, sizeof(id));
	if (id != RT_TABLE_DEFAULT && id >= 100000000) /* "pim6reg%u" would be too long a name */
		return -EINVAL;
	if (t->sk == u->sk)
		return -EBUSY;
	if (!mr_table_get_or_new(net, &ip6_mr_family, id))
		return -ENOMEM;
	*u->table = id;
	return 0;
}

static int int_opt(struct cpu *cpu, struct mr_table *t, int name, const void *val, u32 len)
{
	int v;
	if (len != sizeof(v))
		return -EINVAL;
	memcpy(&v, val, sizeof(v));
	switch (name) {
	case MRT6_FLUSH:
		mr_flush(cpu, t, v);
		return 0;
	case MRT6_ASSERT:
		t->do_assert = v;
		return 0;
	default: /* MRT6_PIM */
		if (t->do_pim != !!v) {
			t->do_pim = t->do_assert = v;
			t->do_wrvifwhole = v == MRT6MSG_WRMIFWHOLE;
		}
		return 0;
	}
}

int ip6_mroute_setsockopt(struct cpu *cpu, struct netns *net, const struct mr_user *u, int name, const void *val, u32 len)
{
	struct mr_table *t = table_of(net, u);
	if (!t)
		return -ENOENT;
	if (name != MRT6_INIT && t->sk != u->sk && !u->net_admin)
		return -EACCES;
	switch (name) {
	case MRT6_INIT:
		return len < sizeof(int) ? -EINVAL : mr_socket_take(cpu, t, u->sk);
	case MRT6_DONE:
		if (t->sk != u->sk)
			return -EACCES;
		mr_socket_leave(cpu, net, &ip6_mr_family, u->sk);
		return 0;
	case MRT6_ADD_MIF:
		return mif_add(cpu, t, u, val, len);
	case MRT6_DEL_MIF:
		return mif_del(cpu, t, val, len);
	case MRT6_ADD_MFC:
	case MRT6_DEL_MFC:
		return entry_opt(cpu, t, u, name == MRT6_ADD_MFC, false, val, len);
	case MRT6_ADD_MFC_PROXY:
	case MRT6_DEL_MFC_PROXY:
		return entry_opt(cpu, t, u, name == MRT6_ADD_MFC_PROXY, true, val, len);
	case MRT6_FLUSH:
	case MRT6_ASSERT:
	case MRT6_PIM:
		return int_opt(cpu, t, name, val, len);
	case MRT6_TABLE:
		return table_opt(net, t, u, val, len);
	default:
		return -ENOPROTOOPT;
	}
}

int ip6_mroute_getsockopt(struct netns *net, const struct mr_user *u, int name, int *val)
{
	const struct mr_table *t = table_of(net, u);
	if (!t)
		return -ENOENT;
	switch (name) {
	case MRT6_VERSION: *val = VERSION; return 0;
	case MRT6_PIM: *val = t->do_pim; return 0;
	case MRT6_ASSERT: *val = t->do_assert; return 0;
	default: return -ENOPROTOOPT;
	}
}

int ip6_mroute_ioctl(struct netns *net, const struct mr_user *u, unsigned cmd, void *arg, size_t len)
{
	const struct mr_table *t = table_of(net, u);
	struct sioc_mif_req6 v;
	struct sioc_sg_req6 sg;
	const struct mr_entry *e;
	if (cmd != SIOCGETMIFCNT_IN6 && cmd != SIOCGETSGCNT_IN6)
		return -ENOIOCTLCMD_;
	if (!t)
		return -ENOENT;
	if (cmd == SIOCGETMIFCNT_IN6) {
		if (len < sizeof(v))
			return -EFAULT;
		memcpy(&v, arg, sizeof(v));
		if (v.mifi >= t->nvifs)
			return -EINVAL;
		if (!t->vif[v.mifi].dev)
			return -EADDRNOTAVAIL;
		v.icount = t->vif[v.mifi].pkts_in;
		v.ocount = t->vif[v.mifi].pkts_out;
		v.ibytes = t->vif[v.mifi].bytes_in;
		v.obytes = t->vif[v.mifi].bytes_out;
		memcpy(arg, &v, sizeof(v));
		return 0;
	}
	if (len < sizeof(sg))
		return -EFAULT;
	memcpy(&sg, arg, sizeof(sg));
	struct inaddr origin = inaddr_from_v6(&sg.src.sin6_addr), group = inaddr_from_v6(&sg.grp.sin6_addr);
	e = mr_entry_find(t, &origin, &group, -1);
	if (!e)
		return -EADDRNOTAVAIL;
	sg.pktcnt = e->pkts;
	sg.bytecnt = e->bytes;
	sg.wrong_if = e->wrong_if;
	memcpy(arg, &sg, sizeof(sg));
	return 0;
}

void ip6_mroute_close(struct cpu *cpu, struct netns *net, struct sock *sk) { mr_socket_leave(cpu, net, &ip6_mr_family, sk); }
