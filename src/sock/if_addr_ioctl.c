/* SIOCGIFADDR, SIOCSIFADDR, their relatives, and SIOCGIFCONF: addresses as ioctls know them, one per name.
 *
 * A name is an address's label: "eth0", or "eth0:1" for another one on the same device. The first address with the label is
 * meant; a question that gives one of our addresses gets the one with both.
 */
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <linux/rtnetlink.h>

#include "inet/ip4/ip4.h"
#include "link/netns_dev.h"
#include "sock/ioctl_mem.h"
#include "sock/sock.h"


static void put_addr(struct ifreq *ifr, be32 a)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = a.raw };
	memcpy(&ifr->ifr_addr, &in, sizeof in);
}

static be32 mask_of(u8 len) { return cpu_to_be32(len ? UINT32_MAX << (32 - len) : 0); }

/* The class of an address gives its mask, as ifconfig without a netmask expects; -1: none. */
static int class_len(be32 a)
{
	u32 v = be32_to_cpu(a);

	if (!v)
		return 0;
	return v >> 31 == 0 ? 8 : v >> 30 == 2 ? 16 : v >> 29 == 6 ? 24 : v >> 28 == 15 ? 32 : -1;
}

static struct in_ifaddr *find(struct in_device *idev, const char *label, const be32 *addr)
{
	struct in_ifaddr *a;

	list_for_each(a, &idev->addrs, link)
		if (!strcmp(a->label, label) && (!addr || be32_eq(a->local, *addr)))
			return a;
	return NULL;
}

static int replace(struct cpu *cpu, struct net_device *dev, const struct in_ifaddr *old, struct in_ifaddr_config *c, const char *label)
{
	int err;

	c->label = label;
	if (old) {
		struct in_ifaddr_config o = { .local = old->local, .address = old->address, .prefix_len = old->prefix_len };
		if ((err = ip4_addr_del(cpu, dev, &o, NULL)))
			return err;
	}
	return ip4_addr_add(cpu, dev, c, NULL);
}

static void config_of(const struct in_ifaddr *a, struct in_ifaddr_config *c)
{
	*c = (struct in_ifaddr_config){ .flags = IFA_F_PERMANENT, .valid_lft_s = UINT32_MAX, .preferred_lft_s = UINT32_MAX,
					.scope = RT_SCOPE_UNIVERSE };
	if (!a)
		return;
	c->local = a->local;
	c->address = a->address;
	c->broadcast = a->broadcast;
	c->has_broadcast = a->broadcast.raw != 0;
	c->prefix_len = a->prefix_len;
	c->scope = a->scope;
	c->has_scope = true;
}

static void set_broadcast(struct in_ifaddr_config *c)
{
	c->has_broadcast = c->prefix_len < 31;
	c->broadcast.raw = c->has_broadcast ? c->local.raw | ~mask_of(c->prefix_len).raw : 0;
}

static int set_addr(struct cpu *cpu, struct net_device *dev, const struct in_ifaddr *a, be32 addr, const char *label)
{
	struct in_ifaddr_config c;
	int len = class_len(addr);

	if (len < 0)
		return -EINVAL;
	if (!addr.raw) { /* "ifconfig eth0 0.0.0.0" takes the address away */
		if (!a)
			return -EADDRNOTAVAIL;
		config_of(a, &c);
		return ip4_addr_del(cpu, dev, &c, NULL);
	}
	if (a && be32_eq(a->local, addr)) /* it keeps its mask and what stands behind it */
		return 0;
	config_of(NULL, &c);
	c.local = c.address = addr;
	c.prefix_len = dev->flags & IFF_POINTOPOINT ? 32 : (u8)len;
	if (!(dev->flags & (IFF_POINTOPOINT | IFF_LOOPBACK)) && dev->flags & IFF_BROADCAST)
		set_broadcast(&c);
	return replace(cpu, dev, a, &c, label);
}

static int set_mask(struct cpu *cpu, struct net_device *dev, const struct in_ifaddr *a, be32 mask)
{
	struct in_ifaddr_config c;
	u32 inv = ~be32_to_cpu(mask);
	bool auto_bcast = a->broadcast.raw == (a->local.raw | ~mask_of(a->prefix_len).raw) && a->prefix_len < 31;
	char label[DEV_NAME_SIZE];

	if (inv & (inv + 1))
		return -EINVAL;
	if (be32_eq(mask_of(a->prefix_len), mask))
		return 0;
	memcpy(label, a->label, sizeof label);
	config_of(a, &c);
	c.prefix_len = (u8)__builtin_popcount(be32_to_cpu(mask));
	if ((dev->flags & IFF_BROADCAST) && auto_bcast)
		set_broadcast(&c);
	return replace(cpu, dev, a, &c, label);
}

