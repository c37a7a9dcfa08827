/* The kernel's side of tcp_scale: connections opened and closed a second over a veth pair between two namespaces of its own, one
 * thread, both ends; by the thread's cpu time, in which the kernel's packet work is included. Needs root. Prints one number.
 *
 *   connect_rate [SECONDS]
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void need(int ok, const char *what)
{
	if (!ok) {
		perror(what);
		exit(1);
	}
}

static double cpu_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 2, start, t;
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(100), .sin_addr.s_addr = htonl(0x0a000002) };
	char cmd[400];
	long n = 0;
	int right = -1, l, one = 1;
	cpu_set_t cpu;

	CPU_ZERO(&cpu);
	CPU_SET(0, &cpu);
	sched_setaffinity(0, sizeof cpu, &cpu);
	need(!unshare(CLONE_NEWNET), "namespace");
	right = open("/proc/self/ns/net", O_RDONLY);
	need(right >= 0, "namespace");
	l = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	need(!unshare(CLONE_NEWNET), "namespace");
	snprintf(cmd, sizeof cmd,
		 "ip link add v0 type veth peer name v1 && ip link set v1 netns /proc/%d/fd/%d && ip addr add 10.0.0.1/24 dev v0 && "
		 "ip link set v0 up && nsenter --net=/proc/%d/fd/%d sh -c 'ip addr add 10.0.0.2/24 dev v1; ip link set v1 up' && "
		 "sysctl -qw net.ipv4.tcp_max_tw_buckets=1000 && sysctl -qw net.ipv4.ip_local_port_range='1024 65535'",
		 getpid(), right, getpid(), right);
	need(!system(cmd), "network");
	need(!bind(l, (struct sockaddr *)&a, sizeof a) && !listen(l, 1000), "listen");
	start = cpu_s();
	do {
		for (int i = 0; i < 100; i++, n++) {
			int c = socket(AF_INET, SOCK_STREAM, 0), s;

			need(!connect(c, (struct sockaddr *)&a, sizeof a), "connect");
			need((s = accept(l, NULL, NULL)) >= 0, "accept");
			close(c);
			close(s);
		}
		t = cpu_s() - start;
	} while (t < seconds);
	printf("%.0f\n", (double)n / t);
	return 0;
}
