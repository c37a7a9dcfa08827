/* The send stream and the record of what was sent of it.
 *
 * The stream is a chain of tcp_txbufs, each a piece of one buffer; its first byte is snd_una's (or the SYN's successor), its
 * last one precedes write_seq. Buffers grow with the backlog: a lone small write takes 2 KiB, a bulk writer 64 KiB.
 * Segments (tcp_seg) cover snd_una .. snd_nxt without gaps or overlaps, in a red-black tree by sequence number.
 *
 * Invariant: packets_out is the sum of all pcounts; sacked_out, lost_out, retrans_out those of the segments with that state.
 * Both kinds of record come from small free lists of the namespace, so that steady traffic allocates nothing.
 */
#include "transport/tcp/tcp_impl.h"

#define FREE_MAX 8192u	    /* records kept for reuse: 0.6 MB */
#define BUF_MIN 2048u	    /* a lone write's first buffer */
#define SPLIT_SLACK (2 * (65536u + PACKET_COST)) /* beyond the send buffer, before records may not be cut further */
#define PACKET_COST 832u    /* what Linux 6.18 charges for a packet besides its bytes (x86-64; seen by SO_MEMINFO) */

/* -- accounting: tcp_mem -- */

bool tcp_mem_charge(struct tcp_sock *tp, u32 bytes)
{
	struct netns_tcp *n = tcp_net(tp);
	u64 *mem = &tp->inet.sk.net->core->tcp_mem_bytes, pages = (*mem + bytes) >> 12;

	if (unlikely(pages > n->mem_pages[1])) {
		n->pressure = true;
		if (pages > n->mem_pages[2])
			return false;
	}
	*mem += bytes;
	return true;
}

void tcp_mem_uncharge(struct tcp_sock *tp, u32 bytes)
{
	struct netns_tcp *n = tcp_net(tp);
	u64 *mem = &tp->inet.sk.net->core->tcp_mem_bytes;

	*mem -= bytes;
	if (unlikely(n->pressure) && *mem >> 12 < n->mem_pages[0])
		n->pressure = false;
}

/* What SO_SNDBUF is held against. A program sees it, by how much a send takes and when it may send again: so it is counted as Linux
 * does, bytes and packets, whether sent or, as send(2) cuts them, to be sent. tcp_mem counts the buffers that there really are. */
void tcp_wmem_update(struct tcp_sock *tp)
{
	u32 bytes = tp->write_seq - tp->snd_una, unsent = tp->write_seq - tp->snd_nxt, goal = MAX(tp->size_goal, 1u), tail;

	if (tp->fin_queued) {
		bytes -= bytes != 0;
		unsent -= unsent != 0;
	}
	tail = tp->write_seq - tp->tail_start;
	tail = MIN(tail, unsent);
	tp->inet.sk.wmem_queued = bytes + PACKET_COST * (tp->segs_n + (tail != 0) + (unsent - tail + goal - 1) / goal);
}

/* -- stream -- */

static struct tcp_txbuf *txbuf_new(struct cpu *cpu, struct netns_tcp *n)
{
	struct tcp_txbuf *tb = n->free_txbufs;

	if (tb) {
		n->free_txbufs = tb->next;
		n->free_txbufs_n--;
		return tb;
	}
	return mem_alloc(cpu_mem(cpu), sizeof *tb);
}

static void txbuf_free(struct cpu *cpu, struct tcp_sock *tp, struct tcp_txbuf *tb)
{
	struct netns_tcp *n = tcp_net(tp);

	tcp_mem_uncharge(tp, tb->charged);
	tp->eor_n -= tb->eor;
	tp->psh_n -= tb->psh;
	buf_put(cpu, tb->buf);
	if (n->free_txbufs_n >= FREE_MAX) {
		mem_free(cpu_mem(cpu), tb);
		return;
	}
	tb->next = n->free_txbufs;
	n->free_txbufs = tb;
	n->free_txbufs_n++;
}

