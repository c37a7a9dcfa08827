/* Local ports: who has which, who may share one, and which one the next caller gets.
 *
 * One struct port_table per protocol and namespace. A port in use has a bucket, which lists the sockets on it. The rules of
 * sharing (SO_REUSEADDR, SO_REUSEPORT, wildcard against specific address, bound device) are Linux's; TCP's and UDP's differ.
 */
#ifndef TRANSPORT_PORTS_H
#define TRANSPORT_PORTS_H

#include "core/sysctl.h"
#include "sock/inet_sock.h"

enum port_rules { PORT_RULES_TCP, PORT_RULES_UDP };

struct port_bucket {
	struct hnode node;    /* by port */
	struct list owners;   /* struct inet_sock.bind_link; TCP: accepted children too */
	u16 port;
	u32 count;	      /* owners, and whoever else holds it (TIME-WAIT remains) */
	struct list others;   /* struct port_holder: TIME-WAIT remains */
	bool connect_only;    /* every owner got it by connecting: four-tuples alone must be unique */
	/* TCP: what the owners were when they bound. Who changes SO_REUSE* afterwards changes nothing here, as on Linux. */
	bool all_reuse;	      /* each had SO_REUSEADDR and did not listen */
	u8 reuseport;	      /* enum port_reuseport */
	u32 reuseport_uid;
	struct inaddr reuseport_addr; /* PORT_REUSEPORT_STRICT: the last one's */
};
/* ANY: all had SO_REUSEPORT; STRICT: not all, but nothing conflicts with the last one's address; NONE. */
enum port_reuseport { PORT_REUSEPORT_NONE, PORT_REUSEPORT_ANY, PORT_REUSEPORT_STRICT };
/* A tuple that outlives its socket and still occupies the port (TIME-WAIT). */
struct port_holder {
	struct list link;
	struct port_bucket *bucket;
	const struct inet_tuple *tuple;
	u32 uid;
	bool reuse, reuseport;
};
struct port_table {
	struct htable buckets;
	struct netns *net;
	enum port_rules rules;
	u32 perturb[256];     /* RFC 6056, algorithm 4: per-destination-bucket counters */
};

int port_table_init(struct port_table *t, struct netns *net, enum port_rules rules); /* 0, -ENOMEM */
void port_table_fini(struct port_table *t); /* all sockets are gone */

/* bind(2): takes `port` for inet (rcv_saddr, bound_dev_if, reuse, reuseport, uid set), or chooses one when 0. Sets num and
 * sport, links the socket. A bound socket is checked again against the same port (listen(2)).
 * -EADDRINUSE, -EACCES (below ip_unprivileged_port_start), -ENOMEM. */
int port_bind(struct cpu *cpu, struct port_table *t, struct inet_sock *inet, u16 port);
/* connect(2) of an unbound socket: tries ports in keyed order until unique(arg, port) says 0; others: -EADDRNOTAVAIL is "taken",
 * anything else ends the search. The saddr, daddr, dport of inet are set. -EADDRNOTAVAIL when none is left. */
int port_connect(struct cpu *cpu, struct port_table *t, struct inet_sock *inet,
		 int (*unique)(struct cpu *cpu, struct inet_sock *inet, u16 port, void *arg), void *arg);
/* A child of a listener takes its parent's port. */
int port_inherit(struct port_table *t, struct inet_sock *child, const struct inet_sock *parent);
void port_unbind(struct port_table *t, struct inet_sock *inet); /* unbound: no-op. Clears num; sport stays */
/* TIME-WAIT takes over from a socket that is about to be unbound. */
void port_hold(struct port_table *t, struct port_holder *h, const struct inet_sock *inet, const struct inet_tuple *tuple);
void port_release(struct port_table *t, struct port_holder *h);
/* First owner of a port's bucket, or NULL; go on with bucket->owners. */
struct port_bucket *port_find(const struct port_table *t, u16 port);

extern const struct sysctl_table port_sysctls;

/* The range that the socket may choose from: its own (IP_LOCAL_PORT_RANGE) or the namespace's. True: its own. */
bool port_range(const struct inet_sock *inet, u16 *lo, u16 *hi);

#endif
