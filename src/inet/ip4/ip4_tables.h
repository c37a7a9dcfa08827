/* IPv4's sysctls and files under /proc/net, for stack/ to plug in; NULL-terminated. */
#ifndef INET_IP4_IP4_TABLES_H
#define INET_IP4_IP4_TABLES_H

struct proc_file;
struct sysctl_table;
extern const struct sysctl_table ip4_sysctl_base, ip4_sysctl_inet, ip4_sysctl_fib, ip4_sysctl_route, ip4_sysctl_route_limits, ip4_sysctl_conf;
extern const struct sysctl_table *const ip4_sysctls[];
extern const struct proc_file ip4_proc_route, ip4_proc_arp, ip4_proc_igmp, ip4_proc_mcfilter, ip4_proc_mr_vif, ip4_proc_mr_cache, proc_snmp, proc_netstat;
extern const struct proc_file *const ip4_proc_files[];

#endif
