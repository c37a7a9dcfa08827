/* The error queue (IP_RECVERR, SO_TIMESTAMPING, MSG_ZEROCOPY): ICMP errors, local errors, transmit stamps and completions that wait for
 * MSG_ERRQUEUE.
 *
 * An entry is an skb: its data is the part of the offending datagram's payload that came back, its cb says what happened and
 * about whom. Reading one leaves the next one's error in sk->err when it is an ICMP error, as Linux does, so that a program
 * that polls sees one error after the other. Entries are charged to the receive buffer.
 */
#include <netinet/in.h>
#include <time.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>

#include "codec/wire/checksum.h"
#include "codec/wire/ip4hdr.h"
#include "codec/wire/ip6hdr.h"
#include "core/trace.h"
#include "sock/inet_sock.h"

#define OUTER_ROOM 64u /* in front of the payload: the header of the packet that brought the error */
#define PORTS_LEN 4u   /* IP_ORIGDSTADDR reads so much of the payload as if ports were there, as Linux does */
#define IPPROTO_NO_NEXT 59

struct err_cb {
	struct sock_extended_err ee;
	struct inaddr daddr;	/* whom the datagram was for */
	struct inaddr offender;
	be16 port;
	s32 ifindex;
};
_Static_assert(sizeof(struct err_cb) <= sizeof(((struct sk_buff *)0)->cb), "fits");

static struct err_cb *err_cb(const struct sk_buff *skb) { return (struct err_cb *)skb->cb; }

static bool is_icmp_origin(u8 origin) { return origin == SO_EE_ORIGIN_ICMP || origin == SO_EE_ORIGIN_ICMP6; }
static bool is_icmp(const struct sk_buff *skb) { return skb && is_icmp_origin(err_cb(skb)->ee.ee_origin); }

/* Takes skb; a full receive buffer loses it. */
static void err_queue(struct cpu *cpu, struct sock *sk, struct sk_buff *skb)
{
	if (sk->rmem_alloc + skb->truesize >= (u32)sk->rcvbuf) {
		sk->drops++;
		skb_drop_net(cpu, sk->net, skb, SKB_DROP_REASON_SOCKET_RCVBUFF);
		return;
	}
	sock_charge_rx(sk, skb);
	skb_list_add(&sk->err_queue, skb);
	sock_wake(cpu, sk);
}

/* A new entry with a copy of [off, …) of skb as its data (skb NULL: none). */
static struct sk_buff *err_new(struct cpu *cpu, const struct sk_buff *skb, u32 off)
{
	u32 len = skb && skb->len > off ? skb->len - off : 0;
	struct sk_buff *e;

	if (len > BUF_MAX_BYTES - SKB_HEADROOM)
		len = BUF_MAX_BYTES - SKB_HEADROOM;
	e = skb_alloc(cpu, OUTER_ROOM, MAX(len, PORTS_LEN));
	if (!e)
		return NULL;
	memset(e->data, 0, PORTS_LEN);
	if (len && !skb_copy_bits(skb, off, skb_put(e, len), len)) {
		skb_consume(cpu, e);
		return NULL;
	}
	memset(e->cb, 0, sizeof e->cb);
	e->tstamp = cpu->now;
	return e;
}

/* Whether the extensions from off to the end of skb are well-formed: version 2's checksum and objects, as far as they go. An unknown
 * version is the program's to judge. RFC 4884, sections 7 and 8. */
static bool extensions_ok(const struct sk_buff *skb, u32 off)
{
	struct { u8 version, reserved; be16 check; } h;
	struct { be16 len; u8 class, type; } o;
	u32 at = off + sizeof h;

	if (!skb_copy_bits(skb, off, &h, sizeof h))
		return false;
	if (h.version >> 4 != 2)
		return true;
	if (h.check.raw && csum_fold(skb_checksum(skb, off, skb->len - off, 0)))
		return false;
	for (; at < skb->len; at += be16_to_cpu(o.len))
		if (!skb_copy_bits(skb, at, &o, sizeof o) || be16_to_cpu(o.len) < sizeof o || be16_to_cpu(o.len) > skb->len - at)
			return false;
	return true;
}

/* Where in the payload (the data of q) the extensions begin. No datagram is quoted with less than 128 bytes when some follow. */
static void find_extensions(const struct sk_buff *q, const struct icmp_error *e, struct sock_ee_data_rfc4884 *out)
{
	u32 headers = e->quoted_len - q->len;

	if (e->ext_off < 128 || e->ext_off < headers || e->ext_off - headers + 4 > q->len)
		return;
	out->len = (u16)(e->ext_off - headers);
	if (!extensions_ok(q, out->len))
		out->flags |= SO_EE_RFC4884_FLAG_INVALID;
}

