/* Sockets apart from any protocol's own: ioctls, filters, wake-ups, stamps, what a closing namespace does. */
#include "stack/testlib.h"

#include <linux/filter.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <linux/sockios.h>
#include <net/if.h>

#include "core/proc.h"
#include "sock/sock.h"

static int ioctl_in(weft_netns *net, unsigned cmd, void *arg, size_t len)
{
	struct cpu *cpu = net->home;
	cpu_enter(cpu, cpu->now);
	int err = netns_ioctl(cpu, net, cmd, arg, len);
	cpu_leave(cpu);
	return err;
}
#define IOCTL(net, cmd, arg) ioctl_in(net, cmd, arg, sizeof *(arg))

static struct ifreq ifr_of(const char *name, const char *ip)
{
	struct ifreq r = { 0 };
	strcpy(r.ifr_name, name);
	struct sockaddr_in a = { .sin_family = AF_INET };
	if (ip) {
		inet_pton(AF_INET, ip, &a.sin_addr);
		memcpy(&r.ifr_addr, &a, sizeof a);
	}
	return r;
}
static u32 ip_of(const struct ifreq *r)
{
	struct sockaddr_in a;
	memcpy(&a, &r->ifr_addr, sizeof a);
	return a.sin_addr.s_addr;
}

static void interface_questions(void **state)
{
	struct lab l;
	struct ifreq r = ifr_of("eth0", NULL), many[8];
	struct ifconf c = { .ifc_len = sizeof many, .ifc_req = many };

	lab_pair(&l, 1);
	lab_run_ms(&l, 1);
	lab_ok(IOCTL(l.ns[LEFT], SIOCGIFINDEX, &r));
	assert_int_equal(r.ifr_ifindex, 2);
	lab_ok(IOCTL(l.ns[LEFT], SIOCGIFNAME, &r));
	assert_string_equal(r.ifr_name, "eth0");
	r.ifr_ifindex = 77;
	assert_int_equal(IOCTL(l.ns[LEFT], SIOCGIFNAME, &r), -ENODEV);
	lab_ok(IOCTL(l.ns[LEFT], SIOCGIFFLAGS, &r));
	assert_int_equal(r.ifr_flags & (IFF_UP | IFF_RUNNING | IFF_BROADCAST), IFF_UP | IFF_RUNNING | IFF_BROADCAST);
	lab_ok(IOCTL(l.ns[LEFT], SIOCGIFMTU, &r));
	assert_int_equal(r.ifr_mtu, 1500);
	lab_ok(IOCTL(l.ns[LEFT], SIOCGIFTXQLEN, &r));
	lab_ok(IOCTL(l.ns[LEFT], SIOCGIFHWADDR, &r));
	assert_int_equal(r.ifr_hwaddr.sa_family, ARPHRD_ETHER);
	r = ifr_of("eth0", NULL);
	lab_ok(IOCTL(l.ns[LEFT], SIOCGIFADDR, &r));
	assert_int_equal(ip_of(&r), inet_addr("10.0.0.1"));
	lab_ok(IOCTL(l.ns[LEFT], SIOCGIFNETMASK, &r));
	assert_int_equal(ip_of(&r), inet_addr("255.255.255.0"));
	lab_ok(IOCTL(l.ns[LEFT], SIOCGIFBRDADDR, &r));
	assert_int_equal(ip_of(&r), inet_addr("10.0.0.255"));
	r = ifr_of("nothere", NULL);
	assert_int_equal(IOCTL(l.ns[LEFT], SIOCGIFADDR, &r), -ENODEV);
	lab_ok(IOCTL(l.ns[LEFT], SIOCGIFCONF, &c));
	assert_int_equal(c.ifc_len, 2 * sizeof *many);
	assert_string_equal(many[0].ifr_name, "lo");
	assert_string_equal(many[1].ifr_name, "eth0");
	c.ifc_len = sizeof *many + 1;
	lab_ok(IOCTL(l.ns[LEFT], SIOCGIFCONF, &c));
	assert_int_equal(c.ifc_len, sizeof *many);
	c = (struct ifconf){ 0 };
	lab_ok(IOCTL(l.ns[LEFT], SIOCGIFCONF, &c));
	assert_int_equal(c.ifc_len, 2 * sizeof *many);
	assert_int_equal(ioctl_in(l.ns[LEFT], SIOCGIFADDR, &r, 4), -EFAULT);
	assert_int_equal(ioctl_in(l.ns[LEFT], 0x1234, &r, sizeof r), -ENOTTY);
	r = ifr_of("eth0", NULL);
	assert_int_equal(IOCTL(l.ns[LEFT], SIOCETHTOOL, &r), -EFAULT);
	lab_end(&l);
}

