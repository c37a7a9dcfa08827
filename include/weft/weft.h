/* libweft: the Linux network stack as a library.
 *
 * A world is a whole stack: namespaces, devices, sockets. It has no threads and no clock of its own: the caller says what time
 * it is, or lets virtual time run. All calls on one world come from one thread at a time (the daemon in host/ uses the finer
 * rules of src/core/world.h). Errors are negative errno values, as the system call of that name would give.
 */
#ifndef WEFT_WEFT_H
#define WEFT_WEFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif
#define WEFT_API __attribute__((visibility("default")))

typedef struct world weft_world;
typedef struct netns weft_netns;
typedef struct socket weft_socket;

/* -- worlds and time -- */
/* seed: one seed, one run, bit for bit. ncpus 1..64. *out is the caller's: weft_world_free. */
WEFT_API int weft_world_new(uint64_t seed, unsigned ncpus, weft_world **out);
/* Ends everything in it; sockets that are still open are closed, those of namespaces freed before must have been. */
WEFT_API void weft_world_free(weft_world *w);
/* Handles everything due at `now` (monotonic ns); returns when to call again at the latest (UINT64_MAX: nothing is planned). */
WEFT_API uint64_t weft_step(weft_world *w, uint64_t now_ns);
/* Virtual time: lets `duration` ns pass as fast as the machine can. */
WEFT_API void weft_run_for(weft_world *w, uint64_t duration_ns);
WEFT_API uint64_t weft_now(const weft_world *w);

/* -- namespaces and devices -- */
WEFT_API int weft_netns_new(weft_world *w, const char *name, weft_netns **out);
WEFT_API void weft_netns_free(weft_netns *net);
/* A veth pair, one end in each namespace, both down. -EEXIST, -EINVAL. */
WEFT_API int weft_veth_new(weft_netns *a, const char *name_a, weft_netns *b, const char *name_b);
WEFT_API int weft_link_up(weft_netns *net, const char *dev);
WEFT_API int weft_link_down(weft_netns *net, const char *dev);
/* "10.0.0.1/24", "2001:db8::1/64" (tentative until no duplicate answered). -EINVAL, -ENODEV, -EEXIST. */
WEFT_API int weft_addr_add(weft_netns *net, const char *dev, const char *addr_with_prefix);
/* "default" or "10.1.0.0/16" or "2001:db8:1::/48"; via NULL: on link; dev NULL: by the gateway. */
WEFT_API int weft_route_add(weft_netns *net, const char *prefix, const char *via, const char *dev);
/* "net.ipv4.ip_forward" or with slashes. */
WEFT_API int weft_sysctl_set(weft_netns *net, const char *name, const char *value);
WEFT_API int weft_sysctl_get(weft_netns *net, const char *name, char *buf, size_t size);
/* Anything else: an AF_NETLINK socket, and the messages ip sends. */

/* -- sockets: as the calls of these names, never blocking (-EAGAIN, -EINPROGRESS) -- */
WEFT_API int weft_socket_new(weft_netns *net, int family, int type, int protocol, weft_socket **out);
/* A tun or tap device whose wire is this program: weft_recvmsg takes a frame that it sent, weft_sendmsg gives it one (linux/if_tun.h: flags is
 * IFF_TUN or IFF_TAP, with IFF_NO_PI, IFF_VNET_HDR …). name: IFNAMSIZ bytes, the device's; "" or with a %d: found, and filled in. The
 * device goes with the socket. -EBUSY, -EINVAL, -ENOMEM. */
WEFT_API int weft_tun_new(weft_netns *net, char *name, unsigned flags, weft_socket **out);
WEFT_API void weft_close(weft_socket *s);
WEFT_API int weft_bind(weft_socket *s, const struct sockaddr *a, socklen_t len);
WEFT_API int weft_connect(weft_socket *s, const struct sockaddr *a, socklen_t len);
WEFT_API int weft_listen(weft_socket *s, int backlog);
WEFT_API int weft_accept(weft_socket *s, weft_socket **out);
WEFT_API ssize_t weft_send(weft_socket *s, const void *buf, size_t len, int flags);
WEFT_API ssize_t weft_recv(weft_socket *s, void *buf, size_t len, int flags);
WEFT_API ssize_t weft_sendmsg(weft_socket *s, const struct msghdr *m, int flags);
WEFT_API ssize_t weft_recvmsg(weft_socket *s, struct msghdr *m, int flags);
WEFT_API int weft_shutdown(weft_socket *s, int how);
WEFT_API int weft_setsockopt(weft_socket *s, int level, int name, const void *val, socklen_t len);
/* TCP_AO_GET_KEYS fills as many structs of *len bytes, one behind the other, as nkeys in the first says. */
WEFT_API int weft_getsockopt(weft_socket *s, int level, int name, void *val, socklen_t *len);
/* The memory of a packet socket's receive ring (PACKET_RX_RING), which the stack and the caller share; NULL: it has none. It is the
 * socket's, until that closes or the option takes the ring away. */
WEFT_API void *weft_packet_ring(weft_socket *s, size_t *bytes);
WEFT_API int weft_getsockname(weft_socket *s, struct sockaddr_storage *a, socklen_t *len);
WEFT_API int weft_getpeername(weft_socket *s, struct sockaddr_storage *a, socklen_t *len);
WEFT_API uint32_t weft_poll(weft_socket *s); /* poll(2)'s bits */
/* fn is called from within weft_step/weft_run_for, at most once a step, when something happened. */
WEFT_API void weft_on_event(weft_socket *s, void (*fn)(weft_socket *s, uint32_t events, void *arg), void *arg);
/* Streams without a copy: see src/sock/sock.h. */
WEFT_API int weft_peek(weft_socket *s, struct iovec *iov, unsigned max, uint64_t *bytes);
WEFT_API void weft_consume(weft_socket *s, uint64_t bytes);
WEFT_API int weft_reserve(weft_socket *s, struct iovec *iov, unsigned max, uint64_t *bytes);
WEFT_API int weft_commit(weft_socket *s, uint64_t bytes, int flags);

#ifdef __cplusplus
}
#endif
#endif
