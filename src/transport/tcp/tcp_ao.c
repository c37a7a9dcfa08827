/* TCP-AO (RFC 5925, algorithms of RFC 5926): every segment carries a code over its bytes, made with a key that no other connection has.
 *
 * Master keys belong to sockets (tcp_ao_opt.c); a listener's are copied to the children they match. From a master key and the connection's
 * addresses, ports and initial sequence numbers come traffic keys, one each way; a SYN, when only one number is known, has its own. The code
 * covers the sequence number's extension to 64 bits as well, so nothing can be played again. Each segment says which key made it (current)
 * and which one we would like next (rnext): that is how keys are changed under way. What is not signed as it should be is dropped and
 * counted, before any other look at it; an ICMP error that would end a connection is not believed unless asked for (RFC 5925, 7.8).
 *
 * As in Linux, what is sent is signed by `current` with the whole option first in the header; a segment for a connection that is gone is
 * answered with an unsigned reset; TIME-WAIT signs, and does not look.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>

#include "transport/tcp/tcp_impl.h"

static const struct tcp_ao_sig unsigned_sig = { .key = NULL };

/* -- keys -- */

u16 tcp_ao_family(const struct inaddr *a) { return inaddr_is_v4(a) ? AF_INET : AF_INET6; }

/* Do the peers of k overlap addr/prefix (prefix in bits of its family; l3index -1: anywhere)? ids of -1 match all. */
bool tcp_ao_key_matches(const struct tcp_ao_key *k, s32 l3index, const struct inaddr *addr, u16 family, u8 prefix, int sndid, int rcvid)
{
	if (l3index >= 0 && k->keyflags & AO_KEYF_IFINDEX && k->ifindex != l3index)
		return false;
	if (k->family != family || (sndid >= 0 && k->sndid != sndid) || (rcvid >= 0 && k->rcvid != rcvid))
		return false;
	return v6_prefix_eq(&k->addr, addr, MIN(k->prefix, prefix) + (family == AF_INET ? 96u : 0));
}

struct tcp_ao_key *tcp_ao_find(const struct tcp_ao *ao, s32 l3index, const struct inaddr *peer, int sndid, int rcvid)
{
	u16 family = tcp_ao_family(peer);

	for (struct tcp_ao_key *k = ao->keys; k; k = k->next)
		if (tcp_ao_key_matches(k, l3index, peer, family, 128, sndid, rcvid))
			return k;
	return NULL;
}

/* Of a connection, all of whose keys match its peer. */
struct tcp_ao_key *tcp_ao_by_id(const struct tcp_ao *ao, int sndid, int rcvid)
{
	struct tcp_ao_key *k = ao->keys;

	while (k && ((sndid >= 0 && k->sndid != sndid) || (rcvid >= 0 && k->rcvid != rcvid)))
		k = k->next;
	return k;
}

static void key_free(struct cpu *cpu, struct sock *sk, struct tcp_ao_key *k)
{
	if (sk)
		sk->omem_alloc -= (u32)sizeof *k;
	for (volatile u8 *p = (u8 *)k; p < (u8 *)(k + 1);) /* no secret stays behind */
		*p++ = 0;
	mem_free(cpu_mem(cpu), k);
}

/* sk: whose memory it was; NULL: remains. */
void tcp_ao_free(struct cpu *cpu, struct sock *sk, struct tcp_ao **aop)
{
	struct tcp_ao *ao = *aop;

	if (!ao)
		return;
	for (struct tcp_ao_key *k = ao->keys, *next; k; k = next) {
		next = k->next;
		key_free(cpu, sk, k);
	}
	mem_free(cpu_mem(cpu), ao);
	*aop = NULL;
}

/* A copy of k at the end of *list. -ENOMEM. */
static int key_copy(struct cpu *cpu, struct sock *sk, struct tcp_ao_key **list, const struct tcp_ao_key *k)
{
	struct tcp_ao_key *c;

	if (sk && sk->omem_alloc + sizeof *c > sk->net->core->optmem_max)
		return -ENOMEM;
	c = mem_alloc(cpu_mem(cpu), sizeof *c);
	if (!c)
		return -ENOMEM;
	*c = *k;
	c->next = NULL;
	c->good = c->bad = 0;
	while (*list)
		list = &(*list)->next;
	*list = c;
	if (sk)
		sk->omem_alloc += (u32)sizeof *c;
	return 0;
}

