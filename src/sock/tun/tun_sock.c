/* A file of /dev/net/tun: reading, writing, polling, and its ioctls. See tun.h; linux/if_tun.h.
 *
 * What is written comes in by the device as from a wire: the backlog of the cpu at home in the device's namespace.
 */
#include <linux/sockios.h>
#include <poll.h>

#include "codec/wire/eth.h"
#include "core/trace.h"
#include "link/vnet_hdr.h"
#include "sock/ioctl_mem.h"
#include "sock/tun/tun.h"

#define FRAME_MAX 65535
#define ETH_P_IP_ 0x0800
#define ETH_P_IPV6_ 0x86dd

static int tun_init(struct cpu *cpu, struct sock *sk)
{
	list_init(&tun_file(sk)->link);
	return 0;
}

static void tun_release(struct cpu *cpu, struct sock *sk)
{
	tun_detach(cpu, tun_file(sk));
	sock_purge_queues(cpu, sk);
}

/* The type of a frame without a link-layer header whose writer does not say it. */
static int guess(const struct sk_buff *skb, u16 *type)
{
	u8 version = skb->len ? skb->data[0] >> 4 : 0;

	*type = version == 4 ? ETH_P_IP_ : ETH_P_IPV6_;
	return version == 4 || version == 6 ? 0 : -EINVAL;
}

/* skb: data at the frame. */
static int dress(struct net_device *dev, struct sk_buff *skb, const struct tun_pi *pi, const struct virtio_net_hdr *h)
{
	struct tun *t = tun_of(dev);
	u16 type;

	skb->dev = dev;
	if (t->flags & IFF_TAP) {
		if (!vnet_hdr_take(skb, h))
			return -EINVAL;
		return eth_type_trans(skb, dev) ? 0 : -EINVAL;
	}
	if (!(t->flags & IFF_NO_PI))
		skb->protocol = (be16){ pi->proto };
	else if (guess(skb, &type))
		return -EINVAL;
	else
		skb->protocol = cpu_to_be16(type);
	skb_reset_mac_header(skb);
	skb_reset_network_header(skb);
	return 0;
}

static ssize_t tun_sendmsg(struct cpu *cpu, struct sock *sk, const struct msghdr *m, int flags)
{
	struct net_device *dev = tun_file(sk)->dev;
	size_t all = msg_len(m), at = 0, len;
	struct virtio_net_hdr h = { 0 };
	struct tun_pi pi = { 0 };
	struct dev_stats *s;
	struct sk_buff *skb;
	struct tun *t;
	int err = -EINVAL;

	if (!dev)
		return -EBADFD;
	t = tun_of(dev);
	s = &dev->stats[cpu->id];
	if (!(dev->flags & IFF_UP)) {
		s->rx_dropped++;
		return -EIO;
	}
	if (!(t->flags & IFF_NO_PI)) {
		if (all < sizeof(pi) || msg_copy_to_buf(m, 0, &pi, sizeof(pi)))
			return -EINVAL;
		at = sizeof(pi);
	}
	if (t->flags & IFF_VNET_HDR) {
		if (all - at < t->vnet_hdr_len || msg_copy_to_buf(m, at, &h, sizeof(h)))
			return -EINVAL;
		at += t->vnet_hdr_len;
	}
	len = all - at;
	if (len > FRAME_MAX || (t->flags & IFF_TAP && len < ETH_HDR_LEN))
		return -EINVAL;
	skb = skb_alloc(cpu, SKB_HEADROOM, MAX((u32)len, 1u));
	if (!skb) {
		s->rx_dropped++;
		return -ENOMEM;
	}
	if (!msg_copy_to_buf(m, at, skb_put(skb, (u32)len), len))
		err = dress(dev, skb, &pi, &h);
	if (err) {
		s->rx_frame_errors += (t->flags & IFF_TAP) != 0;
		s->rx_dropped += !(t->flags & IFF_TAP);
		skb_drop(cpu, skb, SKB_DROP_REASON_DEV_HDR);
		return err;
	}
	s->rx_packets++;
	s->rx_bytes += len;
	trace_point(cpu, dev->net, skb, TP_WIRE, (u32)len, 0, dev->name);
	cpu_backlog_add(cpu, dev->net->home, skb);
	return (ssize_t)all;
}

