/* libweft's configuration (include/weft/weft.h): what a test or an embedding program needs to lay out a network, through the
 * same internal functions that netlink and ioctls use. All batons are the caller's.
 */
#include <weft/weft.h>

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <stdlib.h>

#include "core/sysctl.h"
#include "inet/ip4/ip4.h"
#include "inet/route/fib.h"
#include "link/netdevice.h"
#include "link/type/veth.h"

static struct cpu *enter(weft_netns *net)
{
	struct cpu *cpu = config_cpu(net->world);
	cpu_enter(cpu, cpu->now);
	return cpu;
}

int weft_veth_new(weft_netns *a, const char *name_a, weft_netns *b, const char *name_b)
{
	struct cpu *cpu = enter(a);
	struct net_device *da, *db;
	int err = veth_pair_new(cpu, a, name_a, b, name_b, &da, &db);
	cpu_leave(cpu);
	return err;
}

static int link_set(weft_netns *net, const char *name, bool up)
{
	struct net_device *dev = dev_by_name(net, name);

	if (!dev)
		return -ENODEV;
	struct cpu *cpu = enter(net);
	int err = dev_change_flags(cpu, dev, up ? dev->flags | IFF_UP : dev->flags & ~(u32)IFF_UP, NULL);
	cpu_leave(cpu);
	return err;
}
int weft_link_up(weft_netns *net, const char *dev) { return link_set(net, dev, true); }
int weft_link_down(weft_netns *net, const char *dev) { return link_set(net, dev, false); }

/* "10.0.0.1/24" or "10.0.0.1" (then the whole address counts). -EINVAL; -EAFNOSUPPORT for IPv6. */
static int prefix_parse(const char *text, be32 *addr, u8 *len)
{
	char buf[64];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	long bits = 32;

	if (n >= sizeof buf)
		return -EINVAL;
	memcpy(buf, text, n);
	buf[n] = 0;
	if (strchr(buf, ':'))
		return -EAFNOSUPPORT;
	if (inet_pton(AF_INET, buf, &addr->raw) != 1)
		return -EINVAL;
	if (slash) {
		char *end;
		bits = strtol(slash + 1, &end, 10);
		if (end == slash + 1 || *end || bits < 0 || bits > 32)
			return -EINVAL;
	}
	*len = (u8)bits;
	return 0;
}

int weft_addr_add(weft_netns *net, const char *name, const char *addr_with_prefix)
{
	struct net_device *dev = dev_by_name(net, name);
	struct in_ifaddr_config c = { .flags = IFA_F_PERMANENT, .valid_lft_s = UINT32_MAX, .preferred_lft_s = UINT32_MAX, .excl = true };
	int err = prefix_parse(addr_with_prefix, &c.local, &c.prefix_len);

	if (err)
		return err;
	if (!dev)
		return -ENODEV;
	c.address = c.local;
	if (c.prefix_len < 31 && !(dev->flags & IFF_LOOPBACK)) {
		c.broadcast.raw = c.local.raw | cpu_to_be32(UINT32_MAX >> c.prefix_len).raw;
		c.has_broadcast = true;
	}
	struct cpu *cpu = enter(net);
	err = ip4_addr_add(cpu, dev, &c, NULL);
	cpu_leave(cpu);
	return err;
}

int weft_route_add(weft_netns *net, const char *prefix, const char *via, const char *name)
{
	struct fib_config c = { .family = AF_INET, .table = RT_TABLE_MAIN, .protocol = RTPROT_BOOT, .type = RTN_UNICAST,
				.scope = via ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK, .nl_flags = NLM_F_CREATE | NLM_F_EXCL };
	be32 addr = { 0 };
	u8 len;
	int err;

	if (strcmp(prefix, "default")) {
		if ((err = prefix_parse(prefix, &addr, &c.prefix_len)))
			return err;
	}
	c.dst = inaddr_from_v4(addr);
	if (via) {
		if ((err = prefix_parse(via, &addr, &len)))
			return err;
		if (len != 32)
			return -EINVAL;
		c.gateway = inaddr_from_v4(addr);
		c.gw_family = AF_INET;
		c.has_gw = true;
	}
	if (name) {
		struct net_device *dev = dev_by_name(net, name);
		if (!dev)
			return -ENODEV;
		c.oif = dev->ifindex;
	}
	struct cpu *cpu = enter(net);
	err = fib_route_add(cpu, net, &c);
	cpu_leave(cpu);
	return err;
}

/* As sysctl(8) reads names: the first separator decides; "net.ipv4.conf.eth0/1.forwarding" is a device with a dot. */
static int sysctl_path(const char *name, char *path, size_t size)
{
	size_t n = strlen(name), sep = strcspn(name, "./");
	bool dots = name[sep] == '.';

	if (n >= size)
		return -ENAMETOOLONG;
	for (size_t i = 0; i <= n; i++)
		path[i] = !dots ? name[i] : name[i] == '.' ? '/' : name[i] == '/' ? '.' : name[i];
	if (strncmp(path, "net/", 4))
		return -ENOENT;
	memmove(path, path + 4, n - 3);
	return 0;
}

int weft_sysctl_set(weft_netns *net, const char *name, const char *value)
{
	char path[256];
	int err = sysctl_path(name, path, sizeof path);

	if (err)
		return err;
	struct cpu *cpu = enter(net);
	err = sysctl_write(net, path, value, strlen(value));
	cpu_leave(cpu);
	return err;
}

int weft_sysctl_get(weft_netns *net, const char *name, char *buf, size_t size)
{
	char path[256];
	struct strbuf out;
	int err = sysctl_path(name, path, sizeof path);

	if (err)
		return err;
	strbuf_init(&out, &net->world->mem);
	err = sysctl_read(net, path, &out);
	if (!err && out.err)
		err = out.err;
	if (!err && out.len && out.s[out.len - 1] == '\n')
		out.len--;
	if (!err && out.len >= size)
		err = -ENOSPC;
	if (!err) {
		memcpy(buf, out.len ? out.s : "", out.len);
		buf[out.len] = 0;
	}
	strbuf_fini(&out);
	return err;
}
