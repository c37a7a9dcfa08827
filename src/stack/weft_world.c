/* libweft's worlds, time and namespaces (include/weft/weft.h): thin doors to core/, for callers that are one thread.
 *
 * Whoever is the only thread holds every baton, so nothing is locked here. Between two steps a world stands at cpu->now of
 * its first cpu; calls happen at that time.
 */
#include <weft/weft.h>

#include "core/netns.h"
#include "core/world.h"
#include "sock/sock.h"
#include "stack/stack.h"

#define START_NS 1000 /* a real clock is never 0, and to many a stored time 0 means "never" */

int weft_world_new(uint64_t seed, unsigned ncpus, weft_world **out)
{
	struct world_config cfg = { .ncpus = ncpus, .tables = &stack_tables, .start_ns = START_NS };

	if (!out || ncpus < 1 || ncpus > MAX_CPUS)
		return -EINVAL;
	memcpy(cfg.seed, &seed, sizeof seed);
	return world_new(&cfg, out);
}

/* Closes what the caller still holds in a namespace. A close may end others (a listener's children), so the walk begins anew. */
static void close_sockets(struct netns *net)
{
	struct sock *sk;
again:
	list_for_each(sk, &net->core->socks, net_link)
		if (sk->socket) {
			weft_close(sk->socket);
			goto again;
		}
}

void weft_world_free(weft_world *w)
{
	struct netns *net;

	if (!w)
		return;
	list_for_each(net, &w->netns_list, world_link)
		close_sockets(net);
	world_free(w);
}

uint64_t weft_now(const weft_world *w) { return w->cpu[0]->now; }

uint64_t weft_step(weft_world *w, uint64_t now_ns) { return world_run(w, MAX(now_ns, weft_now(w))); }

void weft_run_for(weft_world *w, uint64_t duration_ns)
{
	u64 now = weft_now(w);
	world_run_until(w, duration_ns > UINT64_MAX - now ? UINT64_MAX : now + duration_ns);
}

int weft_netns_new(weft_world *w, const char *name, weft_netns **out) { return netns_new(w, name, -1, out); }

void weft_netns_free(weft_netns *net)
{
	if (net)
		netns_free(net);
}
