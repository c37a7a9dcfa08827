/* What every kind of socket can tell about a received packet: when it came (SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMPING),
 * how many were lost before it (SO_RXQ_OVFL), its mark and priority. See socket(7) and the kernel's timestamping document.
 *
 * Stamps are the world's monotonic time of arrival, shown in real time. Old and new formats have the same layout on 64 bits
 * and differ in their type numbers.
 */
#include <linux/net_tstamp.h>
#include <sys/time.h>
#include <time.h>

#include "sock/sock.h"

#ifndef SO_RCVMARK
#define SO_RCVMARK 75
#endif

u64 sock_realtime(struct cpu *cpu, u64 mono)
{
	const struct world *w = cpu->world;
	return w->ops && w->ops->realtime ? w->ops->realtime(w->host, mono) : mono;
}

static struct timespec to_timespec(u64 ns) { return (struct timespec){ .tv_sec = (time_t)(ns / NSEC_PER_SEC), .tv_nsec = (long)(ns % NSEC_PER_SEC) }; }

static void put_stamps(struct cpu *cpu, struct sock *sk, const struct sk_buff *skb, struct msghdr *m)
{
	u64 mono = skb->tstamp ? skb->tstamp : cpu->now;
	struct timespec ts = to_timespec(sock_realtime(cpu, mono));

	if (sk->timestamp) {
		struct timeval tv = { ts.tv_sec, ts.tv_nsec / 1000 };
		msg_put_cmsg(m, SOL_SOCKET, sk->tstamp_new ? SO_TIMESTAMP_NEW : SO_TIMESTAMP_OLD, &tv, sizeof tv);
	} else if (sk->timestamp_ns) {
		msg_put_cmsg(m, SOL_SOCKET, sk->tstamp_new ? SO_TIMESTAMPNS_NEW : SO_TIMESTAMPNS_OLD, &ts, sizeof ts);
	}
	if ((sk->tsflags & SOF_TIMESTAMPING_SOFTWARE) && skb->tstamp) {
		struct timespec three[3] = { ts };
		msg_put_cmsg(m, SOL_SOCKET, sk->tstamp_new ? SO_TIMESTAMPING_NEW : SO_TIMESTAMPING_OLD, three, sizeof three);
	}
}

void sock_recv_cmsgs(struct cpu *cpu, struct sock *sk, const struct sk_buff *skb, struct msghdr *m)
{
	sk->stamp = skb->tstamp ? skb->tstamp : cpu->now;
	if (unlikely(sk->timestamp || sk->timestamp_ns || sk->tsflags))
		put_stamps(cpu, sk, skb, m);
	if (unlikely(sk->rxq_ovfl) && sk->drops)
		msg_put_cmsg(m, SOL_SOCKET, SO_RXQ_OVFL, &sk->drops, sizeof sk->drops);
	if (unlikely(sk->rcvmark))
		msg_put_cmsg(m, SOL_SOCKET, SO_MARK, &skb->mark, sizeof skb->mark);
	if (unlikely(sk->rcvpriority))
		msg_put_cmsg(m, SOL_SOCKET, SO_PRIORITY, &skb->priority, sizeof skb->priority);
}
