/* Bitsets, in both of their forms: compact ones are words, verbose ones list bits with number and name. Either is a value with a mask
 * (which bits are meant) or, without one, the list of the bits that are set.
 */
#include "control/ethtool/ethnl.h"

enum { WORDS = ETHNL_BITS_MAX / 32, SIZE_MAX_BITS = 0x7fff };

static bool test(const u32 *map, unsigned i)
{
	return map[i / 32] >> i % 32 & 1;
}

static void put_bits(struct nl_buf *b, const u32 *val, const u32 *mask, unsigned nbits, unsigned set)
{
	size_t list = nl_nest(b, ETHTOOL_A_BITSET_BITS | NLA_F_NESTED), one;

	for (unsigned i = 0; i < nbits; i++) {
		if (!test(mask ? mask : val, i))
			continue;
		one = nl_nest(b, ETHTOOL_A_BITSET_BITS_BIT | NLA_F_NESTED);
		nl_put_u32(b, ETHTOOL_A_BITSET_BIT_INDEX, i);
		nl_put_str(b, ETHTOOL_A_BITSET_BIT_NAME, ethnl_string(set, i));
		if (mask && test(val, i))
			nl_put(b, ETHTOOL_A_BITSET_BIT_VALUE, NULL, 0);
		nl_nest_end(b, one);
	}
	nl_nest_end(b, list);
}

void ethnl_put_bitset(const struct ethnl_req *q, struct nl_buf *b, u16 type, const u32 *val, const u32 *mask, unsigned nbits, unsigned set)
{
	size_t nest = nl_nest(b, type | NLA_F_NESTED), bytes = (nbits + 31) / 32 * sizeof(u32);

	assert(nbits <= ETHNL_BITS_MAX);
	if (!mask)
		nl_put(b, ETHTOOL_A_BITSET_NOMASK, NULL, 0);
	nl_put_u32(b, ETHTOOL_A_BITSET_SIZE, nbits);
	if (ethnl_compact(q)) {
		nl_put(b, ETHTOOL_A_BITSET_VALUE, val, bytes);
		if (mask)
			nl_put(b, ETHTOOL_A_BITSET_MASK, mask, bytes);
	} else {
		put_bits(b, val, mask, nbits, set);
	}
	nl_nest_end(b, nest);
}

static int fail(const struct ethnl_req *q, const struct nlattr *a, const char *text, int err)
{
	NL_SET_ERR_ATTR(q->ack, a, text);
	return err;
}

static const struct nl_policy bitset_policy[] = {
	[ETHTOOL_A_BITSET_NOMASK] = { .type = NLP_FLAG },
	[ETHTOOL_A_BITSET_SIZE] = { .type = NLP_U32, .max = SIZE_MAX_BITS },
	[ETHTOOL_A_BITSET_BITS] = { .type = NLP_NESTED },
	[ETHTOOL_A_BITSET_VALUE] = { .type = NLP_BINARY },
	[ETHTOOL_A_BITSET_MASK] = { .type = NLP_BINARY },
};
static const struct nl_policy bit_policy[] = {
	[ETHTOOL_A_BITSET_BIT_INDEX] = { .type = NLP_U32 },
	[ETHTOOL_A_BITSET_BIT_NAME] = { .type = NLP_NUL_STRING },
	[ETHTOOL_A_BITSET_BIT_VALUE] = { .type = NLP_FLAG },
};

/* The words of one attribute, as many as fit; what lies beyond nbits must be zero. */
static int read_words(const struct ethnl_req *q, const struct nlattr *a, u32 *map, unsigned nbits)
{
	const u8 *p = nl_data(a);
	unsigned words = nl_len(a) / (unsigned)sizeof(u32);

	memset(map, 0, WORDS * sizeof(u32));
	for (unsigned i = 0; i < words; i++) {
		u32 w, past;

		memcpy(&w, p + i * sizeof(w), sizeof(w));
		past = i >= nbits / 32 + (nbits % 32 > 0) ? ~0u : i == nbits / 32 ? ~0u << nbits % 32 : 0;
		if (w & past)
			return fail(q, a, "cannot modify bits past kernel bitset size", -EINVAL);
		if (i < WORDS)
			map[i] = w;
	}
	return 0;
}

static void ones(u32 *map, unsigned nbits)
{
	memset(map, 0, WORDS * sizeof(u32));
	for (unsigned i = 0; i < nbits; i++)
		map[i / 32] |= 1u << i % 32;
}

