/* A network namespace that nothing but a socket in flight, then a socket in another process, keeps alive. */
#include "t.h"

#include <net/if.h>
#include <sched.h>

static void send_fds(int over, const int *fds, int n)
{
	char c[CMSG_SPACE(2 * sizeof(int))] = { 0 };
	struct iovec v = { "f", 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = c, .msg_controllen = CMSG_SPACE((unsigned)n * sizeof(int)) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN((unsigned)n * sizeof(int));
	memcpy(CMSG_DATA(h), fds, (unsigned)n * sizeof(int));
	MUST(sendmsg(over, &m, 0));
}

static void recv_fds(int over, int *fds, int n)
{
	char c[CMSG_SPACE(2 * sizeof(int))], b;
	struct iovec v = { &b, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = c, .msg_controllen = sizeof(c) };

	MUST(recvmsg(over, &m, 0));
	memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&m)), (unsigned)n * sizeof(int));
}

static bool have_device(const char *name)
{
	struct ifreq r = { 0 };
	int s = MUST(socket(AF_INET, SOCK_DGRAM, 0)), e;

	strcpy(r.ifr_name, name);
	e = ioctl(s, SIOCGIFFLAGS, &r);
	close(s);
	return e == 0;
}

/* In a namespace of its own: a veth to the first one, a listener, a socket that is not yet connected. */
static void child(int over)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fds[2];
	pid_t parent = getppid();
	char cmd[128];

	MUST(unshare(CLONE_NEWNET));
	fds[0] = tcp_listener(5900, 5);
	MUST(ioctl(fds[0], SIOCSIFFLAGS, &r));
	fds[1] = MUST(socket(AF_INET, SOCK_STREAM, 0));
	snprintf(cmd, sizeof(cmd), "ip link add inner type veth peer name handed netns %d", parent);
	SAY("veth: %d\n", system(cmd));
	send_fds(over, fds, 2);
	exit(0);
}

int main(void)
{
	struct sockaddr_in a = addr("127.0.0.1", 5900);
	int sv[2], fds[2], s;
	char b[8] = "";

	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	if (fork() == 0)
		child(sv[0]);
	wait(NULL); /* from here on only the message holds the sockets */
	SAY("in flight: %s\n", have_device("handed") ? "there" : "gone");
	recv_fds(sv[1], fds, 2);
	MUST(connect(fds[1], (struct sockaddr *)&a, sizeof(a)));
	s = MUST(accept(fds[0], NULL, NULL));
	MUST(write(fds[1], "alive", 5));
	TRY("read", read(s, b, 5));
	SAY("%s\n", b);
	TRY("here, the port is free", close(tcp_listener(5900, 1)));
	close(fds[0]);
	close(fds[1]);
	SAY("one socket left: %s\n", have_device("handed") ? "there" : "gone");
	close(s);
	for (int i = 0; i < 2000 && have_device("handed"); i++)
		usleep(5000);
	SAY("none left: %s\n", have_device("handed") ? "there" : "gone");
	return 0;
}
