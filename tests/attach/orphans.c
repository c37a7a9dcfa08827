/* What programs see when the stack is killed: run.py kills it after "ready". */
#include "t.h"

static int fds[5];
static void *blocked_accept(void *arg) { (void)arg; return (void *)(intptr_t)(accept(fds[2], NULL, NULL) < 0 ? errno : 0); }
static void *blocked_recv(void *arg)
{
	struct sockaddr_in a;
	char b[8];

	(void)arg;
	return (void *)(intptr_t)(recvfrom(fds[3], b, 8, 0, (struct sockaddr *)&a, &(socklen_t){ sizeof(a) }) < 0 ? errno : 0);
}

int main(void)
{
	struct sockaddr_in a = addr("127.0.0.1", 4501);
	pthread_t t1, t2;
	void *r;
	char b[8];

	signal(SIGPIPE, SIG_IGN);
	tcp_pair(&fds[0], &fds[1]);
	fds[2] = tcp_listener(4500, 1);
	fds[3] = MUST(socket(AF_INET, SOCK_DGRAM, 0));
	MUST(bind(fds[3], (struct sockaddr *)&a, sizeof(a)));
	pthread_create(&t1, NULL, blocked_accept, NULL);
	pthread_create(&t2, NULL, blocked_recv, NULL);
	usleep(100000);
	SAY("ready\n");
	TRY("blocked read", read(fds[0], b, 1));
	SAY("connection:%s\n", bits(wait_bits(fds[1], POLLHUP)));
	TRY("read", read(fds[1], b, 1));
	TRY("write", write(fds[0], "x", 1));
	SAY("datagrams:%s\n", bits(wait_bits(fds[3], POLLHUP)));
	pthread_join(t1, &r);
	SAY("blocked accept %s\n", strerrorname_np((int)(intptr_t)r));
	pthread_join(t2, &r);
	SAY("blocked recvfrom %s\n", strerrorname_np((int)(intptr_t)r));
	TRY("socket", socket(AF_INET, SOCK_STREAM, 0));
	TRY("getsockname", getsockname(fds[0], (struct sockaddr *)&a, &(socklen_t){ sizeof(a) }));
	return 0;
}
