/* The netlink core without rtnetlink: port ids, ACKs and errors, dumps that outlast a buffer, groups, overruns. The handlers here
 * are made up: type 16 acts, type 18 answers and dumps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <stdlib.h>

#include <linux/genetlink.h>

#include "control/netlink.h"
#include "core/stack_tables.h"
#include "core/subsys.h"
#include "sock/sock.h"

enum { ROWS = 2000, OK = 0, REFUSE = 1, REFUSE_TEXT = 2 };

static int act(struct nl_request *rq)
{
	const u8 *body = nlmsg_hdr_data(rq->nlh);
	static const struct nl_policy policy[2] = { [1] = { .type = NLP_U32 } };
	struct nl_attrs a;
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, 4, &len);

	if (body[1] == REFUSE)
		return -EEXIST;
	if (body[1] == REFUSE_TEXT)
		return nl_parse(p, len, &a, 1, policy, true, rq->ack);
	return 0;
}

static int answer(struct nl_request *rq)
{
	struct nl_buf b;
	int err;

	nl_buf_init(&b, cpu_mem(rq->cpu), 0);
	nl_reply_begin(rq, &b, 16, 4);
	nl_put_u32(&b, 1, 42);
	err = nl_end(&b);
	return err ? err : nl_unicast(rq, &b);
}

static int dump(struct nl_dump *d, struct nl_buf *b)
{
	for (; d->arg[0] < ROWS; d->arg[0]++) {
		nl_dump_begin(d, b, 16, 4);
		nl_put_u32(b, 1, (u32)d->arg[0]);
		int err = nl_end(b);
		if (err)
			return err == -EMSGSIZE ? 1 : err;
	}
	return -ENOENT;
}

static const struct nl_handler handlers[] = {
	{ .protocol = NETLINK_ROUTE, .type = 16, .doit = act },
	{ .protocol = NETLINK_ROUTE, .type = 18, .doit = answer, .dump = dump },
	{ 0 },
};
static const struct nl_handler *const handler_lists[] = { handlers, NULL };
static const struct nl_family *const families[] = { &nl_family_route, &nl_family_generic, NULL };
static const struct subsys *const subsystems[] = { &sock_subsys, &control_subsys, NULL };
static const struct sock_family *const sock_rows[] = { &netlink_route_raw, &netlink_generic_raw, NULL };
static const struct stack_tables tables = {
	.subsys = subsystems, .nl_families = families, .nl_handlers = handler_lists, .sock_families = sock_rows,
	.sock_netns = sock_netns,
};

struct fixture {
	struct world *w;
	struct netns *net;
	struct cpu *cpu;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct world_config cfg = { .ncpus = 1, .tables = &tables };

	assert_int_equal(world_new(&cfg, &f->w), 0);
	assert_int_equal(netns_new(f->w, "a", 0, &f->net), 0);
	f->cpu = config_cpu(f->w);
	cpu_enter(f->cpu, 1000);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	cpu_leave(f->cpu);
	world_run(f->w, 2000); /* wake-ups that are pending */
	world_free(f->w);
	free(f);
	return 0;
}

static struct socket *open_nl(struct fixture *f, int protocol)
{
	struct socket *s;

	assert_int_equal(socket_new(f->cpu, f->net, AF_NETLINK, SOCK_RAW, protocol, &s), 0);
	return s;
}

static ssize_t put(struct fixture *f, struct socket *s, const void *data, size_t len)
{
	struct iovec iov[2] = { { (void *)data, len / 2 }, { (u8 *)data + len / 2, len - len / 2 } }; /* gathered */
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };

	return socket_sendmsg(f->cpu, s, &m, 0);
}

static ssize_t get(struct fixture *f, struct socket *s, void *buf, size_t len, int flags, struct sockaddr_nl *from)
{
	struct iovec iov = { buf, len };
	struct sockaddr_nl nl;
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_name = from ? from : &nl, .msg_namelen = sizeof(nl) };

	return socket_recvmsg(f->cpu, s, &m, flags);
}

struct request { struct nlmsghdr h; u8 body[4]; u8 rest[24]; };

static struct request request(u16 type, u16 flags, u32 seq, u8 what, size_t extra)
{
	return (struct request){ .h = { .nlmsg_len = (u32)(20 + extra), .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags,
					.nlmsg_seq = seq }, .body = { 0, what } };
}

static void set(struct fixture *f, struct socket *s, int name, u32 v, int err)
{
	assert_int_equal(socket_setsockopt(f->cpu, s, SOL_NETLINK, name, &v, sizeof(v)), err);
}

