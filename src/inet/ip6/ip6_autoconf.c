/* Addresses that the stack makes by itself: link-local ones, those from prefixes that routers advertise (RFC 4862), stable but opaque
 * ones (RFC 7217), temporary ones (RFC 8981).
 *
 * addr_gen_mode says how interface identifiers come about: from the hardware address (EUI-64), not at all, from a secret, or from a random
 * secret. `ip token` sets one for prefixes' addresses.
 */
#include "base/sha1.h"
#include "inet/ip6/ip6_priv.h"

#include <linux/if_arp.h>

#ifndef IFAPROT_KERNEL_LO
#define IFAPROT_KERNEL_LO 1
#define IFAPROT_KERNEL_RA 2
#define IFAPROT_KERNEL_LL 3
#endif

enum { MIN_VALID_LFT = 7200 /* RFC 4862 section 5.5.3 e, seconds */ };

bool ip6_eui64(const struct net_device *dev, u8 eui[8])
{
	const u8 *m = dev->dev_addr;
	if (dev->addr_len != 6 || dev->type != ARPHRD_ETHER)
		return false;
	if (dev->dev_id) /* others have that address, too */
		memcpy(eui, (u8[]){ m[0], m[1], m[2], (u8)(dev->dev_id >> 8), (u8)dev->dev_id, m[3], m[4], m[5] }, 8);
	else
		memcpy(eui, (u8[]){ m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5] }, 8);
	return true;
}

/* RFC 5453: no identifier of a host. */
static bool reserved(const struct inaddr *a)
{
	u32 hi = be32_to_cpu((be32){ a->w[2] }), lo = be32_to_cpu((be32){ a->w[3] });
	if (!hi && !lo)
		return true;
	if (hi == 0x02005eff && (lo & 0xff000000) == 0xfe000000)
		return true;
	return hi == 0xfdffffff && lo >= 0xffffff80;
}

bool ip6_stable_addr(struct cpu *cpu, struct inet6_dev *idev, struct inaddr *a, u8 *tries)
{
	const struct netns_ip6 *ip6 = idev->dev->net->ip6;
	struct { u8 secret[16], prefix[8], hw[32], tries, pad[7]; } in = { 0 };
	if (!idev->conf.has_secret && !ip6->conf_default.has_secret)
		return false;
	memcpy(in.secret, idev->conf.has_secret ? idev->conf.secret.b : ip6->conf_default.secret.b, 16);
	memcpy(in.prefix, a->b, 8);
	memcpy(in.hw, idev->dev->perm_addr, MIN(sizeof(in.hw), sizeof(idev->dev->perm_addr)));
	for (;; ++*tries) {
		u32 h[5] = SHA1_INIT;
		if (*tries > ip6->idgen_retries)
			return false;
		in.tries = *tries;
		sha1_block(h, (const u8 *)&in);
		a->w[2] = h[0];
		a->w[3] = h[1];
		if (!reserved(a))
			return true;
	}
}

static void linklocal_add(struct cpu *cpu, struct inet6_dev *idev, const struct inaddr *a, u32 flags, u8 tries)
{
	struct inet6_ifaddr_config c = { .addr = *a, .prefix_len = 64, .flags = flags, .valid_lft_s = ~0u, .preferred_lft_s = ~0u,
					 .proto = IFAPROT_KERNEL_LL };
	struct inet6_ifaddr *ifa;
	int err;
	if (ip6_conf_any(idev, IP6_CONF_OPTIMISTIC_DAD) && !ip6_forwards(idev))
		c.flags |= IFA_F_OPTIMISTIC;
	ifa = ip6_addr_new(cpu, idev, &c, NULL, &err);
	if (!ifa)
		return;
	ifa->stable_tries = tries;
	ip6_prefix_route(cpu, idev->dev, a, 64, 0, 0, 0, true);
	ip6_dad_start(cpu, ifa);
}

/* Beside whatever link-local addresses were typed: only the same one is not made again. */
void ip6_linklocal_make(struct cpu *cpu, struct inet6_dev *idev)
{
	struct net_device *dev = idev->dev;
	struct inaddr a = { .b = { 0xfe, 0x80 } };
	struct inet6_ifaddr_config lo = { .addr = inaddr_v6_loopback(), .prefix_len = 128, .valid_lft_s = ~0u, .preferred_lft_s = ~0u,
					  .proto = IFAPROT_KERNEL_LO };
	struct inet6_ifaddr *ifa;
	u8 tries = 0;
	int err;

	if (dev->flags & IFF_LOOPBACK) {
		ifa = ip6_addr_new(cpu, idev, &lo, NULL, &err);
		if (ifa)
			ip6_dad_start(cpu, ifa);
		return;
	}
	if (dev->flags & IFF_MULTICAST && dev->flags & IFF_UP)
		ip6_group_route(cpu, dev, true);
	if (dev->l3mdev_table) /* a VRF is on no link */
		return;
	switch (idev->conf.v[IP6_CONF_ADDR_GEN_MODE]) {
	case IP6_GEN_EUI64:
		if (ip6_eui64(dev, a.b + 8))
			linklocal_add(cpu, idev, &a, 0, 0);
		break;
	case IP6_GEN_RANDOM:
		if (!idev->conf.has_secret) {
			rng_bytes(&cpu->rng, idev->conf.secret.b, 16);
			idev->conf.has_secret = true;
		}
		/* fall through */
	case IP6_GEN_STABLE:
		if (ip6_stable_addr(cpu, idev, &a, &tries))
			linklocal_add(cpu, idev, &a, IFA_F_STABLE_PRIVACY, tries);
		break;
	}
}

