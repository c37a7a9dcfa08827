/* Dumps: a table as a run of datagrams, made as the program reads.
 *
 * A dump keeps a key, never a pointer: between two datagrams the table may change, and the dumper finds its place again by
 * the keys in struct nl_dump. When the table's generation moved, messages carry NLM_F_DUMP_INTR and the program starts over.
 * The first datagram is made inside sendmsg, the following ones inside recvmsg while less than half of the receive buffer is
 * in use, so a reader who stops holds one dump's state and nothing else. One dump at a time and socket: a second is EBUSY.
 */
#include "control/netlink_int.h"

enum { CHUNK_MIN = 3776,	/* what fits a page's sk_buff on Linux: programs size their buffers by it */
       CHUNK_LIMIT = BUF_MAX_BYTES };

void nl_dump_end(struct cpu *cpu, struct netlink_sock *s)
{
	struct nl_dumping *p = s->dump;

	if (!p)
		return;
	s->dump = NULL;
	if (p->d.done)
		p->d.done(&p->d);
	mem_free(cpu_mem(cpu), p);
}

static u16 dump_flags(const struct nl_dump *d)
{
	return (u16)(NLM_F_MULTI | (d->filtered ? NLM_F_DUMP_FILTERED : 0) | (d->intr ? NLM_F_DUMP_INTR : 0));
}

void *nl_dump_begin(struct nl_dump *d, struct nl_buf *b, u16 type, size_t hdr_len)
{
	return nl_begin(b, type, dump_flags(d), d->seq, d->portid, hdr_len);
}

void nl_dump_generation(struct nl_dump *d, u32 gen)
{
	if (d->gen && d->gen != gen + 1)
		d->intr = true;
	d->gen = gen + 1;
}

static int queue(struct cpu *cpu, struct netlink_sock *s, struct nl_buf *b)
{
	struct sk_buff *skb = nl_skb(cpu, b->data, b->len);

	return skb ? nl_deliver(cpu, s, skb) : -ENOBUFS;
}

static void put_done(struct netlink_sock *s, struct nl_dumping *p, struct nl_buf *b)
{
	struct nlmsghdr *h;
	int *err = nl_dump_begin(&p->d, b, NLMSG_DONE, sizeof(int));
	size_t before = b->len;

	if (err) {
		*err = p->err;
		h = (struct nlmsghdr *)(b->data + b->msg);
		if (s->ext_ack && p->ack.msg) {
			nl_put_ext_ack(b, &p->ack, p->d.req, p->err);
			h = (struct nlmsghdr *)(b->data + b->msg);
			if (!b->err && b->len > before)
				h->nlmsg_flags |= NLM_F_ACK_TLVS;
		}
	}
	nl_end(b);
}

/* Messages of the dump into b. True: the datagram is to go as it is; false: NLMSG_DONE belongs behind it. */
static bool fill(struct nl_dumping *p, struct nl_buf *b)
{
	int r;

	for (;;) {
		r = p->dump(&p->d, b);
		if (r != 1)
			break;
		if (b->len)
			return true;
		if (b->limit >= CHUNK_LIMIT) { /* one message that fits no datagram */
			r = -EMSGSIZE;
			break;
		}
		b->limit = MIN(b->limit * 2, (size_t)CHUNK_LIMIT);
	}
	p->finished = true;
	p->err = r;
	return b->len && (p->d.done_apart || b->limit - b->len < NLMSG_HDRLEN + sizeof(int) + (p->ack.msg ? 256 : 0));
}

int nl_dump_continue(struct cpu *cpu, struct netlink_sock *s)
{
	struct nl_dumping *p = s->dump;
	struct nl_buf b;
	bool more = false;
	int err;

	if ((s32)s->sk.rmem_alloc >= s->sk.rcvbuf)
		return -ENOBUFS;
	p->d.cpu = cpu;
	nl_buf_init(&b, cpu_mem(cpu), MAX((u32)CHUNK_MIN, s->max_recv));
	if (!p->finished)
		more = fill(p, &b);
	if (!more) {
		b.limit = 0;
		put_done(s, p, &b);
	}
	err = b.err ? b.err : b.len ? queue(cpu, s, &b) : -ENOMEM;
	nl_buf_fini(&b);
	if (!more || err)
		nl_dump_end(cpu, s);
	return err ? -ENOBUFS : 0;
}

int nl_dump_start(struct nl_request *rq, int (*dump)(struct nl_dump *d, struct nl_buf *buf))
{
	struct netlink_sock *s = rq->sock;
	struct nl_dumping *p;
	int err;

	if (s->dump)
		return -EBUSY;
	p = mem_zalloc(cpu_mem(rq->cpu), sizeof(*p) + ALIGN_UP((size_t)rq->nlh->nlmsg_len, 8));
	if (!p)
		return -ENOBUFS;
	memcpy(p->req, rq->nlh, rq->nlh->nlmsg_len);
	p->dump = dump;
	p->d = (struct nl_dump){ .cpu = rq->cpu, .net = rq->net, .req = (const struct nlmsghdr *)p->req, .portid = s->portid,
				 .seq = rq->nlh->nlmsg_seq, .strict = s->strict, .ack = &p->ack };
	s->dump = p;
	err = nl_dump_continue(rq->cpu, s);
	return err ? err : -EINTR;
}
