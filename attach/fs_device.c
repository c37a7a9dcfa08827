/* The attributes of a device under /sys/devices/virtual/net/NAME, by table.
 *
 * What exists, its mode, its text and its errors are those of Linux's sysfs. Attributes that tune what is not built say so when
 * written (EOPNOTSUPP) unless the value is the one that holds. All batons are held.
 */
#include <linux/if.h>
#include <stdio.h>
#include <stdlib.h>

#include "attach/fs_tree.h"
#include "link/bridge/br_sysfs.h"
#include "link/ethtool.h"
#include "link/netdevice.h"
#include "sock/tun/tun.h"

struct attribute {
	const char *name;
	u16 mode;
	int (*show)(const struct net_device *dev, struct strbuf *out); /* without the newline */
	int (*store)(struct cpu *cpu, struct net_device *dev, const char *text, size_t len);
	const struct link_kind *kind; /* only devices of this kind have it; NULL: all */
};

static bool is_up(const struct net_device *dev) { return dev->flags & IFF_UP; }

#define SHOW(name, fmt, value)                                                                                         \
	static int show_##name(const struct net_device *dev, struct strbuf *out)                                       \
	{                                                                                                              \
		strbuf_printf(out, fmt, value);                                                                        \
		return 0;                                                                                              \
	}
/* Attributes that a device has only while it is up. */
#define SHOW_UP(name, fmt, value)                                                                                      \
	static int show_##name(const struct net_device *dev, struct strbuf *out)                                       \
	{                                                                                                              \
		if (!is_up(dev))                                                                                       \
			return -EINVAL;                                                                                \
		strbuf_printf(out, fmt, value);                                                                        \
		return 0;                                                                                              \
	}

SHOW(addr_assign_type, "%u", dev->addr_assign_type)
SHOW(addr_len, "%u", dev->addr_len)
SHOW(carrier_changes, "%u", dev->carrier_up_count + dev->carrier_down_count)
SHOW(carrier_down_count, "%u", dev->carrier_down_count)
SHOW(carrier_up_count, "%u", dev->carrier_up_count)
SHOW(flags, "0x%x", dev->flags)
SHOW(ifalias, "%s", dev->alias ? dev->alias : "")
SHOW(ifindex, "%d", dev->ifindex)
SHOW(iflink, "%d", dev->ops->iflink ? dev->ops->iflink(dev) : dev->ifindex)
SHOW(link_mode, "%u", dev->link_mode)
SHOW(mtu, "%u", dev->mtu)
SHOW(name_assign_type, "%u", dev->kind ? 3u : 2u) /* a user named it; the system always names lo so */
SHOW(netdev_group, "%u", dev->group)
SHOW(tun_flags, "0x%x", tun_of(dev)->flags)
SHOW(tun_group, "%d", tun_of(dev)->group)
SHOW(tun_owner, "%d", tun_of(dev)->owner)
SHOW(tx_queue_len, "%u", dev->tx_queue_len)
SHOW(type, "%u", dev->type)
SHOW(uevent, "INTERFACE=%s", dev->name)
SHOW(zero, "%d", 0 * dev->ifindex)
SHOW(hex_zero, "0x%x", 0u * dev->mtu)
SHOW_UP(carrier, "%d", dev->carrier)
SHOW_UP(dormant, "%d", dev->operstate == IF_OPER_DORMANT)
SHOW_UP(testing, "%d", dev->operstate == IF_OPER_TESTING)

static int show_mac(const struct net_device *dev, const u8 *a, struct strbuf *out)
{
	for (unsigned i = 0; i < dev->addr_len; i++)
		strbuf_printf(out, "%s%02x", i ? ":" : "", a[i]);
	return 0;
}

static int show_address(const struct net_device *dev, struct strbuf *out) { return show_mac(dev, dev->dev_addr, out); }
static int show_broadcast(const struct net_device *dev, struct strbuf *out) { return show_mac(dev, dev->broadcast, out); }

static int show_operstate(const struct net_device *dev, struct strbuf *out)
{
	static const char *const name[] = { "unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up" };
	u8 state = is_up(dev) ? dev->operstate : (u8)IF_OPER_DOWN;

	if (state >= ARRAY_SIZE(name))
		return -EINVAL;
	strbuf_printf(out, "%s", name[state]);
	return 0;
}