static void port_ids(void **state)
{
	struct fixture *f = *state;
	struct call_ctx caller = { .pid = 77, .net_admin = true };
	struct socket *a, *b, *c;
	struct sockaddr_storage ss;
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(ss);

	f->cpu->caller = &caller;
	a = open_nl(f, NETLINK_ROUTE);
	b = open_nl(f, NETLINK_ROUTE);
	assert_int_equal(socket_bind(f->cpu, a, (struct sockaddr *)&nl, sizeof(nl)), 0);
	assert_int_equal(socket_bind(f->cpu, b, (struct sockaddr *)&nl, sizeof(nl)), 0);
	assert_int_equal(socket_getname(f->cpu, a, false, &ss, &len), 0);
	assert_int_equal(len, sizeof(nl));
	assert_int_equal(((struct sockaddr_nl *)&ss)->nl_pid, 77);
	assert_int_equal(socket_getname(f->cpu, b, false, &ss, &len), 0);
	assert_true(((struct sockaddr_nl *)&ss)->nl_pid >= 0x80000000u);
	nl.nl_pid = 77;
	assert_int_equal(socket_bind(f->cpu, b, (struct sockaddr *)&nl, sizeof(nl)), -EINVAL);
	c = open_nl(f, NETLINK_ROUTE);
	assert_int_equal(socket_bind(f->cpu, c, (struct sockaddr *)&nl, sizeof(nl)), -EADDRINUSE);
	assert_int_equal(socket_bind(f->cpu, c, (struct sockaddr *)&nl, 4), -EINVAL);
	/* To another program of this namespace. */
	struct { struct nlmsghdr h; } hello = { .h = { .nlmsg_len = 16 } };
	struct iovec iov = { &hello, sizeof(hello) };
	struct msghdr m = { .msg_name = &nl, .msg_namelen = sizeof(nl), .msg_iov = &iov, .msg_iovlen = 1 };
	assert_int_equal(socket_sendmsg(f->cpu, b, &m, 0), 16);
	assert_int_equal(get(f, a, &hello, sizeof(hello), 0, &nl), 16);
	assert_true(nl.nl_pid >= 0x80000000u);
	nl.nl_pid = 4711;
	assert_int_equal(socket_sendmsg(f->cpu, b, &m, 0), -ECONNREFUSED);
	caller.net_admin = false;
	assert_int_equal(socket_sendmsg(f->cpu, b, &m, 0), -EPERM);
	f->cpu->caller = NULL;
	socket_close(f->cpu, a);
	socket_close(f->cpu, b);
	socket_close(f->cpu, c);
}

static void acks(void **state)
{
	struct fixture *f = *state;
	struct socket *s = open_nl(f, NETLINK_ROUTE);
	struct call_ctx nobody = { .pid = 5 };
	struct { struct request r; u8 zeros[64]; } padded = { .r = request(16, 0, 3, OK, 0) };
	struct request r;
	u8 buf[512];
	struct nlmsghdr *h = (struct nlmsghdr *)buf;
	struct nlmsgerr *e = (struct nlmsgerr *)(buf + 16);

	/* No ACK asked for, no ACK; zero bytes behind the message are nothing. */
	assert_int_equal(put(f, s, &padded, sizeof(padded)), sizeof(padded));
	assert_int_equal(get(f, s, buf, sizeof(buf), 0, NULL), -EAGAIN);
	r = request(16, NLM_F_ACK, 4, OK, 0);
	put(f, s, &r, 20);
	assert_int_equal(get(f, s, buf, sizeof(buf), 0, NULL), 36);
	assert_int_equal(h->nlmsg_type, NLMSG_ERROR);
	assert_int_equal(h->nlmsg_flags, NLM_F_CAPPED);
	assert_int_equal(h->nlmsg_seq, 4);
	assert_int_equal(e->error, 0);
	/* An error says itself, with the whole request. */
	r = request(16, 0, 5, REFUSE, 0);
	put(f, s, &r, 20);
	assert_int_equal(get(f, s, buf, sizeof(buf), 0, NULL), 40);
	assert_int_equal(h->nlmsg_flags, 0);
	assert_int_equal(e->error, -EEXIST);
	assert_memory_equal(&e->msg, &r, 20);
	/* With NETLINK_EXT_ACK: why and where; with CAP_ACK without the request's body. */
	set(f, s, NETLINK_EXT_ACK, 1, 0);
	r = request(16, 0, 6, REFUSE_TEXT, 6);
	memcpy(r.rest, "\6\0\1\0ab", 6);
	put(f, s, &r, 26);
	assert_int_equal(get(f, s, buf, sizeof(buf), 0, NULL), 16 + 4 + 28 + 40 + 8 + 36);
	assert_int_equal(h->nlmsg_flags, NLM_F_ACK_TLVS);
	assert_int_equal(e->error, -ERANGE);
	assert_string_equal(buf + 48 + 4, "Attribute failed policy validation");
	assert_int_equal(*(u32 *)(buf + 88 + 4), 20);
	set(f, s, NETLINK_CAP_ACK, 1, 0);
	put(f, s, &r, 26);
	assert_int_equal(get(f, s, buf, sizeof(buf), 0, NULL), 36 + 40 + 8 + 36);
	assert_int_equal(h->nlmsg_flags, NLM_F_ACK_TLVS | NLM_F_CAPPED);
	/* GET with NLM_F_ACK: the answer, then the ACK, apart. */
	r = request(18, NLM_F_ACK, 7, OK, 0);
	put(f, s, &r, 20);
	assert_int_equal(get(f, s, buf, sizeof(buf), 0, NULL), 28);
	assert_int_equal(h->nlmsg_type, 16);
	assert_int_equal(get(f, s, buf, sizeof(buf), 0, NULL), 36);
	/* Nobody's handler; not allowed; nothing but a header. */
	r = request(28, 0, 8, OK, 0);
	put(f, s, &r, 20);
	assert_int_equal(get(f, s, buf, sizeof(buf), 0, NULL), 36);
	assert_int_equal(e->error, -EOPNOTSUPP);
	f->cpu->caller = &nobody;
	r = request(16, 0, 9, OK, 0);
	put(f, s, &r, 20);
	assert_int_equal(get(f, s, buf, sizeof(buf), 0, NULL), 36);
	assert_int_equal(e->error, -EPERM);
	f->cpu->caller = NULL;
	assert_int_equal(put(f, s, buf, 0), -ENODATA);
	socket_close(f->cpu, s);
}

