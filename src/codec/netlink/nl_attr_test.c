/* Attributes: policies, hostile lengths, texts of extended ACKs, and the builder's limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "codec/netlink/nl_attr.h"

static const struct nl_policy policy[] = {
	[1] = { .type = NLP_U32 }, [2] = { .type = NLP_STRING, .len = 7 }, [3] = { .type = NLP_U32, .min = 1, .max = 3 },
	[4] = { .type = NLP_NUL_STRING, .len = 7 }, [5] = { .type = NLP_NESTED }, [6] = { .type = NLP_BINARY, .len = 4 },
	[7] = { .type = NLP_FLAG },
};
enum { MAX_TYPE = 7 };

struct fixture {
	struct mem mem;
	struct nl_buf b;
};

static void begin(struct fixture *f)
{
	mem_init(&f->mem, 0);
	nl_buf_init(&f->b, &f->mem, 0);
	assert_non_null(nl_begin(&f->b, 100, 0, 7, 9, 4));
}

static int finish(struct fixture *f, struct nl_attrs *out, bool strict, struct nl_ext_ack *ack)
{
	assert_int_equal(nl_end(&f->b), 0);
	*ack = (struct nl_ext_ack){ .msg = NULL };
	return nl_parse(f->b.data + NLMSG_HDRLEN + 4, f->b.len - NLMSG_HDRLEN - 4, out, MAX_TYPE, policy, strict, ack);
}

static void done(struct fixture *f)
{
	nl_buf_fini(&f->b);
	assert_int_equal(mem_fini(&f->mem), 0);
}

static void round_trip(void **state)
{
	struct fixture f;
	struct nl_attrs a, in;
	struct nl_ext_ack ack;
	char s[4];
	size_t n;

	begin(&f);
	nl_put_u32(&f.b, 1, 0xdeadbeef);
	nl_put_str(&f.b, 2, "seven77");
	n = nl_nest(&f.b, 5);
	nl_put_u32(&f.b, 3, 2);
	nl_nest_end(&f.b, n);
	n = nl_nest(&f.b, 5 | NLA_F_NESTED);
	nl_nest_cancel(&f.b, n);
	assert_int_equal(finish(&f, &a, true, &ack), 0);
	assert_int_equal(nl_u32(a.a[1]), 0xdeadbeef);
	assert_int_equal(nl_strcpy(s, sizeof(s), a.a[2]), 7);
	assert_string_equal(s, "sev");
	assert_int_equal(nl_parse_nested(a.a[5], &in, MAX_TYPE, policy, true, &ack), 0);
	assert_int_equal(nl_u32(in.a[3]), 2);
	assert_null(a.a[7]);
	assert_int_equal(((struct nlmsghdr *)f.b.data)->nlmsg_len, f.b.len);
	done(&f);
}

static void one_bad(u16 type, const void *data, size_t len, bool strict, int err, const char *msg)
{
	struct fixture f;
	struct nl_attrs a;
	struct nl_ext_ack ack;

	begin(&f);
	nl_put(&f.b, type, data, len);
	assert_int_equal(finish(&f, &a, strict, &ack), err);
	if (msg)
		assert_string_equal(ack.msg, msg);
	else
		assert_null(ack.msg);
	done(&f);
}

static void policies(void **state)
{
	static const char failed[] = "Attribute failed policy validation";

	one_bad(1, "abc", 3, false, -ERANGE, failed);
	one_bad(1, "abcdefgh", 8, false, 0, NULL);
	one_bad(2, "", 0, false, -ERANGE, failed);
	one_bad(2, "12345678", 8, false, -ERANGE, failed);
	one_bad(2, "1234567", 8, false, 0, NULL);
	one_bad(3, "\4\0\0\0", 4, false, -ERANGE, "integer out of range");
	one_bad(3, "\0\0\0\0", 4, false, -ERANGE, "integer out of range");
	one_bad(4, "1234567", 7, false, -EINVAL, failed);
	one_bad(4, "1234567", 8, false, 0, NULL);
	one_bad(5, "ab", 2, false, -ERANGE, failed);
	one_bad(6, "abcde", 5, false, -ERANGE, failed);
	one_bad(7, "a", 1, false, -ERANGE, failed);
	one_bad(8, "a", 1, false, 0, NULL);
	one_bad(8, "a", 1, true, -EINVAL, "Unknown attribute type");
	one_bad(0, "a", 1, true, -EINVAL, "Unknown attribute type");
}

static void hostile_lengths(void **state)
{
	struct { struct nlattr a; u8 rest[12]; } m = { .a = { .nla_len = 0xffff, .nla_type = 1 } };
	struct nl_attrs a;
	struct nl_ext_ack ack = { .msg = NULL };

	assert_int_equal(nl_parse(&m, sizeof(m), &a, MAX_TYPE, policy, false, &ack), 0);
	assert_null(a.a[1]);
	assert_int_equal(nl_parse(&m, sizeof(m), &a, MAX_TYPE, policy, true, &ack), -EINVAL);
	assert_string_equal(ack.msg, "bytes leftover after parsing attributes");
	m.a.nla_len = 3;
	assert_int_equal(nl_parse(&m, sizeof(m), &a, MAX_TYPE, policy, true, &ack), -EINVAL);
	m.a.nla_len = 8; /* the second attribute is zeros: nla_len 0 */
	assert_int_equal(nl_parse(&m, sizeof(m), &a, MAX_TYPE, policy, false, &ack), 0);
	assert_non_null(a.a[1]);
	/* unaligned end: length 9 of 9 bytes */
	m.a.nla_len = 9;
	assert_int_equal(nl_parse(&m, 9, &a, MAX_TYPE, policy, true, &ack), 0);
}

static void limits(void **state)
{
	struct mem mem;
	struct nl_buf b;
	u8 big[70000] = { 0 };

	mem_init(&mem, 0);
	nl_buf_init(&b, &mem, 64);
	assert_non_null(nl_begin(&b, 1, 0, 0, 0, 0));
	nl_put_u32(&b, 1, 1);
	assert_int_equal(nl_end(&b), 0);
	assert_int_equal(b.len, 24);
	assert_non_null(nl_begin(&b, 1, 0, 0, 0, 0));
	nl_put(&b, 1, big, 40);
	nl_put_u32(&b, 1, 1);
	assert_int_equal(nl_end(&b), -EMSGSIZE);
	assert_int_equal(b.len, 24);
	b.limit = 0;
	assert_non_null(nl_begin(&b, 1, 0, 0, 0, 0));
	nl_put(&b, 1, big, sizeof(big));
	assert_int_equal(nl_end(&b), -EMSGSIZE);
	size_t n = (nl_begin(&b, 1, 0, 0, 0, 0), nl_nest(&b, 1));
	nl_put(&b, 1, big, 40000);
	nl_put(&b, 1, big, 40000);
	nl_nest_end(&b, n);
	assert_int_equal(nl_end(&b), -EMSGSIZE);
	nl_buf_fini(&b);
	nl_buf_init(&b, &mem, 0);
	mem.fail_at = 1;
	assert_null(nl_begin(&b, 1, 0, 0, 0, 0));
	nl_put_u32(&b, 1, 1);
	assert_int_equal(nl_end(&b), -ENOMEM);
	nl_buf_fini(&b);
	assert_int_equal(mem_fini(&mem), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(policies),
		cmocka_unit_test(hostile_lengths),
		cmocka_unit_test(limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
