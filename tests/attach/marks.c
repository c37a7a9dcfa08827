/* Urgent marks under way: far behind much data, one after another, by sendmsg, in line, and what comes of them at the end. */
#include "t.h"

#define MUCH 600000

static volatile int urgs;
static void on_urg(int s) { (void)s; urgs++; }

/* Reads up to the mark or the end; returns how many bytes. */
static long to_mark(int s)
{
	static char b[1 << 16];
	long n = 0, r;
	int mark = 0;

	for (;;) {
		MUST(ioctl(s, SIOCATMARK, &mark));
		if (mark)
			return n;
		r = MUST(read(s, b, sizeof(b)));
		if (!r)
			return n;
		n += r;
	}
}

int main(void)
{
	static char much[MUCH];
	struct iovec v[2] = { { "ab", 2 }, { "c!", 2 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };
	struct sockaddr_in a = addr("127.0.0.1", 4600);
	char b[16] = "";
	int c, s, l;

	SAY("-- a mark behind much\n");
	tcp_pair(&c, &s);
	MUST(setsockopt(c, SOL_SOCKET, SO_SNDBUF, &(int){ 4096 }, sizeof(int)));
	if (fork() == 0) {
		close(s);
		for (long n = 0; n < MUCH;)
			n += MUST(write(c, much + n, (size_t)(MUCH - n)));
		MUST(send(c, "de!", 3, MSG_OOB));
		MUST(send(c, "fgh", 3, 0));
		_exit(0);
	}
	close(c);
	SAY("before the mark: %ld\n", to_mark(s));
	wait_bits(s, POLLPRI);
	TRY("urgent byte", recv(s, b, 1, MSG_OOB));
	SAY("it is %c\n", b[0]);
	SAY("behind: %ld\n", to_mark(s));
	wait(NULL);
	close(s);

	SAY("-- by sendmsg\n");
	tcp_pair(&c, &s);
	TRY("sendmsg", sendmsg(c, &m, MSG_OOB));
	wait_bits(s, POLLPRI);
	SAY("before the mark: %ld\n", to_mark(s));
	TRY("urgent byte", recv(s, b, 1, MSG_OOB));
	SAY("it is %c\n", b[0]);

	SAY("-- a second mark takes the first one's place\n");
	MUST(send(c, "1!", 2, MSG_OOB));
	wait_bits(s, POLLPRI);
	MUST(send(c, "2?", 2, MSG_OOB));
	for (int i = 0; i < 2000 && (recv(s, b, 1, MSG_OOB | MSG_PEEK) != 1 || b[0] != '?'); i++)
		usleep(1000);
	SAY("urgent is %c\n", b[0]);
	SAY("before the mark: %ld\n", to_mark(s));
	TRY("urgent byte", recv(s, b, 1, MSG_OOB));

	SAY("-- SIGURG\n");
	signal(SIGURG, on_urg);
	MUST(fcntl(s, F_SETOWN, getpid()));
	MUST(send(c, "!", 1, MSG_OOB));
	wait_bits(s, POLLPRI);
	for (int i = 0; i < 2000 && !urgs; i++)
		usleep(1000);
	SAY("seen: %s\n", urgs ? "yes" : "no");
	TRY("urgent byte", recv(s, b, 1, MSG_OOB));

	MUST(send(c, "y", 1, 0));
	MUST(read(s, b, 1));

	SAY("-- an urgent byte is the last\n");
	MUST(send(c, "x", 1, 0));
	MUST(send(c, "$", 1, MSG_OOB));
	close(c);
	SAY("poll:%s\n", bits(wait_bits(s, POLLPRI | POLLRDHUP)));
	TRY("urgent byte", recv(s, b, 1, MSG_OOB));
	SAY("it is %c\n", b[0]);
	SAY("to the end: %ld\n", to_mark(s));
	TRY("read", read(s, b, sizeof(b)));
	TRY("end", read(s, b, sizeof(b)));
	close(s);

	SAY("-- in line, asked of the listener\n");
	l = MUST(socket(AF_INET, SOCK_STREAM, 0));
	MUST(setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)));
	MUST(setsockopt(l, SOL_SOCKET, SO_OOBINLINE, &(int){ 1 }, sizeof(int)));
	MUST(bind(l, (struct sockaddr *)&a, sizeof(a)));
	MUST(listen(l, 1));
	c = tcp_to(4600);
	s = MUST(accept(l, NULL, NULL));
	MUST(getsockopt(s, SOL_SOCKET, SO_OOBINLINE, b, &(socklen_t){ sizeof(int) }));
	SAY("SO_OOBINLINE %d\n", b[0]);
	MUST(send(c, "ab!", 3, MSG_OOB));
	MUST(send(c, "cd", 2, 0));
	wait_bits(s, POLLPRI);
	TRY("not out of band", recv(s, b, 1, MSG_OOB));
	SAY("before the mark: %ld\n", to_mark(s));
	memset(b, 0, sizeof(b));
	MUST(recv(s, b, 3, MSG_WAITALL));
	SAY("then %s\n", b);
	return 0;
}
