/* A wire between two nics, in virtual time.
 *
 * Each direction keeps the frames that are under way in a heap ordered by arrival (ties: order of sending). Sending decides a
 * frame's whole fate at once, from the sending cpu's random stream: lost, duplicated, damaged, late. A timer on the receiving
 * cpu raises the nic's interrupt at the next arrival; the nic's poll then takes what is due. A frame is copied when it enters
 * the wire, as by a real one: what the sender does to its buffers afterwards no longer matters, and checksums are checked anew.
 *
 * Up: link/type/nic through struct port. Both ends live in one world, run by one thread.
 */
#include <weft/sim.h>

#include "codec/wire/checksum.h"
#include "core/cpu.h"
#include "core/netns.h"
#include "link/port.h"

struct flight {
	u64 due, seq;
	struct sk_buff *skb;
};
struct wire_dir {
	weft_wire_params p;
	weft_wire_stats stats;
	struct flight *heap;
	u32 count, cap;
	u64 seq;
	u64 busy_until;		/* when the rate limit is free again */
	struct timer timer;	/* on the receiving cpu */
	struct cpu *rx_cpu;
	struct port *to;	/* the receiving end */
	bool armed;		/* the receiver waits for an interrupt */
	u64 *depart;		/* ring of departure times: how many still wait in front of the rate limit */
	u32 depart_head, depart_count, depart_cap;
};
struct weft_wire {
	struct world *world;
	struct wire_dir dir[2];	/* [0]: from end 0 to end 1 */
	struct port end[2];
	u8 alive;		/* ends not freed yet */
	weft_wire_hand hand;
	void *hand_arg;
	weft_wire_fate fate;
	void *fate_arg;
};

static bool before(const struct flight *a, const struct flight *b)
{
	return a->due != b->due ? a->due < b->due : a->seq < b->seq;
}

static bool heap_push(struct mem *mem, struct wire_dir *d, struct flight f)
{
	if (d->count == d->cap) {
		u32 cap = d->cap ? d->cap * 2 : 64;
		struct flight *h = mem_realloc(mem, d->heap, cap * sizeof(*h));
		if (!h)
			return false;
		d->heap = h;
		d->cap = cap;
	}
	u32 i = d->count++;
	for (; i && before(&f, &d->heap[(i - 1) / 2]); i = (i - 1) / 2)
		d->heap[i] = d->heap[(i - 1) / 2];
	d->heap[i] = f;
	return true;
}

static struct sk_buff *heap_pop(struct wire_dir *d)
{
	struct sk_buff *skb = d->heap[0].skb;
	struct flight last = d->heap[--d->count];
	u32 i = 0;
	for (;;) {
		u32 c = 2 * i + 1;
		if (c >= d->count)
			break;
		if (c + 1 < d->count && before(&d->heap[c + 1], &d->heap[c]))
			c++;
		if (!before(&d->heap[c], &last))
			break;
		d->heap[i] = d->heap[c];
		i = c;
	}
	d->heap[i] = last;
	return skb;
}

static struct weft_wire *wire_of(struct port *p, unsigned *end)
{
	struct weft_wire *w = p->priv;
	*end = p == &w->end[1];
	return w;
}

static bool chance(struct cpu *cpu, u32 ppm)
{
	return ppm && rng_below(&cpu->rng, 1000000) < ppm;
}

static void rearm(struct wire_dir *d)
{
	if (d->armed && d->count)
		cpu_timer_arm(d->rx_cpu, &d->timer, d->heap[0].due);
}

static void arrival(void *owner, struct timer *t)
{
	struct wire_dir *d = container_of(t, struct wire_dir, timer);
	if (d->armed) {
		d->armed = false;
		nic_rx_ready(owner, d->to->nic, 0);
	}
}

/* A router's mark on an ECN-capable IPv4 packet (RFC 3168, 5). The copy is linear up to its IP header: the wire made it. */
static bool ecn_mark(struct sk_buff *skb)
{
	u8 *p = skb->data + 14;
	u16 sum = 0;

	if (skb_headlen(skb) < 34 || skb->data[12] != 8 || skb->data[13] || !(p[1] & 3))
		return false;
	p[1] |= 3;
	memcpy(p + 10, &sum, 2);
	sum = csum_fold(csum_partial(p, (p[0] & 15u) * 4, 0));
	memcpy(p + 10, &sum, 2);
	return true;
}