static ssize_t tun_recvmsg(struct cpu *cpu, struct sock *sk, struct msghdr *m, int flags)
{
	struct tun_file *f = tun_file(sk);
	size_t room = msg_len(m), at = 0, n;
	struct virtio_net_hdr h;
	struct sk_buff *skb;
	struct dev_stats *s;
	struct tun *t;

	if (!f->dev)
		return -EBADFD;
	skb = f->sk.rx_queue.first;
	if (!skb)
		return -EAGAIN;
	t = tun_of(f->dev);
	if (flags & MSG_PEEK)
		return -EINVAL;
	skb_list_pop(&f->sk.rx_queue);
	f->waiting--;
	if (!(t->flags & IFF_NO_PI)) {
		struct tun_pi pi = { .proto = skb->protocol.raw };

		if (room < sizeof(pi))
			goto short_room;
		if (room - sizeof(pi) < skb->len + (t->flags & IFF_VNET_HDR ? t->vnet_hdr_len : 0))
			pi.flags |= TUN_PKT_STRIP;
		msg_copy_from_buf(m, 0, &pi, sizeof(pi));
		at = sizeof(pi);
	}
	if (t->flags & IFF_VNET_HDR) {
		if (room - at < t->vnet_hdr_len)
			goto short_room;
		vnet_hdr_fill(skb, &h);
		msg_copy_from_buf(m, at, &h, sizeof(h));
		for (u32 zero = 0, i = sizeof(h); i < t->vnet_hdr_len; i++)
			msg_copy_from_buf(m, at + i, &zero, 1);
		at += t->vnet_hdr_len;
	}
	n = MIN((size_t)skb->len, room - at);
	skb_copy_to_msg(skb, 0, m, at, n);
	s = &f->dev->stats[cpu->id];
	s->tx_packets++;
	s->tx_bytes += skb->len;
	m->msg_namelen = 0;
	m->msg_controllen = 0;
	m->msg_flags = n < skb->len ? MSG_TRUNC : 0;
	skb_consume(cpu, skb);
	return (ssize_t)(at + n);
short_room:
	skb_drop(cpu, skb, SKB_DROP_REASON_PKT_TOO_BIG);
	return -EINVAL;
}

static u32 tun_poll(struct cpu *cpu, struct sock *sk)
{
	const struct tun_file *f = tun_file(sk);

	if (f->lost)
		return POLLERR | POLLHUP;
	if (!f->dev)
		return POLLERR;
	return (f->sk.rx_queue.first ? POLLIN | POLLRDNORM : 0) | (f->dev->flags & IFF_UP ? POLLOUT | POLLWRNORM : 0);
}

/* -- ioctls -- */
static int set_offload(struct cpu *cpu, struct tun *t, unsigned long arg)
{
	u64 f = 0;

	if (arg & TUN_F_CSUM) {
		f |= NETIF_F_HW_CSUM;
		arg &= ~(unsigned long)TUN_F_CSUM;
		if (arg & (TUN_F_TSO4 | TUN_F_TSO6)) {
			if (arg & TUN_F_TSO_ECN)
				f |= NETIF_F_TSO_ECN;
			f |= (arg & TUN_F_TSO4 ? NETIF_F_TSO : 0) | (arg & TUN_F_TSO6 ? NETIF_F_TSO6 : 0);
			arg &= ~(unsigned long)(TUN_F_TSO_ECN | TUN_F_TSO4 | TUN_F_TSO6);
		}
		arg &= ~(unsigned long)TUN_F_UFO;
		if ((arg & 0x60) == 0x60) { /* TUN_F_USO4, TUN_F_USO6 */
			f |= NETIF_F_GSO_UDP_L4;
			arg &= ~0x60ul;
		}
	}
	if (arg)
		return -EINVAL;
	t->offload = f;
	dev_features_update(cpu, t->dev);
	return 0;
}

