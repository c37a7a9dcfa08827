/* setsockopt, getsockopt and ioctl.
 *
 * Options belong to the weft socket. A few must be told to the unix socket too, because it is what the program's uncaught reads
 * and writes wait in. Interface ioctls are answered on any socket, whatever its family: glibc sends them on AF_UNIX ones.
 */
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "attach/supervisor.h"
#include "inet/mroute/mroute.h"
#include "inet/ip4/ip4.h"

#define OPTION_MAX 65536
enum { FLOWLABEL_MGR = 32, FLOWLABEL_REQ = 32 }; /* IPV6_FLOWLABEL_MGR, struct in6_flowlabel_req */

#ifndef SIOCGSKNS
#define SIOCGSKNS 0x894C
#endif

/* What the unix socket must know too. */
static void tell_kernel(struct call *c, int name, const void *val, socklen_t len)
{
	const struct sock *sk = c->as->s->sk;

	switch (name) {
	case SO_RCVTIMEO_OLD:
	case SO_SNDTIMEO_OLD:
	case SO_RCVTIMEO_NEW:
	case SO_SNDTIMEO_NEW:
		c->as->rcvtimeo_ns = sk->rcvtimeo_ns;
		c->as->sndtimeo_ns = sk->sndtimeo_ns;
		/* fall through */
	case SO_RCVLOWAT:
		setsockopt(c->dup, SOL_SOCKET, name, val, len);
		break;
	default:
		break;
	}
}

static int set_oobinline(struct call *c, const void *val, socklen_t len)
{
	int v;

	if (setsockopt(c->dup, SOL_SOCKET, SO_OOBINLINE, val, len) < 0)
		return -errno;
	memcpy(&v, val, sizeof(v)); /* there: the kernel has refused fewer bytes */
	c->as->oobinline = v;
	return 0;
}

/* Options that every program sets, and that ask for no right: what the caller may do need not be looked up. */
static bool asks_no_right(int level, int name)
{
	static const struct {
		int level, name;
	} common[] = { { IPPROTO_TCP, TCP_NODELAY },	 { IPPROTO_TCP, TCP_CORK },	    { IPPROTO_TCP, TCP_KEEPIDLE },
		       { IPPROTO_TCP, TCP_KEEPINTVL },	 { IPPROTO_TCP, TCP_KEEPCNT },	    { IPPROTO_TCP, TCP_DEFER_ACCEPT },
		       { IPPROTO_TCP, TCP_QUICKACK },	 { IPPROTO_TCP, TCP_USER_TIMEOUT }, { IPPROTO_TCP, TCP_NOTSENT_LOWAT },
		       { SOL_SOCKET, SO_REUSEADDR },	 { SOL_SOCKET, SO_REUSEPORT },	    { SOL_SOCKET, SO_KEEPALIVE },
		       { SOL_SOCKET, SO_LINGER },	 { SOL_SOCKET, SO_SNDBUF },	    { SOL_SOCKET, SO_RCVBUF },
		       { SOL_SOCKET, SO_RCVTIMEO_OLD },	 { SOL_SOCKET, SO_SNDTIMEO_OLD },   { SOL_SOCKET, SO_OOBINLINE },
		       { SOL_SOCKET, SO_RCVLOWAT },	 { SOL_SOCKET, SO_BROADCAST },	    { IPPROTO_IP, IP_RECVERR },
		       { IPPROTO_IP, IP_MTU_DISCOVER }, { IPPROTO_IP, IP_PKTINFO } };

	for (unsigned i = 0; i < ARRAY_SIZE(common); i++)
		if (common[i].level == level && common[i].name == name)
			return true;
	return false;
}

/* Multicast forwarding: MRT_INIT and its like, and what ends it. */
static bool makes_router(int level, int name)
{
	return (level == IPPROTO_IP || level == IPPROTO_IPV6) && (mr_is_opt(name) || name == IP_ROUTER_ALERT);
}

/* What a stream's queues hold is in the program's own descriptor, where TCP_REPAIR would not find it: refused as without the right. */
static bool repairs(const struct call *c, int level, int name) { return level == IPPROTO_TCP && name == TCP_REPAIR && c->as->kind == ASOCK_STREAM; }

enum call_end call_setsockopt(struct call *c)
{
	int level = (int)c->arg[1], name = (int)c->arg[2], len = (int)c->arg[4], e = 0;
	bool all = c->as->kind == ASOCK_NETLINK || (c->as->wide && makes_router(level, name));
	struct cpu *cpu;
	u8 small[256], *val = small;

