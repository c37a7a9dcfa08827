/* Lanes on real threads: deadlines, kicks, descriptors that come and go under load, fairness, and rest. Run it under the thread
 * sanitizer too. Waits are bounded and end with the event waited for. */
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/host.h"

static struct host *start(unsigned ncpus)
{
	struct host_config cfg = { .ncpus = ncpus, .seed = (const u8[32]){ 1 } };
	struct host *h;

	assert_int_equal(host_new(&cfg, &h), 0);
	assert_int_equal(host_start(h), 0);
	return h;
}

static void end(struct host *h)
{
	host_stop(h);
	host_free(h);
}

static void await(sem_t *s)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += 20;
	while (sem_timedwait(s, &t))
		assert_int_equal(errno, EINTR);
}

struct alarm {
	struct timer timer;
	u64 fired_at;
	sem_t sem;
};

static void ring(void *cpu, struct timer *t)
{
	struct alarm *a = container_of(t, struct alarm, timer);

	a->fired_at = ((struct cpu *)cpu)->now;
	sem_post(&a->sem);
}

static void timers_fire_on_time(void **state)
{
	struct host *h = start(2);
	struct alarm a;

	sem_init(&a.sem, 0, 0);
	timer_init(&a.timer, ring);
	for (unsigned id = 0; id < 2; id++) {
		struct cpu *cpu = host_lock(h, id);
		u64 due = cpu->now + 3 * NSEC_PER_MSEC;

		cpu_timer_arm(cpu, &a.timer, due + 20 * NSEC_PER_SEC);
		cpu_timer_arm(cpu, &a.timer, due); /* earlier than what the loop may sleep for by now */
		host_unlock(h, cpu);
		await(&a.sem);
		assert_true(a.fired_at >= due);
	}
	end(h);
}

struct work {
	struct cpu_work work;
	sem_t sem;
	u32 runs;
	bool again;
};

static void worked(struct cpu *cpu, struct cpu_work *w)
{
	struct work *me = container_of(w, struct work, work);

	__atomic_fetch_add(&me->runs, 1, __ATOMIC_RELAXED);
	if (__atomic_load_n(&me->again, __ATOMIC_RELAXED)) {
		struct timespec t = { .tv_nsec = 20000 };

		clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL); /* a busy lane: the baton is held most of the time */
		cpu_work_add(cpu, w);
	}
	sem_post(&me->sem);
}

static void a_kick_runs_another_cpu(void **state)
{
	struct host *h = start(2);
	struct host_lane_stats before, after;
	struct cpu *cpu;

	for (unsigned i = 0; i < 200; i++) {
		host_lane_stats(h, 1, &before);
		cpu = host_lock(h, 0);
		cpu_kick(host_world(h)->cpu[1]);
		host_unlock(h, cpu);
		for (u64 limit = host_now() + 20 * NSEC_PER_SEC;;) {
			host_lane_stats(h, 1, &after);
			if (after.runs > before.runs)
				break;
			assert_true(host_now() < limit);
			sched_yield();
		}
	}
	end(h);
}

static void a_visitor_runs_what_it_left(void **state)
{
	struct host *h = start(1);
	struct work w = { .work.fn = worked };
	struct cpu *cpu;

	sem_init(&w.sem, 0, 0);
	list_init(&w.work.link);
	cpu = host_lock(h, 0);
	cpu_work_add(cpu, &w.work);
	assert_int_equal(w.runs, 0);
	host_unlock(h, cpu);
	assert_int_equal(w.runs, 1); /* on this thread, before the baton went */
	end(h);
}

static void a_busy_lane_lets_others_in(void **state)
{
	struct host *h = start(1);
	struct work w = { .work.fn = worked, .again = true };
	struct cpu *cpu;
	u32 before;

	sem_init(&w.sem, 0, 0);
	list_init(&w.work.link);
	cpu = host_lock(h, 0);
	cpu_work_add(cpu, &w.work);
	host_unlock(h, cpu); /* leaves it to the loop after a few runs */
	for (unsigned i = 0; i < 50; i++) {
		before = __atomic_load_n(&w.runs, __ATOMIC_RELAXED);
		cpu = host_lock(h, 0);
		/* One step (WORK_ROUNDS) may have been under way; a second one may have begun before we came to the gate. */
		assert_true(__atomic_load_n(&w.runs, __ATOMIC_RELAXED) - before < 100);
		host_unlock_quiet(h, cpu);
	}
	__atomic_store_n(&w.again, false, __ATOMIC_RELAXED);
	end(h);
}

