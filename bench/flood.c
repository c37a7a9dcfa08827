/* Sends 64-byte UDP frames (60 and the checksum) out of a kernel device as fast as it takes them, to random addresses below 10.64.0.0/10:
 * the load for measuring the kernel's own forwarding.   flood DEV DST-MAC SECONDS [CPU]   Prints how many were sent. */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, LEN = 60 };

static void ip_checksum(uint8_t *ip)
{
	uint32_t sum = 0;
	ip[10] = ip[11] = 0;
	for (int i = 0; i < 20; i += 2)
		sum += ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	ip[10] = sum >> 8;
	ip[11] = sum;
}

int main(int argc, char **argv)
{
	static uint8_t frame[BATCH][LEN];
	struct mmsghdr msg[BATCH] = { 0 };
	struct iovec iov[BATCH];
	struct ether_addr mac;
	if (argc < 4 || !ether_aton_r(argv[2], &mac)) {
		fprintf(stderr, "usage: flood DEV DST-MAC SECONDS [CPU]\n");
		return 2;
	}
	if (argc > 4) {
		cpu_set_t set;
		CPU_ZERO(&set);
		CPU_SET(atoi(argv[4]), &set);
		sched_setaffinity(0, sizeof(set), &set);
	}
	int one = 1, fd = socket(AF_PACKET, SOCK_RAW, 0);
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(argv[1]), .sll_protocol = htons(0x0800) };
	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to))) {
		perror(argv[1]);
		return 1;
	}
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	for (int i = 0; i < BATCH; i++) {
		static const uint8_t head[] = { 0x45, 0, 0, LEN - 14, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 1, 2 };
		memcpy(frame[i], &mac, 6);
		frame[i][6] = 2;
		frame[i][12] = 8;
		memcpy(frame[i] + 14, head, sizeof(head));
		frame[i][14 + 25] = LEN - 34;
		iov[i] = (struct iovec){ frame[i], LEN };
		msg[i].msg_hdr.msg_iov = &iov[i];
		msg[i].msg_hdr.msg_iovlen = 1;
	}
	uint64_t sent = 0, x = 88172645463325252ull;
	time_t end = time(NULL) + atoi(argv[3]);
	while (time(NULL) < end) {
		for (int i = 0; i < BATCH; i++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			uint32_t dst = htonl(0x0a400000u | (uint32_t)(x & 0x3fffff));
			memcpy(frame[i] + 30, &dst, 4);
			ip_checksum(frame[i] + 14);
		}
		int n = sendmmsg(fd, msg, BATCH, 0);
		if (n > 0)
			sent += n;
	}
	printf("%llu\n", (unsigned long long)sent);
	return 0;
}
