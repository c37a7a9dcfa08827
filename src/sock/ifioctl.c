/* Ioctls on devices (netdevice(7)): what ifconfig, busybox, libpcap and every getifaddrs of old ask; and what every socket
 * answers about itself (SIOCGSTAMP).
 *
 * The argument is a copy in our memory. Pointers inside it lead into the calling program's memory and are followed by
 * cpu->caller only. Addresses are in if_addr_ioctl.c, routes and ARP entries in rt_ioctl.c. Changes need CAP_NET_ADMIN
 * over the namespace and are made with all batons held, as every configuration.
 */
#include "sock/ifioctl.h"

#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/sockios.h>
#include <sys/time.h>

#include "link/bridge/br_sysfs.h"
#include "link/ethtool.h"
#include "link/netdevice.h"
#include "link/netns_dev.h"
#include "sock/ioctl_mem.h"

#define SIOCGSTAMP_OLD_CMD 0x8906
#define SIOCGSTAMPNS_OLD_CMD 0x8907
#define SIOCGSTAMP_NEW_CMD 0x80108906u
#define SIOCGSTAMPNS_NEW_CMD 0x80108907u

int ioctl_copy_in(struct cpu *cpu, void *to, const void *user, size_t len)
{
	if (cpu->caller)
		return cpu->caller->ops->copy_from(cpu->caller, to, (u64)(uintptr_t)user, len);
	if (!user)
		return -EFAULT;
	memcpy(to, user, len);
	return 0;
}

int ioctl_copy_out(struct cpu *cpu, void *user, const void *from, size_t len)
{
	if (cpu->caller)
		return cpu->caller->ops->copy_to(cpu->caller, (u64)(uintptr_t)user, from, len);
	if (!user)
		return -EFAULT;
	memcpy(user, from, len);
	return 0;
}

int sock_ioctl(struct cpu *cpu, struct sock *sk, unsigned cmd, void *arg, size_t len)
{
	u64 t[2], ns;

	if (cmd != SIOCGSTAMP_OLD_CMD && cmd != SIOCGSTAMPNS_OLD_CMD && cmd != SIOCGSTAMP_NEW_CMD && cmd != SIOCGSTAMPNS_NEW_CMD)
		return -ENOIOCTLCMD;
	if (len < sizeof t)
		return -EFAULT;
	if (!sk->stamp)
		return -ENOENT;
	ns = sock_realtime(cpu, sk->stamp);
	t[0] = ns / NSEC_PER_SEC;
	t[1] = ns % NSEC_PER_SEC;
	if (cmd == SIOCGSTAMP_OLD_CMD || cmd == SIOCGSTAMP_NEW_CMD)
		t[1] /= 1000;
	memcpy(arg, t, sizeof t);
	return 0;
}

static int name_by_index(struct netns *net, struct ifreq *ifr)
{
	const struct net_device *dev = dev_by_index(net, ifr->ifr_ifindex);

	if (!dev)
		return -ENODEV;
	memset(ifr->ifr_name, 0, sizeof ifr->ifr_name);
	memcpy(ifr->ifr_name, dev->name, strlen(dev->name));
	return 0;
}

static void get_hwaddr(const struct net_device *dev, struct ifreq *ifr)
{
	memset(ifr->ifr_hwaddr.sa_data, 0, sizeof ifr->ifr_hwaddr.sa_data);
	ifr->ifr_hwaddr.sa_family = dev->type;
	memcpy(ifr->ifr_hwaddr.sa_data, dev->dev_addr, MIN(dev->addr_len, sizeof ifr->ifr_hwaddr.sa_data));
}

