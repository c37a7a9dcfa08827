/* The plug-in for packetdrill: what its files know of one another.
 *
 * One world in virtual time with one namespace and one device, tun0. packetdrill is one process with two threads (the script's, and one
 * for calls that the script says block); every entry takes the one lock. Time stands still but for these: usleep and netdev_receive
 * let it run, each gettimeofday moves it by a microsecond (the script's thread spins on it just before an event), and a call that
 * blocks on the script's own thread lets it run until the call is over. */
#ifndef PD_H
#define PD_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <weft/weft.h>

#include "base/list.h"
#include "tests/packetdrill/pd_table.h"

#define PD_NEVER UINT64_MAX
/* The world is born this long before the script, and the wall clock reads this much more than its own. */
#define PD_BIRTH_NS (1000 * 1000000000ull)
#define PD_EPOCH_US 1700000000000000ll

struct net_device;
struct pd_epoll;
struct pd_file { /* a descriptor of the script: a number that the process really has, and what is behind it */
	int fd;
	weft_socket *s;		/* NULL: an epoll */
	struct pd_epoll *ep;
	bool nonblock;
	struct list watchers;	/* struct pd_item.file_link */
};
struct pd_tun;
struct pd {
	weft_world *w;
	weft_netns *net;
	struct pd_tun *tun;
	struct pd_file **files; /* by descriptor */
	int nfiles;
};
extern struct pd pd; /* one script a process */

/* pd_clock.c: the lock, time, waiting */
void pd_enter(void);
void pd_leave(void);
void pd_lock(void); /* the same for a thread that makes none of the script's calls */
void pd_unlock(void);
void pd_clock_init(void);
uint64_t pd_now(void);
void pd_tick(void);			    /* the microsecond that a look at the clock takes */
void pd_sleep_until(uint64_t to_ns);	    /* pd_advance, for usleep */
void pd_advance(uint64_t to_ns);	    /* lets the stack run until then; stops for callers that it wakes */
bool pd_wait(uint64_t deadline_ns);	    /* until something happened; false: the deadline passed, or nothing ever will */
void pd_happened(void);			    /* wakes who waits */
uint64_t pd_next_event(uint64_t limit_ns);  /* the stack's next timer, or the nearest deadline of a waiting call */
uint64_t pd_deadline_ms(int ms);	    /* poll(2)'s timeout */

/* pd_calls.c: sockets */
struct pd_file *pd_file(int fd); /* NULL: not ours */
struct pd_file *pd_file_new(void);
void pd_file_free(struct pd_file *f);
int pd_close(int fd);
int pd_getsockopt(int fd, int level, int name, void *val, socklen_t *len);
ssize_t pd_send_all(struct pd_file *f, const struct msghdr *m, int flags);
extern const struct pd_table pd_calls;

/* pd_epoll.c */
void pd_epoll_event(struct pd_file *f, uint32_t events);
void pd_epoll_forget(struct pd_file *f);
void pd_epoll_free(struct pd_epoll *ep);
int pd_epoll_create(void *u, int size);
int pd_epoll_ctl(void *u, int epfd, int op, int fd, struct epoll_event *ev);
int pd_epoll_wait(void *u, int epfd, struct epoll_event *evs, int max, int timeout);
int pd_poll(void *u, struct pollfd *fds, nfds_t n, int timeout);

/* pd_splice.c */
int pd_pipe(void *u, int fds[2]);
ssize_t pd_sendfile(int out, int in, off_t *off, size_t count);
int pd_splice(void *u, int in, loff_t *off_in, int out, loff_t *off_out, size_t len, unsigned flags);

/* pd_tun.c */
/* rx_mss: of the segments that longer injected packets were merged from; 0: none are merged. 0, -errno; up */
int pd_tun_new(const char *name, uint32_t mtu, uint32_t rx_mss, struct pd_tun **out);
void pd_tun_inject(struct pd_tun *t, const void *packet, size_t len);
bool pd_tun_take(struct pd_tun *t, void *buf, size_t *len, long long *time_us); /* false: nothing left */
bool pd_tun_pending(const struct pd_tun *t);

/* pd_serve.c: for programs that the script starts */
int pd_serve_start(void);
void pd_serve_drain(void); /* handles what they left; lock held */
void pd_serve_stop(void);
void pd_save_counters(void); /* to the file of the environment PD_COUNTERS, if any */

#endif
