/* Bulk TCP flows on a real kernel, for the recorded side of the goodput tables (linux.sh runs it in the reference kernel).
 *
 *   flows serve SECONDS CC:COUNT[,CC:COUNT…]  a port for each group, from 5000 on; prints the bytes that each group received
 *                                             within SECONDS of the first accept, then ends
 *   flows send ADDRESS CC:COUNT[,CC:COUNT…] SEED   COUNT flows per congestion control, group by group; sends until the peer is
 *                                             gone. Where groups compete, each flow starts at a random moment of the first 500 ms
 *   flows pattern SEED loss|reorder|duplicate PERCENT   the numbers of the packets that meet with it, as an nftables set holds them
 *
 * Both ends get the group's congestion control: DCTCP needs the receiver's.
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

#include "pattern.h"

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

static void set_cc(int fd, const char *cc)
{
	need(!setsockopt(fd, SOL_TCP, TCP_CONGESTION, cc, (socklen_t)strlen(cc)), cc);
}

static int serve(double seconds, char *spec)
{
	unsigned long long bytes[16] = { 0 };
	double end = 0;
	int groups = 0, n;

	for (char *p = strtok(spec, ","); p && groups < 16; p = strtok(NULL, ",")) {
		struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((unsigned short)(PORT + groups)) };
		int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

		p[strcspn(p, ":")] = 0;
		set_cc(fd, p);
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
		need(!bind(fd, (struct sockaddr *)&a, sizeof a) && !listen(fd, 512), "listen");
		fds[groups] = (struct pollfd){ .fd = fd, .events = POLLIN };
		group_of[groups] = groups;
		groups++;
	}
	n = groups;
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

static int send_all(const char *addr, char *spec, unsigned int seed)
{
	static struct sockaddr_in to[MAX];
	static double start[MAX]; /* 0: under way */
	double begin = now();
	int n = 0, g = 0, compete = strchr(spec, ',') != NULL;

	srandom(seed);
	signal(SIGPIPE, SIG_IGN);
	for (char *p = strtok(spec, ","); p; p = strtok(NULL, ","), g++) {
		char *count = strchr(p, ':');

		need(count != NULL, "CC:COUNT");
		*count++ = 0;
		for (int i = atoi(count); i > 0 && n < MAX; i--) {
			int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

			set_cc(fd, p);
			to[n] = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((unsigned short)(PORT + g)) };
			inet_pton(AF_INET, addr, &to[n].sin_addr);
			start[n] = begin + (compete ? (double)(random() % 500) / 1000 : 0);
			fds[n++] = (struct pollfd){ .fd = ~fd }; /* poll would say POLLHUP of a socket that is not connected */
		}
	}
	for (int alive = n; alive;) {
		double next = 0, t = now();

		for (int i = 0; i < n; i++) {
			if (start[i] && start[i] <= t) {
				fds[i].fd = ~fds[i].fd;
				need(!connect(fds[i].fd, (struct sockaddr *)&to[i], sizeof to[i]) || errno == EINPROGRESS, "connect");
				fds[i].events = POLLOUT;
				start[i] = 0;
			}
			if (start[i] && (!next || start[i] < next))
				next = start[i];
		}
		poll(fds, (nfds_t)n, next ? (int)((next - t) * 1000) + 1 : -1);
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

static int print_pattern(unsigned int seed, const char *name, double percent)
{
	enum pattern what = !strcmp(name, "loss") ? PATTERN_LOSS : !strcmp(name, "reorder") ? PATTERN_REORDER : PATTERN_DUPLICATE;

	for (unsigned int i = 0, n = 0; i < PATTERN_PACKETS; i++)
		if (pattern_has(seed, what, i, percent))
			printf("%s%u", n++ ? "," : "", i);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "serve"))
		return serve(atof(argv[2]), argv[3]);
	if (argc == 5 && !strcmp(argv[1], "send"))
		return send_all(argv[2], argv[3], (unsigned int)atoi(argv[4]));
	if (argc == 5 && !strcmp(argv[1], "pattern"))
		return print_pattern((unsigned int)atoi(argv[2]), argv[3], atof(argv[4]));
	fprintf(stderr, "usage: flows serve SECONDS CC:COUNT,… | flows send ADDRESS CC:COUNT,… SEED | flows pattern SEED loss|reorder|duplicate PERCENT\n");
	return 2;
}
