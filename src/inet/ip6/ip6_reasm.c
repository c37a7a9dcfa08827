/* IPv6 reassembly (RFC 8200 section 4.5, 5722, 6946, 7112): fragments wait until their packet is whole, or for 60 seconds.
 *
 * A queue per (source, destination, identification, and the device where the destination means something on one link only), found by
 * keyed hash; its fragments are sorted by offset. An overlap ends the whole queue; an exact repetition is dropped alone. A packet in one
 * piece that has a fragment header is passed on by itself. The first fragment must have all headers up to the transport's. What all
 * queues hold is limited by ip6frag_high_thresh. Memory is charged by truesize.
 */
#include "inet/frag.h"
#include "inet/ip6/ip6_priv.h"

struct frag_queue {
	struct hnode node;
	struct list all;
	struct timer timer;
	struct netns *net;
	struct inaddr saddr, daddr;
	be32 id;
	s32 key_iif;
	u8 ecn;		  /* bit per codepoint seen */
	bool has_first, has_last;
	u32 len;	  /* of the whole payload as far as known */
	u32 meat;	  /* bytes here */
	u32 max_size;
	u32 truesize;
	s32 iif;
	u16 nhoff, frag_at; /* of the first fragment: where the fragment header's number stands, where the header is */
	struct sk_buff *frags; /* by offset */
};
struct ip6_reasm {
	struct htable queues;
	struct list all;
};

int ip6_reasm_init(struct netns *net)
{
	struct ip6_reasm *r = mem_zalloc(&net->world->mem, sizeof(*r));
	if (!r)
		return -ENOMEM;
	list_init(&r->all);
	net->ip6->priv->reasm = r;
	return htable_init(&r->queues, &net->world->mem, 16) ? -ENOMEM : 0;
}

void ip6_reasm_fini(struct netns *net)
{
	struct ip6_reasm *r = net->ip6->priv->reasm;
	if (!r)
		return;
	htable_fini(&r->queues);
	mem_free(&net->world->mem, r);
	net->ip6->priv->reasm = NULL;
}

static void queue_free(struct cpu *cpu, struct frag_queue *q, enum skb_drop_reason reason)
{
	struct netns *net = q->net;
	while (q->frags) {
		struct sk_buff *skb = q->frags;
		q->frags = skb->next;
		skb->next = NULL;
		if (reason == SKB_DROP_REASON_NOT_SPECIFIED)
			skb_consume(cpu, skb); /* used up, not lost */
		else
			skb_drop_net(cpu, net, skb, reason);
	}
	net->ip6->frag_mem_bytes -= q->truesize;
	timer_cancel(&q->timer);
	htable_del(&net->ip6->priv->reasm->queues, &q->node);
	list_del(&q->all);
	mem_free(&net->world->mem, q);
}

void ip6_reasm_exit(struct netns *net)
{
	struct ip6_reasm *r = net->ip6->priv ? net->ip6->priv->reasm : NULL;
	while (r && !list_empty(&r->all))
		queue_free(net->home, list_first(&r->all, struct frag_queue, all), SKB_DROP_REASON_NETNS_EXIT);
}

static void expired(void *owner, struct timer *t)
{
	struct cpu *cpu = owner;
	struct frag_queue *q = container_of(t, struct frag_queue, timer);
	struct netns *net = q->net;
	struct net_device *dev = dev_by_index(net, q->iif);
	struct inet6_dev *idev = dev ? in6_dev_get(dev) : NULL;

	mib6_inc(cpu, net, idev, MIB_Ip6_ReasmFails);
	mib6_inc(cpu, net, idev, MIB_Ip6_ReasmTimeout);
	if (q->has_first && dev && q->frags) {
		q->frags->dev = dev;
		icmp6_send(cpu, q->frags, ICMP6_TIME_EXCEEDED, ICMP6_EXC_FRAGTIME, 0);
	}
	queue_free(cpu, q, SKB_DROP_REASON_FRAG_REASM_TIMEOUT);
}

static struct frag_queue *queue_get(struct cpu *cpu, struct netns *net, const struct sk_buff *skb, be32 id)
{
	struct ip6_reasm *r = net->ip6->priv->reasm;
	struct inaddr s = ip6_src(skb), d = ip6_dst(skb);
	s32 iif = v6_is_multicast(&d) || v6_is_linklocal(&d) ? skb->dev->ifindex : 0;
	u32 h = (u32)siphash_4u64(&net->world->hash_key, s.q[0] ^ (d.q[0] << 1), s.q[1], d.q[1], (u64)id.raw << 32 | (u32)iif);
	struct frag_queue *q;