/* -- from prefixes (RFC 4862 section 5.5) -- */

static bool make_identifier(struct cpu *cpu, struct inet6_dev *idev, struct inaddr *a, struct inet6_ifaddr_config *c, u8 *tries, bool *token)
{
	s32 mode = idev->conf.v[IP6_CONF_ADDR_GEN_MODE];
	*tries = 0;
	*token = !v6_is_any(&idev->token);
	if (*token) {
		a->q[1] = idev->token.q[1];
		return true;
	}
	if ((mode == IP6_GEN_STABLE || mode == IP6_GEN_RANDOM) && !(idev->dev->flags & IFF_LOOPBACK)) {
		c->flags |= IFA_F_STABLE_PRIVACY;
		return ip6_stable_addr(cpu, idev, a, tries);
	}
	return ip6_eui64(idev->dev, a->b + 8);
}

static struct inet6_ifaddr *slaac_new(struct cpu *cpu, struct inet6_dev *idev, struct inaddr *a, u32 valid, u32 preferred)
{
	struct inet6_ifaddr_config c = { .prefix_len = 64, .valid_lft_s = valid, .preferred_lft_s = preferred, .proto = IFAPROT_KERNEL_RA,
				       };
	struct inet6_ifaddr *ifa, *i;
	unsigned n = 0;
	u8 tries;
	bool token;
	int err;

	if (!make_identifier(cpu, idev, a, &c, &tries, &token))
		return NULL;
	ifa = ip6_ifaddr_find(idev->dev->net, a, idev->dev, 0);
	if (ifa || !valid)
		return ifa;
	list_for_each(i, &idev->addrs, link)
		n++;
	if (idev->conf.v[IP6_CONF_MAX_ADDRESSES] && n >= (unsigned)idev->conf.v[IP6_CONF_MAX_ADDRESSES])
		return NULL;
	c.addr = *a;
	if (ip6_conf_any(idev, IP6_CONF_OPTIMISTIC_DAD) && !ip6_forwards(idev))
		c.flags |= IFA_F_OPTIMISTIC;
	ifa = ip6_addr_new(cpu, idev, &c, NULL, &err);
	if (!ifa)
		return NULL;
	ifa->flags |= IFA_F_MANAGETEMPADDR;
	ifa->flags &= ~(u32)(IFA_F_PERMANENT | IFA_F_DEPRECATED);
	ifa->tokenized = token;
	ifa->stable_tries = tries;
	ip6_dad_start(cpu, ifa);
	return ip6_ifaddr_find(idev->dev->net, a, idev->dev, 0);
}

static void temps_update(struct cpu *cpu, struct inet6_dev *idev, struct inet6_ifaddr *pub, u32 valid, u32 preferred, bool made)
{
	struct inet6_ifaddr *t;
	bool any = false;
	if (pub->prefix_len != 64 || !(pub->flags & IFA_F_MANAGETEMPADDR))
		return;
	list_for_each(t, &idev->addrs, link) {
		u32 age, max_valid, max_pref;
		if (t->pub != pub || !(t->flags & IFA_F_TEMPORARY))
			continue;
		age = (u32)((cpu->now - t->cstamp) / NSEC_PER_SEC);
		max_valid = (u32)idev->conf.v[IP6_CONF_TEMP_VALID_LFT] > age ? (u32)idev->conf.v[IP6_CONF_TEMP_VALID_LFT] - age : 0;
		max_pref = (u32)idev->conf.v[IP6_CONF_TEMP_PREFERED_LFT] > age + (u32)(idev->desync_ns / NSEC_PER_SEC) ?
				   (u32)idev->conf.v[IP6_CONF_TEMP_PREFERED_LFT] - age - (u32)(idev->desync_ns / NSEC_PER_SEC) : 0;
		t->valid_lft_s = MIN(valid, max_valid);
		t->preferred_lft_s = MIN(preferred, max_pref);
		t->tstamp = cpu->now;
		if (t->preferred_lft_s)
			t->flags &= ~(u32)IFA_F_DEPRECATED;
		if (!t->regenerated)
			any = true;
		if (!(t->flags & IFA_F_TENTATIVE))
			ip6_addr_notify(cpu, t);
	}
	if ((made || !any) && idev->conf.v[IP6_CONF_USE_TEMPADDR] > 0)
		ip6_temp_make(cpu, pub);
}

