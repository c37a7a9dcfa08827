/* A namespace's state that both network layers share: protocols by number, limits of fragments. */
#include "core/stack_tables.h"
#include "core/subsys.h"
#include "inet/icmp_limit.h"
#include "inet/inet.h"
#include "inet/l4_proto.h"

static int netns_init(struct netns *net)
{
	const struct l4_proto *const *p = net->world->tables->l4_protos;
	struct netns_inet *in = mem_zalloc(&net->world->mem, sizeof(*in));
	if (!in)
		return -ENOMEM;
	in->raw_l3mdev_accept = 1;
	in->error_cost = 250;
	in->error_burst = 5 * in->error_cost;
	in->redirect_load = 5;
	in->redirect_number = 9;
	in->redirect_silence = in->redirect_load << (in->redirect_number + 1);
	for (; p && *p; p++)
		for (unsigned f = 0; f < 2; f++)
			if ((*p)->families & BIT(f))
				in->l4[f][(*p)->proto] = *p;
	in->local_port_range[0] = 32768;
	in->local_port_range[1] = 60999;
	in->unprivileged_port_start = 1024;
	in->frag_high_thresh = 4 << 20;
	in->frag_low_thresh = 3 << 20;
	in->frag_time_ns = 30 * NSEC_PER_SEC;
	in->frag_max_dist = 64;
	net->inet = in;
	if (!icmp_limits_init(net))
		return 0;
	icmp_limits_fini(net);
	mem_free(&net->world->mem, in);
	net->inet = NULL;
	return -ENOMEM;
}

static void netns_fini(struct netns *net)
{
	icmp_limits_fini(net);
	mem_free(&net->world->mem, net->inet->reserved_ports);
	mem_free(&net->world->mem, net->inet);
	net->inet = NULL;
}

const struct subsys inet_subsys = { .name = "inet", .netns_init = netns_init, .netns_fini = netns_fini };
