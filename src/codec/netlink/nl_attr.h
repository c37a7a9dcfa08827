/* Netlink messages: attributes in, attributes out, and what goes into an extended ACK. Pure: no socket, no namespace.
 * Walking untrusted attributes and building messages is libmnl's shape, bounded in both directions. */
#ifndef CODEC_NETLINK_NL_ATTR_H
#define CODEC_NETLINK_NL_ATTR_H

#include <linux/netlink.h>

#include "base/types.h"

struct mem;
/* What an error answer says besides its number. `msg` is a literal, or text in `buf`. */
struct nl_ext_ack {
	const char *msg;
	const struct nlattr *bad_attr; /* in the request: its offset is reported */
	u16 miss_type;		       /* NLMSGERR_ATTR_MISS_TYPE, 0: none */
	const struct nlattr *miss_nest; /* in which nest it is missing, NULL: at the top */
	const struct nl_policy *policy; /* what bad_attr should have been: NLMSGERR_ATTR_POLICY */
	char buf[128];
};
#define NL_SET_ERR(ack, text) do { if (ack) (ack)->msg = (text); } while (0)
#define NL_SET_ERR_ATTR(ack, attr, text) do { if (ack) { (ack)->msg = (text); (ack)->bad_attr = (attr); } } while (0)

/* Policy of one attribute, checked before a handler sees it. */
enum nl_type { NLP_UNSPEC, NLP_U8, NLP_U16, NLP_U32, NLP_U64, NLP_S32, NLP_STRING, NLP_NUL_STRING, NLP_BINARY, NLP_EXACT, NLP_FLAG,
	       NLP_NESTED, NLP_MIN_LEN, NLP_REJECT, NLP_UNSUPPORTED, NLP_BE16, NLP_BE32, NLP_S8, NLP_S64, NLP_BITS32 };
struct nl_policy {
	u8 type;      /* enum nl_type; UNSUPPORTED: newer than what is not checked strictly, and not of this message */
	u16 len;      /* STRING: most bytes without NUL; BINARY: most; EXACT, MIN_LEN: exactly, at least; NESTED: highest type in nest */
	u32 min, max; /* numbers; both 0: any. BITS32: max has the bits that may be set */
	const struct nl_policy *nest; /* NESTED: what is inside, for nl_check_all; NULL: anything */
};
#define NL_ATTRS_MAX 128
struct nl_attrs { /* by type; NULL: absent */
	unsigned max;
	const struct nlattr *a[NL_ATTRS_MAX];
};
/* Parses [data, data+len). strict: unknown types and trailing bytes are -EINVAL with the ack Linux gives; else both are
 * passed over. Of a repeated type the last one counts. 0, -EINVAL, -ERANGE. policy (NULL: none) has max + 1 rows. */
int nl_parse(const void *data, size_t len, struct nl_attrs *out, unsigned max, const struct nl_policy *policy, bool strict,
	     struct nl_ext_ack *ack);
int nl_parse_nested(const struct nlattr *nest, struct nl_attrs *out, unsigned max, const struct nl_policy *policy, bool strict,
		    struct nl_ext_ack *ack);
/* What newer families ask of a request before they look at it, nests included: only types of the policy, numbers of their exact size, the
 * nested flag on nests and on nothing else, no bytes behind. 0, -EINVAL, -ERANGE, with the ack Linux gives. nl_parse may follow. */
int nl_check_all(const void *data, size_t len, unsigned max, const struct nl_policy *policy, struct nl_ext_ack *ack);
static inline const void *nl_data(const struct nlattr *a) { return (const u8 *)a + NLA_HDRLEN; }
static inline u16 nl_len(const struct nlattr *a) { return (u16)(a->nla_len - NLA_HDRLEN); }
u8 nl_u8(const struct nlattr *a);
u16 nl_u16(const struct nlattr *a);
u32 nl_u32(const struct nlattr *a);
u64 nl_u64(const struct nlattr *a);
static inline u16 nl_be16(const struct nlattr *a) { return be16_to_cpu((be16){ nl_u16(a) }); } /* netfilter's numbers are big-endian */
static inline u32 nl_be32(const struct nlattr *a) { return be32_to_cpu((be32){ nl_u32(a) }); }
static inline u64 nl_be64(const struct nlattr *a) { return be64_to_cpu((be64){ nl_u64(a) }); }
size_t nl_strcpy(char *to, size_t size, const struct nlattr *a); /* always NUL-terminated; length of the source */

/* A message buffer that grows up to `limit`; errors stick (-EMSGSIZE, -ENOMEM) and put functions then do nothing. */
struct nl_buf {
	struct mem *mem;
	u8 *data;
	size_t len, cap, limit;
	size_t msg; /* offset of the message being built */
	int err;
};
void nl_buf_init(struct nl_buf *b, struct mem *mem, size_t limit); /* limit 0: none */
void nl_buf_fini(struct nl_buf *b);
/* Starts a message; returns its fixed header of hdr_len zeroed bytes (NULL when full). */
void *nl_begin(struct nl_buf *b, u16 type, u16 flags, u32 seq, u32 pid, size_t hdr_len);
/* Ends it. When it did not fit, the buffer is cut back to before it and -EMSGSIZE is returned. */
int nl_end(struct nl_buf *b);
void nl_put(struct nl_buf *b, u16 type, const void *data, size_t len);
void nl_append(struct nl_buf *b, const void *data, size_t len); /* bare bytes, padded: an array inside an attribute */
void nl_put_u8(struct nl_buf *b, u16 type, u8 v);
void nl_put_u16(struct nl_buf *b, u16 type, u16 v);
void nl_put_u32(struct nl_buf *b, u16 type, u32 v);
void nl_put_u64(struct nl_buf *b, u16 type, u64 v);
static inline void nl_put_be16(struct nl_buf *b, u16 type, u16 v) { nl_put_u16(b, type, cpu_to_be16(v).raw); }
static inline void nl_put_be32(struct nl_buf *b, u16 type, u32 v) { nl_put_u32(b, type, cpu_to_be32(v).raw); }
static inline void nl_put_be64(struct nl_buf *b, u16 type, u64 v) { nl_put_u64(b, type, cpu_to_be64(v).raw); }
void nl_put_str(struct nl_buf *b, u16 type, const char *s); /* with its NUL */
size_t nl_nest(struct nl_buf *b, u16 type); /* type with NLA_F_NESTED or without, as Linux sends it */
void nl_nest_end(struct nl_buf *b, size_t nest);
void nl_nest_cancel(struct nl_buf *b, size_t nest);
/* A formatted text in the extended ACK's own buffer. */
void nl_set_errf(struct nl_ext_ack *ack, const char *fmt, ...) __printf(2, 3);
/* Walks attributes that were parsed as one nest, in order: repeated types included. */
#define nl_for_each_nested(pos, nest)                                                                                  \
	for (size_t rem_##pos = nl_len(nest), once_##pos = (pos = nl_data(nest), 1); once_##pos && nl_ok(pos, rem_##pos);   \
	     pos = nl_next(pos, &rem_##pos))
static inline bool nl_ok(const struct nlattr *a, size_t rem)
{
	return rem >= NLA_HDRLEN && a->nla_len >= NLA_HDRLEN && a->nla_len <= rem;
}
static inline const struct nlattr *nl_next(const struct nlattr *a, size_t *rem)
{
	size_t step = NLA_ALIGN(a->nla_len);
	*rem = step < *rem ? *rem - step : 0;
	return (const struct nlattr *)((const u8 *)a + step);
}
static inline u16 nl_type(const struct nlattr *a) { return a->nla_type & NLA_TYPE_MASK; }

#endif