	if (len < 0 || len > OPTION_MAX)
		return call_ret(c, -EINVAL);
	if (len > (int)sizeof(small)) {
		val = malloc((size_t)len);
		if (!val)
			return call_ret(c, -ENOMEM);
	}
	if (len && c->arg[3] && call_memory(c, c->arg[3], val, (size_t)len))
		e = -EFAULT;
	if (!e && len && !c->arg[3])
		e = -EFAULT;
	if (!e && call_replayed(c, val, (size_t)len)) {
		e = (int)c->ret;
	} else if (!e && level == SOL_PACKET && name == PACKET_RX_RING && c->as->s && c->as->s->family == AF_PACKET) {
		e = call_packet_ring(c, val, (socklen_t)len);
	} else if (!e) {
		if (all || !asks_no_right(level, name))
			call_identify(c, c->as->kns, true);
		if (all && c->as->kind != ASOCK_NETLINK)
			fdtable_flush(c->a); /* a program that ended gave the table back */
		cpu = all ? call_lock_all(c) : call_lock(c);
		if (c->as->s) {
			if (c->as->kind == ASOCK_STREAM) /* what was written before the option comes before it */
				stream_pull(cpu, c->as);
			else if (c->as->kind == ASOCK_DGRAM)
				dgram_pull(cpu, c->as);
			if (level == SOL_SOCKET && name == SO_OOBINLINE && c->as->kind == ASOCK_STREAM)
				e = set_oobinline(c, val, (socklen_t)len);
			else if (repairs(c, level, name))
				e = len < (int)sizeof(int) ? -EINVAL : -EPERM;
			else
				e = c->as->s ? socket_setsockopt(cpu, c->as->s, level, name, len ? val : NULL, (socklen_t)len) : 0;
			if (!e && c->as->s && level == SOL_SOCKET)
				tell_kernel(c, name, val, (socklen_t)len);
			if (!e && c->as->s)
				dgram_mode(cpu, c->as);
		}
		if (all)
			call_unlock_all(c, cpu);
		else
			call_unlock(c, cpu);
		if (!e && level == SOL_IPV6 && name == FLOWLABEL_MGR && len >= FLOWLABEL_REQ && call_write(c, c->arg[3], val, FLOWLABEL_REQ))
			e = -EFAULT; /* the label that was chosen is told in the request */
		if (!e && c->as->s && ((level == IPPROTO_IP && name == IP_RECVERR) || (level == SOL_IPV6 && name == IPV6_RECVERR)) && val[0])
			dgram_show_errors(c);
	}
	if (val != small)
		free(val);
	return call_ret(c, e);
}

/* Of a connection that is over. */
static int of_closed(struct asock *as, int level, int name, int *v)
{
	if (level != SOL_SOCKET)
		return -EINVAL;
	*v = 0;
	switch (name) {
	case SO_ERROR:
		*v = (int)as->errnum;
		as->errnum = 0;
		return 0;
	case SO_TYPE:
		*v = SOCK_STREAM;
		return 0;
	case SO_DOMAIN:
		*v = as->local.ss_family;
		return 0;
	case SO_PROTOCOL:
		*v = IPPROTO_TCP;
		return 0;
	default:
		return 0;
	}
}

/* A closed TCP still has its tcp_info: all zero but the state. */
static int closed_tcp_info(void *val, socklen_t *len)
{
	struct tcp_info ti = { .tcpi_state = 7 /* TCP_CLOSE */ };

	return sockopt_put(val, len, &ti, sizeof(ti));
}

/* TCP_AO_GET_KEYS alone fills an array: of as many structs, of the given length, as a field of the first says. */
enum { TCP_AO_GET_KEYS_ = 41, AO_NKEYS_AT = 272, AO_KEYS_MAX = 4 << 20 /* bytes, in all */ };

enum call_end call_getsockopt(struct call *c)
{
	int level = (int)c->arg[1], name = (int)c->arg[2], e, v;
	struct asock *as = c->as;
	struct cpu *cpu;
	socklen_t len, given, each;
	u32 n, keys = 0;
	u8 *val;