/* One copy of a frame gets its arrival time and goes under way. Borrows skb. */
static void launch(struct cpu *cpu, struct weft_wire *w, struct wire_dir *d, const struct sk_buff *skb, u64 departs, bool mark, bool at_once)
{
	u64 due = departs + d->p.delay_ns;
	if (d->p.jitter_ns)
		due += rng_u64(&cpu->rng) % (d->p.jitter_ns + 1);
	if (chance(cpu, d->p.reorder_ppm) || at_once) {
		due = departs;
		d->stats.reordered++;
	}
	struct sk_buff *copy = skb_copy(cpu, skb, SKB_HEADROOM);
	if (!copy) {
		d->stats.lost++;
		return;
	}
	if (copy->len && chance(cpu, d->p.corrupt_ppm)) {
		copy->data[rng_below(&cpu->rng, copy->len)] ^= (u8)BIT(rng_below(&cpu->rng, 8));
		d->stats.corrupted++;
	}
	if (mark && ecn_mark(copy))
		d->stats.marked++;
	copy->ip_summed = CHECKSUM_NONE;
	copy->hash = copy->mark = copy->priority = 0;
	copy->trace = skb->trace;
	copy->dev = NULL;
	if (!heap_push(&w->world->mem, d, (struct flight){ due, d->seq++, copy })) {
		skb_consume(cpu, copy);
		d->stats.lost++;
	}
}

/* When a frame of so many bytes has left the sender; false: the queue in front of the rate limit is full. */
static bool departure(struct cpu *cpu, struct wire_dir *d, u32 bytes, u64 *at)
{
	*at = cpu->now;
	if (!d->p.rate_bps)
		return true;
	while (d->depart_count && d->depart[d->depart_head] <= cpu->now) {
		d->depart_head = (d->depart_head + 1) % d->depart_cap;
		d->depart_count--;
	}
	if (d->depart_count >= d->depart_cap)
		return false;
	u64 start = MAX(d->busy_until, cpu->now);
	d->busy_until = start + (u64)((unsigned __int128)bytes * 8 * NSEC_PER_SEC / d->p.rate_bps);
	d->depart[(d->depart_head + d->depart_count++) % d->depart_cap] = d->busy_until;
	*at = d->busy_until;
	return true;
}

void weft_wire_set_hand(weft_wire *w, weft_wire_hand fn, void *arg)
{
	w->hand = fn;
	w->hand_arg = arg;
}

int weft_wire_inject(weft_wire *w, int direction, const uint8_t *frame, size_t len, uint64_t delay_ns)
{
	struct wire_dir *d = &w->dir[!!direction];
	struct cpu *cpu = config_cpu(w->world);
	struct sk_buff *skb;

	if (!len || len > BUF_MAX_BYTES / 2)
		return -EINVAL;
	skb = skb_alloc(cpu, SKB_HEADROOM, (u32)len);
	if (!skb)
		return -ENOMEM;
	memcpy(skb_put(skb, (u32)len), frame, len);
	if (!heap_push(&w->world->mem, d, (struct flight){ cpu->now + delay_ns, d->seq++, skb })) {
		skb_consume(cpu, skb);
		return -ENOMEM;
	}
	rearm(d);
	return 0;
}

void weft_wire_set_fate(weft_wire *w, weft_wire_fate fn, void *arg)
{
	w->fate = fn;
	w->fate_arg = arg;
}

static void to_hand(struct weft_wire *w, unsigned from, const struct sk_buff *skb)
{
	u8 *buf = mem_alloc(&w->world->mem, MAX(skb->len, 1u));

	if (buf && skb_copy_bits(skb, 0, buf, skb->len))
		w->hand(w->hand_arg, w, (int)from, buf, skb->len);
	mem_free(&w->world->mem, buf);
}

static unsigned wire_tx(struct cpu *cpu, struct port *p, unsigned q, struct sk_buff **skbs, unsigned n)
{
	unsigned from;
	struct weft_wire *w = wire_of(p, &from);
	struct wire_dir *d = &w->dir[from];
	for (unsigned i = 0; i < n; i++) {
		struct sk_buff *skb = skbs[i];
		unsigned fate = 0;
		u64 at;
		d->stats.sent++;
		if (w->hand) {
			to_hand(w, from, skb);
			goto gone;
		}
		if (!departure(cpu, d, skb->len, &at)) {
			d->stats.queue_drops++;
			goto gone;
		}
		if (w->fate && skb_headlen(skb) >= 14)
			fate = w->fate(w->fate_arg, (int)from, skb->data, skb_headlen(skb));
		if (chance(cpu, d->p.loss_ppm) || fate & WEFT_FATE_LOST) {
			d->stats.lost++;
		} else {
			bool mark = d->p.mark_frames && d->depart_count > d->p.mark_frames;
			launch(cpu, w, d, skb, at, mark, fate & WEFT_FATE_REORDERED);
			if (chance(cpu, d->p.duplicate_ppm) || fate & WEFT_FATE_DUPLICATED) {
				d->stats.duplicated++;
				launch(cpu, w, d, skb, at, mark, fate & WEFT_FATE_REORDERED);
			}
		}
gone:
		skb_consume(cpu, skb);
	}
	rearm(d);
	return n;
}

