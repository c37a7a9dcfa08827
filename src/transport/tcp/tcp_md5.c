/* TCP MD5 signatures (RFC 2385), for BGP: every segment of a connection carries a digest over its header, its payload and a key.
 *
 * Keys belong to a socket and say for which peers (an address; with TCP_MD5SIG_EXT a prefix, in a VRF; the longest match counts). A child
 * takes the key of its peer along, TIME-WAIT too. What should be signed and is not, or the other way round, or wrong, is dropped and
 * counted. The option leaves no room for SACK blocks beside timestamps, so SYNs that are signed offer no timestamps; and a signed
 * segment cannot be cut by a device, so there is no GSO.
 */
#include "base/md5.h"
#include "transport/tcp/tcp_impl.h"

/* linux/tcp.h has these, the C library not: tcpm_ifindex is its padding. */
#define TCP_MD5SIG_FLAG_IFINDEX 2
#define TCPM_IFINDEX_AT (offsetof(struct tcp_md5sig, tcpm_key) - 4)

/* A VRF's key goes before others, then the longer prefix. */
static bool better(const struct tcp_md5_key *k, const struct tcp_md5_key *than)
{
	if (!than || !than->ifindex != !k->ifindex)
		return !than || k->ifindex;
	return k->prefix > than->prefix;
}

/* l3index: see tcp_l3index(). */
const struct tcp_md5_key *tcp_md5_find(const struct tcp_sock *tp, s32 l3index, const struct inaddr *peer)
{
	const struct tcp_md5_key *best = NULL;

	for (const struct tcp_md5_key *k = tp->md5_keys; k; k = k->next)
		if ((!k->by_vrf || k->ifindex == l3index) && v6_prefix_eq(&k->addr, peer, k->prefix) && better(k, best))
			best = k;
	return best;
}

/* Is there a key for any of the peers addr/prefix (prefix in bits of their family)? */
bool tcp_md5_any(const struct tcp_sock *tp, const struct inaddr *addr, u16 family, u8 prefix)
{
	const struct tcp_ao_key peers = { .addr = *addr, .family = family, .prefix = prefix };
	const struct tcp_md5_key *k = tp->md5_keys;

	while (k && !tcp_ao_key_matches(&peers, -1, &k->addr, tcp_ao_family(&k->addr), (u8)(inaddr_is_v4(&k->addr) ? k->prefix - 96 : k->prefix), -1, -1))
		k = k->next;
	return k;
}

void tcp_md5_free(struct cpu *cpu, struct tcp_md5_key **list)
{
	while (*list) {
		struct tcp_md5_key *k = *list;

		*list = k->next;
		mem_free(cpu_mem(cpu), k);
	}
}

/* A copy of k (NULL: none) for one peer alone. -ENOMEM. */
int tcp_md5_copy(struct cpu *cpu, struct tcp_md5_key **list, const struct tcp_md5_key *k, const struct inaddr *peer)
{
	struct tcp_md5_key *c;

	if (!k)
		return 0;
	c = mem_alloc(cpu_mem(cpu), sizeof *c);
	if (!c)
		return -ENOMEM;
	*c = *k;
	c->addr = *peer;
	c->prefix = 128;
	c->next = *list;
	*list = c;
	return 0;
}