static int show_speed(const struct net_device *dev, struct strbuf *out)
{
	struct dev_link_settings s;

	if (!is_up(dev) || dev_link_settings(dev, &s))
		return -EINVAL;
	strbuf_printf(out, "%d", (s32)s.speed);
	return 0;
}

static int show_duplex(const struct net_device *dev, struct strbuf *out)
{
	struct dev_link_settings s;

	if (!is_up(dev) || dev_link_settings(dev, &s))
		return -EINVAL;
	strbuf_printf(out, "%s", s.duplex == DUPLEX_FULL ? "full" : s.duplex == DUPLEX_HALF ? "half" : "unknown");
	return 0;
}

static int parse(const char *text, u64 max, u64 *out)
{
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	*out = strtoull(text, &end, 0);
	if (*end == '\n')
		end++;
	if (*end)
		return -EINVAL;
	return errno || *out > max ? -ERANGE : 0;
}

static int store_mtu(struct cpu *cpu, struct net_device *dev, const char *text, size_t len)
{
	u64 v;
	int e = parse(text, INT32_MAX, &v);

	return e ? e : dev_set_mtu(cpu, dev, (u32)v, NULL);
}

static int store_flags(struct cpu *cpu, struct net_device *dev, const char *text, size_t len)
{
	u64 v;
	int e = parse(text, UINT32_MAX, &v);

	return e ? e : dev_change_flags(cpu, dev, (u32)v, NULL);
}

static int store_tx_queue_len(struct cpu *cpu, struct net_device *dev, const char *text, size_t len)
{
	u64 v;
	int e = parse(text, UINT32_MAX, &v);

	return e ? e : dev_set_tx_queue_len(cpu, dev, (u32)v);
}

static int store_group(struct cpu *cpu, struct net_device *dev, const char *text, size_t len)
{
	u64 v;
	int e = parse(text, INT32_MAX, &v);

	return e ? e : dev_set_group(cpu, dev, (u32)v);
}

static int store_alias(struct cpu *cpu, struct net_device *dev, const char *text, size_t len)
{
	if (len && text[len - 1] == '\n')
		len--;
	return dev_set_alias(cpu, dev, text, len);
}

/* No driver here lets its carrier be set by this file. */
static int store_carrier(struct cpu *cpu, struct net_device *dev, const char *text, size_t len)
{
	return is_up(dev) ? -EOPNOTSUPP : -EINVAL;
}

static int store_zero(struct cpu *cpu, struct net_device *dev, const char *text, size_t len)
{
	u64 v;
	int e = parse(text, UINT64_MAX, &v);

	return e ? e : v ? -EOPNOTSUPP : 0;
}

static int store_never(struct cpu *cpu, struct net_device *dev, const char *text, size_t len) { return -EOPNOTSUPP; }

static const struct attribute attributes[] = {
	{ "addr_assign_type", 0444, show_addr_assign_type, NULL },
	{ "addr_len", 0444, show_addr_len, NULL },
	{ "address", 0444, show_address, NULL },
	{ "broadcast", 0444, show_broadcast, NULL },
	{ "carrier", 0644, show_carrier, store_carrier },
	{ "carrier_changes", 0444, show_carrier_changes, NULL },
	{ "carrier_down_count", 0444, show_carrier_down_count, NULL },
	{ "carrier_up_count", 0444, show_carrier_up_count, NULL },
	{ "dev_id", 0444, show_hex_zero, NULL },
	{ "dev_port", 0444, show_zero, NULL },
	{ "dormant", 0444, show_dormant, NULL },
	{ "duplex", 0444, show_duplex, NULL },
	{ "flags", 0644, show_flags, store_flags },
	{ "gro_flush_timeout", 0644, show_zero, store_zero },
	{ "group", 0444, show_tun_group, NULL, &link_kind_tun },
	{ "ifalias", 0644, show_ifalias, store_alias },
	{ "ifindex", 0444, show_ifindex, NULL },
	{ "iflink", 0444, show_iflink, NULL },
	{ "link_mode", 0444, show_link_mode, NULL },
	{ "mtu", 0644, show_mtu, store_mtu },
	{ "name_assign_type", 0444, show_name_assign_type, NULL },
	{ "napi_defer_hard_irqs", 0644, show_zero, store_zero },
	{ "netdev_group", 0644, show_netdev_group, store_group },
	{ "operstate", 0444, show_operstate, NULL },
	{ "owner", 0444, show_tun_owner, NULL, &link_kind_tun },
	{ "proto_down", 0644, show_zero, store_never },
	{ "speed", 0444, show_speed, NULL },
	{ "testing", 0444, show_testing, NULL },
	{ "threaded", 0644, show_zero, store_zero },
	{ "tun_flags", 0444, show_tun_flags, NULL, &link_kind_tun },
	{ "tx_queue_len", 0644, show_tx_queue_len, store_tx_queue_len },
	{ "type", 0444, show_type, NULL },
	{ "uevent", 0644, show_uevent, store_never },
};