void tcp_ao_key_del(struct cpu *cpu, struct tcp_sock *tp, struct tcp_ao_key **at)
{
	struct tcp_ao_key *k = *at;

	*at = k->next;
	if (tp->ao->current == k)
		tp->ao->current = NULL;
	if (tp->ao->rnext == k)
		tp->ao->rnext = NULL;
	key_free(cpu, tcp_to_sock(tp), k);
}

/* -- traffic keys and codes -- */

/* RFC 5926, 3.1.1: of one direction of a connection. Ports and addresses as in the segments; disn 0: of a SYN. */
void tcp_ao_traffic_key(const struct tcp_ao_key *k, const struct inaddr *s, const struct inaddr *d, be16 sport, be16 dport, u32 sisn, u32 disn,
			u8 out[MAC_MAX_LEN])
{
	bool v4 = inaddr_is_v4(s);
	struct { be16 sport, dport; be32 sisn, disn; be16 bits; } tail = { sport, dport, cpu_to_be32(sisn), cpu_to_be32(disn),
									       cpu_to_be16((u16)(mac_len(k->alg) * 8)) };
	u8 tail_bytes[14];
	struct mac m;

	memcpy(tail_bytes, &tail.sport, 2);
	memcpy(tail_bytes + 2, &tail.dport, 2);
	memcpy(tail_bytes + 4, &tail.sisn, 4);
	memcpy(tail_bytes + 8, &tail.disn, 4);
	memcpy(tail_bytes + 12, &tail.bits, 2);
	mac_init(&m, k->alg, k->kdf, k->kdf_len);
	mac_add(&m, "\1TCP-AO", 7);
	mac_add(&m, v4 ? s->b + 12 : s->b, v4 ? 4 : 16);
	mac_add(&m, v4 ? d->b + 12 : d->b, v4 ? 4 : 16);
	mac_add(&m, tail_bytes, sizeof tail_bytes);
	mac_end(&m, out);
}

/* Over the segment whose header begins at `off` of skb and has its option at opt_off from there (RFC 5925, 5.1). */
void tcp_ao_mac(const struct tcp_ao_key *k, const u8 *traffic, u32 sne, const struct inaddr *s, const struct inaddr *d, const struct sk_buff *skb,
		u32 off, u32 opt_off, u8 out[MAC_MAX_LEN])
{
	const u8 *bytes = skb->data + off;
	u32 total = skb->len - off, hlen = tcp_hlen((const struct tcp_hdr *)bytes);
	be32 ext = cpu_to_be32(sne);
	u8 head[TCP_HDR_MAX], chunk[512];
	struct mac m;

	mac_init(&m, k->alg, traffic, mac_len(k->alg));
	mac_add(&m, &ext, 4);
	if (inaddr_is_v4(s)) {
		const u8 p[4] = { 0, IPPROTO_TCP, (u8)(total >> 8), (u8)total };

		mac_add(&m, s->b + 12, 4);
		mac_add(&m, d->b + 12, 4);
		mac_add(&m, p, sizeof p);
	} else {
		const u8 p[8] = { 0, (u8)(total >> 16), (u8)(total >> 8), (u8)total, 0, 0, 0, IPPROTO_TCP };

		mac_add(&m, s->b, 16);
		mac_add(&m, d->b, 16);
		mac_add(&m, p, sizeof p);
	}
	memcpy(head, bytes, hlen);
	memset(head + offsetof(struct tcp_hdr, check), 0, 2);
	memset(head + opt_off + 4, 0, k->maclen);
	if (k->keyflags & AO_KEYF_EXCLUDE_OPT) {
		mac_add(&m, head, TCP_HDR_LEN);
		mac_add(&m, head + opt_off, 4u + k->maclen);
	} else {
		mac_add(&m, head, hlen);
	}
	for (u32 at = off + hlen, n; at < skb->len; at += n) {
		n = MIN(skb->len - at, (u32)sizeof chunk);
		if (!skb_copy_bits(skb, at, chunk, n))
			break;
		mac_add(&m, chunk, n);
	}
	mac_end(&m, out);
}