void ip6_rx_prefix(struct cpu *cpu, struct inet6_dev *idev, const struct nd_opt_prefix *p, bool with_route)
{
	struct net_device *dev = idev->dev;
	struct inaddr prefix = inaddr_from_v6(p->prefix), a;
	u32 valid = be32_to_cpu(p->valid_s), preferred = be32_to_cpu(p->preferred_s);
	struct nd_prefix_event told = { .dev = dev, .opt = p };
	struct inet6_ifaddr *ifa;
	bool existed;

	if (v6_is_multicast(&prefix) || v6_is_linklocal(&prefix) || preferred > valid)
		return;
	if (p->flags & ND_PREFIX_ONLINK && p->prefix_len <= 128) {
		const struct net_device *vrf = dev_vrf(dev);
		u64 until = valid == ~0u || !valid ? 0 : cpu->now + valid * NSEC_PER_SEC;
		struct fib6_alias *rt;
		a = v6_prefix(&prefix, p->prefix_len);
		rt = fib6_route_of(dev->net, vrf ? vrf->l3mdev_table : RT_TABLE_MAIN, &a, p->prefix_len, dev, NULL, FIB6_ADDRCONF | FIB6_PREFIX_RT);
		if (rt && valid)
			fib6_route_refresh(dev->net, rt, rt->pref, until);
		else if (rt || valid)
			ip6_prefix_route(cpu, dev, &prefix, p->prefix_len, 0, until, FIB6_ADDRCONF | FIB6_PREFIX_RT, valid != 0);
	}
	if (!(p->flags & ND_PREFIX_AUTO) || !idev->conf.v[IP6_CONF_AUTOCONF]) {
		event_send(cpu, dev->net, EV_ND_PREFIX, &told, 0);
		return;
	}
	if (p->prefix_len != 64)
		return;
	a = v6_prefix(&prefix, 64);
	ifa = slaac_new(cpu, idev, &a, 0, 0);
	existed = ifa != NULL;
	if (!existed) {
		event_send(cpu, dev->net, EV_ND_PREFIX, &told, 0);
		ifa = slaac_new(cpu, idev, &a, valid, preferred);
		if (!ifa)
			return;
		temps_update(cpu, idev, ifa, valid, preferred, true);
	} else {
		/* RFC 4862 section 5.5.3 e: nobody shortens a life at once to less than two hours. */
		u32 stored = 0, age = (u32)((cpu->now - ifa->tstamp) / NSEC_PER_SEC), least;
		if (ifa->valid_lft_s > age)
			stored = ifa->valid_lft_s == ~0u ? ~0u : ifa->valid_lft_s - age;
		least = idev->conf.v[IP6_CONF_RA_HONOR_PIO_LIFE] ? 0 : MIN(stored, (u32)MIN_VALID_LFT);
		valid = MAX(valid, least);
		ifa->valid_lft_s = valid;
		ifa->preferred_lft_s = MIN(preferred, valid);
		ifa->tstamp = cpu->now;
		ifa->flags &= ~(u32)IFA_F_DEPRECATED; /* with no time left, the timer says so at once */
		if (!(ifa->flags & IFA_F_TENTATIVE))
			ip6_addr_notify(cpu, ifa);
		temps_update(cpu, idev, ifa, valid, ifa->preferred_lft_s, false);
		event_send(cpu, dev->net, EV_ND_PREFIX, &told, 0);
	}
	ip6_addr_arm(dev->net);
}