	htable_for_each_match(q, &r->queues, h, node)
		if (be32_eq(q->id, id) && inaddr_eq(&q->saddr, &s) && inaddr_eq(&q->daddr, &d) && q->key_iif == iif)
			return q;
	if (net->ip6->frag_mem_bytes > net->ip6->frag_high_thresh)
		return NULL;
	q = mem_zalloc(&net->world->mem, sizeof(*q));
	if (!q)
		return NULL;
	*q = (struct frag_queue){ .net = net, .saddr = s, .daddr = d, .id = id, .key_iif = iif, .truesize = sizeof(*q) };
	net->ip6->frag_mem_bytes += q->truesize;
	timer_init(&q->timer, expired);
	list_init(&q->all);
	list_add_tail(&r->all, &q->all);
	htable_add(&r->queues, &q->node, h);
	cpu_timer_arm(cpu, &q->timer, cpu->now + net->ip6->frag_time_ns);
	return q;
}

/* One packet out of all pieces: the first one's headers without the fragment header, and everybody's payload. NULL: *why. */
static struct sk_buff *join(struct cpu *cpu, struct frag_queue *q, struct sk_buff *last_in, enum skb_drop_reason *why)
{
	struct sk_buff *head = q->frags, *whole;
	u32 hlen = q->frag_at, total = hlen + q->len;
	int ecn = frag_ecn(q->ecn);
	struct ip6_hdr *ip;

	*why = ecn == -1 ? SKB_DROP_REASON_IP_INHDR : SKB_DROP_REASON_PKT_TOO_BIG;
	if (total - IP6_HDR_LEN > 65535 || ecn == -1)
		return NULL;
	*why = SKB_DROP_REASON_NOMEM;
	whole = frag_join(cpu, head, skb_network_header(head), hlen, q->len);
	if (!whole)
		return NULL;
	skb_copy_meta(cpu, whole, head);
	whole->data[q->nhoff] = skb_network_header(head)[q->frag_at];
	skb_reset_mac_header(whole);
	skb_reset_network_header(whole);
	whole->transport_header = (u16)(whole->network_header + hlen);
	whole->ip_summed = CHECKSUM_NONE;
	whole->ip_defragged = 1;
	whole->dev = last_in->dev;
	whole->pkt_type = last_in->pkt_type;
	whole->skb_iif = last_in->skb_iif;
	*IP6_CB(whole) = *IP6_CB(last_in);
	IP6_CB(whole)->nhoff = q->nhoff;
	IP6_CB(whole)->flags |= IP6CB_FRAGMENTED;
	IP6_CB(whole)->frag_max_size = (u16)q->max_size;
	ip = ip6_header(whole);
	ip->payload_len = cpu_to_be16((u16)(total - IP6_HDR_LEN));
	if (ecn == 3)
		ip6_set_tclass(ip, (u8)(ip6_tclass(ip) | 3));
	return whole;
}

static struct sk_buff *fail(struct cpu *cpu, struct frag_queue *q, struct sk_buff *skb, enum skb_drop_reason reason)
{
	struct netns *net = q->net;
	mib6_inc(cpu, net, in6_dev_get(skb->dev), MIB_Ip6_ReasmFails);
	queue_free(cpu, q, reason);
	skb_drop_net(cpu, net, skb, reason);
	return NULL;
}

static struct sk_buff *header_error(struct cpu *cpu, struct netns *net, struct sk_buff *skb, u8 code, u32 pointer)
{
	mib6_inc(cpu, net, in6_dev_get(skb->dev), MIB_Ip6_InHdrErrors);
	ip6_param_problem(cpu, net, skb, code, pointer, code == ICMP6_HDR_INCOMP ? SKB_DROP_REASON_PKT_TOO_SMALL : SKB_DROP_REASON_IP_INHDR);
	return NULL;
}

/* RFC 7112: a first fragment that ends before the transport's header (or inside it, as far as ours need it). */
static bool headers_cut(const struct sk_buff *skb, u32 off, u8 nexthdr)
{
	be16 frag;
	int th = ip6_skip_exthdrs(skb, off, &nexthdr, &frag);
	u32 need = nexthdr == IPPROTO_TCP ? 20 : nexthdr == IPPROTO_UDP ? 8 : nexthdr == IPPROTO_ICMPV6 ? 8 : 1;
	return th >= 0 && skb->len < (u32)th + need;
}

struct sk_buff *ip6_defrag(struct cpu *cpu, struct netns *net, struct sk_buff *skb, u32 off)
{
	struct inet6_dev *idev = in6_dev_get(skb->dev);
	u32 offset, end, size = skb->len, to_frag = (u32)(skb->head + skb->transport_header - skb->data);
	struct ip6_frag_hdr fh;
	struct frag_queue *q;
	struct sk_buff *whole;
	struct dst *d;
	enum skb_drop_reason why;
	bool more;

