/* Files of bridges and ports in /sys: each is an attribute of rtnetlink (br_link.c, br_port_link.c) under another name, read and set the same way.
 * Documentation/ABI/testing/sysfs-class-net; brctl(8) reads them.
 */
#include "link/bridge/br_sysfs.h"

#include <stdlib.h>

#include "codec/netlink/nl_attr.h"
#include "link/bridge/br_mcast.h"

enum format { DEC, HEX, HEX4, ID, MAC, PORT, FLUSH, BOOLOPT };
struct file { const char *name; u16 attr; u8 format; bool read_only; };

static const struct file bridge_files[] = {
	{ "ageing_time", IFLA_BR_AGEING_TIME }, { "bridge_id", IFLA_BR_BRIDGE_ID, ID, true }, { "default_pvid", IFLA_BR_VLAN_DEFAULT_PVID },
	{ "flush", IFLA_BR_FDB_FLUSH, FLUSH }, { "forward_delay", IFLA_BR_FORWARD_DELAY }, { "gc_timer", IFLA_BR_GC_TIMER, DEC, true },
	{ "group_addr", IFLA_BR_GROUP_ADDR, MAC }, { "group_fwd_mask", IFLA_BR_GROUP_FWD_MASK, HEX },
	{ "hash_elasticity", IFLA_BR_MCAST_HASH_ELASTICITY }, { "hash_max", IFLA_BR_MCAST_HASH_MAX }, { "hello_time", IFLA_BR_HELLO_TIME },
	{ "hello_timer", IFLA_BR_HELLO_TIMER, DEC, true }, { "max_age", IFLA_BR_MAX_AGE }, { "multicast_igmp_version", IFLA_BR_MCAST_IGMP_VERSION },
	{ "multicast_last_member_count", IFLA_BR_MCAST_LAST_MEMBER_CNT }, { "multicast_last_member_interval", IFLA_BR_MCAST_LAST_MEMBER_INTVL },
	{ "multicast_membership_interval", IFLA_BR_MCAST_MEMBERSHIP_INTVL }, { "multicast_mld_version", IFLA_BR_MCAST_MLD_VERSION },
	{ "multicast_querier", IFLA_BR_MCAST_QUERIER }, { "multicast_querier_interval", IFLA_BR_MCAST_QUERIER_INTVL },
	{ "multicast_query_interval", IFLA_BR_MCAST_QUERY_INTVL }, { "multicast_query_response_interval", IFLA_BR_MCAST_QUERY_RESPONSE_INTVL },
	{ "multicast_query_use_ifaddr", IFLA_BR_MCAST_QUERY_USE_IFADDR }, { "multicast_router", IFLA_BR_MCAST_ROUTER },
	{ "multicast_snooping", IFLA_BR_MCAST_SNOOPING }, { "multicast_startup_query_count", IFLA_BR_MCAST_STARTUP_QUERY_CNT },
	{ "multicast_startup_query_interval", IFLA_BR_MCAST_STARTUP_QUERY_INTVL }, { "multicast_stats_enabled", IFLA_BR_MCAST_STATS_ENABLED },
	{ "nf_call_arptables", IFLA_BR_NF_CALL_ARPTABLES }, { "nf_call_ip6tables", IFLA_BR_NF_CALL_IP6TABLES },
	{ "nf_call_iptables", IFLA_BR_NF_CALL_IPTABLES }, { "no_linklocal_learn", IFLA_BR_MULTI_BOOLOPT, BOOLOPT }, { "priority", IFLA_BR_PRIORITY },
	{ "root_id", IFLA_BR_ROOT_ID, ID, true }, { "root_path_cost", IFLA_BR_ROOT_PATH_COST, DEC, true }, { "root_port", IFLA_BR_ROOT_PORT, DEC, true },
	{ "stp_state", IFLA_BR_STP_STATE }, { "tcn_timer", IFLA_BR_TCN_TIMER, DEC, true }, { "topology_change", IFLA_BR_TOPOLOGY_CHANGE, DEC, true },
	{ "topology_change_detected", IFLA_BR_TOPOLOGY_CHANGE_DETECTED, DEC, true },
	{ "topology_change_timer", IFLA_BR_TOPOLOGY_CHANGE_TIMER, DEC, true }, { "vlan_filtering", IFLA_BR_VLAN_FILTERING },
	{ "vlan_protocol", IFLA_BR_VLAN_PROTOCOL, HEX4 }, { "vlan_stats_enabled", IFLA_BR_VLAN_STATS_ENABLED },
	{ "vlan_stats_per_port", IFLA_BR_VLAN_STATS_PER_PORT },
};
static const struct file port_files[] = {
	{ "backup_port", IFLA_BRPORT_BACKUP_PORT, PORT }, { "bpdu_guard", IFLA_BRPORT_GUARD }, { "broadcast_flood", IFLA_BRPORT_BCAST_FLOOD },
	{ "change_ack", IFLA_BRPORT_TOPOLOGY_CHANGE_ACK, DEC, true }, { "config_pending", IFLA_BRPORT_CONFIG_PENDING, DEC, true },
	{ "designated_bridge", IFLA_BRPORT_BRIDGE_ID, ID, true }, { "designated_cost", IFLA_BRPORT_DESIGNATED_COST, DEC, true },
	{ "designated_port", IFLA_BRPORT_DESIGNATED_PORT, DEC, true }, { "designated_root", IFLA_BRPORT_ROOT_ID, ID, true },
	{ "flush", IFLA_BRPORT_FLUSH, FLUSH }, { "forward_delay_timer", IFLA_BRPORT_FORWARD_DELAY_TIMER, DEC, true },
	{ "group_fwd_mask", IFLA_BRPORT_GROUP_FWD_MASK, HEX }, { "hairpin_mode", IFLA_BRPORT_MODE }, { "hold_timer", IFLA_BRPORT_HOLD_TIMER, DEC, true },
	{ "isolated", IFLA_BRPORT_ISOLATED }, { "learning", IFLA_BRPORT_LEARNING }, { "message_age_timer", IFLA_BRPORT_MESSAGE_AGE_TIMER, DEC, true },
	{ "multicast_fast_leave", IFLA_BRPORT_FAST_LEAVE }, { "multicast_flood", IFLA_BRPORT_MCAST_FLOOD },
	{ "multicast_router", IFLA_BRPORT_MULTICAST_ROUTER }, { "multicast_to_unicast", IFLA_BRPORT_MCAST_TO_UCAST },
	{ "neigh_suppress", IFLA_BRPORT_NEIGH_SUPPRESS }, { "path_cost", IFLA_BRPORT_COST }, { "port_id", IFLA_BRPORT_ID, HEX, true },
	{ "port_no", IFLA_BRPORT_NO, HEX, true }, { "priority", IFLA_BRPORT_PRIORITY }, { "proxyarp", IFLA_BRPORT_PROXYARP },
	{ "proxyarp_wifi", IFLA_BRPORT_PROXYARP_WIFI }, { "root_block", IFLA_BRPORT_PROTECT }, { "state", IFLA_BRPORT_STATE, DEC, true },
	{ "unicast_flood", IFLA_BRPORT_UNICAST_FLOOD },
};

