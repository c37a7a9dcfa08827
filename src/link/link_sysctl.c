/* net.core settings that belong to devices, in a world's first namespace. (core/ has the cpus' own: netdev_budget, dev_weight.)
 */
#include "core/sysctl.h"
#include "link/netns_dev.h"
#include "link/qdisc.h"

static int qdisc_get(struct netns *net, void *base, const struct sysctl *s, struct strbuf *out)
{
	strbuf_printf(out, "%s", ((struct netns_dev *)base)->default_qdisc);
	return 0;
}

/* Only what can stand in front of a driver's queue by itself. */
static int qdisc_set(struct netns *net, void *base, const struct sysctl *s, const char *text)
{
	const struct qdisc_ops *ops;
	char name[16];
	sysctl_parse_string(text, name, sizeof(name));
	ops = qdisc_ops_find(net->world, name);
	if (!ops || !ops->enqueue)
		return -ENOENT;
	memcpy(((struct netns_dev *)base)->default_qdisc, name, sizeof(name));
	return 0;
}

static void *base(struct netns *net, const char *dev) { return net->dev; }

static const struct sysctl entries[] = {
	{ .name = "default_qdisc", .kind = SYSCTL_CUSTOM, .mode = 0644, .init_only = true, .get = qdisc_get, .set = qdisc_set },
};
const struct sysctl_table link_core_sysctls = { "core", false, entries, ARRAY_SIZE(entries), base };
