/* POLLERR for datagram, raw and ping sockets that ask for their errors (IP_RECVERR, IPV6_RECVERR).
 *
 * Nothing can raise POLLERR at the program's end of a SOCK_SEQPACKET pair that goes on living. At a SOCK_DGRAM pair's something can: when
 * an end that has unread messages is disconnected, the kernel sets ECONNRESET at the other one. So a socket that sets one of these
 * options gets such a pair, in place of its own, while nothing else refers to it; the daemon's end is then made to disconnect from the program's
 * and to connect again, with a message of ours in its queue. What a caught receive or SO_ERROR takes away, it takes from the kernel's end, too.
 *
 * What is sent without being caught while an error waits is refused with that ECONNRESET. Linux refuses a UDP socket's send too, with the error itself; a
 * raw socket's never, and who traces routes by one (traceroute -I, -T) sends probe after probe and takes a refusal for the end. So for other sockets than UDP's
 * an error is shown when the task that has the socket is seen to wait for events, or to read: what comes next is not a send. It is looked for
 * again and again for a while; to a task that never waits it is shown in the end. Meanwhile, and until the errors are taken, packets are kept from the
 * pair: whoever waits would find them there and wait no more, where Linux would have told of both.
 *
 * These pairs tell neither side that the other one is gone: an inotify watch tells of the program's close, and a stack that dies leaves
 * whoever polls waiting; its next send fails.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attach/supervisor.h"

#define LOOK_MIN_NS 20000u
#define LOOK_MAX_NS 1000000u
#define LOOK_OFTEN_NS 10000000u /* traceroute gives the other probes of a hop three milliseconds */
#define LOOK_END_NS 30000000u /* after sleeping so long elsewhere it is not about to wait; while it runs, it may be */
#define LOOK_LAST_NS NSEC_PER_SEC

static int named_pair(int flags, int *fd, int *end, struct sockaddr_un_short *theirs, struct sockaddr_un_short *ours)
{
	struct sockaddr any = { .sa_family = AF_UNIX };
	socklen_t l[2] = { sizeof(*theirs), sizeof(*ours) };
	int sv[2], size = 1 << 20, e = 0;

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | flags, 0, sv) < 0)
		return -errno;
	if (bind(sv[0], &any, sizeof(sa_family_t)) < 0 || bind(sv[1], &any, sizeof(sa_family_t)) < 0 || getsockname(sv[0], (struct sockaddr *)theirs, &l[0]) < 0 ||
	    getsockname(sv[1], (struct sockaddr *)ours, &l[1]) < 0)
		e = -errno;
	if (!e && (l[0] != sizeof(*theirs) || l[1] != sizeof(*ours)))
		e = -EINVAL; /* not the kernel's own kind of name */
	for (unsigned i = 0; i < 2; i++)
		setsockopt(sv[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (e) {
		close(sv[0]);
		close(sv[1]);
		return e;
	}
	*fd = sv[0];
	*end = sv[1];
	return 0;
}

static void look(void *owner, struct timer *t);

static int messenger(struct attach *a)
{
	int fd;

	pthread_mutex_lock(&a->pair_lock);
	if (a->messenger < 0)
		a->messenger = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	fd = a->messenger;
	pthread_mutex_unlock(&a->pair_lock);
	return fd;
}

void dgram_show_errors(struct call *c)
{
	struct asock *as = c->as;
	struct sockaddr_un_short theirs, ours;
	int fd = -1, end = -1, flags = fcntl(c->dup, F_GETFL);
	struct pollfd p = { .fd = c->dup, .events = POLLIN };
	struct cpu *cpu;
	struct dgram *first;
	struct stat st;
	bool quiet;

	if (as->kind != ASOCK_DGRAM || as->pollerr || (as->s->family != AF_INET && as->s->family != AF_INET6) || messenger(as->a) < 0 || task_fd_used(c->tid, (int)c->arg[0]))
		return;
	cpu = call_lock(c);
	/* A raw socket may have received others' packets already: what was not read goes over. Of many the pair alone knows. */
	quiet = as->s && !as->unsent && (!as->many || (list_empty(&as->rxq) && dgram_pair_empty(as) && poll(&p, 1, 0) == 0));
	call_unlock(c, cpu);
	if (!quiet || named_pair(flags & O_NONBLOCK ? SOCK_NONBLOCK : 0, &fd, &end, &theirs, &ours))
		return;
	if (asock_watch(as, fd) == 0) {
		if (call_replace_fd(c, fd, (int)c->arg[0], task_fd_cloexec(c->tid, (int)c->arg[0]) ? O_CLOEXEC : 0) == 0) {
			cpu = call_lock(c);
			if (as->s) {
				dgram_pull(cpu, as);
				first = list_empty(&as->rxq) ? NULL : list_first(&as->rxq, struct dgram, link);
				if (first && first->in_pair && dgram_pair_empty(as)) { /* was read */
					list_del(&first->link);
					free(first);
				}
				asock_drop_end(as, true);
				for (struct list *l = as->rxq.next; l != &as->rxq; l = l->next)
					container_of(l, struct dgram, link)->in_pair = false; /* went into the old one in between */
				as->pollerr = true;
				timer_init(&as->pollerr_timer, look);
				as->token = false;
				as->theirs = theirs;
				as->ours = ours;
				asock_rekey(as, fd);
				if (asock_attach_end(as, end) == 0)
					end = -1;
				if (fstat(fd, &st) == 0)
					as->s->inode = st.st_ino;
				dgram_fill(cpu, as);
			}
			call_unlock(c, cpu);
		} else {
			asock_unwatch(as); /* or our own closing would be taken for the program's */
		}
	}
	close(fd);
	if (end >= 0)
		close(end);
}

static void raise_now(struct cpu *cpu, struct asock *as)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	const struct sockaddr *theirs = (const struct sockaddr *)&as->theirs, *ours = (const struct sockaddr *)&as->ours;
	socklen_t len = sizeof(as->ours);

	dgram_pull(cpu, as); /* what the program has sent: the queue is lost below */
	if (connect(as->end, &none, sizeof(none)) < 0)
		return;
	if (sendto(as->a->messenger, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL, ours, len) == 0 && connect(as->end, theirs, len) == 0)
		as->token = connect(as->end, &none, sizeof(none)) == 0;
	connect(as->end, theirs, len);
}

