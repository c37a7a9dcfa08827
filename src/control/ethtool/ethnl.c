/* The ethtool family's frame: requests find their noun and device, answers get their headers, dumps walk the devices, and who
 * listens (`ethtool --monitor`) is told of every change, however it was made: by netlink, by ioctl or by itself.
 *
 * A GET fills one message (or one for each device); a SET changes and answers with nothing but the ACK, features apart. Devices that
 * do not have what is asked for are passed over by dumps.
 */
#include "control/ethtool/ethnl.h"

#include "core/event.h"
#include "link/netns_dev.h"

const struct nl_policy ethnl_header_policy[] = {
	[ETHTOOL_A_HEADER_DEV_INDEX] = { .type = NLP_U32 },
	[ETHTOOL_A_HEADER_DEV_NAME] = { .type = NLP_NUL_STRING, .len = 127 },
	[ETHTOOL_A_HEADER_FLAGS] = { .type = NLP_BITS32, .max = ETHTOOL_FLAG_COMPACT_BITSETS | ETHTOOL_FLAG_OMIT_REPLY },
};
const struct nl_policy ethnl_stats_header_policy[] = {
	[ETHTOOL_A_HEADER_DEV_INDEX] = { .type = NLP_U32 },
	[ETHTOOL_A_HEADER_DEV_NAME] = { .type = NLP_NUL_STRING, .len = 127 },
	[ETHTOOL_A_HEADER_FLAGS] = { .type = NLP_BITS32, .max = ETHTOOL_FLAG_ALL },
};
const struct nl_policy ethnl_phy_header_policy[] = {
	[ETHTOOL_A_HEADER_DEV_INDEX] = { .type = NLP_U32 },
	[ETHTOOL_A_HEADER_DEV_NAME] = { .type = NLP_NUL_STRING, .len = 127 },
	[ETHTOOL_A_HEADER_FLAGS] = { .type = NLP_BITS32, .max = ETHTOOL_FLAG_COMPACT_BITSETS | ETHTOOL_FLAG_OMIT_REPLY },
	[4] = { .type = NLP_U32, .min = 1, .max = ~0u }, /* ETHTOOL_A_HEADER_PHY_INDEX */
};
const struct nl_policy ethnl_plain_policy[] = { [1] = ETHNL_HEADER };

static u8 header_type(const struct ethnl_noun *noun)
{
	return noun->header ? noun->header : 1;
}

static void set_dev(struct ethnl_req *q, struct net_device *dev)
{
	q->dev = dev;
	q->ops = dev_ethtool_ops(dev);
}

/* The device that a header names, and its flags. */
static int read_header(struct ethnl_req *q, const struct nlattr *nest, bool needs_dev)
{
	struct net_device *dev = NULL;
	const struct nlattr *index, *name;
	struct nl_attrs h;
	char text[128];
	int err = nl_parse_nested(nest, &h, 4, NULL, false, q->ack);

	if (err)
		return err;
	if (h.a[ETHTOOL_A_HEADER_FLAGS])
		q->flags = nl_u32(h.a[ETHTOOL_A_HEADER_FLAGS]);
	index = h.a[ETHTOOL_A_HEADER_DEV_INDEX];
	name = h.a[ETHTOOL_A_HEADER_DEV_NAME];
	if (name)
		nl_strcpy(text, sizeof(text), name);
	if (index) {
		dev = dev_by_index(q->net, (s32)nl_u32(index));
		if (!dev) {
			NL_SET_ERR_ATTR(q->ack, index, "no device matches ifindex");
			return -ENODEV;
		}
		if (name && dev_by_name(q->net, text) != dev) {
			NL_SET_ERR_ATTR(q->ack, nest, "ifindex and name do not match");
			return -ENODEV;
		}
	} else if (name) {
		dev = dev_by_name(q->net, text);
		if (!dev) {
			NL_SET_ERR_ATTR(q->ack, name, "no device matches name");
			return -ENODEV;
		}
	} else if (needs_dev) {
		NL_SET_ERR_ATTR(q->ack, nest, "neither ifindex nor name specified");
		return -EINVAL;
	}
	if (dev)
		set_dev(q, dev);
	return 0;
}

