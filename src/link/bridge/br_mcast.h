/* Snooping of IGMP and MLD: to which ports frames of a group need to go. RFC 4541; RFC 3376 and 3810 for what is snooped.
 *
 * An entry (struct br_mdb) is a group in a VLAN, (*, G), or one source of it, (S, G); it holds the ports that want it, each with a timer, a
 * filter mode and, from IGMPv3 and MLDv2, sources. It is looked at only while a querier is heard: without one, groups would fall silent. */
#ifndef LINK_BRIDGE_BR_MCAST_H
#define LINK_BRIDGE_BR_MCAST_H

#include <netinet/in.h>

#include "link/bridge/bridge.h"

#define BR_SOURCES_MAX 32 /* of one port's membership */

struct br_ip {		/* an entry's key: all bytes count */
	u8 dst[16];	/* IPv4 in the first four; an Ethernet address in the first six */
	u8 src[16];	/* 0: (*, G) */
	be16 proto;	/* ETH_P_IP, ETH_P_IPV6; 0: Ethernet */
	u16 vid;
};
struct br_mdb {
	struct hnode node;
	struct list link;	/* br_mcast.mdb_list: the newest first */
	struct bridge *br;
	struct br_ip ip;
	struct list ports;	/* struct br_mdb_port */
	bool host_joined;
	struct timer timer;	/* of the host's membership, and the entry's end */
};
struct br_mdb_source {
	struct list link;	/* br_mdb_port.sources */
	struct br_mdb_port *pg;
	u8 addr[16];
	u8 asks;		/* so often it is still to be asked for */
	bool mark;		/* by the report at hand */
	struct timer timer;	/* idle: not wanted (in EXCLUDE mode: blocked) */
};
struct br_mdb_port {		/* one port's (with mcast_to_unicast, one station's) membership */
	struct list link;	/* br_mdb.ports */
	struct list port_link;	/* br_port_mcast.groups */
	struct br_mdb *mdb;
	struct br_port *port;
	u8 filter_mode;		/* MCAST_INCLUDE, MCAST_EXCLUDE */
	u8 flags;		/* BR_PG_* */
	u8 rt_protocol;
	u8 asks;		/* group-specific queries still to be sent */
	u8 eth_addr[ETH_ADDR_LEN];
	struct list sources;
	u32 source_count;
	struct timer timer, rexmit;
};
enum { BR_PG_PERMANENT = 1, BR_PG_FAST_LEAVE = 4, BR_PG_BLOCKED = 16, BR_PG_BY_SOURCE = 32 /* (S, G) that sources of (*, G) brought about */ };

struct br_query {		/* our own queries of one family, by one port or to the host */
	struct timer timer;
	u32 startup_sent;
};
struct br_querier {		/* somebody else's */
	struct timer timer;
	u64 delay_until;	/* ns: memberships are not complete before */
	u8 addr[16];
	s32 port_ifindex;
};
struct br_port_mcast {
	struct br_port *port;
	u8 router;		/* MDB_RTR_TYPE_* */
	bool is_router[2];	/* by family */
	struct timer router_timer[2];
	struct br_query query[2];
	struct list groups;
	u32 group_count, max_groups; /* max 0: none */
	u32 eht_limit;
	struct br_mcast_stats stats;
};
enum { BR_IP4, BR_IP6 };
struct br_mcast {
	bool snooping, querier, use_ifaddr, stats_enabled;
	u8 router;		/* MDB_RTR_TYPE_* */
	u8 igmp_version, mld_version;
	u32 hash_max, last_member_count, startup_count;
	u64 last_member_interval, membership_interval, querier_interval, query_interval, response_interval, startup_interval; /* ns */
	struct htable mdb;
	struct list mdb_list;
	struct timer router_timer[2];
	struct br_query query[2];
	struct br_querier other[2];
	bool has_ip6_addr, joined;
	struct br_mcast_stats stats;
	struct bridge *br;
};

static inline struct br_port_mcast *br_pm(const struct br_port *p) { return p->mcast; }
static inline bool br_mdb_host_joined(const struct br_mdb *m) { return m->host_joined; }
static inline bool br_ip_is_star_g(const struct br_ip *ip)
{
	static const u8 none[16];
	return !memcmp(ip->src, none, 16);
}
static inline unsigned br_ip_alen(const struct br_ip *ip) { return be16_eq(ip->proto, BE16(ETH_P_IP)) ? 4 : be16_eq(ip->proto, BE16(ETH_P_IPV6)) ? 16 : 6; }
static inline int br_ip_family(const struct br_ip *ip) { return be16_eq(ip->proto, BE16(ETH_P_IPV6)) ? BR_IP6 : BR_IP4; }
/* Whether sources are kept for that family: IGMPv3, MLDv2. */
static inline bool br_mcast_newest(const struct br_mcast *m, int family) { return family == BR_IP4 ? m->igmp_version == 3 : m->mld_version == 2; }