static const struct file *files(const struct net_device *dev, unsigned *n)
{
	bool bridge = dev_is_bridge(dev);
	*n = bridge ? ARRAY_SIZE(bridge_files) : br_port_of(dev) ? ARRAY_SIZE(port_files) : 0;
	return bridge ? bridge_files : port_files;
}

const char *br_sysfs_folder(const struct net_device *dev) { return dev_is_bridge(dev) ? "bridge" : br_port_of(dev) ? "brport" : NULL; }

const char *br_sysfs_name(const struct net_device *dev, unsigned i, u16 *mode)
{
	unsigned n;
	const struct file *f = files(dev, &n);
	if (i >= n)
		return NULL;
	*mode = f[i].format == FLUSH ? 0200 : f[i].read_only ? 0444 : 0644;
	return f[i].name;
}

static const struct file *find(const struct net_device *dev, const char *name)
{
	unsigned n;
	const struct file *f = files(dev, &n);
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(f[i].name, name))
			return &f[i];
	return NULL;
}

/* -- reading -- */

static u64 number(const struct nlattr *a)
{
	switch (nl_len(a)) {
	case 1: return nl_u8(a);
	case 2: return nl_u16(a);
	case 4: return nl_u32(a);
	default: return nl_u64(a);
	}
}

static void print(const struct net_device *dev, const struct file *f, const struct nlattr *a, struct strbuf *out)
{
	const u8 *p = a ? nl_data(a) : NULL;
	const struct br_port *port = br_port_of(dev);
	switch (f->format) {
	case DEC: strbuf_printf(out, "%llu\n", (unsigned long long)number(a)); break;
	case HEX: strbuf_printf(out, "0x%llx\n", (unsigned long long)number(a)); break;
	case HEX4: strbuf_printf(out, "0x%04x\n", be16_to_cpu((be16){ nl_u16(a) })); break;
	case ID: strbuf_printf(out, "%02x%02x.%02x%02x%02x%02x%02x%02x\n", p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]); break;
	case MAC: strbuf_printf(out, "%02x:%02x:%02x:%02x:%02x:%02x\n", p[0], p[1], p[2], p[3], p[4], p[5]); break;
	case PORT:
		if (port->backup)
			strbuf_printf(out, "%s\n", port->backup->dev->name);
		break;
	case BOOLOPT: strbuf_printf(out, "%u\n", br_of(dev)->no_linklocal_learn); break;
	default: break;
	}
}

