/* The one place that names everything: what a weft is made of, as const tables (core/stack_tables.h).
 *
 * A plug-in is one file in its folder and one row here; nothing registers itself at run time. Order matters where a table says
 * so: subsystems (subsys_list.c), event subscribers (called in order), socket families (looked through in order).
 */
#include "control/diag/diag.h"
#include "control/ethtool/ethnl.h"
#include "control/netlink.h"
#include "control/nfnl/nfnl.h"
#include "control/route/rt.h"
#include "core/event.h"
#include "core/proc.h"
#include "core/softnet.h"
#include "core/sysctl.h"
#include "inet/dst.h"
#include "inet/ip4/ip4.h"
#include "inet/mroute/mroute.h"
#include "inet/route/fib.h"
#include "inet/ip4/ip4_tables.h"
#include "inet/ip6/ip6.h"
#include "inet/ip6/ip6_tables.h"
#include "link/netns_dev.h"
#include "link/netns_neigh.h"
#include "link/qdisc.h"
#include "link/type/vlan_dev.h"
#include "link/vlan_reg.h"
#include "sock/packet/packet.h"
#include "sock/sock.h"
#include "stack/stack.h"
#include "transport/ports.h"
#include "transport/raw.h"
#include "transport/tcp/tcp.h"
#include "transport/udp/udp.h"

extern const struct sysctl_table vrf_sysctls; /* link/type/vrf.c */

static const struct sysctl_table *const sysctls[] = {
	&softnet_sysctls,
	&vrf_sysctls,
	&link_core_sysctls,
	&neigh_arp_sysctls,
	&neigh_arp_limits,
	&ip4_sysctl_base,
	&ip4_sysctl_inet,
	&ip4_sysctl_fib,
	&ip4_sysctl_route,
	&ip4_sysctl_route_limits,
	&ip4_sysctl_conf,
	&neigh_nd_sysctls,
	&neigh_nd_limits,
	&ip6_sysctl_base,
	&ip6_sysctl_icmp,
	&ip6_sysctl_route,
	&ip6_sysctl_gc,
	&ip6_sysctl_fib,
	&ip6_sysctl_conf,
	&sock_sysctls,
	&port_sysctls,
	&tcp_sysctls,
	NULL,
};

static const struct proc_file *const proc_files[] = {
	&link_proc_dev,
	&link_proc_dev_mcast,
	&link_proc_psched,
	&link_proc_ptype,
	&vlan_proc,
	&proc_net_netlink,
	&ip4_proc_route,
	&fib_proc_trie,
	&fib_proc_triestat,
	&fib_proc_rt_cache,
	&fib_proc_stat_rt_cache,
	&fib_proc_rt_acct,
	&fib_proc_rt6_stats,
	&ip4_proc_arp,
	&ip4_proc_igmp,
	&ip4_proc_mcfilter,
	&ip4_proc_mr_vif,
	&ip4_proc_mr_cache,
	&ip6_proc_if_inet6,
	&ip6_proc_route,
	&ip6_proc_igmp6,
	&ip6_proc_mcfilter,
	&ip6_proc_anycast6,
	&ip6_proc_flowlabel,
	&ip6_proc_mr_vif,
	&ip6_proc_mr_cache,
	&proc_snmp6,
	&proc_dev_snmp6,
	&proc_snmp,
	&proc_netstat,
	&sock_proc_sockstat,
	&sock_proc_sockstat6,
	&softnet_proc_stat,
	&tcp_proc,
	&tcp6_proc,
	&udp_proc,
	&udp6_proc,
	&raw_proc,
	&raw6_proc,
	&ping_proc,
	&packet_proc,
	&ping6_proc,
	NULL,
};

/* In the order in which they hear of something. */
static const struct event_sub *const event_subs[] = {
	&rt_events_first,
	&vlan_reg_event_sub,
	&fib_event_sub,
	&mroute_event_sub,
	&ip4_event_sub,
	&packet_event_sub,
	&ip6_event_sub,
	&neigh_event_sub, /* after all who use neighbours of a device that goes */
	&ethnl_event_sub,
	&rt_events,	  /* last: tells programs what has happened */
	NULL,
};

static const struct l3_proto *const l3_protos[] = {
	&ip4_l3_proto,
	&arp_l3_proto,
	&ip6_l3_proto,
	&garp_l3_proto,
	&mrp_l3_proto,
	NULL,
};

static const struct l4_proto *const l4_protos[] = {
	&icmp4_proto,
	&icmp6_proto,
	&igmp4_proto,
	&pim4_proto,
	&pim6_proto,
	&l4_tcp,
	&udp_proto,
	NULL,
};

static const struct sock_family *const sock_families[] = {
	&tcp_family_v4,
	&udp_family_v4,
	&ping_family_v4,
	&raw_family_v4, /* any protocol */
	&packet_family_raw,
	&packet_family_dgram,
	&tcp_family_v6,
	&udp_family_v6,
	&ping_family_v6,
	&raw_family_v6,
	&netlink_route_raw,
	&netlink_route_dgram,
	&netlink_generic_raw,
	&netlink_generic_dgram,
	&netlink_diag_raw,
	&netlink_diag_dgram,
	&netlink_netfilter_raw,
	&netlink_netfilter_dgram,
	NULL,
};

static const struct nl_family *const nl_families[] = {
	&nl_family_route,
	&nl_family_generic,
	&nl_family_sock_diag,
	&nl_family_netfilter,
	NULL,
};

static const struct genl_family *const genl_families[] = {
	&genl_tcp_metrics,
	&genl_ethtool,
	NULL,
};

const struct stack_tables stack_tables = {
	.subsys = stack_subsys,
	.event_subs = event_subs,
	.sysctls = sysctls,
	.proc_files = proc_files,
	.link_kinds = link_kinds_builtin,
	.qdiscs = qdiscs_builtin,
	.l3_protos = l3_protos,
	.l4_protos = l4_protos,
	.sock_families = sock_families,
	.tcp_ccs = tcp_cc_list,
	.nl_families = nl_families,
	.genl_families = genl_families,
	.nl_handlers = rt_handlers,
	.backlog_rx = link_backlog_rx,
	.dev_netns = link_dev_netns,
	.dev_type = link_dev_type,
	.dev_walk = link_dev_walk,
	.sock_netns = sock_netns,
	.sock_cookie = sock_cookie,
	.sock_tx_waits = sock_tx_waits,
	.dst_hold = dst_hold,
	.dst_put = dst_put,
};