/* Room at the end of the stream for at least one byte, at best `want`. NULL: no memory. tcp_txq_commit() takes some of it. */
u8 *tcp_txq_room(struct cpu *cpu, struct tcp_sock *tp, u32 want, u32 *room)
{
	struct tcp_txbuf *tb = tp->txb_tail;
	u32 size;

	if (tb && tb->appendable && tb->off + tb->len < tb->buf->size) {
		*room = tb->buf->size - tb->off - tb->len;
		return tb->buf->data + tb->off + tb->len;
	}
	size = MAX(BUF_MIN, want);
	if (tb && tp->write_seq - tp->snd_una > BUF_MIN / 2) /* a stream of small writes: fewer, larger buffers */
		size = MAX(size, MIN(tb->buf->size * 2, BUF_MAX_BYTES));
	size = MIN(size, BUF_MAX_BYTES);
	return tcp_txq_add(cpu, tp, size, room);
}

/* A new empty piece of `size` bytes at the end. */
u8 *tcp_txq_add(struct cpu *cpu, struct tcp_sock *tp, u32 size, u32 *room)
{
	struct tcp_txbuf *tb;
	struct buf *buf = buf_alloc(cpu, size);

	if (!buf)
		return NULL;
	if (!tcp_mem_charge(tp, buf->size)) {
		buf_put(cpu, buf);
		return NULL;
	}
	tb = txbuf_new(cpu, tcp_net(tp));
	if (!tb) {
		tcp_mem_uncharge(tp, buf->size);
		buf_put(cpu, buf);
		return NULL;
	}
	*tb = (struct tcp_txbuf){ .buf = buf, .seq = tp->write_seq, .charged = buf->size, .appendable = true };
	if (tp->txb_tail)
		tp->txb_tail->next = tb;
	else
		tp->txb_head = tb;
	tp->txb_tail = tb;
	*room = buf->size;
	return buf->data;
}

void tcp_txq_commit(struct tcp_sock *tp, u32 n)
{
	tp->txb_tail->len += n;
	tp->write_seq += n;
	tcp_wmem_update(tp);
}

/* Gives empty pieces at the end back (a failed copy, an unused reservation). */
void tcp_txq_trim_tail(struct cpu *cpu, struct tcp_sock *tp)
{
	while (tp->txb_tail && !tp->txb_tail->len) {
		struct tcp_txbuf *tb = tp->txb_tail, *p = tp->txb_head;

		if (p == tb) {
			tp->txb_head = tp->txb_tail = tp->txb_nxt = NULL;
		} else {
			while (p->next != tb)
				p = p->next;
			p->next = NULL;
			tp->txb_tail = p;
			if (tp->txb_nxt == tb)
				tp->txb_nxt = p;
		}
		txbuf_free(cpu, tp, tb);
	}
}

/* Everything before `una` is acknowledged: its buffers go. */
void tcp_txq_ack(struct cpu *cpu, struct tcp_sock *tp, u32 una)
{
	struct tcp_txbuf *tb;

	while ((tb = tp->txb_head) && !seq_after(tb->seq + tb->len, una)) {
		tp->txb_head = tb->next;
		if (tp->txb_nxt == tb)
			tp->txb_nxt = tb->next;
		if (tp->txb_tail == tb)
			tp->txb_tail = NULL;
		txbuf_free(cpu, tp, tb);
	}
	tcp_wmem_update(tp);
}

/* No packet may go beyond what was written until now (MSG_EOR). */
void tcp_txq_end_record(struct tcp_sock *tp)
{
	struct tcp_txbuf *tb = tp->txb_tail;

	if (!tb || tb->eor)
		return;
	tb->eor = true;
	tb->appendable = false;
	tp->eor_n++;
}

/* Another packet to be begins. What a send pushed at its end stays pushed, also when later sends push further on. */
void tcp_txq_end_packet(struct tcp_sock *tp)
{
	struct tcp_txbuf *tb = tp->txb_tail;

	if (!tp->tail_psh)
		return;
	tp->tail_psh = false;
	if (!tb || tb->eor || tb->psh || tp->write_seq == tp->snd_nxt)
		return;
	tb->psh = true;
	tb->appendable = false;
	tp->psh_n++;
}

/* How many of the `len` bytes from seq on lie before the next end of a record. */
u32 tcp_txq_record(const struct tcp_sock *tp, u32 seq, u32 len)
{
	if (likely(!tp->eor_n))
		return len;
	return tcp_txq_record_from(tp->txb_nxt ? tp->txb_nxt : tp->txb_head, seq, len);
}