	if (IP6_CB(skb)->flags & IP6CB_FRAGMENTED) /* a fragment within */
		return header_error(cpu, net, skb, ICMP6_HDR_FIELD, off);
	mib6_inc(cpu, net, idev, MIB_Ip6_ReasmReqds);
	if (!ip6_payload_len(ip6_header(skb)) || !pskb_may_pull(cpu, skb, to_frag + IP6_FRAG_HDR_LEN))
		return header_error(cpu, net, skb, ICMP6_HDR_FIELD, off);
	memcpy(&fh, skb->head + skb->transport_header, sizeof(fh));
	more = be16_to_cpu(fh.off) & IP6_MF;
	offset = be16_to_cpu(fh.off) & IP6_FRAG_OFFSET;
	if (!more && !offset) { /* RFC 6946: whole */
		IP6_CB(skb)->nhoff = (u16)off;
		IP6_CB(skb)->flags |= IP6CB_FRAGMENTED;
		skb->transport_header = (u16)(skb->transport_header + IP6_FRAG_HDR_LEN);
		mib6_inc(cpu, net, idev, MIB_Ip6_ReasmOKs);
		return skb;
	}
	if (!offset && headers_cut(skb, to_frag + IP6_FRAG_HDR_LEN, fh.nexthdr))
		return header_error(cpu, net, skb, ICMP6_HDR_INCOMP, 0);
	end = offset + ip6_payload_len(ip6_header(skb)) + IP6_HDR_LEN - off - IP6_FRAG_HDR_LEN;
	if (end > 65535)
		return header_error(cpu, net, skb, ICMP6_HDR_FIELD, off + offsetof(struct ip6_frag_hdr, off));
	q = queue_get(cpu, net, skb, fh.id);
	if (!q || net->ip6->frag_mem_bytes > (u64)net->ip6->frag_high_thresh + BUF_MAX_BYTES) {
		mib6_inc(cpu, net, idev, MIB_Ip6_ReasmFails);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_FRAG_MEMORY);
		return NULL;
	}
	if (!more) {
		if (end < q->len || (q->has_last && end != q->len))
			return fail(cpu, q, skb, SKB_DROP_REASON_IP_BAD_LENGTH);
		q->has_last = true;
		q->len = end;
	} else {
		if (end & 7)
			return header_error(cpu, net, skb, ICMP6_HDR_FIELD, offsetof(struct ip6_hdr, payload_len));
		if (end > q->len) {
			if (q->has_last)
				return fail(cpu, q, skb, SKB_DROP_REASON_IP_BAD_LENGTH);
			q->len = end;
		}
	}
	if (end == offset)
		return fail(cpu, q, skb, SKB_DROP_REASON_IP_BAD_LENGTH);
	skb_pull(skb, to_frag + IP6_FRAG_HDR_LEN);
	if (!skb_trim(cpu, skb, end - offset))
		return fail(cpu, q, skb, SKB_DROP_REASON_NOMEM);
	switch (frag_insert(&q->frags, skb, offset, end)) {
	case FRAG_PUT_DUP:
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_DUP_FRAG);
		return NULL;
	case FRAG_PUT_OVERLAP:
		return fail(cpu, q, skb, SKB_DROP_REASON_FRAG_OVERLAP);
	case FRAG_PUT_OK:
		break;
	}
	if (!offset) {
		q->has_first = true;
		q->nhoff = IP6_CB(skb)->nhoff;
		q->frag_at = (u16)off;
	}
	q->iif = skb->dev->ifindex;
	q->meat += skb->len;
	q->ecn |= (u8)BIT(ip6_tclass(ip6_header(skb)) & 3);
	q->truesize += skb->truesize;
	net->ip6->frag_mem_bytes += skb->truesize;
	q->max_size = MAX(q->max_size, size);
	trace_point(cpu, net, skb, TP_REASM, q->frags->trace, 0, NULL);
	if (!q->has_first || !q->has_last || q->meat != q->len) {
		skb_dst_drop(skb); /* it waits beyond this step */
		return NULL;
	}
	d = skb->dst;
	if (!skb->dst_noref)
		dst_hold(d); /* survives the piece that carried it */
	whole = join(cpu, q, skb, &why);
	if (!whole) {
		mib6_inc(cpu, net, idev, MIB_Ip6_ReasmFails);
		if (!skb->dst_noref)
			dst_put(d);
		queue_free(cpu, q, why);
		return NULL;
	}
	skb_dst_drop(whole);
	whole->dst = d;
	whole->dst_noref = skb->dst_noref;
	mib6_inc(cpu, net, idev, MIB_Ip6_ReasmOKs);
	queue_free(cpu, q, SKB_DROP_REASON_NOT_SPECIFIED);
	return whole;
}