static int device_ioctl(struct cpu *cpu, struct tun *t, unsigned cmd, void *arg)
{
	unsigned long by_value = *(unsigned long *)arg;
	struct ifreq *r = arg;
	int *v = arg;

	switch (cmd) {
	case TUNSETIFF:
		return -EEXIST;
	case TUNGETIFF:
		memset(r, 0, sizeof(*r));
		memcpy(r->ifr_name, t->dev->name, IFNAMSIZ);
		r->ifr_flags = (short)tun_flags(t);
		return 0;
	case TUNSETNOCSUM:
		return 0; /* as on Linux: without effect since checksums are left open by the packet */
	case TUNSETPERSIST:
		t->flags = by_value ? t->flags | IFF_PERSIST : t->flags & ~(u32)IFF_PERSIST;
		return 0;
	case TUNSETOWNER:
		t->owner = (s32)by_value;
		return 0;
	case TUNSETGROUP:
		t->group = (s32)by_value;
		return 0;
	case TUNSETLINK:
		if (t->dev->flags & IFF_UP)
			return -EBUSY;
		t->dev->type = (u16)by_value;
		return 0;
	case TUNSETOFFLOAD:
		return set_offload(cpu, t, by_value);
	case TUNGETSNDBUF:
		*v = t->sndbuf;
		return 0;
	case TUNSETSNDBUF:
		if (*v <= 0)
			return -EINVAL;
		t->sndbuf = *v;
		return 0;
	case TUNGETVNETHDRSZ:
		*v = (int)t->vnet_hdr_len;
		return 0;
	case TUNSETVNETHDRSZ:
		if (*v < (int)sizeof(struct virtio_net_hdr) || *v > 256)
			return -EINVAL;
		t->vnet_hdr_len = (u32)*v;
		return 0;
	case TUNSETCARRIER:
		dev_set_carrier(cpu, t->dev, *v != 0);
		return 0;
	case SIOCGIFHWADDR:
		memset(&r->ifr_hwaddr, 0, sizeof(r->ifr_hwaddr));
		r->ifr_hwaddr.sa_family = t->dev->type;
		memcpy(r->ifr_hwaddr.sa_data, t->dev->dev_addr, MIN((size_t)t->dev->addr_len, sizeof(r->ifr_hwaddr.sa_data)));
		return 0;
	case SIOCSIFHWADDR:
		return r->ifr_hwaddr.sa_family != t->dev->type ? -EINVAL : dev_set_mac(cpu, t->dev, (const u8 *)r->ifr_hwaddr.sa_data, NULL);
	default:
		return -EINVAL;
	}
}

int tun_ioctl(struct cpu *cpu, struct sock *sk, unsigned cmd, void *arg, size_t len)
{
	struct tun_file *f = tun_file(sk);
	struct ifreq *r = arg;

	if (len < (cmd == TUNSETIFF || cmd == TUNGETIFF || cmd == TUNSETQUEUE || (cmd >> 8) == 0x89 ? sizeof(*r) : sizeof(unsigned long)))
		return -EINVAL;
	if (cmd == TUNGETFEATURES) {
		*(u32 *)arg = IFF_TUN | IFF_TAP | IFF_NO_PI | IFF_ONE_QUEUE | IFF_VNET_HDR | IFF_MULTI_QUEUE | IFF_NAPI | IFF_NAPI_FRAGS;
		return 0;
	}
	if (cmd == TUNSETIFF && !f->dev)
		return tun_set_iff(cpu, f, r->ifr_name, (u16)r->ifr_flags);
	if (cmd == TUNSETQUEUE)
		return tun_set_queue(cpu, f, (u16)r->ifr_flags);
	return f->dev ? device_ioctl(cpu, tun_of(f->dev), cmd, arg) : -EBADFD;
}

static const struct sock_ops tun_sock_ops = {
	.name = "tun",
	.obj_size = sizeof(struct tun_file),
	.init = tun_init,
	.release = tun_release,
	.sendmsg = tun_sendmsg,
	.recvmsg = tun_recvmsg,
	.ioctl = tun_ioctl,
	.poll = tun_poll,
};
const struct sock_family tun_family = { .family = AF_UNSPEC, .type = SOCK_RAW, .ops = &tun_sock_ops };
