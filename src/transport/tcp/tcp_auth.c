/* What every segment passes before TCP looks at it, where a socket has keys or the segment an option: MD5 signatures (tcp_md5.c) and TCP-AO
 * (tcp_ao.c). Both at once, one of them twice, or one of a wrong length is nothing that a peer would send. */
#include "transport/tcp/tcp_impl.h"

/* Where keys belong that are of one VRF: its index, of a device in it; 0: in none. */
s32 tcp_l3index(struct netns *net, s32 ifindex)
{
	struct net_device *dev = ifindex ? dev_by_index(net, ifindex) : NULL, *vrf = dev ? dev_vrf(dev) : NULL;

	return vrf ? vrf->ifindex : 0;
}
s32 tcp_sock_l3index(const struct tcp_sock *tp) { return tcp_l3index(tp->inet.sk.net, tp->inet.sk.bound_dev_if); }

/* The two options of a header whose bytes are linear. False: not in good form. */
bool tcp_auth_options(const struct tcp_hdr *th, const u8 **md5, struct tcp_ao_opt *ao)
{
	const u8 *p = (const u8 *)(th + 1);
	int left = (int)tcp_hlen(th) - TCP_HDR_LEN;

	*md5 = NULL;
	*ao = (struct tcp_ao_opt){ .at = NULL };
	while (left > 0 && *p != TCPO_EOL) {
		unsigned len = *p == TCPO_NOP ? 1 : left < 2 ? 0 : p[1];

		if (!len || (len < 2 && *p != TCPO_NOP) || len > (unsigned)left)
			return true; /* the rest is nobody's */
		if (*p == TCPO_MD5SIG || *p == TCPO_AO) {
			if (*md5 || ao->at || (*p == TCPO_MD5SIG ? len != TCPO_MD5SIG_LEN : len < 4))
				return false;
			if (*p == TCPO_MD5SIG)
				*md5 = p + 2;
			else
				*ao = (struct tcp_ao_opt){ .at = p, .keyid = p[2], .rnext = p[3], .maclen = (u8)(len - 4) };
		}
		p += len;
		left -= (int)len;
	}
	return true;
}

/* May a segment for tp, or for its request req, in? False: it is gone. skb->data is at its TCP header, whose bytes are linear. */
bool tcp_auth_ok(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_req *req, const struct inaddr *s, const struct inaddr *d, struct sk_buff *skb)
{
	struct netns *net = tp->inet.sk.net;
	struct tcp_ao_opt ao;
	const u8 *md5;

	if (!tcp_auth_options((const struct tcp_hdr *)skb->data, &md5, &ao)) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_AUTH_HDR);
		return false;
	}
	if (req && req->ao_used != !!ao.at) { /* signed from the beginning, or not at all */
		mib_inc(cpu, net, MIB_TcpExt_TCPAOBad);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_AOFAILURE);
		return false;
	}
	if (ao.at)
		return tcp_ao_signed_ok(cpu, tp, req, &ao, s, d, skb);
	if (!md5 && !tcp_ao_unsigned_ok(cpu, tp, s, skb))
		return false;
	return tcp_md5_ok(cpu, tp, md5, s, d, skb);
}
