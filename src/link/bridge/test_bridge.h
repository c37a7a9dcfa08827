/* For tests of bridges: a namespace with bridges, hosts behind its ports, and the frames they send and get; in virtual time. */
#ifndef LINK_BRIDGE_TEST_BRIDGE_H
#define LINK_BRIDGE_TEST_BRIDGE_H

#include "link/bridge/br_mcast.h"
#include "link/test_stack.h"
#include "link/type/veth.h"

struct lab {
	struct world *w;
	struct cpu *cpu;
	struct netns *net, *out; /* the bridges'; the hosts' */
	unsigned hosts;
};
static const u8 everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

static inline struct lab lab_make(unsigned ncpus)
{
	struct lab l = { .w = test_world(&test_tables, ncpus) };
	l.cpu = config_cpu(l.w);
	l.net = test_netns(l.w, "net", 0);
	l.out = test_netns(l.w, "out", (int)ncpus - 1);
	return l;
}
static inline void lab_end(struct lab *l)
{
	collect_free(l->cpu);
	netns_free(l->net);
	netns_free(l->out);
	world_run(l->w, l->cpu->now);
	world_free(l->w);
}
static inline void lab_run(struct lab *l) { world_run(l->w, l->cpu->now); }
static inline void lab_wait_ms(struct lab *l, u64 ms) { world_run_until(l->w, l->cpu->now + ms * NSEC_PER_MSEC); }
static inline void lab_up(struct lab *l, struct net_device *dev, bool on)
{
	assert_int_equal(dev_change_flags(l->cpu, dev, on ? dev_get_flags(dev) | IFF_UP : dev_get_flags(dev) & ~(u32)IFF_UP, NULL), 0);
}
static inline int lab_bridge_new(struct lab *l, const char *name, struct net_device **out)
{
	static const struct nl_attrs none = { .max = IFLA_MAX };
	struct net_device *dev = dev_new(l->net, &link_kind_bridge, name, 0, 0);
	int err = dev ? link_kind_bridge.newlink(l->cpu, l->net, dev, &none, NULL, NULL) : -ENOMEM;
	if (err && dev)
		dev_free(dev);
	*out = err ? NULL : dev;
	return err;
}
static inline struct bridge *lab_bridge(struct lab *l, const char *name)
{
	struct net_device *dev;
	assert_int_equal(lab_bridge_new(l, name, &dev), 0);
	lab_up(l, dev, true);
	return br_of(dev);
}
/* Another host behind another port of br: the host's end, with address 02:00:00:00:01:N. */
static inline struct net_device *lab_host(struct lab *l, struct bridge *br)
{
	u8 addr[6] = { 2, 0, 0, 0, 1, (u8)++l->hosts }, port[6] = { 2, 0, 0, 0, 0, (u8)l->hosts };
	struct net_device *a, *b;
	char name[DEV_NAME_SIZE], port_name[DEV_NAME_SIZE];
	snprintf(name, sizeof(name), "h%u", l->hosts);
	snprintf(port_name, sizeof(port_name), "p%u", l->hosts);
	assert_int_equal(veth_pair_new(l->cpu, l->out, name, l->net, port_name, &a, &b), 0);
	memcpy(a->dev_addr, addr, 6);
	memcpy(b->dev_addr, port, 6);
	lab_up(l, a, true);
	lab_up(l, b, true);
	assert_int_equal(dev_set_master(l->cpu, b, br->dev, NULL), 0);
	return a;
}
static inline struct br_port *lab_port(struct lab *l, const struct net_device *host)
{
	char name[DEV_NAME_SIZE];
	snprintf(name, sizeof(name), "p%.10s", host->name + 1);
	return br_port_of(dev_by_name(l->net, name));
}
/* Sends a frame of len bytes to dst and lets it arrive. */
static inline void lab_send(struct lab *l, struct net_device *from, const u8 *dst, u32 len)
{
	collect_free(l->cpu);
	dev_queue_xmit(from->net->home, test_frame(from->net->home, from, dst, ETH_P_IP, len));
	lab_run(l);
}
static inline unsigned lab_got(const struct net_device *dev)
{
	unsigned n = 0;
	for (unsigned i = 0; i < got.n; i++)
		n += got.skb[i]->dev == dev;
	return n;
}
static inline const struct br_port *lab_learned(struct bridge *br, const struct net_device *host, u16 vid)
{
	const struct br_fdb *f = br_fdb_find(br, host->dev_addr, vid);
	return f ? f->dst : NULL;
}
/* A link between two bridges: a port of each. */
static inline void lab_link(struct lab *l, struct bridge *a, struct bridge *b, const char *name_a, const char *name_b)
{
	struct net_device *x, *y;
	u8 addr[6] = { 2, 0, 0, 0, 2, (u8)++l->hosts };
	assert_int_equal(veth_pair_new(l->cpu, l->net, name_a, l->net, name_b, &x, &y), 0);
	memcpy(x->dev_addr, addr, 6);
	addr[5] = (u8)++l->hosts;
	memcpy(y->dev_addr, addr, 6);
	lab_up(l, x, true);
	lab_up(l, y, true);
	assert_int_equal(dev_set_master(l->cpu, x, a->dev, NULL), 0);
	assert_int_equal(dev_set_master(l->cpu, y, b->dev, NULL), 0);
}
static inline struct br_port *lab_port_named(struct lab *l, const char *name) { return br_port_of(dev_by_name(l->net, name)); }

#endif
