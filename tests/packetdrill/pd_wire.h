/* What programs that the script starts (sysctl, ip, tc, nstat, cat ...) and the plug-in say to one another.
 *
 * The plug-in's library is preloaded into them too. There it answers for files below /proc/sys/net and /proc/net and for network sockets,
 * by messages over a unix SOCK_SEQPACKET connection, one per socket or file: a request is answered by one message, in order. A file
 * being written is the connection itself: after the first message all that comes is text. */
#ifndef PD_WIRE_H
#define PD_WIRE_H

#include <stdint.h>

#define PD_ENV "WEFT_PACKETDRILL" /* the plug-in's socket: a name in the abstract namespace */
#define PD_MSG_MAX 180000	  /* below the default buffer of a unix socket */

enum pd_op {
	PD_READ,   /* data: path. Answer's data: the file */
	PD_WRITE,  /* data: path. 0, then no more answers */
	PD_SOCKET, /* a: family, b: type, c: protocol */
	PD_BIND,   /* data: address */
	PD_GETSOCKNAME, /* answer's data: address */
	PD_SETSOCKOPT,	/* a: level, b: name; data: value */
	PD_GETSOCKOPT,	/* a: level, b: name, c: room; answer's data: value */
	PD_SEND,	/* a: flags, b: bytes of address at the begin of data */
	PD_RECV,	/* a: flags, b: room; answer's result: the call's; data: address (namelen bytes), then what was received */
	PD_IOCTL,	/* a: request; data: the argument, and back */
};
struct pd_request {
	uint32_t op;
	int32_t a, b, c; /* data follows */
};
struct pd_answer {
	int64_t result; /* -errno */
	int32_t flags, namelen;
	uint8_t data[];
};

#endif
