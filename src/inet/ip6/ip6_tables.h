/* IPv6's sysctls and files under /proc/net, for stack/ to plug in; NULL-terminated. */
#ifndef INET_IP6_IP6_TABLES_H
#define INET_IP6_IP6_TABLES_H

struct proc_file;
struct sysctl_table;
extern const struct sysctl_table ip6_sysctl_base, ip6_sysctl_icmp, ip6_sysctl_route, ip6_sysctl_gc, ip6_sysctl_fib, ip6_sysctl_conf;
extern const struct sysctl_table *const ip6_sysctls[];
extern const struct proc_file ip6_proc_if_inet6, ip6_proc_route, ip6_proc_igmp6, ip6_proc_mcfilter, ip6_proc_anycast6, ip6_proc_flowlabel, ip6_proc_mr_vif, ip6_proc_mr_cache, proc_snmp6, proc_dev_snmp6;
extern const struct proc_file *const ip6_proc_files[];

#endif
