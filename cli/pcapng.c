/* Writing pcapng: see pcapng.h. Blocks are in this machine's byte order, as the format allows; a block is its type, its length, a body padded to
 * four bytes, and its length again. */
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>

#include "cli/pcapng.h"

enum { BLOCK_SECTION = 0x0a0d0d0a, BLOCK_INTERFACE = 1, BLOCK_STATISTICS = 5, BLOCK_PACKET = 6 };
enum { OPT_END = 0, OPT_COMMENT = 1 };
enum { SHB_USERAPPL = 4 };
enum { IF_NAME = 2, IF_DESCRIPTION = 3, IF_TSRESOL = 9, IF_FILTER = 11 };
enum { EPB_FLAGS = 2, EPB_DROPCOUNT = 4, EPB_PACKETID = 5 };
enum { ISB_STARTTIME = 2, ISB_ENDTIME = 3, ISB_IFRECV = 4, ISB_IFDROP = 5, ISB_OSDROP = 7, ISB_USRDELIV = 8 };
enum { LINKTYPE_ETHERNET = 1, LINKTYPE_RAW = 101 };
#define ROUND4(n) (((n) + 3) & ~3u)
#define FILTER_MAX 1024

struct block {
	u8 b[4096];
	u32 len;
};

static void put(struct block *b, const void *data, u32 len)
{
	memset(b->b + b->len, 0, ROUND4(len));
	memcpy(b->b + b->len, data, len);
	b->len += ROUND4(len);
}

static void put16(struct block *b, u16 v) { memcpy(b->b + b->len, &v, 2), b->len += 2; }
static void put32(struct block *b, u32 v) { put(b, &v, 4); }

static void option(struct block *b, u16 code, const void *data, u32 len)
{
	put16(b, code);
	put16(b, (u16)len);
	put(b, data, len);
}

static void text(struct block *b, u16 code, const char *s) { option(b, code, s, (u32)strlen(s)); }
static void number(struct block *b, u16 code, u64 v) { option(b, code, &v, 8); }

/* Times in options are two words, the upper one first; so they are in packets. */
static void time_of(struct block *b, u16 code, u64 ns)
{
	u32 v[2] = { (u32)(ns >> 32), (u32)ns };

	option(b, code, v, 8);
}

/* head, then the packet's bytes between head and tail. */
static void write_block(struct pcapng *p, u32 type, const struct block *head, const u8 *data, u32 len, const struct block *tail)
{
	static const u8 zero[4];
	u32 all = 12 + head->len + ROUND4(len) + (tail ? tail->len : 0);

	fwrite(&type, 4, 1, p->to);
	fwrite(&all, 4, 1, p->to);
	fwrite(head->b, 1, head->len, p->to);
	if (len)
		fwrite(data, 1, len, p->to);
	fwrite(zero, 1, ROUND4(len) - len, p->to);
	if (tail)
		fwrite(tail->b, 1, tail->len, p->to);
	fwrite(&all, 4, 1, p->to);
	p->bytes += all;
}

void pcapng_begin(struct pcapng *p)
{
	struct block b = { .len = 0 };

	p->bytes = 0;
	p->n = 0;
	p->started_ns = 0;
	put32(&b, 0x1a2b3c4d);
	put16(&b, 1);
	put16(&b, 0);
	put32(&b, UINT32_MAX); /* the section's length: not known */
	put32(&b, UINT32_MAX);
	text(&b, SHB_USERAPPL, "weft " WEFT_VERSION);
	put32(&b, OPT_END);
	write_block(p, BLOCK_SECTION, &b, NULL, 0, NULL);
}

void pcapng_if_name(const char netns[32], const char dev[16], char *buf, size_t size)
{
	snprintf(buf, size, "%.32s%s%.16s", netns, dev[0] ? "/" : "", dev);
}

static void new_interface(struct pcapng *p, const struct pcapng_if *i)
{
	struct block b = { .len = 0 };
	char name[64], filter[FILTER_MAX + 2] = { 0 };

	put16(&b, i->link_header ? LINKTYPE_ETHERNET : LINKTYPE_RAW);
	put16(&b, 0);
	put32(&b, p->snaplen);
	pcapng_if_name(i->netns, i->dev, name, sizeof(name));
	text(&b, IF_NAME, name);
	if (i->dev[0])
		snprintf(name, sizeof(name), "device %s of netns %s", i->dev, i->netns);
	else
		snprintf(name, sizeof(name), "netns %s, before any device", i->netns);
	text(&b, IF_DESCRIPTION, name);
	option(&b, IF_TSRESOL, &(u8){ 9 }, 1);
	if (p->filter && p->filter[0] && strlen(p->filter) < FILTER_MAX) {
		snprintf(filter + 1, sizeof(filter) - 1, "%s", p->filter); /* the byte before says: an expression */
		option(&b, IF_FILTER, filter, (u32)strlen(p->filter) + 1);
	}
	put32(&b, OPT_END);
	write_block(p, BLOCK_INTERFACE, &b, NULL, 0, NULL);
}

