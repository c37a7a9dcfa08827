/* Duplicate address detection (RFC 4862 section 5.4, 4429: optimistic, 7527: with a nonce against one's own probes looped back).
 *
 * A new address waits a random moment, sends its probes (dad_transmits, a retransmission time apart), and is used when nobody objected.
 * What happens to a duplicate depends on where the address came from: one that was made here is made anew, one that an administrator gave
 * stays, marked.
 */
#include <stdio.h>

#include "inet/ip6/ip6_priv.h"

static const struct inaddr all_routers = { .b = { 0xff, 2, [15] = 2 } };
static const struct inaddr all_nodes = { .b = { 0xff, 2, [15] = 1 } };

/* The namespace's own cpu runs what waits; the caller may be another one that holds all batons (a change of configuration). */
static void at_home(const struct net_device *dev, struct timer *t, u64 delay)
{
	struct cpu *home = dev->net->home;

	cpu_timer_arm(home, t, home->now + delay);
}

/* RFC 4291 section 2.7.1. */
void ip6_solicited_node(const struct inaddr *a, struct inaddr *out)
{
	*out = (struct inaddr){ .b = { 0xff, 2, [11] = 1, 0xff, a->b[13], a->b[14], a->b[15] } };
}

static void solicited_join(struct cpu *cpu, struct inet6_ifaddr *ifa)
{
	struct inaddr sn;
	if (ifa->joined || ifa->idev->dev->flags & (IFF_LOOPBACK | IFF_NOARP))
		return;
	ip6_solicited_node(&ifa->addr, &sn);
	ifa->joined = !ip6_mc_join(cpu, ifa->idev->dev, &sn);
}

void ip6_solicited_leave(struct cpu *cpu, struct inet6_ifaddr *ifa)
{
	struct inaddr sn;
	ip6_solicited_node(&ifa->addr, &sn);
	if (ifa->joined)
		ip6_mc_leave(cpu, ifa->idev->dev, &sn);
	ifa->joined = false;
}

/* RFC 8415 section 15: the first wait, and the next. */
static u64 randomized(struct cpu *cpu, u64 t) { return t * (900000 + rng_below(&cpu->rng, 200001)) / 1000000; }

static bool accepts_ra(const struct inet6_dev *idev)
{
	return ip6_forwards(idev) ? idev->conf.v[IP6_CONF_ACCEPT_RA] == 2 : idev->conf.v[IP6_CONF_ACCEPT_RA];
}

void ip6_start_rs(struct cpu *cpu, struct inet6_dev *idev)
{
	struct inet6_ifaddr *ll = ip6_linklocal_of(idev, IFA_F_TENTATIVE | IFA_F_DADFAILED);
	if (!ll || !accepts_ra(idev) || !idev->conf.v[IP6_CONF_RTR_SOLICITS] || idev->dev->flags & IFF_LOOPBACK)
		return;
	ndisc_send_rs(cpu, idev->dev, &ll->addr, &all_routers);
	idev->rs_probes = 1;
	idev->rs_interval = randomized(cpu, idev->conf.rtr_solicit_interval);
	idev->ra_flags |= 0x10; /* IF_RS_SENT */
	at_home(idev->dev, &idev->rs_timer, idev->rs_interval);
}

void ip6_rs_timer(void *owner, struct timer *t)
{
	struct cpu *cpu = owner;
	struct inet6_dev *idev = container_of(t, struct inet6_dev, rs_timer);
	struct inet6_ifaddr *ll = ip6_linklocal_of(idev, IFA_F_TENTATIVE);
	s32 max = idev->conf.v[IP6_CONF_RTR_SOLICITS];

	if (idev->dead || !idev->ready || !accepts_ra(idev) || idev->ra_flags & 0x20 /* IF_RA_RCVD */)
		return;
	if (max >= 0 && idev->rs_probes >= max)
		return;
	if (idev->rs_probes < 255)
		idev->rs_probes++;
	if (ll)
		ndisc_send_rs(cpu, idev->dev, &ll->addr, &all_routers);
	idev->rs_interval = 2 * idev->rs_interval;
	if (idev->rs_interval > idev->conf.rtr_solicit_max_interval)
		idev->rs_interval = randomized(cpu, idev->conf.rtr_solicit_max_interval);
	else
		idev->rs_interval = randomized(cpu, idev->rs_interval);
	at_home(idev->dev, &idev->rs_timer, max >= 0 && idev->rs_probes == max ? idev->conf.rtr_solicit_delay : idev->rs_interval);
}