/* The extension of seq, which is near r. */
u32 tcp_ao_sne(const struct tcp_ao_sne *r, u32 seq)
{
	if (seq_before(seq, r->seq))
		return r->sne - (seq > r->seq);
	return r->sne + (seq < r->seq);
}
static void sne_move(struct tcp_ao_sne *r, u32 seq)
{
	r->sne = tcp_ao_sne(r, seq);
	r->seq = seq;
}

static void cache(const struct tcp_sock *tp, struct tcp_ao_key *k)
{
	const struct inet_sock *i = &tp->inet;

	if (k->cached)
		return;
	tcp_ao_traffic_key(k, &i->saddr, &i->daddr, i->sport, i->dport, tp->ao->lisn, tp->ao->risn, k->snd);
	tcp_ao_traffic_key(k, &i->daddr, &i->saddr, i->dport, i->sport, tp->ao->risn, tp->ao->lisn, k->rcv);
	k->cached = true;
}

/* -- sending -- */

/* The option's head; the code is put in when all else is in place. */
u8 *tcp_ao_option_write(u8 *p, const struct tcp_out_opts *o)
{
	*p++ = TCPO_AO;
	*p++ = (u8)(4 + o->ao->maclen);
	*p++ = o->ao->sndid;
	*p++ = o->ao_rnext;
	memset(p, 0, o->ao->maclen);
	p += o->ao->maclen;
	for (u32 n = 4u + o->ao->maclen; n < tcp_ao_len(o->ao); n++)
		*p++ = TCPO_NOP;
	return p;
}

/* The option is the header's first. */
static void sign(const struct tcp_ao_key *k, const u8 *traffic, u32 sne, const struct inaddr *s, const struct inaddr *d, struct sk_buff *skb,
		 struct tcp_hdr *th)
{
	u8 code[MAC_MAX_LEN];

	tcp_ao_mac(k, traffic, sne, s, d, skb, (u32)((u8 *)th - skb->data), TCP_HDR_LEN, code);
	memcpy((u8 *)(th + 1) + 4, code, k->maclen);
}

/* A segment of a connection. */
void tcp_ao_sign(struct tcp_sock *tp, const struct tcp_ao_key *key, struct sk_buff *skb, struct tcp_hdr *th)
{
	struct tcp_ao_key *k = (struct tcp_ao_key *)key;
	const struct inet_sock *i = &tp->inet;
	struct tcp_ao *ao = tp->ao;
	u8 syn[MAC_MAX_LEN];

	if ((th->flags & (TCPF_SYN | TCPF_ACK)) == TCPF_SYN || !ao->established) {
		tcp_ao_traffic_key(k, &i->saddr, &i->daddr, i->sport, i->dport, ao->lisn, 0, syn);
		sign(k, syn, 0, &i->saddr, &i->daddr, skb, th);
		return;
	}
	cache(tp, k);
	sne_move(&ao->snd, tp->snd_una);
	sign(k, k->snd, tcp_ao_sne(&ao->snd, be32_to_cpu(th->seq)), &i->saddr, &i->daddr, skb, th);
}

/* What is not sent by a socket: r->ao says how. */
void tcp_ao_sign_reply(const struct tcp_reply *r, struct sk_buff *skb, struct tcp_hdr *th)
{
	sign(r->ao.key, r->ao.traffic, r->ao.sne, &r->saddr, &r->daddr, skb, th);
}

static void reply_with(struct tcp_reply *r, const struct tcp_ao_key *k, u8 rnext, u32 sne)
{
	r->ao.key = r->opts.ao = k;
	r->ao.rnext = r->opts.ao_rnext = rnext;
	r->ao.sne = sne;
}

