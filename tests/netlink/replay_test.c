/* What a real kernel answered to `ip`, `tc` and `bridge`, and what we answer: message by message, attribute by attribute.
 *
 * Each transcript (NAME.cmds says what was typed, record.py makes NAME.txt of it) is played against a fresh world. Compared are
 * types, flags, lengths and values of everything; only what cannot be the same is passed over: random addresses, times, counters
 * and IPv6's parts, which the recording kernel has. Set WEFT_REPLAY_VERBOSE to see each difference's bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netconf.h>
#include <linux/net_namespace.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "stack/stack.h"
#include "tests/netlink/transcript.h"

struct verdict {
	unsigned differences, messages;
};

static void differ(struct play *p, const char *what, const void *want, size_t nwant, const void *have, size_t nhave)
{
	struct verdict *v = p->arg;

	v->differences++;
	print_message("line %u: %s: %s\n", p->line, p->command, what);
	if (!getenv("WEFT_REPLAY_VERBOSE"))
		return;
	print_message("  kernel ");
	for (size_t i = 0; i < nwant && i < 160; i++)
		print_message("%02x", ((const u8 *)want)[i]);
	print_message("\n  weft   ");
	for (size_t i = 0; i < nhave && i < 160; i++)
		print_message("%02x", ((const u8 *)have)[i]);
	print_message("\n");
}

static size_t header_len(u16 type)
{
	switch (type) {
	case RTM_NEWLINK: case RTM_DELLINK:
		return sizeof(struct ifinfomsg);
	case RTM_NEWADDR: case RTM_DELADDR:
		return sizeof(struct ifaddrmsg);
	case RTM_NEWROUTE: case RTM_DELROUTE: case RTM_NEWRULE:
		return sizeof(struct rtmsg);
	case RTM_NEWNEIGH: case RTM_DELNEIGH:
		return sizeof(struct ndmsg);
	case RTM_NEWSTATS:
		return sizeof(struct if_stats_msg);
	case RTM_NEWQDISC:
		return sizeof(struct tcmsg);
	default:
		return 4;
	}
}

/* Values that two machines cannot share. path: types from the message's top, innermost last. */
static bool incomparable(u16 msg, const u16 *path, unsigned depth, const u8 *want, size_t len)
{
	u16 t = path[0];

	switch (msg) {
	case RTM_NEWLINK: case RTM_DELLINK:
		if (t == IFLA_STATS || t == IFLA_STATS64)
			return true;
		return t == IFLA_ADDRESS && !(want[0] == 2 && !want[1] && !want[2]); /* those that the scenario sets */
	case RTM_NEWADDR: case RTM_DELADDR:
		return t == IFA_CACHEINFO;
	case RTM_NEWROUTE: case RTM_DELROUTE:
		return t == RTA_CACHEINFO;
	case RTM_NEWNEIGH: case RTM_DELNEIGH:
		return t == NDA_CACHEINFO;
	case RTM_NEWSTATS:
		return t == IFLA_STATS_LINK_64;
	case RTM_NEWNEIGHTBL:
		return t == NDTA_CONFIG || t == NDTA_STATS || (depth == 2 && path[1] == NDTPA_REACHABLE_TIME);
	default:
		return false;
	}
}

static bool is_nest(u16 msg, const u16 *path, unsigned depth, u16 raw)
{
	if (raw & NLA_F_NESTED)
		return true;
	if (msg == RTM_NEWLINK || msg == RTM_DELLINK)
		return (depth == 1 && (path[0] == IFLA_LINKINFO || path[0] == IFLA_AF_SPEC || path[0] == IFLA_XDP)) ||
		       (depth == 2 && path[0] == IFLA_AF_SPEC);
	return depth == 1 && ((msg == RTM_NEWROUTE && path[0] == RTA_METRICS) || (msg == RTM_NEWNEIGHTBL && path[0] == NDTA_PARMS));
}

static bool passed_over(u16 msg, const u16 *path, unsigned depth)
{
	return (msg == RTM_NEWLINK || msg == RTM_DELLINK) && depth == 2 && path[0] == IFLA_AF_SPEC && path[1] == AF_INET6;
}