static void interface_changes(void **state)
{
	struct lab l;
	struct ifreq r;
	struct arpreq a = { .arp_flags = ATF_PERM | ATF_COM, .arp_ha = { .sa_family = ARPHRD_ETHER, .sa_data = "\2\0\0\0\0\x7" } };
	struct rtentry rt = { .rt_flags = RTF_UP | RTF_GATEWAY };
	struct sockaddr_in in = { .sin_family = AF_INET };

	lab_pair(&l, 1);
	r = ifr_of("eth0:1", "172.16.5.1");
	assert_int_equal(IOCTL(l.ns[LEFT], SIOCGIFADDR, &(struct ifreq[1]){ ifr_of("eth0:1", NULL) }[0]), -EADDRNOTAVAIL);
	lab_ok(IOCTL(l.ns[LEFT], SIOCSIFADDR, &r));
	lab_ok(IOCTL(l.ns[LEFT], SIOCGIFNETMASK, &r));
	assert_int_equal(ip_of(&r), inet_addr("255.255.0.0")); /* its class */
	r = ifr_of("eth0:1", "255.255.255.0");
	lab_ok(IOCTL(l.ns[LEFT], SIOCSIFNETMASK, &r));
	lab_ok(IOCTL(l.ns[LEFT], SIOCGIFBRDADDR, &r));
	assert_int_equal(ip_of(&r), inet_addr("172.16.5.255"));
	r = ifr_of("eth0:1", "255.0.255.0");
	assert_int_equal(IOCTL(l.ns[LEFT], SIOCSIFNETMASK, &r), -EINVAL);
	r = ifr_of("eth0:1", NULL);
	r.ifr_flags = 0;
	lab_ok(IOCTL(l.ns[LEFT], SIOCSIFFLAGS, &r));
	assert_int_equal(IOCTL(l.ns[LEFT], SIOCGIFADDR, &r), -EADDRNOTAVAIL);

	r = ifr_of("eth0", NULL);
	r.ifr_mtu = 9000;
	lab_ok(IOCTL(l.ns[LEFT], SIOCSIFMTU, &r));
	r.ifr_mtu = -1;
	assert_int_equal(IOCTL(l.ns[LEFT], SIOCSIFMTU, &r), -EINVAL);

	in.sin_addr.s_addr = inet_addr("10.0.0.77");
	memcpy(&a.arp_pa, &in, sizeof in);
	lab_ok(IOCTL(l.ns[LEFT], SIOCSARP, &a));
	memset(&a.arp_ha, 0, sizeof a.arp_ha);
	lab_ok(IOCTL(l.ns[LEFT], SIOCGARP, &a));
	assert_memory_equal(a.arp_ha.sa_data, "\2\0\0\0\0\x7", 6);
	assert_string_equal(a.arp_dev, "eth0");
	lab_ok(IOCTL(l.ns[LEFT], SIOCDARP, &a));

	in.sin_addr.s_addr = inet_addr("192.168.0.0");
	memcpy(&rt.rt_dst, &in, sizeof in);
	in.sin_addr.s_addr = inet_addr("255.255.0.0");
	memcpy(&rt.rt_genmask, &in, sizeof in);
	in.sin_addr.s_addr = inet_addr("10.0.0.2");
	memcpy(&rt.rt_gateway, &in, sizeof in);
	weft_socket *s = lab_udp(&l, LEFT, NULL, 0);
	assert_int_equal(weft_connect(s, LAB_SA("192.168.3.3", 9)), -ENETUNREACH);
	lab_ok(IOCTL(l.ns[LEFT], SIOCADDRT, &rt));
	lab_ok(weft_connect(s, LAB_SA("192.168.3.3", 9)));
	lab_ok(IOCTL(l.ns[LEFT], SIOCDELRT, &rt));
	assert_int_equal(IOCTL(l.ns[LEFT], SIOCDELRT, &rt), -ESRCH);
	assert_int_equal(weft_send(s, "x", 1, 0), -ENETUNREACH);
	weft_close(s);
	/* a program without rights */
	struct call_ctx nobody = { .uid = 1000 };
	l.ns[LEFT]->home->caller = &nobody;
	assert_int_equal(IOCTL(l.ns[LEFT], SIOCADDRT, &rt), -EPERM);
	assert_int_equal(IOCTL(l.ns[LEFT], SIOCSARP, &a), -EPERM);
	r = ifr_of("eth0", "1.2.3.4");
	assert_int_equal(IOCTL(l.ns[LEFT], SIOCSIFADDR, &r), -EPERM);
	assert_int_equal(IOCTL(l.ns[LEFT], SIOCSIFFLAGS, &r), -EPERM);
	assert_int_equal(weft_socket_new(l.ns[LEFT], AF_INET, SOCK_RAW, 1, &s), -EPERM);
	s = lab_udp(&l, LEFT, NULL, 0);
	assert_int_equal(weft_bind(s, LAB_SA("0.0.0.0", 80)), -EACCES);
	assert_int_equal(weft_setsockopt(s, SOL_SOCKET, SO_MARK, &(int){ 1 }, 4), -EPERM);
	assert_int_equal(weft_setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &(int){ 1 }, 4), -EPERM);
	assert_int_equal(weft_setsockopt(s, SOL_SOCKET, SO_PRIORITY, &(int){ 7 }, 4), -EPERM);
	assert_int_equal(weft_setsockopt(s, SOL_IP, IP_TRANSPARENT, &(int){ 1 }, 4), -EPERM);
	l.ns[LEFT]->home->caller = NULL;
	weft_close(s);
	lab_end(&l);
}

