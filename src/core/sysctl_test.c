/* Sysctls against what Linux 6.18 does with the same writes: good and bad numbers, lists, times, modes, directories. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/stack_tables.h"
#include "core/sysctl.h"

struct values {
	s32 plain, bounded;
	u32 uint;
	u64 ulong, ms, s, cs;
	u8 u8v, flag;
	s32 three[3];
	u64 longs[3];
	char word[8];
};
static struct values v;

static void *base(struct netns *net, const char *dev)
{
	(void)net;
	return !dev || !strcmp(dev, "all") || !strcmp(dev, "eth0") ? &v : NULL;
}
static int refuse(struct netns *net, void *b, const struct sysctl *s, const char *text)
{
	(void)net, (void)b, (void)s, (void)text;
	return v.plain == 13 ? -EPERM : 0;
}
static int set_word(struct netns *net, void *b, const struct sysctl *s, const char *text)
{
	(void)net, (void)b, (void)s;
	sysctl_parse_string(text, v.word, sizeof(v.word));
	return 0;
}
static int get_word(struct netns *net, void *b, const struct sysctl *s, struct strbuf *out)
{
	(void)net, (void)b, (void)s;
	strbuf_printf(out, "%s", v.word);
	return 0;
}
#define AT(f) .offset = offsetof(struct values, f)
static const struct sysctl entries[] = {
	{ "plain", SYSCTL_INT, 0644, AT(plain), .set = refuse },
	{ "bounded", SYSCTL_INT, 0644, AT(bounded), .min = 1, .max = 127 },
	{ "uint", SYSCTL_UINT, 0644, AT(uint) },
	{ "ulong", SYSCTL_ULONG, 0644, AT(ulong), .min = 0, .max = INT64_MAX },
	{ "ms", SYSCTL_MS, 0644, AT(ms) },
	{ "s", SYSCTL_S, 0644, AT(s) },
	{ "cs", SYSCTL_CS, 0644, AT(cs) },
	{ "u8", SYSCTL_U8, 0644, AT(u8v) },
	{ "flag", SYSCTL_BOOL, 0644, AT(flag) },
	{ "three", SYSCTL_INTS, 0644, .count = 3, AT(three), .min = 1, .max = INT_MAX },
	{ "longs", SYSCTL_ULONGS, 0644, .count = 3, AT(longs) },
	{ "word", SYSCTL_CUSTOM, 0644, .get = get_word, .set = set_word },
	{ "ro", SYSCTL_INT, 0444, AT(plain) },
	{ "wo", SYSCTL_INT, 0200, AT(plain) },
	{ "first", SYSCTL_INT, 0644, .init_only = true, AT(plain) },
};
static const struct sysctl_table flat = { "ipv4", .entries = entries, .count = ARRAY_SIZE(entries), .base = base };
static const struct sysctl_table conf = { "ipv4/conf/", .per_device = true, .entries = entries, .count = 2, .base = base };
static const struct sysctl_table *const sysctls[] = { &flat, &conf, NULL };

static int dev_walk(struct netns *net, int (*fn)(void *arg, const char *name), void *arg)
{
	(void)net;
	return fn(arg, "eth0");
}
static const struct stack_tables tables = { .sysctls = sysctls, .dev_walk = dev_walk };

static struct world *w;
static struct netns *first, *second;

static int setup(void **state)
{
	struct world_config cfg = { .ncpus = 1, .tables = &tables };

	(void)state;
	return world_new(&cfg, &w) || netns_new(w, "first", -1, &first) || netns_new(w, "second", -1, &second);
}
static int teardown(void **state)
{
	(void)state;
	world_free(w);
	return 0;
}

static const char *get(const char *path)
{
	static char buf[256];
	struct strbuf b;
	int err;

	strbuf_init(&b, &w->mem);
	err = sysctl_read(second, path, &b);
	snprintf(buf, sizeof(buf), "%s", err ? strerror(-err) : b.s);
	strbuf_fini(&b);
	return buf;
}

struct row {
	const char *path, *text, *after; /* after: what is read back, the newline included */
	int err;
};
static void run(const struct row *r, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		int err = sysctl_write(second, r[i].path, r[i].text, strlen(r[i].text));

		if (err != r[i].err || strcmp(get(r[i].path), r[i].after))
			fail_msg("%s <%s>: %d, %s", r[i].path, r[i].text, err, get(r[i].path));
	}
}

