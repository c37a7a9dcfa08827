/* Proxy entries of the neighbour tables: addresses that a router answers for. A short list: an administrator writes it by hand. */
#include "link/netns_neigh.h"

static struct neigh_proxy *find_exactly(struct neigh_slot *s, const void *key, const struct net_device *dev)
{
	struct neigh_proxy *p;
	list_for_each(p, &s->proxies, link)
		if (p->dev == dev && !memcmp(p->key, key, s->tbl->key_len))
			return p;
	return NULL;
}

struct neigh_proxy *neigh_proxy_find(struct netns *net, const struct neigh_table *tbl, const void *key, const struct net_device *dev)
{
	struct neigh_slot *s = neigh_slot_of(net, tbl);
	struct neigh_proxy *p = find_exactly(s, key, dev);
	return p ? p : find_exactly(s, key, NULL);
}

int neigh_proxy_add(struct netns *net, const struct neigh_table *tbl, const void *key, struct net_device *dev, u8 flags, u8 protocol)
{
	struct neigh_slot *s = neigh_slot_of(net, tbl);
	struct neigh_proxy *p = find_exactly(s, key, dev);
	if (!p) {
		p = mem_zalloc(&net->world->mem, sizeof(*p));
		if (!p)
			return -ENOMEM;
		memcpy(p->key, key, tbl->key_len);
		p->dev = dev;
		list_init(&p->link);
		list_add_tail(&s->proxies, &p->link);
	}
	p->flags = flags;
	if (protocol)
		p->protocol = protocol;
	return 0;
}

static void proxy_free(struct netns *net, struct neigh_proxy *p)
{
	list_del(&p->link);
	mem_free(&net->world->mem, p);
}

int neigh_proxy_del(struct netns *net, const struct neigh_table *tbl, const void *key, const struct net_device *dev)
{
	struct neigh_proxy *p = find_exactly(neigh_slot_of(net, tbl), key, dev);
	if (!p)
		return -ENOENT;
	proxy_free(net, p);
	return 0;
}

void neigh_proxy_ifdown(struct netns *net, const struct neigh_table *tbl, const struct net_device *dev)
{
	struct neigh_proxy *p, *tmp;
	list_for_each_safe(p, tmp, &neigh_slot_of(net, tbl)->proxies, link)
		if (p->dev == dev)
			proxy_free(net, p);
}

void neigh_proxy_dev_gone(struct netns *net, const struct net_device *dev)
{
	for (unsigned i = 0; i < NEIGH_TABLES; i++) {
		struct neigh_proxy *p, *tmp;
		list_for_each_safe(p, tmp, &net->neigh->slot[i].proxies, link)
			if (!dev || p->dev == dev)
				proxy_free(net, p);
	}
}
