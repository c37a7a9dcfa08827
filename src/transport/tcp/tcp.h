/* TCP as the rest of the tree sees it: rows for the tables of stack/, and what control/ shows of it (struct tcp_sock is in
 * tcp_sock.h, TCP_INFO's content in tcp_info.h). */
#ifndef TRANSPORT_TCP_TCP_H
#define TRANSPORT_TCP_TCP_H

struct l4_proto;
struct proc_file;
struct sock_family;
struct sock_ops;
struct subsys;
struct sysctl_table;
struct tcp_cc_ops;

extern const struct sock_ops tcp_sock_ops;
extern const struct sock_family tcp_family_v4, tcp_family_v6;
extern const struct l4_proto l4_tcp;
extern const struct subsys tcp_subsys;
extern const struct proc_file tcp_proc, tcp6_proc;
extern const struct sysctl_table tcp_sysctls;
extern const struct tcp_cc_ops *const tcp_cc_list[];

#endif
