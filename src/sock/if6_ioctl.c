/* Addresses and routes of IPv6 by ioctl on an AF_INET6 socket, as ifconfig and `route -A inet6` do it: struct in6_ifreq and struct
 * in6_rtmsg of linux/ipv6.h and linux/ipv6_route.h, which name devices by index. Translated to what netlink does.
 */
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <netinet/in.h>

#include "inet/ip6/ip6.h"
#include "inet/route/fib.h"
#include "link/netns_dev.h"
#include "sock/ioctl_mem.h"
#include "sock/sock.h"

struct in6_ifreq { struct in6_addr addr; u32 prefix_len; s32 ifindex; };
struct in6_rtmsg { struct in6_addr dst, src, gateway; u32 type; u16 dst_len, src_len; u32 metric; unsigned long info; u32 flags; s32 ifindex; };
enum { F_GATEWAY = 2, F_REJECT = 0x200 }; /* RTF_* */

static int change_addr(struct cpu *cpu, struct netns *net, bool add, const void *arg, size_t len)
{
	struct inet6_ifaddr_config c = { .flags = IFA_F_PERMANENT, .valid_lft_s = ~0u, .preferred_lft_s = ~0u, .excl = true, .create = true };
	struct net_device *dev;
	struct in6_ifreq r;

	if (!caller_net_admin(cpu))
		return -EPERM;
	if (len < sizeof r)
		return -EFAULT;
	memcpy(&r, arg, sizeof r);
	if (r.prefix_len > 128)
		return -EINVAL;
	if (!(dev = dev_by_index(net, r.ifindex)))
		return -ENODEV;
	c.addr = inaddr_from_v6(&r.addr);
	c.prefix_len = (u8)r.prefix_len;
	return add ? ip6_addr_add(cpu, dev, &c, NULL) : ip6_addr_del(cpu, dev, &c.addr, c.prefix_len, NULL);
}

static int change_route(struct cpu *cpu, struct netns *net, bool add, const void *arg, size_t len)
{
	struct fib_config c = { .family = AF_INET6, .table = RT_TABLE_MAIN, .protocol = RTPROT_BOOT, .type = RTN_UNICAST, .nl_flags = NLM_F_CREATE | NLM_F_EXCL };
	struct in6_rtmsg r;

	if (!caller_net_admin(cpu))
		return -EPERM;
	if (len < sizeof r)
		return -EFAULT;
	memcpy(&r, arg, sizeof r);
	if (r.dst_len > 128 || r.src_len > 128)
		return -EINVAL;
	c.prefix_len = (u8)r.dst_len;
	c.src_len = (u8)r.src_len;
	c.dst = inaddr_from_v6(&r.dst);
	c.src = inaddr_from_v6(&r.src);
	c.oif = r.ifindex;
	c.priority = r.metric || !add ? r.metric : 1024;
	if (r.flags & F_REJECT)
		c.type = RTN_UNREACHABLE;
	if (r.flags & F_GATEWAY) {
		c.has_gw = true;
		c.gw_family = AF_INET6;
		c.gateway = inaddr_from_v6(&r.gateway);
	}
	if (!add) {
		c.type = RTN_UNSPEC;
		c.protocol = 0;
	}
	return add ? fib_route_add(cpu, net, &c) : fib_route_del(cpu, net, &c);
}

int inet6_ioctl(struct cpu *cpu, struct netns *net, unsigned cmd, const void *arg, size_t len)
{
	if (!net->ip6)
		return -ENOIOCTLCMD;
	switch (cmd) {
	case SIOCSIFADDR:
	case SIOCDIFADDR: return change_addr(cpu, net, cmd == SIOCSIFADDR, arg, len);
	case SIOCADDRT:
	case SIOCDELRT: return change_route(cpu, net, cmd == SIOCADDRT, arg, len);
	default: return -ENOIOCTLCMD;
	}
}