int br_sysfs_show(const struct net_device *dev, const char *name, struct strbuf *out)
{
	const struct file *f = find(dev, name);
	bool bridge = dev_is_bridge(dev);
	struct nl_attrs a;
	struct nl_buf b;
	size_t at = NLMSG_HDRLEN;
	int err;
	if (!f)
		return -ENOENT;
	if (f->format == FLUSH)
		return -EACCES;
	nl_buf_init(&b, &dev->net->world->mem, 0);
	nl_begin(&b, 0, 0, 0, 0, 0);
	if (bridge)
		br_fill_info(dev, &b);
	else
		br_port_fill(dev->master, dev, &b);
	err = nl_end(&b);
	if (!err)
		err = nl_parse(b.data + at, b.len - at, &a, NL_ATTRS_MAX - 1, NULL, false, NULL);
	if (!err)
		print(dev, f, a.a[f->attr], out);
	nl_buf_fini(&b);
	return err;
}

/* -- writing -- */

static int parse_mac(const char *text, u8 *mac)
{
	for (unsigned i = 0; i < ETH_ADDR_LEN; i++) {
		char *end;
		unsigned long v = strtoul(text, &end, 16);
		if (end == text || v > 0xff || (i < 5 && *end != ':'))
			return -EINVAL;
		mac[i] = (u8)v;
		text = end + 1;
	}
	return 0;
}

static int put_number(struct nl_buf *b, const struct file *f, const struct nl_policy *policy, const char *text)
{
	char *end;
	u64 v = strtoul(text, &end, 0);
	if (end == text)
		return -EINVAL;
	if (f->format == HEX4)
		v = cpu_to_be16((u16)v).raw;
	switch (policy->type) {
	case NLP_U8: nl_put_u8(b, f->attr, v > 0xff ? 0xff : (u8)v); break;
	case NLP_U16: nl_put_u16(b, f->attr, (u16)v); break;
	case NLP_U32: nl_put_u32(b, f->attr, (u32)v); break;
	default: nl_put_u64(b, f->attr, v); break;
	}
	return 0;
}

