/* /dev/net/tun: devices that are a program's. Names, flags, owners, what is read and written, with and without the headers in front; the end. */
#include "t.h"

#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sys/uio.h>

static int net_;

static int set_iff(const char *name, int flags, int *fd)
{
	struct ifreq r = { .ifr_flags = (short)flags };

	*fd = MUST(open("/dev/net/tun", O_RDWR | O_NONBLOCK));
	strcpy(r.ifr_name, name);
	if (ioctl(*fd, TUNSETIFF, &r) < 0) {
		SAY("set \"%s\" %x: %s\n", name, flags, strerrorname_np(errno));
		close(*fd);
		return -1;
	}
	SAY("set \"%s\" %x: %s\n", name, flags, r.ifr_name);
	return 0;
}

static void get_iff(int fd)
{
	struct ifreq r = { 0 };

	if (ioctl(fd, TUNGETIFF, &r) < 0)
		SAY("get: %s\n", strerrorname_np(errno));
	else
		SAY("get: %s %x\n", r.ifr_name, (unsigned short)r.ifr_flags);
}

static void up(const char *name, const char *ip, const char *mask)
{
	struct ifreq r = { 0 };
	struct sockaddr_in *a = (void *)&r.ifr_addr;

	strcpy(r.ifr_name, name);
	a->sin_family = AF_INET;
	inet_pton(AF_INET, ip, &a->sin_addr);
	MUST(ioctl(net_, SIOCSIFADDR, &r));
	inet_pton(AF_INET, mask, &a->sin_addr);
	MUST(ioctl(net_, SIOCSIFNETMASK, &r));
	MUST(ioctl(net_, SIOCGIFFLAGS, &r));
	r.ifr_flags |= IFF_UP;
	MUST(ioctl(net_, SIOCSIFFLAGS, &r));
	MUST(ioctl(net_, SIOCGIFFLAGS, &r));
	SAY("%s flags %x\n", name, (unsigned short)r.ifr_flags);
}

/* The next packet of IPv4 or ARP whose headers in front are `front` bytes, and where the packet begins. */
static ssize_t next(int fd, unsigned char *b, size_t max, size_t front, bool tap)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (;;) {
		ssize_t n;

		if (poll(&p, 1, 5000) <= 0)
			return -1;
		n = read(fd, b, max);
		if (n < (ssize_t)front + 14)
			return n;
		if (tap ? b[front + 12] == 0x08 : b[front] >> 4 == 4)
			return n;
	}
}

static unsigned short sum(const unsigned char *b, size_t n, unsigned s)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		s += (unsigned)b[i] << 8 | b[i + 1];
	s = (s & 0xffff) + (s >> 16);
	return (unsigned short)~((s & 0xffff) + (s >> 16));
}

/* Turns a packet round: the answer of whoever is behind the device. */
static void turn(unsigned char *ip)
{
	unsigned char t[4];

	memcpy(t, ip + 12, 4);
	memcpy(ip + 12, ip + 16, 4);
	memcpy(ip + 16, t, 4);
	memcpy(t, ip + 20, 2);
	memcpy(ip + 20, ip + 22, 2);
	memcpy(ip + 22, t, 2);
	ip[26] = ip[27] = 0; /* no UDP checksum */
	ip[10] = ip[11] = 0;
	ip[10] = (unsigned char)(sum(ip, 20, 0) >> 8);
	ip[11] = (unsigned char)sum(ip, 20, 0);
}