/* A temporary address beside a public one (RFC 8981 section 3.4): random identifier, shorter life, made anew before it is deprecated. */
void ip6_temp_make(struct cpu *cpu, struct inet6_ifaddr *pub)
{
	struct inet6_dev *idev = pub->idev;
	struct net_device *dev = idev->dev;
	struct inet6_ifaddr_config c = { .prefix_len = pub->prefix_len, .flags = IFA_F_TEMPORARY, .proto = IFAPROT_KERNEL_RA };
	const s32 *v = idev->conf.v;
	struct inet6_ifaddr *ifa;
	u32 age = (u32)((cpu->now - pub->tstamp) / NSEC_PER_SEC), desync, advance;
	u64 retrans = idev->nd_parms ? idev->nd_parms->retrans_time : NSEC_PER_SEC;
	int err;

	if (v[IP6_CONF_USE_TEMPADDR] <= 0)
		return;
	advance = (u32)v[IP6_CONF_REGEN_MIN_ADVANCE] +
		  (u32)((u64)v[IP6_CONF_REGEN_MAX_RETRY] * (u32)v[IP6_CONF_DAD_TRANSMITS] * MAX(retrans, 10 * NSEC_PER_MSEC) / NSEC_PER_SEC);
	desync = (u32)MIN(v[IP6_CONF_MAX_DESYNC_FACTOR], v[IP6_CONF_TEMP_PREFERED_LFT] - (s32)advance < 0 ? 0 : v[IP6_CONF_TEMP_PREFERED_LFT] - (s32)advance);
	if (!idev->desync_ns || idev->desync_ns > desync * NSEC_PER_SEC)
		idev->desync_ns = rng_below(&cpu->rng, desync + 1) * NSEC_PER_SEC;
	c.valid_lft_s = (u32)v[IP6_CONF_TEMP_VALID_LFT];
	c.preferred_lft_s = (u32)v[IP6_CONF_TEMP_PREFERED_LFT] - (u32)(idev->desync_ns / NSEC_PER_SEC);
	if (pub->valid_lft_s != ~0u)
		c.valid_lft_s = MIN(c.valid_lft_s, pub->valid_lft_s > age ? pub->valid_lft_s - age : 0);
	if (pub->preferred_lft_s != ~0u)
		c.preferred_lft_s = MIN(c.preferred_lft_s, pub->preferred_lft_s > age ? pub->preferred_lft_s - age : 0);
	if (c.preferred_lft_s <= advance) /* it would be replaced at once */
		return;
	c.addr = pub->addr;
	do
		c.addr.q[1] = rng_u64(&cpu->rng);
	while (reserved(&c.addr) || ip6_ifaddr_find(dev->net, &c.addr, dev, 0));
	if (pub->flags & IFA_F_OPTIMISTIC)
		c.flags |= IFA_F_OPTIMISTIC;
	ifa = ip6_addr_new(cpu, idev, &c, NULL, &err);
	if (!ifa)
		return;
	ifa->flags &= ~(u32)IFA_F_PERMANENT;
	ifa->pub = pub;
	ifa->regen_advance_ns = advance * NSEC_PER_SEC;
	ip6_dad_start(cpu, ifa);
	ip6_addr_arm(dev->net);
}

int ip6_token_set(struct cpu *cpu, struct inet6_dev *idev, const struct inaddr *token, struct nl_ext_ack *ack)
{
	static const struct inaddr all_routers = { .b = { 0xff, 2, [15] = 2 } };
	struct inet6_ifaddr *a, *ll;
	bool clear = v6_is_any(token);

	if (idev->dev->flags & (IFF_LOOPBACK | IFF_NOARP)) {
		NL_SET_ERR(ack, idev->dev->flags & IFF_LOOPBACK ? "ipv6: Device is loopback" : "ipv6: Device does not do neighbour discovery");
		return -EINVAL;
	}
	if (ip6_forwards(idev) ? idev->conf.v[IP6_CONF_ACCEPT_RA] != 2 : !idev->conf.v[IP6_CONF_ACCEPT_RA]) {
		NL_SET_ERR(ack, "ipv6: Router advertisement is disabled on device");
		return -EINVAL;
	}
	if (!idev->conf.v[IP6_CONF_RTR_SOLICITS]) {
		NL_SET_ERR(ack, "Router solicitation is disabled on device");
		return -EINVAL;
	}
	idev->token.q[0] = 0;
	idev->token.q[1] = token->q[1];
	ll = ip6_linklocal_of(idev, IFA_F_TENTATIVE | IFA_F_OPTIMISTIC);
	if (!clear && idev->ready && ll) {
		ndisc_send_rs(cpu, idev->dev, &ll->addr, &all_routers);
		idev->rs_probes = 1;
		idev->ra_flags = (u8)((idev->ra_flags & ~0x20u) | 0x10u); /* an advertisement is waited for again */
	}
	list_for_each(a, &idev->addrs, link) {
		if (!a->tokenized)
			continue;
		a->valid_lft_s = a->preferred_lft_s = 0;
		a->tstamp = cpu->now;
	}
	ip6_dev_tell(cpu, idev);
	ip6_addr_arm(idev->dev->net);
	return 0;
}

int ip6_gen_mode_set(struct cpu *cpu, struct inet6_dev *idev, u8 mode)
{
	if (mode > IP6_GEN_RANDOM)
		return -EINVAL;
	if (mode == IP6_GEN_STABLE && !idev->conf.has_secret && !idev->dev->net->ip6->conf_default.has_secret)
		return -EINVAL;
	idev->conf.v[IP6_CONF_ADDR_GEN_MODE] = mode;
	return 0;
}