static unsigned wire_rx(struct cpu *cpu, struct port *p, unsigned q, struct sk_buff **skbs, unsigned n)
{
	unsigned end, got = 0;
	struct weft_wire *w = wire_of(p, &end);
	struct wire_dir *d = &w->dir[!end];
	while (got < n && d->count && d->heap[0].due <= cpu->now) {
		skbs[got++] = heap_pop(d);
		d->stats.delivered++;
	}
	return got;
}

static bool wire_arm(struct cpu *cpu, struct port *p, unsigned q)
{
	unsigned end;
	struct weft_wire *w = wire_of(p, &end);
	struct wire_dir *d = &w->dir[!end];
	d->rx_cpu = cpu;
	if (d->count && d->heap[0].due <= cpu->now)
		return true;
	d->armed = true;
	rearm(d);
	return false;
}

static int wire_start(struct port *p, struct nic *nic, unsigned queues)
{
	unsigned end;
	struct weft_wire *w = wire_of(p, &end);
	p->nic = nic;
	w->dir[!end].to = p;
	return 0;
}

static void wire_stop(struct port *p)
{
	unsigned end;
	struct weft_wire *w = wire_of(p, &end);
	struct wire_dir *d = &w->dir[!end];
	d->armed = false;
	timer_cancel(&d->timer);
}

static void dir_fini(struct weft_wire *w, struct wire_dir *d)
{
	struct cpu *cpu = config_cpu(w->world);
	timer_cancel(&d->timer);
	for (u32 i = 0; i < d->count; i++)
		skb_consume(cpu, d->heap[i].skb);
	mem_free(&w->world->mem, d->heap);
	mem_free(&w->world->mem, d->depart);
}

static void wire_put(struct weft_wire *w)
{
	if (--w->alive)
		return;
	dir_fini(w, &w->dir[0]);
	dir_fini(w, &w->dir[1]);
	mem_free(&w->world->mem, w);
}

static void wire_free(struct port *p)
{
	unsigned end;
	struct weft_wire *w = wire_of(p, &end);
	wire_stop(p);
	wire_put(w);
}

static const struct port_ops wire_ops = {
	.name = "wire",
	.max_queues = 1,
	.start = wire_start,
	.stop = wire_stop,
	.free = wire_free,
	.rx = wire_rx,
	.tx = wire_tx,
	.arm = wire_arm,
};

void weft_wire_set(weft_wire *w, int direction, const weft_wire_params *p)
{
	struct wire_dir *d = &w->dir[!!direction];
	d->p = p ? *p : (weft_wire_params){ 0 };
	u32 want = d->p.queue_frames ? d->p.queue_frames : 1000;
	if (!d->p.rate_bps || want == d->depart_cap)
		return;
	u64 *ring = mem_alloc(&w->world->mem, want * sizeof(*ring));
	if (!ring)
		return; /* the old length stays */
	u32 keep = MIN(d->depart_count, want);
	for (u32 i = 0; i < keep; i++)
		ring[i] = d->depart[(d->depart_head + i) % d->depart_cap];
	mem_free(&w->world->mem, d->depart);
	d->depart = ring;
	d->depart_cap = want;
	d->depart_head = 0;
	d->depart_count = keep;
}

void weft_wire_get_stats(const weft_wire *w, int direction, weft_wire_stats *out)
{
	*out = w->dir[!!direction].stats;
}

int weft_wire_new(weft_netns *a, const char *name_a, weft_netns *b, const char *name_b, const weft_wire_params *a_to_b,
		  const weft_wire_params *b_to_a, weft_wire **out)
{
	struct world *world = a->world;
	if (b->world != world)
		return -EINVAL;
	struct weft_wire *w = mem_zalloc(&world->mem, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->world = world;
	w->alive = 2;
	for (int i = 0; i < 2; i++) {
		timer_init(&w->dir[i].timer, arrival);
		w->dir[i].to = &w->end[!i];
		w->end[i] = (struct port){ .ops = &wire_ops, .priv = w };
	}
	weft_wire_set(w, 0, a_to_b);
	weft_wire_set(w, 1, b_to_a);
	const struct nic_config cfg = { .queues = 1 };
	struct cpu *cpu = config_cpu(world);
	struct net_device *dev_a, *dev_b;
	int err = nic_new(cpu, a, name_a, &w->end[0], &cfg, &dev_a);
	if (err) {
		w->alive = 1;
		wire_put(w);
		return err;
	}
	err = nic_new(cpu, b, name_b, &w->end[1], &cfg, &dev_b);
	if (err) {
		w->alive = 2;
		wire_put(w); /* the second end's share; the first goes with its device */
		dev_unregister(cpu, dev_a);
		return err;
	}
	if (out)
		*out = w;
	return 0;
}