static void echo(const char *name, int flags, const char *ip, const char *peer, size_t front)
{
	struct sockaddr_in a = addr(peer, 7), from;
	unsigned char b[3000];
	char got[100] = "";
	int fd, u = MUST(socket(AF_INET, SOCK_DGRAM, 0));
	ssize_t n;

	SAY("-- %s, %zu bytes in front\n", name, front);
	if (set_iff(name, flags, &fd))
		return;
	get_iff(fd);
	up(name, ip, "255.255.255.0");
	MUST(sendto(u, "hello", 5, 0, (struct sockaddr *)&a, sizeof(a)));
	n = next(fd, b, sizeof(b), front, flags & IFF_TAP);
	if (flags & IFF_TAP && n > 0) { /* who has peer? */
		unsigned char *e = b + front, *p = e + 14;

		SAY("first: %zd, type %02x%02x, asks for %d.%d.%d.%d\n", n, e[12], e[13], p[24], p[25], p[26], p[27]);
		memcpy(e, e + 6, 6);
		memcpy(e + 6, "\2\0\0\0\0\7", 6);
		p[7] = 2;
		memcpy(p + 18, p + 8, 6);
		unsigned char t[4];
		memcpy(t, p + 14, 4);
		memcpy(p + 14, p + 24, 4);
		memcpy(p + 24, t, 4);
		memcpy(p + 8, "\2\0\0\0\0\7", 6);
		TRY("its answer", write(fd, b, (size_t)n));
		n = next(fd, b, sizeof(b), front, true);
	}
	SAY("read %zd:", n);
	for (size_t i = 0; i < front && n > 0; i++)
		SAY(" %02x", b[i]);
	if (n > 0) {
		unsigned char *p = b + front + (flags & IFF_TAP ? 14 : 0);

		SAY(" | %02x %02x proto %d to %d.%d.%d.%d \"%.5s\"\n", p[0], p[3], p[9], p[16], p[17], p[18], p[19], p + 28);
		turn(p);
		if (flags & IFF_TAP) {
			unsigned char t[6];

			memcpy(t, b + front, 6);
			memcpy(b + front, b + front + 6, 6);
			memcpy(b + front + 6, t, 6);
		}
		p[28] = 'J';
		memset(b, 0, front && flags & IFF_VNET_HDR ? front : 0);
		struct iovec v[2] = { { b, 9 }, { b + 9, (size_t)n - 9 } };
		TRY("written", writev(fd, v, 2));
		struct pollfd pf = { .fd = u, .events = POLLIN };
		poll(&pf, 1, 5000);
		socklen_t len = sizeof(from);
		n = recvfrom(u, got, sizeof(got), MSG_DONTWAIT, (struct sockaddr *)&from, &len);
		SAY("answer %zd \"%s\" from %s\n", n, got, n > 0 ? inet_ntoa(from.sin_addr) : "");
	}
	close(u);
	close(fd);
	for (unsigned i = 0; i < 500 && if_nametoindex(name); i++)
		usleep(10000);
	SAY("gone: %s\n", if_nametoindex(name) ? "no" : "yes");
}

