/* struct inet_sock: what TCP, UDP, raw and ping sockets share: the four-tuple, IP_ and IPV6_ options, error queue. */
#ifndef SOCK_INET_SOCK_H
#define SOCK_INET_SOCK_H

#include "base/hash.h"
#include "inet/af.h"
#include "inet/ip4/ip4.h"
#include "inet/l4_proto.h"
#include "sock/sock.h"

/* What the established table keeps and compares: one cache line. Sockets, TCP's connection requests and TIME-WAIT remains
 * each have one (transport/inet_hash.h), told apart by kind. */
enum inet_tuple_kind { INET_TUPLE_SOCK, INET_TUPLE_REQUEST, INET_TUPLE_TIMEWAIT };
#define INET_TUPLE_FIELDS                                                                                              \
	struct hnode est_node;	 /* in the established or the listening table */                                       \
	struct inaddr rcv_saddr; /* bound address (any: all) */                                                        \
	struct inaddr daddr;	 /* connected peer, any: none */                                                       \
	be16 sport, dport;                                                                                             \
	s32 tuple_dev;		 /* ifindex the tuple is bound to, 0: any; as sk.bound_dev_if while hashed */          \
	u8 tuple_kind;
struct inet_tuple {
	INET_TUPLE_FIELDS
};

enum inet_cmsg { IP_CMSG_PKTINFO = 1, IP_CMSG_TTL = 2, IP_CMSG_TOS = 4, IP_CMSG_RECVOPTS = 8, IP_CMSG_RETOPTS = 16,
		 IP_CMSG_PASSSEC = 32, IP_CMSG_ORIGDSTADDR = 64, IP_CMSG_CHECKSUM = 128, IP_CMSG_RECVFRAGSIZE = 256 };

/* In skb->cb from inet_rx_prepare() to recvmsg: what is lost when the packet leaves its device. */
struct inet_rx_cb {
	s32 ifindex;
	be32 spec_dst;		 /* IP_PKTINFO's ipi_spec_dst */
	u32 frag_max_size;
	u32 gro_size;		 /* UDP_GRO */
};

enum inet6_cmsg { IP6_CMSG_PKTINFO = 1, IP6_CMSG_OPKTINFO = 2, IP6_CMSG_HOPLIMIT = 4, IP6_CMSG_OHOPLIMIT = 8, IP6_CMSG_TCLASS = 16,
		  IP6_CMSG_FLOWINFO = 32, IP6_CMSG_ORIGDSTADDR = 64, IP6_CMSG_RECVFRAGSIZE = 128, IP6_CMSG_PATHMTU = 256,
		  IP6_CMSG_HOPOPTS = 512, IP6_CMSG_OHOPOPTS = 1024, IP6_CMSG_DSTOPTS = 2048, IP6_CMSG_ODSTOPTS = 4096, IP6_CMSG_RTHDR = 8192,
		  IP6_CMSG_ORTHDR = 16384 };
/* What IPV6_ options set; used for IPv6's packets alone, as an AF_INET6 socket may send and receive IPv4 too. */
struct inet6_opts {
	s16 uc_hops, mc_hops;	 /* -1: default */
	u8 tclass, pmtudisc, min_hops;
	bool mc_loop, mc_all, dontfrag, sndflow, autoflow, autoflow_set, repflow, recverr_rfc4884, ra, ra_isolate;
	u32 cmsg;		 /* enum inet6_cmsg */
	s32 mc_index, uc_index;
	u32 prefs;		 /* IPV6_PREFER_SRC_* */
	u32 frag_size;		 /* IPV6_MTU: most bytes of a packet, 0: the path's */
	be32 flow_label;
	be32 rcv_flowinfo;	 /* class and label of the peer's last segment, for IPV6_FL_F_REMOTE */
	struct list anycasts;	 /* inet6_anycast.c's */
	struct list leases;	 /* inet6_flowlabel.c's */
	struct ip6_txopts *txopts; /* extension headers of every packet, or NULL */
	u32 path_mtu;		 /* IPV6_PATHMTU that waits to be received; 0: none */
	struct inaddr path_mtu_to;
};

