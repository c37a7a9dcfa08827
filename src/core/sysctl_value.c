/* Numbers in /proc/sys as the kernel reads and shows them (observed on Linux 6.18, HZ 250).
 *
 * A number may have white space before it and must be followed by white space or the end: decimal, octal with a leading 0,
 * hexadecimal with 0x; a minus, never a plus; at most 20 characters. One number too many is ignored, one too few leaves the
 * rest of a list as it was, and the numbers before a bad one are stored. A time is kept in jiffies there, so what is read
 * back is rounded; here it is kept in ns and rounded the same way.
 */
#include <inttypes.h>
#include <limits.h>

#include "core/sysctl_value.h"

#define JIFFY_NS (4 * NSEC_PER_MSEC)	/* HZ 250, as in Debian's kernels */
#define CENTI_NS (10 * NSEC_PER_MSEC)	/* USER_HZ 100 */
#define NUMBER_MAX 21			/* characters that a number must stay below */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

struct number {
	bool negative;
	u64 value;
};

/* Reads the next number of [*p, end). 1: got one; 0: nothing but white space is left; -EINVAL. */
static int next_number(const char **p, const char *end, struct number *n)
{
	const char *s = *p, *start, *digits;
	unsigned base = 10;
	u64 v = 0;

	while (s < end && is_space(*s))
		s++;
	if (s == end)
		return 0;
	start = s;
	n->negative = *s == '-' && s + 1 < end;
	if (n->negative)
		s++;
	if (*s == '0') {
		base = 8;
		if (s + 2 < end && (s[1] | 0x20) == 'x' && digit(s[2]) < 16) {
			base = 16;
			s += 2;
		}
	}
	for (digits = s; s < end && digit(*s) < (int)base; s++)
		if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, (u64)digit(*s), &v))
			return -EINVAL;
	if (s == digits || s - start >= NUMBER_MAX || (s < end && !is_space(*s)))
		return -EINVAL;
	n->value = v;
	*p = s;
	return 1;
}

size_t sysctl_value_bytes(const struct sysctl *s)
{
	switch (s->kind) {
	case SYSCTL_U8:
	case SYSCTL_BOOL:
		return 1;
	case SYSCTL_INT:
	case SYSCTL_UINT:
		return 4;
	case SYSCTL_INTS:
		return 4u * s->count;
	case SYSCTL_ULONGS:
		return 8u * s->count;
	case SYSCTL_ULONG:
	case SYSCTL_MS:
	case SYSCTL_S:
	case SYSCTL_CS:
		return 8;
	case SYSCTL_CUSTOM:
		break;
	}
	return 0;
}

static unsigned count_of(const struct sysctl *s)
{
	return s->kind == SYSCTL_INTS || s->kind == SYSCTL_ULONGS ? s->count : 1;
}

void sysctl_value_format(const struct sysctl *s, const void *p, struct strbuf *out)
{
	for (unsigned i = 0; i < count_of(s); i++) {
		s32 v32;
		u64 v64;

		if (i)
			strbuf_add(out, "\t", 1);
		switch (s->kind) {
		case SYSCTL_U8:
		case SYSCTL_BOOL:
			strbuf_printf(out, "%u", *(const u8 *)p);
			break;
		case SYSCTL_INT:
		case SYSCTL_INTS:
			memcpy(&v32, (const u8 *)p + 4 * i, 4);
			strbuf_printf(out, "%" PRId32, v32);
			break;
		case SYSCTL_UINT:
			memcpy(&v32, p, 4);
			strbuf_printf(out, "%" PRIu32, (u32)v32);
			break;
		case SYSCTL_ULONG:
		case SYSCTL_ULONGS:
			memcpy(&v64, (const u8 *)p + 8 * i, 8);
			strbuf_printf(out, "%" PRIu64, v64);
			break;
		case SYSCTL_MS:
			memcpy(&v64, p, 8);
			strbuf_printf(out, "%llu", v64 / NSEC_PER_MSEC);
			break;
		case SYSCTL_S:
			memcpy(&v64, p, 8);
			strbuf_printf(out, "%" PRId64, (s64)v64 / (s64)NSEC_PER_SEC);
			break;
		case SYSCTL_CS:
			memcpy(&v64, p, 8);
			strbuf_printf(out, "%" PRId64, (s64)v64 / (s64)CENTI_NS);
			break;
		case SYSCTL_CUSTOM:
			break;
		}
	}
}