static void numbers(void **state)
{
	static const struct row rows[] = {
		{ "ipv4/bounded", "5", "5\n", 0 },	   { "ipv4/bounded", " 6", "6\n", 0 },
		{ "ipv4/bounded", "9 \n", "9\n", 0 },	   { "ipv4/bounded", "11 12", "11\n", 0 },
		{ "ipv4/bounded", "13x", "11\n", -EINVAL }, { "ipv4/bounded", "x", "11\n", -EINVAL },
		{ "ipv4/bounded", "", "11\n", 0 },	   { "ipv4/bounded", "\n", "11\n", -EINVAL },
		{ "ipv4/bounded", " ", "11\n", -EINVAL },   { "ipv4/bounded", "-5", "11\n", -EINVAL },
		{ "ipv4/bounded", "0x20", "32\n", 0 },	   { "ipv4/bounded", "010", "8\n", 0 },
		{ "ipv4/bounded", "+5", "8\n", -EINVAL },   { "ipv4/bounded", "99999999999", "8\n", -EINVAL },
		{ "ipv4/bounded", "14\t", "14\n", 0 },	   { "ipv4/bounded", "\t15", "15\n", 0 },
		{ "ipv4/bounded", "16\r", "15\n", -EINVAL }, { "ipv4/bounded", "-", "15\n", -EINVAL },
		{ "ipv4/bounded", "--5", "15\n", -EINVAL }, { "ipv4/bounded", "0x", "15\n", -EINVAL },
		{ "ipv4/bounded", "08", "15\n", -EINVAL },  { "ipv4/bounded", "1.5", "15\n", -EINVAL },
		{ "ipv4/bounded", "000000000000000000000000000000000000007", "15\n", -EINVAL },
		{ "ipv4/bounded", "                                          9", "9\n", 0 },
		{ "ipv4/plain", "-1", "-1\n", 0 },	   { "ipv4/plain", "2147483647", "2147483647\n", 0 },
		{ "ipv4/plain", "2147483648", "2147483647\n", -EINVAL },
		{ "ipv4/plain", "-2147483648", "-2147483648\n", 0 },
		{ "ipv4/plain", "-2147483649", "-2147483648\n", -EINVAL },
		{ "ipv4/plain", "4294967296", "-2147483648\n", -EINVAL },
		{ "ipv4/plain", "13", "-2147483648\n", -EPERM },
		{ "ipv4/uint", "4294967295", "4294967295\n", 0 }, { "ipv4/uint", "-1", "4294967295\n", -EINVAL },
		{ "ipv4/uint", "4294967296", "4294967295\n", -EINVAL },
		{ "ipv4/u8", "255", "255\n", 0 },	   { "ipv4/u8", "256", "255\n", -EINVAL },
		{ "ipv4/u8", "-1", "255\n", -EINVAL },	   { "ipv4/flag", "1", "1\n", 0 },
		{ "ipv4/flag", "2", "1\n", -EINVAL },	   { "ipv4/ulong", "4294967296", "4294967296\n", 0 },
		{ "ipv4/ulong", "-1", "4294967296\n", -EINVAL },
		{ "ipv4/ulong", "99999999999999999999", "4294967296\n", -EINVAL },
	};

	(void)state;
	run(rows, ARRAY_SIZE(rows));
	assert_int_equal(sysctl_write(second, "ipv4/bounded", "17\0", 3), -EINVAL);
}