static int get(const struct net_device *dev, unsigned cmd, struct ifreq *ifr)
{
	switch (cmd) {
	case SIOCGIFFLAGS:
		ifr->ifr_flags = (short)dev_get_flags(dev);
		return 0;
	case SIOCGIFMETRIC:
		ifr->ifr_metric = 0;
		return 0;
	case SIOCGIFMTU:
		ifr->ifr_mtu = (int)dev->mtu;
		return 0;
	case SIOCGIFHWADDR:
		get_hwaddr(dev, ifr);
		return 0;
	case SIOCGIFSLAVE:
		return -EINVAL;
	case SIOCGIFMAP:
		memset(&ifr->ifr_map, 0, sizeof ifr->ifr_map);
		return 0;
	case SIOCGIFINDEX:
		ifr->ifr_ifindex = dev->ifindex;
		return 0;
	case SIOCGIFTXQLEN:
		ifr->ifr_qlen = (int)dev->tx_queue_len;
		return 0;
	default:
		return -ENOTTY;
	}
}

static int set_hwaddr(struct cpu *cpu, struct net_device *dev, const struct ifreq *ifr)
{
	u8 addr[DEV_ADDR_MAX] = { 0 };

	if (ifr->ifr_hwaddr.sa_family != dev->type)
		return -EINVAL;
	memcpy(addr, ifr->ifr_hwaddr.sa_data, MIN(dev->addr_len, sizeof ifr->ifr_hwaddr.sa_data));
	return dev_set_mac(cpu, dev, addr, NULL);
}

static int set(struct cpu *cpu, struct net_device *dev, unsigned cmd, struct ifreq *ifr)
{
	switch (cmd) {
	case SIOCSIFFLAGS:
		return dev_change_flags(cpu, dev, (dev->flags & 0xffff0000u) | (u16)ifr->ifr_flags, NULL);
	case SIOCSIFMETRIC:
		return -EOPNOTSUPP;
	case SIOCSIFMTU:
		return ifr->ifr_mtu < 0 ? -EINVAL : dev_set_mtu(cpu, dev, (u32)ifr->ifr_mtu, NULL);
	case SIOCSIFHWADDR:
		return set_hwaddr(cpu, dev, ifr);
	case SIOCSIFHWBROADCAST:
		if (ifr->ifr_hwaddr.sa_family != dev->type)
			return -EINVAL;
		memcpy(dev->broadcast, ifr->ifr_hwaddr.sa_data, MIN(dev->addr_len, sizeof ifr->ifr_hwaddr.sa_data));
		return 0;
	case SIOCADDMULTI:
	case SIOCDELMULTI:
		if (ifr->ifr_hwaddr.sa_family != AF_UNSPEC)
			return -EINVAL;
		return cmd == SIOCADDMULTI ? dev_mc_add_global(dev, (const u8 *)ifr->ifr_hwaddr.sa_data)
					   : dev_mc_del_global(dev, (const u8 *)ifr->ifr_hwaddr.sa_data);
	case SIOCSIFTXQLEN:
		return ifr->ifr_qlen < 0 ? -EINVAL : dev_set_tx_queue_len(cpu, dev, (u32)ifr->ifr_qlen);
	case SIOCSIFNAME:
		ifr->ifr_newname[IFNAMSIZ - 1] = 0;
		return dev_set_name(cpu, dev, ifr->ifr_newname);
	case SIOCETHTOOL:
		return dev_ethtool(cpu, dev, (u64)(uintptr_t)ifr->ifr_data);
	case SIOCSIFMAP:
	case SIOCGMIIPHY:
	case SIOCGMIIREG:
	case SIOCSMIIREG:
	case SIOCGHWTSTAMP:
	case SIOCSHWTSTAMP:
	case SIOCBONDENSLAVE:
	case SIOCBONDRELEASE:
	case SIOCBRADDIF:
	case SIOCBRDELIF:
		return -EOPNOTSUPP;
	default:
		return cmd >= SIOCDEVPRIVATE && cmd <= SIOCDEVPRIVATE + 15 ? -EOPNOTSUPP : -ENOTTY;
	}
}

