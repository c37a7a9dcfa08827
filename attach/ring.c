/* Packet rings of programs: PACKET_RX_RING (sock/packet/packet_ring.c).
 *
 * A program maps its descriptor and polls the same one, and neither call is caught. So the descriptor becomes a real packet socket, in
 * limbo, whose only use is its memory and its readiness: the kernel's transmit ring of it, which nobody transmits from, is
 * the memory that the stack fills as a receive ring; the daemon has it mapped, too. That there is something to read is a frame
 * of a protocol number of the socket's own, which the daemon sends over limbo's loopback and takes back when the program has given all
 * back: it says so by a word in the memory alone, so while something is out the daemon looks now and then.
 *
 * So for a moment the descriptor is readable with nothing to read. Whoever polls then and goes on to libpcap finds nothing, and polls again,
 * in there, when the frame is gone: it would wait for a packet that may never come, while its own time limits pass unnoticed (nmap's raw scans). Therefore
 * whoever is seen to sleep in poll(2) after that is woken a few times more, by a frame that is taken back when the sleeper has had a turn. A spurious
 * wake-up ends libpcap's read; whoever then sleeps in select or epoll_wait did it by itself.
 *
 * Whoever maps a descriptor keeps the file open, so neither HUP nor an inotify watch tells of the program's close. When the process
 * that made the ring ends, and four times a second, it is looked whether somebody still has the descriptor. Only who has not got it
 * twice in turn has closed it: a descriptor may be on its way from one process to another, or to a child.
 *
 * What is sent through such a socket without being caught (write(2), send(2)) fails with ENXIO: it is bound to no device.
 */
#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "attach/supervisor.h"
#include "sock/packet/packet.h"

/* linux/if_packet.h and core/skb.h both name the types of packets. */
#define OPT_VERSION 10
#define OPT_TX_RING 13
#define VERSION_3 2
#define PROTO_FIRST 0x9000 /* numbers that mean nothing to limbo's kernel */
#define PROTO_LAST 0xfff0
#define LOOK_MIN_NS 50000u
#define LOOK_MAX_NS 1000000u
#define SWEEP_NS 250000000
#define NUDGES 10
#define NUDGE_MIN_NS 1000000u
#define NUDGE_WAITS 10000 /* looks whether it had its turn */

struct ring {
	struct asock *as;
	int fd;		/* the real socket */
	u64 inode;
	void *mem;
	size_t size;
	u16 proto;
	bool shown, more; /* the descriptor is readable; something came since it was made so */
	u64 pause;
	unsigned nudges, waits; /* how many more; looks for this one */
	u64 turns;
	struct timer look;
	int sweep, maker; /* a timer; a pidfd, or -1 */
	unsigned missed; /* sweeps in turn that found it nowhere */
	struct host_fd *sweep_hf, *maker_hf;
};

/* One frame to the descriptor: it is readable, and whoever waits for an edge gets one. */
static void show(struct ring *r)
{
	struct packet_addr lo = { .family = AF_PACKET, .protocol = cpu_to_be16(r->proto), .ifindex = 1 };
	u8 frame[14] = { [12] = (u8)(r->proto >> 8), [13] = (u8)r->proto };

	if (sendto(r->as->a->ring_tx, frame, sizeof(frame), MSG_DONTWAIT, (struct sockaddr *)&lo, sizeof(lo)) > 0)
		r->shown = true;
	r->more = false;
}

static void hide(struct ring *r)
{
	u8 frame[64];

	while (recv(r->fd, frame, sizeof(frame), MSG_DONTWAIT) >= 0)
		;
	r->shown = false;
}

/* What whoever polls is to come for: packets, or an error to ask for. */
static bool has_news(const struct ring *r)
{
	const struct sock *sk = r->as->s->sk;

	return packet_ring_readable(packet_sk(r->as->s->sk)) || sk->err || sk->rx_queue.first;
}

static enum task_does holder_does(const struct ring *r, int *nr)
{
	return task_does((int)(__atomic_load_n(&r->as->where, __ATOMIC_RELAXED) >> 32), nr);
}

/* How often the holder was given a cpu, ever. */
static u64 turns_of(const struct ring *r)
{
	char path[40], buf[96] = "";
	unsigned long long turns = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)(__atomic_load_n(&r->as->where, __ATOMIC_RELAXED) >> 32));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (read(fd, buf, sizeof(buf) - 1) > 0)
		sscanf(buf, "%*u %*u %llu", &turns);
	close(fd);
	return turns;
}

/* A step of waking whoever sleeps in poll: shows it something, and hides that again when it has had a turn, and so has seen it. */
static void nudge(struct cpu *cpu, struct ring *r)
{
	enum task_does does;
	int nr;

	if (r->shown) {
		if (turns_of(r) == r->turns && ++r->waits < NUDGE_WAITS) {
			cpu_timer_arm(cpu, &r->look, cpu->now + LOOK_MIN_NS);
			return;
		}
		hide(r);
		r->nudges--;
		r->pause *= 2;
	} else {
		does = holder_does(r, &nr);
		if (does == TASK_GONE || (does == TASK_WAITS && nr != SYS_poll && nr != SYS_ppoll)) {
			r->nudges = 0;
		} else if (does == TASK_WAITS) {
			r->turns = turns_of(r);
			r->waits = 0;
			show(r);
			cpu_timer_arm(cpu, &r->look, cpu->now + LOOK_MIN_NS);
			return;
		}
	}
	if (r->nudges)
		cpu_timer_arm(cpu, &r->look, cpu->now + r->pause);
}