	if (level == SOL_SOCKET && name == SO_ERROR && call_replayed(c, NULL, 0))
		return CALL_REPLY;
	if (call_memory(c, c->arg[4], &given, sizeof(given)))
		return call_ret(c, -EFAULT);
	if ((int)given < 0)
		return call_ret(c, -EINVAL);
	len = MIN(given, (socklen_t)OPTION_MAX);
	if (level == IPPROTO_TCP && name == TCP_AO_GET_KEYS_ && !call_memory(c, c->arg[3] + AO_NKEYS_AT, &n, sizeof(n)))
		keys = MIN(n, (u32)AO_KEYS_MAX / MAX(len, 1u));
	val = calloc(MAX(keys, 1u), len ? len : 1);
	if (!val)
		return call_ret(c, -ENOMEM);
	if (len && level != SOL_SOCKET && call_memory(c, c->arg[3], val, len))
		memset(val, 0, len); /* few options read what is there; those judge it */
	if (keys && len >= AO_NKEYS_AT + sizeof(n))
		memcpy(val + AO_NKEYS_AT, &keys, sizeof(keys));
	each = len;
	call_identify(c, as->kns, false);
	cpu = call_lock(c);
	if (as->s && as->kind == ASOCK_STREAM)
		stream_pull(cpu, as);
	if (level == SOL_SOCKET && name == SO_OOBINLINE && as->kind == ASOCK_STREAM) {
		e = getsockopt(c->dup, SOL_SOCKET, SO_OOBINLINE, val, &len) < 0 ? -errno : 0;
	} else if (level == SOL_SOCKET && name == SO_ERROR && as->errnum) {
		e = sockopt_put_int(val, &len, (int)as->errnum);
		as->errnum = 0;
	} else if (as->s) {
		e = socket_getsockopt(cpu, as->s, level, name, val, &len);
		dgram_untoken(cpu, as, c->dup);
	} else if (level == IPPROTO_TCP && name == TCP_INFO) {
		e = closed_tcp_info(val, &len);
	} else {
		e = of_closed(as, level, name, &v);
		if (!e)
			e = sockopt_put_int(val, &len, v);
	}
	call_unlock(c, cpu);
	if (!e && keys && each >= AO_NKEYS_AT + sizeof(n)) { /* so many structs, one behind the other */
		memcpy(&n, val + AO_NKEYS_AT, sizeof(n));
		if (call_write(c, c->arg[3], val, (size_t)each * MAX(MIN(n, keys), 1u)) || call_write(c, c->arg[4], &len, sizeof(len)))
			e = -EFAULT;
	} else if (!e && (call_write(c, c->arg[3], val, len) || call_write(c, c->arg[4], &len, sizeof(len)))) {
		e = -EFAULT;
	}
	free(val);
	return call_ret(c, e);
}

/* -- ioctl -- */
/* Bytes of the struct behind an interface ioctl's pointer. */
static size_t ioctl_size(unsigned cmd, bool v6)
{
	switch (cmd) {
	case FIONREAD:
	case SIOCOUTQ:
	case SIOCATMARK:
	case SIOCGPGRP:
	case SIOCSPGRP:
	case FIOSETOWN:
	case FIOGETOWN:
		return sizeof(int);
	case SIOCGIFCONF:
		return sizeof(struct ifconf);
	case SIOCADDRT:
	case SIOCDELRT:
		return v6 ? 80 /* struct in6_rtmsg */ : sizeof(struct rtentry);
	case SIOCSIFADDR:
	case SIOCDIFADDR:
		return v6 ? 24 /* struct in6_ifreq */ : sizeof(struct ifreq);
	case SIOCBRADDBR:
	case SIOCBRDELBR:
		return IFNAMSIZ;
	case SIOCGIFBR:
	case SIOCSIFBR:
		return 3 * sizeof(long);
	case SIOCSARP:
	case SIOCGARP:
	case SIOCDARP:
		return sizeof(struct arpreq);
	case 0x8906: /* SIOCGSTAMP, SIOCGSTAMPNS */
	case 0x8907:
		return 16;
	default:
		return cmd >> 16 ? (cmd >> 16) & 0x3fff : v6 && cmd == SIOCPROTOPRIVATE + 1 ? 80 /* struct sioc_sg_req6 */ : sizeof(struct ifreq);
	}
}

static enum call_end run_ioctl(struct call *c, struct kns *k, struct socket *s)
{
	unsigned cmd = (unsigned)c->arg[1];
	size_t len = ioctl_size(cmd, s && s->family == AF_INET6);
	u8 buf[256] = { 0 };
	struct cpu *cpu;
	int e;

