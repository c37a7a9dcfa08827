/* The arrays behind core/hook.h: built anew at each change, in order of priority, and swapped in.
 *
 * An array that would be empty is not there at all, so that a namespace without rules pays for one load. What an array was before
 * goes after every cpu has passed a step.
 */
#include "core/subsys.h"
#include "netfilter/nf.h"

static int pf_of(u8 family)
{
	switch (family) {
	case NFP_IPV4:
		return NFPF_IPV4;
	case NFP_IPV6:
		return NFPF_IPV6;
	case NFP_ARP:
		return NFPF_ARP;
	case NFP_BRIDGE:
		return NFPF_BRIDGE;
	default:
		return -1;
	}
}

struct retired {
	struct epoch_node node;
	struct mem *mem;
	struct hook_entries *e;
};

static void free_retired(struct epoch_node *node)
{
	struct retired *r = container_of(node, struct retired, node);
	struct mem *m = r->mem;

	mem_free(m, r->e);
	mem_free(m, r);
}

/* Without memory for the note to free it later the array is freed at once: all batons are held. */
static void retire(struct netns *net, struct hook_entries *e)
{
	struct mem *m = &net->world->mem;
	struct retired *r = e ? mem_alloc(m, sizeof(*r)) : NULL;

	if (!r) {
		mem_free(m, e);
		return;
	}
	r->mem = m;
	r->e = e;
	epoch_defer_node(net->world, &r->node, free_retired);
}

static int add_one(struct netns *net, int pf, const struct nf_hook *h)
{
	struct hook_entries **at = &net->nf->hooks[pf][h->hook], *old = *at, *e;
	unsigned n = old ? old->count : 0, i = 0;

	e = mem_alloc(&net->world->mem, sizeof(*e) + (n + 1) * sizeof(e->entry[0]));
	if (!e)
		return -ENOMEM;
	while (i < n && old->entry[i].priority < h->priority)
		i++;
	e->count = n + 1;
	if (old) {
		memcpy(e->entry, old->entry, i * sizeof(e->entry[0]));
		memcpy(e->entry + i + 1, old->entry + i, (n - i) * sizeof(e->entry[0]));
	}
	e->entry[i] = (struct hook_entry){ h->fn, h->priv, h->priority };
	ptr_publish(*at, e);
	retire(net, old);
	return 0;
}

/* Never fails: without memory for a shorter array, the one there is shortened in place. */
static void del_one(struct netns *net, int pf, const struct nf_hook *h)
{
	struct hook_entries **at = &net->nf->hooks[pf][h->hook], *old = *at, *e = NULL;
	unsigned i = 0, n = old ? old->count : 0;

	while (i < n && (old->entry[i].fn != h->fn || old->entry[i].priv != h->priv || old->entry[i].priority != h->priority))
		i++;
	if (i == n)
		return;
	if (n > 1) {
		e = mem_alloc(&net->world->mem, sizeof(*e) + (n - 1) * sizeof(e->entry[0]));
		if (!e) {
			memmove(old->entry + i, old->entry + i + 1, (n - 1 - i) * sizeof(old->entry[0]));
			old->count--;
			return;
		}
		e->count = n - 1;
		memcpy(e->entry, old->entry, i * sizeof(e->entry[0]));
		memcpy(e->entry + i, old->entry + i + 1, (n - 1 - i) * sizeof(e->entry[0]));
	}
	ptr_publish(*at, e);
	retire(net, old);
}

int nf_hook_add(struct netns *net, const struct nf_hook *h)
{
	int pf = pf_of(h->family == NFP_INET ? NFP_IPV4 : h->family), err;

	if (pf < 0 || h->hook >= NFH_INGRESS)
		return -EINVAL;
	err = add_one(net, pf, h);
	if (err || h->family != NFP_INET)
		return err;
	err = add_one(net, NFPF_IPV6, h);
	if (err)
		del_one(net, pf, h);
	return err;
}

void nf_hook_del(struct netns *net, const struct nf_hook *h)
{
	int pf = pf_of(h->family == NFP_INET ? NFP_IPV4 : h->family);

	if (pf < 0)
		return;
	del_one(net, pf, h);
	if (h->family == NFP_INET)
		del_one(net, NFPF_IPV6, h);
}

static int nf_init(struct netns *net)
{
	net->nf = mem_zalloc(&net->world->mem, sizeof(*net->nf));
	return net->nf ? 0 : -ENOMEM;
}

static void nf_fini(struct netns *net)
{
	for (int pf = 0; pf < NFPF_MAX; pf++)
		for (int h = 0; h < NFH_MAX; h++)
			mem_free(&net->world->mem, net->nf->hooks[pf][h]);
	mem_free(&net->world->mem, net->nf);
	net->nf = NULL;
}

const struct subsys nf_subsys = { .name = "netfilter", .netns_init = nf_init, .netns_fini = nf_fini };
