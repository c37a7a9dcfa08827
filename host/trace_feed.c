/* From trace points to a subscriber: a bounded queue, and a thread that writes it to the subscriber's socket.
 *
 * The sink runs on the packet path with batons held, so it only copies the event and, when the writer sleeps, wakes it. A
 * subscriber that reads too slowly blocks the writer, never a lane: the queue fills, and events are lost, counted, and said with
 * the next message. Programs come from outside: they are checked before a packet meets them.
 */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <sys/socket.h>

#include "bpf/cbpf.h"
#include "core/trace.h"
#include "host/daemon.h"
#include "host/host.h"

#define TRACE_BYTES (1u << 22)	/* some 8000 events: a lab's connection from SYN to FIN several times over */
#define CAPTURE_BYTES (1u << 24) /* a quarter of a thousand segments of 64 KiB */
#define BATCH_BYTES (CTL_MAX_BYTES - sizeof(struct ctl_events))
#define BATCH_EVENTS 64
#define LOSERS 64 /* devices and directions whose losses are told apart */
#define GATHER_NS 500000
#define END_SECONDS 1
_Static_assert(sizeof(struct ctl_frame) % 8 == 0, "records follow each other");
_Static_assert(sizeof(struct ctl_frame) + CTL_SNAPLEN_MAX <= BATCH_BYTES, "every record fits a message");

struct trace_feed {
	struct host *host;
	struct trace trace;
	struct cbpf_insn *raw, *eth;
	bool captures;
	struct ctl_capture capture;
	int sock;
	pthread_t thread;

	pthread_mutex_t lock; /* innermost: the sinks take it with batons held */
	pthread_cond_t more;
	struct feed_queue queue;
	u64 lost;
	struct ctl_frame losers[LOSERS]; /* a capture's; lost 0: unused */
	bool waiting, stop;
};

static void wake_writer(struct trace_feed *f)
{
	if (f->waiting) {
		f->waiting = false;
		pthread_cond_signal(&f->more);
	}
}

static void sink(void *arg, const struct trace_event *ev)
{
	struct trace_feed *f = arg;
	struct trace_event *room;

	pthread_mutex_lock(&f->lock);
	room = feed_queue_put(&f->queue, sizeof(*ev));
	if (room)
		*room = *ev;
	else
		f->lost++;
	wake_writer(f);
	pthread_mutex_unlock(&f->lock);
}

/* -- captures -- */
static void count_lost(struct trace_feed *f, const struct ctl_frame *frame)
{
	struct ctl_frame *l = f->losers;

	f->lost++;
	while (l < f->losers + LOSERS - 1 && l->lost && (l->netns_id != frame->netns_id || l->ifindex != frame->ifindex || l->pkt_type != frame->what ||
							l->link_header != frame->link_header))
		l++; /* the last one takes what has no place */
	if (!l->lost) {
		*l = *frame;
		l->what = CTL_FRAME_LOST;
		l->pkt_type = frame->what;
		l->size = sizeof(*l);
		l->len = l->caplen = 0;
	}
	l->lost++;
}

static bool is_wanted(const struct ctl_capture *q, const struct trace_event *ev)
{
	return (!q->drops || ev->point == TP_DROP) && (!q->netns[0] || !strncmp(q->netns, ev->netns, sizeof(q->netns))) &&
	       (!q->dev[0] || !strncmp(q->dev, ev->dev, sizeof(q->dev)));
}

static void frame(void *arg, const struct trace_event *ev, const struct sk_buff *skb)
{
	struct trace_feed *f = arg;
	struct ctl_frame head, *room;
	u32 padded;

	if (!is_wanted(&f->capture, ev))
		return;
	padded = (capture_describe(ev, skb, f->capture.snaplen, &head) + 7) & ~7u;
	head.size = sizeof(head) + padded;
	pthread_mutex_lock(&f->lock);
	room = feed_queue_put(&f->queue, head.size);
	if (room) {
		*room = head;
		memset((u8 *)(room + 1) + (padded ? padded - 8 : 0), 0, padded ? 8 : 0);
		capture_copy(&head, skb, (u8 *)(room + 1));
	} else {
		count_lost(f, &head);
	}
	wake_writer(f);
	pthread_mutex_unlock(&f->lock);
}

/* -- the writer -- */
/* Moves what fits one message to buf; returns its length. lock held. */
static u32 take_batch(struct trace_feed *f, struct ctl_events *h, u8 *buf)
{
	const void *record;
	u32 used = 0, len;

	*h = (struct ctl_events){ 0 };
	while ((record = feed_queue_peek(&f->queue, &len)) && used + len <= BATCH_BYTES && (f->captures || h->count < BATCH_EVENTS)) {
		memcpy(buf + used, record, len);
		used += len;
		h->count++;
		feed_queue_drop(&f->queue);
	}
	if (!feed_queue_empty(&f->queue))
		return used;
	/* What was lost came after all that was queued. */
	h->lost = f->lost;
	f->lost = 0;
	for (struct ctl_frame *l = f->losers; l < f->losers + LOSERS && l->lost && used + sizeof(*l) <= BATCH_BYTES; l++) {
		memcpy(buf + used, l, sizeof(*l));
		used += sizeof(*l);
		h->count++;
		l->lost = 0;
	}
	return used;
}

