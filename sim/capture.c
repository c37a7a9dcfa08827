/* Captures of a device in virtual time, as pcap bytes in memory: what golden runs and "same seed, same packets" compare.
 *
 * A tap on the device appends a record for each packet, both ways, in the order in which the device saw them. The format is
 * pcap with nanosecond stamps (magic 0xa1b23c4d), link type Ethernet, host byte order; see pcap-savefile(5).
 */
#include <weft/sim.h>

#include "core/cpu.h"
#include "link/netdevice.h"

#define SNAPLEN 65536

struct weft_capture {
	struct dev_tap tap;
	struct world *world;
	struct net_device *dev;
	u8 *data;
	size_t len, cap;
	bool failed; /* out of memory: the capture ends early */
};
struct pcap_header {
	u32 magic;
	u16 major, minor;
	u32 zone, sigfigs, snaplen, linktype;
};
struct pcap_record {
	u32 sec, nsec, caplen, len;
};

static bool room(struct weft_capture *c, size_t n)
{
	if (c->failed)
		return false;
	if (c->len + n > c->cap) {
		size_t cap = MAX(c->cap * 2, c->len + n);
		u8 *d = mem_realloc(&c->world->mem, c->data, cap);
		if (!d) {
			c->failed = true;
			return false;
		}
		c->data = d;
		c->cap = cap;
	}
	return true;
}

static void saw(struct cpu *cpu, struct dev_tap *tap, struct sk_buff *skb, struct net_device *dev, bool outgoing)
{
	struct weft_capture *c = container_of(tap, struct weft_capture, tap);
	u32 back = 0; /* received packets stand at the network header: the frame begins before */
	if (!outgoing && skb->mac_header != SKB_OFF_UNSET)
		back = (u32)(skb->data - skb_mac_header(skb));
	u32 len = skb->len + back, caplen = MIN(len, SNAPLEN);
	if (!room(c, sizeof(struct pcap_record) + caplen))
		return;
	struct pcap_record r = { (u32)(cpu->now / NSEC_PER_SEC), (u32)(cpu->now % NSEC_PER_SEC), caplen, len };
	memcpy(c->data + c->len, &r, sizeof(r));
	c->len += sizeof(r);
	u32 first = MIN(back, caplen);
	if (first)
		memcpy(c->data + c->len, skb->data - back, first);
	if (!skb_copy_bits(skb, 0, c->data + c->len + first, caplen - first))
		memset(c->data + c->len + first, 0, caplen - first);
	c->len += caplen;
}

int weft_capture_start(weft_netns *net, const char *name, weft_capture **out)
{
	struct net_device *dev = dev_by_name(net, name);
	if (!dev)
		return -ENODEV;
	struct weft_capture *c = mem_zalloc(&net->world->mem, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->world = net->world;
	c->dev = dev;
	c->tap.fn = saw;
	c->tap.ethertype = 0x0003; /* ETH_P_ALL */
	struct pcap_header h = { 0xa1b23c4d, 2, 4, 0, 0, SNAPLEN, 1 };
	if (!room(c, sizeof(h))) {
		mem_free(&net->world->mem, c);
		return -ENOMEM;
	}
	memcpy(c->data, &h, sizeof(h));
	c->len = sizeof(h);
	dev_hold(dev);
	list_add_tail(&dev->taps, &c->tap.link);
	*out = c;
	return 0;
}

void weft_capture_data(const weft_capture *c, const uint8_t **data, size_t *len)
{
	*data = c->data;
	*len = c->len;
}

void weft_capture_stop(weft_capture *c)
{
	struct world *w = c->world;
	list_del(&c->tap.link);
	dev_put(c->dev);
	mem_free(&w->mem, c->data);
	mem_free(&w->mem, c);
}