/* The same, of bytes that lie in tb or behind it. */
u32 tcp_txq_record_from(struct tcp_txbuf *tb, u32 seq, u32 len)
{
	for (tb = tcp_txq_at(tb, seq); tb; tb = tb->next) {
		u32 end = tb->seq + tb->len - seq;
		if (end >= len)
			break;
		if (tb->eor)
			return end;
	}
	return len;
}

/* Did a send push what ends in front of seq: the last of all, a full packet, a record? */
bool tcp_txq_pushed(const struct tcp_sock *tp, u32 seq)
{
	struct tcp_txbuf *tb;

	if (seq == tp->write_seq - tp->fin_queued && tp->tail_psh)
		return true;
	tb = unlikely(tp->eor_n || tp->psh_n) ? tcp_txq_at(tp->txb_head, seq - 1) : NULL;
	return tb && (tb->eor || tb->psh) && tb->seq + tb->len == seq;
}

/* The piece that holds byte `seq`, searched from `from` on; NULL: none has it. */
struct tcp_txbuf *tcp_txq_at(struct tcp_txbuf *from, u32 seq)
{
	while (from && !seq_before(seq, from->seq + from->len))
		from = from->next;
	return from;
}

void tcp_txq_purge(struct cpu *cpu, struct tcp_sock *tp)
{
	struct tcp_seg *seg;

	tcp_marks_purge(cpu, tp);
	while ((seg = tcp_seg_first(tp)))
		tcp_seg_del(cpu, tp, seg);
	while (tp->txb_head) {
		struct tcp_txbuf *tb = tp->txb_head;
		tp->txb_head = tb->next;
		txbuf_free(cpu, tp, tb);
	}
	tp->txb_tail = tp->txb_nxt = NULL;
	tp->reserved = NULL;
	tp->packets_out = tp->sacked_out = tp->lost_out = tp->retrans_out = 0;
	tp->inet.sk.wmem_queued = 0;
	tp->tail_psh = false;
	tp->rtx_hint = NULL;
	tp->tlp_high_seq = 0;
}

/* -- segments -- */

static inline u32 payload_len(const struct tcp_seg *s)
{
	return s->end_seq - s->seq - !!(s->flags & TCPF_SYN) - !!(s->flags & TCPF_FIN);
}
u32 tcp_seg_payload(const struct tcp_seg *s) { return payload_len(s); }

static u32 pcount_of(const struct tcp_seg *s, u32 mss)
{
	u32 len = payload_len(s);
	return len <= mss ? 1 : (len + mss - 1) / mss;
}

static struct tcp_seg *seg_alloc(struct cpu *cpu, struct netns_tcp *n)
{
	struct tcp_seg *s = n->free_segs;

	if (s) {
		n->free_segs = (struct tcp_seg *)s->tb;
		n->free_segs_n--;
		return s;
	}
	return mem_alloc(cpu_mem(cpu), sizeof *s);
}

static void seg_free(struct cpu *cpu, struct netns_tcp *n, struct tcp_seg *s)
{
	if (n->free_segs_n >= FREE_MAX) {
		mem_free(cpu_mem(cpu), s);
		return;
	}
	s->tb = (struct tcp_txbuf *)n->free_segs;
	n->free_segs = s;
	n->free_segs_n++;
}

static void seg_insert(struct tcp_sock *tp, struct tcp_seg *s)
{
	struct rbnode **at = &tp->rtx.node, *parent = NULL;

	if (tp->rtx_last && !seq_before(s->seq, tp->rtx_last->end_seq)) { /* the usual case: behind the last one */
		parent = &tp->rtx_last->rb;
		at = &parent->right;
		tp->rtx_last = s;
	} else {
		while (*at) {
			parent = *at;
			at = seq_before(s->seq, container_of(parent, struct tcp_seg, rb)->seq) ? &parent->left : &parent->right;
		}
		if (!tp->rtx_last)
			tp->rtx_last = s;
	}
	rb_link(&s->rb, parent, at);
	rb_insert(&tp->rtx, &s->rb);
	tp->segs_n++;
}

