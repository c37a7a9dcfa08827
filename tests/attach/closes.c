/* The effect of close: a port is free when close has returned, whoever else closes at that moment; sockets that go by the thousand are all noticed. */
#include "t.h"

#include <sys/resource.h>
#include <sys/wait.h>

/* Three processes that open and close: what tells of closes is busy. */
static void noise(pid_t pids[3])
{
	for (unsigned i = 0; i < 3; i++) {
		pids[i] = fork();
		while (!pids[i])
			close(MUST(socket(AF_INET, SOCK_STREAM, 0)));
	}
}

static unsigned refused(int kind, unsigned times)
{
	struct sockaddr_in a = addr("127.0.0.1", 4800);
	unsigned n = 0;

	for (unsigned i = 0; i < times; i++) {
		int s = MUST(socket(AF_INET, kind, 0));

		n += bind(s, (struct sockaddr *)&a, sizeof(a)) < 0;
		close(s);
	}
	return n;
}

int main(int argc, char **argv)
{
	pid_t pids[3];

	(void)argv;
	if (argc > 1) { /* holds many sockets until it is killed: run.py's lost_closes */
		struct rlimit r;
		unsigned n = 0;

		getrlimit(RLIMIT_NOFILE, &r);
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
		while (n < 3000 && socket(AF_INET, SOCK_STREAM, 0) >= 0)
			n++;
		SAY("%u\n", n);
		return pause();
	}
	noise(pids);
	SAY("stream: refused %u\n", refused(SOCK_STREAM, 1000));
	SAY("datagram: refused %u\n", refused(SOCK_DGRAM, 1000));
	for (unsigned i = 0; i < 3; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	return 0;
}
