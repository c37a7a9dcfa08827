/* The generic netlink family "ethtool": what the files of this folder share. One file has one noun (rings, features, …): what is asked
 * of it, how it is told, how it is changed. ethnl.c looks after the rest: headers, dumps, notifications.
 * linux/ethtool_netlink.h; docs.kernel.org/networking/ethtool-netlink.html. */
#ifndef CONTROL_ETHTOOL_ETHNL_H
#define CONTROL_ETHTOOL_ETHNL_H

#include <linux/ethtool_netlink.h>

#include "control/genl.h"
#include "link/ethtool.h"

struct ethnl_req {	/* a question or an order about one device, or a message about a change */
	struct cpu *cpu;
	struct netns *net;
	struct net_device *dev; /* NULL: none is named, where a noun allows that */
	const struct ethtool_ops *ops; /* dev's, never NULL */
	u32 flags;	/* ETHTOOL_FLAG_* */
	const struct nl_attrs *a; /* of the request; in a message about a change none is there */
	struct nl_request *rq;	/* a request with an answer: to send it (nl_unicast); else NULL */
	struct nl_ext_ack *ack; /* may be NULL */
	u64 arg[2];	/* what the noun's check found out */
};
static inline bool ethnl_compact(const struct ethnl_req *q) { return q->flags & ETHTOOL_FLAG_COMPACT_BITSETS; }
static inline const struct nlattr *ethnl_attr(const struct ethnl_req *q, unsigned type) { return type <= q->a->max ? q->a->a[type] : NULL; }

struct ethnl_noun {
	struct genl_op get, set; /* cmd 0: there is none */
	u8 header;	/* attribute type of the header; 0: 1 */
	u8 reply, ntf;	/* ETHTOOL_MSG_*: what a GET is answered with, what listeners are told; ntf 0: nothing */
	bool no_dev;	/* a GET may name no device */
	bool says_header; /* a missing header is told by a sentence */
	u8 needs;	/* attribute type that a SET must have, looked for before the header; 0: none */
	bool says_needs; /* which one is missing is told */
	/* Reads a GET's own attributes (of every device that a dump shows: called once). May be NULL. */
	int (*check)(struct ethnl_req *q);
	/* Writes the answer's attributes behind the header; -EOPNOTSUPP: not such a device (dumps pass over it), or another error. */
	int (*fill)(struct ethnl_req *q, struct nl_buf *b);
	int (*change)(struct ethnl_req *q); /* 1: changed, to be told; 0: as it was; -errno. Where nothing can be set: -EOPNOTSUPP */
};
/* struct genl_op.msg of all. */
int ethnl_get(struct nl_request *rq, const struct genl_op *op);
int ethnl_set(struct nl_request *rq, const struct genl_op *op);
/* A message that answers a SET: begun, with its header; NULL: no memory. Sent, and b ended, by the other one. */
bool ethnl_reply_begin(const struct ethnl_req *q, struct nl_buf *b, u8 cmd);
int ethnl_reply_send(const struct ethnl_req *q, struct nl_buf *b);

extern const struct nl_policy ethnl_header_policy[], ethnl_stats_header_policy[], ethnl_phy_header_policy[];
extern const struct nl_policy ethnl_plain_policy[]; /* a header and nothing else */
#define ETHNL_HEADER { .type = NLP_NESTED, .len = ETHTOOL_A_HEADER_FLAGS, .nest = ethnl_header_policy }
#define ETHNL_STATS_HEADER { .type = NLP_NESTED, .len = ETHTOOL_A_HEADER_FLAGS, .nest = ethnl_stats_header_policy }
#define ETHNL_PHY_HEADER { .type = NLP_NESTED, .len = 4, .nest = ethnl_phy_header_policy }
#define ETHNL_BITSET { .type = NLP_NESTED }
#define ETHNL_GET_FLAGS (GENL_CMD_CAP_DO | GENL_CMD_CAP_DUMP | GENL_CMD_CAP_HASPOL)
#define ETHNL_SET_FLAGS (GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO | GENL_CMD_CAP_HASPOL)
#define ETHNL_POLICY(table) .policy = (table), .max_attr = ARRAY_SIZE(table) - 1
#define ETHNL_GET(number) { .cmd = (number), .flags = ETHNL_GET_FLAGS, .policy = ethnl_plain_policy, .max_attr = 1, .msg = ethnl_get }
#define ETHNL_SET(number, table) { .cmd = (number), .flags = ETHNL_SET_FLAGS, ETHNL_POLICY(table), .msg = ethnl_set }

/* ethnl_change.c: for a noun's change. v takes what the attribute says, if it is there; *changed is set when that is another value. */
void ethnl_update_u32(u32 *v, const struct nlattr *a, bool *changed);
void ethnl_update_u8(u8 *v, const struct nlattr *a, bool *changed);
void ethnl_update_bool(u32 *v, const struct nlattr *a, bool *changed); /* 0, 1 */

/* ethnl_bitset.c: words of 32 bits, nbits of them in use, at most ETHNL_BITS_MAX; set: an enum ethtool_stringset with the bits' names. */
#define ETHNL_BITS_MAX 128
/* mask NULL: the list of those that are set. */
void ethnl_put_bitset(const struct ethnl_req *q, struct nl_buf *b, u16 type, const u32 *val, const u32 *mask, unsigned nbits, unsigned set);
/* Which bits are asked for (mask) and how (val). 0, -EINVAL, -ERANGE, -EOPNOTSUPP (no such bit). */
int ethnl_get_bitset(const struct ethnl_req *q, const struct nlattr *nest, u32 *val, u32 *mask, unsigned nbits, unsigned set);

/* ethnl_strings.c: sets that are the same for every device. */
enum { ETHNL_SETS = 23, ETHNL_SS_TS_FLAGS = 22, ETHNL_SS_STATS_PHY = 21 }; /* newer than some headers */
unsigned ethnl_string_count(unsigned set);
const char *ethnl_string(unsigned set, unsigned i); /* "" for bits without a name */

extern const struct ethnl_noun ethnl_strset, ethnl_linkinfo, ethnl_linkmodes, ethnl_linkstate, ethnl_debug, ethnl_features, ethnl_rings,
	ethnl_channels, ethnl_coalesce, ethnl_pause, ethnl_tsinfo, ethnl_stats, ethnl_rss;
/* ethnl_absent.c: what no device here has. */
extern const struct ethnl_noun ethnl_wol, ethnl_privflags, ethnl_eee, ethnl_cable_test, ethnl_cable_test_tdr, ethnl_tunnel_info, ethnl_fec,
	ethnl_module_eeprom, ethnl_phc_vclocks, ethnl_module, ethnl_pse, ethnl_plca, ethnl_plca_status, ethnl_mm, ethnl_module_flash, ethnl_phy,
	ethnl_tsconfig, ethnl_rss_create, ethnl_rss_delete;

extern const struct genl_family genl_ethtool;
extern const struct event_sub ethnl_event_sub;

#endif
