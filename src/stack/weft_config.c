/* libweft's configuration (include/weft/weft.h): what a test or an embedding program needs to lay out a network, through the
 * same internal functions that netlink and ioctls use. All batons are the caller's.
 */
#include <weft/weft.h>

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <stdlib.h>

#include "core/sysctl.h"
#include "inet/ip4/ip4.h"
#include "inet/ip6/ip6.h"
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

/* "10.0.0.1/24", "2001:db8::1/64"; without a length the whole address counts. -EINVAL. */
static int prefix_parse(const char *text, u8 *family, struct inaddr *addr, u8 *len)
{
	char buf[64];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	be32 v4;
	long bits, max;

	if (n >= sizeof buf)
		return -EINVAL;
	memcpy(buf, text, n);
	buf[n] = 0;
	*family = strchr(buf, ':') ? AF_INET6 : AF_INET;
	bits = max = *family == AF_INET6 ? 128 : 32;
	if (*family == AF_INET6 ? inet_pton(AF_INET6, buf, addr->b) != 1 : inet_pton(AF_INET, buf, &v4.raw) != 1)
		return -EINVAL;
	if (*family == AF_INET)
		*addr = inaddr_from_v4(v4);
	if (slash) {
		char *end;
		bits = strtol(slash + 1, &end, 10);
		if (end == slash + 1 || *end || bits < 0 || bits > max)
			return -EINVAL;
	}
	*len = (u8)bits;
	return 0;
}

static int addr4_add(struct cpu *cpu, struct net_device *dev, be32 addr, u8 len)
{
	struct in_ifaddr_config c = { .local = addr, .address = addr, .prefix_len = len, .flags = IFA_F_PERMANENT, .valid_lft_s = UINT32_MAX,
				      .preferred_lft_s = UINT32_MAX, .excl = true };

	if (len < 31 && !(dev->flags & IFF_LOOPBACK)) {
		c.broadcast.raw = addr.raw | cpu_to_be32(UINT32_MAX >> len).raw;
		c.has_broadcast = true;
	}
	return ip4_addr_add(cpu, dev, &c, NULL);
}

int weft_addr_add(weft_netns *net, const char *name, const char *addr_with_prefix)
{
	struct net_device *dev = dev_by_name(net, name);
	struct inet6_ifaddr_config c6 = { .flags = IFA_F_PERMANENT, .valid_lft_s = UINT32_MAX, .preferred_lft_s = UINT32_MAX, .excl = true };
	u8 family;
	int err = prefix_parse(addr_with_prefix, &family, &c6.addr, &c6.prefix_len);

	if (err)
		return err;
	if (!dev)
		return -ENODEV;
	struct cpu *cpu = enter(net);
	err = family == AF_INET6 ? ip6_addr_add(cpu, dev, &c6, NULL) : addr4_add(cpu, dev, inaddr_v4(&c6.addr), c6.prefix_len);
	cpu_leave(cpu);
	return err;
}

int weft_route_add(weft_netns *net, const char *prefix, const char *via, const char *name)
{
	struct fib_config c = { .table = RT_TABLE_MAIN, .protocol = RTPROT_BOOT, .type = RTN_UNICAST, .nl_flags = NLM_F_CREATE | NLM_F_EXCL };
	u8 len;
	int err;

	if (via) {
		if ((err = prefix_parse(via, &c.gw_family, &c.gateway, &len)))
			return err;
		if (len != (c.gw_family == AF_INET6 ? 128 : 32))
			return -EINVAL;
		c.has_gw = true;
	}
	if (strcmp(prefix, "default")) {
		if ((err = prefix_parse(prefix, &c.family, &c.dst, &c.prefix_len)))
			return err;
	} else if ((c.family = via ? c.gw_family : AF_INET) == AF_INET) {
		c.dst = inaddr_from_v4((be32){ 0 });
	}
	if (c.family == AF_INET6)
		c.priority = 1024; /* what ip(8) leaves to the kernel: IP6_RT_PRIO_USER */
	else
		c.scope = via ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
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
