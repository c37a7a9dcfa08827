/* /proc/net/sockstat6: how many sockets of each kind are AF_INET6's, counted when somebody asks. */
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "core/proc.h"
#include "inet/ip6/ip6.h"
#include "sock/inet_sock.h"

static void show(struct netns *net, struct strbuf *out)
{
	unsigned tcp = 0, udp = 0, raw = 0;
	u64 frag = net->ip6 ? net->ip6->frag_mem_bytes : 0;
	struct sock *sk;

	list_for_each(sk, &net->core->socks, net_link) {
		if (sk->family != AF_INET6)
			continue;
		if (sk->type == SOCK_RAW)
			raw++;
		else if (sk->type == SOCK_STREAM && sk->protocol == IPPROTO_TCP)
			tcp += sk->state != TCP_CLOSE;
		else if (sk->type == SOCK_DGRAM && sk->protocol == IPPROTO_UDP)
			udp += inet_sk(sk)->num != 0;
	}
	strbuf_printf(out, "TCP6: inuse %u\nUDP6: inuse %u\nUDPLITE6: inuse 0\nRAW6: inuse %u\nFRAG6: inuse %u memory %llu\n", tcp, udp, raw,
		      frag ? 1u : 0u, (unsigned long long)frag);
}
const struct proc_file sock_proc_sockstat6 = { .name = "sockstat6", .mode = 0444, .show = show };