/* Attributes into *a, which is q's then; a dump needs no header. */
static int read_request(struct ethnl_req *q, struct nl_attrs *a, const struct nlmsghdr *n, const struct ethnl_noun *noun,
			const struct genl_op *op, bool dump)
{
	size_t len;
	const void *p = nlmsg_attrs(n, GENL_HDRLEN, &len);
	int err = nl_parse(p, len, a, op->max_attr, op->policy, false, q->ack);
	const struct nlattr *header = a->a[header_type(noun)];

	if (err)
		return err;
	q->a = a;
	if (noun->needs && op == &noun->set && !a->a[noun->needs]) {
		if (q->ack && noun->says_needs)
			q->ack->miss_type = noun->needs;
		return -EINVAL;
	}
	if (header)
		return read_header(q, header, !dump && !(noun->no_dev && op == &noun->get));
	if (dump)
		return 0;
	if (noun->says_header)
		NL_SET_ERR(q->ack, "request header missing");
	else if (q->ack)
		q->ack->miss_type = header_type(noun);
	return -EINVAL;
}

static void put_header(const struct ethnl_req *q, struct nl_buf *b, u8 type)
{
	size_t nest;

	if (!q->dev)
		return;
	nest = nl_nest(b, type | NLA_F_NESTED);
	nl_put_u32(b, ETHTOOL_A_HEADER_DEV_INDEX, (u32)q->dev->ifindex);
	nl_put_str(b, ETHTOOL_A_HEADER_DEV_NAME, q->dev->name);
	nl_nest_end(b, nest);
}

/* A whole message behind hdr (NULL: no room). Nothing is left of it when it is not to be. */
static int fill_message(struct ethnl_req *q, struct nl_buf *b, void *hdr, const struct ethnl_noun *noun, u8 cmd)
{
	int err = 0;

	if (hdr) {
		*(struct genlmsghdr *)hdr = (struct genlmsghdr){ .cmd = cmd, .version = ETHTOOL_GENL_VERSION };
		put_header(q, b, header_type(noun));
		err = noun->fill(q, b);
		if (err && !b->err) {
			b->len = b->msg;
			return err;
		}
	}
	return nl_end(b);
}

bool ethnl_reply_begin(const struct ethnl_req *q, struct nl_buf *b, u8 cmd)
{
	struct genlmsghdr *g;

	nl_buf_init(b, cpu_mem(q->cpu), 0);
	g = nl_reply_begin(q->rq, b, q->rq->nlh->nlmsg_type, GENL_HDRLEN);
	if (!g)
		return false;
	*g = (struct genlmsghdr){ .cmd = cmd, .version = ETHTOOL_GENL_VERSION };
	put_header(q, b, 1);
	return true;
}

int ethnl_reply_send(const struct ethnl_req *q, struct nl_buf *b)
{
	int err = nl_end(b);

	err = err ? err : nl_unicast(q->rq, b);
	nl_buf_fini(b);
	return err;
}

/* arg[0]: the last device told. The request was found good before. */
static int dump_devices(struct nl_dump *d, struct nl_buf *b)
{
	const struct genlmsghdr *g = nlmsg_hdr_data(d->req);
	const struct genl_op *const *op = genl_ethtool.ops;
	struct ethnl_req q = { .cpu = d->cpu, .net = d->net, .ack = d->ack };
	const struct ethnl_noun *noun;
	struct net_device *dev;
	struct nl_attrs a;
	int err;

	while ((*op)->cmd != g->cmd)
		op++;
	noun = container_of(*op, struct ethnl_noun, get);
	err = read_request(&q, &a, d->req, noun, *op, true);
	err = err || !noun->check ? err : noun->check(&q);
	if (err == -ENODEV) /* the one that the request names, to no use, is gone meanwhile */
		return 0;
	if (err)
		return err;
	dev_for_each (dev, d->net) {
		if ((u64)dev->ifindex <= d->arg[0])
			continue;
		set_dev(&q, dev);
		err = fill_message(&q, b, nl_dump_begin(d, b, d->req->nlmsg_type, GENL_HDRLEN), noun, noun->reply);
		if (err == -EMSGSIZE)
			return 1;
		if (err && err != -EOPNOTSUPP)
			return err;
		d->arg[0] = (u64)dev->ifindex;
	}
	return 0;
}

int ethnl_get(struct nl_request *rq, const struct genl_op *op)
{
	const struct ethnl_noun *noun = container_of(op, struct ethnl_noun, get);
	struct ethnl_req q = { .cpu = rq->cpu, .net = rq->net, .rq = rq, .ack = rq->ack };
	struct nl_attrs a;
	struct nl_buf b;
	bool dump = genl_is_dump(rq->nlh);
	int err = read_request(&q, &a, rq->nlh, noun, op, dump);

	err = err || !noun->check ? err : noun->check(&q);
	if (err)
		return err;
	if (dump)
		return nl_dump_start(rq, dump_devices);
	nl_buf_init(&b, cpu_mem(rq->cpu), 0);
	err = fill_message(&q, &b, nl_reply_begin(rq, &b, rq->nlh->nlmsg_type, GENL_HDRLEN), noun, noun->reply);
	err = err ? err : nl_unicast(rq, &b);
	nl_buf_fini(&b);
	return err;
}