/* Of a connection (its reset to a segment), or of its remains. */
void tcp_ao_reply(const struct tcp_ao *ao, struct tcp_reply *r)
{
	struct tcp_ao_sne snd;

	r->ao = unsigned_sig;
	if (!ao || !ao->current || !ao->established)
		return;
	snd = ao->snd;
	reply_with(r, ao->current, ao->rnext ? ao->rnext->rcvid : ao->current->rcvid, tcp_ao_sne(&snd, r->seq));
	tcp_ao_traffic_key(ao->current, &r->saddr, &r->daddr, r->sport, r->dport, ao->lisn, ao->risn, r->ao.traffic);
}

/* Of a request. False: the key that the peer asked for is gone, and nothing may be sent. */
bool tcp_ao_req_reply(const struct tcp_req *req, struct tcp_reply *r)
{
	const struct tcp_ao *ao = req->listener->ao;
	const struct tcp_ao_key *k;
	struct tcp_ao_sne snd = { req->snt_isn, 0 };

	r->ao = unsigned_sig;
	if (!req->ao_used)
		return true;
	k = ao ? tcp_ao_find(ao, tcp_l3index(req->net, req->iif), &req->tuple.daddr, req->ao_sndid, -1) : NULL;
	if (!k)
		return false;
	reply_with(r, k, req->ao_rcvid, tcp_ao_sne(&snd, r->seq));
	tcp_ao_traffic_key(k, &r->saddr, &r->daddr, r->sport, r->dport, req->snt_isn, req->rcv_isn, r->ao.traffic);
	return true;
}

/* -- a connection's life -- */

/* connect(2): which of the keys are this peer's. 0; -EKEYREJECTED: none, or MD5's as well. */
int tcp_ao_connect(struct cpu *cpu, struct tcp_sock *tp)
{
	const struct inaddr *peer = &tp->inet.daddr;
	struct tcp_ao *ao = tp->ao;
	s32 l3index = tcp_sock_l3index(tp);
	struct tcp_ao_key *k;

	if (!ao)
		return 0;
	k = tcp_ao_find(ao, l3index, peer, -1, -1);
	if (tp->md5_keys && tcp_md5_key(tp)) {
		if (k || ao->required)
			return -EKEYREJECTED;
		tcp_ao_free(cpu, tcp_to_sock(tp), &tp->ao); /* the other kind it is */
		return 0;
	}
	if (!k)
		return -EKEYREJECTED;
	tcp_md5_free(cpu, &tp->md5_keys);
	for (struct tcp_ao_key **at = &ao->keys; *at;)
		if (tcp_ao_key_matches(*at, l3index, peer, tcp_ao_family(peer), 128, -1, -1))
			at = &(*at)->next;
		else
			tcp_ao_key_del(cpu, tp, at);
	for (struct tcp_ao_key *c = ao->keys; c; c = c->next)
		c->cached = false;
	if (!ao->current)
		ao->current = ao->keys;
	if (!ao->rnext)
		ao->rnext = ao->keys;
	ao->established = false;
	ao->lisn = tp->write_seq;
	ao->snd = (struct tcp_ao_sne){ tp->write_seq, 0 };
	return 0;
}

/* The peer's initial sequence number came. */
void tcp_ao_peer_isn(struct tcp_sock *tp, u32 isn)
{
	tp->ao->risn = isn;
	tp->ao->rcv = (struct tcp_ao_sne){ isn, 0 };
	tp->ao->established = true;
}

