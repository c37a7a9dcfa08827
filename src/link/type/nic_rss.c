/* Receive side scaling: the Toeplitz hash over a frame's addresses and ports, and the table from hash to queue.
 *
 * The hash is linear over its input bits, so what each value of each input byte contributes is worked out once per key and a frame's
 * hash is one look-up a byte. The default key repeats 0x6d5a, which makes the hash the same for both directions of a flow (Woo and
 * Park, 2012). Which fields count is as in Microsoft's RSS specification: addresses, and the ports of unfragmented TCP and UDP.
 */
#include "codec/wire/eth.h"
#include "codec/wire/ip4hdr.h"
#include "link/type/nic.h"

void nic_rss_set_key(struct nic_rss *r, const u8 key[NIC_RSS_KEY])
{
	memmove(r->key, key, NIC_RSS_KEY);
	for (unsigned pos = 0; pos < NIC_RSS_INPUT; pos++) {
		u32 window[8];
		for (unsigned bit = 0; bit < 8; bit++) {
			u64 w = 0;
			for (unsigned i = 0; i < 5; i++)
				w = w << 8 | (pos + i < NIC_RSS_KEY ? r->key[pos + i] : 0);
			window[bit] = (u32)(w >> (8 - bit));
		}
		for (unsigned v = 0; v < 256; v++) {
			u32 h = 0;
			for (unsigned bit = 0; bit < 8; bit++)
				if (v & (0x80u >> bit))
					h ^= window[bit];
			r->lut[pos][v] = h;
		}
	}
}

void nic_rss_spread(struct nic_rss *r, unsigned queues)
{
	for (unsigned i = 0; i < NIC_RSS_TABLE; i++)
		r->table[i] = (u8)(i % queues);
}

void nic_rss_init(struct nic_rss *r, unsigned queues)
{
	u8 key[NIC_RSS_KEY];
	for (unsigned i = 0; i < NIC_RSS_KEY; i++)
		key[i] = i & 1 ? 0x5a : 0x6d;
	nic_rss_set_key(r, key);
	nic_rss_spread(r, queues);
}

static u32 add(const struct nic_rss *r, u32 h, unsigned pos, const u8 *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		h ^= r->lut[pos + i][p[i]];
	return h;
}

static bool has_ports(u8 proto) { return proto == 6 || proto == 17; }

u32 nic_rss_hash(const struct nic_rss *r, const struct sk_buff *skb, bool *l4)
{
	u8 buf[ETH_HDR_LEN + IP4_HDR_MAX + 4];
	const u8 *p = skb->data, *ip;
	u32 len = skb_headlen(skb), h, hlen;
	*l4 = false;
	if (unlikely(len < sizeof(buf)) && len < skb->len) {
		len = MIN(skb->len, (u32)sizeof(buf));
		if (!skb_copy_bits(skb, 0, buf, len))
			return 0;
		p = buf;
	}
	if (len < ETH_HDR_LEN + IP4_HDR_LEN)
		return 0;
	ip = p + ETH_HDR_LEN;
	if (p[12] == 0x08 && p[13] == 0x00) {
		const struct ip4_hdr *iph = (const struct ip4_hdr *)ip;
		hlen = ip4_hlen(iph);
		h = add(r, 0, 0, ip + 12, 8);
		if (has_ports(iph->protocol) && !ip4_is_fragment(iph) && hlen >= IP4_HDR_LEN && len >= ETH_HDR_LEN + hlen + 4) {
			h = add(r, h, 8, ip + hlen, 4);
			*l4 = true;
		}
		return h ? h : 1;
	}
	if (p[12] == 0x86 && p[13] == 0xdd && len >= ETH_HDR_LEN + 40) {
		h = add(r, 0, 0, ip + 8, 32);
		if (has_ports(ip[6]) && len >= ETH_HDR_LEN + 44) {
			h = add(r, h, 32, ip + 40, 4);
			*l4 = true;
		}
		return h ? h : 1;
	}
	return 0;
}
