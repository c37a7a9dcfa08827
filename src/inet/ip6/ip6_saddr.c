/* Source address selection (RFC 6724 section 5): of all candidates the one that wins every rule that tells two apart.
 *
 * Candidates are the addresses of the way out when the destination means something on one link only (or use_oif_addrs_only says so), else
 * those of all devices. Tentative addresses are none, unless optimistic ones may be used.
 */
#include "inet/ip6/ip6_priv.h"

#ifndef IPV6_PREFER_SRC_TMP
#define IPV6_PREFER_SRC_TMP 0x0001
#define IPV6_PREFER_SRC_PUBLIC 0x0002
#define IPV6_PREFER_SRC_COA 0x0004
#define IPV6_PREFER_SRC_HOME 0x0400
#endif

struct wanted {
	struct netns *net;
	struct net_device *dev;
	const struct inaddr *daddr;
	u32 prefs, label;
	u8 scope;
};

/* RFC 4291 scopes as RFC 6724 section 3.1 compares them. */
static u8 scope_of(const struct inaddr *a)
{
	if (v6_is_multicast(a))
		return v6_mc_scope(a);
	if (v6_is_any(a))
		return 0;
	if (v6_is_linklocal(a) || v6_is_loopback(a))
		return 2;
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0xc0 ? 5 : 14;
}

static unsigned common_bits(const struct inaddr *a, const struct inaddr *b)
{
	for (unsigned i = 0; i < 16; i++)
		if (a->b[i] != b->b[i])
			return i * 8 + (unsigned)__builtin_clz((u32)(a->b[i] ^ b->b[i]) << 24);
	return 128;
}

/* The rules in their order; of each, the larger value is better. 0: the next rule decides. */
static s64 rule(const struct wanted *w, const struct inet6_ifaddr *a, unsigned n)
{
	u8 s;
	bool temp;
	switch (n) {
	case 0: /* 1: the same address */
		return inaddr_eq(&a->addr, w->daddr);
	case 1: /* 2: the narrowest scope that is wide enough */
		s = scope_of(&a->addr);
		return s >= w->scope ? -(s64)s : (s64)s - 128;
	case 2: /* 3: not deprecated; nor optimistic */
		return !(a->flags & IFA_F_DEPRECATED) && (!(a->flags & IFA_F_OPTIMISTIC) || ip6_conf_any(a->idev, IP6_CONF_USE_OPTIMISTIC));
	case 3: /* 4: a home address, or not */
		return !!(a->flags & IFA_F_HOMEADDRESS) ^ !!(w->prefs & IPV6_PREFER_SRC_COA);
	case 4: /* 5: the device by which it leaves */
		return !w->dev || a->idev->dev == w->dev;
	case 5: /* 6: the label */
		return ip6_label_of(w->net, &a->addr, a->idev->dev->ifindex) == w->label;
	case 6: /* 7: temporary or public */
		temp = w->prefs & (IPV6_PREFER_SRC_TMP | IPV6_PREFER_SRC_PUBLIC) ? w->prefs & IPV6_PREFER_SRC_TMP :
										   a->idev->conf.v[IP6_CONF_USE_TEMPADDR] >= 2;
		return !!(a->flags & IFA_F_TEMPORARY) == temp;
	case 7: /* 8: the longest common prefix */
		return MIN(common_bits(&a->addr, w->daddr), (unsigned)a->prefix_len);
	}
	return 0;
}

static bool better(const struct wanted *w, const struct inet6_ifaddr *a, const struct inet6_ifaddr *than)
{
	for (unsigned n = 0; n < 8; n++) {
		s64 x = rule(w, a, n), y = rule(w, than, n);
		if (x != y)
			return x > y;
	}
	return false;
}

static void look_at(const struct wanted *w, const struct inet6_dev *idev, const struct inet6_ifaddr **best)
{
	struct inet6_ifaddr *a;
	list_for_each(a, &idev->addrs, link) {
		if (a->flags & IFA_F_TENTATIVE && !(a->flags & IFA_F_OPTIMISTIC))
			continue;
		if (v6_is_any(&a->addr) || v6_is_multicast(&a->addr))
			continue;
		if (!*best || better(w, a, *best))
			*best = a;
	}
}

bool ip6_select_saddr(struct cpu *cpu, struct netns *net, struct net_device *dev, const struct inaddr *daddr, u32 prefs, struct inaddr *out)
{
	struct wanted w = { .net = net, .dev = dev, .daddr = daddr, .prefs = prefs, .scope = scope_of(daddr),
			    .label = ip6_label_of(net, daddr, dev ? dev->ifindex : 0) };
	const struct inet6_ifaddr *best = NULL;
	struct inet6_dev *idev = dev ? in6_dev_get(dev) : NULL;
	struct net_device *d;

	if (dev && ((idev && ip6_conf_any(idev, IP6_CONF_USE_OIF_ADDRS_ONLY)) || v6_is_multicast(daddr) || w.scope <= 2)) {
		if (idev)
			look_at(&w, idev, &best);
	} else {
		dev_for_each(d, net)
			if (in6_dev_get(d) && dev_vrf(d) == (dev ? dev_vrf(dev) : NULL))
				look_at(&w, in6_dev_get(d), &best);
	}
	if (!best)
		return false;
	*out = best->addr;
	return true;
}
