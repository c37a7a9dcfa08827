/* The socket calls: what socket(2), bind(2) … check before a protocol sees them, and the errors they give.
 *
 * A struct socket is what a program holds; the struct sock behind it may outlive it (TCP closes in its own time). Everything
 * here runs on the home cpu and never blocks. See socket(2), bind(2), accept(2), send(2), recv(2), and sock/sock.h.
 */
#include "sock/ioctl_mem.h"
#include "sock/sock.h"

#include <limits.h>
#include <poll.h>

#include "core/stack_tables.h"
#include "sock/ifioctl.h"

#define SOCK_TYPE_MAX 11 /* types known to Linux are below */
#define AF_LIMIT 46
#define IPPROTO_LIMIT 263 /* IPPROTO_MPTCP is the highest */
#define IOV_LIMIT 1024	  /* UIO_MAXIOV */

/* The row that socket(2)'s three numbers lead to; *protocol becomes the protocol it stands for. Rows of a family and type are
 * looked through in order: an exact protocol, 0 for the default, or a row that takes any. */
static int family_find(const struct world *w, int family, int type, int *protocol, const struct sock_family **out)
{
	const struct sock_family *const *rows = w->tables->sock_families;
	bool family_seen = false, type_seen = false;

	for (; rows && *rows; rows++) {
		const struct sock_family *f = *rows;
		if (f->family != family)
			continue;
		family_seen = true;
		if (f->type != type)
			continue;
		type_seen = true;
		if (*protocol == 0 ? f->dflt : f->protocol == -1 || f->protocol == *protocol) {
			if (f->protocol != -1)
				*protocol = f->protocol;
			*out = f;
			return 0;
		}
	}
	return type_seen ? -EPROTONOSUPPORT : family_seen ? -ESOCKTNOSUPPORT : -EAFNOSUPPORT;
}

static struct socket *socket_around(struct cpu *cpu, struct netns *net, struct sock *sk)
{
	struct socket *s = mem_zalloc(cpu_mem(cpu), sizeof *s);

	if (!s)
		return NULL;
	s->net = netns_get(net);
	s->sk = sk;
	s->ops = sk->ops;
	s->family = sk->family;
	s->type = sk->type;
	s->protocol = sk->protocol;
	s->inode = sk->cookie;
	s->holder_pid = cpu->caller ? (u32)cpu->caller->pid : 0;
	sk->socket = s;
	net->core->sockstat[SOCKSTAT_USED]++;
	return s;
}

int socket_of(struct cpu *cpu, struct netns *net, const struct sock_family *f, int protocol, struct socket **out)
{
	struct sock *sk;
	int err;

	if (f->need_net_raw && !caller_net_raw(cpu))
		return -EPERM;
	if (net->dying)
		return -ENETDOWN;
	sk = sock_alloc(cpu, net, f->family, f->type, protocol, f->ops);
	if (!sk)
		return -ENOBUFS;
	if (f->ops->init && (err = f->ops->init(cpu, sk))) {
		sock_put(cpu, sk);
		return err;
	}
	*out = socket_around(cpu, net, sk);
	if (!*out) {
		if (f->ops->release)
			f->ops->release(cpu, sk);
		sock_put(cpu, sk);
		return -ENOMEM;
	}
	return 0;
}

int socket_new(struct cpu *cpu, struct netns *net, int family, int type, int protocol, struct socket **out)
{
	const struct sock_family *f = NULL;
	int err;

	if (family < 0 || family >= AF_LIMIT)
		return -EAFNOSUPPORT;
	if (type < 0 || type >= SOCK_TYPE_MAX)
		return -EINVAL;
	if (family == AF_INET && type == SOCK_PACKET)
		family = AF_PACKET;
	if ((family == AF_INET || family == AF_INET6) && (protocol < 0 || protocol >= IPPROTO_LIMIT))
		err = -EINVAL;
	else
		err = 0;
	int found = family_find(cpu->world, family, type, &protocol, &f);
	if (found == -EAFNOSUPPORT)
		return found;
	if (err || found)
		return err ? err : found;
	return socket_of(cpu, net, f, protocol, out);
}