/* -- br_mdb.c: entries -- */
struct br_mdb *br_mdb_find(const struct bridge *br, const struct br_ip *ip);
struct br_mdb *br_mdb_of_skb(const struct bridge *br, const struct sk_buff *skb, u16 vid);
int br_mdb_new(struct cpu *cpu, struct bridge *br, const struct br_ip *ip, struct br_mdb **out); /* or the one that is there; -E2BIG, -ENOMEM */
void br_mdb_perhaps_free(struct br_mdb *m);	/* when nobody wants it any more */
void br_mdb_host_join(struct cpu *cpu, struct br_mdb *m, bool tell);
void br_mdb_host_leave(struct cpu *cpu, struct br_mdb *m, bool tell);
struct br_mdb_port *br_pg_find(const struct br_mdb *m, const struct br_port *p, const u8 *src_or_null);
int br_pg_new(struct cpu *cpu, struct br_mdb *m, struct br_port *p, const u8 *src, u8 flags, u8 mode, u8 proto, struct br_mdb_port **out);
void br_pg_del(struct cpu *cpu, struct br_mdb_port *pg);
void br_pg_tell(struct cpu *cpu, struct br_mdb_port *pg, bool gone);
struct br_mdb_source *br_source_find(const struct br_mdb_port *pg, const u8 *addr, unsigned alen);
struct br_mdb_source *br_source_new(struct br_mdb_port *pg, const u8 *addr, unsigned alen); /* NULL: too many, no memory */
void br_source_del(struct cpu *cpu, struct br_mdb_source *s);
void br_source_install(struct cpu *cpu, struct br_mdb_source *s); /* its (S, G) becomes what its timer and the mode say */
void br_pg_set_mode(struct cpu *cpu, struct br_mdb_port *pg, u8 mode);
void br_mdb_flush(struct cpu *cpu, struct bridge *br);
void br_mcast_flood(struct cpu *cpu, struct bridge *br, const struct br_mdb *m_or_null, struct sk_buff *skb, bool keep);
/* What listeners are told: BR_EV_MDB_*'s mdb. pg NULL: the host's membership; m NULL: router is a router's port. */
struct br_mdb_event { const struct br_mdb *m; const struct br_mdb_port *pg; const struct br_port *router; int family; };

/* -- br_mcast.c: life, routers, options -- */
int br_mcast_init(struct bridge *br);
void br_mcast_fini(struct bridge *br);
int br_mcast_port_init(struct br_port *p);
void br_mcast_port_fini(struct br_port *p);
void br_mcast_port_gone(struct cpu *cpu, struct br_port *p);
void br_mcast_dev_gone(struct cpu *cpu, struct bridge *br);
void br_mcast_open(struct cpu *cpu, struct bridge *br);
void br_mcast_stop(struct cpu *cpu, struct bridge *br);
void br_mcast_port_enable(struct cpu *cpu, struct br_port *p);
void br_mcast_port_disable(struct cpu *cpu, struct br_port *p);
bool br_mcast_querier_there(const struct bridge *br, const struct eth_hdr *h, const struct br_mdb *m);
bool br_mcast_is_router(const struct bridge *br, const struct sk_buff *skb);
void br_mcast_mark_router(struct cpu *cpu, struct bridge *br, struct br_port *p_or_null, int family);
int br_mcast_set_router(struct cpu *cpu, struct bridge *br, u8 type);
int br_mcast_port_set_router(struct cpu *cpu, struct br_port *p, u8 type);
int br_mcast_set_snooping(struct cpu *cpu, struct bridge *br, bool on, struct nl_ext_ack *ack);
int br_mcast_set_querier(struct cpu *cpu, struct bridge *br, bool on);
int br_mcast_changelink(struct cpu *cpu, struct bridge *br, const struct nl_attrs *d, struct nl_ext_ack *ack);
int br_mcast_port_change(struct cpu *cpu, struct br_port *p, const struct nl_attrs *a, struct nl_ext_ack *ack);
void br_mcast_set_time(struct br_mcast *m, u16 which, u64 ticks); /* IFLA_BR_MCAST_*_INTVL */
void br_mcast_fill(const struct bridge *br, struct nl_buf *b);
void br_mcast_port_fill(const struct br_port *p, struct nl_buf *b);
void br_mcast_count_slow(struct br_mcast_stats *s, const struct sk_buff *skb, u8 report, int dir);
static inline void br_mcast_count(const struct bridge *br, const struct br_port *p, const struct sk_buff *skb, u8 report, int dir)
{
	if (unlikely(report && br->mcast && br->mcast->stats_enabled))
		br_mcast_count_slow(p ? &br_pm(p)->stats : &br->mcast->stats, skb, report, dir);
}

/* -- br_query.c: what we ask -- */
void br_query_init(struct bridge *br);
void br_query_port_init(struct br_port *p);
/* General queries begin again, startup ones first. */
void br_query_start(struct bridge *br, struct br_query *q);
bool br_query_we_ask(const struct bridge *br, int family);
/* Asks p (NULL: the host) of a group (ip NULL: all) and n sources, in the version that is set. suppress: as RFC 3376 4.1.5. */
void br_query_send(struct cpu *cpu, struct bridge *br, struct br_port *p_or_null, int family, const struct br_ip *ip, const u8 *sources, unsigned n,
		   bool suppress);

/* -- br_snoop.c: what hosts and routers say -- */
/* A frame to a group: snoops it. False: it is malformed, and to be dropped. Data at the network header; headers may move. */
bool br_mcast_rx(struct cpu *cpu, struct bridge *br, struct br_port *p_or_null, struct sk_buff *skb, u16 vid);
/* br_report.c: one record of a report of IGMPv3 or MLDv2, by a port; RFC 3376 6.4. */
void br_report_record(struct cpu *cpu, struct br_mdb_port *pg, u8 type, const u8 *sources, unsigned n);
void br_mcast_shorten(struct bridge *br, struct timer *t, u64 after_ns); /* ends then at the latest */

#endif
