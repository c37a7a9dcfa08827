/* Netlink attributes: parsing under a policy, and building messages.
 *
 * Parsing trusts nothing: a walk ends at the first attribute whose length does not fit what is left, and a handler sees an
 * attribute only after its policy has checked its length, so that fixed-size readers (nl_u32) need no check of their own.
 * The answers are those of a Linux kernel: -ERANGE for most wrong lengths, -EINVAL for unterminated strings, and the same
 * sentences in the extended ACK, because tools print them.
 *
 * Building: struct nl_buf holds whole messages one behind the other. An error sticks until nl_end(), which cuts the buffer
 * back to the last whole message; so a writer checks once, at the end.
 *
 * netlink(7), linux/netlink.h; docs.kernel.org/userspace-api/netlink.
 */
#include "codec/netlink/nl_attr.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

static const u8 fixed_len[] = {
	[NLP_U8] = 1, [NLP_S8] = 1, [NLP_U16] = 2, [NLP_BE16] = 2, [NLP_U32] = 4, [NLP_S32] = 4, [NLP_BE32] = 4, [NLP_U64] = 8,
	[NLP_S64] = 8, [NLP_BITS32] = 4,
};

static int fail_policy(struct nl_ext_ack *ack, const struct nlattr *a, const struct nl_policy *p, const char *msg, int err)
{
	NL_SET_ERR_ATTR(ack, a, msg);
	if (ack)
		ack->policy = p;
	return err;
}

static u64 number(const struct nlattr *a, u8 type)
{
	switch (type) {
	case NLP_U8:
		return nl_u8(a);
	case NLP_U16:
		return nl_u16(a);
	case NLP_BE16:
		return be16_to_cpu((be16){ nl_u16(a) });
	case NLP_BE32:
		return be32_to_cpu((be32){ nl_u32(a) });
	case NLP_U64:
		return nl_u64(a);
	default:
		return nl_u32(a);
	}
}

static int check_range(const struct nlattr *a, const struct nl_policy *p, struct nl_ext_ack *ack)
{
	bool ok;

	if (!p->min && !p->max)
		return 0;
	if (p->type == NLP_S32)
		ok = (s32)nl_u32(a) >= (s32)p->min && (s32)nl_u32(a) <= (s32)p->max;
	else
		ok = number(a, p->type) >= p->min && number(a, p->type) <= p->max;
	return ok ? 0 : fail_policy(ack, a, p, "integer out of range", -ERANGE);
}

static int check(const struct nlattr *a, const struct nl_policy *p, struct nl_ext_ack *ack)
{
	static const char failed[] = "Attribute failed policy validation";
	const char *s = nl_data(a);
	size_t len = nl_len(a), look;

	switch (p->type) {
	case NLP_UNSPEC:
	case NLP_MIN_LEN:
		return len < p->len ? fail_policy(ack, a, p, failed, -ERANGE) : 0;
	case NLP_REJECT:
		NL_SET_ERR_ATTR(ack, a, failed);
		return -EINVAL;
	case NLP_UNSUPPORTED:
		NL_SET_ERR_ATTR(ack, a, "Unsupported attribute");
		return -EINVAL;
	case NLP_FLAG:
		return len ? fail_policy(ack, a, p, failed, -ERANGE) : 0;
	case NLP_EXACT:
		return len != p->len ? fail_policy(ack, a, p, failed, -ERANGE) : 0;
	case NLP_BINARY:
		return p->len && len > p->len ? fail_policy(ack, a, p, failed, -ERANGE) : 0;
	case NLP_NESTED:
		return len && len < NLA_HDRLEN ? fail_policy(ack, a, p, failed, -ERANGE) : 0;
	case NLP_NUL_STRING:
		look = p->len ? MIN(len, (size_t)p->len + 1) : len;
		if (!look || !memchr(s, 0, look))
			return fail_policy(ack, a, p, failed, -EINVAL);
		/* fall through */
	case NLP_STRING:
		if (!len)
			return fail_policy(ack, a, p, failed, -ERANGE);
		if (!s[len - 1])
			len--;
		return p->len && len > p->len ? fail_policy(ack, a, p, failed, -ERANGE) : 0;
	case NLP_BITS32:
		if (len < sizeof(u32))
			return fail_policy(ack, a, p, failed, -ERANGE);
		return nl_u32(a) & ~p->max ? fail_policy(ack, a, p, "reserved bit set", -EINVAL) : 0;
	default:
		if (len < fixed_len[p->type])
			return fail_policy(ack, a, p, failed, -ERANGE);
		return check_range(a, p, ack);
	}
}

