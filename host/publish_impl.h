/* What the files of published ports share: publish.c, publish_tcp.c, publish_udp.c. */
#ifndef HOST_PUBLISH_IMPL_H
#define HOST_PUBLISH_IMPL_H

#include <weft/weft.h>

#include "base/hash.h"
#include "host/publish.h"

#define PUBLISH_TCP_MAX 8192	/* connections at once; more wait in the listeners' queues */
#define PUBLISH_UDP_MAX 4096	/* clients at once; the one that was silent for longest makes room */
#define PUBLISH_UDP_IDLE_NS (120 * NSEC_PER_SEC) /* as conntrack's udp_timeout_stream: whoever is silent for longer is forgotten */

enum watch_kind { WATCH_TCP_LISTENER, WATCH_TCP_FLOW, WATCH_UDP };
struct watch { enum watch_kind kind; }; /* first member of what epoll's data.ptr points to */

struct pub_port {		/* a socket of this machine that is published */
	struct watch watch;
	struct publish *p;
	struct list link;
	int fd;
	bool v6;
	be16 inner;
};

struct tcp_flow {
	struct watch watch;
	struct publish *p;
	struct list link, ready;
	int fd;
	weft_socket *s;
	bool connected;
	bool rd, wr;		/* the client's socket may have something, may take something */
	bool in_done, out_done; /* its end was passed on, inward and outward */
};

struct udp_flow {
	struct publish *p;
	struct pub_port *port;
	struct list link, ready; /* link: publish.udp_flows, silent for longest first */
	struct hnode node;	/* publish.udp_by_client */
	weft_socket *s;
	struct sockaddr_storage client;
	socklen_t client_len;
	u8 local[28];		/* struct in_pktinfo or in6_pktinfo: where the client sent to, and gets its answers from */
	u64 used_ns;
};

struct publish {
	const struct uplink_config *cfg;
	int epfd;
	frame_fn emit;
	void *arg;
	weft_world *w;
	weft_netns *net;	/* the far side: everything that published connections' clients are */
	weft_socket *tap;	/* its wire */
	u8 mac[6];
	s32 ifindex;
	struct siphash_key key;
	u64 now;
	struct list ports;	/* struct pub_port */
	struct list tcp_flows, tcp_ready;
	unsigned ntcp, nudp;
	bool accepting;
	u64 accept_at_ns;	/* not accepting, for want of descriptors: when to try again; 0: when a connection ends */
	struct list udp_flows, udp_ready;
	struct htable udp_by_client;
	u8 buf[65536];
};

/* The address and port that a client has inside: its own, but where that means something else there (loopback, link-local, the uplink's own
 * network): then the gateway's. */
struct inaddr publish_client(const struct publish *p, const struct sockaddr_storage *from, be16 *port);
/* A socket on the far side, bound as the client and connecting to the port inside. -EINPROGRESS (TCP), 0, -errno. */
int publish_connect(struct publish *p, int type, const struct sockaddr_storage *client, be16 inner, weft_socket **out);
int publish_watch(struct publish *p, int fd, u32 events, struct watch *w);

/* publish_tcp.c */
void tcp_flow_accept(struct publish *p, struct pub_port *l);
void tcp_flow_event(struct tcp_flow *f, u32 events);
bool tcp_flows_run(struct publish *p); /* true: something moved */
void tcp_accepting(struct publish *p, bool on);
/* publish_udp.c */
void udp_port_rx(struct publish *p, struct pub_port *port);
bool udp_flows_run(struct publish *p);
u64 udp_flows_expire(struct publish *p); /* when the next is due */

#endif