/* A child of a signed handshake takes the listener's keys for its peer along. -ENOMEM, -EKEYREJECTED: there are none. */
int tcp_ao_child(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_req *req)
{
	const struct tcp_ao *from = req->listener->ao;
	const struct inaddr *peer = &req->tuple.daddr;
	struct sock *sk = tcp_to_sock(tp);
	struct tcp_ao *ao;
	int err = 0;

	if (!req->ao_used)
		return 0;
	if (!from)
		return -EKEYREJECTED;
	ao = mem_zalloc(cpu_mem(cpu), sizeof *ao);
	if (!ao)
		return -ENOMEM;
	for (const struct tcp_ao_key *k = from->keys; k && !err; k = k->next)
		if (tcp_ao_key_matches(k, tcp_sock_l3index(tp), peer, tcp_ao_family(peer), 128, -1, -1))
			err = key_copy(cpu, sk, &ao->keys, k);
	if (!err && !ao->keys)
		err = -EKEYREJECTED;
	if (err) {
		tcp_ao_free(cpu, sk, &ao);
		return err;
	}
	ao->required = from->required;
	ao->accept_icmps = from->accept_icmps;
	ao->current = tcp_ao_by_id(ao, req->ao_sndid, -1);
	ao->rnext = tcp_ao_by_id(ao, -1, req->ao_rcvid);
	if (!ao->current)
		ao->current = ao->keys;
	if (!ao->rnext)
		ao->rnext = ao->keys;
	ao->lisn = req->snt_isn;
	ao->risn = req->rcv_isn;
	ao->snd = (struct tcp_ao_sne){ req->snt_isn, 0 };
	ao->rcv = (struct tcp_ao_sne){ req->rcv_isn, 0 };
	ao->established = true;
	tp->ao = ao;
	return 0;
}

/* For the remains: what their ACKs need. NULL: no memory (they go unsigned, and unheard). */
struct tcp_ao *tcp_ao_remains(struct cpu *cpu, struct tcp_sock *tp)
{
	struct tcp_ao *ao = mem_alloc(cpu_mem(cpu), sizeof *ao);

	if (!ao)
		return NULL;
	sne_move(&tp->ao->snd, tp->snd_una);
	*ao = *tp->ao;
	ao->keys = ao->rnext = NULL;
	if (key_copy(cpu, NULL, &ao->keys, tp->ao->current) ||
	    (tp->ao->rnext && tp->ao->rnext != tp->ao->current && key_copy(cpu, NULL, &ao->keys, tp->ao->rnext))) {
		tcp_ao_free(cpu, NULL, &ao);
		return NULL;
	}
	ao->current = ao->keys;
	ao->rnext = ao->keys->next ? ao->keys->next : ao->keys;
	return ao;
}

/* -- receiving -- */

static void drop_counted(struct cpu *cpu, struct netns *net, struct sk_buff *skb, enum mib m, u64 *of_socket, enum skb_drop_reason reason)
{
	mib_inc(cpu, net, m);
	if (of_socket)
		++*of_socket;
	skb_drop_net(cpu, net, skb, reason);
}

/* An unsigned segment, where the peer has a key or signatures are required: gone. True: it may be unsigned. */
bool tcp_ao_unsigned_ok(struct cpu *cpu, const struct tcp_sock *tp, const struct inaddr *s, struct sk_buff *skb)
{
	struct tcp_ao *ao = tp->ao;

	if (!ao || !(ao->required || tcp_ao_find(ao, tcp_l3index(tp->inet.sk.net, skb->skb_iif), s, -1, -1)))
		return true;
	drop_counted(cpu, tp->inet.sk.net, skb, MIB_TcpExt_TCPAORequired, &ao->ao_required, SKB_DROP_REASON_TCP_AONOTFOUND);
	return false;
}

static bool verify(struct cpu *cpu, struct tcp_sock *tp, struct tcp_ao_key *k, const struct tcp_ao_opt *o, const u8 *traffic, u32 sne,
		   const struct inaddr *s, const struct inaddr *d, struct sk_buff *skb)
{
	struct netns *net = tp->inet.sk.net;
	u8 want[MAC_MAX_LEN];
	u8 differs = o->maclen != k->maclen;

	if (!differs) {
		tcp_ao_mac(k, traffic, sne, s, d, skb, 0, (u32)(o->at - skb->data), want);
		for (unsigned i = 0; i < k->maclen; i++) /* all of it: how far it was right is nobody's business */
			differs |= want[i] ^ o->at[4 + i];
	}
	if (differs) {
		k->bad++;
		drop_counted(cpu, net, skb, MIB_TcpExt_TCPAOBad, &tp->ao->bad, SKB_DROP_REASON_TCP_AOFAILURE);
		return false;
	}
	k->good++;
	tp->ao->good++;
	mib_inc(cpu, net, MIB_TcpExt_TCPAOGood);
	return true;
}

