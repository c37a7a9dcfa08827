/* IPv4 reassembly (RFC 791, 815): fragments wait until their packet is whole, or for 30 seconds.
 *
 * A queue per (source, destination, protocol, identification), found by keyed hash. Its fragments are sorted by offset. A
 * fragment that overlaps another ends the whole queue (RFC 5722's rule, as Linux has it for IPv4 too); an exact repetition is
 * dropped alone. What all queues hold is limited by ipfrag_high_thresh, and a queue falls apart when its source sent more than
 * ipfrag_max_dist other fragments since its last one: identifications repeat.
 *
 * Memory is charged by truesize. A queue ends by completion, error, timeout (with "time exceeded" when its first fragment was
 * there), or with the namespace.
 */
#include "inet/frag.h"
#include "inet/ip4/ip4_priv.h"

struct source { /* how many fragments a sender has sent; lives while it has queues */
	struct hnode node;
	be32 addr;
	u32 queues, count;
};
struct frag_queue {
	struct hnode node;
	struct list all;
	struct timer timer;
	struct netns *net;
	struct source *src;
	be32 saddr, daddr;
	be16 id;
	u8 protocol, ecn; /* ecn: bit per codepoint seen */
	bool has_first, has_last;
	u32 len;	  /* of the whole payload as far as known */
	u32 meat;	  /* bytes here */
	u32 max_size, max_df_size;
	u32 seen;	  /* the source's count at our last fragment */
	u32 truesize;
	s32 iif, vrf;
	struct sk_buff *frags; /* by offset */
};

struct ip4_reasm {
	struct htable queues, sources;
	struct list all;
};

int ip4_reasm_init(struct netns *net)
{
	struct ip4_reasm *r = mem_zalloc(&net->world->mem, sizeof(*r));
	if (!r)
		return -ENOMEM;
	list_init(&r->all);
	net->ip4->priv->reasm = r;
	return htable_init(&r->queues, &net->world->mem, 16) || htable_init(&r->sources, &net->world->mem, 16) ? -ENOMEM : 0;
}

void ip4_reasm_fini(struct netns *net)
{
	struct ip4_reasm *r = net->ip4->priv->reasm;
	if (!r)
		return;
	htable_fini(&r->queues);
	htable_fini(&r->sources);
	mem_free(&net->world->mem, r);
	net->ip4->priv->reasm = NULL;
}

static u32 queue_hash(const struct netns *net, const struct ip4_hdr *ip)
{
	return (u32)siphash_2u64(&net->world->hash_key, (u64)ip->saddr.raw << 32 | ip->daddr.raw, (u64)ip->id.raw << 8 | ip->protocol);
}

static void source_put(struct netns *net, struct source *s)
{
	if (--s->queues)
		return;
	htable_del(&net->ip4->priv->reasm->sources, &s->node);
	mem_free(&net->world->mem, s);
}

static struct source *source_get(struct netns *net, be32 addr)
{
	struct ip4_reasm *r = net->ip4->priv->reasm;
	u32 h = (u32)siphash_2u64(&net->world->hash_key, addr.raw, 15);
	struct source *s;
	htable_for_each_match(s, &r->sources, h, node) {
		if (be32_eq(s->addr, addr)) {
			s->queues++;
			return s;
		}
	}
	s = mem_zalloc(&net->world->mem, sizeof(*s));
	if (!s)
		return NULL;
	s->addr = addr;
	s->queues = 1;
	htable_add(&r->sources, &s->node, h);
	return s;
}

/* Drops what a queue holds; it may be used again. */
static void queue_empty(struct cpu *cpu, struct frag_queue *q, enum skb_drop_reason reason)
{
	while (q->frags) {
		struct sk_buff *skb = q->frags;
		q->frags = skb->next;
		skb->next = NULL;
		skb_drop_net(cpu, q->net, skb, reason);
	}
	q->net->inet->frag_mem_bytes -= q->truesize - (u32)sizeof(*q);
	q->truesize = sizeof(*q);
}

static void queue_free(struct cpu *cpu, struct frag_queue *q, enum skb_drop_reason reason)
{
	struct netns *net = q->net;
	queue_empty(cpu, q, reason);
	net->inet->frag_mem_bytes -= q->truesize;
	timer_cancel(&q->timer);
	htable_del(&net->ip4->priv->reasm->queues, &q->node);
	list_del(&q->all);
	source_put(net, q->src);
	mem_free(&net->world->mem, q);
}

void ip4_reasm_exit(struct netns *net)
{
	struct ip4_reasm *r = net->ip4->priv ? net->ip4->priv->reasm : NULL;
	while (r && !list_empty(&r->all))
		queue_free(net->home, list_first(&r->all, struct frag_queue, all), SKB_DROP_REASON_NETNS_EXIT);
}