/* TCP_MD5SIG, TCP_MD5SIG_EXT: adds, changes, or with an empty key removes. */
int tcp_md5_set(struct cpu *cpu, struct tcp_sock *tp, int name, const void *val, socklen_t len)
{
	struct tcp_md5sig cmd;
	struct tcp_md5_key **at, *k;
	struct inaddr addr;
	u16 port;
	s32 scope = 0;
	u8 prefix = 128;
	bool by_vrf = false;
	s32 ifindex = 0;
	int err;

	if (len < sizeof cmd)
		return -EINVAL;
	memcpy(&cmd, val, sizeof cmd);
	if (((struct sockaddr *)&cmd.tcpm_addr)->sa_family != tp->inet.sk.family)
		return -EINVAL;
	err = inet_sockaddr_parse(&tp->inet.sk, (struct sockaddr *)&cmd.tcpm_addr, sizeof cmd.tcpm_addr, &addr, &port, &scope);
	if (err)
		return err;
	if (name == TCP_MD5SIG_EXT && cmd.tcpm_flags & TCP_MD5SIG_FLAG_PREFIX) {
		if (cmd.tcpm_prefixlen > (inaddr_is_v4(&addr) ? 32 : 128))
			return -EINVAL;
		prefix = (u8)(cmd.tcpm_prefixlen + (inaddr_is_v4(&addr) ? 96 : 0));
	}
	if (name == TCP_MD5SIG_EXT && cmd.tcpm_flags & TCP_MD5SIG_FLAG_IFINDEX) {
		struct net_device *dev;

		memcpy(&ifindex, (const u8 *)val + TCPM_IFINDEX_AT, sizeof ifindex);
		dev = ifindex ? dev_by_index(tp->inet.sk.net, ifindex) : NULL;
		if (ifindex && !(dev && dev->l3mdev_table))
			return -EINVAL;
		by_vrf = true;
	}
	if (cmd.tcpm_keylen > TCP_MD5SIG_MAXKEYLEN)
		return -EINVAL;
	if (cmd.tcpm_keylen && tp->ao && (tp->ao->required || tcp_ao_find(tp->ao, -1, &addr, -1, -1))) /* one peer, one way of signing */
		return -EKEYREJECTED;
	for (at = &tp->md5_keys; (k = *at); at = &k->next)
		if (k->prefix == prefix && k->by_vrf == by_vrf && k->ifindex == ifindex && inaddr_eq(&k->addr, &addr))
			break;
	if (!cmd.tcpm_keylen) {
		if (!k)
			return -ENOENT;
		*at = k->next;
		mem_free(cpu_mem(cpu), k);
		return 0;
	}
	if (!k) {
		k = mem_alloc(cpu_mem(cpu), sizeof *k);
		if (!k)
			return -ENOMEM;
		k->addr = addr;
		k->prefix = prefix;
		k->by_vrf = by_vrf;
		k->ifindex = ifindex;
		k->next = tp->md5_keys;
		tp->md5_keys = k;
	}
	k->len = (u8)cmd.tcpm_keylen;
	memcpy(k->key, cmd.tcpm_key, cmd.tcpm_keylen);
	return 0;
}

/* Over the segment whose TCP header (checksum field ignored) begins at `off` of skb. */
static void digest(const struct tcp_md5_key *k, const struct inaddr *s, const struct inaddr *d, const struct sk_buff *skb, u32 off, u8 out[16])
{
	const struct tcp_hdr *th = (const struct tcp_hdr *)(skb->data + off);
	u32 total = skb->len - off, hlen = tcp_hlen(th);
	struct tcp_hdr h = *th;
	u8 chunk[512];
	struct md5 m;

	md5_init(&m);
	if (inaddr_is_v4(s)) {
		struct { be32 s, d; u8 zero, proto; be16 len; } p = { inaddr_v4(s), inaddr_v4(d), 0, IPPROTO_TCP, cpu_to_be16((u16)total) };
		md5_add(&m, &p, sizeof p);
	} else {
		struct { struct inaddr s, d; be32 len, proto; } p = { *s, *d, cpu_to_be32(total), cpu_to_be32(IPPROTO_TCP) };
		md5_add(&m, &p, sizeof p);
	}
	h.check = 0;
	md5_add(&m, &h, sizeof h); /* without options */
	for (u32 at = off + hlen, n; at < skb->len; at += n) {
		n = MIN(skb->len - at, (u32)sizeof chunk);
		if (!skb_copy_bits(skb, at, chunk, n))
			break;
		md5_add(&m, chunk, n);
	}
	md5_add(&m, k->key, k->len);
	md5_end(&m, out);
}

/* Fills the option that tcp_out_opts_write() left room for: it is the first one, behind two NOPs. */
void tcp_md5_sign(const struct tcp_md5_key *k, const struct inaddr *s, const struct inaddr *d, struct sk_buff *skb, struct tcp_hdr *th)
{
	digest(k, s, d, skb, (u32)((u8 *)th - skb->data), (u8 *)(th + 1) + 4);
}

/* May a segment for tp in? sig: its signature, or NULL. False: it is dropped. skb->data is at its TCP header, whose bytes are linear. */
bool tcp_md5_ok(struct cpu *cpu, const struct tcp_sock *tp, const u8 *sig, const struct inaddr *s, const struct inaddr *d, struct sk_buff *skb)
{
	const struct tcp_md5_key *k = tcp_md5_of(tp, skb->skb_iif, s);
	struct netns *net = tp->inet.sk.net;
	u8 want[16];

	if (likely(!k && !sig))
		return true;
	if (k && !sig) {
		mib_inc(cpu, net, MIB_TcpExt_TCPMD5NotFound);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_MD5NOTFOUND);
		return false;
	}
	if (!k) {
		mib_inc(cpu, net, MIB_TcpExt_TCPMD5Unexpected);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_MD5UNEXPECTED);
		return false;
	}
	digest(k, s, d, skb, 0, want);
	if (!memcmp(want, sig, sizeof want))
		return true;
	mib_inc(cpu, net, MIB_TcpExt_TCPMD5Failure);
	skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_MD5FAILURE);
	return false;
}