static int change(struct cpu *cpu, struct net_device *dev, struct in_ifaddr *a, unsigned cmd, const struct ifreq *ifr)
{
	struct in_ifaddr_config c;
	struct sockaddr_in in;
	char label[DEV_NAME_SIZE];
	be32 addr;

	memcpy(&in, &ifr->ifr_addr, sizeof in);
	addr.raw = in.sin_addr.s_addr;
	if (cmd != SIOCSIFFLAGS && in.sin_family != AF_INET)
		return -EINVAL;
	if (cmd == SIOCSIFADDR)
		return set_addr(cpu, dev, a, addr, ifr->ifr_name);
	if (!a)
		return -EADDRNOTAVAIL;
	memcpy(label, a->label, sizeof label);
	config_of(a, &c);
	switch (cmd) {
	case SIOCSIFNETMASK:
		return set_mask(cpu, dev, a, addr);
	case SIOCSIFBRDADDR:
		if (be32_eq(a->broadcast, addr))
			return 0;
		c.broadcast = addr;
		c.has_broadcast = true;
		return replace(cpu, dev, a, &c, label);
	case SIOCSIFDSTADDR:
		if (be32_eq(a->address, addr))
			return 0;
		if (class_len(addr) < 0)
			return -EINVAL;
		c.address = addr;
		return replace(cpu, dev, a, &c, label);
	default: /* flags of an alias: down takes the address away */
		return ifr->ifr_flags & IFF_UP ? 0 : ip4_addr_del(cpu, dev, &c, NULL);
	}
}

int if_addr_ioctl(struct cpu *cpu, struct netns *net, unsigned cmd, struct ifreq *ifr)
{
	bool alias = strchr(ifr->ifr_name, ':') != NULL, ask;
	char name[IFNAMSIZ];
	struct net_device *dev;
	struct in_device *idev;
	struct in_ifaddr *a = NULL;
	struct sockaddr_in in;

	switch (cmd) {
	case SIOCGIFADDR: case SIOCGIFBRDADDR: case SIOCGIFDSTADDR: case SIOCGIFNETMASK: ask = true; break;
	case SIOCSIFADDR: case SIOCSIFBRDADDR: case SIOCSIFDSTADDR: case SIOCSIFNETMASK: ask = false; break;
	case SIOCSIFFLAGS:
		if (!alias)
			return -ENOIOCTLCMD;
		ask = false;
		break;
	default: return -ENOIOCTLCMD;
	}
	if (!ask && !caller_net_admin(cpu))
		return -EPERM;
	memcpy(name, ifr->ifr_name, sizeof name);
	if (alias)
		*strchr(name, ':') = 0;
	if (!(dev = dev_by_name(net, name)))
		return -ENODEV;
	idev = dev->ip_ptr;
	memcpy(&in, &ifr->ifr_addr, sizeof in);
	if (idev && ask && in.sin_family == AF_INET)
		a = find(idev, ifr->ifr_name, &(be32){ in.sin_addr.s_addr });
	if (idev && !a)
		a = find(idev, ifr->ifr_name, NULL);
	if (!ask)
		return change(cpu, dev, a, cmd, ifr);
	if (!a)
		return -EADDRNOTAVAIL;
	put_addr(ifr, cmd == SIOCGIFADDR ? a->local : cmd == SIOCGIFBRDADDR ? a->broadcast : cmd == SIOCGIFDSTADDR ? a->address
			  : mask_of(a->prefix_len));
	return 0;
}

/* Every address with its label; only as many as fit. Without a buffer: how much room all need. */
int if_addr_conf(struct cpu *cpu, struct netns *net, void *arg, size_t len)
{
	struct ifconf conf;
	struct net_device *dev;
	int used = 0, err;

	if (len < sizeof conf)
		return -EFAULT;
	memcpy(&conf, arg, sizeof conf);
	if (conf.ifc_buf && conf.ifc_len < 0)
		return -EINVAL;
	dev_for_each(dev, net) {
		struct in_device *idev = dev->ip_ptr;
		struct in_ifaddr *a;
		if (!idev)
			continue;
		list_for_each(a, &idev->addrs, link) {
			struct ifreq ifr;
			if (!conf.ifc_buf) {
				used += (int)sizeof ifr;
				continue;
			}
			if (conf.ifc_len - used < (int)sizeof ifr)
				break;
			memset(&ifr, 0, sizeof ifr);
			memcpy(ifr.ifr_name, a->label, sizeof ifr.ifr_name);
			put_addr(&ifr, a->local);
			if ((err = ioctl_copy_out(cpu, conf.ifc_buf + used, &ifr, sizeof ifr)))
				return err;
			used += (int)sizeof ifr;
		}
	}
	conf.ifc_len = used;
	memcpy(arg, &conf, sizeof conf);
	return 0;
}