/* Records [seq, seq + len (+ SYN, FIN)) as sent; the caller counts packets_out. NULL: no memory. */
struct tcp_seg *tcp_seg_add(struct cpu *cpu, struct tcp_sock *tp, u32 seq, u32 len, u8 flags, u32 mss, struct tcp_txbuf *tb)
{
	struct tcp_seg *s = seg_alloc(cpu, tcp_net(tp));

	if (!s)
		return NULL;
	*s = (struct tcp_seg){ .tb = tb, .seq = seq, .flags = flags, .mss = (u16)mss };
	s->end_seq = seq + len + !!(flags & TCPF_SYN) + !!(flags & TCPF_FIN);
	s->pcount = pcount_of(s, mss);
	list_init(&s->tsorted);
	seg_insert(tp, s);
	return s;
}

struct tcp_seg *tcp_seg_first(const struct tcp_sock *tp)
{
	struct rbnode *n = rb_first(&tp->rtx);
	return n ? container_of(n, struct tcp_seg, rb) : NULL;
}
struct tcp_seg *tcp_seg_next(const struct tcp_seg *s)
{
	struct rbnode *n = rb_next(&s->rb);
	return n ? container_of(n, struct tcp_seg, rb) : NULL;
}
struct tcp_seg *tcp_seg_prev(const struct tcp_seg *s)
{
	struct rbnode *n = rb_prev(&s->rb);
	return n ? container_of(n, struct tcp_seg, rb) : NULL;
}

/* First segment that ends after seq; NULL: none. */
struct tcp_seg *tcp_seg_find(const struct tcp_sock *tp, u32 seq)
{
	struct rbnode *n = tp->rtx.node;
	struct tcp_seg *best = NULL;

