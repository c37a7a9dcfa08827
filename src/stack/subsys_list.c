/* The subsystems of a world, in order of birth; they end in reverse. A row may use what stands above it. */
#include "control/netlink.h"
#include "core/subsys.h"
#include "inet/ip4/ip4.h"
#include "inet/ip6/ip6.h"
#include "inet/mroute/mroute.h"
#include "inet/route/fib.h"
#include "link/netns_dev.h"
#include "link/netns_neigh.h"
#include "netfilter/nft/nft.h"
#include "sock/packet/packet.h"
#include "sock/sock.h"
#include "stack/stack.h"
#include "transport/raw.h"
#include "transport/tcp/tcp.h"
#include "transport/udp/udp.h"

const struct subsys *const stack_subsys[] = {
	&dev_subsys,
	&neigh_subsys,
	&inet_subsys,
	&fib_subsys,
	&mroute_subsys,
	&ip4_subsys,
	&ip6_subsys,
	&sock_subsys,
	&packet_subsys,
	&raw_subsys,
	&ping_subsys,
	&tcp_subsys,
	&udp_subsys,
	&nf_subsys,
	&nft_subsys,
	&control_subsys,
	&loopback_subsys, /* makes lo: after everything that has something on a device */
	NULL,
};