struct port_bucket; /* transport/ports.h */
struct inet_sock {
	struct sock sk;
	union {
		struct inet_tuple tuple;
		struct { INET_TUPLE_FIELDS };
	};
	struct inaddr saddr;	 /* source of what we send */
	u16 num;		 /* local port, host order; 0: unbound */
	u16 id;
	u8 rcv_tos;
	struct list bind_link;	 /* in bucket->owners */
	struct port_bucket *bucket; /* of ports.c; NULL: unbound */
	u8 tos, min_ttl, mc_ttl, pmtudisc;
	s16 uc_ttl;		 /* -1: default */
	u32 cmsg_flags;		 /* enum inet_cmsg */
	bool recverr, recverr6, hdrincl, freebind, transparent, mc_loop, mc_all, nodefrag, bind_address_no_port, v6only, recverr_rfc4884;
	u16 local_port_lo, local_port_hi; /* IP_LOCAL_PORT_RANGE; 0: the namespace's */
	s32 uc_index, mc_index;
	struct inaddr mc_addr;
	struct ip4_opts *opts;	 /* IP_OPTIONS, or NULL */
	struct list mc_list;	 /* joined groups, of both families: inet_mcast.c */
	struct dst *dst;	 /* cached route, a reference, or NULL */
	struct inet6_opts *v6;	 /* of an AF_INET6 socket its own, behind the protocol's struct; of AF_INET the defaults, to be read only */
};
static inline struct inet_sock *inet_sk(struct sock *sk) { return (struct inet_sock *)sk; }

/* Defaults; the end of everything an inet_sock owns. Called by sock_alloc and the last sock_put. */
void inet_sock_init(struct inet_sock *inet);
void inet_sock_fini(struct cpu *cpu, struct inet_sock *inet);
void inet_dst_reset(struct inet_sock *inet); /* forgets the cached route */
/* Sockaddr to address and port, checked against the socket's family (v4-mapped for AF_INET). 0, -EINVAL, -EAFNOSUPPORT. */
int inet_sockaddr_parse(const struct sock *sk, const struct sockaddr *a, socklen_t len, struct inaddr *addr, u16 *port, s32 *scope);
void inet_sockaddr_fill(const struct sock *sk, const struct inaddr *addr, be16 port, s32 scope, struct sockaddr_storage *a, socklen_t *len);
/* What bind(2) checks and sets before a port is chosen: rcv_saddr and saddr. *port: host order. -EINVAL (bound or connected
 * already, short), -EAFNOSUPPORT, -EADDRNOTAVAIL. When no port is to be had: inet_bind_undo. */
int inet_bind_addr(struct cpu *cpu, struct inet_sock *inet, const struct sockaddr *a, socklen_t len, u16 *port);
void inet_bind_undo(struct inet_sock *inet);
struct net_device *inet_bound_vrf(const struct sock *sk); /* the VRF that the socket is bound to, by it or a member; NULL: none */
/* Datagram sockets: the peer of a connect(2), its route cached, source address chosen; sets daddr, dport, state. The caller moves
 * the socket in its tables. -EINVAL, -EAFNOSUPPORT, -ENETUNREACH, -EACCES (broadcast) … */
int inet_dgram_connect(struct cpu *cpu, struct inet_sock *inet, const struct sockaddr *a, socklen_t len);
/* Forgets the peer; the local address too, unless bind(2) gave it. */
void inet_dgram_disconnect(struct inet_sock *inet);
int inet_dgram_shutdown(struct cpu *cpu, struct sock *sk, int how);
int inet_getname(struct cpu *cpu, struct sock *sk, bool peer, struct sockaddr_storage *a, socklen_t *len);
/* SOL_SOCKET, SOL_IP, SOL_IPV6 for every inet socket; -ENOPROTOOPT for what they don't know. */
int inet_setsockopt(struct cpu *cpu, struct sock *sk, int level, int name, const void *val, socklen_t len);
int inet_getsockopt(struct cpu *cpu, struct sock *sk, int level, int name, void *val, socklen_t *len);
/* Fills fl with what the socket says: addresses, ports, device, mark, tos. */
void inet_sock_flow(const struct inet_sock *inet, u8 proto, struct flow *fl);
/* The route of the connected socket's own flow, cached while valid; fl: zeroed, filled by this. One reference in *out. */
int inet_sock_route(struct cpu *cpu, struct inet_sock *inet, u8 proto, struct flow *fl, struct dst **out);
void inet_sock_ip_out(const struct inet_sock *inet, u8 proto, struct ip_out *o);
void inet6_sock_ip_out(const struct inet_sock *inet, struct ip_out *o); /* what IPv6 has of its own */
/* Most bytes of a network-layer datagram that may be sent whole: the path's MTU, or 65535 when it may be cut here. */
u32 inet_sock_mtu(struct cpu *cpu, const struct inet_sock *inet, const struct dst *dst);
static inline bool inet_may_fragment(const struct inet_sock *inet, bool v6)
{
	u8 d = v6 ? inet->v6->pmtudisc : inet->pmtudisc;
	return (d < 2 || d == 5) && !(v6 && inet->v6->dontfrag);
}
/* IP_RECVERR or IPV6_RECVERR, as the error's family has it. */
static inline bool inet_wants_errors(const struct inet_sock *inet, u8 family) { return family == AF_INET6 ? inet->recverr6 : inet->recverr; }
/* A device for addresses that mean something on one link only: by sin6_scope_id, which binds the socket to it. -EINVAL: none is named, or
 * another one than the socket's. */
