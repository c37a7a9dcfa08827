/* UDP and raw sockets in sock_diag: those that have a port, or a protocol, out of the namespace's list of sockets. */
#include "control/diag/diag.h"
#include "transport/raw.h"
#include "transport/udp/udp.h"

static void fill_msg(struct cpu *cpu, struct sock *sk, struct inet_diag_msg *m)
{
	m->idiag_rqueue = sk->rmem_alloc;
	m->idiag_wqueue = sk->wmem_alloc;
}

static bool shows(const struct sock *sk, u8 protocol)
{
	if (sk->family != AF_INET && sk->family != AF_INET6)
		return false;
	if (protocol == IPPROTO_RAW)
		return sk->ops == &raw_ops;
	return sk->type == SOCK_DGRAM && sk->protocol == IPPROTO_UDP && ((const struct inet_sock *)sk)->num;
}

/* arg[2]: how many of the list are done. */
static int dump(struct nl_dump *d, struct nl_buf *b, const struct diag_query *q)
{
	struct diag_entry e;
	struct sock *sk;
	u64 i = 0;

	list_for_each(sk, &d->net->core->socks, net_link) {
		if (i++ < d->arg[2])
			continue;
		if (shows(sk, q->proto->protocol)) {
			diag_entry_of(sk, &e);
			if (diag_wanted(q, &e, sk->state) &&
			    diag_fill_sock(d->cpu, sk, nl_dump_begin(d, b, SOCK_DIAG_BY_FAMILY, sizeof(struct inet_diag_msg)), b, q))
				return 1;
		}
		d->arg[2] = i;
	}
	return 0;
}

static bool same_addr(u8 family, const u32 a[4], const struct inaddr *b)
{
	return family == AF_INET ? inaddr_is_v4(b) && !memcmp(a, b->b + 12, 4) : !memcmp(a, b->b, 16);
}

static int find(struct cpu *cpu, struct netns *net, const struct inet_diag_req_v2 *r, struct sock **out)
{
	u8 protocol = r->sdiag_protocol;
	struct sock *sk;

	list_for_each(sk, &net->core->socks, net_link) {
		const struct inet_sock *inet = (const struct inet_sock *)sk;

		if (!shows(sk, protocol) || sk->family != r->sdiag_family)
			continue;
		if (inet->sport.raw == r->id.idiag_sport && inet->dport.raw == r->id.idiag_dport &&
		    same_addr(r->sdiag_family, r->id.idiag_src, &inet->rcv_saddr) &&
		    (!inet->dport.raw || same_addr(r->sdiag_family, r->id.idiag_dst, &inet->daddr)) &&
		    (!sk->bound_dev_if || sk->bound_dev_if == (s32)r->id.idiag_if)) {
			*out = sk;
			return 0;
		}
	}
	return -ENOENT;
}

const struct diag_proto diag_udp = { .protocol = IPPROTO_UDP, .find = find, .dump = dump, .fill_msg = fill_msg };
const struct diag_proto diag_raw = { .protocol = IPPROTO_RAW, .find = find, .dump = dump, .fill_msg = fill_msg };
