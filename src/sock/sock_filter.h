/* SO_ATTACH_FILTER: a classic BPF program that decides which packets a socket takes, and how much of each. */
#ifndef SOCK_SOCK_FILTER_H
#define SOCK_SOCK_FILTER_H

#include "sock/sock.h"

/* val: struct sock_fprog, its instructions readable by the caller. -EINVAL, -EPERM (locked), -ENOMEM, -EFAULT. */
struct cbpf_prog;
int sock_filter_attach(struct cpu *cpu, struct sock *sk, const void *val, socklen_t len);
/* The same program, checked, for another purpose than the socket's filter; the caller puts it. Not charged. */
int sock_filter_load(struct cpu *cpu, struct sock *sk, const void *val, socklen_t len, struct cbpf_prog **out);
u32 sock_filter_run_prog(struct cpu *cpu, const struct cbpf_prog *prog, const struct sk_buff *skb);
/* SO_GET_FILTER: the instructions; *len counts instructions, 0 asks for the number. A library caller's val has room for that many
 * instructions; of a program's call (by_program) only the bytes that *len seems to count can be trusted, so it gets the number only. */
int sock_filter_get(const struct sock *sk, bool by_program, void *val, socklen_t *len);
int sock_filter_extensions(void); /* SO_BPF_EXTENSIONS: the highest ancillary offset */

#endif
