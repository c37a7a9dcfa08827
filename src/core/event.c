/* Sending an event: every subscriber of the tables in turn. */
#include "core/event.h"
#include "core/stack_tables.h"

void event_send(struct cpu *cpu, struct netns *net, enum net_event ev, void *obj, unsigned long info)
{
	const struct event_sub *const *s = cpu->world->tables->event_subs;

	for (; s && *s; s++)
		(*s)->fn(cpu, net, ev, obj, info);
}