static int read_compact(const struct ethnl_req *q, const struct nlattr *nest, const struct nl_attrs *a, u32 *val, u32 *mask, unsigned nbits)
{
	const struct nlattr *v = a->a[ETHTOOL_A_BITSET_VALUE], *m = a->a[ETHTOOL_A_BITSET_MASK];
	bool list = a->a[ETHTOOL_A_BITSET_NOMASK];
	u32 size;
	int err;

	if (!a->a[ETHTOOL_A_BITSET_SIZE])
		return fail(q, nest, "missing size in compact bitset", -EINVAL);
	if (!v)
		return fail(q, nest, "missing value in compact bitset", -EINVAL);
	if (list && m)
		return fail(q, m, "mask not allowed in list bitset", -EINVAL);
	if (!list && !m)
		return fail(q, nest, "missing mask in compact nonlist bitset", -EINVAL);
	size = (nl_u32(a->a[ETHTOOL_A_BITSET_SIZE]) + 31) / 32 * (u32)sizeof(u32);
	if (nl_len(v) != size)
		return fail(q, v, "bitset value length does not match size", -EINVAL);
	if (m && nl_len(m) != size)
		return fail(q, m, "bitset mask length does not match size", -EINVAL);
	if (m) {
		err = read_words(q, m, mask, nbits);
		if (err)
			return err;
		/* What the mask leaves out does not count, wherever it is. */
		memset(val, 0, WORDS * sizeof(u32));
		memcpy(val, nl_data(v), MIN((size_t)nl_len(v), WORDS * sizeof(u32)));
		for (unsigned i = 0; i < WORDS; i++)
			val[i] &= mask[i];
		return 0;
	}
	ones(mask, nbits);
	return read_words(q, v, val, nbits);
}

/* Which bit it is. */
static int find_bit(const struct ethnl_req *q, const struct nlattr *bit, const struct nl_attrs *a, unsigned nbits, unsigned set, unsigned *out)
{
	const struct nlattr *index = a->a[ETHTOOL_A_BITSET_BIT_INDEX], *name = a->a[ETHTOOL_A_BITSET_BIT_NAME];
	char text[ETH_GSTRING_LEN];
	bool fits = !name || nl_strcpy(text, sizeof(text), name) < sizeof(text);

	if (!index && !name)
		return fail(q, bit, "neither bit index nor name specified", -EINVAL);
	if (index) {
		*out = nl_u32(index);
		if (*out >= nbits)
			return fail(q, index, "bit index too high", -EOPNOTSUPP);
		if (name && (!fits || strcmp(text, ethnl_string(set, *out))))
			return fail(q, bit, "bit index and name mismatch", -EINVAL);
		return 0;
	}
	for (*out = 0; fits && *out < nbits; ++*out)
		if (!strcmp(text, ethnl_string(set, *out)))
			return 0;
	return fail(q, name, "bit name not found", -EOPNOTSUPP);
}

static int read_verbose(const struct ethnl_req *q, const struct nl_attrs *a, u32 *val, u32 *mask, unsigned nbits, unsigned set)
{
	bool list = a->a[ETHTOOL_A_BITSET_NOMASK];
	const struct nlattr *bit;

	if (a->a[ETHTOOL_A_BITSET_VALUE])
		return fail(q, a->a[ETHTOOL_A_BITSET_VALUE], "value only allowed in compact bitset", -EINVAL);
	if (a->a[ETHTOOL_A_BITSET_MASK])
		return fail(q, a->a[ETHTOOL_A_BITSET_MASK], "mask only allowed in compact bitset", -EINVAL);
	memset(val, 0, WORDS * sizeof(u32));
	if (list)
		ones(mask, nbits);
	else
		memset(mask, 0, WORDS * sizeof(u32));
	nl_for_each_nested(bit, a->a[ETHTOOL_A_BITSET_BITS]) {
		struct nl_attrs of;
		unsigned i;
		int err;

		if (!(bit->nla_type & NLA_F_NESTED))
			return fail(q, bit, "NLA_F_NESTED is missing", -EINVAL);
		err = nl_check_all(nl_data(bit), nl_len(bit), ARRAY_SIZE(bit_policy) - 1, bit_policy, q->ack);
		err = err ? err : nl_parse_nested(bit, &of, ARRAY_SIZE(bit_policy) - 1, bit_policy, false, q->ack);
		err = err ? err : find_bit(q, bit, &of, nbits, set, &i);
		if (err)
			return err;
		mask[i / 32] |= 1u << i % 32;
		if (list || of.a[ETHTOOL_A_BITSET_BIT_VALUE])
			val[i / 32] |= 1u << i % 32;
	}
	return 0;
}

int ethnl_get_bitset(const struct ethnl_req *q, const struct nlattr *nest, u32 *val, u32 *mask, unsigned nbits, unsigned set)
{
	struct nl_attrs a;
	int err = nl_check_all(nl_data(nest), nl_len(nest), ARRAY_SIZE(bitset_policy) - 1, bitset_policy, q->ack);

	assert(nbits <= ETHNL_BITS_MAX);
	err = err ? err : nl_parse_nested(nest, &a, ARRAY_SIZE(bitset_policy) - 1, bitset_policy, false, q->ack);
	if (err)
		return err;
	return a.a[ETHTOOL_A_BITSET_BITS] ? read_verbose(q, &a, val, mask, nbits, set) : read_compact(q, nest, &a, val, mask, nbits);
}
