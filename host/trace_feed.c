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

#define FEED_EVENTS 8192 /* 4 MiB: a lab's connection from SYN to FIN several times over */
#define FEED_BATCH 64	 /* events of one message */
#define GATHER_NS 500000
#define END_SECONDS 1

struct trace_feed {
	struct host *host;
	struct trace trace;
	struct cbpf_insn *raw, *eth;
	int sock;
	pthread_t thread;

	pthread_mutex_t lock; /* innermost: the sink takes it with batons held */
	pthread_cond_t more;
	struct trace_event *ring;
	u64 head, tail;	      /* written, taken */
	u64 lost;
	bool waiting, stop;
};

static void sink(void *arg, const struct trace_event *ev)
{
	struct trace_feed *f = arg;

	pthread_mutex_lock(&f->lock);
	if (f->head - f->tail < FEED_EVENTS)
		f->ring[f->head++ % FEED_EVENTS] = *ev;
	else
		f->lost++;
	if (f->waiting) {
		f->waiting = false;
		pthread_cond_signal(&f->more);
	}
	pthread_mutex_unlock(&f->lock);
}

static void *writer(void *arg)
{
	struct trace_feed *f = arg;
	struct trace_event *batch = calloc(FEED_BATCH, sizeof(*batch));
	bool broken = !batch;

	pthread_mutex_lock(&f->lock);
	while (!broken) {
		struct ctl_events h = { 0 };

		while (f->head == f->tail && !f->lost && !f->stop) {
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
		if (f->head == f->tail && f->stop)
			break;
		while (h.count < FEED_BATCH && f->tail != f->head)
			batch[h.count++] = f->ring[f->tail++ % FEED_EVENTS];
		if (f->tail == f->head) { /* what was lost came after all that is queued */
			h.lost = f->lost;
			f->lost = 0;
		}
		pthread_mutex_unlock(&f->lock);
		broken = ctl_send2(f->sock, CTL_EVENTS, &h, sizeof(h), batch, h.count * sizeof(*batch), NULL, 0) < 0;
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
	free(f->ring);
	free(f->raw);
	free(f->eth);
	free(f);
}

int trace_feed_start(struct host *h, int sock, const struct cbpf_insn *raw, unsigned raw_len, const struct cbpf_insn *eth,
		     unsigned eth_len, struct trace_feed **out)
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
	f->ring = malloc(FEED_EVENTS * sizeof(*f->ring));
	e = f->ring ? 0 : -ENOMEM;
	if (!e)
		e = take_program(raw, raw_len, &f->raw);
	if (!e)
		e = take_program(eth, eth_len, &f->eth);
	if (e)
		goto fail;
	f->trace = (struct trace){ .sink = sink, .arg = f, .filter_raw = f->raw, .filter_raw_len = raw_len, .filter_eth = f->eth,
				   .filter_eth_len = eth_len };
	e = -pthread_create(&f->thread, NULL, writer, f);
	if (e)
		goto fail;
	host_lock_all(h);
	busy = w->trace != NULL;
	if (!busy)
		trace_start(w, &f->trace);
	host_unlock_all(h);
	if (busy) {
		pthread_mutex_lock(&f->lock);
		f->stop = true;
		pthread_cond_signal(&f->more);
		pthread_mutex_unlock(&f->lock);
		pthread_join(f->thread, NULL);
		e = -EBUSY;
		goto fail;
	}
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