static void look(void *owner, struct timer *t)
{
	struct ring *r = container_of(t, struct ring, look);
	struct cpu *cpu = owner;

	if (!has_news(r)) {
		if (r->nudges) {
			nudge(cpu, r);
		} else if (r->shown) {
			hide(r);
			r->nudges = NUDGES;
			r->pause = NUDGE_MIN_NS;
			cpu_timer_arm(cpu, t, cpu->now + r->pause);
		}
		return;
	}
	if (r->more)
		show(r);
	r->pause = MIN(r->pause * 2, LOOK_MAX_NS);
	cpu_timer_arm(cpu, t, cpu->now + r->pause);
}

void ring_wake(struct cpu *cpu, struct asock *as)
{
	struct ring *r = as->ring;

	if (!has_news(r))
		return;
	r->more = true;
	r->nudges = 0;
	if (r->shown)
		return;
	show(r);
	r->pause = LOOK_MIN_NS;
	cpu_timer_arm(cpu, &r->look, cpu->now + r->pause);
}

/* -- the program's close -- */
static bool has_it(struct ring *r, int tid, int fd)
{
	struct stat st;
	int dup = task_getfd(r->as->a, tid, fd);
	bool same;

	if (dup < 0)
		return false;
	same = fstat(dup, &st) == 0 && st.st_ino == r->inode && S_ISSOCK(st.st_mode);
	close(dup);
	return same;
}

static bool anybody_has_it(struct attach *a, pid_t pid, void *arg)
{
	struct ring *r = arg;
	char path[32], want[40], is[40];
	struct dirent *d;
	bool found = false;
	DIR *dir;

	snprintf(want, sizeof(want), "socket:[%llu]", (unsigned long long)r->inode);
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && !found && (d = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), d->d_name, is, sizeof(is) - 1);

		is[n > 0 ? n : 0] = 0;
		if (n > 0 && !strcmp(is, want)) {
			asock_seen(r->as, pid, atoi(d->d_name));
			found = true;
		}
	}
	if (dir)
		closedir(dir);
	return found;
}

static void sweep(struct cpu *none, u32 events, void *arg)
{
	struct ring *r = arg;
	struct asock *as = r->as;
	u64 where = __atomic_load_n(&as->where, __ATOMIC_RELAXED), times;
	struct cpu *cpu;

	if (read(r->sweep, &times, sizeof(times)) < 0 && errno != EAGAIN)
		return;
	if (has_it(r, (int)(where >> 32), (int)(u32)where) || attach_find_program(as->a, anybody_has_it, r)) {
		r->missed = 0;
		return;
	}
	if (++r->missed < 2)
		return;
	cpu = host_lock(as->a->h, as->cpu_id);
	asock_close(cpu, as);
	host_unlock(as->a->h, cpu);
}

/* -- making one -- */
static int loopback_up(struct attach *a)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd, e = 0;

	if (a->ring_tx >= 0)
		return 0;
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, SIOCSIFFLAGS, &lo) < 0)
		e = -errno;
	if (e)
		close(fd);
	else
		a->ring_tx = fd;
	return e;
}

static void unmake(void *arg)
{
	struct ring *r = arg;
	struct asock *as = r->as;

	if (r->sweep >= 0)
		close(r->sweep);
	if (r->maker >= 0)
		close(r->maker);
	if (r->mem != MAP_FAILED)
		munmap(r->mem, r->size);
	if (r->fd >= 0)
		close(r->fd);
	free(r);
	asock_put(as);
}

static int make(struct asock *as, const struct packet_ring_req *q, int nonblock, int tid, struct ring **out)
{
	struct itimerspec every = { .it_interval.tv_nsec = SWEEP_NS, .it_value.tv_nsec = SWEEP_NS };
	struct packet_ring_req tx = { .block_size = q->block_size, .block_nr = q->block_nr, .frame_size = q->block_size, .frame_nr = q->block_nr };
	struct packet_addr ll = { .family = AF_PACKET };
	int version = VERSION_3, e;
	struct ring *r = malloc(sizeof(*r));
	struct stat st;

	if (!r)
		return -ENOMEM;
	*r = (struct ring){ .as = asock_get(as), .fd = -1, .sweep = -1, .maker = -1, .mem = MAP_FAILED, .size = packet_ring_size(q) };
	timer_init(&r->look, look);
	pthread_mutex_lock(&as->a->pair_lock);
	e = loopback_up(as->a);
	r->proto = (u16)(PROTO_FIRST + as->a->rings++ % (PROTO_LAST - PROTO_FIRST));
	pthread_mutex_unlock(&as->a->pair_lock);
	ll.protocol = cpu_to_be16(r->proto);
	r->fd = e ? -1 : socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | nonblock, 0);
	if (!e && (r->fd < 0 || setsockopt(r->fd, SOL_PACKET, OPT_VERSION, &version, sizeof(version)) < 0 ||
		   setsockopt(r->fd, SOL_PACKET, OPT_TX_RING, &tx, sizeof(tx)) < 0 || bind(r->fd, (struct sockaddr *)&ll, sizeof(ll)) < 0 ||
		   fstat(r->fd, &st) < 0))
		e = -errno;
	if (!e) {
		r->inode = st.st_ino;
		r->mem = mmap(NULL, r->size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
		r->sweep = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
		if (r->mem == MAP_FAILED || r->sweep < 0 || timerfd_settime(r->sweep, 0, &every, NULL) < 0)
			e = -errno;
	}
	if (e) {
		unmake(r);
	} else {
		r->maker = (int)syscall(__NR_pidfd_open, tid, 0); /* of a thread: none */
		*out = r;
	}
	return e;
}

