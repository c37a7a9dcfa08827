/* ICMP errors about datagrams that we sent (RFC 1122, section 4.1.3.3).
 *
 * The quoted ports lead back to the socket. A connected socket gets hard errors as its next call's result; one with IP_RECVERR
 * gets all of them, and the details in its error queue.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "codec/wire/udphdr.h"
#include "transport/udp/udp.h"

void udp_err(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct icmp_error *e)
{
	struct udp_hdr tmp;
	const struct udp_hdr *uh = skb_header_pointer(skb, 0, UDP_HDR_LEN, &tmp);
	struct udp_sock *us = uh ? udp_lookup(cpu, net, &e->saddr, uh->sport, &e->daddr, uh->dport, (struct rx_ifs){ e->iif, e->sdif, !e->sdif || net->inet->udp_l3mdev_accept }) :
			       NULL;
	struct inet_sock *inet;
	bool hard = e->hard;

	if (!us) {
		mib_inc(cpu, net, e->family == AF_INET6 ? MIB_Icmp6_InErrors : MIB_Icmp_InErrors);
		return;
	}
	inet = &us->inet;
	if (e->kind == ICMP_ERR_TOO_BIG) {
		const struct inet_af *af = inet_af_of(net, &e->daddr);
		u8 disc = e->family == AF_INET6 ? inet->v6->pmtudisc : inet->pmtudisc;
		struct flow fl;
		inet_sock_flow(inet, IPPROTO_UDP, &fl);
		fl.family = e->family;
		fl.saddr = e->saddr;
		fl.daddr = e->daddr;
		fl.dport = uh->dport;
		if (disc != IP_PMTUDISC_INTERFACE && disc != IP_PMTUDISC_OMIT)
			af->update_pmtu(cpu, net, &fl, inet->dst, e->info);
		else if (e->family == AF_INET6)
			return;
		if (disc == IP_PMTUDISC_DONT && e->family == AF_INET)
			return;
		hard = disc != IP_PMTUDISC_DONT;
	}
	if (e->kind == ICMP_ERR_REDIRECT) {
		inet_af_of(net, &e->daddr)->redirect(cpu, net, e);
		return;
	}
	if (!e->err)
		return;
	if (inet_wants_errors(inet, e->family))
		inet_err_queue_icmp(cpu, inet, skb, UDP_HDR_LEN, e, uh->dport);
	else if (!hard || inet->sk.state != TCP_ESTABLISHED)
		return;
	sock_set_error(cpu, &inet->sk, e->err);
}
