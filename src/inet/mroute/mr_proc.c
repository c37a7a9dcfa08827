/* /proc/net/ip_mr_vif, ip_mr_cache and their IPv6 twins: of the default table. */
#include "base/strbuf.h"
#include "inet/mroute/mroute.h"

void mr_proc_vifs(struct netns *net, const struct mr_family *f, struct strbuf *out)
{
	struct mr_table *t = mr_table_find(net, f, f->default_table);
	bool v4 = f->family == AF_INET;
	strbuf_printf(out, "Interface      BytesIn  PktsIn  BytesOut PktsOut Flags%s\n", v4 ? " Local    Remote" : "");
	for (u32 i = 0; t && i < t->nvifs; i++) {
		const struct mr_vif *v = &t->vif[i];
		if (!v->dev)
			continue;
		strbuf_printf(out, "%2u %-10s %8lu %7lu  %8lu %7lu %05X", i, v->dev->name, v->bytes_in, v->pkts_in, v->bytes_out, v->pkts_out,
			      v->flags);
		if (v4)
			strbuf_printf(out, " %08X %08X", v->local.raw, v->remote.raw);
		strbuf_printf(out, "\n");
	}
}

static void addr(struct strbuf *out, const struct inaddr *a, bool v4)
{
	if (v4) {
		strbuf_printf(out, "%08X ", inaddr_v4(a).raw);
		return;
	}
	for (unsigned i = 0; i < 16; i += 2)
		strbuf_printf(out, "%02x%02x%s", a->b[i], a->b[i + 1], i < 14 ? ":" : " ");
}

static void line(struct strbuf *out, const struct mr_table *t, const struct mr_entry *e, bool resolved)
{
	bool v4 = t->ops->family == AF_INET;
	addr(out, &e->group, v4);
	addr(out, &e->origin, v4);
	strbuf_printf(out, "%-3d %8lu %8lu %8lu", (s16)e->parent, e->pkts, e->bytes, e->wrong_if);
	for (u32 i = e->minvif; resolved && i < e->maxvif; i++)
		if (t->vif[i].dev && e->ttl[i] != MR_TTL_OFF)
			strbuf_printf(out, " %2u:%-3d", i, e->ttl[i]);
	strbuf_printf(out, "\n");
}

void mr_proc_entries(struct netns *net, const struct mr_family *f, struct strbuf *out)
{
	struct mr_table *t = mr_table_find(net, f, f->default_table);
	const struct mr_entry *e;
	if (f->family == AF_INET)
		strbuf_printf(out, "Group    Origin   Iif     Pkts    Bytes    Wrong Oifs\n");
	else
		strbuf_printf(out, "Group                            Origin                           Iif      Pkts  Bytes     Wrong  Oifs\n");
	if (!t)
		return;
	list_for_each(e, &t->entries, link)
		line(out, t, e, true);
	list_for_each(e, &t->unresolved, link)
		line(out, t, e, false);
}
