/* RTM_NEWADDRLABEL, RTM_DELADDRLABEL, RTM_GETADDRLABEL: the policy table of source address selection (`ip addrlabel`, RFC 6724). */
#include <linux/if_addrlabel.h>

#include "control/route/rt.h"
#include "inet/ip6/ip6_label.h"
#include "link/netns_dev.h"

static const struct nl_policy policy[IFAL_MAX + 1] = {
	[IFAL_ADDRESS] = { .type = NLP_MIN_LEN, .len = 16 },
	[IFAL_LABEL] = { .type = NLP_U32 },
};

static int parse(struct nl_request *rq, struct nl_attrs *a, const struct ifaddrlblmsg **m, struct inaddr *prefix)
{
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, sizeof(**m), &len);
	int err;

	if (nlmsg_body_len(rq->nlh) < sizeof(**m))
		return -EINVAL;
	*m = nlmsg_hdr_data(rq->nlh);
	err = nl_parse(p, len, a, IFAL_MAX, policy, false, rq->ack);
	if (err)
		return err;
	if ((*m)->ifal_family != AF_INET6 || (*m)->ifal_prefixlen > 128 || !a->a[IFAL_ADDRESS] || nl_len(a->a[IFAL_ADDRESS]) != 16)
		return -EINVAL;
	*prefix = inaddr_from_v6(nl_data(a->a[IFAL_ADDRESS]));
	return 0;
}

static int new_label(struct nl_request *rq)
{
	const struct ifaddrlblmsg *m;
	struct inaddr prefix;
	struct nl_attrs a;
	u32 label;
	int err = parse(rq, &a, &m, &prefix);

	if (err)
		return err;
	if (!a.a[IFAL_LABEL])
		return -EINVAL;
	label = nl_u32(a.a[IFAL_LABEL]);
	if (label == ~0u)
		return -EINVAL;
	if (m->ifal_index && !dev_by_index(rq->net, (s32)m->ifal_index))
		return -EINVAL;
	return ip6_label_add(rq->net, &prefix, m->ifal_prefixlen, (s32)m->ifal_index, label, rq->nlh->nlmsg_flags & NLM_F_REPLACE);
}

static int del_label(struct nl_request *rq)
{
	const struct ifaddrlblmsg *m;
	struct inaddr prefix;
	struct nl_attrs a;
	int err = parse(rq, &a, &m, &prefix);
	return err ? err : ip6_label_del(rq->net, &prefix, m->ifal_prefixlen, (s32)m->ifal_index);
}

static int fill(const struct netns *net, struct nl_buf *b, struct ifaddrlblmsg *m, const struct ip6_label *l, const struct inaddr *a, u8 len)
{
	if (m) {
		m->ifal_family = AF_INET6;
		m->ifal_prefixlen = len;
		m->ifal_index = (u32)l->ifindex;
		m->ifal_seq = ip6_labels_seq(net);
		nl_put(b, IFAL_ADDRESS, a->b, 16);
		nl_put_u32(b, IFAL_LABEL, l->label);
	}
	return nl_end(b);
}

static int get_label(struct nl_request *rq)
{
	const struct ifaddrlblmsg *m;
	const struct ip6_label *l;
	struct inaddr addr;
	struct nl_attrs a;
	struct nl_buf b;
	int err = parse(rq, &a, &m, &addr);

	if (err)
		return err;
	if (m->ifal_prefixlen != 128)
		return -EINVAL;
	l = ip6_label_find(rq->net, &addr, (s32)m->ifal_index);
	if (!l)
		return -ESRCH;
	nl_buf_init(&b, cpu_mem(rq->cpu), 0);
	err = fill(rq->net, &b, nl_reply_begin(rq, &b, RTM_NEWADDRLABEL, sizeof(*m)), l, &addr, 128);
	err = err ? err : nl_unicast(rq, &b);
	nl_buf_fini(&b);
	return err;
}

static int dump_labels(struct nl_dump *d, struct nl_buf *b)
{
	struct ip6_label *l;
	u64 n = 0;
	if (!d->net->ip6)
		return 0;
	list_for_each (l, ip6_labels(d->net), link) {
		int err;
		if (n++ < d->arg[0])
			continue;
		err = fill(d->net, b, nl_dump_begin(d, b, RTM_NEWADDRLABEL, sizeof(struct ifaddrlblmsg)), l, &l->prefix, l->len);
		if (err)
			return err == -EMSGSIZE ? 1 : err;
		d->arg[0] = n;
	}
	return 0;
}

const struct nl_handler rt_addrlabel_handlers[] = {
	{ .protocol = NETLINK_ROUTE, .type = RTM_NEWADDRLABEL, .family = AF_INET6, .doit = new_label },
	{ .protocol = NETLINK_ROUTE, .type = RTM_DELADDRLABEL, .family = AF_INET6, .doit = del_label },
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETADDRLABEL, .family = AF_INET6, .doit = get_label, .dump = dump_labels },
	{ 0 },
};
