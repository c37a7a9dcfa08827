/* For tests of devices that stand on others: makes one as `ip link add link LOWER name NAME type KIND ...` would. */
#ifndef LINK_TYPE_STACKED_TEST_H
#define LINK_TYPE_STACKED_TEST_H

#include <linux/if_link.h>

#include "codec/netlink/nl_attr.h"
#include "link/test_stack.h"

struct stacked_opts {
	struct nl_buf b;
	void *hdr;
};
/* Begins IFLA_INFO_DATA's content: nl_put...(&o.b, ...). */
static inline struct stacked_opts stacked_begin(struct world *w)
{
	struct stacked_opts o;
	nl_buf_init(&o.b, &w->mem, 0);
	o.hdr = nl_begin(&o.b, 0, 0, 0, 0, 4);
	return o;
}
static inline void stacked_data(struct stacked_opts *o, const struct link_kind *kind, struct nl_attrs *data, struct nl_ext_ack *ack)
{
	size_t at = NLMSG_HDRLEN + 4;
	assert_int_equal(nl_end(&o->b), 0);
	assert_int_equal(nl_parse(o->b.data + at, o->b.len - at, data, kind->policy_max, kind->policy, false, ack), 0);
}
/* 0 and *out, or what the kind refused it with. Ends o. */
static inline int stacked_new(struct cpu *cpu, const struct link_kind *kind, struct netns *net, struct net_device *lower, const char *name,
			      struct stacked_opts *o, struct nl_ext_ack *ack, struct net_device **out)
{
	u32 link_attr[2] = { 8 | IFLA_LINK << 16, lower ? (u32)lower->ifindex : 0 };
	struct nl_attrs attrs = { .max = IFLA_MAX }, data;
	struct net_device *dev;
	int err;
	if (lower)
		attrs.a[IFLA_LINK] = (const struct nlattr *)link_attr;
	stacked_data(o, kind, &data, ack);
	err = kind->validate ? kind->validate(&attrs, &data, ack) : 0;
	if (!err) {
		dev = dev_new(net, kind, name, 0, 0);
		assert_non_null(dev);
		err = kind->newlink(cpu, lower ? lower->net : net, dev, &attrs, &data, ack);
		if (err)
			dev_free(dev);
		else
			*out = dev;
	}
	nl_buf_fini(&o->b);
	return err;
}
static inline void stacked_up(struct cpu *cpu, struct net_device *dev, bool on)
{
	assert_int_equal(dev_change_flags(cpu, dev, on ? dev_get_flags(dev) | IFF_UP : dev_get_flags(dev) & ~(u32)IFF_UP, NULL), 0);
}

#endif
