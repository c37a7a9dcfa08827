/* A nic's wire over capture files: frames of one file arrive, what is sent goes into another. */
#ifndef HOST_PORT_PCAP_H
#define HOST_PORT_PCAP_H

#include <stdio.h>

#include "link/port.h"

struct port_pcap_config {
	FILE *in;	 /* NULL: nothing arrives. pcap or pcapng, Ethernet */
	FILE *out;	 /* NULL: what is sent is gone */
	bool timed;	 /* frames arrive as far apart as their time stamps; else as fast as they are taken */
};
/* Takes the files, and closes them on failure too. -EINVAL (no Ethernet capture; a sentence in err), -ENOMEM. */
int port_pcap_new(const struct port_pcap_config *cfg, struct mem *mem, struct port **out, char *err, size_t errsize);
/* Frames that arrived and that were sent; read with the queue's baton. */
void port_pcap_counts(const struct port *p, u64 *in, u64 *out);

#endif
