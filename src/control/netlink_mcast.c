/* Groups: what happens is told to every socket that asked for it, in the namespace where it happened, and to those sockets
 * elsewhere that listen to all namespaces (NETLINK_LISTEN_ALL_NSID) and know this one by an id. A namespace's life as far as
 * netlink goes is here too.
 */
#include "control/netlink_int.h"
#include "control/nsid.h"
#include "core/subsys.h"

static bool member(const struct netlink_sock *s, int protocol, u32 group)
{
	return s->sk.protocol == protocol && (s->groups & BIT64(group - 1));
}

bool nl_group_used(struct netns *net, u16 protocol, u32 group)
{
	struct netns *other;
	struct netlink_sock *s;

	if (!net->nl)
		return false;
	list_for_each (s, &net->nl->socks, link) {
		if (member(s, protocol, group))
			return true;
	}
	list_for_each (other, &net->world->netns_list, world_link) {
		if (other->nl && other->nl->listen_all)
			return true;
	}
	return false;
}

/* To the members in `in`, of what happened in `net`. */
static int to_members(struct cpu *cpu, struct netns *in, s32 nsid, int protocol, u32 group, struct sk_buff *skb, u32 exclude)
{
	struct netlink_sock *s, *next;
	struct sk_buff *copy;
	int count = 0;

	list_for_each_safe (s, next, &in->nl->socks, link) {
		if (!member(s, protocol, group) || (nsid < 0 && s->portid == exclude))
			continue;
		if (nsid >= 0 && !s->listen_all)
			continue;
		copy = skb_clone(cpu, skb);
		if (!copy) {
			nl_overrun(cpu, s);
			continue;
		}
		memcpy(copy->cb, skb->cb, sizeof(copy->cb));
		nl_cb(copy)->nsid = nsid;
		nl_deliver(cpu, s, copy);
		count++;
	}
	return count;
}

int nl_broadcast(struct cpu *cpu, struct netns *net, int protocol, u32 group, const void *data, size_t len, const struct nl_cb *from,
		 u32 exclude_portid)
{
	struct netns *other;
	struct sk_buff *skb = nl_skb(cpu, data, len);
	int count;
	s32 id;

	if (!skb)
		return -ENOBUFS;
	*nl_cb(skb) = *from;
	nl_cb(skb)->group = group;
	count = to_members(cpu, net, -1, protocol, group, skb, exclude_portid);
	list_for_each (other, &net->world->netns_list, world_link) {
		if (other == net || !other->nl || !other->nl->listen_all)
			continue;
		id = nsid_find(other, net);
		if (id >= 0)
			count += to_members(cpu, other, id, protocol, group, skb, 0);
	}
	skb_consume(cpu, skb);
	return count ? 0 : -ESRCH;
}

void nl_multicast(struct cpu *cpu, struct netns *net, u16 protocol, u32 group, const struct nl_buf *msg, u32 exclude_portid)
{
	struct nl_cb from = { .nsid = -1 };
	struct netlink_sock *s;
	struct sk_buff *skb;

	if (!net->nl)
		return;
	if (msg->err || nl_broadcast(cpu, net, protocol, group, msg->data, msg->len, &from, exclude_portid) != -ENOBUFS) {
		if (!msg->err)
			return;
	}
	/* It could not be made: whoever listens must know that he missed something. */
	(void)skb;
	list_for_each (s, &net->nl->socks, link) {
		if (member(s, protocol, group))
			nl_overrun(cpu, s);
	}
}

static int netns_init(struct netns *net)
{
	struct mem *mem = &net->world->mem;
	struct netns_nl *nl = mem_zalloc(mem, sizeof(*nl));

	if (!nl)
		return -ENOMEM;
	if (htable_init(&nl->ports, mem, 16)) {
		mem_free(mem, nl);
		return -ENOMEM;
	}
	list_init(&nl->socks);
	if (nsid_netns_init(net)) {
		htable_fini(&nl->ports);
		mem_free(mem, nl);
		return -ENOMEM;
	}
	net->nl = nl;
	return 0;
}

static void netns_exit(struct netns *net)
{
	nsid_netns_exit(net);
}

static void netns_fini(struct netns *net)
{
	struct netns_nl *nl = net->nl;

	nsid_netns_fini(net);
	htable_fini(&nl->ports);
	mem_free(&net->world->mem, nl);
	net->nl = NULL;
}

const struct subsys control_subsys = { .name = "control", .netns_init = netns_init, .netns_exit = netns_exit, .netns_fini = netns_fini };