static void lists(void **state)
{
	static const struct row rows[] = {
		{ "ipv4/three", "1 2 3", "1\t2\t3\n", 0 },	  { "ipv4/three", "4\t5\t6\n", "4\t5\t6\n", 0 },
		{ "ipv4/three", "7", "7\t5\t6\n", 0 },		  { "ipv4/three", "8 9", "8\t9\t6\n", 0 },
		{ "ipv4/three", "1 2 3 4", "1\t2\t3\n", 0 },	  { "ipv4/three", "10 x 12", "10\t2\t3\n", -EINVAL },
		{ "ipv4/three", "11,12,13", "10\t2\t3\n", -EINVAL }, { "ipv4/three", "0 1 1", "10\t2\t3\n", -EINVAL },
		{ "ipv4/three", "", "10\t2\t3\n", 0 },		  { "ipv4/three", "99999999999 1 1", "10\t2\t3\n", -EINVAL },
		{ "ipv4/longs", "1 2 99999999999", "1\t2\t99999999999\n", 0 },
		{ "ipv4/word", "cubic\n", "cubic\n", 0 },	  { "ipv4/word", "waytoolongname", "waytool\n", 0 },
	};
	s64 two[2];

	(void)state;
	run(rows, ARRAY_SIZE(rows));
	assert_int_equal(sysctl_parse_ints("1000 2000\n", two, 2, 1, 65535), 2);
	assert_int_equal(two[1], 2000);
	assert_int_equal(sysctl_parse_ints("3000", two, 2, 1, 65535), 1);
	assert_int_equal(sysctl_parse_ints("4000 x", two, 2, 1, 65535), -EINVAL);
	assert_int_equal(sysctl_parse_ints("1 70000", two, 2, 1, 65535), -EINVAL);
}

static void times(void **state)
{
	static const struct row rows[] = {
		{ "ipv4/ms", "30", "32\n", 0 },	     { "ipv4/ms", "7", "8\n", 0 },	{ "ipv4/ms", "-1", "8\n", -EINVAL },
		{ "ipv4/ms", "2147483647", "2147483648\n", 0 }, { "ipv4/ms", "0", "0\n", 0 }, { "ipv4/ms", "1 2", "4\n", 0 },
		{ "ipv4/s", "30", "30\n", 0 },	     { "ipv4/s", "-1", "-1\n", 0 },	{ "ipv4/s", "4294967", "4294967\n", 0 },
		{ "ipv4/s", "2147483647", "4294967\n", -EINVAL }, { "ipv4/s", "x", "4294967\n", -EINVAL },
		{ "ipv4/cs", "7", "6\n", 0 },	     { "ipv4/cs", "1 2", "0\n", 0 },	{ "ipv4/cs", "100", "100\n", 0 },
	};

	(void)state;
	run(rows, ARRAY_SIZE(rows));
	assert_int_equal(v.cs, NSEC_PER_SEC);
}

static int count(void *arg, const char *path, unsigned mode)
{
	unsigned *n = arg;

	(void)mode;
	n[0]++;
	n[1] += !strcmp(path, "ipv4/first");
	n[2] += !strcmp(path, "ipv4/conf/eth0/bounded") || !strcmp(path, "ipv4/conf/all/plain");
	n[3] += strstr(path, "default") != NULL;
	return 0;
}

static void paths(void **state)
{
	unsigned n[4] = { 0 }, m[4] = { 0 };

	(void)state;
	assert_string_equal(get("ipv4/none"), strerror(ENOENT));
	assert_string_equal(get("ipv4"), strerror(ENOENT));
	assert_string_equal(get(""), strerror(ENOENT));
	assert_string_equal(get("ipv4/conf/eth1/plain"), strerror(ENOENT));
	assert_string_equal(get("ipv4/conf/plain"), strerror(ENOENT));
	assert_string_equal(get("ipv4/first"), strerror(ENOENT));
	assert_string_equal(get("ipv4/wo"), strerror(EACCES));
	assert_int_equal(sysctl_write(second, "ipv4/ro", "1", 1), -EACCES);
	assert_int_equal(sysctl_write(second, "ipv4/wo", "1", 1), 0);
	assert_int_equal(sysctl_write(first, "ipv4/first", "5", 1), 0);
	assert_string_equal(get("ipv4/conf/eth0/plain"), "5\n");
	assert_int_equal(sysctl_walk(first, count, n), 0);
	assert_int_equal(sysctl_walk(second, count, m), 0);
	assert_int_equal(n[0], ARRAY_SIZE(entries) + 4);
	assert_int_equal(m[0], ARRAY_SIZE(entries) + 3);
	assert_int_equal(n[1], 1);
	assert_int_equal(m[1], 0);
	assert_int_equal(n[2], 2);
	assert_int_equal(n[3], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(lists),
		cmocka_unit_test(times),
		cmocka_unit_test(paths),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
