/* Whose rights count with a netlink request: those of who sends it, as they are now. unshare(2) and setns(2) of user namespaces take them
 * away in the midst; a child that is born into a namespace of its own never had them. */
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/syscall.h>

#include "t.h"

static int nl;

/* lo is set up: 0 or what the acknowledgement says. */
static int request(void)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg i;
	} rq = { { sizeof(rq), RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0 }, { .ifi_family = AF_UNSPEC, .ifi_index = 1, .ifi_flags = IFF_UP, .ifi_change = IFF_UP } };
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		char rest[512];
	} ans;
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	struct iovec iov = { &rq, sizeof(rq) };
	struct msghdr m = { .msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &iov, .msg_iovlen = 1 };

	if (sendmsg(nl, &m, 0) < 0)
		return errno;
	if (recv(nl, &ans, sizeof(ans), 0) < 0)
		return errno;
	return -ans.e.error;
}

static void child(const char *what, int flags)
{
	pid_t p = (pid_t)syscall(__NR_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);

	if (!p) {
		SAY("%s: %s\n", what, strerrorname_np(request()));
		_exit(0);
	}
	waitpid(p, NULL, 0);
}

int main(void)
{
	pid_t p;
	int user, said[2];
	char c;

	nl = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	for (int i = 0; i < 3; i++)
		SAY("%s\n", strerrorname_np(request()));
	child("a child", 0);
	child("a child in a namespace of its own", CLONE_NEWUSER);
	SAY("its parent: %s\n", strerrorname_np(request()));

	/* One that joins another's. */
	if (pipe(said) < 0)
		return 1;
	p = fork();
	if (!p) {
		c = (char)unshare(CLONE_NEWUSER);
		if (write(said[1], &c, 1) == 1)
			pause();
		_exit(0);
	}
	if (read(said[0], &c, 1) == 1 && !c) {
		char path[64];
		pid_t q = fork();

		if (!q) {
			snprintf(path, sizeof(path), "/proc/%d/ns/user", p);
			user = open(path, O_RDONLY);
			SAY("before setns: %s\n", strerrorname_np(request()));
			SAY("setns: %s\n", strerrorname_np(setns(user, 0) < 0 ? errno : 0));
			SAY("after: %s\n", strerrorname_np(request()));
			_exit(0);
		}
		waitpid(q, NULL, 0);
	}
	kill(p, SIGKILL);
	waitpid(p, NULL, 0);

	SAY("unshare: %s\n", strerrorname_np(unshare(CLONE_NEWUSER) < 0 ? errno : 0));
	for (int i = 0; i < 2; i++)
		SAY("%s\n", strerrorname_np(request()));
	return 0;
}