void ip6_dad_done(struct cpu *cpu, struct inet6_ifaddr *ifa)
{
	struct inet6_dev *idev = ifa->idev;
	struct net_device *dev = idev->dev;
	bool was_optimistic = ifa->flags & IFA_F_OPTIMISTIC, lonely = true;
	struct inet6_ifaddr *a;

	timer_cancel(&ifa->dad_timer);
	ifa->state = IP6_DAD_DONE;
	ifa->flags &= ~(u32)(IFA_F_TENTATIVE | IFA_F_OPTIMISTIC | IFA_F_DADFAILED);
	ip6_addr_notify(cpu, ifa);
	if (ifa->scope == RT_SCOPE_LINK) {
		list_for_each(a, &idev->addrs, link)
			if (a != ifa && a->scope == RT_SCOPE_LINK && !(a->flags & (IFA_F_TENTATIVE | IFA_F_OPTIMISTIC | IFA_F_DADFAILED)))
				lonely = false;
		if (lonely)
			mld_dad_done(cpu, idev);
		if (lonely && !(dev->flags & IFF_LOOPBACK)) /* the first address it may speak with */
			ip6_start_rs(cpu, idev);
	}
	if (was_optimistic || (ip6_conf_any(idev, IP6_CONF_NDISC_NOTIFY) && idev->ready))
		ndisc_send_na(cpu, dev, &all_nodes, &ifa->addr, ip6_forwards(idev), false, true, true);
}

void ip6_dad_kick(struct cpu *cpu, struct inet6_ifaddr *ifa, u64 delay)
{
	struct inet6_dev *idev = ifa->idev;
	ifa->dad_nonce = 0;
	while (ip6_conf_any(idev, IP6_CONF_ENHANCED_DAD) && !ifa->dad_nonce)
		ifa->dad_nonce = rng_u64(&cpu->rng) & 0xffffffffffffull;
	ifa->dad_probes = (u8)CLAMP(idev->conf.v[IP6_CONF_DAD_TRANSMITS], 0, 255);
	ifa->state = IP6_DAD_WAITING;
	at_home(ifa->idev->dev, &ifa->dad_timer, delay);
}

static u64 start_delay(struct cpu *cpu, const struct inet6_ifaddr *ifa)
{
	u64 max_ms = ifa->idev->conf.rtr_solicit_delay / NSEC_PER_MSEC;
	return ifa->flags & IFA_F_OPTIMISTIC || !max_ms ? 0 : rng_below(&cpu->rng, (u32)MIN(max_ms, (u64)UINT32_MAX)) * NSEC_PER_MSEC;
}

void ip6_dad_start(struct cpu *cpu, struct inet6_ifaddr *ifa)
{
	struct inet6_dev *idev = ifa->idev;
	struct net_device *dev = idev->dev;
	struct netns *net = dev->net;

	solicited_join(cpu, ifa);
	if (dev->flags & (IFF_NOARP | IFF_LOOPBACK) || ifa->flags & IFA_F_NODAD || !(ifa->flags & IFA_F_TENTATIVE) ||
	    (net->ip6->conf_all.v[IP6_CONF_ACCEPT_DAD] < 1 && idev->conf.v[IP6_CONF_ACCEPT_DAD] < 1)) {
		ip6_dad_done(cpu, ifa);
		return;
	}
	if (!idev->ready) { /* it stays tentative until the link is there */
		ifa->state = IP6_DAD_DONE;
		if (!(ifa->flags & IFA_F_PERMANENT))
			ip6_addr_drop(cpu, ifa);
		return;
	}
	if (ifa->flags & IFA_F_OPTIMISTIC)
		ip6_addr_notify(cpu, ifa);
	ip6_dad_kick(cpu, ifa, start_delay(cpu, ifa));
}

/* Neighbours are asked for again, or no more: each address is looked at once more after a random moment, and told of. */
void ip6_dad_again(struct cpu *cpu, struct inet6_dev *idev)
{
	struct inet6_ifaddr *a;
	list_for_each(a, &idev->addrs, link) {
		ip6_dad_kick(cpu, a, start_delay(cpu, a));
		if (!(a->flags & IFA_F_TENTATIVE) || idev->dev->flags & IFF_NOARP)
			a->dad_probes = 0;
	}
}

