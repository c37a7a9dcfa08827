/* Interface ioctls (netdevice(7), arp(7), and routes), and the socket-level ones that every socket answers. */
#ifndef SOCK_IFIOCTL_H
#define SOCK_IFIOCTL_H

#include "sock/sock.h"

/* SIOCGSTAMP and friends, FIOSETOWN is the holder's; -515 (ENOIOCTLCMD): not one of these. */
int sock_ioctl(struct cpu *cpu, struct sock *sk, unsigned cmd, void *arg, size_t len);

#endif