static void expired(void *owner, struct timer *t)
{
	struct cpu *cpu = owner;
	struct frag_queue *q = container_of(t, struct frag_queue, timer);
	struct netns *net = q->net;
	struct net_device *dev = dev_by_index(net, q->iif);

	mib_inc(cpu, net, MIB_Ip_ReasmFails);
	mib_inc(cpu, net, MIB_Ip_ReasmTimeout);
	if (q->has_first && dev && q->frags) {
		struct sk_buff *head = q->frags;
		head->dev = dev;
		if (ip4_route_input(cpu, net, head) == SKB_NOT_DROPPED && head->dst->type == RTN_LOCAL)
			icmp4_send(cpu, head, ICMP4_TIME_EXCEEDED, ICMP4_EXC_FRAGTIME, (be32){ 0 });
		skb_dst_drop(head);
	}
	queue_free(cpu, q, SKB_DROP_REASON_FRAG_REASM_TIMEOUT);
}

static struct frag_queue *queue_get(struct cpu *cpu, struct netns *net, const struct ip4_hdr *ip, s32 vrf)
{
	struct ip4_reasm *r = net->ip4->priv->reasm;
	u32 h = queue_hash(net, ip);
	struct frag_queue *q;

	htable_for_each_match(q, &r->queues, h, node)
		if (be16_eq(q->id, ip->id) && be32_eq(q->saddr, ip->saddr) && be32_eq(q->daddr, ip->daddr) && q->protocol == ip->protocol &&
		    q->vrf == vrf)
			return q;
	if (net->inet->frag_mem_bytes > net->inet->frag_high_thresh)
		return NULL;
	q = mem_zalloc(&net->world->mem, sizeof(*q));
	if (!q)
		return NULL;
	q->src = source_get(net, ip->saddr);
	if (!q->src) {
		mem_free(&net->world->mem, q);
		return NULL;
	}
	q->net = net;
	q->saddr = ip->saddr;
	q->daddr = ip->daddr;
	q->id = ip->id;
	q->protocol = ip->protocol;
	q->vrf = vrf;
	q->truesize = sizeof(*q);
	q->seen = q->src->count;
	net->inet->frag_mem_bytes += q->truesize;
	timer_init(&q->timer, expired);
	list_add_tail(&r->all, &q->all);
	htable_add(&r->queues, &q->node, h);
	cpu_timer_arm(cpu, &q->timer, cpu->now + net->inet->frag_time_ns);
	return q;
}

/* Too many others in between: start afresh with this fragment. */
static void check_distance(struct cpu *cpu, struct frag_queue *q)
{
	s32 max = q->net->inet->frag_max_dist;
	u32 dist = ++q->src->count - q->seen;
	q->seen = q->src->count;
	if (max <= 0 || !q->frags || dist <= (u32)max)
		return;
	mib_inc(cpu, q->net, MIB_Ip_ReasmFails);
	queue_empty(cpu, q, SKB_DROP_REASON_FRAG_TOO_FAR);
	q->has_first = q->has_last = false;
	q->len = q->meat = q->max_size = q->max_df_size = 0;
	q->ecn = 0;
	cpu_timer_arm(cpu, &q->timer, cpu->now + q->net->inet->frag_time_ns);
}

/* One packet out of all pieces: the first one's header and everybody's payload. NULL: no memory, or too long. */
static struct sk_buff *join(struct cpu *cpu, struct frag_queue *q, struct sk_buff *last_in, enum skb_drop_reason *why)
{
	struct sk_buff *head = q->frags, *whole;
	u32 hlen = ip4_hlen(ip4_header(head)), total = hlen + q->len;
	int ecn = frag_ecn(q->ecn);
	struct ip4_hdr *ip;

	if (total > 65535) {
		*why = SKB_DROP_REASON_PKT_TOO_BIG;
		return NULL;
	}
	if (ecn == -1) {
		*why = SKB_DROP_REASON_IP_INHDR;
		return NULL;
	}
	*why = SKB_DROP_REASON_NOMEM;
	whole = frag_join(cpu, head, skb_network_header(head), hlen, q->len);
	if (!whole)
		return NULL;
	skb_copy_meta(cpu, whole, head);
	skb_reset_mac_header(whole);
	skb_reset_network_header(whole);
	whole->transport_header = (u16)(whole->network_header + hlen);
	whole->ip_summed = CHECKSUM_NONE;
	whole->ip_defragged = 1;
	whole->dev = last_in->dev;
	whole->pkt_type = last_in->pkt_type;
	whole->skb_iif = last_in->skb_iif;
	*IP4_CB(whole) = *IP4_CB(head);
	IP4_CB(whole)->frag_max_size = (u16)MAX(q->max_size, q->max_df_size);
	ip = ip4_header(whole);
	ip->tot_len = cpu_to_be16((u16)total);
	ip->frag = (be16){ 0 };
	if (q->max_df_size && q->max_df_size == q->max_size) {
		IP4_CB(whole)->flags |= IP4CB_DF_FRAG;
		ip->frag = BE16(IP4_DF);
	}
	if (ecn == IP_ECN_CE)
		ip->tos |= IP_ECN_CE;
	ip4_set_csum(ip);
	return whole;
}

