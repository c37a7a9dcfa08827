/* Arbitrary bytes as attributes, two levels deep: nothing outside the input may be read. */
#include <stddef.h>
#include <stdint.h>

#include "codec/netlink/nl_attr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct nl_policy policy[] = {
	[1] = { .type = NLP_U8 }, [2] = { .type = NLP_U16 }, [3] = { .type = NLP_U32, .min = 1, .max = 5 }, [4] = { .type = NLP_U64 },
	[5] = { .type = NLP_S32 }, [6] = { .type = NLP_STRING, .len = 15 }, [7] = { .type = NLP_NUL_STRING, .len = 15 },
	[8] = { .type = NLP_BINARY, .len = 32 }, [9] = { .type = NLP_EXACT, .len = 4 }, [10] = { .type = NLP_FLAG },
	[11] = { .type = NLP_NESTED }, [12] = { .type = NLP_MIN_LEN, .len = 3 }, [13] = { .type = NLP_REJECT },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nl_attrs a, in;
	struct nl_ext_ack ack = { .msg = NULL };
	const struct nlattr *pos;
	char s[16];
	unsigned sum = 0;

	for (int strict = 0; strict < 2; strict++) {
		if (nl_parse(data, size, &a, ARRAY_SIZE(policy) - 1, policy, strict, &ack))
			continue;
		if (a.a[3])
			sum += nl_u32(a.a[3]);
		if (a.a[4])
			sum += (unsigned)nl_u64(a.a[4]);
		if (a.a[6])
			sum += (unsigned)nl_strcpy(s, sizeof(s), a.a[6]);
		if (!a.a[11])
			continue;
		nl_parse_nested(a.a[11], &in, ARRAY_SIZE(policy) - 1, policy, strict, &ack);
		nl_for_each_nested(pos, a.a[11])
			sum += nl_type(pos);
	}
	(void)sum;
	return 0;
}
