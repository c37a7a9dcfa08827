/* The registry of devices: a namespace's table by index and by name, and a device's life.
 *
 *	dev_new -> kind->setup -> (caller's settings) -> dev_register -> ... -> dev_unregister -> last dev_put: freed
 *
 * A device that leaves (unregister, or a move to another namespace) is first closed; then EV_LINK_UNREGISTER tells everybody to
 * drop what refers to it, and packets that came by it are taken off the backlogs. Memory goes with the last reference, after an
 * epoch. All of this runs with all batons held. rtnetlink(7), ip-link(8).
 */
#include <ctype.h>
#include <stdio.h>

#include "base/mem.h"
#include "core/stack_tables.h"
#include "link/dev_internal.h"
#include "link/gro.h"
#include "link/netns_dev.h"
#include "link/qdisc.h"

static u32 hash_name(const char *name) { return hash32_bytes(name, strlen(name), 0x6e616d65); }
static u32 hash_index(s32 ifindex) { return hash32_u64((u32)ifindex, 0x69647831); }

bool dev_name_valid(const char *name)
{
	size_t len = strlen(name);
	if (!len || len >= DEV_NAME_SIZE || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (; *name; name++)
		if (*name == '/' || *name == ':' || isspace((unsigned char)*name))
			return false;
	return true;
}

struct net_device *dev_by_index(struct netns *net, s32 ifindex)
{
	struct net_device *dev;
	if (!net->dev)
		return NULL;
	htable_for_each_match(dev, &net->dev->by_index, hash_index(ifindex), index_node)
		if (dev->ifindex == ifindex)
			return dev;
	return NULL;
}

struct net_device *dev_by_name(struct netns *net, const char *name)
{
	struct net_device *dev;
	struct dev_altname *alt;
	if (!net->dev)
		return NULL;
	htable_for_each_match(dev, &net->dev->by_name, hash_name(name), name_node)
		if (!strcmp(dev->name, name))
			return dev;
	list_for_each(alt, &net->dev->altnames, net_link)
		if (!strcmp(alt->name, name))
			return alt->dev;
	return NULL;
}

/* A name with one %d gets the lowest free number. A plain name must be free. */
int dev_name_choose(struct netns *net, const char *pattern, char out[DEV_NAME_SIZE])
{
	const char *p = strchr(pattern, '%');
	char name[DEV_NAME_SIZE + 16];
	if (!dev_name_valid(pattern))
		return -EINVAL;
	if (!p) {
		if (dev_by_name(net, pattern))
			return -EEXIST;
		strcpy(out, pattern);
		return 0;
	}
	if (p[1] != 'd' || strchr(p + 2, '%'))
		return -EINVAL;
	for (unsigned i = 0; i < 8 * 4096; i++) {
		snprintf(name, sizeof(name), "%.*s%u%s", (int)(p - pattern), pattern, i, p + 2);
		if (strlen(name) >= DEV_NAME_SIZE)
			break;
		if (!dev_by_name(net, name)) {
			memcpy(out, name, DEV_NAME_SIZE);
			return 0;
		}
	}
	return -ENFILE;
}

static s32 next_ifindex(struct netns_dev *nd, struct netns *net)
{
	do
		nd->last_ifindex = nd->last_ifindex == INT32_MAX ? 1 : nd->last_ifindex + 1;
	while (dev_by_index(net, nd->last_ifindex));
	return nd->last_ifindex;
}

/* Into the tables of dev->net, which dev->name and dev->ifindex fit. */
void dev_list(struct net_device *dev)
{
	struct netns_dev *nd = dev->net->dev;
	struct net_device *pos = list_last(&nd->devs, struct net_device, net_link);
	while (&pos->net_link != &nd->devs && pos->ifindex > dev->ifindex)
		pos = list_last(&pos->net_link, struct net_device, net_link);
	list_add_head(&pos->net_link, &dev->net_link);
	htable_add(&nd->by_index, &dev->index_node, hash_index(dev->ifindex));
	htable_add(&nd->by_name, &dev->name_node, hash_name(dev->name));
	nd->count++;
}

void dev_unlist(struct net_device *dev)
{
	struct netns_dev *nd = dev->net->dev;
	list_del(&dev->net_link);
	htable_del(&nd->by_index, &dev->index_node);
	htable_del(&nd->by_name, &dev->name_node);
	nd->count--;
}

void dev_rename_listed(struct net_device *dev, const char *name)
{
	struct netns_dev *nd = dev->net->dev;
	htable_del(&nd->by_name, &dev->name_node);
	memset(dev->name, 0, sizeof(dev->name));
	memcpy(dev->name, name, strlen(name));
	htable_add(&nd->by_name, &dev->name_node, hash_name(dev->name));
}

int dev_ifindex_choose(struct netns *net, s32 wanted, s32 *out)
{
	if (wanted < 0)
		return -EINVAL;
	if (wanted && dev_by_index(net, wanted))
		return -EBUSY;
	*out = wanted ? wanted : next_ifindex(net->dev, net);
	return 0;
}

static unsigned default_queues(const struct world *w, const struct link_kind *kind, unsigned dflt)
{
	return kind && kind->queues_per_cpu ? w->ncpus : MAX(dflt, 1u);
}

struct net_device *dev_new(struct netns *net, const struct link_kind *kind, const char *name, unsigned txqs, unsigned rxqs)
{
	struct mem *mem = &net->world->mem;
	struct net_device *dev = mem_zalloc(mem, sizeof(*dev));
	unsigned ncpus = net->world->ncpus;
	if (!dev)
		return NULL;
	snprintf(dev->name, sizeof(dev->name), "%s", name);
	dev->net = net;
	dev->kind = kind;
	dev->refcnt = 1;
	dev->num_tx_queues = txqs ? txqs : default_queues(net->world, kind, kind ? kind->default_txqs : 0);
	dev->num_rx_queues = rxqs ? rxqs : default_queues(net->world, kind, kind ? kind->default_rxqs : 0);
	dev->real_tx_queues = !txqs && kind && kind->queues_per_cpu ? 1 : dev->num_tx_queues;
	dev->real_rx_queues = !rxqs && kind && kind->queues_per_cpu ? 1 : dev->num_rx_queues;
	dev->tx_queue_len = 1000;
	dev->carrier = true;
	dev->operstate = IF_OPER_UNKNOWN;
	dev->gso_max_size = dev->gro_max_size = dev->tso_max_size = 65536;
	dev->gso_max_segs = dev->tso_max_segs = 65535;
	list_init(&dev->net_link);
	list_init(&dev->altnames);
	list_init(&dev->mc_list);
	list_init(&dev->uc_list);
	list_init(&dev->uppers);
	list_init(&dev->lowers);
	list_init(&dev->taps);
	list_init(&dev->slaves);
	list_init(&dev->slave_link);
	dev->stats = mem_alloc_aligned(mem, CACHELINE, ncpus * sizeof(*dev->stats));
	dev->txq = mem_zalloc(mem, dev->num_tx_queues * sizeof(*dev->txq));
	if (kind && kind->priv_size)
		dev->priv = mem_zalloc(mem, kind->priv_size);
	if (!dev->stats || !dev->txq || (kind && kind->priv_size && !dev->priv)) {
		dev_free(dev);
		return NULL;
	}
	memset(dev->stats, 0, ncpus * sizeof(*dev->stats));
	for (unsigned i = 0; i < dev->num_tx_queues; i++)
		dev->txq[i] = (struct netdev_queue){ .dev = dev, .index = (u16)i };
	if (kind && kind->setup)
		kind->setup(dev);
	return dev;
}

static void release(struct net_device *dev)
{
	struct mem *mem = &dev->net->world->mem;
	if (dev->ops && dev->ops->free)
		dev->ops->free(dev);
	dev_addr_flush(dev);
	mem_free(mem, dev->alias);
	mem_free(mem, dev->priv);
	mem_free(mem, dev->txq);
	mem_free(mem, dev->stats);
	netns_put(dev->net);
	mem_free(mem, dev);
}

void dev_free(struct net_device *dev)
{
	assert(!dev->registered);
	netns_get(dev->net);
	release(dev);
}

static void reclaim(struct epoch_node *node) { release(container_of(node, struct net_device, reclaim)); }

void dev_put(struct net_device *dev)
{
	if (__atomic_sub_fetch(&dev->refcnt, 1, __ATOMIC_ACQ_REL))
		return;
	epoch_defer_node(dev->net->world, &dev->reclaim, reclaim);
}

int dev_register(struct cpu *cpu, struct net_device *dev, s32 ifindex)
{
	struct netns *net = dev->net;
	char name[DEV_NAME_SIZE] = "";
	int err;
	if (net->dying || !net->dev)
		return -ENODEV;
	err = dev_name_choose(net, dev->name, name);
	if (!err)
		err = dev_ifindex_choose(net, ifindex, &dev->ifindex);
	if (err)
		return err;
	memcpy(dev->name, name, sizeof(name));
	if (dev->ops->init) {
		err = dev->ops->init(dev);
		if (err)
			return err;
	}
	dev->vlan_features |= NETIF_F_HIGHDMA;
	dev->wanted_features |= dev->features & (dev->hw_features | NETIF_F_GSO | NETIF_F_GRO);
	dev_features_update(cpu, dev);
	if (!dev->carrier)
		dev_operstate_update(dev);
	netns_get(net); /* until release() */
	dev_list(dev);
	dev->registered = true;
	event_send(cpu, net, EV_LINK_REGISTER, dev, 0);
	dev_upper_told(cpu, dev);
	return 0;
}

/* Everybody lets go of dev: it leaves its namespace. It is down and still in the tables. */
void dev_leave(struct cpu *cpu, struct net_device *dev, const struct link_move *move)
{
	struct world *w = dev->net->world;
	struct net_device *slave, *tmp;
	struct dev_tap *tap, *next_tap;
	list_for_each_safe(slave, tmp, &dev->slaves, slave_link)
		dev_set_master(cpu, slave, NULL, NULL);
	if (dev->master)
		dev_set_master(cpu, dev, NULL, NULL);
	dev_tell(cpu, dev, EV_LINK_UNREGISTER, (unsigned long)move);
	list_for_each_safe(tap, next_tap, &dev->taps, link)
		list_del(&tap->link);
	if (dev->gro)
		gro_purge(cpu, dev->gro);
	cpu_backlog_flush(w, dev);
}

void dev_unregister(struct cpu *cpu, struct net_device *dev)
{
	struct dev_altname *alt, *tmp;
	if (!dev->registered || dev->unregistering)
		return;
	dev->unregistering = true;
	dev_upper_told(cpu, dev);
	dev_close(cpu, dev, IFF_RUNNING);
	qdisc_detach(cpu, dev);
	dev_leave(cpu, dev, NULL);
	if (dev->ops->uninit)
		dev->ops->uninit(dev);
	list_for_each_safe(alt, tmp, &dev->altnames, link) {
		list_del(&alt->link);
		list_del(&alt->net_link);
		mem_free(&dev->net->world->mem, alt);
	}
	dev_unlist(dev);
	dev->registered = false;
	dev_put(dev);
}

int dev_altname_add(struct cpu *cpu, struct net_device *dev, const char *name)
{
	struct dev_altname *alt;
	if (!*name || strlen(name) >= sizeof(alt->name))
		return -EINVAL;
	if (dev_by_name(dev->net, name))
		return -EEXIST;
	alt = mem_zalloc(cpu_mem(cpu), sizeof(*alt));
	if (!alt)
		return -ENOMEM;
	strcpy(alt->name, name);
	alt->dev = dev;
	list_add_tail(&dev->altnames, &alt->link);
	list_add_tail(&dev->net->dev->altnames, &alt->net_link);
	if (dev->flags & IFF_UP)
		event_send(cpu, dev->net, EV_LINK_CHANGE, dev, LINK_CHANGE_OTHER);
	return 0;
}

int dev_altname_del(struct cpu *cpu, struct net_device *dev, const char *name)
{
	struct dev_altname *alt;
	list_for_each(alt, &dev->altnames, link) {
		if (strcmp(alt->name, name))
			continue;
		list_del(&alt->link);
		list_del(&alt->net_link);
		mem_free(cpu_mem(cpu), alt);
		if (dev->flags & IFF_UP)
			event_send(cpu, dev->net, EV_LINK_CHANGE, dev, LINK_CHANGE_OTHER);
		return 0;
	}
	return dev_by_name(dev->net, name) ? -EINVAL : -ENOENT; /* a device's name, or another's */
}

const struct link_kind *link_kind_find(struct world *w, const char *name)
{
	for (const struct link_kind *const *k = w->tables->link_kinds; k && *k; k++)
		if (!strcmp((*k)->name, name))
			return *k;
	return NULL;
}

struct netns *link_dev_netns(const struct net_device *dev, int *ifindex, char *name)
{
	if (ifindex)
		*ifindex = dev->ifindex;
	if (name)
		memcpy(name, dev->name, DEV_NAME_SIZE);
	return dev->net;
}

u16 link_dev_type(const struct net_device *dev)
{
	return dev->type;
}

int link_dev_walk(struct netns *net, int (*fn)(void *arg, const char *name), void *arg)
{
	struct net_device *dev, *tmp;
	int ret = 0;
	if (!net->dev)
		return 0;
	dev_for_each_safe(dev, tmp, net) {
		ret = fn(arg, dev->name);
		if (ret)
			break;
	}
	return ret;
}

static int netns_init(struct netns *net)
{
	struct mem *mem = &net->world->mem;
	struct netns_dev *nd = mem_zalloc(mem, sizeof(*nd));
	int err;
	if (!nd)
		return -ENOMEM;
	list_init(&nd->devs);
	list_init(&nd->altnames);
	list_init(&nd->taps);
	strcpy(nd->default_qdisc, "pfifo_fast");
	err = htable_init(&nd->by_index, mem, 16);
	if (err)
		goto free;
	err = htable_init(&nd->by_name, mem, 16);
	if (err)
		goto index;
	net->dev = nd;
	return 0;
index:
	htable_fini(&nd->by_index);
free:
	mem_free(mem, nd);
	return err;
}

/* Devices of a kind die with their namespace, lo last; those that nobody can delete (nic) return to the first namespace. */
static void netns_exit(struct netns *net)
{
	struct cpu *cpu = config_cpu(net->world);
	for (;;) {
		struct net_device *dev = list_last(&net->dev->devs, struct net_device, net_link);
		struct netns *init = net->world->init_net;
		char name[DEV_NAME_SIZE] = "dev%d";
		if (&dev->net_link == &net->dev->devs)
			break;
		if (dev->kind && !dev->kind->dellink && init && init != net && !init->dying &&
		    !dev_set_netns(cpu, dev, init, dev_by_name(init, dev->name) ? name : NULL, NULL))
			continue;
		if (dev->kind && dev->kind->dellink)
			dev->kind->dellink(cpu, dev);
		else
			dev_unregister(cpu, dev);
	}
}

static void netns_fini(struct netns *net)
{
	struct mem *mem = &net->world->mem;
	htable_fini(&net->dev->by_name);
	htable_fini(&net->dev->by_index);
	mem_free(mem, net->dev);
	net->dev = NULL;
}

const struct subsys dev_subsys = { .name = "dev", .netns_init = netns_init, .netns_exit = netns_exit, .netns_fini = netns_fini };

/* Begins after every subsystem that listens to device events, so that all of them see lo. */
const struct subsys loopback_subsys = { .name = "loopback", .netns_init = loopback_new };