static void dumps(void **state)
{
	struct fixture *f = *state;
	struct socket *s = open_nl(f, NETLINK_ROUTE);
	struct request r = request(18, NLM_F_DUMP, 9, OK, 0);
	u8 *buf = malloc(65536);
	u32 next = 0, datagrams = 0;
	bool done = false;
	ssize_t n, size;

	assert_int_equal(put(f, s, &r, 20), 20);
	assert_int_equal(put(f, s, &r, 20), 20); /* a second one */
	while (!done) {
		size = get(f, s, NULL, 0, MSG_PEEK | MSG_TRUNC, NULL);
		assert_true(size > 0);
		n = get(f, s, buf, 65536, 0, NULL);
		assert_int_equal(n, size);
		datagrams++;
		for (u8 *p = buf; p < buf + n; p += NLMSG_ALIGN(((struct nlmsghdr *)p)->nlmsg_len)) {
			struct nlmsghdr *h = (struct nlmsghdr *)p;
			assert_int_equal(h->nlmsg_seq, 9);
			if (h->nlmsg_type == NLMSG_DONE) {
				assert_int_equal(*(int *)(p + 16), -ENOENT); /* what the dumper said */
				done = true;
			} else if (h->nlmsg_type == NLMSG_ERROR) {
				assert_int_equal(((struct nlmsgerr *)(p + 16))->error, -EBUSY);
			} else {
				assert_int_equal(h->nlmsg_flags, NLM_F_MULTI);
				assert_int_equal(*(u32 *)(p + 24), next++);
			}
		}
	}
	assert_int_equal(next, ROWS);
	assert_true(datagrams > 2);
	assert_int_equal(get(f, s, buf, 65536, 0, NULL), -EAGAIN);
	/* Cut short: MSG_TRUNC says how long it was. Closed in the middle: nothing is left (the world counts). */
	put(f, s, &r, 20);
	struct iovec iov = { buf, 10 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	assert_int_equal(socket_recvmsg(f->cpu, s, &m, 0), 10);
	assert_int_equal(m.msg_flags & MSG_TRUNC, MSG_TRUNC);
	socket_close(f->cpu, s);
	free(buf);
}

static void tell(struct fixture *f, u32 group)
{
	struct nl_buf b;

	nl_buf_init(&b, &f->w->mem, 0);
	nl_begin(&b, 16, 0, 0, 0, 1000);
	nl_end(&b);
	nl_multicast(f->cpu, f->net, NETLINK_ROUTE, group, &b, 0);
	nl_buf_fini(&b);
}

static void groups(void **state)
{
	struct fixture *f = *state;
	struct socket *a = open_nl(f, NETLINK_ROUTE), *b = open_nl(f, NETLINK_ROUTE);
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK, .nl_groups = 5 }, none = { .nl_groups = 0 };
	u8 buf[1100];
	u32 words[4] = { 0 };
	socklen_t len = sizeof(words);
	int got = 0;

	assert_int_equal(socket_bind(f->cpu, a, (struct sockaddr *)&nl, sizeof(nl)), 0);
	set(f, b, NETLINK_ADD_MEMBERSHIP, 36, 0);
	set(f, b, NETLINK_ADD_MEMBERSHIP, 0, -EINVAL);
	set(f, b, NETLINK_ADD_MEMBERSHIP, 4000, -EINVAL);
	assert_int_equal(socket_getsockopt(f->cpu, b, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, words, &len), 0);
	assert_int_equal(len, 8);
	assert_int_equal(words[1], 8);
	assert_true(nl_group_used(f->net, NETLINK_ROUTE, 3));
	assert_false(nl_group_used(f->net, NETLINK_ROUTE, 2));
	tell(f, 36);
	assert_int_equal(get(f, b, buf, sizeof(buf), 0, &nl), -EAGAIN); /* it has no port: it is taken for the one who says it */
	none.nl_family = AF_NETLINK;
	assert_int_equal(socket_bind(f->cpu, b, (struct sockaddr *)&none, sizeof(none)), 0);
	set(f, b, NETLINK_ADD_MEMBERSHIP, 36, 0);
	tell(f, 3);
	tell(f, 36);
	tell(f, 2);
	assert_int_equal(get(f, a, buf, sizeof(buf), 0, &nl), 1016);
	assert_int_equal(nl.nl_groups, 4);
	assert_int_equal(nl.nl_pid, 0);
	assert_int_equal(get(f, a, buf, sizeof(buf), 0, &nl), -EAGAIN);
	set(f, b, NETLINK_PKTINFO, 1, 0);
	assert_int_equal(get(f, b, buf, sizeof(buf), 0, &nl), 1016);
	assert_int_equal(nl.nl_groups, 0); /* beyond the mask */
	set(f, b, NETLINK_DROP_MEMBERSHIP, 36, 0);
	tell(f, 36);
	assert_int_equal(get(f, b, buf, sizeof(buf), 0, NULL), -EAGAIN);
	/* A reader who sleeps: told once, then what was kept, then all is well again. */
	for (int i = 0; i < 2000; i++)
		tell(f, 3);
	assert_int_equal(socket_poll(f->cpu, a) & (POLLIN | POLLERR), POLLIN | POLLERR);
	assert_int_equal(get(f, a, buf, sizeof(buf), 0, NULL), -ENOBUFS);
	while (get(f, a, buf, sizeof(buf), 0, NULL) > 0)
		got++;
	assert_true(got > 10 && got < 2000);
	tell(f, 3);
	assert_int_equal(get(f, a, buf, sizeof(buf), 0, NULL), 1016);
	socket_close(f->cpu, a);
	socket_close(f->cpu, b);
}