#define NO_COUNTER SIZE_MAX /* a counter that nothing here can raise */
static const struct {
	const char *name;
	size_t offset;
} statistics[] = {
#define S(name) { #name, offsetof(struct dev_stats, name) }
	S(collisions), S(multicast), S(rx_bytes), { "rx_compressed", NO_COUNTER }, S(rx_crc_errors), S(rx_dropped), S(rx_errors),
	S(rx_fifo_errors), S(rx_frame_errors), S(rx_length_errors), S(rx_missed_errors), S(rx_nohandler), S(rx_over_errors), S(rx_packets),
	S(tx_aborted_errors), S(tx_bytes), S(tx_carrier_errors), { "tx_compressed", NO_COUNTER }, S(tx_dropped), S(tx_errors),
	S(tx_fifo_errors), { "tx_heartbeat_errors", NO_COUNTER }, S(tx_packets), { "tx_window_errors", NO_COUNTER },
#undef S
};

/* A queue's files: those of a kernel without RPS and XPS. */
static const char *const tx_queue_files[] = { "traffic_class", "tx_maxrate", "tx_timeout" };

/* -- paths below the device -- */

/* "queues/tx-3/…": which queue, and what is behind it; false: no such queue. */
static bool queue_of(const struct net_device *dev, const char *path, bool *tx, const char **rest)
{
	unsigned n;
	int used = 0;

	if (sscanf(path, "queues/rx-%u%n", &n, &used) == 1 && used)
		*tx = false;
	else if (sscanf(path, "queues/tx-%u%n", &n, &used) == 1 && used)
		*tx = true;
	else
		return false;
	*rest = path + used;
	if (**rest == '/')
		++*rest;
	else if (**rest)
		return false;
	return n < (*tx ? dev->real_tx_queues : dev->real_rx_queues);
}

static bool has(const struct net_device *dev, const struct attribute *a) { return !a->kind || a->kind == dev->kind; }

static const struct attribute *find_attribute(const struct net_device *dev, const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(attributes); i++)
		if (!strcmp(attributes[i].name, name) && has(dev, &attributes[i]))
			return &attributes[i];
	return NULL;
}

static int find_statistic(const char *path)
{
	if (strncmp(path, "statistics/", 11))
		return -1;
	for (unsigned i = 0; i < ARRAY_SIZE(statistics); i++)
		if (!strcmp(statistics[i].name, path + 11))
			return (int)i;
	return -1;
}

static int find_queue_file(const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(tx_queue_files); i++)
		if (!strcmp(tx_queue_files[i], name))
			return (int)i;
	return -1;
}

/* -- bridges and their ports: folders of their own -- */

/* "bridge/NAME" of a bridge, "brport/NAME" of a port: NAME; "" for the folder; NULL: neither. */
static const char *in_bridge_folder(const struct net_device *dev, const char *path)
{
	const char *folder = br_sysfs_folder(dev);
	size_t n = folder ? strlen(folder) : 0;

	if (!folder || strncmp(path, folder, n) || (path[n] && path[n] != '/'))
		return NULL;
	return path[n] ? path + n + 1 : path + n;
}

