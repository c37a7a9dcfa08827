/* Flow labels that programs have leased (IPV6_FLOWLABEL_MGR), one register a namespace, and /proc/net/ip6_flowlabel.
 *
 * A lease says who may use a label: everybody, one process, one user, or its maker alone. It lives while a socket holds it, and after
 * that until it has expired (RFC 6437 section 3: a label must not come back too soon). What has expired is swept whenever the register
 * is looked at, so no timer is needed; the number of leases is bounded.
 */
#include "core/proc.h"
#include "inet/ip6/ip6_priv.h"
#include "inet/ip6/ip6_tables.h"

static void lease_free(struct netns *net, struct ip6_flowlabel *fl)
{
	struct mem *mem = &net->world->mem;
	list_del(&fl->link);
	net->ip6->priv->nleases--;
	mem_free(mem, fl->opts);
	mem_free(mem, fl);
}

static void sweep(struct netns *net, u64 now)
{
	struct ip6_flowlabel *fl, *tmp;
	list_for_each_safe(fl, tmp, &net->ip6->priv->leases, link)
		if (!fl->users && fl->expires <= now)
			lease_free(net, fl);
}

u32 ip6_flowlabel_count(struct cpu *cpu, struct netns *net)
{
	sweep(net, cpu->now);
	return net->ip6->priv->nleases;
}

struct ip6_flowlabel *ip6_flowlabel_find(struct cpu *cpu, struct netns *net, be32 label)
{
	struct ip6_flowlabel *fl;
	sweep(net, cpu->now);
	list_for_each(fl, &net->ip6->priv->leases, link)
		if (be32_eq(fl->label, label))
			return fl;
	return NULL;
}

void ip6_flowlabel_add(struct cpu *cpu, struct netns *net, struct ip6_flowlabel *fl)
{
	struct ip6_flowlabel *at;
	while (!fl->label.raw || ip6_flowlabel_find(cpu, net, fl->label)) {
		u32 l = rng_u32(&cpu->rng) & IP6_FLOWLABEL_MASK;
		fl->label = cpu_to_be32(net->ip6->flowlabel_state_ranges ? l & 0x7ffff : l);
	}
	list_for_each(at, &net->ip6->priv->leases, link) /* in the order in which Linux shows them */
		if ((be32_to_cpu(at->label) & 255) >= (be32_to_cpu(fl->label) & 255))
			break;
	list_add_tail(&at->link, &fl->link);
	net->ip6->priv->nleases++;
	if (fl->opts || fl->share == IP6_FL_S_PROCESS || fl->share == IP6_FL_S_USER || fl->share == IP6_FL_S_EXCL)
		net->ip6->flowlabel_excl = true;
}

void ip6_flowlabel_put(struct cpu *cpu, struct ip6_flowlabel *fl)
{
	if (--fl->users)
		return;
	fl->expires = MAX(fl->expires, cpu->now + fl->linger);
}

void ip6_flowlabels_fini(struct netns *net)
{
	while (!list_empty(&net->ip6->priv->leases))
		lease_free(net, list_first(&net->ip6->priv->leases, struct ip6_flowlabel, link));
}

static void show(struct netns *net, struct strbuf *out)
{
	u64 now = net->home->now;
	struct ip6_flowlabel *fl;
	sweep(net, now);
	strbuf_printf(out, "%-5s %-1s %-6s %-6s %-6s %-8s %-32s %s\n", "Label", "S", "Owner", "Users", "Linger", "Expires", "Dst", "Opt");
	list_for_each(fl, &net->ip6->priv->leases, link) {
		s64 left = (s64)(fl->expires - now) / (s64)NSEC_PER_SEC;
		strbuf_printf(out, "%05X %-1d %-6u %-6u %-6u %-8lld ", be32_to_cpu(fl->label), fl->share, fl->owner, fl->users,
			      (u32)(fl->linger / NSEC_PER_SEC), (long long)left);
		for (unsigned i = 0; i < 16; i++)
			strbuf_printf(out, "%02x", fl->dst.b[i]);
		strbuf_printf(out, " %-4u\n", fl->opts ? ip6_txopts_nflen(fl->opts) : 0);
	}
}
const struct proc_file ip6_proc_flowlabel = { .name = "ip6_flowlabel", .mode = 0444, .show = show };
