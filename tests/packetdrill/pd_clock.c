/* Virtual time for packetdrill, and calls that block.
 *
 * packetdrill takes a call for blocked when its thread sleeps in the kernel; so a call that must wait sleeps on a condition variable,
 * and whoever lets time run stops at every event of the stack, wakes it, and goes on only when it sleeps again or has left with all
 * that it does afterwards (it reads the time, which must still be the event's). */
#include "tests/packetdrill/pd.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/types.h"
#include "core/cpu.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_t script_thread;
/* The second thread, while one of its calls is under way. There is only one. */
static struct {
	pthread_cond_t cond;
	int tid;
	bool blocked, woken;
	bool finishing; /* it left pd_wait; packetdrill's own part of the call may still wait for packetdrill's lock */
	uint64_t deadline;
} caller = { .cond = PTHREAD_COND_INITIALIZER };
static int inside; /* entries of the second thread that are not over; atomic */

void pd_clock_init(void) { script_thread = pthread_self(); }

static bool on_script_thread(void) { return pthread_equal(script_thread, pthread_self()); }

void pd_enter(void)
{
	if (!on_script_thread()) {
		__atomic_fetch_add(&inside, 1, __ATOMIC_SEQ_CST);
		pthread_mutex_lock(&lock);
		caller.tid = (int)syscall(SYS_gettid);
		return;
	}
	pthread_mutex_lock(&lock);
	pd_serve_drain();
}
void pd_leave(void)
{
	pthread_mutex_unlock(&lock);
	if (!on_script_thread())
		__atomic_fetch_sub(&inside, 1, __ATOMIC_SEQ_CST);
}

void pd_lock(void) { pthread_mutex_lock(&lock); }
void pd_unlock(void) { pthread_mutex_unlock(&lock); }

uint64_t pd_now(void) { return weft_now(pd.w); }

static bool caller_sleeps(void)
{
	char path[64], buf[512];
	snprintf(path, sizeof path, "/proc/self/task/%d/stat", caller.tid);
	FILE *f = fopen(path, "re");
	if (!f)
		return true; /* it ended */
	size_t n = fread(buf, 1, sizeof buf - 1, f);
	fclose(f);
	buf[n] = 0;
	const char *paren = strrchr(buf, ')');
	return paren && paren[1] == ' ' && paren[2] == 'S';
}

/* Gives the woken caller the time it needs. Bounded: a thread that never sleeps again is packetdrill's own trouble. */
static void let_caller_run(void)
{
	const struct timespec pause = { .tv_nsec = 20000 };
	int asleep = 0;
	for (int i = 0; i < 50000 && asleep < 2; i++) {
		if (caller.blocked && !caller.woken)
			return;
		pthread_mutex_unlock(&lock);
		nanosleep(&pause, NULL);
		asleep = !__atomic_load_n(&inside, __ATOMIC_SEQ_CST) && caller_sleeps() ? asleep + 1 : 0;
		pthread_mutex_lock(&lock);
	}
}

void pd_happened(void)
{
	if (caller.blocked && !caller.woken) {
		caller.woken = true;
		pthread_cond_signal(&caller.cond);
	}
}

static void run_at(uint64_t now)
{
	weft_step(pd.w, now);
	if (caller.blocked && caller.deadline <= now)
		pd_happened();
	if (caller.woken && on_script_thread())
		let_caller_run();
}

uint64_t pd_next_event(uint64_t limit)
{
	uint64_t next = weft_step(pd.w, pd_now());
	if (caller.blocked && caller.deadline < next)
		next = caller.deadline;
	return next < limit ? next : limit;
}

void pd_advance(uint64_t to)
{
	run_at(pd_now());
	while (pd_now() < to)
		run_at(MAX(pd_next_event(to), pd_now()));
}

bool pd_wait(uint64_t deadline)
{
	if (pd_now() >= deadline)
		return false;
	if (!on_script_thread()) {
		caller.blocked = true;
		caller.woken = false;
		caller.deadline = deadline;
		while (!caller.woken)
			pthread_cond_wait(&caller.cond, &lock);
		caller.blocked = caller.woken = false;
		caller.finishing = true;
		return true; /* the call is tried once more even when its time is over */
	}
	uint64_t next = pd_next_event(deadline);
	if (next == PD_NEVER)
		return false;
	run_at(MAX(next, pd_now()));
	return true;
}

void pd_tick(void) { pd_advance(pd_now() + 1000); }

void pd_sleep_until(uint64_t to)
{
	/* Only here does packetdrill's first thread let go of its lock. */
	if (caller.finishing && on_script_thread())
		let_caller_run();
	caller.finishing = false;
	pd_advance(to);
}

uint64_t pd_deadline_ms(int ms) { return ms < 0 ? PD_NEVER : pd_now() + (uint64_t)ms * 1000000; }