void ip6_dad_timer(void *owner, struct timer *t)
{
	struct cpu *cpu = owner;
	struct inet6_ifaddr *ifa = container_of(t, struct inet6_ifaddr, dad_timer);
	struct inet6_dev *idev = ifa->idev;
	struct inaddr sn, any = inaddr_v6_any();

	if (idev->dead || !idev->ready)
		return;
	if (ifa->state == IP6_DAD_FAILED) { /* a new interface identifier is due (RFC 7217 section 6) */
		struct inet6_ifaddr_config c = { .addr = ifa->addr, .prefix_len = ifa->prefix_len, .flags = ifa->flags & ~(u32)(IFA_F_TENTATIVE | IFA_F_DADFAILED),
						 .valid_lft_s = ifa->valid_lft_s, .preferred_lft_s = ifa->preferred_lft_s, .proto = ifa->proto };
		struct inet6_ifaddr *n;
		u8 tries = (u8)(ifa->stable_tries + 1);
		int err;
		ip6_addr_drop(cpu, ifa);
		if (tries > idev->dev->net->ip6->idgen_retries || !ip6_stable_addr(cpu, idev, &c.addr, &tries))
			return;
		n = ip6_addr_new(cpu, idev, &c, NULL, &err);
		if (n) {
			n->flags |= IFA_F_STABLE_PRIVACY;
			n->stable_tries = tries;
			if (!(n->flags & IFA_F_NOPREFIXROUTE) && n->scope == RT_SCOPE_LINK)
				ip6_prefix_route(cpu, idev->dev, &n->addr, n->prefix_len, 0, 0, 0, true);
			ip6_dad_start(cpu, n);
		}
		return;
	}
	if (!ifa->dad_probes) {
		ip6_dad_done(cpu, ifa);
		return;
	}
	ifa->state = IP6_DAD_PROBING;
	ifa->dad_probes--;
	at_home(idev->dev, &ifa->dad_timer, idev->nd_parms ? MAX(idev->nd_parms->retrans_time, 10 * NSEC_PER_MSEC) : NSEC_PER_SEC);
	ip6_solicited_node(&ifa->addr, &sn);
	ndisc_send_ns(cpu, idev->dev, &ifa->addr, &sn, &any, ifa->dad_nonce);
}

static void log_duplicate(const struct inet6_ifaddr *ifa, const struct sk_buff *skb)
{
	const struct inaddr *a = &ifa->addr;
	const u8 *m = skb && skb->mac_header != SKB_OFF_UNSET ? skb_mac_header(skb) + 6 : ifa->idev->dev->broadcast;
	char text[48];
	unsigned at = 0;
	for (unsigned i = 0; i < 16; i += 2)
		at += (unsigned)snprintf(text + at, sizeof(text) - at, "%s%x", i ? ":" : "", a->b[i] << 8 | a->b[i + 1]);
	world_log(ifa->idev->dev->net->world, 6, "IPv6: %s: IPv6 duplicate address %s used by %02x:%02x:%02x:%02x:%02x:%02x detected!",
		  ifa->idev->dev->name, text, m[0], m[1], m[2], m[3], m[4], m[5]);
}

void ip6_dad_failed(struct cpu *cpu, struct inet6_ifaddr *ifa, const struct sk_buff *skb)
{
	struct inet6_dev *idev = ifa->idev;
	bool eui = false;
	u8 id[8];

	if (ifa->state == IP6_DAD_FAILED)
		return;
	log_duplicate(ifa, skb);
	timer_cancel(&ifa->dad_timer);
	ip6_solicited_leave(cpu, ifa);
	ifa->state = IP6_DAD_FAILED;
	if (ifa->flags & IFA_F_OPTIMISTIC && ifa->notified) {
		ip6_host_route(cpu, ifa, false);
		ifa->notified = false;
	}
	ifa->flags &= ~(u32)IFA_F_OPTIMISTIC;
	ifa->flags |= IFA_F_TENTATIVE | IFA_F_DADFAILED;
	if (ifa->flags & IFA_F_STABLE_PRIVACY) {
		event_send(cpu, idev->dev->net, EV_ADDR_ADD, ifa, AF_INET6);
		at_home(idev->dev, &ifa->dad_timer, idev->dev->net->ip6->idgen_delay_ns);
		return;
	}
	if (ifa->flags & IFA_F_PERMANENT) {
		event_send(cpu, idev->dev->net, EV_ADDR_ADD, ifa, AF_INET6);
		eui = idev->conf.v[IP6_CONF_ACCEPT_DAD] > 1 && ifa->scope == RT_SCOPE_LINK && ip6_eui64(idev->dev, id) && !memcmp(id, ifa->addr.b + 8, 8);
		if (eui) { /* somebody has our hardware address: nothing we said could be trusted */
			world_log(idev->dev->net->world, 6, "IPv6: %s: IPv6 being disabled!", idev->dev->name);
			idev->conf.v[IP6_CONF_DISABLE_IPV6] = 1;
			ip6_dev_set_disabled(cpu, idev, true);
		}
		return;
	}
	if (ifa->flags & IFA_F_TEMPORARY && ifa->pub && ifa->pub->regen_count++ < idev->conf.v[IP6_CONF_REGEN_MAX_RETRY])
		ip6_temp_make(cpu, ifa->pub);
	ip6_addr_drop(cpu, ifa);
}