	while (n) {
		struct tcp_seg *s = container_of(n, struct tcp_seg, rb);
		if (seq_after(s->end_seq, seq)) {
			best = s;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return best;
}

/* Do the last so many packets that were sent cost as much as one of len bytes would, as Linux counts? */
bool tcp_txq_outweighs(const struct tcp_sock *tp, u32 packets, u32 len)
{
	u64 sum = 0;

	for (const struct tcp_seg *s = tp->rtx_last; s && packets; s = tcp_seg_prev(s), packets--) {
		sum += PACKET_COST + payload_len(s);
		if (sum >= PACKET_COST + len)
			return true;
	}
	return false;
}

/* Unlinks and frees; counters are the caller's. */
void tcp_seg_del(struct cpu *cpu, struct tcp_sock *tp, struct tcp_seg *s)
{
	if (tp->rtx_last == s)
		tp->rtx_last = tcp_seg_prev(s);
	if (tp->rtx_hint == s)
		tp->rtx_hint = tcp_seg_next(s);
	list_del(&s->tsorted);
	rb_erase(&tp->rtx, &s->rb);
	tp->segs_n--;
	seg_free(cpu, tcp_net(tp), s);
}

/* The segment now counts `now` packets instead of `was`. */
static void adjust_pcount(struct tcp_sock *tp, const struct tcp_seg *s, s32 diff)
{
	if (!diff)
		return;
	tp->packets_out += diff;
	if (s->state & SEG_SACKED)
		tp->sacked_out += diff;
	if (s->state & SEG_RETRANS)
		tp->retrans_out += diff;
	if (s->state & SEG_LOST)
		tp->lost_out += diff;
}

/* The same, where what is out is only counted anew: duplicate ACKs were counted against what may be fewer now. */
static void recount(struct tcp_sock *tp, const struct tcp_seg *s, s32 diff)
{
	adjust_pcount(tp, s, diff);
	if (tcp_is_reno(tp) && diff < 0)
		tp->sacked_out -= MIN(tp->sacked_out, (u32)-diff);
}

/* Cuts s so that it keeps `len` payload bytes (0 < len < payload) and a second one begins behind. 0, -ENOMEM. */
int tcp_seg_split(struct cpu *cpu, struct tcp_sock *tp, struct tcp_seg *s, u32 len, u32 mss)
{
	u32 at = s->seq + !!(s->flags & TCPF_SYN) + len, was = s->pcount;
	u32 rest = payload_len(s) - len;
	u8 tail_flags = s->flags & (TCPF_FIN | TCPF_PSH);
	struct tcp_seg *t;

	/* A peer whose SACKs cut everything into the smallest pieces gets no records without end (CVE-2019-11478). The first and
	 * the last may always be cut: recovery needs no more. */
	if (unlikely(tp->inet.sk.wmem_queued >> 1 > (u32)tp->inet.sk.sndbuf + SPLIT_SLACK) && s != tp->rtx_last && tcp_seg_prev(s)) {
		mib_inc(cpu, tp->inet.sk.net, MIB_TcpExt_TCPWqueueTooBig);
		return -ENOMEM;
	}
	t = seg_alloc(cpu, tcp_net(tp));
	if (!t)
		return -ENOMEM;
	*t = *s;
	t->seq = at;
	t->flags = tail_flags | (s->flags & TCPF_URG);
	t->end_seq = at + rest + !!(tail_flags & TCPF_FIN);
	t->tb = tcp_txq_at(s->tb, at);
	s->flags &= ~(TCPF_FIN | TCPF_PSH);
	s->end_seq = at;
	s->mss = t->mss = (u16)mss;
	s->pcount = pcount_of(s, mss);
	t->pcount = pcount_of(t, mss);
	recount(tp, s, (s32)(s->pcount + t->pcount - was));
	if (list_linked(&s->tsorted))
		list_add_head(&s->tsorted, &t->tsorted);
	else
		list_init(&t->tsorted);
	seg_insert(tp, t);
	if (tp->rtx_last == s)
		tp->rtx_last = t;
	tcp_wmem_update(tp);
	return 0;
}

/* Counts s again for another mss (the path got narrower). */
void tcp_seg_recount(struct tcp_sock *tp, struct tcp_seg *s, u32 mss)
{
	u32 was = s->pcount;

	s->mss = (u16)mss;
	s->pcount = pcount_of(s, mss);
	recount(tp, s, (s32)(s->pcount - was));
}

/* `next` follows s directly; both are SACKed: they become one record. pcounts add up, so no counter changes. */
void tcp_seg_merge(struct cpu *cpu, struct tcp_sock *tp, struct tcp_seg *s, struct tcp_seg *next)
{
	s->end_seq = next->end_seq;
	s->pcount += next->pcount;
	s->flags |= next->flags;
	s->state |= next->state;
	s->tx_ns = MAX(s->tx_ns, next->tx_ns);
	if (tp->rtx_hint == next)
		tp->rtx_hint = s;
	list_del(&next->tsorted);
	if (tp->rtx_last == next)
		tp->rtx_last = s;
	rb_erase(&tp->rtx, &next->rb);
	tp->segs_n--;
	seg_free(cpu, tcp_net(tp), next);
}

/* `next` follows s directly and goes into the same packet from now on: it counts no more. */
void tcp_seg_collapse(struct cpu *cpu, struct tcp_sock *tp, struct tcp_seg *s, struct tcp_seg *next)
{
	recount(tp, next, -(s32)next->pcount);
	next->pcount = 0;
	next->state &= SEG_EVER_RETRANS;
	next->tx_ns = s->tx_ns;
	tcp_seg_merge(cpu, tp, s, next);
	tcp_wmem_update(tp);
}

/* The bytes before `una` of the first segment are acknowledged: it begins at una. Returns by how many packets it shrank. */
u32 tcp_seg_trim_head(struct tcp_sock *tp, struct tcp_seg *s, u32 una)
{
	u32 was = s->pcount, len = una - s->seq;

	s->trimmed = was == 1 ? (u16)MIN(s->trimmed + len, (u32)UINT16_MAX) : 0;
	s->flags &= ~TCPF_SYN;
	s->seq = una;
	s->tb = tcp_txq_at(s->tb ? s->tb : tp->txb_head, una);
	s->pcount = pcount_of(s, s->mss ? s->mss : tp->mss_cache);
	adjust_pcount(tp, s, (s32)(s->pcount - was));
	return was - s->pcount;
}

void tcp_txq_fini(struct netns *net)
{
	struct netns_tcp *n = net->tcp;
	struct mem *m = &net->world->mem;

	while (n->free_segs) {
		struct tcp_seg *s = n->free_segs;
		n->free_segs = (struct tcp_seg *)s->tb;
		mem_free(m, s);
	}
	while (n->free_txbufs) {
		struct tcp_txbuf *tb = n->free_txbufs;
		n->free_txbufs = tb->next;
		mem_free(m, tb);
	}
}