void socket_close(struct cpu *cpu, struct socket *s)
{
	struct sock *sk = s->sk;
	struct netns *net = s->net;

	s->wake = NULL;
	sk->socket = NULL;
	if (s->ops->release)
		s->ops->release(cpu, sk);
	sk->dead = true;
	sock_put(cpu, sk);
	net->core->sockstat[SOCKSTAT_USED]--;
	mem_free(cpu_mem(cpu), s);
	netns_put(net);
}

static int addr_check(const struct sockaddr *a, socklen_t len)
{
	if (len > sizeof(struct sockaddr_storage))
		return -EINVAL;
	return a || !len ? 0 : -EFAULT;
}

int socket_bind(struct cpu *cpu, struct socket *s, const struct sockaddr *a, socklen_t len)
{
	int err = addr_check(a, len);

	if (err)
		return err;
	return s->ops->bind ? s->ops->bind(cpu, s->sk, a, len) : -EOPNOTSUPP;
}

int socket_connect(struct cpu *cpu, struct socket *s, const struct sockaddr *a, socklen_t len)
{
	int err = addr_check(a, len);
	u16 family;

	if (err)
		return err;
	if (s->ops->disconnect) {
		if (len < sizeof(family))
			return -EINVAL;
		memcpy(&family, a, sizeof(family));
		if (family == AF_UNSPEC) {
			s->ops->disconnect(cpu, s->sk);
			return 0;
		}
	}
	return s->ops->connect ? s->ops->connect(cpu, s->sk, a, len) : -EOPNOTSUPP;
}

int socket_listen(struct cpu *cpu, struct socket *s, int backlog)
{
	s32 somaxconn = s->net->core->somaxconn;

	if ((unsigned)backlog > (unsigned)somaxconn)
		backlog = somaxconn;
	return s->ops->listen ? s->ops->listen(cpu, s->sk, backlog) : -EOPNOTSUPP;
}

int socket_accept(struct cpu *cpu, struct socket *s, struct socket **out)
{
	struct sock *child = NULL;
	int err;

	if (!s->ops->accept)
		return -EOPNOTSUPP;
	err = s->ops->accept(cpu, s->sk, &child);
	if (err)
		return err;
	*out = socket_around(cpu, s->net, child);
	if (!*out) {
		if (child->ops->release)
			child->ops->release(cpu, child);
		sock_put(cpu, child);
		return -ENOMEM;
	}
	return 0;
}

int socket_getname(struct cpu *cpu, struct socket *s, bool peer, struct sockaddr_storage *a, socklen_t *len)
{
	*len = 0;
	return s->ops->getname ? s->ops->getname(cpu, s->sk, peer, a, len) : -EOPNOTSUPP;
}

/* Shape of a msghdr: import_iovec's and copy_msghdr_from_user's rules. */
static int msg_check(const struct msghdr *m)
{
	size_t total = 0;

	if (m->msg_iovlen > IOV_LIMIT)
		return -EMSGSIZE;
	for (size_t i = 0; i < m->msg_iovlen; i++) {
		size_t n = m->msg_iov[i].iov_len;
		if ((ssize_t)n < 0 || n > (size_t)SSIZE_MAX - total)
			return -EINVAL;
		if (n && !m->msg_iov[i].iov_base)
			return -EFAULT;
		total += n;
	}
	return (int)m->msg_namelen < 0 ? -EINVAL : 0;
}

ssize_t socket_sendmsg(struct cpu *cpu, struct socket *s, const struct msghdr *m, int flags)
{
	struct msghdr copy = *m;
	int err;

	if (!copy.msg_name)
		copy.msg_namelen = 0;
	if ((err = msg_check(&copy)))
		return err;
	if (copy.msg_controllen > INT_MAX)
		return -ENOBUFS;
	if (!copy.msg_control)
		copy.msg_controllen = 0;
	if (copy.msg_namelen > sizeof(struct sockaddr_storage))
		copy.msg_namelen = sizeof(struct sockaddr_storage);
	if (!copy.msg_namelen)
		copy.msg_name = NULL;
	if (copy.msg_controllen > sock_limits(s->net)->optmem_max)
		return -ENOBUFS;
	copy.msg_flags = flags;
	return s->ops->sendmsg ? s->ops->sendmsg(cpu, s->sk, &copy, flags) : -EOPNOTSUPP;
}