/* A signed segment for tp, or for a request of tp's. False: it is gone. skb->data is at its TCP header. */
bool tcp_ao_signed_ok(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_req *req, const struct tcp_ao_opt *o, const struct inaddr *s,
		      const struct inaddr *d, struct sk_buff *skb)
{
	const struct tcp_hdr *th = (const struct tcp_hdr *)skb->data;
	struct netns *net = tp->inet.sk.net;
	struct tcp_ao *ao = tp->ao;
	struct tcp_ao_key *k;
	u32 seq = be32_to_cpu(th->seq), sisn = seq, disn = 0, sne = 0;
	bool syn = (th->flags & (TCPF_SYN | TCPF_ACK)) == TCPF_SYN, listening = req || tp->inet.sk.state == TCP_LISTEN;
	u8 traffic[MAC_MAX_LEN];

	if (!ao) {
		drop_counted(cpu, net, skb, MIB_TcpExt_TCPAOKeyNotFound, NULL, SKB_DROP_REASON_TCP_AOUNEXPECTED);
		return false;
	}
	if (!listening && ao->established && tp->inet.sk.state != TCP_SYN_SENT) {
		k = ao->rnext && ao->rnext->rcvid == o->keyid ? ao->rnext : tcp_ao_by_id(ao, -1, o->keyid);
		if (!k)
			goto not_found;
		if (!syn) {
			cache(tp, k);
			sne_move(&ao->rcv, tp->rcv_nxt);
			if (!verify(cpu, tp, k, o, k->rcv, tcp_ao_sne(&ao->rcv, seq), s, d, skb))
				return false;
			/* The peer wants another key, which we have: from now on. */
			if (unlikely(o->rnext != ao->current->sndid) && (k = tcp_ao_by_id(ao, o->rnext, -1)))
				ao->current = k;
			return true;
		}
	} else {
		k = tcp_ao_find(ao, tcp_l3index(net, skb->skb_iif), s, -1, o->keyid);
		if (!k)
			goto not_found;
		if (!syn && req) {
			sisn = req->rcv_isn;
			disn = req->snt_isn;
			sne = tcp_ao_sne(&(struct tcp_ao_sne){ sisn, 0 }, seq);
		} else if (!syn && listening) { /* the ACK of a cookie; else there is no way to know */
			if (!(th->flags & TCPF_ACK) || th->flags & TCPF_SYN) {
				skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_FLAGS);
				return false;
			}
			sisn = seq - 1;
			disn = be32_to_cpu(th->ack) - 1;
			sne = tcp_ao_sne(&(struct tcp_ao_sne){ sisn, 0 }, seq);
		} else if (!syn) { /* the answer to our SYN */
			disn = ao->lisn;
			sisn = th->flags & (TCPF_SYN | TCPF_RST) ? seq : ao->risn;
		}
	}
	tcp_ao_traffic_key(k, s, d, th->sport, th->dport, sisn, disn, traffic);
	return verify(cpu, tp, k, o, traffic, sne, s, d, skb);

not_found:
	drop_counted(cpu, net, skb, MIB_TcpExt_TCPAOKeyNotFound, &ao->key_not_found, SKB_DROP_REASON_TCP_AOKEYNOTFOUND);
	return false;
}

/* Is this ICMP error one of those that an attacker would send to a signed connection? Then it is counted, and not believed. */
bool tcp_ao_ignores_icmp(struct cpu *cpu, struct netns *net, struct tcp_ao *ao, const struct icmp_error *e)
{
	bool hard = e->family == AF_INET ?
			    e->type == ICMP_DEST_UNREACH && e->code >= ICMP_PROT_UNREACH && e->code <= ICMP_FRAG_NEEDED :
			    e->type == ICMPV6_DEST_UNREACH && (e->code == ICMPV6_ADM_PROHIBITED || e->code == ICMPV6_PORT_UNREACH);

	if (!hard || ao->accept_icmps)
		return false;
	mib_inc(cpu, net, MIB_TcpExt_TCPAODroppedIcmps);
	ao->dropped_icmps++;
	return true;
}
