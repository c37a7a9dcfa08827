/* A packet socket's life: what it is bound to, when it listens, and what the end of a device means to it.
 *
 * It listens while it has a protocol and its device is up (or it is bound to none). A device that goes down gives ENETDOWN once; when it
 * comes up again the socket goes on. See packet(7); the numbers are linux/if_packet.h's.
 */
#include "sock/packet/packet.h"

#include <linux/if_ether.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>

#include "base/strbuf.h"
#include "link/netns_dev.h"


static void unhook(struct packet_sock *ps)
{
	if (ps->hooked && ps->fanout)
		packet_fanout_unlisten(ps);
	else if (ps->hooked && list_linked(&ps->tap.link))
		dev_tap_del(&ps->tap);
	ps->hooked = false;
}

static void hook(struct packet_sock *ps, struct net_device *dev)
{
	if (ps->hooked || !ps->tap.ethertype)
		return;
	if (ps->fanout)
		packet_fanout_listen(ps, dev);
	else
		dev_tap_add(ps->sk.net, dev, &ps->tap);
	ps->hooked = true;
}

static int packet_init(struct cpu *cpu, struct sock *sk)
{
	struct packet_sock *ps = packet_sk(sk);

	list_init(&ps->members);
	list_init(&ps->tap.link);
	ps->tap.fn = packet_tap;
	ps->tap.ethertype = be16_to_cpu((be16){ (u16)sk->protocol });
	sk->protocol = (u16)sk->protocol;
	list_add_tail(&sk->net->packet->socks, &ps->link);
	hook(ps, NULL);
	return 0;
}

static void packet_release(struct cpu *cpu, struct sock *sk)
{
	struct packet_sock *ps = packet_sk(sk);

	unhook(ps);
	packet_fanout_leave(cpu, ps);
	packet_members_drop(cpu, ps, NULL);
	packet_ring_end(cpu, ps);
	list_del(&ps->link);
	sk->state = TCP_CLOSE;
	sock_purge_queues(cpu, sk);
}

static int packet_bind(struct cpu *cpu, struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	struct packet_sock *ps = packet_sk(sk);
	struct net_device *dev = NULL;
	struct packet_addr ll;
	u16 type;

	if (len < sizeof(ll))
		return -EINVAL;
	memcpy(&ll, a, sizeof(ll));
	if (ll.family != AF_PACKET)
		return -EINVAL;
	if (ll.ifindex && !(dev = dev_by_index(sk->net, ll.ifindex)))
		return -ENODEV;
	if (ps->fanout)
		return -EINVAL;
	type = ll.protocol.raw ? be16_to_cpu(ll.protocol) : ps->tap.ethertype; /* 0: as it was */
	if (type == ps->tap.ethertype && ll.ifindex == ps->ifindex)
		return 0;
	unhook(ps);
	ps->tap.ethertype = type;
	ps->ifindex = ll.ifindex;
	if (!dev || dev->flags & IFF_UP)
		hook(ps, dev);
	else if (type)
		sock_set_error(cpu, sk, ENETDOWN);
	return 0;
}

static int packet_getname(struct cpu *cpu, struct sock *sk, bool peer, struct sockaddr_storage *a, socklen_t *len)
{
	const struct packet_sock *ps = packet_sk(sk);
	const struct net_device *dev = ps->ifindex > 0 ? dev_by_index(sk->net, ps->ifindex) : NULL;
	struct packet_addr ll = { .family = AF_PACKET, .protocol = cpu_to_be16(ps->tap.ethertype), .ifindex = ps->ifindex };

	if (peer)
		return -EOPNOTSUPP;
	if (dev) {
		ll.hatype = dev->type;
		ll.halen = dev->addr_len;
		memcpy(ll.addr, dev->dev_addr, MIN(dev->addr_len, sizeof(ll.addr)));
	}
	memcpy(a, &ll, sizeof(ll));
	*len = (socklen_t)offsetof(struct packet_addr, addr) + ll.halen;
	return 0;
}

static u32 packet_poll(struct cpu *cpu, struct sock *sk)
{
	const struct packet_sock *ps = packet_sk(sk);
	u32 mask = sock_dgram_poll(cpu, sk);

	return ps->ring && packet_ring_readable(ps) ? mask | POLLIN | POLLRDNORM : mask;
}

static void packet_abort(struct cpu *cpu, struct sock *sk, int err)
{
	unhook(packet_sk(sk));
	packet_members_drop(cpu, packet_sk(sk), NULL);
	sock_set_error(cpu, sk, err);
}

static const struct sock_ops packet_ops = {
	.name = "PACKET",
	.obj_size = sizeof(struct packet_sock),
	.init = packet_init,
	.release = packet_release,
	.bind = packet_bind,
	.getname = packet_getname,
	.sendmsg = packet_sendmsg,
	.recvmsg = packet_recvmsg,
	.setsockopt = packet_setsockopt,
	.getsockopt = packet_getsockopt,
	.ioctl = sock_dgram_ioctl,
	.poll = packet_poll,
	.abort = packet_abort,
};
const struct sock_family packet_family_raw = { .family = AF_PACKET, .type = SOCK_RAW, .protocol = -1, .dflt = true, .need_net_raw = true, .ops = &packet_ops };
const struct sock_family packet_family_dgram = { .family = AF_PACKET, .type = SOCK_DGRAM, .protocol = -1, .dflt = true, .need_net_raw = true, .ops = &packet_ops };

static void on_event(struct cpu *cpu, struct netns *net, enum net_event ev, void *obj, unsigned long info)
{
	struct net_device *dev = obj;
	struct packet_sock *ps;

	if (!net->packet || (ev != EV_LINK_UP && ev != EV_LINK_DOWN && ev != EV_LINK_UNREGISTER))
		return;
	list_for_each(ps, &net->packet->socks, link) {
		if (ev == EV_LINK_UNREGISTER)
			packet_members_drop(cpu, ps, dev);
		if (ps->ifindex != dev->ifindex)
			continue;
		if (ev == EV_LINK_UP) {
			hook(ps, dev);
			continue;
		}
		if (ps->hooked) {
			unhook(ps);
			sock_set_error(cpu, &ps->sk, ENETDOWN);
		}
		if (ev == EV_LINK_UNREGISTER)
			ps->ifindex = -1;
	}
}
const struct event_sub packet_event_sub = { .fn = on_event };

static int netns_init(struct netns *net)
{
	struct netns_packet *p = mem_zalloc(&net->world->mem, sizeof *p);

	if (!p)
		return -ENOMEM;
	list_init(&p->socks);
	list_init(&p->fanouts);
	net->packet = p;
	return 0;
}
static void netns_fini(struct netns *net)
{
	mem_free(&net->world->mem, net->packet);
	net->packet = NULL;
}
const struct subsys packet_subsys = { .name = "packet", .netns_init = netns_init, .netns_fini = netns_fini };

static void show(struct netns *net, struct strbuf *out)
{
	const struct packet_sock *ps;

	strbuf_printf(out, "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n");
	list_for_each(ps, &net->packet->socks, link)
		strbuf_printf(out, "%016llx %-6u %-4u %04x   %-5d %1d %-6u %-6u %-6llu\n", (unsigned long long)ps->sk.cookie, ps->sk.refcnt + 1, ps->sk.type,
			      ps->tap.ethertype, ps->ifindex, ps->hooked, ps->sk.rmem_alloc, ps->sk.uid,
			      (unsigned long long)(ps->sk.socket ? ps->sk.socket->inode : 0));
}
const struct proc_file packet_proc = { .name = "packet", .mode = 0444, .show = show };
