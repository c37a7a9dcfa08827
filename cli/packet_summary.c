/* A packet in one line, in tcpdump's words. The bytes come from a traced packet and may be cut anywhere: every field is read
 * only after its length was checked, and what is missing is left out. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdio.h>

#include "cli/text_line.h"
#include "cli/trace_view.h"

static u16 get16(const u8 *p) { return (u16)(p[0] << 8 | p[1]); }
static u32 get32(const u8 *p) { return (u32)get16(p) << 16 | get16(p + 2); }

static void add_addr(struct line *l, int family, const u8 *a)
{
	char text[INET6_ADDRSTRLEN];

	line_add(l, "%s", inet_ntop(family, a, text, sizeof(text)));
}

static void add_mac(struct line *l, const u8 *m) { line_add(l, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]); }

const char *trace_tcp_state(unsigned state)
{
	static const char *const name[] = { "", "ESTABLISHED", "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "CLOSED",
					    "CLOSE-WAIT", "LAST-ACK", "LISTEN", "CLOSING", "NEW-SYN-RECV" };

	return state < ARRAY_SIZE(name) ? name[state] : "?";
}

static void tcp_options(struct line *l, const u8 *o, unsigned len)
{
	const char *sep = ", options [";

	for (unsigned i = 0; i < len;) {
		unsigned kind = o[i], n;

		if (!kind)
			break;
		line_add(l, "%s", sep);
		sep = ",";
		if (kind == 1) {
			line_add(l, "nop");
			i++;
			continue;
		}
		if (i + 1 >= len || (n = o[i + 1]) < 2 || i + n > len) {
			line_add(l, "bad");
			break;
		}
		if (kind == 2 && n == 4)
			line_add(l, "mss %u", get16(o + i + 2));
		else if (kind == 3 && n == 3)
			line_add(l, "wscale %u", o[i + 2]);
		else if (kind == 4)
			line_add(l, "sackOK");
		else if (kind == 8 && n == 10)
			line_add(l, "TS val %u ecr %u", get32(o + i + 2), get32(o + i + 6));
		else if (kind == 5) {
			line_add(l, "sack %u ", (n - 2) / 8);
			for (unsigned b = 2; b + 8 <= n; b += 8)
				line_add(l, "{%u:%u}", get32(o + i + b), get32(o + i + b + 4));
		} else {
			line_add(l, "opt-%u", kind);
		}
		i += n;
	}
	if (sep[0] == ',' && !sep[1])
		line_add(l, "]");
}

static void tcp_line(struct line *l, const u8 *p, unsigned have, unsigned total)
{
	static const char flag[] = "FSRP.UEW";
	unsigned doff, n;
	u32 seq;

	if (have < 20)
		return;
	doff = (p[12] >> 4) * 4u;
	seq = get32(p + 4);
	n = total >= doff ? total - doff : 0;
	line_add(l, ": Flags [");
	for (unsigned i = 0; i < 8; i++)
		if (p[13] & 1u << i)
			line_add(l, "%c", flag[i]);
	line_add(l, "%s]", p[13] ? "" : "none");
	if (n || p[13] & 7)
		line_add(l, n ? ", seq %u:%u" : ", seq %u", seq, seq + n);
	if (p[13] & 16)
		line_add(l, ", ack %u", get32(p + 8));
	line_add(l, ", win %u", get16(p + 14));
	if (p[13] & 32)
		line_add(l, ", urg %u", get16(p + 18));
	if (doff > 20 && have >= doff)
		tcp_options(l, p + 20, doff - 20);
	line_add(l, ", length %u", n);
}

static void icmp_line(struct line *l, const u8 *p, unsigned have, unsigned total)
{
	static const char *const unreach[] = { "net", "host", "protocol", "port", "need to frag", "source route failed" };

	if (have < 8)
		return;
	switch (p[0]) {
	case 0:
	case 8:
		line_add(l, ": ICMP echo %s, id %u, seq %u", p[0] ? "request" : "reply", get16(p + 4), get16(p + 6));
		break;
	case 3:
		if (p[1] == 4)
			line_add(l, ": ICMP unreachable - need to frag (mtu %u)", get16(p + 6));
		else
			line_add(l, ": ICMP %s unreachable (code %u)", p[1] < ARRAY_SIZE(unreach) ? unreach[p[1]] : "destination", p[1]);
		break;
	case 5:
		line_add(l, ": ICMP redirect to %u.%u.%u.%u", p[4], p[5], p[6], p[7]);
		break;
	case 11:
		line_add(l, ": ICMP time exceeded %s", p[1] ? "in reassembly" : "in-transit");
		break;
	default:
		line_add(l, ": ICMP type %u code %u", p[0], p[1]);
	}
	line_add(l, ", length %u", total);
}

/* Neighbour discovery: whom it is about, what a router offers. p: the message, of 8 bytes at least. */
static bool ndisc_line(struct line *l, const u8 *p, unsigned have)
{
	switch (p[0]) {
	case 133:
		line_add(l, ": ICMP6, router solicitation");
		return true;
	case 134:
		if (have < 16)
			return false;
		line_add(l, ": ICMP6, router advertisement, lifetime %us", get16(p + 6));
		for (unsigned at = 16; at + 2 <= have && p[at + 1] && at + p[at + 1] * 8u <= have; at += p[at + 1] * 8u)
			if (p[at] == 3 && p[at + 1] == 4) { /* a prefix */
				line_add(l, ", prefix ");
				add_addr(l, AF_INET6, p + at + 16);
				line_add(l, "/%u", p[at + 2]);
			}
		return true;
	case 135:
	case 136:
		if (have < 24)
			return false;
		line_add(l, p[0] == 135 ? ": ICMP6, neighbor solicitation, who has " : ": ICMP6, neighbor advertisement, tgt is ");
		add_addr(l, AF_INET6, p + 8);
		return true;
	case 137:
		if (have < 40)
			return false;
		line_add(l, ": ICMP6, redirect, ");
		add_addr(l, AF_INET6, p + 24);
		line_add(l, " to ");
		add_addr(l, AF_INET6, p + 8);
		return true;
	}
	return false;
}

