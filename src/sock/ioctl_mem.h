/* The parts of the interface ioctls, and how they reach the calling program's memory. */
#ifndef SOCK_IOCTL_MEM_H
#define SOCK_IOCTL_MEM_H

#include "core/netns.h"

struct ifreq;
/* user: a pointer found inside an ioctl's argument. 0, -EFAULT. Library callers' pointers are their own. */
int ioctl_copy_in(struct cpu *cpu, void *to, const void *user, size_t len);
int ioctl_copy_out(struct cpu *cpu, void *user, const void *from, size_t len);

/* if_addr_ioctl.c; -515 (ENOIOCTLCMD): about something else */
int if_addr_ioctl(struct cpu *cpu, struct netns *net, unsigned cmd, struct ifreq *ifr);
int if_addr_conf(struct cpu *cpu, struct netns *net, void *arg, size_t len);
/* if6_ioctl.c: what an AF_INET6 socket takes differently; -515: nothing of that */
int inet6_ioctl(struct cpu *cpu, struct netns *net, unsigned cmd, const void *arg, size_t len);
/* rt_ioctl.c */
int rt_ioctl(struct cpu *cpu, struct netns *net, unsigned cmd, void *arg, size_t len);
int arp_ioctl(struct cpu *cpu, struct netns *net, unsigned cmd, void *arg, size_t len);

#endif