int inet6_scope(struct inet_sock *inet, const struct inaddr *a, s32 scope_id);

/* Control messages on their way out (sendmsg): what overrides the socket's own settings for one datagram. */
struct inet_cmsgs {
	u32 mark, priority;	 /* the socket's at first */
	u32 tsflags;
	u64 txtime;		 /* ns, 0: none */
	struct inaddr saddr;	 /* IP_PKTINFO's ipi_spec_dst; any: none */
	s32 oif;		 /* IP_PKTINFO's ifindex, 0: none */
	s16 ttl, tos;		 /* -1: not given */
	u8 protocol;		 /* IP_PROTOCOL, raw sockets */
	bool has_opts;		 /* IP_RETOPTS */
	struct ip4_opts opts;
	u16 gso_size;		 /* UDP_SEGMENT */
	s16 hops6, tclass6;	 /* IPV6_HOPLIMIT, IPV6_TCLASS; -1: not given */
	s8 dontfrag6;		 /* IPV6_DONTFRAG; -1: not given */
	bool has_label6;
	be32 label6;		 /* IPV6_FLOWINFO */
	struct ip6_txopts *txopts6; /* extension headers of this datagram, instead of the socket's; ours to free, or NULL */
};
/* On error too, c->txopts6 is the caller's to free. */
void inet_cmsgs_init(const struct inet_sock *inet, struct inet_cmsgs *c);
int inet_cmsgs_parse(struct cpu *cpu, struct inet_sock *inet, const struct msghdr *m, struct inet_cmsgs *c);

/* Destination and route of one datagram: address (or the connected peer), control messages, options. */
struct inet_dest {
	struct inet_cmsgs c;
	struct flow fl;
	struct dst *dst;	/* a reference */
	be16 dport;
	bool connected;
};
/* Gives back what a destination holds. */
void inet_dest_put(struct cpu *cpu, struct inet_dest *d);
/* Bytes of IPv4 options or IPv6 extension headers that go with the datagram. */
u32 inet_dest_opts_len(const struct inet_sock *inet, const struct inet_dest *d);
/* Whether so many bytes, headers and all, may go there at all: 0, or -EMSGSIZE, which the error queue and IPV6_PATHMTU hear of. */
int inet_dest_check_size(struct cpu *cpu, struct inet_sock *inet, const struct inet_dest *d, u32 bytes);
bool inet_dest_may_fragment(const struct inet_sock *inet, const struct inet_dest *d);
/* need_port: a destination port of 0 is -EINVAL. On error nothing is held. */
int inet_dgram_dest(struct cpu *cpu, struct inet_sock *inet, const struct msghdr *m, int flags, u8 proto, bool need_port,
		    struct inet_dest *d);
void inet_dest_ip_out(const struct inet_sock *inet, const struct inet_dest *d, u8 proto, struct ip_out *o);