static int check_strict(const struct nlattr *a, const struct nl_policy *p, struct nl_ext_ack *ack)
{
	bool nested = a->nla_type & NLA_F_NESTED;

	if (p->type == NLP_UNSPEC && !p->len) {
		NL_SET_ERR_ATTR(ack, a, "Unsupported attribute");
		return -EINVAL;
	}
	if (p->type == NLP_NESTED && !nested)
		return fail_policy(ack, a, p, "NLA_F_NESTED is missing", -EINVAL);
	if (p->type != NLP_NESTED && nested)
		return fail_policy(ack, a, p, "NLA_F_NESTED not expected", -EINVAL);
	if (p->type < ARRAY_SIZE(fixed_len) && fixed_len[p->type] && nl_len(a) != fixed_len[p->type])
		return fail_policy(ack, a, p, "invalid attribute length", -EINVAL);
	return check(a, p, ack);
}

int nl_check_all(const void *data, size_t len, unsigned max, const struct nl_policy *policy, struct nl_ext_ack *ack)
{
	const struct nlattr *a = data;
	int err = 0;

	for (; !err && nl_ok(a, len); a = nl_next(a, &len)) {
		const struct nl_policy *p = policy + nl_type(a);

		if (!nl_type(a) || nl_type(a) > max) {
			NL_SET_ERR_ATTR(ack, a, "Unknown attribute type");
			return -EINVAL;
		}
		err = check_strict(a, p, ack);
		if (!err && p->nest) /* no deeper than the policies are */
			err = nl_check_all(nl_data(a), nl_len(a), p->len, p->nest, ack);
	}
	if (!err && len) {
		NL_SET_ERR(ack, "bytes leftover after parsing attributes");
		err = -EINVAL;
	}
	return err;
}

int nl_parse(const void *data, size_t len, struct nl_attrs *out, unsigned max, const struct nl_policy *policy, bool strict,
	     struct nl_ext_ack *ack)
{
	const struct nlattr *a = data;
	int err;

	assert(max < NL_ATTRS_MAX);
	out->max = max;
	memset(out->a, 0, (max + 1) * sizeof(out->a[0]));
	for (; nl_ok(a, len); a = nl_next(a, &len)) {
		u16 type = nl_type(a);
		if (!type || type > max) {
			if (!strict)
				continue;
			NL_SET_ERR_ATTR(ack, a, "Unknown attribute type");
			return -EINVAL;
		}
		if (policy) {
			err = check(a, &policy[type], ack);
			if (err)
				return err;
		}
		out->a[type] = a;
	}
	if (len && strict) {
		NL_SET_ERR(ack, "bytes leftover after parsing attributes");
		return -EINVAL;
	}
	return 0;
}

int nl_parse_nested(const struct nlattr *nest, struct nl_attrs *out, unsigned max, const struct nl_policy *policy, bool strict,
		    struct nl_ext_ack *ack)
{
	return nl_parse(nl_data(nest), nl_len(nest), out, max, policy, strict, ack);
}

u8 nl_u8(const struct nlattr *a)
{
	return *(const u8 *)nl_data(a);
}

u16 nl_u16(const struct nlattr *a)
{
	u16 v;
	memcpy(&v, nl_data(a), sizeof(v));
	return v;
}

u32 nl_u32(const struct nlattr *a)
{
	u32 v;
	memcpy(&v, nl_data(a), sizeof(v));
	return v;
}

u64 nl_u64(const struct nlattr *a)
{
	u64 v;
	memcpy(&v, nl_data(a), sizeof(v));
	return v;
}

size_t nl_strcpy(char *to, size_t size, const struct nlattr *a)
{
	size_t len = nl_len(a) ? strnlen(nl_data(a), nl_len(a)) : 0, n;

	if (size) {
		n = MIN(len, size - 1);
		memcpy(to, nl_data(a), n);
		to[n] = 0;
	}
	return len;
}

void nl_set_errf(struct nl_ext_ack *ack, const char *fmt, ...)
{
	va_list ap;

	if (!ack)
		return;
	va_start(ap, fmt);
	vsnprintf(ack->buf, sizeof(ack->buf), fmt, ap);
	va_end(ap);
	ack->msg = ack->buf;
}

