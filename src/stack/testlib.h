/* For scenario tests: two or three namespaces in a few lines, and virtual time that runs until something is true.
 *
 *	struct lab l;
 *	lab_pair(&l, 1);                         left 10.0.0.1/24 -- 10.0.0.2/24 right
 *	weft_socket *s = lab_udp(&l, RIGHT, "10.0.0.2", 7);
 *	...
 *	assert_true(lab_wait(&l, 1000, weft_poll(s) & POLLIN));     up to 1000 ms of virtual time
 *	lab_end(&l);                             asserts that nothing is left
 *
 * Everything asserts with cmocka: a lab that cannot be built is a failed test.
 */
#ifndef STACK_TESTLIB_H
#define STACK_TESTLIB_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <weft/weft.h>

#include "core/netns.h"
#include "core/world.h"

enum { LEFT, RIGHT, ROUTER, LAB_MAX };
struct lab {
	weft_world *w;
	weft_netns *ns[LAB_MAX]; /* a pair has no ROUTER */
};
#define LAB_MS 1000000ull

#define lab_ok(expr) assert_int_equal((expr), 0)

static inline void lab_if(weft_netns *ns, const char *dev, const char *addr)
{
	lab_ok(weft_addr_add(ns, dev, addr));
	lab_ok(weft_link_up(ns, dev));
}

/* left 10.0.0.1/24 (eth0) -- 10.0.0.2/24 (eth0) right; lo is up in both. */
static inline void lab_pair(struct lab *l, unsigned ncpus)
{
	memset(l, 0, sizeof *l);
	lab_ok(weft_world_new(1, ncpus, &l->w));
	lab_ok(weft_netns_new(l->w, "left", &l->ns[LEFT]));
	lab_ok(weft_netns_new(l->w, "right", &l->ns[RIGHT]));
	lab_ok(weft_veth_new(l->ns[LEFT], "eth0", l->ns[RIGHT], "eth0"));
	for (int i = LEFT; i <= RIGHT; i++) {
		lab_ok(weft_link_up(l->ns[i], "lo"));
		lab_if(l->ns[i], "eth0", i == LEFT ? "10.0.0.1/24" : "10.0.0.2/24");
	}
}

/* left 10.0.1.2/24 (eth0) -- 10.0.1.1 (l0) router 10.0.2.1 (r0) -- 10.0.2.2/24 (eth0) right; forwarding on, default routes. */
static inline void lab_routed(struct lab *l, unsigned ncpus)
{
	memset(l, 0, sizeof *l);
	lab_ok(weft_world_new(1, ncpus, &l->w));
	lab_ok(weft_netns_new(l->w, "left", &l->ns[LEFT]));
	lab_ok(weft_netns_new(l->w, "right", &l->ns[RIGHT]));
	lab_ok(weft_netns_new(l->w, "router", &l->ns[ROUTER]));
	lab_ok(weft_veth_new(l->ns[LEFT], "eth0", l->ns[ROUTER], "l0"));
	lab_ok(weft_veth_new(l->ns[RIGHT], "eth0", l->ns[ROUTER], "r0"));
	for (int i = LEFT; i <= ROUTER; i++)
		lab_ok(weft_link_up(l->ns[i], "lo"));
	lab_if(l->ns[ROUTER], "l0", "10.0.1.1/24");
	lab_if(l->ns[ROUTER], "r0", "10.0.2.1/24");
	lab_if(l->ns[LEFT], "eth0", "10.0.1.2/24");
	lab_if(l->ns[RIGHT], "eth0", "10.0.2.2/24");
	lab_ok(weft_sysctl_set(l->ns[ROUTER], "net.ipv4.ip_forward", "1"));
	lab_ok(weft_route_add(l->ns[LEFT], "default", "10.0.1.1", NULL));
	lab_ok(weft_route_add(l->ns[RIGHT], "default", "10.0.2.1", NULL));
}

/* Namespaces first, so that a leak is caught with nobody to blame but the code. */
static inline void lab_end(struct lab *l)
{
	for (int i = 0; i < LAB_MAX; i++)
		weft_netns_free(l->ns[i]);
	weft_world_free(l->w);
}

/* Lets virtual time pass until cond is true, event by event, for at most ms. The value is whether it became true. */
#define lab_wait(l, ms, cond)                                                                                          \
	({                                                                                                             \
		u64 deadline_ = weft_now((l)->w) + (ms) * LAB_MS;                                                      \
		bool true_;                                                                                            \
		while (!(true_ = (cond)) && weft_now((l)->w) < deadline_) {                                            \
			u64 next_ = weft_step((l)->w, weft_now((l)->w));                                               \
			if ((true_ = (cond)))                                                                          \
				break;                                                                                 \
			weft_step((l)->w, MIN(next_, deadline_));                                                      \
		}                                                                                                      \
		true_;                                                                                                 \
	})
static inline void lab_run_ms(struct lab *l, u64 ms) { weft_run_for(l->w, ms * LAB_MS); }

static inline struct sockaddr_in lab_addr(const char *ip, u16 port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	assert_int_equal(inet_pton(AF_INET, ip, &a.sin_addr), 1);
	return a;
}
#define LAB_SA(ip, port) ((const struct sockaddr *)&(struct sockaddr_in[]){ lab_addr(ip, port) }), sizeof(struct sockaddr_in)

static inline weft_socket *lab_socket(struct lab *l, int ns, int type, int protocol)
{
	weft_socket *s = NULL;
	lab_ok(weft_socket_new(l->ns[ns], AF_INET, type, protocol, &s));
	return s;
}
/* Bound to ip and port; ip NULL: not bound. */
static inline weft_socket *lab_udp(struct lab *l, int ns, const char *ip, u16 port)
{
	weft_socket *s = lab_socket(l, ns, SOCK_DGRAM, 0);
	if (ip)
		lab_ok(weft_bind(s, LAB_SA(ip, port)));
	return s;
}
static inline void lab_opt(weft_socket *s, int level, int name, int val) { lab_ok(weft_setsockopt(s, level, name, &val, sizeof val)); }
static inline int lab_getopt(weft_socket *s, int level, int name)
{
	int v = -1;
	socklen_t len = sizeof v;
	lab_ok(weft_getsockopt(s, level, name, &v, &len));
	return v;
}
static inline ssize_t lab_sendto(weft_socket *s, const void *buf, size_t len, const char *ip, u16 port)
{
	struct sockaddr_in a = lab_addr(ip, port);
	struct iovec iov = { (void *)buf, len };
	struct msghdr m = { .msg_name = &a, .msg_namelen = sizeof a, .msg_iov = &iov, .msg_iovlen = 1 };
	return weft_sendmsg(s, &m, 0);
}
static inline ssize_t lab_recvfrom(weft_socket *s, void *buf, size_t len, int flags, struct sockaddr_in *from)
{
	struct iovec iov = { buf, len };
	struct msghdr m = { .msg_name = from, .msg_namelen = from ? sizeof *from : 0, .msg_iov = &iov, .msg_iovlen = 1 };
	return weft_recvmsg(s, &m, flags);
}
static inline u64 lab_mib(struct lab *l, int ns, enum mib m) { return mib_sum(l->ns[ns], m); }
static inline u64 lab_drops(struct lab *l, int ns, enum skb_drop_reason r) { return drops_sum(l->ns[ns], r); }

#endif
