/* A network namespace for this process alone, its loopback up: as root, or as pretended root in a new user namespace. */
#ifndef TESTS_PRIVATE_NET_H
#define TESTS_PRIVATE_NET_H

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static inline void write_file(const char *path, const char *s)
{
	int fd = open(path, O_WRONLY);
	if (fd < 0)
		return;
	if (write(fd, s, strlen(s)) < 0)
		perror(path);
	close(fd);
}

static inline bool private_net(void)
{
	unsigned uid = getuid(), gid = getgid();
	struct ifreq r = { .ifr_name = "lo" };
	char map[64];
	int s;

	if (uid != 0 || unshare(CLONE_NEWNET)) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
			return false;
		write_file("/proc/self/setgroups", "deny");
		snprintf(map, sizeof map, "0 %u 1", uid);
		write_file("/proc/self/uid_map", map);
		snprintf(map, sizeof map, "0 %u 1", gid);
		write_file("/proc/self/gid_map", map);
	}
	s = socket(AF_INET, SOCK_DGRAM, 0);
	r.ifr_flags = IFF_UP;
	bool up = s >= 0 && !ioctl(s, SIOCSIFFLAGS, &r);
	close(s);
	return up;
}

#endif
