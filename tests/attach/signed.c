/* TCP-AO (RFC 5925) by a program's own calls. The kernel that the other programs were recorded on was built without; what is expected here is
 * what Linux' own tests of these options expect. The structs are those of linux/tcp.h, which this C library's headers lack. */
#include "t.h"

struct ao_add {
	struct sockaddr_storage addr;
	char alg_name[64];
	int32_t ifindex;
	uint32_t flags;
	uint16_t reserved2;
	uint8_t prefix, sndid, rcvid, maclen, keyflags, keylen, key[80];
} __attribute__((aligned(8)));
struct ao_info {
	uint32_t flags;
	uint16_t reserved2;
	uint8_t current_key, rnext;
	uint64_t good, bad, key_not_found, required, dropped_icmp;
} __attribute__((aligned(8)));
struct ao_get {
	struct sockaddr_storage addr;
	char alg_name[64];
	uint8_t key[80];
	uint32_t nkeys;
	uint16_t flags; /* 1 current, 2 rnext, 4 all */
	uint8_t sndid, rcvid, prefix, maclen, keyflags, keylen;
	int32_t ifindex;
	uint64_t good, bad;
} __attribute__((aligned(8)));
enum { ADD_KEY = 38, INFO = 40, GET_KEYS = 41, REPAIR = 42 };

static int key(int s, const char *peer, int prefix, int sndid, int rcvid, const char *secret)
{
	struct ao_add a = { .alg_name = "cmac(aes128)", .prefix = (uint8_t)prefix, .sndid = (uint8_t)sndid, .rcvid = (uint8_t)rcvid, .keylen = (uint8_t)strlen(secret) };
	struct sockaddr_in *sin = (struct sockaddr_in *)&a.addr;

	sin->sin_family = AF_INET;
	inet_pton(AF_INET, peer, &sin->sin_addr);
	memcpy(a.key, secret, strlen(secret));
	return setsockopt(s, IPPROTO_TCP, ADD_KEY, &a, sizeof(a));
}

int main(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(1790), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval soon = { .tv_sec = 1, .tv_usec = 500000 };
	struct ao_get g[3] = { { .nkeys = 3, .flags = 4 } };
	struct ao_info i = { 0 };
	int l = MUST(socket(AF_INET, SOCK_STREAM, 0)), c = MUST(socket(AF_INET, SOCK_STREAM, 0)), s;
	static char buf[100000];
	socklen_t len;
	ssize_t n, got = 0;

	TRY("key of the listener", key(l, "127.0.0.1", 32, 1, 2, "secret"));
	TRY("the same again", key(l, "127.0.0.1", 32, 1, 2, "secret"));
	TRY("of others", key(l, "10.0.0.0", 8, 9, 9, "other"));
	TRY("too long a prefix", key(l, "127.0.0.1", 33, 3, 3, "x"));
	MUST(bind(l, (struct sockaddr *)&at, sizeof(at)));
	MUST(listen(l, 5));
	TRY("key of the client", key(c, "127.0.0.1", 32, 2, 1, "secret"));
	TRY("connect", connect(c, (struct sockaddr *)&at, sizeof(at)));
	s = MUST(accept(l, NULL, NULL));
	MUST(write(c, buf, sizeof(buf)));
	while (got < (ssize_t)sizeof(buf) && (n = read(s, buf, sizeof(buf))) > 0)
		got += n;
	SAY("arrived: %zd\n", got);
	len = sizeof(i);
	TRY("info", getsockopt(c, IPPROTO_TCP, INFO, &i, &len));
	SAY("current %d rnext %d good %s bad %d\n", i.current_key, i.rnext, i.good >= 2 ? "some" : "none", (int)i.bad);
	len = sizeof(g[0]);
	TRY("keys of the listener", getsockopt(l, IPPROTO_TCP, GET_KEYS, g, &len));
	SAY("%d: %s %d %d/%d; %s %d %d/%d, %d bytes each\n", (int)g[0].nkeys, g[0].alg_name, g[0].prefix, g[0].sndid, g[0].rcvid, g[1].alg_name, g[1].prefix,
	    g[1].sndid, g[1].rcvid, (int)len);
	memset(g, 0, sizeof(g));
	g[0].nkeys = 3;
	g[0].flags = 4;
	len = sizeof(g[0]);
	TRY("keys of the child", getsockopt(s, IPPROTO_TCP, GET_KEYS, g, &len));
	SAY("%d, flags %d\n", (int)g[0].nkeys, g[0].flags);
	TRY("repair", getsockopt(s, IPPROTO_TCP, REPAIR, g, &len));
	/* Somebody without a key is not heard. */
	close(c);
	c = MUST(socket(AF_INET, SOCK_STREAM, 0));
	MUST(setsockopt(c, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof(soon)));
	TRY("unsigned connect", connect(c, (struct sockaddr *)&at, sizeof(at)));
	return 0;
}