static unsigned wakes;
static u32 last_events;
static void on_event(weft_socket *s, u32 events, void *arg)
{
	assert_ptr_equal(arg, &wakes);
	wakes++;
	last_events = events;
}

/* One wake-up a step, whatever arrived; none when nothing did. */
static void waking(void **state)
{
	struct lab l;
	char buf[8];

	lab_pair(&l, 1);
	weft_socket *a = lab_udp(&l, LEFT, NULL, 0), *b = lab_udp(&l, RIGHT, "0.0.0.0", 7);
	assert_int_equal(lab_sendto(a, "x", 1, "10.0.0.2", 7), 1); /* ARP settles */
	lab_run_ms(&l, 10);
	weft_on_event(b, on_event, &wakes);
	wakes = 0;
	for (int i = 0; i < 10; i++)
		assert_int_equal(lab_sendto(a, "x", 1, "10.0.0.2", 7), 1);
	lab_run_ms(&l, 10);
	assert_int_equal(wakes, 1);
	assert_true(last_events & POLLIN);
	for (int i = 0; i < 11; i++)
		assert_int_equal(weft_recv(b, buf, sizeof buf, 0), 1);
	lab_run_ms(&l, 10);
	assert_int_equal(wakes, 1);
	weft_on_event(b, NULL, NULL);
	assert_int_equal(lab_sendto(a, "x", 1, "10.0.0.2", 7), 1);
	lab_run_ms(&l, 10);
	assert_int_equal(wakes, 1);
	weft_close(a);
	weft_close(b);
	lab_end(&l);
}

static void filters(void **state)
{
	/* a datagram passes when its payload begins with 'y'; 8 is the UDP header */
	struct sock_filter code[] = { BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 8), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'y', 0, 1),
				      BPF_STMT(BPF_RET | BPF_K, 10), BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_fprog p = { ARRAY_SIZE(code), code }, bad = { 1, code };
	struct sock_filter back[8];
	struct lab l;
	char buf[8];

	lab_pair(&l, 1);
	weft_socket *a = lab_udp(&l, LEFT, NULL, 0), *b = lab_udp(&l, RIGHT, "0.0.0.0", 7);
	assert_int_equal(weft_setsockopt(b, SOL_SOCKET, SO_ATTACH_FILTER, &bad, sizeof bad), -EINVAL);
	assert_int_equal(weft_setsockopt(b, SOL_SOCKET, SO_DETACH_FILTER, &(int){ 0 }, 4), -ENOENT);
	lab_ok(weft_setsockopt(b, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof p));
	socklen_t n = 0;
	lab_ok(weft_getsockopt(b, SOL_SOCKET, SO_GET_FILTER, NULL, &n));
	assert_int_equal(n, ARRAY_SIZE(code));
	n = ARRAY_SIZE(back);
	lab_ok(weft_getsockopt(b, SOL_SOCKET, SO_GET_FILTER, back, &n));
	assert_memory_equal(back, code, sizeof code);
	lab_sendto(a, "no", 2, "10.0.0.2", 7);
	lab_sendto(a, "yes!", 4, "10.0.0.2", 7);
	lab_run_ms(&l, 10);
	assert_int_equal(weft_recv(b, buf, sizeof buf, 0), 2); /* cut to 10 bytes, header included */
	assert_int_equal(weft_recv(b, buf, sizeof buf, 0), -EAGAIN);
	assert_int_equal(lab_drops(&l, RIGHT, SKB_DROP_REASON_SOCKET_FILTER), 1);
	lab_opt(b, SOL_SOCKET, SO_LOCK_FILTER, 1);
	assert_int_equal(weft_setsockopt(b, SOL_SOCKET, SO_DETACH_FILTER, &(int){ 0 }, 4), -EPERM);
	assert_int_equal(weft_setsockopt(b, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof p), -EPERM);
	weft_close(a);
	weft_close(b);
	lab_end(&l);
}