	if (len > sizeof(buf))
		return call_ret(c, -EINVAL);
	if (len && call_memory(c, c->arg[2], buf, len))
		return call_ret(c, -EFAULT);
	if (call_replayed(c, buf, len))
		return CALL_REPLY;
	call_identify(c, k, true);
	cpu = call_lock_all(c);
	e = s ? socket_ioctl(cpu, s, cmd, buf, len) : netns_ioctl(cpu, k->net, cmd, buf, len);
	call_unlock_all(c, cpu);
	if (e >= 0 && len && call_write(c, c->arg[2], buf, len))
		e = -EFAULT;
	return call_ret(c, e == -515 ? -ENOTTY : e);
}

/* How many bytes the next read gives, and how many wait to be sent. */
static enum call_end queue_ioctl(struct call *c, unsigned cmd)
{
	struct asock *as = c->as;
	int v = 0, here = 0;
	struct cpu *cpu;
	ssize_t n;

	if (cmd == FIONREAD && as->kind == ASOCK_STREAM)
		return as->state == STREAM_LISTENING ? call_ret(c, -EINVAL) : CALL_CONTINUE;
	if (cmd == FIONREAD && as->pollerr) {
		if (ioctl(c->dup, SIOCINQ, &v) < 0)
			v = 0;
	} else if (cmd == FIONREAD) {
		n = recv(c->dup, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
		v = n < 0 ? 0 : (int)n;
	} else {
		cpu = call_lock(c);
		if (as->s) {
			if (as->kind == ASOCK_STREAM && as->end >= 0 && ioctl(as->end, SIOCINQ, &here) == 0)
				here -= as->state == STREAM_CONNECTING ? here : as->reserve;
			if (socket_ioctl(cpu, as->s, cmd, &v, sizeof(v)))
				v = 0;
		}
		call_unlock(c, cpu);
		v += here;
	}
	return call_ret(c, call_write(c, c->arg[2], &v, sizeof(v)));
}

/* The namespace of a socket: the caller's own when it is that, which is the case that programs ask for. */
enum call_end call_give_namespace(struct call *c, struct kns *k)
{
	char path[48];
	u64 ino;
	int fd, e;

	if (task_ns_ino(c->tid, "net", &ino) || ino != k->ino)
		return call_ret(c, -EPERM);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", c->tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return call_ret(c, -errno);
	e = call_send_fd(c, fd, O_CLOEXEC);
	close(fd);
	return e >= 0 || e == -ENOENT ? CALL_DONE : call_ret(c, e);
}

static bool is_interface_ioctl(unsigned cmd)
{
	return (cmd >= 0x890b && cmd <= 0x89ff && cmd != 0x89e0 /* SIOCUNIXFILE */) || (cmd >> 8) == 0x8b;
}

enum call_end call_ioctl(struct call *c)
{
	unsigned cmd = (unsigned)c->arg[1];
	enum call_end end;
	struct kns *k;
	u64 cookie;
	socklen_t len = sizeof(cookie);
	int fd;

	if (is_tun_ioctl(cmd))
		return call_tun(c);
	if (call_socket(c, (int)c->arg[0])) {
		if (c->as->tun && (cmd == SIOCGIFHWADDR || cmd == SIOCSIFHWADDR))
			return call_tun(c);
		if (cmd == SIOCGSKNS)
			return call_give_namespace(c, c->as->kns);
		if (cmd == FIONREAD || cmd == SIOCOUTQ)
			return queue_ioctl(c, cmd);
		if (cmd == SIOCATMARK || cmd == FIOSETOWN || cmd == FIOGETOWN || cmd == SIOCSPGRP || cmd == SIOCGPGRP)
			return CALL_CONTINUE; /* the unix socket's: it has the mark and sends the signals */
		if (!c->as->s && !is_interface_ioctl(cmd))
			return call_ret(c, -EINVAL);
		return run_ioctl(c, c->as->kns, c->as->s);
	}
	if (!is_interface_ioctl(cmd))
		return CALL_CONTINUE;
	fd = task_getfd(c->a, c->tid, (int)c->arg[0]);
	if (fd < 0)
		return CALL_CONTINUE;
	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) < 0) {
		close(fd);
		return CALL_CONTINUE;
	}
	close(fd);
	if (nsmap_of_task(c->a, c->tid, false, &k))
		return CALL_CONTINUE;
	end = cmd == SIOCGSKNS ? call_give_namespace(c, k) : run_ioctl(c, k, NULL);
	kns_drop(c->a, k);
	return end;
}