static void *writer(void *arg)
{
	struct trace_feed *f = arg;
	u8 *batch = malloc(BATCH_BYTES);
	bool broken = !batch;

	pthread_mutex_lock(&f->lock);
	while (!broken) {
		struct ctl_events h;
		u32 len;

		while (feed_queue_empty(&f->queue) && !f->lost && !f->stop) {
			f->waiting = true;
			pthread_cond_wait(&f->more, &f->lock);
			if (f->stop)
				break;
			/* The rest of the burst gathers meanwhile: one wake-up for all of it, or the lane would pay for each event. */
			pthread_mutex_unlock(&f->lock);
			nanosleep(&(struct timespec){ .tv_nsec = GATHER_NS }, NULL);
			pthread_mutex_lock(&f->lock);
		}
		f->waiting = false;
		if (feed_queue_empty(&f->queue) && !f->lost && f->stop)
			break;
		len = take_batch(f, &h, batch);
		pthread_mutex_unlock(&f->lock);
		broken = ctl_send2(f->sock, f->captures ? CTL_FRAMES : CTL_EVENTS, &h, sizeof(h), batch, len, NULL, 0) < 0;
		pthread_mutex_lock(&f->lock);
	}
	pthread_mutex_unlock(&f->lock);
	free(batch);
	return NULL;
}

static int take_program(const struct cbpf_insn *insns, unsigned len, struct cbpf_insn **out)
{
	*out = NULL;
	if (!len)
		return 0;
	if (cbpf_check(insns, len))
		return -EINVAL;
	*out = malloc(len * sizeof(*insns));
	if (!*out)
		return -ENOMEM;
	memcpy(*out, insns, len * sizeof(*insns));
	return 0;
}

static void free_feed(struct trace_feed *f)
{
	pthread_mutex_destroy(&f->lock);
	pthread_cond_destroy(&f->more);
	feed_queue_fini(&f->queue);
	free(f->raw);
	free(f->eth);
	free(f);
}

int trace_feed_start(struct host *h, int sock, const struct ctl_trace *filter, const struct cbpf_insn *insns, const struct ctl_capture *capture,
		     struct trace_feed **out)
{
	struct trace_feed *f = calloc(1, sizeof(*f));
	struct world *w = host_world(h);
	bool busy;
	int e;

	if (!f)
		return -ENOMEM;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->more, NULL);
	f->host = h;
	f->sock = sock;
	f->captures = capture != NULL;
	if (capture)
		f->capture = *capture;
	e = feed_queue_init(&f->queue, capture ? CAPTURE_BYTES : TRACE_BYTES);
	if (!e)
		e = take_program(insns, filter->raw_len, &f->raw);
	if (!e)
		e = take_program(insns + filter->raw_len, filter->eth_len, &f->eth);
	if (e)
		goto fail;
	f->trace = (struct trace){ .sink = sink, .frame = capture ? frame : NULL, .arg = f, .filter_raw = f->raw, .filter_raw_len = filter->raw_len,
				   .filter_eth = f->eth, .filter_eth_len = filter->eth_len };
	host_lock_all(h);
	busy = w->trace != NULL;
	if (!busy)
		trace_start(w, &f->trace);
	host_unlock_all(h);
	e = busy ? -EBUSY : ctl_send(sock, CTL_OK, NULL, 0, NULL, 0); /* before the first event */
	if (!e)
		e = -pthread_create(&f->thread, NULL, writer, f);
	if (e && !busy) {
		host_lock_all(h);
		trace_stop(w);
		host_unlock_all(h);
	}
	if (e)
		goto fail;
	*out = f;
	return 0;
fail:
	free_feed(f);
	return e;
}

void trace_feed_stop(struct trace_feed *f)
{
	struct world *w = host_world(f->host);
	struct timespec limit;

	host_lock_all(f->host);
	trace_stop(w);
	host_unlock_all(f->host);
	pthread_mutex_lock(&f->lock);
	f->stop = true;
	pthread_cond_signal(&f->more);
	pthread_mutex_unlock(&f->lock);
	/* What is queued still goes to a subscriber who reads; for one who does not, the writer waits no longer than this. */
	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += END_SECONDS;
	if (pthread_timedjoin_np(f->thread, NULL, &limit)) {
		shutdown(f->sock, SHUT_RDWR);
		pthread_join(f->thread, NULL);
	}
	free_feed(f);
}