static void generic(void **state)
{
	struct fixture *f = *state;
	struct socket *s = open_nl(f, NETLINK_GENERIC);
	struct request r = request(GENL_ID_CTRL, NLM_F_ACK, 1, 0, 12);
	u8 buf[512];
	struct nlmsgerr *e = (struct nlmsgerr *)(buf + 16);

	r.body[0] = CTRL_CMD_GETFAMILY;
	memcpy(r.rest, "\13\0\2\0nlctrl\0", 11);
	put(f, s, &r, 32);
	assert_int_equal(get(f, s, buf, sizeof(buf), 0, NULL), 136);
	assert_int_equal(get(f, s, buf, sizeof(buf), 0, NULL), 36);
	memcpy(r.rest + 4, "nosuch", 6);
	put(f, s, &r, 32);
	assert_true(get(f, s, buf, sizeof(buf), 0, NULL) > 0);
	assert_int_equal(e->error, -ENOENT);
	socket_close(f->cpu, s);
	assert_int_equal(socket_new(f->cpu, f->net, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER, &s), -EPROTONOSUPPORT);
	assert_int_equal(socket_new(f->cpu, f->net, AF_NETLINK, SOCK_STREAM, NETLINK_ROUTE, &s), -ESOCKTNOSUPPORT);
}

/* Every allocation of a request, a dump and a message to a group fails once: errors, and nothing is lost. */
static void no_memory(void **state)
{
	struct fixture *f = *state;
	struct request r = request(18, NLM_F_DUMP, 9, OK, 0), g = request(18, NLM_F_ACK, 7, OK, 0);
	u8 buf[8192];

	for (u64 i = 1; i < 30; i++) {
		struct socket *s;
		f->w->mem.fail_at = i;
		if (!socket_new(f->cpu, f->net, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, &s)) {
			put(f, s, &g, 20);
			put(f, s, &r, 20);
			tell(f, 1);
			while (get(f, s, buf, sizeof(buf), 0, NULL) != -EAGAIN)
				continue;
			socket_close(f->cpu, s);
		}
		f->w->mem.fail_at = 0;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(port_ids, setup, teardown), cmocka_unit_test_setup_teardown(acks, setup, teardown),
		cmocka_unit_test_setup_teardown(dumps, setup, teardown),    cmocka_unit_test_setup_teardown(groups, setup, teardown),
		cmocka_unit_test_setup_teardown(generic, setup, teardown),  cmocka_unit_test_setup_teardown(no_memory, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
