/* /dev/net/tun, for programs of a stack: their tun and tap devices are the stack's.
 *
 * A program opens the kernel's file, which does nothing yet. With TUNSETIFF the descriptor becomes one end of a SOCK_SEQPACKET pair, whose
 * other end belongs to a file of sock/tun/: a message is a frame, so that reading, writing and polling are not caught. Ioctls on it
 * are. The device goes when the program's last descriptor does.
 */
#include <fcntl.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "attach/supervisor.h"
#include "sock/tun/tun.h"

#define TUN_MAJOR 10 /* misc */
#define TUN_MINOR 200
#ifndef TUNGETDEVNETNS
#define TUNGETDEVNETNS _IO('T', 227)
#endif

/* How a command's argument is passed. */
enum { BY_VALUE, INT_IN = 1, INT_OUT = 2, IFREQ = 4 };

static unsigned shape(unsigned cmd)
{
	switch (cmd) {
	case TUNSETIFF:
		return IFREQ | INT_IN | INT_OUT;
	case TUNGETIFF:
	case SIOCGIFHWADDR:
		return IFREQ | INT_OUT;
	case TUNSETQUEUE:
	case SIOCSIFHWADDR:
		return IFREQ | INT_IN;
	case TUNGETFEATURES:
	case TUNGETSNDBUF:
	case TUNGETVNETHDRSZ:
		return INT_OUT;
	case TUNSETSNDBUF:
	case TUNSETVNETHDRSZ:
	case TUNSETCARRIER:
		return INT_IN;
	default:
		return BY_VALUE;
	}
}

/* On a descriptor that has become ours. Its effects are configuration. */
static enum call_end order(struct call *c, unsigned cmd)
{
	unsigned how = shape(cmd);
	size_t len = how & IFREQ ? sizeof(struct ifreq) : sizeof(int);
	union {
		unsigned long value;
		struct ifreq r;
	} arg = { 0 };
	struct cpu *cpu;
	int e;

	if (cmd == TUNGETDEVNETNS)
		return call_give_namespace(c, c->as->kns);
	if (how == BY_VALUE)
		arg.value = c->arg[2];
	if (how & INT_IN && call_memory(c, c->arg[2], &arg, len))
		return call_ret(c, -EFAULT);
	if (cmd == TUNSETIFF ? call_replayed(c, NULL, 0) : call_replayed(c, &arg, sizeof(arg))) /* that one's memory holds the answer by now */
		return CALL_REPLY;
	call_identify(c, c->as->kns, true);
	cpu = call_lock_all(c);
	e = c->as->s ? socket_ioctl(cpu, c->as->s, cmd, &arg, sizeof(arg)) : -EBADFD;
	call_unlock_all(c, cpu);
	if (!e && how & INT_OUT)
		e = call_write(c, c->arg[2], &arg, len);
	return call_ret(c, e);
}

/* All batons. The file, with its device, and the pair. */
static int make(struct call *c, struct cpu *cpu, struct kns *k, struct ifreq *r, int flags, int *fd, struct asock **out)
{
	struct socket *s;
	struct stat st;
	int end, e = socket_of(cpu, k->net, &tun_family, 0, &s);

	if (e)
		return e;
	e = socket_ioctl(cpu, s, TUNSETIFF, r, sizeof(*r));
	if (!e)
		e = dgram_ends(flags & O_NONBLOCK ? SOCK_NONBLOCK : 0, fd, &end);
	if (!e) {
		e = asock_new(c->a, k, s, ASOCK_DGRAM, *fd, end, out);
		if (e) {
			close(*fd);
			close(end);
		}
	}
	if (e) {
		socket_close(cpu, s);
		return e;
	}
	asock_get(*out);
	(*out)->admin = c->ctx.net_admin;
	s->holder_pid = (u32)c->tid;
	if (fstat(*fd, &st) == 0)
		s->inode = st.st_ino;
	socket_set_wake(s, dgram_wake, *out);
	return 0;
}

static bool is_tun_file(struct call *c, int *flags)
{
	int fd = task_getfd(c->a, c->tid, (int)c->arg[0]);
	struct stat st;
	bool is = fd >= 0 && fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(TUN_MAJOR, TUN_MINOR);

	if (is)
		*flags = fcntl(fd, F_GETFL);
	if (fd >= 0)
		close(fd);
	return is;
}

static enum call_end begin(struct call *c)
{
	struct asock *as = NULL;
	struct cpu *cpu;
	struct ifreq r;
	struct kns *k;
	int fd = -1, flags, e;

	if (!is_tun_file(c, &flags))
		return CALL_CONTINUE;
	if (call_replayed(c, NULL, 0)) /* repeated after a signal, it finds a descriptor that is ours: order() */
		return CALL_REPLY;
	if (call_memory(c, c->arg[2], &r, sizeof(r)))
		return call_ret(c, -EFAULT);
	e = nsmap_of_task(c->a, c->tid, false, &k);
	if (e)
		return call_ret(c, e);
	call_identify(c, k, true);
	for (int trial = 0; trial < 2; trial++) {
		cpu = call_lock_all(c);
		k->net->home->caller = cpu->caller;
		e = make(c, k->net->home, k, &r, flags, &fd, &as);
		k->net->home->caller = NULL;
		call_unlock_all(c, cpu);
		if (e != -EBUSY || trial)
			break;
		fdtable_flush(c->a); /* whoever had it may just have closed it */
	}
	kns_drop(c->a, k);
	if (e)
		return call_ret(c, e);
	e = call_write(c, c->arg[2], &r, sizeof(r));
	if (!e)
		e = call_replace_fd(c, fd, (int)c->arg[0], task_fd_cloexec(c->tid, (int)c->arg[0]) ? O_CLOEXEC : 0);
	if (!e)
		asock_seen(as, c->tid, (int)c->arg[0]);
	close(fd); /* where it was not given away, that ends all of it */
	asock_put(as);
	return call_ret(c, e);
}

bool is_tun_ioctl(unsigned cmd) { return (cmd & 0xff00) == 'T' << 8 && (cmd & 0xff) >= 200; }

enum call_end call_tun(struct call *c)
{
	unsigned cmd = (unsigned)c->arg[1];

	if (call_socket(c, (int)c->arg[0]))
		return c->as->tun ? order(c, cmd) : call_ret(c, -ENOTTY);
	return cmd == TUNSETIFF ? begin(c) : CALL_CONTINUE;
}
