/* PROBE (RFC 8335): an extended echo asks whether an interface of ours, named by its name, index or address, is up and which families it
 * speaks. Off unless net.ipv4.icmp_echo_enable_probe; answered about this node's own interfaces only (the L bit). Both families' messages differ
 * in their type alone.
 *
 * From: inet/ip4/icmp4.c, inet/ip6/icmp6.c, which send what is made here.
 */
#include "inet/icmp_probe.h"

#include <net/if.h>

#include "inet/af.h"
#include "link/netdevice.h"

enum { HDR = 8 /* the message's */, EXT_HDR = 4, OBJ_HDR = 4, ADDR_HDR = 4, IDENT_MAX = ADDR_HDR + 16 };
enum { BY_NAME = 1, BY_INDEX = 2, BY_ADDRESS = 3 };
enum { AFI_IP4 = 1, AFI_IP6 = 2 };
enum { CODE_MALFORMED = 1, CODE_NO_INTERFACE = 2 };
enum { L_BIT = 1, ACTIVE = 4, SPEAKS_IP4 = 2, SPEAKS_IP6 = 1 };

static struct net_device *by_address(struct netns *net, const u8 *id, u32 len, bool *malformed)
{
	u32 afi = (u32)id[0] << 8 | id[1], alen = afi == AFI_IP4 ? 4 : 16;
	const struct inet_af *af = afi == AFI_IP4 ? net->inet->af4 : net->inet->af6;
	struct inaddr a;
	be32 v4;

	if (len < ADDR_HDR || len != ADDR_HDR + (u32)id[2] || (afi != AFI_IP4 && afi != AFI_IP6) || len != ADDR_HDR + alen) {
		*malformed = true;
		return NULL;
	}
	if (afi == AFI_IP4) {
		memcpy(&v4, id + ADDR_HDR, 4);
		a = inaddr_from_v4(v4);
	} else {
		a = inaddr_from_v6(id + ADDR_HDR);
	}
	return af ? af->dev_of_addr(net, &a) : NULL;
}

/* The interface that the object at `at` names. */
static struct net_device *which(struct netns *net, const struct sk_buff *skb, bool *malformed)
{
	u8 tmp[OBJ_HDR + IDENT_MAX], name[IFNAMSIZ] = "";
	const u8 *obj = skb_header_pointer(skb, HDR, EXT_HDR, tmp);
	u32 len, index;

	*malformed = true;
	if (!obj || !(obj = skb_header_pointer(skb, HDR + EXT_HDR, OBJ_HDR, tmp)))
		return NULL;
	len = (u32)obj[0] << 8 | obj[1];
	if (len <= OBJ_HDR || len > OBJ_HDR + IDENT_MAX || !(obj = skb_header_pointer(skb, HDR + EXT_HDR, len, tmp)))
		return NULL;
	len -= OBJ_HDR;
	*malformed = false;
	switch (obj[3]) {
	case BY_NAME:
		if (len >= IFNAMSIZ)
			break;
		memcpy(name, obj + OBJ_HDR, len);
		return dev_by_name(net, (const char *)name);
	case BY_INDEX:
		if (len != 4)
			break;
		index = (u32)obj[4] << 24 | (u32)obj[5] << 16 | (u32)obj[6] << 8 | obj[7];
		return dev_by_index(net, (s32)index);
	case BY_ADDRESS:
		return by_address(net, obj + OBJ_HDR, len, malformed);
	}
	*malformed = true;
	return NULL;
}

bool icmp_probe(struct netns *net, struct sk_buff *skb, u8 reply_type)
{
	u8 *h = skb->data;
	struct net_device *dev;
	bool malformed;

	if (!(h[7] & L_BIT))
		return false;
	dev = which(net, skb, &malformed);
	h[0] = reply_type;
	if (malformed || !dev) /* else the question's stays, as Linux has it */
		h[1] = malformed ? CODE_MALFORMED : CODE_NO_INTERFACE;
	h[7] = 0;
	if (!malformed && dev)
		h[7] = (u8)((dev->flags & IFF_UP ? ACTIVE : 0) | (net->inet->af4->dev_has_addr(dev) ? SPEAKS_IP4 : 0) |
			    (net->inet->af6 && net->inet->af6->dev_has_addr(dev) ? SPEAKS_IP6 : 0));
	return true;
}