static bool bounded(const struct sysctl *s)
{
	return s->min || s->max;
}

/* A signed value within the type's limits and the entry's. */
static int as_signed(const struct sysctl *s, const struct number *n, s64 min, s64 max, s64 *v)
{
	if (n->value > (u64)INT64_MAX)
		return -EINVAL;
	*v = n->negative ? -(s64)n->value : (s64)n->value;
	if (bounded(s)) {
		min = MAX(min, s->min);
		max = MIN(max, s->max);
	}
	return *v < min || *v > max ? -EINVAL : 0;
}

static int as_unsigned(const struct sysctl *s, const struct number *n, u64 *v)
{
	*v = n->value;
	return n->negative || (bounded(s) && (*v < (u64)s->min || *v > (u64)s->max)) ? -EINVAL : 0;
}

static int store(const struct sysctl *s, void *p, unsigned i, const struct number *n)
{
	s64 v = 0;
	u64 u = 0;
	s32 v32;
	int err;

	switch (s->kind) {
	case SYSCTL_U8:
		err = as_signed(s, n, 0, UINT8_MAX, &v);
		if (!err)
			*(u8 *)p = (u8)v;
		return err;
	case SYSCTL_BOOL:
		err = as_signed(s, n, 0, 1, &v);
		if (!err)
			*(u8 *)p = (u8)v;
		return err;
	case SYSCTL_INT:
	case SYSCTL_INTS:
	case SYSCTL_UINT:
		err = s->kind == SYSCTL_UINT ? as_signed(s, n, 0, UINT32_MAX, &v) : as_signed(s, n, INT32_MIN, INT32_MAX, &v);
		v32 = (s32)v;
		if (!err)
			memcpy((u8 *)p + 4 * i, &v32, 4);
		return err;
	case SYSCTL_ULONG:
	case SYSCTL_ULONGS:
		err = as_unsigned(s, n, &u);
		p = (u8 *)p + 8 * i;
		break;
	case SYSCTL_MS:
		err = as_signed(s, n, 0, INT_MAX, &v);
		u = ((u64)v * NSEC_PER_MSEC + JIFFY_NS - 1) / JIFFY_NS * JIFFY_NS;
		break;
	case SYSCTL_S: /* what fits an int of jiffies */
		err = as_signed(s, n, -(s64)INT_MAX / 250, INT_MAX / 250, &v);
		u = (u64)(v * (s64)NSEC_PER_SEC);
		break;
	case SYSCTL_CS:
		err = as_signed(s, n, INT32_MIN, INT32_MAX, &v);
		u = (u64)(v * (s64)CENTI_NS / (s64)JIFFY_NS * (s64)JIFFY_NS);
		break;
	default:
		return -EINVAL;
	}
	if (!err)
		memcpy(p, &u, 8);
	return err;
}

int sysctl_value_parse(const struct sysctl *s, void *p, const char *text, size_t len)
{
	const char *at = text, *end = text + len;
	struct number n;

	for (unsigned i = 0; i < count_of(s); i++) {
		int got = next_number(&at, end, &n);

		if (got <= 0)
			return got < 0 || !i ? -EINVAL : 0;
		got = store(s, p, i, &n);
		if (got)
			return got;
	}
	return 0;
}

int sysctl_parse_ints(const char *text, s64 *v, unsigned n, s64 min, s64 max)
{
	static const struct sysctl any;
	const char *at = text, *end = text + strlen(text);
	struct number x;
	unsigned i;

	for (i = 0; i < n; i++) {
		int got = next_number(&at, end, &x);

		if (got < 0 || (!got && !i))
			return -EINVAL;
		if (!got)
			break;
		if (as_signed(&any, &x, min, max, &v[i]))
			return -EINVAL;
	}
	return (int)i;
}

void sysctl_parse_string(const char *text, char *buf, size_t size)
{
	size_t n = strcspn(text, "\n");

	n = MIN(n, size - 1);
	memcpy(buf, text, n);
	buf[n] = 0;
}
