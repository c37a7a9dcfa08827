/* Bulk TCP flows on a real kernel, for the recorded side of the goodput tables (linux.sh runs it in the reference kernel).
 *
 *   flows serve SECONDS GROUPS            listens on ports 5000 .. 5000 + GROUPS - 1; prints the bytes that each group received
 *                                         within SECONDS of the first accept, then ends
 *   flows send ADDRESS CC:COUNT[,CC:COUNT…]   COUNT flows per congestion control, group by group; sends until the peer is gone
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX = 1024, PORT = 5000 };
static struct pollfd fds[MAX];
static int group_of[MAX];
static char buf[1 << 18];

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void need(int ok, const char *what)
{
	if (!ok) {
		perror(what);
		exit(1);
	}
}

static int serve(double seconds, int groups)
{
	unsigned long long bytes[16] = { 0 };
	double end = 0;
	int n = groups;

	for (int g = 0; g < groups; g++) {
		struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((unsigned short)(PORT + g)) };
		int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
		need(!bind(fd, (struct sockaddr *)&a, sizeof a) && !listen(fd, 512), "listen");
		fds[g] = (struct pollfd){ .fd = fd, .events = POLLIN };
		group_of[g] = g;
	}
	puts("ready");
	fflush(stdout);
	for (;;) {
		double left = end ? end - now() : 60;

		if (left <= 0)
			break;
		poll(fds, (nfds_t)n, (int)(left * 1000) + 1);
		if (end && now() >= end)
			break;
		for (int i = 0, had = n; i < had; i++) {
			if (!fds[i].revents)
				continue;
			if (i < groups) {
				int fd = accept4(fds[i].fd, NULL, NULL, SOCK_NONBLOCK);
				if (fd < 0 || n == MAX)
					continue;
				if (!end)
					end = now() + seconds;
				fds[n] = (struct pollfd){ .fd = fd, .events = POLLIN };
				group_of[n++] = i;
			} else {
				ssize_t got = read(fds[i].fd, buf, sizeof buf);
				if (got > 0)
					bytes[group_of[i]] += (unsigned long long)got;
				else if (!got || errno != EAGAIN)
					fds[i].events = 0;
			}
		}
	}
	for (int g = 0; g < groups; g++)
		printf("%s%llu", g ? " " : "", bytes[g]);
	puts("");
	return 0;
}

static int send_all(const char *addr, char *spec)
{
	int n = 0, g = 0;

	signal(SIGPIPE, SIG_IGN);
	for (char *p = strtok(spec, ","); p; p = strtok(NULL, ","), g++) {
		char *count = strchr(p, ':');

		need(count != NULL, "CC:COUNT");
		*count++ = 0;
		for (int i = atoi(count); i > 0 && n < MAX; i--) {
			struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((unsigned short)(PORT + g)) };
			int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

			inet_pton(AF_INET, addr, &a.sin_addr);
			need(!setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, p, (socklen_t)strlen(p)), p);
			need(!connect(fd, (struct sockaddr *)&a, sizeof a) || errno == EINPROGRESS, "connect");
			fds[n++] = (struct pollfd){ .fd = fd, .events = POLLOUT };
		}
	}
	for (int alive = n; alive;) {
		poll(fds, (nfds_t)n, -1);
		for (int i = 0; i < n; i++) {
			if (!fds[i].events || !fds[i].revents)
				continue;
			if (write(fds[i].fd, buf, 65536) < 0 && errno != EAGAIN) {
				fds[i].fd = -1;
				fds[i].events = 0;
				alive--;
			}
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "serve"))
		return serve(atof(argv[2]), atoi(argv[3]));
	if (argc == 4 && !strcmp(argv[1], "send"))
		return send_all(argv[2], argv[3]);
	fprintf(stderr, "usage: flows serve SECONDS GROUPS | flows send ADDRESS CC:COUNT,…\n");
	return 2;
}