/* The header that the control messages tell of (IP_RECVTTL and so on), where they look for it. No extensions are kept behind it. */
static void keep_outer(struct sk_buff *q, const struct icmp_error *e)
{
	u8 *h = q->data - e->outer_len;

	q->protocol.raw = 0;
	if (!e->outer_len)
		return;
	memcpy(h, e->outer, e->outer_len);
	if (e->origin == SO_EE_ORIGIN_ICMP6)
		((struct ip6_hdr *)h)->nexthdr = IPPROTO_NO_NEXT;
	q->protocol = cpu_to_be16(e->origin == SO_EE_ORIGIN_ICMP6 ? 0x86dd : 0x0800);
	q->network_header = (u16)(h - q->head);
	skb_reset_transport_header(q);
}

void inet_err_queue_icmp(struct cpu *cpu, struct inet_sock *inet, const struct sk_buff *skb, u32 payload_off,
			 const struct icmp_error *e, be16 port)
{
	struct sk_buff *q = err_new(cpu, skb, payload_off);

	if (!q)
		return;
	*err_cb(q) = (struct err_cb){
		.ee = { .ee_errno = (u32)e->err, .ee_origin = e->origin, .ee_type = e->type, .ee_code = e->code, .ee_info = e->info },
		.daddr = e->daddr, .offender = e->offender, .port = port, .ifindex = e->iif,
	};
	if (e->family == AF_INET6 ? inet->v6->recverr_rfc4884 : inet->recverr_rfc4884)
		find_extensions(q, e, &err_cb(q)->ee.ee_rfc4884);
	keep_outer(q, e);
	err_queue(cpu, &inet->sk, q);
}

void inet_err_queue_local(struct cpu *cpu, struct inet_sock *inet, int err, const struct inaddr *daddr, be16 port, u32 info)
{
	struct sk_buff *q;

	if (!inet_wants_errors(inet, inaddr_is_v4(daddr) ? AF_INET : AF_INET6) || !(q = err_new(cpu, NULL, 0)))
		return;
	*err_cb(q) = (struct err_cb){
		.ee = { .ee_errno = (u32)err, .ee_origin = SO_EE_ORIGIN_LOCAL, .ee_info = info },
		.daddr = *daddr, .port = port,
	};
	err_queue(cpu, &inet->sk, q);
}

void sock_err_queue_stamp(struct cpu *cpu, struct sock *sk, const struct sk_buff *shown, u32 kind, u32 tsflags, u32 key)
{
	struct sk_buff *q = err_new(cpu, shown, 0);

	if (!q)
		return;
	*err_cb(q) = (struct err_cb){
		.ee = { .ee_errno = ENOMSG, .ee_origin = SO_EE_ORIGIN_TIMESTAMPING, .ee_info = kind,
			.ee_data = tsflags & SOF_TIMESTAMPING_OPT_ID ? key : 0 },
	};
	err_queue(cpu, sk, q);
}

void sock_err_queue_zerocopy(struct cpu *cpu, struct sock *sk, u32 lo, u32 hi)
{
	struct sk_buff *q, *last = NULL;

	for (q = sk->err_queue.first; q; q = q->next)
		last = q;
	if (last && err_cb(last)->ee.ee_origin == SO_EE_ORIGIN_ZEROCOPY && err_cb(last)->ee.ee_data + 1 == lo) {
		err_cb(last)->ee.ee_data = hi;
		sock_wake(cpu, sk);
		return;
	}
	q = err_new(cpu, NULL, 0);
	if (!q)
		return;
	*err_cb(q) = (struct err_cb){ .ee = { .ee_origin = SO_EE_ORIGIN_ZEROCOPY, .ee_code = SO_EE_CODE_ZEROCOPY_COPIED, .ee_info = lo, .ee_data = hi } };
	err_queue(cpu, sk, q);
}

void inet_tx_stamp_take(struct cpu *cpu, struct sock *sk, const struct sk_buff *skb, u32 tsflags, struct inet_tx_stamp *t)
{
	*t = (struct inet_tx_stamp){ .flags = tsflags };
	if (likely(!(tsflags & SOF_TIMESTAMPING_TX_RECORD_MASK)))
		return;
	if (tsflags & SOF_TIMESTAMPING_OPT_ID)
		t->key = sk->tskey++;
	if ((tsflags & (SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_SCHED)) && !(tsflags & SOF_TIMESTAMPING_OPT_TSONLY))
		t->copy = skb_copy(cpu, skb, 0);
}

