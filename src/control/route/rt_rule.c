/* RTM_GETRULE: the rules that lookups follow. A namespace is born with three; making more is for policy routing, which is not there
 * yet, so RTM_NEWRULE and RTM_DELRULE say what a kernel without CONFIG_IP_MULTIPLE_TABLES says. */
#include <linux/fib_rules.h>

#include "control/route/rt.h"
#include "inet/route/fib.h"

static int fill(struct nl_dump *d, struct nl_buf *b, const struct fib_rule *r)
{
	struct fib_rule_hdr *h = nl_dump_begin(d, b, RTM_NEWRULE, sizeof(*h));

	if (h) {
		h->family = r->family;
		h->table = r->table < 256 ? (u8)r->table : RT_TABLE_COMPAT;
		h->action = r->action;
		nl_put_u32(b, FRA_TABLE, r->table);
		nl_put_u32(b, FRA_SUPPRESS_PREFIXLEN, 0xffffffffu);
		nl_put_u8(b, FRA_PROTOCOL, r->protocol);
		if (r->preference)
			nl_put_u32(b, FRA_PRIORITY, r->preference);
	}
	return nl_end(b);
}

static int dump_rule(struct nl_dump *d, struct nl_buf *b)
{
	const struct fib_rule_hdr *h = nlmsg_hdr_data(d->req);
	struct fib_rule *r;
	size_t len;
	u64 n = 0;
	int err;

	if (d->strict) {
		if (nlmsg_body_len(d->req) < sizeof(*h)) {
			NL_SET_ERR(d->ack, "Invalid header for fib rule dump request");
			return -EINVAL;
		}
		if (h->dst_len || h->src_len || h->tos || h->table || h->res1 || h->res2 || h->action || h->flags) {
			NL_SET_ERR(d->ack, "Invalid values in header for fib rule dump request");
			return -EINVAL;
		}
		nlmsg_attrs(d->req, sizeof(*h), &len);
		if (len) {
			NL_SET_ERR(d->ack, "Invalid data after header in fib rule dump request");
			return -EINVAL;
		}
	}
	if (h->family != AF_UNSPEC && h->family != AF_INET)
		return -EAFNOSUPPORT;
	list_for_each (r, &d->net->fib->rules, link) {
		if (n++ < d->arg[0])
			continue;
		if (h->family == AF_UNSPEC || h->family == r->family) {
			err = fill(d, b, r);
			if (err)
				return err == -EMSGSIZE ? 1 : err;
		}
		d->arg[0] = n;
	}
	return 0;
}

const struct nl_handler rt_rule_handlers[] = {
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETRULE, .dump = dump_rule },
	{ 0 },
};
