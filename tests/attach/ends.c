/* FIN, RST and close, both directions: exact values, errnos and poll bits. */
#include "t.h"

static char buf[4096];

static void orderly(void)
{
	int c, s;

	SAY("-- FIN from the peer\n");
	tcp_pair(&c, &s);
	MUST(write(s, "bye", 3));
	close(s);
	SAY("poll:%s\n", bits(wait_bits(c, POLLIN | POLLRDHUP)));
	TRY("read", read(c, buf, sizeof(buf)));
	TRY("read end", read(c, buf, sizeof(buf)));
	TRY("read end again", read(c, buf, sizeof(buf)));
	SAY("poll:%s\n", bits(wait_bits(c, POLLIN | POLLRDHUP)));
	TRY("so_error", so_error(c));
	TRY("first write after FIN", write(c, "x", 1));
	close(c);

	SAY("-- half close\n");
	tcp_pair(&c, &s);
	MUST(shutdown(c, SHUT_WR));
	SAY("peer poll:%s\n", bits(wait_bits(s, POLLIN | POLLRDHUP)));
	TRY("peer reads", read(s, buf, sizeof(buf)));
	TRY("peer writes", write(s, "still", 5));
	SAY("poll:%s\n", bits(wait_bits(c, POLLIN)));
	TRY("read", read(c, buf, sizeof(buf)));
	signal(SIGPIPE, SIG_IGN);
	TRY("write after SHUT_WR", write(c, "x", 1));
	TRY("shutdown again", shutdown(c, SHUT_WR));
	MUST(shutdown(s, SHUT_WR));
	SAY("both ended:%s\n", bits(wait_bits(c, POLLIN | POLLRDHUP | POLLHUP)));
	TRY("read end", read(c, buf, sizeof(buf)));
	close(c);
	close(s);

	SAY("-- both FINs by close\n");
	tcp_pair(&c, &s);
	MUST(write(c, "abc", 3));
	close(c);
	SAY("peer poll:%s\n", bits(wait_bits(s, POLLIN | POLLRDHUP)));
	TRY("peer reads", read(s, buf, sizeof(buf)));
	TRY("peer reads end", read(s, buf, sizeof(buf)));
	close(s);
}

static void resets(void)
{
	struct linger l = { 1, 0 };
	int c, s;

	SAY("-- RST by linger\n");
	tcp_pair(&c, &s);
	MUST(write(s, "last", 4));
	wait_bits(c, POLLIN);
	MUST(setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	close(s);
	SAY("poll:%s\n", bits(wait_bits(c, POLLERR | POLLHUP)));
	TRY("read", read(c, buf, 4));
	TRY("read after RST", read(c, buf, sizeof(buf)));
	TRY("read again", read(c, buf, sizeof(buf)));
	TRY("getpeername", getpeername(c, (struct sockaddr *)buf, &(socklen_t){ 16 }));
	close(c);

	SAY("-- RST, asked by SO_ERROR\n");
	tcp_pair(&c, &s);
	MUST(setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	close(s);
	wait_bits(c, POLLERR | POLLHUP);
	SAY("so_error %s\n", strerrorname_np(so_error(c)));
	close(c);

	SAY("-- close with unread data resets\n");
	tcp_pair(&c, &s);
	MUST(write(c, "unread", 6));
	wait_bits(s, POLLIN);
	close(s);
	SAY("poll:%s\n", bits(wait_bits(c, POLLERR | POLLHUP)));
	TRY("read", read(c, buf, sizeof(buf)));
	close(c);

	SAY("-- blocked reader is reset\n");
	tcp_pair(&c, &s);
	if (fork() == 0) {
		usleep(50000);
		close(c);
		setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
		close(s);
		_exit(0);
	}
	close(s);
	TRY("blocked read", read(c, buf, sizeof(buf)));
	wait(NULL);
	close(c);
}

static void bulk(void)
{
	unsigned char *big = malloc(8 << 20);
	int c, s, st;
	size_t at = 0;
	ssize_t n;

	SAY("-- 8 MiB, then FIN\n");
	tcp_pair(&c, &s);
	if (fork() == 0) {
		close(s);
		for (size_t i = 0; i < 8u << 20; i++)
			big[i] = (unsigned char)(i * 2654435761u >> 13);
		for (size_t i = 0; i < 8u << 20; i += (size_t)n) {
			size_t want = (i * 31) % 70000 + 1;

			n = write(c, big + i, want < (8u << 20) - i ? want : (8u << 20) - i);
			if (n <= 0)
				_exit(1);
		}
		_exit(0); /* what was written is delivered although the program is gone */
	}
	close(c);
	while ((n = read(s, big + at, (8u << 20) - at + (at == 8u << 20))) > 0)
		at += (size_t)n;
	SAY("read %zu, end %zd\n", at, n);
	for (size_t i = 0; i < at; i++)
		if (big[i] != (unsigned char)(i * 2654435761u >> 13)) {
			SAY("byte %zu differs\n", i);
			break;
		}
	wait(&st);
	SAY("writer %d\n", st);
	close(s);
	free(big);
}

int main(void)
{
	orderly();
	resets();
	bulk();
	return 0;
}