/* The device has it when the call down returns: both moments are this one. */
void inet_tx_stamp_give(struct cpu *cpu, struct sock *sk, struct inet_tx_stamp *t, int err)
{
	if (likely(!(t->flags & SOF_TIMESTAMPING_TX_RECORD_MASK)))
		return;
	if (!err && (t->flags & SOF_TIMESTAMPING_TX_SCHED))
		sock_err_queue_stamp(cpu, sk, t->copy, SCM_TSTAMP_SCHED, t->flags, t->key);
	if (!err && (t->flags & SOF_TIMESTAMPING_TX_SOFTWARE))
		sock_err_queue_stamp(cpu, sk, t->copy, SCM_TSTAMP_SND, t->flags, t->key);
	if (t->copy)
		skb_consume(cpu, t->copy);
}

static struct sk_buff *err_dequeue(struct sock *sk)
{
	struct sk_buff *skb = skb_list_pop(&sk->err_queue), *next = sk->err_queue.first;

	if (is_icmp(next))
		sk->err = (s32)err_cb(next)->ee.ee_errno;
	else if (is_icmp(skb))
		sk->err = 0;
	return skb;
}

static void fill_addr(const struct sock *sk, const struct inaddr *addr, be16 port, s32 ifindex, struct sockaddr_storage *a, socklen_t *len)
{
	if (sk->family == AF_INET && !inaddr_is_v4(addr)) {
		memset(a, 0, sizeof(struct sockaddr_in));
		*len = 0;
		return;
	}
	inet_sockaddr_fill(sk, addr, port, ifindex, a, len);
}

/* IPV6_RECVERR's message: of AF_INET6 sockets, about IPv4's errors too. */
static void put_error6(const struct err_cb *e, struct inet_sock *inet, struct msghdr *m)
{
	struct { struct sock_extended_err ee; struct { u16 family, port; u32 flowinfo; u8 addr[16]; u32 scope; } offender; } out = { .ee = e->ee };
	if (is_icmp_origin(e->ee.ee_origin)) {
		out.offender.family = AF_INET6;
		memcpy(out.offender.addr, e->offender.b, 16);
		if (v6_needs_scope(&e->offender))
			out.offender.scope = (u32)e->ifindex;
	}
	msg_put_cmsg(m, SOL_IPV6, 25 /* IPV6_RECVERR */, &out, sizeof out);
}

ssize_t inet_recv_errqueue(struct cpu *cpu, struct sock *sk, struct msghdr *m)
{
	struct { struct sock_extended_err ee; struct sockaddr_in offender; } out = { 0 };
	struct sk_buff *skb = err_dequeue(sk);
	const struct err_cb *e;
	struct err_cb said;
	ssize_t copied;

	if (!skb)
		return -EAGAIN;
	said = *err_cb(skb);
	e = &said;
	copied = skb->len;
	if ((size_t)copied > msg_len(m)) {
		m->msg_flags |= MSG_TRUNC;
		copied = (ssize_t)msg_len(m);
	}
	if (skb_copy_to_msg(skb, 0, m, 0, (size_t)copied)) {
		copied = -EFAULT;
		goto out;
	}
	if (is_icmp_origin(e->ee.ee_origin) && skb->protocol.raw) {
		*(struct inet_rx_cb *)skb->cb = (struct inet_rx_cb){ .ifindex = e->ifindex };
		inet_recv_cmsgs(cpu, inet_sk(sk), skb, m);
	} else {
		sock_recv_cmsgs(cpu, sk, skb, m);
	}
	if (m->msg_name && e->ee.ee_origin != SO_EE_ORIGIN_TIMESTAMPING && e->ee.ee_origin != SO_EE_ORIGIN_ZEROCOPY)
		fill_addr(sk, &e->daddr, e->port, e->ifindex, m->msg_name, &m->msg_namelen);
	if (sk->family == AF_INET6) {
		put_error6(e, inet_sk(sk), m);
		m->msg_flags |= MSG_ERRQUEUE;
		goto out;
	}
	out.ee = e->ee;
	if (e->ee.ee_origin == SO_EE_ORIGIN_ICMP && inaddr_is_v4(&e->offender)) {
		out.offender.sin_family = AF_INET;
		out.offender.sin_addr.s_addr = inaddr_v4(&e->offender).raw;
	}
	msg_put_cmsg(m, SOL_IP, IP_RECVERR, &out, sizeof out);
	m->msg_flags |= MSG_ERRQUEUE;
out:
	skb_consume(cpu, skb);
	return copied;
}