/* Protocols write a whole address into storage of ours; the caller gets what it has room for, and the true length. */
ssize_t socket_recvmsg(struct cpu *cpu, struct socket *s, struct msghdr *m, int flags)
{
	struct sockaddr_storage name;
	struct msghdr in = *m;
	ssize_t n;
	int err;

	if (!in.msg_name)
		in.msg_namelen = 0;
	if ((err = msg_check(&in)))
		return err;
	if (!s->ops->recvmsg)
		return -EOPNOTSUPP;
	in.msg_name = m->msg_name ? &name : NULL;
	in.msg_namelen = 0;
	in.msg_flags = flags & MSG_CMSG_CLOEXEC;
	if (!in.msg_control)
		in.msg_controllen = 0;
	n = s->ops->recvmsg(cpu, s->sk, &in, flags);
	if (n < 0)
		return n;
	if (m->msg_name) {
		memcpy(m->msg_name, &name, MIN(m->msg_namelen, in.msg_namelen));
		m->msg_namelen = in.msg_namelen;
	}
	m->msg_flags = in.msg_flags & ~MSG_CMSG_CLOEXEC;
	m->msg_controllen = m->msg_control ? (size_t)((u8 *)in.msg_control - (u8 *)m->msg_control) : 0;
	return n;
}

int socket_shutdown(struct cpu *cpu, struct socket *s, int how)
{
	return s->ops->shutdown ? s->ops->shutdown(cpu, s->sk, how) : -EOPNOTSUPP;
}

int socket_setsockopt(struct cpu *cpu, struct socket *s, int level, int name, const void *val, socklen_t len)
{
	if ((int)len < 0)
		return -EINVAL;
	if (!val && len)
		return -EFAULT;
	if (level == SOL_SOCKET)
		return sock_setsockopt(cpu, s->sk, name, val, len);
	return s->ops->setsockopt ? s->ops->setsockopt(cpu, s->sk, level, name, val, len) : -ENOPROTOOPT;
}

int socket_getsockopt(struct cpu *cpu, struct socket *s, int level, int name, void *val, socklen_t *len)
{
	if ((int)*len < 0)
		return -EINVAL;
	if (level == SOL_SOCKET)
		return sock_getsockopt(cpu, s->sk, name, val, len);
	return s->ops->getsockopt ? s->ops->getsockopt(cpu, s->sk, level, name, val, len) : -ENOPROTOOPT;
}

int socket_ioctl(struct cpu *cpu, struct socket *s, unsigned cmd, void *arg, size_t len)
{
	int err = sock_ioctl(cpu, s->sk, cmd, arg, len);

	if (err == -ENOIOCTLCMD && s->ops->ioctl)
		err = s->ops->ioctl(cpu, s->sk, cmd, arg, len);
	if (err == -ENOIOCTLCMD && s->family == AF_INET6)
		err = inet6_ioctl(cpu, s->net, cmd, arg, len);
	return err == -ENOIOCTLCMD ? netns_ioctl(cpu, s->net, cmd, arg, len) : err;
}

u32 socket_poll(struct cpu *cpu, struct socket *s) { return s->ops->poll ? s->ops->poll(cpu, s->sk) : 0; }

void socket_set_wake(struct socket *s, sock_wake_fn fn, void *arg)
{
	s->wake_arg = arg;
	s->wake = fn;
}

int socket_peek(struct cpu *cpu, struct socket *s, struct iovec *iov, unsigned max, u64 *bytes)
{
	*bytes = 0;
	return s->ops->peek ? s->ops->peek(cpu, s->sk, iov, max, bytes) : -EOPNOTSUPP;
}
void socket_consume(struct cpu *cpu, struct socket *s, u64 bytes)
{
	if (s->ops->consume)
		s->ops->consume(cpu, s->sk, bytes);
}
int socket_reserve(struct cpu *cpu, struct socket *s, struct iovec *iov, unsigned max, u64 *bytes)
{
	*bytes = 0;
	return s->ops->reserve ? s->ops->reserve(cpu, s->sk, iov, max, bytes) : -EOPNOTSUPP;
}
int socket_commit(struct cpu *cpu, struct socket *s, u64 bytes, int flags)
{
	return s->ops->commit ? s->ops->commit(cpu, s->sk, bytes, flags) : -EOPNOTSUPP;
}
