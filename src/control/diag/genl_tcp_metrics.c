/* tcp_metrics: what TCP remembers of paths (transport/tcp/tcp_metrics.c), for `ip tcp_metrics`. linux/tcp_metrics.h. */
#include <linux/tcp_metrics.h>

#include "control/diag/diag.h"
#include "control/genl.h"
#include "transport/tcp/tcp_sock.h"

static void put_addr(struct nl_buf *b, u16 v4, u16 v6, const struct inaddr *a)
{
	if (inaddr_is_v4(a))
		nl_put(b, v4, a->b + 12, 4);
	else
		nl_put(b, v6, a->b, 16);
}

static void put_val(struct nl_buf *b, u16 metric, u32 v)
{
	if (v)
		nl_put_u32(b, (u16)(metric + 1), v);
}

static int fill(struct cpu *cpu, void *hdr, struct nl_buf *b, const struct tcp_metrics *m)
{
	size_t nest;

	if (!hdr)
		return nl_end(b);
	*(struct genlmsghdr *)hdr = (struct genlmsghdr){ .cmd = TCP_METRICS_CMD_GET, .version = TCP_METRICS_GENL_VERSION };
	put_addr(b, TCP_METRICS_ATTR_ADDR_IPV4, TCP_METRICS_ATTR_ADDR_IPV6, &m->raddr);
	put_addr(b, TCP_METRICS_ATTR_SADDR_IPV4, TCP_METRICS_ATTR_SADDR_IPV6, &m->laddr);
	nl_put_u64(b, TCP_METRICS_ATTR_AGE, (cpu->now - m->stamp) / NSEC_PER_MSEC);
	nest = nl_nest(b, TCP_METRICS_ATTR_VALS);
	put_val(b, TCP_METRIC_RTT_US, m->rtt_us);
	put_val(b, TCP_METRIC_RTT, m->rtt_us ? MAX(m->rtt_us / 1000, 1u) : 0);
	put_val(b, TCP_METRIC_RTTVAR_US, m->rttvar_us);
	put_val(b, TCP_METRIC_RTTVAR, m->rttvar_us ? MAX(m->rttvar_us / 1000, 1u) : 0);
	put_val(b, TCP_METRIC_SSTHRESH, m->ssthresh);
	put_val(b, TCP_METRIC_CWND, m->cwnd);
	put_val(b, TCP_METRIC_REORDERING, m->reordering);
	nl_nest_end(b, nest);
	if (m->fo_mss)
		nl_put_u16(b, TCP_METRICS_ATTR_FOPEN_MSS, m->fo_mss);
	if (m->fo_syn_loss) {
		nl_put_u16(b, TCP_METRICS_ATTR_FOPEN_SYN_DROPS, m->fo_syn_loss);
		nl_put_u64(b, TCP_METRICS_ATTR_FOPEN_SYN_DROP_TS, (cpu->now - m->fo_last_syn_loss) / NSEC_PER_MSEC);
	}
	if (m->fo_cookie.len)
		nl_put(b, TCP_METRICS_ATTR_FOPEN_COOKIE, m->fo_cookie.val, m->fo_cookie.len);
	return nl_end(b);
}

/* arg[0]: how many of the list are done. */
static int dump(struct nl_dump *d, struct nl_buf *b)
{
	struct tcp_metrics *m;
	u64 i = 0;

	list_for_each(m, &d->net->tcp->metrics_lru, lru) {
		if (i++ < d->arg[0])
			continue;
		if (fill(d->cpu, nl_dump_begin(d, b, d->req->nlmsg_type, GENL_HDRLEN), b, m))
			return 1;
		d->arg[0] = i;
	}
	return 0;
}

static const struct nl_policy policy[TCP_METRICS_ATTR_MAX + 1] = {
	[TCP_METRICS_ATTR_ADDR_IPV4] = { .type = NLP_U32 },
	[TCP_METRICS_ATTR_ADDR_IPV6] = { .type = NLP_EXACT, .len = 16 },
	[TCP_METRICS_ATTR_SADDR_IPV4] = { .type = NLP_U32 },
	[TCP_METRICS_ATTR_SADDR_IPV6] = { .type = NLP_EXACT, .len = 16 },
};

static bool get_addr(const struct nlattr *v4, const struct nlattr *v6, struct inaddr *a)
{
	if (v4) {
		*a = inaddr_from_v4((be32){ nl_u32(v4) });
		return true;
	}
	if (v6)
		memcpy(a->b, nl_data(v6), 16);
	return v6;
}

static int msg(struct nl_request *rq, const struct genl_op *op)
{
	struct list *all = &rq->net->tcp->metrics_lru;
	struct tcp_metrics *m, *next;
	bool has_peer, has_own, found = false;
	struct inaddr peer, own;
	struct nl_attrs a;
	struct nl_buf b;
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, GENL_HDRLEN, &len);
	int err = nl_parse(p, len, &a, TCP_METRICS_ATTR_MAX, policy, false, rq->ack);

	if (err)
		return err;
	if (genl_is_dump(rq->nlh))
		return nl_dump_start(rq, dump);
	has_peer = get_addr(a.a[TCP_METRICS_ATTR_ADDR_IPV4], a.a[TCP_METRICS_ATTR_ADDR_IPV6], &peer);
	has_own = get_addr(a.a[TCP_METRICS_ATTR_SADDR_IPV4], a.a[TCP_METRICS_ATTR_SADDR_IPV6], &own);
	if (!has_peer && op->cmd == TCP_METRICS_CMD_GET)
		return -EAFNOSUPPORT;
	for (m = list_first(all, struct tcp_metrics, lru); &m->lru != all; m = next) {
		next = container_of(m->lru.next, struct tcp_metrics, lru);
		if ((has_peer && !inaddr_eq(&m->raddr, &peer)) || (has_own && !inaddr_eq(&m->laddr, &own)))
			continue;
		found = true;
		if (op->cmd == TCP_METRICS_CMD_GET)
			break;
		tcp_metrics_del(rq->net, m);
	}
	if (op->cmd == TCP_METRICS_CMD_DEL)
		return found || !has_peer ? 0 : -ESRCH;
	if (!found)
		return -ESRCH;
	nl_buf_init(&b, cpu_mem(rq->cpu), 0);
	err = fill(rq->cpu, nl_reply_begin(rq, &b, rq->nlh->nlmsg_type, GENL_HDRLEN), &b, m);
	err = err ? err : nl_unicast(rq, &b);
	nl_buf_fini(&b);
	return err;
}

static const struct genl_op op_get = { .cmd = TCP_METRICS_CMD_GET, .flags = GENL_CMD_CAP_DO | GENL_CMD_CAP_DUMP | GENL_CMD_CAP_HASPOL, .policy = policy, .max_attr = TCP_METRICS_ATTR_MAX,
				       .lenient = true, .msg = msg };
static const struct genl_op op_del = { .cmd = TCP_METRICS_CMD_DEL, .flags = GENL_ADMIN_PERM | GENL_CMD_CAP_DO | GENL_CMD_CAP_HASPOL,
				       .policy = policy, .max_attr = TCP_METRICS_ATTR_MAX,
				       .lenient = true, .msg = msg };
static const struct genl_op *const ops[] = { &op_get, &op_del, NULL };
const struct genl_family genl_tcp_metrics = { .name = TCP_METRICS_GENL_NAME, .version = TCP_METRICS_GENL_VERSION,
					      .max_attr = TCP_METRICS_ATTR_MAX, .ops = ops };
