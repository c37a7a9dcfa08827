/* IGMP among its files: igmp.c (what of inet/mc.h is its own), igmp_rx.c (queries and others' reports). */
#ifndef INET_IP4_IGMP_H
#define INET_IP4_IGMP_H

#include "codec/wire/igmphdr.h"
#include "inet/ip4/ip4_priv.h"

unsigned igmp_version(const struct cpu *cpu, const struct in_device *idev); /* that routers here understand: 1, 2, 3 */
bool igmp_reported(const struct in_device *idev, be32 group);		    /* groups that routers hear of at all */

#endif