/* Nothing is held back any more. */
static void let_go(struct cpu *cpu, struct asock *as)
{
	as->pollerr_looks = as->pollerr_holds = false;
	dgram_fill(cpu, as);
}

static void look(void *owner, struct timer *t)
{
	struct asock *as = container_of(t, struct asock, pollerr_timer);
	struct cpu *cpu = owner;
	enum task_does does;
	int nr;

	if (as->closed || as->end < 0 || !as->s)
		return;
	if (as->token || !dgram_has_error(as)) { /* shown, and nobody came */
		let_go(cpu, as);
		return;
	}
	does = task_does((int)(__atomic_load_n(&as->where, __ATOMIC_RELAXED) >> 32), &nr);
	if (does == TASK_RUNS)
		as->pollerr_end = cpu->now + LOOK_END_NS;
	if ((does == TASK_RUNS || does == TASK_SLEEPS) && cpu->now < MIN(as->pollerr_end, as->pollerr_last)) {
		cpu_timer_arm(cpu, t, cpu->now + (as->pollerr_last - cpu->now > LOOK_LAST_NS - LOOK_OFTEN_NS ? LOOK_MIN_NS : LOOK_MAX_NS));
		return;
	}
	as->pollerr_looks = false;
	raise_now(cpu, as);
	cpu_timer_arm(cpu, t, cpu->now + LOOK_END_NS);
}

void pollerr_raise(struct cpu *cpu, struct asock *as)
{
	if (as->s->protocol == IPPROTO_UDP) {
		raise_now(cpu, as);
	} else if (!as->pollerr_looks) {
		as->pollerr_looks = as->pollerr_holds = true;
		as->pollerr_end = cpu->now + LOOK_END_NS;
		as->pollerr_last = cpu->now + LOOK_LAST_NS;
		cpu_timer_arm(cpu, &as->pollerr_timer, cpu->now + LOOK_MIN_NS);
	}
}

void pollerr_gone(struct cpu *cpu, struct asock *as)
{
	if (as->pollerr_holds)
		let_go(cpu, as);
}

void pollerr_drop(struct asock *as)
{
	if (timer_armed(&as->pollerr_timer))
		timer_cancel(&as->pollerr_timer);
}

void pollerr_lower(struct asock *as, int dup)
{
	int e;

	if (dup >= 0)
		getsockopt(dup, SOL_SOCKET, SO_ERROR, &e, &(socklen_t){ sizeof(e) });
	as->token = false;
}