struct attrs { const u8 *p; size_t len; };

static const struct nlattr *next(struct attrs *a, u16 msg, u16 *path, unsigned depth)
{
	const struct nlattr *n;

	while (a->len >= NLA_HDRLEN) {
		size_t step;
		n = (const struct nlattr *)a->p;
		if (n->nla_len < NLA_HDRLEN || n->nla_len > a->len)
			return NULL;
		step = MIN((size_t)NLA_ALIGN(n->nla_len), a->len);
		a->p += step;
		a->len -= step;
		path[depth - 1] = n->nla_type & NLA_TYPE_MASK;
		if (!passed_over(msg, path, depth))
			return n;
	}
	return NULL;
}

/* NULL: the same. Else what differs (static text in `buf`). */
static const char *compare_attrs(u16 msg, struct attrs want, struct attrs have, u16 *path, unsigned depth, char *buf, size_t size)
{
	for (;;) {
		const struct nlattr *w = next(&want, msg, path, depth), *h;
		u16 type = w ? path[depth - 1] : 0;
		h = next(&have, msg, path, depth);
		if (!w && !h)
			return NULL;
		if (!w || !h || w->nla_type != h->nla_type) {
			snprintf(buf, size, "message %u, in %u: attribute %d where the kernel has %d", msg, depth > 1 ? path[0] : 0,
				 h ? h->nla_type & NLA_TYPE_MASK : -1, w ? w->nla_type & NLA_TYPE_MASK : -1);
			return buf;
		}
		path[depth - 1] = type;
		if (is_nest(msg, path, depth, w->nla_type)) {
			const char *r = compare_attrs(msg, (struct attrs){ (const u8 *)w + 4, w->nla_len - 4u },
						      (struct attrs){ (const u8 *)h + 4, h->nla_len - 4u }, path, depth + 1, buf, size);
			if (r)
				return r;
			continue;
		}
		if (w->nla_len != h->nla_len) {
			snprintf(buf, size, "message %u, attribute %u/%u: %u bytes, the kernel has %u", msg, path[0], type, h->nla_len, w->nla_len);
			return buf;
		}
		if (!incomparable(msg, path, depth, (const u8 *)w + 4, w->nla_len - 4u) && memcmp(w + 1, h + 1, w->nla_len - 4u)) {
			u32 a = 0, b = 0;
			memcpy(&a, w + 1, MIN(4, w->nla_len - 4));
			memcpy(&b, h + 1, MIN(4, h->nla_len - 4));
			for (int i = 0; a == b && i + 8 <= w->nla_len; i += 4) { /* the word that differs */
				memcpy(&a, (const u8 *)w + 4 + i, 4);
				memcpy(&b, (const u8 *)h + 4 + i, 4);
			}
			snprintf(buf, size, "message %u, attribute %u/%u: %#x, the kernel has %#x", msg, path[0], type, b, a);
			return buf;
		}
	}
}

