/* One byte there and back over TCP, by plain read and write: a program for both sides of the comparison.
 *   pingpong server PORT            answers until it is killed
 *   pingpong client ADDR PORT N     prints the median and the 99th percentile round trip, in microseconds
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}
static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}
static int die(const char *what)
{
	perror(what);
	return 1;
}

int main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
	char byte = 'x';
	if (fd < 0)
		return die("socket");
	if (argc == 3 && !strcmp(argv[1], "server")) {
		a.sin_port = htons(atoi(argv[2]));
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 16))
			return die("listen");
		for (;;) {
			int c = accept(fd, NULL, NULL);
			if (c < 0)
				return die("accept");
			setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
			while (read(c, &byte, 1) == 1 && write(c, &byte, 1) == 1)
				;
			close(c);
		}
	}
	if (argc != 5 || strcmp(argv[1], "client")) {
		fprintf(stderr, "usage: pingpong server PORT | client ADDR PORT ROUNDS\n");
		return 2;
	}
	int n = atoi(argv[4]);
	uint32_t *t = calloc(n, sizeof(*t));
	a.sin_port = htons(atoi(argv[3]));
	if (n < 1 || !t || inet_pton(AF_INET, argv[2], &a.sin_addr) != 1)
		return 2;
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)))
		return die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	for (int i = 0; i < n; i++) {
		uint64_t t0 = now_ns();
		if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
			return die("round trip");
		t[i] = (uint32_t)(now_ns() - t0);
	}
	qsort(t, n, sizeof(*t), by_value);
	printf("%.2f %.2f\n", t[n / 2] / 1e3, t[(int)(n * 0.99)] / 1e3);
	free(t);
	return 0;
}