/* -- descriptors -- */

struct source {
	struct host *h;
	struct host_fd *hf;
	int fd;
	u32 calls, done;
	sem_t sem;
	bool del_inside;
};

static void source_done(void *arg)
{
	struct source *s = arg;

	__atomic_fetch_add(&s->done, 1, __ATOMIC_RELEASE);
	sem_post(&s->sem);
}

static void source_ready(struct cpu *cpu, u32 events, void *arg)
{
	struct source *s = arg;
	u64 v;

	assert_true(__atomic_load_n(&s->done, __ATOMIC_RELAXED) == 0);
	if (read(s->fd, &v, sizeof(v)) < 0)
		return;
	s->calls++;
	if (s->del_inside)
		host_fd_del(s->hf, source_done);
	else
		sem_post(&s->sem);
}

static void descriptors_are_served(void **state)
{
	struct host *h = start(1);

	for (unsigned mode = 0; mode < 4; mode++) {
		struct source s = { .h = h, .fd = eventfd(0, EFD_NONBLOCK), .del_inside = mode & 1 };
		u64 one = 1;

		sem_init(&s.sem, 0, 0);
		assert_int_equal(host_fd_add(h, 0, s.fd, EPOLLIN, mode & 2 ? HOST_FD_BATON : 0, source_ready, &s, &s.hf), 0);
		assert_int_equal(write(s.fd, &one, 8), 8);
		await(&s.sem);
		assert_int_equal(s.calls, 1);
		if (!s.del_inside) {
			host_fd_del(s.hf, source_done);
			await(&s.sem);
		}
		assert_int_equal(s.done, 1);
		close(s.fd);
	}
	end(h);
}

static void count_event(struct cpu *cpu, u32 events, void *arg)
{
	struct source *s = arg;

	__atomic_fetch_add(&s->calls, 1, __ATOMIC_RELAXED);
	sem_post(&s->sem);
}

/* HOST_FD_ONE_BYTE: what lies there already wakes nobody, mostly; what comes is told, also when it comes before the loop has looked, and who asks
 * again is told of the one byte. */
static void a_known_byte_wakes_nobody(void **state)
{
	struct host *h = start(1);
	unsigned untold = 0;

	for (unsigned i = 0; i < 60; i++) {
		struct source s = { .h = h };
		u32 before;
		int sv[2];

		sem_init(&s.sem, 0, 0);
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
		assert_int_equal(write(sv[0], "x", 1), 1);
		assert_int_equal(host_fd_add(h, 0, sv[1], EPOLLIN | EPOLLET, HOST_FD_BATON | HOST_FD_ONE_BYTE, count_event, &s, &s.hf), 0);
		if (i % 3) {
			host_settle(h); /* the loop has been awake, and had the event at hand */
			before = __atomic_load_n(&s.calls, __ATOMIC_RELAXED);
			untold += !before;
			while (before--)
				await(&s.sem);
		}
		if (i % 3 == 2)
			assert_int_equal(host_fd_mod(s.hf, EPOLLIN | EPOLLET), 0);
		else
			assert_int_equal(write(sv[0], "y", 1), 1);
		await(&s.sem);
		host_fd_del(s.hf, source_done);
		host_settle(h);
		close(sv[0]);
		close(sv[1]);
	}
	assert_true(untold);
	end(h);
}

static void *churn(void *arg)
{
	struct host *h = arg;

	for (unsigned i = 0; i < 500; i++) {
		struct source s = { .h = h, .fd = eventfd(0, EFD_NONBLOCK) };
		unsigned flags = i & 1 ? HOST_FD_BATON : 0, awaited = 0;
		u64 one = 1;

		sem_init(&s.sem, 0, 0);
		assert_int_equal(host_fd_add(h, i % 2, s.fd, EPOLLIN, flags, source_ready, &s, &s.hf), 0);
		assert_int_equal(write(s.fd, &one, 8), 8);
		if (i % 3 == 0) { /* else it may run, run now, or never run */
			await(&s.sem);
			awaited++;
		}
		if (flags && i % 5 == 0) {
			struct cpu *cpu = host_lock(h, i % 2);
			u32 calls = s.calls;

			host_fd_del(s.hf, source_done);
			host_unlock(h, cpu);
			assert_int_equal(s.calls, calls);
		} else {
			host_fd_del(s.hf, source_done);
		}
		do { /* each call and the end post once: the last of them is done with s when it has been awaited */
			await(&s.sem);
			awaited++;
		} while (!__atomic_load_n(&s.done, __ATOMIC_ACQUIRE) || awaited < __atomic_load_n(&s.calls, __ATOMIC_RELAXED) + 1);
		close(s.fd);
		sem_destroy(&s.sem);
	}
	return NULL;
}