static struct sk_buff *fail(struct cpu *cpu, struct frag_queue *q, struct sk_buff *skb, enum skb_drop_reason reason)
{
	struct netns *net = q->net;
	mib_inc(cpu, net, MIB_Ip_ReasmFails);
	queue_free(cpu, q, reason);
	skb_drop_net(cpu, net, skb, reason);
	return NULL;
}

/* The arithmetic of lengths; false: they contradict what is known. */
static bool lengths(struct frag_queue *q, bool more, u32 offset, u32 *end)
{
	if (!more) {
		if (*end < q->len || (q->has_last && *end != q->len))
			return false;
		q->has_last = true;
		q->len = *end;
	} else {
		*end &= ~7u;
		if (*end > q->len) {
			if (q->has_last)
				return false;
			q->len = *end;
		}
	}
	return *end != offset;
}

struct sk_buff *ip4_defrag(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	const struct ip4_hdr *ip = ip4_header(skb);
	u32 hlen = ip4_hlen(ip), offset = ip4_frag_off(ip), end = offset + skb->len - hlen, size = skb->len;
	bool more = ip4_has_mf(ip), df = ip4_has_df(ip);
	struct frag_queue *q;
	struct sk_buff *whole;
	struct dst *d;
	enum skb_drop_reason why;

	mib_inc(cpu, net, MIB_Ip_ReasmReqds);
	q = queue_get(cpu, net, ip, skb->sdif ? skb->skb_iif : 0);
	if (!q || net->inet->frag_mem_bytes > (u64)net->inet->frag_high_thresh + BUF_MAX_BYTES) {
		mib_inc(cpu, net, MIB_Ip_ReasmFails);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_FRAG_MEMORY);
		return NULL;
	}
	check_distance(cpu, q);
	if (!lengths(q, more, offset, &end)) /* what is too long for a packet shows when it is whole */
		return fail(cpu, q, skb, SKB_DROP_REASON_IP_BAD_LENGTH);
	skb_pull(skb, hlen);
	if (!skb_trim(cpu, skb, end - offset))
		return fail(cpu, q, skb, SKB_DROP_REASON_NOMEM);
	switch (frag_insert(&q->frags, skb, offset, end)) {
	case FRAG_PUT_DUP:
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_DUP_FRAG);
		return NULL;
	case FRAG_PUT_OVERLAP:
		mib_inc(cpu, net, MIB_IpExt_ReasmOverlaps);
		return fail(cpu, q, skb, SKB_DROP_REASON_FRAG_OVERLAP);
	default:
		break;
	}
	if (!offset)
		q->has_first = true;
	q->iif = skb->dev->ifindex;
	q->meat += skb->len;
	q->ecn |= (u8)BIT(ip->tos & IP_ECN_MASK);
	q->truesize += skb->truesize;
	net->inet->frag_mem_bytes += skb->truesize;
	q->max_size = MAX(q->max_size, size);
	if (df)
		q->max_df_size = MAX(q->max_df_size, size);
	trace_point(cpu, net, skb, TP_REASM, q->frags->trace, 0, NULL);
	if (!q->has_first || !q->has_last || q->meat != q->len) {
		skb_dst_drop(skb); /* it waits beyond this step, and is routed again when it is asked where to */
		return NULL;
	}
	d = skb->dst;
	if (!skb->dst_noref)
		dst_hold(d); /* survives the piece that carried it */
	whole = join(cpu, q, skb, &why);
	if (!whole) {
		mib_inc(cpu, net, MIB_Ip_ReasmFails);
		if (!skb->dst_noref)
			dst_put(d);
		queue_free(cpu, q, why);
		return NULL;
	}
	skb_dst_drop(whole);
	whole->dst = d;
	whole->dst_noref = skb->dst_noref;
	mib_inc(cpu, net, MIB_Ip_ReasmOKs);
	while (q->frags) { /* used up, not lost */
		struct sk_buff *f = q->frags;
		q->frags = f->next;
		f->next = NULL;
		skb_consume(cpu, f);
	}
	queue_free(cpu, q, SKB_DROP_REASON_NOT_SPECIFIED);
	return whole;
}