static bool is_get(unsigned cmd)
{
	return cmd == SIOCGIFFLAGS || cmd == SIOCGIFMETRIC || cmd == SIOCGIFMTU || cmd == SIOCGIFHWADDR || cmd == SIOCGIFSLAVE ||
	       cmd == SIOCGIFMAP || cmd == SIOCGIFINDEX || cmd == SIOCGIFTXQLEN;
}
static bool is_set(unsigned cmd)
{
	switch (cmd) {
	case SIOCSIFFLAGS: case SIOCSIFMETRIC: case SIOCSIFMTU: case SIOCSIFHWADDR: case SIOCSIFHWBROADCAST: case SIOCADDMULTI:
	case SIOCDELMULTI: case SIOCSIFTXQLEN: case SIOCSIFNAME: case SIOCSIFMAP: case SIOCSMIIREG: case SIOCSHWTSTAMP:
	case SIOCBONDENSLAVE: case SIOCBONDRELEASE: case SIOCBRADDIF: case SIOCBRDELIF:
		return true;
	default:
		return cmd >= SIOCDEVPRIVATE && cmd <= SIOCDEVPRIVATE + 15;
	}
}
/* Questions about a device that it answers itself, without privilege. */
static bool is_driver_get(unsigned cmd)
{
	return cmd == SIOCETHTOOL || cmd == SIOCGMIIPHY || cmd == SIOCGMIIREG || cmd == SIOCGHWTSTAMP;
}

static const struct br_ioctl bridge_io = { ioctl_copy_out, ioctl_copy_in };

static int device_ioctl(struct cpu *cpu, struct netns *net, unsigned cmd, struct ifreq *ifr)
{
	char *colon;
	struct net_device *dev;
	bool change = is_set(cmd);
	int err;

	if (!is_get(cmd) && !change && !is_driver_get(cmd))
		return -ENOTTY;
	if (change && cmd != SIOCDEVPRIVATE && !caller_net_admin(cpu)) /* a bridge's tells anybody */
		return -EPERM;
	/* "eth0:1" is an address's label; the device is what stands before it */
	colon = strchr(ifr->ifr_name, ':');
	if (colon)
		*colon = 0;
	dev = dev_by_name(net, ifr->ifr_name);
	if (!dev)
		return -ENODEV;
	err = br_ioctl_dev(cpu, dev, &bridge_io, cmd, ifr, caller_net_admin(cpu));
	if (err == -ENOIOCTLCMD && cmd == SIOCDEVPRIVATE && !caller_net_admin(cpu))
		err = -EPERM;
	if (err == -ENOIOCTLCMD)
		err = is_get(cmd) ? get(dev, cmd, ifr) : set(cpu, dev, cmd, ifr);
	if (colon)
		*colon = ':';
	return err;
}

int netns_ioctl(struct cpu *cpu, struct netns *net, unsigned cmd, void *arg, size_t len)
{
	struct ifreq ifr;
	int err;

	switch (cmd) {
	case SIOCGIFCONF: return if_addr_conf(cpu, net, arg, len);
	case SIOCADDRT:
	case SIOCDELRT: return rt_ioctl(cpu, net, cmd, arg, len);
	case SIOCSARP:
	case SIOCDARP:
	case SIOCGARP: return arp_ioctl(cpu, net, cmd, arg, len);
	case SIOCBRADDBR:
	case SIOCBRDELBR:
	case SIOCGIFBR:
	case SIOCSIFBR: return br_ioctl_netns(cpu, net, &bridge_io, cmd, arg, len, caller_net_admin(cpu));
	case SIOCGIFVLAN:
	case SIOCSIFVLAN: return -ENOPKG; /* vconfig(8): VLAN devices are made by netlink alone */
	default: break;
	}
	if (cmd < SIOCADDRT || cmd > SIOCDEVPRIVATE + 15)
		return -ENOTTY;
	if (len < sizeof ifr)
		return -EFAULT;
	memcpy(&ifr, arg, sizeof ifr);
	ifr.ifr_name[IFNAMSIZ - 1] = 0;
	if (cmd == SIOCGIFNAME) {
		err = name_by_index(net, &ifr);
	} else {
		err = if_addr_ioctl(cpu, net, cmd, &ifr);
		if (err == -ENOIOCTLCMD)
			err = device_ioctl(cpu, net, cmd, &ifr);
	}
	if (!err)
		memcpy(arg, &ifr, sizeof ifr);
	return err;
}
