/* The two halves of the plug-in's library: in packetdrill, and in the programs that a script starts. */
#ifndef PD_SHIM_H
#define PD_SHIM_H

#include <sys/socket.h>

void pd_shim_off(void); /* this process is packetdrill: its own files and sockets are real */
int pd_shim_getsockopt(int fd, int level, int name, void *val, socklen_t *len);

#endif