/* Packets go to the ring; the program has its old descriptor still. Baton. */
static int begin(struct cpu *cpu, struct asock *as, struct ring *r, const struct packet_ring_req *q)
{
	struct packet_sock *ps = packet_sk(as->s->sk);
	int e = ps->ring ? -EBUSY : packet_ring_begin(cpu, ps, q, r->mem);

	if (e)
		return e;
	e = host_fd_add(as->a->h, as->cpu_id, r->sweep, EPOLLIN, 0, sweep, r, &r->sweep_hf);
	if (e)
		packet_ring_end(cpu, ps);
	else
		as->ring = r;
	return e;
}

void ring_drop(struct cpu *cpu, struct asock *as)
{
	struct ring *r = as->ring;

	if (!r)
		return;
	as->ring = NULL;
	timer_cancel(&r->look);
	if (as->s)
		packet_ring_end(cpu, packet_sk(as->s->sk));
	if (r->maker_hf)
		host_fd_del(r->maker_hf, NULL);
	host_fd_del(r->sweep_hf, unmake);
}

/* The program's memory shows who has it mapped. */
static bool mapped(const struct call *c, const struct ring *r)
{
	char path[32], want[40], *line = NULL;
	size_t room = 0;
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", c->tid);
	snprintf(want, sizeof(want), "socket:[%llu]", (unsigned long long)r->inode);
	f = fopen(path, "re");
	while (f && !found && getline(&line, &room, f) > 0)
		found = strstr(line, want) != NULL;
	free(line);
	if (f)
		fclose(f);
	return found;
}

/* PACKET_RX_RING of nothing: the descriptor is a pair's again. */
static int take_away(struct call *c)
{
	struct asock *as = c->as;
	int flags = fcntl(c->dup, F_GETFL), fd, end, e;
	struct cpu *cpu;

	if (mapped(c, as->ring))
		return -EBUSY;
	e = dgram_ends(flags & O_NONBLOCK ? SOCK_NONBLOCK : 0, &fd, &end);
	if (e)
		return e;
	e = call_replace_fd(c, fd, (int)c->arg[0], task_fd_cloexec(c->tid, (int)c->arg[0]) ? O_CLOEXEC : 0);
	cpu = call_lock(c);
	if (!e && as->ring) {
		ring_drop(cpu, as);
		asock_rekey(as, fd);
		e = asock_attach_end(as, end);
		if (!e) {
			end = -1;
			dgram_fill(cpu, as);
		}
	}
	call_unlock(c, cpu);
	close(fd);
	if (end >= 0)
		close(end);
	return e;
}

int call_packet_ring(struct call *c, const void *val, socklen_t len)
{
	struct asock *as = c->as;
	struct packet_ring_req q;
	struct ring *r = NULL;
	struct cpu *cpu;
	int e, flags;

	cpu = call_lock(c);
	e = as->s ? packet_ring_check(packet_sk(as->s->sk), val, len, &q) : -EBADF;
	call_unlock(c, cpu);
	if (e)
		return e;
	if (!q.block_nr)
		return as->ring ? take_away(c) : 0;
	flags = fcntl(c->dup, F_GETFL);
	e = make(as, &q, flags & O_NONBLOCK ? SOCK_NONBLOCK : 0, c->tid, &r);
	if (e)
		return e;
	cpu = call_lock(c);
	e = as->s ? begin(cpu, as, r, &q) : -EBADF;
	call_unlock(c, cpu);
	if (e) {
		unmake(r);
		return e;
	}
	e = call_replace_fd(c, r->fd, (int)c->arg[0], task_fd_cloexec(c->tid, (int)c->arg[0]) ? O_CLOEXEC : 0);
	cpu = call_lock(c);
	if (e) {
		ring_drop(cpu, as);
	} else if (as->ring) {
		asock_drop_end(as, false);
		dgrams_free(as);
		asock_rekey(as, r->fd);
		as->s->inode = r->inode;
		if (r->maker >= 0)
			host_fd_add(as->a->h, as->cpu_id, r->maker, EPOLLIN | EPOLLET, 0, sweep, r, &r->maker_hf);
	}
	call_unlock(c, cpu);
	return e;
}