int ethnl_set(struct nl_request *rq, const struct genl_op *op)
{
	const struct ethnl_noun *noun = container_of(op, struct ethnl_noun, set);
	struct ethnl_req q = { .cpu = rq->cpu, .net = rq->net, .rq = rq, .ack = rq->ack };
	struct nl_attrs a;
	int err = read_request(&q, &a, rq->nlh, noun, op, false);

	err = err ? err : noun->change(&q);
	if (err == 1) {
		dev_ethtool_changed(rq->cpu, q.dev, noun->ntf);
		err = 0;
	}
	return err;
}

static const struct ethnl_noun *const told[] = {
	&ethnl_linkinfo, &ethnl_linkmodes, &ethnl_debug, &ethnl_features, &ethnl_rings, &ethnl_channels, &ethnl_coalesce, &ethnl_pause,
	&ethnl_rss,
};

static void tell(struct cpu *cpu, struct netns *net, struct net_device *dev, u8 ntf)
{
	static const struct nl_attrs nothing;
	struct ethnl_req q = { .cpu = cpu, .net = net, .flags = ETHTOOL_FLAG_COMPACT_BITSETS, .a = &nothing };
	u32 group = genl_group(net->world, &genl_ethtool);
	struct nl_buf b;
	unsigned i = 0;

	if (!net->nl || !nl_group_used(net, NETLINK_GENERIC, group))
		return;
	while (i < ARRAY_SIZE(told) && told[i]->ntf != ntf)
		i++;
	if (i == ARRAY_SIZE(told))
		return;
	set_dev(&q, dev);
	nl_buf_init(&b, cpu_mem(cpu), 0);
	if (!fill_message(&q, &b, nl_begin(&b, genl_id(net->world, &genl_ethtool), 0, ++net->dev->ethtool_seq, 0, GENL_HDRLEN), told[i], ntf) ||
	    b.err)
		nl_multicast(cpu, net, NETLINK_GENERIC, group, &b, 0);
	nl_buf_fini(&b);
}

static void on_event(struct cpu *cpu, struct netns *net, enum net_event ev, void *obj, unsigned long info)
{
	if (ev == EV_LINK_ETHTOOL)
		tell(cpu, net, obj, (u8)info);
	else if (ev == EV_LINK_CHANGE && info & LINK_CHANGE_FEATURES)
		tell(cpu, net, obj, ETHTOOL_MSG_FEATURES_NTF);
}

const struct event_sub ethnl_event_sub = { .fn = on_event };

static const struct genl_op *const ops[] = {
	&ethnl_strset.get, &ethnl_linkinfo.get, &ethnl_linkinfo.set, &ethnl_linkmodes.get, &ethnl_linkmodes.set, &ethnl_linkstate.get,
	&ethnl_debug.get, &ethnl_debug.set, &ethnl_wol.get, &ethnl_wol.set, &ethnl_features.get, &ethnl_features.set, &ethnl_privflags.get,
	&ethnl_privflags.set, &ethnl_rings.get, &ethnl_rings.set, &ethnl_channels.get, &ethnl_channels.set, &ethnl_coalesce.get,
	&ethnl_coalesce.set, &ethnl_pause.get, &ethnl_pause.set, &ethnl_eee.get, &ethnl_eee.set, &ethnl_tsinfo.get, &ethnl_cable_test.set,
	&ethnl_cable_test_tdr.set, &ethnl_tunnel_info.get, &ethnl_fec.get, &ethnl_fec.set, &ethnl_module_eeprom.get, &ethnl_stats.get,
	&ethnl_phc_vclocks.get, &ethnl_module.get, &ethnl_module.set, &ethnl_pse.get, &ethnl_pse.set, &ethnl_rss.get, &ethnl_plca.get,
	&ethnl_plca.set, &ethnl_plca_status.get, &ethnl_mm.get, &ethnl_mm.set, &ethnl_module_flash.set, &ethnl_phy.get, &ethnl_tsconfig.get,
	&ethnl_tsconfig.set, &ethnl_rss.set, &ethnl_rss_create.set, &ethnl_rss_delete.set, NULL,
};
static const char *const groups[] = { ETHTOOL_MCGRP_MONITOR_NAME, NULL };
const struct genl_family genl_ethtool = { .name = ETHTOOL_GENL_NAME, .version = ETHTOOL_GENL_VERSION, .ops = ops, .groups = groups };