int main(void)
{
	int fd, fd2, v;
	unsigned f = 0;
	struct ifreq r = { 0 };

	net_ = MUST(socket(AF_INET, SOCK_DGRAM, 0));
	SAY("-- names and flags\n");
	fd = MUST(open("/dev/net/tun", O_RDWR | O_NONBLOCK));
	TRY("features", ioctl(fd, TUNGETFEATURES, &f));
	SAY("%x\n", f & ~0x0040u); /* newer kernels have one more */
	get_iff(fd);
	TRY("offload without a device", ioctl(fd, TUNSETOFFLOAD, 0));
	close(fd);
	set_iff("", IFF_NO_PI, &fd);
	set_iff("lo", IFF_TUN, &fd);
	set_iff("a/b", IFF_TUN, &fd);
	if (!set_iff("", IFF_TUN | IFF_NO_PI, &fd)) {
		get_iff(fd);
		TRY("set again", ioctl(fd, TUNSETIFF, &r));
		set_iff("tun0", IFF_TUN | IFF_NO_PI, &fd2);
		set_iff("tun0", IFF_TAP | IFF_NO_PI, &fd2);
		set_iff("tun0", IFF_TUN | IFF_NO_PI | IFF_MULTI_QUEUE, &fd2);
		if (!set_iff("", IFF_TUN, &fd2)) {
			get_iff(fd2);
			close(fd2);
		}
		if (!set_iff("", IFF_TAP | IFF_VNET_HDR, &fd2)) {
			get_iff(fd2);
			TRY("vnet header", ioctl(fd2, TUNGETVNETHDRSZ, &v));
			SAY("%d\n", v);
			v = 9;
			TRY("too short", ioctl(fd2, TUNSETVNETHDRSZ, &v));
			v = 12;
			TRY("longer", ioctl(fd2, TUNSETVNETHDRSZ, &v));
			TRY("offloads", ioctl(fd2, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6));
			TRY("TSO without checksums", ioctl(fd2, TUNSETOFFLOAD, TUN_F_TSO4));
			TRY("unknown offload", ioctl(fd2, TUNSETOFFLOAD, 0x8000));
			TRY("send buffer", ioctl(fd2, TUNGETSNDBUF, &v));
			SAY("%d\n", v);
			v = 0;
			TRY("no send buffer", ioctl(fd2, TUNSETSNDBUF, &v));
			TRY("owner", ioctl(fd2, TUNSETOWNER, 0));
			TRY("group", ioctl(fd2, TUNSETGROUP, 0));
			TRY("link type while down", ioctl(fd2, TUNSETLINK, 1));
			TRY("unknown", ioctl(fd2, _IOW('T', 250, int), &v));
			close(fd2);
		}
		TRY("read", read(fd, &v, 4));
		TRY("persist", ioctl(fd, TUNSETPERSIST, 1));
		get_iff(fd);
		close(fd);
		SAY("stays: %s\n", if_nametoindex("tun0") ? "yes" : "no");
		set_iff("tun0", IFF_TAP | IFF_NO_PI, &fd);
		set_iff("tun0", IFF_TUN | IFF_NO_PI | IFF_TUN_EXCL, &fd);
		if (!set_iff("tun0", IFF_TUN | IFF_NO_PI, &fd)) {
			TRY("not persistent", ioctl(fd, TUNSETPERSIST, 0));
			close(fd);
		}
		for (unsigned i = 0; i < 500 && if_nametoindex("tun0"); i++)
			usleep(10000);
		SAY("stays: %s\n", if_nametoindex("tun0") ? "yes" : "no");
	}
	echo("tun5", IFF_TUN | IFF_NO_PI, "10.5.0.1", "10.5.0.2", 0);
	echo("tun6", IFF_TUN, "10.6.0.1", "10.6.0.2", 4);
	echo("tap7", IFF_TAP | IFF_NO_PI, "10.7.0.1", "10.7.0.2", 0);
	echo("tap8", IFF_TAP, "10.8.0.1", "10.8.0.2", 4);
	echo("tap9", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, "10.9.0.1", "10.9.0.2", 10);

	SAY("-- queues\n");
	if (!set_iff("mq0", IFF_TUN | IFF_NO_PI | IFF_MULTI_QUEUE, &fd) && !set_iff("mq0", IFF_TUN | IFF_NO_PI | IFF_MULTI_QUEUE, &fd2)) {
		set_iff("mq0", IFF_TUN | IFF_NO_PI, &v);
		r.ifr_flags = IFF_DETACH_QUEUE;
		TRY("detach", ioctl(fd2, TUNSETQUEUE, &r));
		TRY("detach again", ioctl(fd2, TUNSETQUEUE, &r));
		r.ifr_flags = IFF_ATTACH_QUEUE;
		TRY("attach", ioctl(fd2, TUNSETQUEUE, &r));
		close(fd);
		usleep(20000);
		SAY("one queue left: %s\n", if_nametoindex("mq0") ? "there" : "gone");
		close(fd2);
		for (unsigned i = 0; i < 500 && if_nametoindex("mq0"); i++)
			usleep(10000);
		SAY("no queue left: %s\n", if_nametoindex("mq0") ? "there" : "gone");
	}
	return 0;
}
