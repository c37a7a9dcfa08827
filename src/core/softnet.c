/* The knobs of cpu_run() and its counters. The values are the world's, so only its first namespace shows them, as Linux does. */
#include <limits.h>

#include "core/softnet.h"

static void *base(struct netns *net, const char *dev)
{
	(void)dev;
	return net->world;
}

static int set_backlog(struct netns *net, void *world, const struct sysctl *s, const char *text)
{
	struct world *w = world;

	(void)net, (void)s, (void)text;
	for (unsigned i = 0; i < w->ncpus; i++)
		w->cpu[i]->backlog_max = w->netdev_max_backlog;
	return 0;
}

#define WORLD(field) .offset = offsetof(struct world, field)
static const struct sysctl entries[] = {
	{ "message_cost", SYSCTL_INT, 0644, .init_only = true, WORLD(message_cost) },
	{ "message_burst", SYSCTL_INT, 0644, .init_only = true, WORLD(message_burst) },
	{ "dev_weight", SYSCTL_INT, 0644, .init_only = true, WORLD(dev_weight), .min = 1, .max = INT_MAX },
	{ "netdev_budget", SYSCTL_INT, 0644, .init_only = true, WORLD(netdev_budget), .min = 1, .max = INT_MAX },
	{ "netdev_budget_usecs", SYSCTL_UINT, 0644, .init_only = true, WORLD(netdev_budget_usecs) },
	{ "netdev_max_backlog", SYSCTL_INT, 0644, .init_only = true, WORLD(netdev_max_backlog), .min = 0, .max = INT_MAX,
	  .set = set_backlog },
};
const struct sysctl_table softnet_sysctls = { .dir = "core", .entries = entries, .count = ARRAY_SIZE(entries), .base = base };

/* One line a cpu, 15 columns in hexadecimal; the zeros are what Linux no longer counts, or what weft has not. */
static void show_stat(struct netns *net, struct strbuf *out)
{
	for (unsigned i = 0; i < net->world->ncpus; i++) {
		const struct cpu *cpu = net->world->cpu[i];
		u32 waiting = cpu->backlog.count + backlog_crossed_count(cpu);

		strbuf_printf(out, "%08x %08x %08x %08x %08x %08x %08x %08x %08x %08x %08x %08x %08x %08x %08x\n",
			      (u32)cpu->softnet.processed, (u32)backlog_dropped(cpu), (u32)cpu->softnet.time_squeeze, 0, 0, 0, 0, 0,
			      0, (u32)cpu->softnet.received_rps, 0, waiting, cpu->id, waiting, 0);
	}
}

const struct proc_file softnet_proc_stat = { "softnet_stat", 0444, show_stat };