/* IPV6_ options (inet6_opt.c); -ENOPROTOOPT. */
int inet6_setsockopt(struct cpu *cpu, struct inet_sock *inet, int name, const void *val, socklen_t len);
int inet6_getsockopt(struct cpu *cpu, struct inet_sock *inet, int name, void *val, socklen_t *len);
/* One control message of level SOL_IPV6 that a program sends; and those it asked for (inet6_cmsg.c). */
int inet6_cmsg_parse(struct cpu *cpu, struct inet_sock *inet, int type, const u8 *data, size_t len, struct inet_cmsgs *c);
void inet6_recv_cmsgs(struct cpu *cpu, struct inet_sock *inet, const struct sk_buff *skb, struct msghdr *m);
/* A datagram was too long for a path of mtu bytes (with its headers): IPV6_RECVPATHMTU's news, and its receiver; -EAGAIN: none waits. */
void inet6_pathmtu_set(struct inet_sock *inet, const struct inaddr *daddr, u32 mtu);
ssize_t inet6_pathmtu_recv(struct inet_sock *inet, struct msghdr *m);
/* Extension headers that are sent (inet6_txopts.c). name: IPV6_HOPOPTS and the like. */
int inet6_txopts_set(struct cpu *cpu, struct inet_sock *inet, int name, const void *val, socklen_t len);
int inet6_txopts_get(const struct inet_sock *inet, int name, void *val, socklen_t *len);
int inet6_txopts_2292(struct cpu *cpu, struct inet_sock *inet, const void *val, socklen_t len);
int inet6_pktoptions_get(const struct inet_sock *inet, void *val, socklen_t *len); /* IPV6_2292PKTOPTIONS of a stream */
void inet6_txopts_free(struct cpu *cpu, struct inet_sock *inet);
int inet6_txopts_copy(struct cpu *cpu, struct inet_sock *to, const struct inet_sock *from); /* a listener's, for its child. -ENOMEM */
int inet6_txopts_cmsg(struct cpu *cpu, int type, const u8 *data, size_t len, struct ip6_txopts **xp); /* adds to *xp */
int inet6_txopts_merge(struct cpu *cpu, const struct ip6_txopts *lease, const struct ip6_txopts *own, struct ip6_txopts **out);
/* IPV6_FLOWLABEL_MGR (inet6_flowlabel.c). set writes the chosen label into the request, as Linux does. */
int inet6_flowlabel_set(struct cpu *cpu, struct inet_sock *inet, const void *val, socklen_t len);
int inet6_flowlabel_get(struct cpu *cpu, struct inet_sock *inet, void *val, socklen_t *len);
struct ip6_flowlabel *inet6_flowlabel_of(const struct inet_sock *inet, be32 label); /* a lease of this socket, or NULL */
void inet6_flowlabel_leave_all(struct cpu *cpu, struct inet_sock *inet);
/* A label that the program names: 0, or -EINVAL when labels are leased here, and not to it. */
int inet6_flowlabel_check(const struct inet_sock *inet, be32 label);
/* Anycast addresses of AF_INET6 sockets (inet6_anycast.c). */
int inet6_anycast_join(struct cpu *cpu, struct inet_sock *inet, const struct inaddr *addr, s32 ifindex);
int inet6_anycast_leave(struct cpu *cpu, struct inet_sock *inet, const struct inaddr *addr, s32 ifindex);
void inet6_anycast_leave_all(struct cpu *cpu, struct inet_sock *inet);

/* Before a received packet is queued (network header and dst in place): notes the way it came, and lets go of device and dst. */
void inet_rx_prepare(struct cpu *cpu, struct inet_sock *inet, struct sk_buff *skb);
/* Control messages of a received datagram (PKTINFO, TTL, TOS, timestamps …). */
void inet_recv_cmsgs(struct cpu *cpu, struct inet_sock *inet, const struct sk_buff *skb, struct msghdr *m);
/* Whether the socket wants a packet for this group that came in by iif (IP_MULTICAST_ALL, memberships, source filters). */
bool inet_mc_allows(const struct inet_sock *inet, const struct inaddr *group, const struct inaddr *source, s32 iif);
void inet_mc_leave_all(struct cpu *cpu, struct inet_sock *inet);

struct strbuf;
void inet_proc_line(struct strbuf *out, const struct inet_sock *i, u32 slot); /* of /proc/net/udp and its like */

/* The error queue (IP_RECVERR): adds an ICMP or local error with the quoted payload; recvmsg(MSG_ERRQUEUE) takes it.
 * skb: data at the quoted transport header; the payload that the program sees begins payload_off after it. */
void inet_err_queue_icmp(struct cpu *cpu, struct inet_sock *inet, const struct sk_buff *skb, u32 payload_off,
			 const struct icmp_error *e, be16 port);
void inet_err_queue_local(struct cpu *cpu, struct inet_sock *inet, int err, const struct inaddr *daddr, be16 port, u32 info);
ssize_t inet_recv_errqueue(struct cpu *cpu, struct sock *sk, struct msghdr *m);
/* SOF_TIMESTAMPING_TX_*: take before the datagram goes down (data at the transport header), give when it went (err 0). What comes
 * back through the error queue is the datagram from its transport header on; nothing with OPT_TSONLY. */
struct inet_tx_stamp {
	struct sk_buff *copy;
	u32 flags, key;
};
void inet_tx_stamp_take(struct cpu *cpu, struct sock *sk, const struct sk_buff *skb, u32 tsflags, struct inet_tx_stamp *t);
void inet_tx_stamp_give(struct cpu *cpu, struct sock *sk, struct inet_tx_stamp *t, int err);

#endif