static bool mld_line(struct line *l, const u8 *p, unsigned have)
{
	static const char *const v1[] = { "query", "report", "done" };

	if (p[0] == 143) {
		line_add(l, ": ICMP6, multicast listener report v2, %u group record(s)", get16(p + 6));
		return true;
	}
	if (p[0] < 130 || p[0] > 132 || have < 24)
		return false;
	line_add(l, ": ICMP6, multicast listener %s ", v1[p[0] - 130]);
	add_addr(l, AF_INET6, p + 8);
	return true;
}

static void icmp6_line(struct line *l, const u8 *p, unsigned have, unsigned total)
{
	static const char *const unreach[] = { "route", "prohibited", "beyond scope", "address", "port", "source policy", "reject route" };

	if (have < 8)
		return;
	switch (p[0]) {
	case 1:
		line_add(l, ": ICMP6, destination unreachable, %s", p[1] < ARRAY_SIZE(unreach) ? unreach[p[1]] : "?");
		break;
	case 2:
		line_add(l, ": ICMP6, packet too big, mtu %u", get32(p + 4));
		break;
	case 3:
		line_add(l, ": ICMP6, time exceeded %s", p[1] ? "in reassembly" : "in-transit");
		break;
	case 4:
		line_add(l, ": ICMP6, parameter problem, code %u at octet %u", p[1], get32(p + 4));
		break;
	case 128:
	case 129:
		line_add(l, ": ICMP6, echo %s, id %u, seq %u", p[0] == 128 ? "request" : "reply", get16(p + 4), get16(p + 6));
		break;
	default:
		if (!ndisc_line(l, p, have) && !mld_line(l, p, have))
			line_add(l, ": ICMP6 type %u code %u", p[0], p[1]);
	}
	line_add(l, ", length %u", total);
}

static void transport(struct line *l, int family, const u8 *src, const u8 *dst, u8 proto, const u8 *p, unsigned have, unsigned total)
{
	bool ports = (proto == IPPROTO_TCP || proto == IPPROTO_UDP) && have >= 4;

	add_addr(l, family, src);
	if (ports)
		line_add(l, ".%u", get16(p));
	line_add(l, " > ");
	add_addr(l, family, dst);
	if (ports)
		line_add(l, ".%u", get16(p + 2));
	if (proto == IPPROTO_TCP)
		tcp_line(l, p, have, total);
	else if (proto == IPPROTO_UDP)
		line_add(l, ": UDP, length %u", total >= 8 ? total - 8 : 0);
	else if (proto == IPPROTO_ICMP)
		icmp_line(l, p, have, total);
	else if (proto == IPPROTO_ICMPV6)
		icmp6_line(l, p, have, total);
	else
		line_add(l, ": proto %u, length %u", proto, total);
}