void nl_buf_init(struct nl_buf *b, struct mem *mem, size_t limit)
{
	*b = (struct nl_buf){ .mem = mem, .limit = limit };
}

void nl_buf_fini(struct nl_buf *b)
{
	mem_free(b->mem, b->data);
	b->data = NULL;
	b->len = b->cap = 0;
}

/* Room for n more bytes, zeroed; NULL with b->err set. */
static u8 *extend(struct nl_buf *b, size_t n)
{
	size_t want = b->len + n, cap;
	u8 *p;

	if (b->err)
		return NULL;
	if (b->limit && want > b->limit) {
		b->err = -EMSGSIZE;
		return NULL;
	}
	if (want > b->cap) {
		cap = b->cap ? b->cap : 512;
		while (cap < want)
			cap *= 2;
		p = mem_realloc(b->mem, b->data, cap);
		if (!p) {
			b->err = -ENOMEM;
			return NULL;
		}
		b->data = p;
		b->cap = cap;
	}
	p = b->data + b->len;
	memset(p, 0, n);
	b->len = want;
	return p;
}

void *nl_begin(struct nl_buf *b, u16 type, u16 flags, u32 seq, u32 pid, size_t hdr_len)
{
	struct nlmsghdr *h;

	b->msg = b->len;
	h = (struct nlmsghdr *)extend(b, NLMSG_HDRLEN + NLMSG_ALIGN(hdr_len));
	if (!h)
		return NULL;
	*h = (struct nlmsghdr){ .nlmsg_len = (u32)(NLMSG_HDRLEN + hdr_len), .nlmsg_type = type, .nlmsg_flags = flags,
				.nlmsg_seq = seq, .nlmsg_pid = pid };
	return (u8 *)h + NLMSG_HDRLEN;
}

int nl_end(struct nl_buf *b)
{
	struct nlmsghdr *h;
	int err = b->err;

	if (err) {
		b->len = b->msg;
		if (err == -EMSGSIZE)
			b->err = 0;
		return err;
	}
	h = (struct nlmsghdr *)(b->data + b->msg);
	h->nlmsg_len = (u32)(b->len - b->msg);
	return 0;
}

void nl_put(struct nl_buf *b, u16 type, const void *data, size_t len)
{
	struct nlattr *a;

	if (len > 0xffff - NLA_HDRLEN) {
		b->err = b->err ? b->err : -EMSGSIZE;
		return;
	}
	a = (struct nlattr *)extend(b, NLA_HDRLEN + NLA_ALIGN(len));
	if (!a)
		return;
	a->nla_type = type;
	a->nla_len = (u16)(NLA_HDRLEN + len);
	if (len)
		memcpy((u8 *)a + NLA_HDRLEN, data, len);
}

void nl_append(struct nl_buf *b, const void *data, size_t len)
{
	u8 *p = extend(b, NLA_ALIGN(len));

	if (p)
		memcpy(p, data, len);
}

void nl_put_u8(struct nl_buf *b, u16 type, u8 v)
{
	nl_put(b, type, &v, sizeof(v));
}

void nl_put_u16(struct nl_buf *b, u16 type, u16 v)
{
	nl_put(b, type, &v, sizeof(v));
}

void nl_put_u32(struct nl_buf *b, u16 type, u32 v)
{
	nl_put(b, type, &v, sizeof(v));
}

void nl_put_u64(struct nl_buf *b, u16 type, u64 v)
{
	nl_put(b, type, &v, sizeof(v));
}

void nl_put_str(struct nl_buf *b, u16 type, const char *s)
{
	nl_put(b, type, s, strlen(s) + 1);
}

size_t nl_nest(struct nl_buf *b, u16 type)
{
	size_t at = b->len;
	struct nlattr *a = (struct nlattr *)extend(b, NLA_HDRLEN);

	if (a) {
		a->nla_type = type;
		a->nla_len = NLA_HDRLEN;
	}
	return at;
}

void nl_nest_end(struct nl_buf *b, size_t nest)
{
	size_t len = b->len - nest;

	if (b->err)
		return;
	if (len > 0xffff) {
		b->err = -EMSGSIZE;
		return;
	}
	((struct nlattr *)(b->data + nest))->nla_len = (u16)len;
}

void nl_nest_cancel(struct nl_buf *b, size_t nest)
{
	if (!b->err)
		b->len = nest;
}
