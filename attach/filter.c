/* The seccomp filter: which calls are caught.
 *
 * Caught is what creates, names, connects, accepts or configures a socket or carries an address; what moves bytes (read, write,
 * send, recv, poll, epoll) never is, nor dup, close and fcntl: descriptors are real ones. Architecture and the x32 bit are looked at
 * first. Calls whose verdict does not depend on arguments cost nothing: the kernel notes them in a bitmap and runs no filter.
 *
 * A filter sees registers only: neither paths nor the kind of a descriptor. So a caught call on somebody else's descriptor is let
 * go on by the supervisor (AF_UNIX sockets by the filter already, where they are made), and opens for reading are decided by it.
 * io_uring would do socket operations behind the filter's back: it does not exist here, and its users have a fallback.
 *
 * Programs of another architecture keep their calls, but get no sockets: they would be the empty namespace's.
 */
#include "attach/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define X32_BIT 0x40000000u
#define ARG(n) (offsetof(struct seccomp_data, args) + 8 * (n)) /* low half */
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define CATCH BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF)
#define FAIL(e) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (e))
#define LOAD(off) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (off))
#define EQ(k, t, f) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (k), (t), (f))
#define GE(k, t, f) BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (k), (t), (f))
#define GT(k, t, f) BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (k), (t), (f))
#define SET(k, t, f) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (k), (t), (f))
#define AND(k) BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (k))
#define ON(nr, len) EQ((nr), 0, (len)) /* the next len instructions are this call's */
#define CAUGHT(nr) ON((nr), 1), CATCH
#define REFUSED(nr) ON((nr), 1), FAIL(ENOSYS)

#define SEND_CAUGHT (MSG_FASTOPEN | MSG_OOB)
#define RECV_CAUGHT (MSG_ERRQUEUE | MSG_TRUNC)
/* Who asks a netlink socket so means: has what I sent been refused? What was sent without being caught is carried out first. */
#define RECV_LOOK (MSG_PEEK | MSG_DONTWAIT)

#ifndef __NR_openat2
#define __NR_openat2 437
#endif

int filter_install(u32 flags)
{
	/* What an open must not be for to be looked at. Directories are the mounted tree's. O_NONBLOCK means nothing to a file under
	 * /proc and no reader there asks for it, but a web server that opens a file for each request does. */
	u32 unless = (flags & FILTER_CATCH_WRITES ? 0 : O_ACCMODE) | O_PATH | O_DIRECTORY | O_NONBLOCK;
	u32 exec = flags & FILTER_CATCH_EXEC ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ALLOW;
	struct sock_filter prog[] = {
		LOAD(offsetof(struct seccomp_data, arch)),
		EQ(AUDIT_ARCH_X86_64, 8, 0),
		LOAD(offsetof(struct seccomp_data, nr)),
		/* i386: socketcall; io_uring_*; socket to shutdown */
		EQ(102, 5, 0),
		GE(425, 0, 1),
		GT(427, 2, 3),
		GE(359, 0, 1),
		GT(373, 0, 1),
		ALLOW,
		FAIL(ENOSYS),

		LOAD(offsetof(struct seccomp_data, nr)),
		GE(X32_BIT, 0, 1),
		FAIL(ENOSYS),

		ON(__NR_sendto, 8),
		LOAD(ARG(4)), EQ(0, 0, 5),
		LOAD(ARG(4) + 4), EQ(0, 0, 3),
		LOAD(ARG(3)), SET(SEND_CAUGHT, 1, 0),
		ALLOW, CATCH,

		ON(__NR_recvfrom, 10),
		LOAD(ARG(4)), EQ(0, 0, 7),
		LOAD(ARG(4) + 4), EQ(0, 0, 5),
		LOAD(ARG(3)), SET(RECV_CAUGHT, 3, 0), AND(RECV_LOOK), EQ(RECV_LOOK, 1, 0),
		ALLOW, CATCH,

		ON(__NR_openat, 4),
		LOAD(ARG(2)), SET(unless, 1, 0), CATCH, ALLOW,
		ON(__NR_open, 4),
		LOAD(ARG(1)), SET(unless, 1, 0), CATCH, ALLOW,
		CAUGHT(__NR_openat2),

		/* Interfaces', wireless extensions', and the numbers of /dev/net/tun, which begin behind the terminals'. */
		ON(__NR_ioctl, 12),
		LOAD(ARG(1)),
		EQ(FIONREAD, 9, 0), EQ(TIOCOUTQ, 8, 0),
		AND(0xffffff00), EQ(0x8900, 6, 0), EQ(0x8b00, 5, 0),
		LOAD(ARG(1)), AND(0xffff), GE('T' << 8 | 200, 0, 1), GT('T' << 8 | 255, 0, 1),
		ALLOW, CATCH,

		ON(__NR_socket, 4),
		LOAD(ARG(0)), EQ(AF_UNIX, 0, 1), ALLOW, CATCH,

		CAUGHT(__NR_recvmsg), CAUGHT(__NR_sendmsg), CAUGHT(__NR_recvmmsg), CAUGHT(__NR_sendmmsg),
		CAUGHT(__NR_accept), CAUGHT(__NR_accept4), CAUGHT(__NR_connect), CAUGHT(__NR_bind), CAUGHT(__NR_listen),
		CAUGHT(__NR_getsockname), CAUGHT(__NR_getpeername), CAUGHT(__NR_setsockopt), CAUGHT(__NR_getsockopt),
		CAUGHT(__NR_shutdown), CAUGHT(__NR_mount),
		/* Whose rights count is remembered until a task changes its user namespace: attach/task.c. */
		ON(__NR_unshare, 4), LOAD(ARG(0)), SET(CLONE_NEWUSER, 0, 1), CATCH, ALLOW,
		ON(__NR_setns, 5), LOAD(ARG(1)), EQ(0, 1, 0), SET(CLONE_NEWUSER, 0, 1), CATCH, ALLOW,
		ON(__NR_execve, 1), BPF_STMT(BPF_RET | BPF_K, exec),
		ON(__NR_execveat, 1), BPF_STMT(BPF_RET | BPF_K, exec),
		REFUSED(__NR_io_uring_setup), REFUSED(__NR_io_uring_enter), REFUSED(__NR_io_uring_register),
		/* Modules of the machine's kernel are not the stack's: a kernel without modules (fs_modules.c). */
		REFUSED(__NR_init_module), REFUSED(__NR_finit_module), REFUSED(__NR_delete_module),
		ALLOW,
	};
	struct sock_fprog fprog = { .len = ARRAY_SIZE(prog), .filter = prog };
	int fd = (int)syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &fprog);

	return fd < 0 ? -errno : fd;
}

int filter_possible(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog fprog = { .len = 1, .filter = &allow };
	int status = 0;
	pid_t p = fork(); /* a filter cannot be taken back */

	if (p < 0)
		return -errno;
	if (!p) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		_exit(syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &fprog) < 0 ? errno : 0);
	}
	while (waitpid(p, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
}
