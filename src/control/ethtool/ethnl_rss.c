/* RSS: how received packets are spread over queues: the hash's key and the table that its lowest bits choose from. */
#include "control/ethtool/ethnl.h"

enum { MSG_GET = 38, MSG_SET = 48, MSG_REPLY = 38, MSG_NTF = 50, A_CONTEXT = 2, A_HFUNC = 3, A_INDIR = 4, A_HKEY = 5, A_INPUT_XFRM = 6,
       A_START_CONTEXT = 7, A_FLOW_HASH = 8 }; /* newer than some headers */

static int fill(struct ethnl_req *q, struct nl_buf *b)
{
	const struct nlattr *context = ethnl_attr(q, A_CONTEXT);
	u32 table[DEV_RSS_TABLE_MAX];
	u8 key[DEV_RSS_KEY_MAX];

	if (!q->ops->get_rss || (context && nl_u32(context)))
		return -EOPNOTSUPP;
	q->ops->get_rss(q->dev, table, key);
	nl_put_u32(b, A_HFUNC, DEV_RSS_TOEPLITZ);
	nl_put(b, A_INDIR, table, q->ops->rss_table * sizeof(u32));
	nl_put(b, A_HKEY, key, q->ops->rss_key);
	return 0;
}

static int fail(const struct ethnl_req *q, const struct nlattr *a, int err)
{
	NL_SET_ERR_ATTR(q->ack, a, NULL);
	return err;
}

/* A table shorter than the device's is repeated; an empty one means the default. */
static int read_table(const struct ethnl_req *q, const struct nlattr *a, u32 *table)
{
	u32 n = nl_len(a) / (u32)sizeof(u32), v;

	if (nl_len(a) % sizeof(u32) || (n && q->ops->rss_table % n))
		return fail(q, a, -EINVAL);
	for (u32 i = 0; i < q->ops->rss_table; i++) {
		v = i % q->dev->real_rx_queues;
		if (n)
			memcpy(&v, (const u8 *)nl_data(a) + i % n * sizeof(v), sizeof(v));
		if (v >= q->dev->real_rx_queues) {
			NL_SET_ERR_ATTR(q->ack, a, "entry points to a nonexistent queue");
			return -EINVAL;
		}
		table[i] = v;
	}
	return 0;
}

static int change(struct ethnl_req *q)
{
	const struct nlattr *indir = ethnl_attr(q, A_INDIR), *hkey = ethnl_attr(q, A_HKEY), *func = ethnl_attr(q, A_HFUNC);
	static const u16 absent[] = { A_CONTEXT, A_INPUT_XFRM, A_FLOW_HASH };
	u32 table[DEV_RSS_TABLE_MAX], old_table[DEV_RSS_TABLE_MAX];
	u8 old_key[DEV_RSS_KEY_MAX];
	int err;

	for (unsigned i = 0; i < ARRAY_SIZE(absent); i++)
		if (ethnl_attr(q, absent[i]))
			return fail(q, ethnl_attr(q, absent[i]), -EOPNOTSUPP);
	if (hkey && nl_len(hkey) != q->ops->rss_key)
		return fail(q, hkey, -EINVAL);
	if (!indir && !hkey && !func)
		return 0;
	if (!q->ops->set_rss)
		return -EOPNOTSUPP;
	if (func && nl_u32(func) != DEV_RSS_TOEPLITZ)
		return fail(q, func, -EOPNOTSUPP);
	err = indir ? read_table(q, indir, table) : 0;
	if (err)
		return err;
	q->ops->get_rss(q->dev, old_table, old_key);
	if ((!indir || !memcmp(table, old_table, q->ops->rss_table * sizeof(u32))) &&
	    (!hkey || !memcmp(nl_data(hkey), old_key, q->ops->rss_key)))
		return 0;
	err = q->ops->set_rss(q->cpu, q->dev, indir ? table : NULL, hkey ? nl_data(hkey) : NULL, indir && !nl_len(indir));
	return err ? err : 1;
}

static const struct nl_policy get_policy[] = {
	[1] = ETHNL_HEADER,
	[A_CONTEXT] = { .type = NLP_U32 },
	[A_START_CONTEXT] = { .type = NLP_U32 },
};
static const struct nl_policy set_policy[] = {
	[1] = ETHNL_HEADER,
	[A_CONTEXT] = { .type = NLP_U32 },
	[A_HFUNC] = { .type = NLP_U32, .min = 1, .max = ~0u },
	[A_INDIR] = { .type = NLP_BINARY },
	[A_HKEY] = { .type = NLP_BINARY },
	[A_INPUT_XFRM] = { .type = NLP_U32, .max = 2 },
	[A_FLOW_HASH] = { .type = NLP_NESTED },
};

const struct ethnl_noun ethnl_rss = {
	.get = { .cmd = MSG_GET, .flags = ETHNL_GET_FLAGS, ETHNL_POLICY(get_policy), .msg = ethnl_get },
	.set = ETHNL_SET(MSG_SET, set_policy),
	.reply = MSG_REPLY,
	.ntf = MSG_NTF,
	.fill = fill,
	.change = change,
};