static void descriptors_come_and_go_under_load(void **state)
{
	struct host *h = start(2);
	pthread_t t[3];

	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&t[i], NULL, churn, h), 0);
	for (unsigned i = 0; i < 200; i++) {
		struct cpu *cpu = host_lock_all(h);

		assert_ptr_equal(cpu, config_cpu(host_world(h)));
		host_unlock_all(h);
	}
	for (unsigned i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	end(h);
}

static void call_me(void *arg) { sem_post(arg); }

static void calls_run_and_end_with_the_loop(void **state)
{
	struct host *h = start(1);
	sem_t sem;

	sem_init(&sem, 0, 0);
	assert_int_equal(host_call(h, 0, call_me, &sem), 0);
	await(&sem);
	assert_int_equal(host_call(h, 0, call_me, &sem), 0);
	host_stop(h);
	assert_int_equal(sem_trywait(&sem), 0); /* what was asked for before the end has run */
	assert_int_equal(host_call(h, 0, call_me, &sem), -ESHUTDOWN);
	host_free(h);
}

static void heard(struct cpu *cpu, u32 events, void *arg) { }

static void set_late(void *arg)
{
	usleep(2000);
	__atomic_store_n((int *)arg, 1, __ATOMIC_RELAXED);
}

static void settling_waits_for_what_was_asked(void **state)
{
	struct host *h = start(2);
	u64 one = 1;

	for (unsigned i = 0; i < 10; i++) {
		int fd = eventfd(0, EFD_NONBLOCK), called = 0, deleted = 0;
		struct host_fd *hf;

		assert_int_equal(host_fd_add(h, i % 2, fd, EPOLLIN, 0, heard, &deleted, &hf), 0);
		assert_int_equal(write(fd, &one, 8), 8);
		assert_int_equal(host_call(h, 1, set_late, &called), 0);
		host_fd_del(hf, set_late);
		host_settle(h);
		assert_int_equal(called, 1);
		assert_int_equal(deleted, 1);
		close(fd);
	}
	host_stop(h);
	host_settle(h); /* nobody is left to wait for */
	host_free(h);
}

static void an_idle_host_sleeps(void **state)
{
	struct host *h = start(2);
	struct timespec t = { .tv_nsec = 30 * 1000000 };
	struct host_lane_stats a, b;
	struct cpu *cpu;

	for (unsigned i = 0; i < 100; i++) { /* some life first, so that spinning has begun */
		cpu = host_lock(h, 0);
		cpu_kick(host_world(h)->cpu[1]);
		host_unlock(h, cpu);
	}
	nanosleep(&t, NULL);
	for (unsigned id = 0; id < 2; id++) {
		host_lane_stats(h, id, &a);
		nanosleep(&t, NULL);
		host_lane_stats(h, id, &b);
		assert_int_equal(a.wakeups, b.wakeups);
		assert_int_equal(a.runs, b.runs);
		assert_int_equal(a.spins_lost, b.spins_lost);
	}
	end(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_fire_on_time),
		cmocka_unit_test(a_kick_runs_another_cpu),
		cmocka_unit_test(a_visitor_runs_what_it_left),
		cmocka_unit_test(a_busy_lane_lets_others_in),
		cmocka_unit_test(descriptors_are_served),
		cmocka_unit_test(a_known_byte_wakes_nobody),
		cmocka_unit_test(descriptors_come_and_go_under_load),
		cmocka_unit_test(calls_run_and_end_with_the_loop),
		cmocka_unit_test(settling_waits_for_what_was_asked),
		cmocka_unit_test(an_idle_host_sleeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