static bool ip4(struct line *l, const u8 *p, unsigned have)
{
	unsigned ihl, total, frag;

	if (have < 20 || p[0] >> 4 != 4 || (ihl = (p[0] & 15) * 4u) < 20)
		return false;
	total = get16(p + 2);
	total = total > ihl ? total - ihl : 0;
	frag = get16(p + 6);
	line_add(l, "IP ");
	if (frag & 0x1fff) {
		add_addr(l, AF_INET, p + 12);
		line_add(l, " > ");
		add_addr(l, AF_INET, p + 16);
		line_add(l, ": fragment of id %u at %u, length %u", get16(p + 4), (frag & 0x1fff) * 8, total);
	} else {
		transport(l, AF_INET, p + 12, p + 16, p[9], p + MIN(ihl, have), have > ihl ? have - ihl : 0, total);
	}
	if (frag & 0x2000)
		line_add(l, " [more fragments]");
	return true;
}

/* Behind the extension headers (RFC 8200) is what the packet is; they are named in front of it. */
static bool ip6(struct line *l, const u8 *p, unsigned have)
{
	const u8 *src = p + 8, *dst = p + 24;
	unsigned total, n, off;
	bool more = false;
	u8 proto;

	if (have < 40 || p[0] >> 4 != 6)
		return false;
	line_add(l, "IP6 ");
	total = get16(p + 4);
	proto = p[6];
	for (p += 40, have -= 40; have >= 8 && total >= 8; p += n, have -= n, total -= n) {
		if (proto != IPPROTO_HOPOPTS && proto != IPPROTO_ROUTING && proto != IPPROTO_FRAGMENT && proto != IPPROTO_DSTOPTS)
			break;
		n = proto == IPPROTO_FRAGMENT ? 8 : (p[1] + 1u) * 8;
		if (n > have || n > total)
			break;
		off = proto == IPPROTO_FRAGMENT ? get16(p + 2) & 0xfff8u : 0;
		more |= proto == IPPROTO_FRAGMENT && p[3] & 1;
		if (off) {
			add_addr(l, AF_INET6, src);
			line_add(l, " > ");
			add_addr(l, AF_INET6, dst);
			line_add(l, ": fragment of id %u at %u, length %u%s", get32(p + 4), off, total - n, more ? " [more fragments]" : "");
			return true;
		}
		line_add(l, "%s", proto == IPPROTO_HOPOPTS ? "HBH " : proto == IPPROTO_ROUTING ? "RT " : proto == IPPROTO_DSTOPTS ? "DSTOPT " : "frag ");
		proto = p[0];
	}
	transport(l, AF_INET6, src, dst, proto, p, have, total);
	if (more)
		line_add(l, " [more fragments]");
	return true;
}

static bool arp(struct line *l, const u8 *p, unsigned have)
{
	if (have < 28 || get16(p) != 1 || get16(p + 2) != ETH_P_IP || p[4] != 6 || p[5] != 4)
		return false;
	if (get16(p + 6) == 1) {
		line_add(l, "ARP, Request who-has ");
		add_addr(l, AF_INET, p + 24);
		line_add(l, " tell ");
		add_addr(l, AF_INET, p + 14);
	} else {
		line_add(l, "ARP, Reply ");
		add_addr(l, AF_INET, p + 14);
		line_add(l, " is-at ");
		add_mac(l, p + 8);
	}
	return true;
}

bool packet_summary(const struct trace_event *ev, char *buf, size_t size)
{
	struct line l = { .buf = buf, .size = size };
	unsigned have = MIN((unsigned)ev->caplen, (unsigned)sizeof(ev->bytes)), type = be16_to_cpu(ev->protocol);
	const u8 *p = ev->bytes;

	buf[0] = 0;
	if (type == ETH_P_IP && ip4(&l, p, have))
		return true;
	if (type == ETH_P_IPV6 && ip6(&l, p, have))
		return true;
	if (type == ETH_P_ARP && have >= ETH_HLEN && get16(p + 12) == ETH_P_ARP && arp(&l, p + ETH_HLEN, have - ETH_HLEN))
		return true;
	if (type == ETH_P_ARP && arp(&l, p, have))
		return true;
	l.len = 0;
	if (have >= ETH_HLEN && type != ETH_P_IP && type != ETH_P_IPV6) {
		add_mac(&l, p + 6);
		line_add(&l, " > ");
		add_mac(&l, p);
		line_add(&l, ", ethertype 0x%04x, length %u", get16(p + 12), ev->len);
	} else {
		line_add(&l, "protocol 0x%04x, length %u", type, ev->len);
	}
	return false;
}