/* A namespace that ends under open sockets: they hear of it, their owners close them later. */
static void namespace_ends(void **state)
{
	struct lab l;
	weft_socket *out;
	char c;

	lab_pair(&l, 1);
	weft_socket *s = lab_udp(&l, LEFT, "10.0.0.1", 5), *r = lab_socket(&l, LEFT, SOCK_RAW, 253);
	lab_ok(weft_connect(s, LAB_SA("10.0.0.2", 6)));
	netns_get(l.ns[LEFT]);
	weft_netns *dead = l.ns[LEFT];
	weft_netns_free(dead);
	l.ns[LEFT] = NULL;
	assert_true(weft_poll(s) & POLLERR);
	assert_int_equal(weft_recv(s, &c, 1, 0), -ENETDOWN);
	assert_int_equal(lab_sendto(s, "x", 1, "10.0.0.2", 7), -ENETUNREACH);
	assert_int_equal(weft_socket_new(dead, AF_INET, SOCK_DGRAM, 0, &out), -ENETDOWN);
	weft_close(s);
	weft_close(r);
	netns_put(dead);
	lab_end(&l);
}

static void proc_files(void **state)
{
	struct lab l;
	struct strbuf b;

	lab_pair(&l, 1);
	weft_socket *s = lab_udp(&l, LEFT, "10.0.0.1", 0x1234), *r = lab_socket(&l, LEFT, SOCK_RAW, 253);
	strbuf_init(&b, &l.w->mem);
	lab_ok(proc_read(l.ns[LEFT], "sockstat", &b));
	assert_non_null(strstr(b.s, "sockets: used 2\n"));
	assert_non_null(strstr(b.s, "UDP: inuse 1 mem 0\n"));
	assert_non_null(strstr(b.s, "RAW: inuse 1\n"));
	strbuf_fini(&b);
	strbuf_init(&b, &l.w->mem);
	lab_ok(proc_read(l.ns[LEFT], "udp", &b));
	assert_non_null(strstr(b.s, ": 0100000A:1234 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 "));
	assert_int_equal(b.len, 256); /* two lines of 127 and their ends */
	strbuf_fini(&b);
	strbuf_init(&b, &l.w->mem);
	lab_ok(proc_read(l.ns[LEFT], "raw", &b));
	assert_non_null(strstr(b.s, " 253: 00000000:00FD "));
	strbuf_fini(&b);
	weft_close(s);
	weft_close(r);
	lab_end(&l);
}

static void hostile_messages(void **state)
{
	struct lab l;
	u8 ctl[256];
	u32 seed = 1;
	struct sockaddr_in to = lab_addr("10.0.0.2", 7);
	struct iovec iov = { "x", 1 };

	lab_pair(&l, 1);
	weft_socket *s = lab_udp(&l, LEFT, NULL, 0);
	for (int n = 0; n < 20000; n++) {
		struct msghdr m = { .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl };
		for (size_t i = 0; i < sizeof ctl; i++) {
			seed = seed * 1664525 + 1013904223;
			ctl[i] = (u8)(seed >> 24);
		}
		struct cmsghdr *c = (struct cmsghdr *)ctl;
		c->cmsg_len = seed >> 8 & 63;
		c->cmsg_level = (seed >> 5 & 1) ? SOL_IP : SOL_SOCKET;
		c->cmsg_type = (seed >> 3 & 63);
		m.msg_controllen = seed >> 16 & 127;
		weft_sendmsg(s, &m, 0);
		if (n % 64 == 0)
			lab_run_ms(&l, 1);
	}
	struct msghdr m = { .msg_name = &to, .msg_namelen = 3, .msg_iov = &iov, .msg_iovlen = 1 };
	assert_int_equal(weft_sendmsg(s, &m, 0), -EINVAL);
	m.msg_iovlen = 1025;
	assert_int_equal(weft_sendmsg(s, &m, 0), -EMSGSIZE);
	weft_close(s);
	lab_end(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interface_questions), cmocka_unit_test(interface_changes), cmocka_unit_test(waking),
		cmocka_unit_test(filters), cmocka_unit_test(namespace_ends), cmocka_unit_test(proc_files), cmocka_unit_test(hostile_messages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