/* The interface of a frame, made when it is seen first. */
static struct pcapng_if *interface(struct pcapng *p, const struct ctl_frame *f)
{
	struct pcapng_if *i;

	for (i = p->ifs; i < p->ifs + p->n; i++)
		if (i->netns_id == f->netns_id && i->ifindex == f->ifindex && i->link_header == f->link_header && !memcmp(i->dev, f->dev, sizeof(i->dev)))
			return i;
	if (p->n == p->cap) {
		i = realloc(p->ifs, (p->cap * 2 + 8) * sizeof(*i));
		if (!i)
			return NULL;
		p->ifs = i;
		p->cap = p->cap * 2 + 8;
	}
	i = &p->ifs[p->n++];
	*i = (struct pcapng_if){ .netns_id = f->netns_id, .ifindex = f->ifindex, .link_header = f->link_header };
	memcpy(i->netns, f->netns, sizeof(i->netns) - 1);
	memcpy(i->dev, f->dev, sizeof(i->dev) - 1);
	new_interface(p, i);
	return i;
}

void pcapng_comment(const struct ctl_frame *f, char *buf, size_t size)
{
	int n = snprintf(buf, size, "netns %.32s", f->netns);

	if (f->dev[0])
		n += snprintf(buf + n, size - (size_t)n, ", device %.16s", f->dev);
	if (f->what == CTL_FRAME_DROP)
		snprintf(buf + n, size - (size_t)n, ", dropped: %s", skb_drop_reason_name(f->reason));
	else
		snprintf(buf + n, size - (size_t)n, ", %s", f->what == CTL_FRAME_OUT ? "out" : "in");
}

/* epb_flags: direction, and to whom it was. */
static u32 flags(const struct ctl_frame *f)
{
	static const u8 reception[] = { [PACKET_HOST] = 1, [PACKET_MULTICAST] = 2, [PACKET_BROADCAST] = 3, [PACKET_OTHERHOST] = 4 };

	if (f->what == CTL_FRAME_OUT)
		return 2;
	return (f->what == CTL_FRAME_IN ? 1u : 0u) | (f->pkt_type < ARRAY_SIZE(reception) ? (u32)reception[f->pkt_type] << 2 : 0);
}

int pcapng_frame(struct pcapng *p, const struct ctl_frame *f, const u8 *data)
{
	struct block head = { .len = 0 }, tail = { .len = 0 };
	struct pcapng_if *i = interface(p, f);
	u64 t = f->time_ns + (u64)p->wall_minus_mono;
	char comment[160];

	if (!i)
		return -ENOMEM;
	if (!p->started_ns)
		p->started_ns = t;
	if (f->what == CTL_FRAME_LOST) {
		i->lost += f->lost;
		p->lost_before += f->lost;
		return 0;
	}
	i->received++;
	i->dropped += f->what == CTL_FRAME_DROP;
	put32(&head, (u32)(i - p->ifs));
	put32(&head, (u32)(t >> 32));
	put32(&head, (u32)t);
	put32(&head, f->caplen);
	put32(&head, f->len);
	option(&tail, EPB_FLAGS, &(u32){ flags(f) }, 4);
	if (p->lost_before)
		number(&tail, EPB_DROPCOUNT, p->lost_before);
	p->lost_before = 0;
	number(&tail, EPB_PACKETID, f->packet);
	pcapng_comment(f, comment, sizeof(comment));
	text(&tail, OPT_COMMENT, comment);
	put32(&tail, OPT_END);
	write_block(p, BLOCK_PACKET, &head, data, f->caplen, &tail);
	return 0;
}

void pcapng_end(struct pcapng *p, u64 now)
{
	for (unsigned n = 0; n < p->n; n++) {
		const struct pcapng_if *i = &p->ifs[n];
		struct block b = { .len = 0 };

		put32(&b, n);
		put32(&b, (u32)(now >> 32));
		put32(&b, (u32)now);
		time_of(&b, ISB_STARTTIME, p->started_ns ? p->started_ns : now);
		time_of(&b, ISB_ENDTIME, now);
		number(&b, ISB_IFRECV, i->received + i->lost);
		number(&b, ISB_IFDROP, i->dropped);
		number(&b, ISB_OSDROP, i->lost);
		number(&b, ISB_USRDELIV, i->received);
		put32(&b, OPT_END);
		write_block(p, BLOCK_STATISTICS, &b, NULL, 0, NULL);
	}
}
