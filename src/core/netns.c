/* Network namespaces: their life, their reference count, and their counters.
 *
 * Subsystems begin in the tables' order and end in the opposite one, in two passes: netns_exit stops everything (closes
 * sockets, unregisters devices; memory stays, because one subsystem's end may still look into another's state), then, when
 * the last reference is gone and every cpu has passed a step, netns_fini frees.
 */
#include <stdio.h>

#include "core/event.h"
#include "core/netns.h"
#include "core/stack_tables.h"
#include "core/subsys.h"

static void exit_subsystems(struct netns *net)
{
	for (unsigned i = net->subsys_up; i-- > 0;) {
		const struct subsys *s = net->world->tables->subsys[i];

		if (s->netns_exit)
			s->netns_exit(net);
	}
}

static void fini_subsystems(struct netns *net)
{
	while (net->subsys_up-- > 0) {
		const struct subsys *s = net->world->tables->subsys[net->subsys_up];

		if (s->netns_fini)
			s->netns_fini(net);
	}
}

static void release(struct netns *net)
{
	struct mem *mem = &net->world->mem;

	for (unsigned i = 0; i < net->world->ncpus; i++)
		mem_free(mem, net->pcpu[i]);
	mem_free(mem, net);
}

static int init_subsystems(struct netns *net)
{
	const struct subsys *const *s = net->world->tables->subsys;

	for (; s && s[net->subsys_up]; net->subsys_up++) {
		int err = s[net->subsys_up]->netns_init ? s[net->subsys_up]->netns_init(net) : 0;

		if (err)
			return err;
	}
	return 0;
}

int netns_new(struct world *w, const char *name, int home, struct netns **out)
{
	struct netns *net;
	int err;

	if (home < -1 || home >= (int)w->ncpus)
		return -EINVAL;
	net = mem_zalloc(&w->mem, sizeof(*net));
	if (!net)
		return -ENOMEM;
	net->world = w;
	net->home = w->cpu[home >= 0 ? (unsigned)home : w->next_home % w->ncpus];
	net->id = w->next_netns_id;
	net->cookie = w->next_cookie;
	net->refcnt = 1;
	snprintf(net->name, sizeof(net->name), "%s", name ? name : "");
	for (unsigned i = 0; i < w->ncpus; i++) {
		net->pcpu[i] = mem_alloc_aligned(&w->mem, CACHELINE, sizeof(*net->pcpu[i]));
		if (!net->pcpu[i]) {
			release(net);
			return -ENOMEM;
		}
		memset(net->pcpu[i], 0, sizeof(*net->pcpu[i]));
	}
	/* Subsystems look at these: whether this is the first namespace, and who else is there. */
	if (!w->init_net)
		w->init_net = net;
	list_add_tail(&w->netns_list, &net->world_link);
	err = init_subsystems(net);
	if (err) {
		net->dying = true;
		exit_subsystems(net);
		list_del(&net->world_link);
		if (w->init_net == net)
			w->init_net = NULL;
		fini_subsystems(net);
		release(net);
		return err;
	}
	w->next_netns_id++;
	w->next_cookie++;
	if (home < 0)
		w->next_home++;
	*out = net;
	return 0;
}

static void reclaim(struct epoch_node *node)
{
	struct netns *net = container_of(node, struct netns, reclaim);

	fini_subsystems(net);
	release(net);
}

void netns_put(struct netns *net)
{
	u32 left = __atomic_sub_fetch(&net->refcnt, 1, __ATOMIC_ACQ_REL);

	assert(left != UINT32_MAX && "namespace freed twice");
	if (!left) {
		assert(net->dying && "the creator's reference ends with netns_free");
		epoch_defer_node(net->world, &net->reclaim, reclaim);
	}
}

void netns_free(struct netns *net)
{
	struct world *w = net->world;

	assert(!net->dying);
	net->dying = true;
	exit_subsystems(net);
	list_del(&net->world_link);
	if (w->init_net == net)
		w->init_net = NULL;
	netns_put(net);
}

u64 mib_sum(const struct netns *net, enum mib m)
{
	u64 sum = 0;

	for (unsigned i = 0; i < net->world->ncpus; i++)
		sum += net->pcpu[i]->mib[m];
	return sum;
}

u64 drops_sum(const struct netns *net, enum skb_drop_reason r)
{
	u64 sum = 0;

	for (unsigned i = 0; i < net->world->ncpus; i++)
		sum += net->pcpu[i]->drops[r];
	return sum;
}
