/* Packets as a capture shows them.
 *
 * What a device transmits or receives is shown from its link-layer header on, with the VLAN tag that the stack keeps beside the frame in its
 * place. What is dropped is shown so as well where that header is still in front of it; else from its network header, or, of what has neither,
 * from where its data begins.
 */
#include <linux/if_ether.h>

#include "codec/wire/eth.h"
#include "core/skb.h"
#include "core/trace.h"
#include "host/daemon.h"
#include "link/netdevice.h"
#include "link/vlan.h"

#define TAG_AT (2 * ETH_ADDR_LEN)

static bool has_link_header(const struct sk_buff *skb) { return skb->dev && skb->dev->header_ops && skb->dev->hard_header_len; }

/* Where what is shown begins, as a distance from skb->data. */
static s32 begins(const struct ctl_frame *f, const struct sk_buff *skb)
{
	s32 data = (s32)skb_headroom(skb);

	if (f->what == CTL_FRAME_OUT)
		return 0;
	if (f->link_header)
		return (s32)skb->mac_header - data;
	return skb->network_header != SKB_OFF_UNSET ? (s32)skb->network_header - data : 0;
}

/* Is the link-layer header right in front of the network header? A packet that is on its way out has its old one, or none. */
static bool header_is_there(const struct sk_buff *skb)
{
	if (skb->mac_header == SKB_OFF_UNSET || !has_link_header(skb))
		return false;
	return skb->network_header == SKB_OFF_UNSET || (u32)(skb->network_header - skb->mac_header) == skb->dev->hard_header_len;
}

static bool tagged(const struct ctl_frame *f, const struct sk_buff *skb) { return f->link_header && vlan_tag_present(skb); }

u32 capture_describe(const struct trace_event *ev, const struct sk_buff *skb, u32 snaplen, struct ctl_frame *f)
{
	s64 len;

	*f = (struct ctl_frame){ .time_ns = ev->time_ns, .packet = ev->packet, .netns_id = ev->netns_id, .ifindex = ev->ifindex, .reason = ev->reason,
				 .pkt_type = skb->pkt_type, .hatype = skb->dev ? skb->dev->type : 0xffff };
	f->what = ev->point == TP_DEV_TX ? CTL_FRAME_OUT : ev->point == TP_DEV_RX ? CTL_FRAME_IN : CTL_FRAME_DROP;
	f->link_header = f->what == CTL_FRAME_DROP ? header_is_there(skb) : has_link_header(skb);
	memcpy(f->netns, ev->netns, sizeof(f->netns));
	memcpy(f->dev, ev->dev, sizeof(f->dev));
	len = (s64)skb->len - begins(f, skb) + (tagged(f, skb) ? VLAN_HDR_LEN : 0);
	f->len = (u32)MAX(len, (s64)0);
	f->caplen = MIN(f->len, snaplen);
	return f->caplen;
}

/* n bytes from the distance `from` on. */
static void copy(const struct sk_buff *skb, s32 from, u8 *to, u32 n)
{
	u32 before = from < 0 ? MIN((u32)-from, n) : 0;

	memcpy(to, skb->data + from, before);
	if (n > before)
		skb_copy_bits(skb, (u32)(from + (s32)before), to + before, n - before);
}

void capture_copy(const struct ctl_frame *f, const struct sk_buff *skb, u8 *to)
{
	s32 from = begins(f, skb);
	u8 tag[VLAN_HDR_LEN];

	if (!tagged(f, skb)) {
		copy(skb, from, to, f->caplen);
		return;
	}
	memcpy(tag, &skb->vlan_proto, 2);
	tag[2] = (u8)(skb->vlan_tci >> 8);
	tag[3] = (u8)skb->vlan_tci;
	copy(skb, from, to, MIN(f->caplen, (u32)TAG_AT));
	if (f->caplen > TAG_AT)
		memcpy(to + TAG_AT, tag, MIN(f->caplen - TAG_AT, (u32)sizeof(tag)));
	if (f->caplen > TAG_AT + sizeof(tag))
		copy(skb, from + TAG_AT, to + TAG_AT + sizeof(tag), f->caplen - TAG_AT - (u32)sizeof(tag));
}