static int put_value(struct nl_buf *b, struct net_device *dev, const struct file *f, const struct nl_policy *policy, const char *text)
{
	struct br_boolopt_multi opts = { 0, BIT(BR_BOOLOPT_NO_LL_LEARN) };
	struct net_device *other;
	char name[DEV_NAME_SIZE + 1] = "";
	u8 mac[ETH_ADDR_LEN];
	switch (f->format) {
	case FLUSH:
		nl_put_u8(b, f->attr, 1);
		return 0;
	case MAC:
		if (parse_mac(text, mac))
			return -EINVAL;
		nl_put(b, f->attr, mac, sizeof(mac));
		return 0;
	case BOOLOPT:
		opts.optval = strtoul(text, NULL, 0) ? opts.optmask : 0;
		nl_put(b, f->attr, &opts, sizeof(opts));
		return 0;
	case PORT:
		memcpy(name, text, MIN(strcspn(text, "\n"), (size_t)DEV_NAME_SIZE));
		other = *name ? dev_by_name(dev->net, name) : NULL;
		if (*name && !other)
			return -ENOENT;
		nl_put_u32(b, f->attr, other ? (u32)other->ifindex : 0);
		return 0;
	default:
		return put_number(b, f, policy, text);
	}
}

int br_sysfs_store(struct cpu *cpu, struct net_device *dev, const char *name, const char *text)
{
	const struct file *f = find(dev, name);
	bool bridge = dev_is_bridge(dev);
	const struct nl_policy *policy = bridge ? br_policy : br_port_policy;
	struct nl_attrs a;
	struct nl_buf b;
	size_t at = NLMSG_HDRLEN;
	int err;
	if (!f)
		return -ENOENT;
	if (f->read_only)
		return -EACCES;
	if (bridge && f->attr == IFLA_BR_VLAN_DEFAULT_PVID && br_of(dev)->vlan_filtering && strtoul(text, NULL, 0) != br_of(dev)->default_pvid) {
		world_log(cpu->world, 6, "Please disable vlan filtering to change default_pvid");
		return -EPERM; /* which rtnetlink does not say */
	}
	nl_buf_init(&b, &dev->net->world->mem, 0);
	nl_begin(&b, 0, 0, 0, 0, 0);
	err = put_value(&b, dev, f, &policy[f->attr], text);
	if (!err)
		err = nl_end(&b);
	if (!err)
		err = nl_parse(b.data + at, b.len - at, &a, bridge ? BR_IFLA_MAX : BR_IFLA_PORT_MAX, policy, false, NULL);
	if (!err)
		err = bridge ? br_changelink(cpu, dev, &a, NULL) : br_port_change(cpu, br_port_of(dev), &a, NULL);
	nl_buf_fini(&b);
	if (!err && !bridge)
		br_tell_port(cpu, br_port_of(dev));
	return err;
}

unsigned br_fdb_entries(const struct bridge *br, unsigned skip, struct __fdb_entry *out, unsigned max)
{
	const struct br_fdb *f;
	unsigned n = 0;
	list_for_each(f, &br->fdb_list, link) {
		u64 now = br_home(br)->now;
		if (n == max)
			break;
		if (!f->dst || br_fdb_expired(br, f) || (skip && skip--))
			continue;
		out[n] = (struct __fdb_entry){ .port_no = (u8)f->dst->port_no, .port_hi = (u8)(f->dst->port_no >> 8), .is_local = (f->flags & FDB_LOCAL) != 0 };
		memcpy(out[n].mac_addr, f->addr, ETH_ADDR_LEN);
		if (!(f->flags & FDB_STATIC))
			out[n].ageing_timer_value = br_ticks(now > f->updated ? now - f->updated : 0);
		n++;
	}
	return n;
}