static int bridge_stat(const struct net_device *dev, const char *path, struct fs_attr *out)
{
	const char *name = in_bridge_folder(dev, path), *n;
	bool port = br_port_of(dev);
	struct net_device *member;
	u16 mode;

	*out = (struct fs_attr){ FS_DIR, 0755 };
	if (name && !*name)
		return 0;
	if (dev_is_bridge(dev) && !strcmp(path, "brif"))
		return 0;
	*out = (struct fs_attr){ FS_LINK, 0777 };
	if ((dev->master && !strcmp(path, "master")) || (port && !strcmp(path, "brport/bridge")))
		return 0;
	if (dev_is_bridge(dev) && !strncmp(path, "brif/", 5)) {
		member = dev_by_name(dev->net, path + 5);
		return member && member->master == dev && !strcmp(member->name, path + 5) ? 0 : -ENOENT;
	}
	*out = (struct fs_attr){ FS_FILE, 0444 };
	if (dev_is_bridge(dev) && !strcmp(path, "brforward"))
		return 0;
	for (unsigned i = 0; name && (n = br_sysfs_name(dev, i, &mode)); i++) {
		if (strcmp(n, name))
			continue;
		out->mode = mode;
		return 0;
	}
	return -ENOENT;
}

static void read_brforward(const struct net_device *dev, struct strbuf *out)
{
	struct __fdb_entry e[64];
	unsigned n, at = 0;

	while ((n = br_fdb_entries(br_of(dev), at, e, ARRAY_SIZE(e)))) {
		strbuf_add(out, (const char *)e, n * sizeof(*e));
		at += n;
	}
}

static int list_bridge(const struct net_device *dev, const char *path, fs_list_fn fn, void *arg)
{
	const struct net_device *member;
	const char *n;
	int e = 0;
	u16 mode;

	if (!strcmp(path, "brif")) {
		list_for_each(member, &dev->slaves, slave_link)
			if (!e)
				e = fn(arg, member->name, FS_LINK);
		return e;
	}
	for (unsigned i = 0; !e && (n = br_sysfs_name(dev, i, &mode)); i++)
		e = fn(arg, n, FS_FILE);
	return e || !br_port_of(dev) ? e : fn(arg, "bridge", FS_LINK);
}

int fs_device_link(const struct net_device *dev, const char *path, char *target, size_t size)
{
	if (dev->master && !strcmp(path, "master"))
		snprintf(target, size, "../%s", dev->master->name);
	else if (br_port_of(dev) && !strcmp(path, "brport/bridge"))
		snprintf(target, size, "../../%s", dev->master->name);
	else if (dev_is_bridge(dev) && !strncmp(path, "brif/", 5))
		snprintf(target, size, "../../%s/brport", path + 5);
	else if (!strcmp(path, "subsystem"))
		snprintf(target, size, "../../../../class/net");
	else
		return -EINVAL;
	return 0;
}

int fs_device_stat(const struct net_device *dev, const char *path, struct fs_attr *out)
{
	const struct attribute *a = find_attribute(dev, path);
	const char *rest;
	bool tx;

	*out = (struct fs_attr){ FS_DIR, 0755 };
	if (!*path || !strcmp(path, "statistics") || !strcmp(path, "queues"))
		return 0;
	if (a) {
		*out = (struct fs_attr){ FS_FILE, a->mode };
		return 0;
	}
	if (!strcmp(path, "subsystem")) {
		*out = (struct fs_attr){ FS_LINK, 0777 };
		return 0;
	}
	if (find_statistic(path) >= 0) {
		*out = (struct fs_attr){ FS_FILE, 0444 };
		return 0;
	}
	if (!bridge_stat(dev, path, out))
		return 0;
	*out = (struct fs_attr){ FS_DIR, 0755 };
	if (!queue_of(dev, path, &tx, &rest))
		return -ENOENT;
	if (!*rest)
		return 0;
	*out = (struct fs_attr){ FS_FILE, (u16)(strcmp(rest, "tx_maxrate") ? 0444 : 0644) };
	return tx && find_queue_file(rest) >= 0 ? 0 : -ENOENT;
}