static const char *compare_error(struct play_sock *s, const struct nlmsghdr *w, const struct nlmsghdr *h, char *buf, size_t size)
{
	const struct nlmsgerr *we = (const struct nlmsgerr *)((const u8 *)w + 16), *he = (const struct nlmsgerr *)((const u8 *)h + 16);
	size_t at = 16 + 4 + (w->nlmsg_flags & NLM_F_CAPPED ? 16 : NLMSG_ALIGN(we->msg.nlmsg_len));
	u16 path[8] = { 0 };

	if (we->error != he->error) {
		snprintf(buf, size, "error %d, the kernel has %d%s%s", he->error, we->error,
			 h->nlmsg_flags & NLM_F_ACK_TLVS ? ": " : "", h->nlmsg_flags & NLM_F_ACK_TLVS ? (const char *)h + at + 4 : "");
		return buf;
	}
	if (w->nlmsg_flags != h->nlmsg_flags || (!(w->nlmsg_flags & NLM_F_ACK_TLVS) && w->nlmsg_len != h->nlmsg_len)) {
		snprintf(buf, size, "error %d: flags %x length %u, the kernel has %x %u (%s%s)", he->error, h->nlmsg_flags, h->nlmsg_len,
			 w->nlmsg_flags, w->nlmsg_len, w->nlmsg_flags & NLM_F_ACK_TLVS ? (const char *)w + at + 4 : "",
			 h->nlmsg_flags & NLM_F_ACK_TLVS ? (const char *)h + at + 4 : "");
		return buf;
	}
	if (!(w->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	if (strcmp((const char *)w + at + 4, (const char *)h + at + 4)) {
		snprintf(buf, size, "error says \"%s\", the kernel's \"%s\"", (const char *)h + at + 4, (const char *)w + at + 4);
		return buf;
	}
	return compare_attrs(NLMSG_ERROR, (struct attrs){ (const u8 *)w + at, w->nlmsg_len - at },
			     (struct attrs){ (const u8 *)h + at, h->nlmsg_len - at }, path, 1, buf, size);
}

static const char *compare(struct play_sock *s, const struct nlmsghdr *w, const struct nlmsghdr *h, char *buf, size_t size)
{
	size_t hl = header_len(w->nlmsg_type), at;
	u16 path[8] = { 0 };

	if (w->nlmsg_type != h->nlmsg_type) {
		snprintf(buf, size, "message %u where the kernel sends %u", h->nlmsg_type, w->nlmsg_type);
		return buf;
	}
	if (w->nlmsg_type == NLMSG_ERROR)
		return compare_error(s, w, h, buf, size);
	if (w->nlmsg_flags != h->nlmsg_flags) {
		snprintf(buf, size, "message %u: flags %x, the kernel has %x", w->nlmsg_type, h->nlmsg_flags, w->nlmsg_flags);
		return buf;
	}
	if (w->nlmsg_seq != h->nlmsg_seq || (w->nlmsg_pid == s->recorded_port) != (h->nlmsg_pid == s->port) ||
	    (!w->nlmsg_pid) != (!h->nlmsg_pid)) {
		snprintf(buf, size, "message %u: sequence %x port %x, the kernel has %x %x", w->nlmsg_type, h->nlmsg_seq, h->nlmsg_pid,
			 w->nlmsg_seq, w->nlmsg_pid);
		return buf;
	}
	if (w->nlmsg_type == NLMSG_DONE)
		hl = 4;
	at = NLMSG_HDRLEN + NLMSG_ALIGN(hl);
	if (h->nlmsg_len < MIN(at, (size_t)w->nlmsg_len) || memcmp(w + 1, h + 1, MIN(hl, w->nlmsg_len - 16u))) {
		snprintf(buf, size, "message %u: another header", w->nlmsg_type);
		return buf;
	}
	if (w->nlmsg_type == NLMSG_DONE)
		return NULL;
	return compare_attrs(w->nlmsg_type, (struct attrs){ (const u8 *)w + at, w->nlmsg_len - at },
			     (struct attrs){ (const u8 *)h + at, h->nlmsg_len - at }, path, 1, buf, size);
}

static bool of_ipv6(const struct nlmsghdr *w)
{
	return w->nlmsg_type >= RTM_BASE && w->nlmsg_len > 16 && ((const u8 *)w)[16] == AF_INET6;
}

/* Our next message that is not of IPv6. */
static const struct nlmsghdr *next_of_ours(struct play *p, struct play_sock *s)
{
	const struct nlmsghdr *h;
	do
		h = play_next(p, s);
	while (h && of_ipv6(h));
	return h;
}

/* Neighbours come in the order of a hash table: the one that fits best of those at hand is swapped to the front. */
static const struct nlmsghdr *same_neighbour(struct play_sock *s, const struct nlmsghdr *w, const struct nlmsghdr *h)
{
	u8 *base = s->ours.data, copy[512];
	size_t at = (size_t)((const u8 *)h - base), len = NLMSG_ALIGN(h->nlmsg_len);

	for (size_t pos = at; pos + 16 <= s->ours.len;) {
		struct nlmsghdr *c = (struct nlmsghdr *)(base + pos);
		size_t n = NLMSG_ALIGN(c->nlmsg_len);
		if (c->nlmsg_type == RTM_NEWNEIGH && c->nlmsg_len > 36 && !memcmp((u8 *)c + 28, (const u8 *)w + 28, 8) && n < sizeof(copy)) {
			memcpy(copy, c, n);
			memmove(base + at + n, base + at, pos - at);
			memcpy(base + at, copy, n);
			s->ours.pos = at + n;
			(void)len;
			return (struct nlmsghdr *)(base + at);
		}
		pos += n;
	}
	return h;
}

static void got(struct play *p, struct play_sock *s, u32 groups, u8 *data, size_t len)
{
	struct verdict *v = p->arg;
	char buf[300];

	for (size_t pos = 0; pos + NLMSG_HDRLEN <= len;) {
		const struct nlmsghdr *w = (const struct nlmsghdr *)(data + pos), *h;
		const char *d;

		pos += NLMSG_ALIGN(w->nlmsg_len);
		if (of_ipv6(w))
			continue;
		v->messages++;
		h = next_of_ours(p, s);
		if (!h) {
			snprintf(buf, sizeof(buf), "the kernel sends message %u, we nothing", w->nlmsg_type);
			differ(p, buf, w, w->nlmsg_len, NULL, 0);
			continue;
		}
		if (w->nlmsg_type == RTM_NEWNEIGH && h->nlmsg_type == RTM_NEWNEIGH && (w->nlmsg_flags & NLM_F_MULTI))
			h = same_neighbour(s, w, h);
		d = compare(s, w, h, buf, sizeof(buf));
		if (d)
			differ(p, d, w, w->nlmsg_len, h, h->nlmsg_len);
	}
}

static void nothing_more(struct play *p, struct play_sock *s)
{
	const struct nlmsghdr *h;
	char buf[100];

	while ((h = next_of_ours(p, s))) {
		snprintf(buf, sizeof(buf), "we send message %u, the kernel nothing", h->nlmsg_type);
		differ(p, buf, NULL, 0, h, h->nlmsg_len);
	}
}

static void replay(const char *name)
{
	struct play *p = malloc(sizeof(*p));
	struct verdict v = { 0 };
	char path[512];
	const char *slash = strrchr(__FILE__, '/');
	char exe[256] = "";

	assert_non_null(p);
	/* __FILE__ is seen from the build folder, where this program is. */
	assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	*strrchr(exe, '/') = 0;
	snprintf(path, sizeof(path), "%s%s%.*s/%s.txt", *__FILE__ == '/' ? "" : exe, *__FILE__ == '/' ? "" : "/", (int)(slash - __FILE__),
		 __FILE__, name);
	assert_int_equal(play_init(p, &stack_tables, 2), 0);
	p->got = got;
	p->before_send = nothing_more;
	p->arg = &v;
	int err = play_file(p, path);
	if (err)
		print_message("%s line %u (%s): error %d\n", path, p->line, p->command, err);
	assert_int_equal(err, 0);
	play_fini(p);
	free(p);
	print_message("%s: %u messages, %u differ\n", name, v.messages, v.differences);
	assert_true(v.messages > 50);
	assert_int_equal(v.differences, 0);
}

static void links(void **state) { replay("link"); }
static void addresses(void **state) { replay("addr"); }
static void routes(void **state) { replay("route"); }
static void neighbours(void **state) { replay("neigh"); }
static void rules(void **state) { replay("rule"); }
static void nexthops(void **state) { replay("nexthop"); }
static void monitor(void **state) { replay("monitor"); }
static void come_and_go(void **state) { replay("come_and_go"); }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links), cmocka_unit_test(addresses), cmocka_unit_test(routes), cmocka_unit_test(neighbours),
		cmocka_unit_test(rules), cmocka_unit_test(nexthops), cmocka_unit_test(monitor), cmocka_unit_test(come_and_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