int fs_device_read(const struct net_device *dev, const char *path, struct strbuf *out)
{
	const struct attribute *a = find_attribute(dev, path);
	int i = find_statistic(path), e = 0;
	struct dev_stats st;

	if (a) {
		e = a->show(dev, out);
		if (!e && a->show == show_uevent)
			strbuf_printf(out, "\nIFINDEX=%d", dev->ifindex);
		if (!e && (a->show != show_ifalias || dev->alias))
			strbuf_add(out, "\n", 1);
		return e;
	}
	if (i >= 0) {
		dev_get_stats(dev, &st);
		strbuf_printf(out, "%llu\n",
			      statistics[i].offset == NO_COUNTER ? 0ull : *(unsigned long long *)((char *)&st + statistics[i].offset));
		return 0;
	}
	if (in_bridge_folder(dev, path))
		return br_sysfs_show(dev, in_bridge_folder(dev, path), out);
	if (dev_is_bridge(dev) && !strcmp(path, "brforward")) {
		read_brforward(dev, out);
		return 0;
	}
	strbuf_add(out, "0\n", 2); /* fs_device_stat knew it: a queue's file */
	return 0;
}

int fs_device_write(struct cpu *cpu, struct net_device *dev, const char *path, const char *text, size_t len)
{
	const struct attribute *a = find_attribute(dev, path);
	char copy[4096]; /* what FUSE hands over has no end of its own */

	if (len >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, len);
	copy[len] = 0;
	if (in_bridge_folder(dev, path))
		return br_sysfs_store(cpu, dev, in_bridge_folder(dev, path), copy);
	if (!a)
		return strchr(path, '/') ? -EOPNOTSUPP : -EACCES;
	return a->store ? a->store(cpu, dev, copy, len) : -EACCES;
}

static int list_queues(const struct net_device *dev, fs_list_fn fn, void *arg)
{
	char name[24];
	int e = 0;

	for (unsigned i = 0; i < dev->real_rx_queues && !e; i++) {
		snprintf(name, sizeof(name), "rx-%u", i);
		e = fn(arg, name, FS_DIR);
	}
	for (unsigned i = 0; i < dev->real_tx_queues && !e; i++) {
		snprintf(name, sizeof(name), "tx-%u", i);
		e = fn(arg, name, FS_DIR);
	}
	return e;
}

int fs_device_list(const struct net_device *dev, const char *path, fs_list_fn fn, void *arg)
{
	const char *rest;
	bool tx;
	int e = 0;

	if (!*path) {
		for (unsigned i = 0; i < ARRAY_SIZE(attributes) && !e; i++)
			e = !has(dev, &attributes[i]) ? 0 : fn(arg, attributes[i].name, FS_FILE);
		e = e ? e : fn(arg, "queues", FS_DIR);
		e = e ? e : fn(arg, "statistics", FS_DIR);
		if (!e && br_sysfs_folder(dev))
			e = fn(arg, br_sysfs_folder(dev), FS_DIR);
		if (!e && dev_is_bridge(dev))
			e = fn(arg, "brif", FS_DIR);
		if (!e && dev_is_bridge(dev))
			e = fn(arg, "brforward", FS_FILE);
		if (!e && dev->master)
			e = fn(arg, "master", FS_LINK);
		return e ? e : fn(arg, "subsystem", FS_LINK);
	}
	if (!strcmp(path, "statistics")) {
		for (unsigned i = 0; i < ARRAY_SIZE(statistics) && !e; i++)
			e = fn(arg, statistics[i].name, FS_FILE);
		return e;
	}
	if (!strcmp(path, "queues"))
		return list_queues(dev, fn, arg);
	if ((br_sysfs_folder(dev) && !strcmp(path, br_sysfs_folder(dev))) || (dev_is_bridge(dev) && !strcmp(path, "brif")))
		return list_bridge(dev, path, fn, arg);
	if (!queue_of(dev, path, &tx, &rest) || *rest)
		return find_attribute(dev, path) ? -ENOTDIR : -ENOENT;
	for (unsigned i = 0; tx && i < ARRAY_SIZE(tx_queue_files) && !e; i++)
		e = fn(arg, tx_queue_files[i], FS_FILE);
	return e;
}
