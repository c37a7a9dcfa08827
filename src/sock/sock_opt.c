/* SOL_SOCKET: every option of socket(7) and of Linux 6.18's asm-generic/socket.h, for every kind of socket.
 *
 * Two tables carry most of it: flags that are one bool each, and options that can only be read. What is left has bounds,
 * rights or effects of its own. An option that this stack lacks answers ENOPROTOOPT or EOPNOTSUPP, as a kernel without the
 * feature does; none is accepted without acting.
 *
 * A change that concerns the protocol (keepalive timers, windows, tables keyed by device) reaches it through
 * sock_ops.sol_changed after it took effect.
 */
#include <limits.h>
#include <linux/net_tstamp.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <sys/time.h>
#include <time.h>

#include "sock/inet_sock.h"
#include "sock/sock.h"
#include "sock/sock_filter.h"
#include "link/netdevice.h"

#ifndef SO_RCVPRIORITY
#define SO_RCVPRIORITY 82
#endif
#ifndef SO_RCVMARK
#define SO_RCVMARK 75
#endif
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif
#ifndef SO_INQ
#define SO_INQ 84
#endif
#ifndef SO_TXREHASH
#define SO_TXREHASH 74
#endif
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#define SO_PEERPIDFD 77
#endif

/* Newer than the headers of Debian 12. */
#define TS_OPT_ID_TCP BIT(16)
#define TS_MASK (BIT(18) - 1) /* up to SOF_TIMESTAMPING_OPT_RX_FILTER */

/* An skb of 2048 bytes costs this much on Linux: programs read the bounds that follow from it. */
#define MIN_TRUESIZE 2304
#define SOCK_MIN_SNDBUF (2 * MIN_TRUESIZE)
#define SOCK_MIN_RCVBUF MIN_TRUESIZE
#define TC_PRIO_BESTEFFORT_MAX 6 /* priorities above need rights */

struct old_timeval {
	long sec, usec;
};

static const struct {
	int name;
	size_t offset;
} flags[] = {
#define F(opt, field) { opt, offsetof(struct sock, field) }
	F(SO_REUSEADDR, reuse),
	F(SO_REUSEPORT, reuseport),
	F(SO_DONTROUTE, dontroute),
	F(SO_BROADCAST, broadcast),
	F(SO_KEEPALIVE, keepalive),
	F(SO_OOBINLINE, oobinline),
	F(SO_NO_CHECK, no_check_tx),
	F(SO_RXQ_OVFL, rxq_ovfl),
	F(SO_WIFI_STATUS, wifi_status),
	F(SO_NOFCS, nofcs),
	F(SO_SELECT_ERR_QUEUE, select_err_queue),
	F(SO_RCVMARK, rcvmark),
	F(SO_RCVPRIORITY, rcvpriority),
#undef F
};
static bool *flag_of(struct sock *sk, int name)
{
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].name == name)
			return (bool *)((u8 *)sk + flags[i].offset);
	return NULL;
}

static bool is_inet(const struct sock *sk) { return sk->family == AF_INET || sk->family == AF_INET6; }
static void dst_reset(struct sock *sk)
{
	if (is_inet(sk))
		inet_dst_reset(inet_sk(sk));
}

int sockopt_put(void *val, socklen_t *len, const void *from, size_t size)
{
	size_t n = MIN(*len, size);

	if (n)
		memcpy(val, from, n);
	*len = (socklen_t)n;
	return 0;
}

/* -- setting -- */

static int set_timeout(u64 *to, const void *val, socklen_t len)
{
	struct old_timeval tv; /* both formats are two 64-bit words here */

	if (len < sizeof tv)
		return -EINVAL;
	memcpy(&tv, val, sizeof tv);
	if (tv.usec < 0 || tv.usec >= 1000000)
		return -EDOM;
	if (tv.sec < 0)
		*to = 0;
	else if ((!tv.sec && !tv.usec) || (u64)tv.sec >= UINT64_MAX / NSEC_PER_SEC - 1)
		*to = UINT64_MAX;
	else
		*to = (u64)tv.sec * NSEC_PER_SEC + (u64)tv.usec * NSEC_PER_USEC;
	return 0;
}

static int set_linger(struct sock *sk, const void *val, socklen_t len)
{
	struct linger l;

	if (len < sizeof l)
		return -EINVAL;
	memcpy(&l, val, sizeof l);
	sk->linger = l.l_onoff != 0;
	if (sk->linger)
		sk->linger_s = (u32)l.l_linger;
	return 0;
}

static int set_device(struct cpu *cpu, struct sock *sk, s32 ifindex)
{
	if (sk->bound_dev_if && !caller_net_raw(cpu))
		return -EPERM;
	if (ifindex < 0)
		return -EINVAL;
	sk->bound_dev_if = ifindex;
	dst_reset(sk);
	return 0;
}

static int set_device_name(struct cpu *cpu, struct sock *sk, const void *val, socklen_t len)
{
	char name[IFNAMSIZ] = "";
	s32 ifindex = 0;

	len = MIN(len, IFNAMSIZ - 1);
	if (len)
		memcpy(name, val, len);
	if (name[0]) {
		const struct net_device *dev = dev_by_name(sk->net, name);
		if (!dev)
			return -ENODEV;
		ifindex = dev->ifindex;
	}
	return set_device(cpu, sk, ifindex);
}

static void set_sndbuf(struct sock *sk, u32 v)
{
	v = MIN(v, INT_MAX / 2u);
	sk->userlocks |= SOCK_SNDBUF_LOCK;
	sk->sndbuf = MAX((s32)(v * 2), SOCK_MIN_SNDBUF);
}
static void set_rcvbuf(struct sock *sk, u32 v)
{
	v = MIN(v, INT_MAX / 2u);
	sk->userlocks |= SOCK_RCVBUF_LOCK;
	sk->rcvbuf = MAX((s32)(v * 2), SOCK_MIN_RCVBUF);
}

static void set_timestamp(struct sock *sk, int name, bool on)
{
	sk->timestamp = sk->timestamp_ns = on;
	sk->tstamp_new = false;
	if (!on)
		return;
	sk->timestamp_ns = name == SO_TIMESTAMPNS_OLD || name == SO_TIMESTAMPNS_NEW;
	sk->timestamp = !sk->timestamp_ns;
	sk->tstamp_new = name == SO_TIMESTAMP_NEW || name == SO_TIMESTAMPNS_NEW;
}

/* A stream whose bytes its holder moves (attach/): single sends are not seen, so nothing can be told about them. */
static bool holder_has_bytes(const struct sock *sk) { return sk->type == SOCK_STREAM && sk->socket && sk->socket->holder; }

/* Hardware stamps, and stamps that hardware would make, come of no device here: asking is allowed, none arrive (as on a NIC
 * without them). */
static int set_timestamping(struct sock *sk, int name, const void *val, socklen_t len)
{
	struct so_timestamping ts = { 0 };

	memcpy(&ts, val, len == sizeof ts ? sizeof ts : sizeof ts.flags);
	if (ts.flags & ~(int)TS_MASK)
		return -EINVAL;
	if ((ts.flags & TS_OPT_ID_TCP) && !(ts.flags & SOF_TIMESTAMPING_OPT_ID))
		return -EINVAL;
	if ((ts.flags & SOF_TIMESTAMPING_OPT_ID) && !(sk->tsflags & SOF_TIMESTAMPING_OPT_ID)) {
		if (sk->type == SOCK_STREAM && (sk->state == TCP_CLOSE || sk->state == TCP_LISTEN))
			return -EINVAL;
		sk->tskey = sk->ops->stamp_base ? sk->ops->stamp_base(sk, ts.flags & TS_OPT_ID_TCP) : 0;
	}
	if ((ts.flags & SOF_TIMESTAMPING_OPT_STATS) && !(ts.flags & SOF_TIMESTAMPING_OPT_TSONLY))
		return -EINVAL;
	if (ts.flags & SOF_TIMESTAMPING_BIND_PHC)
		return -EOPNOTSUPP;
	if (holder_has_bytes(sk) && (ts.flags & (SOF_TIMESTAMPING_TX_RECORD_MASK & ~SOF_TIMESTAMPING_TX_HARDWARE)))
		return -EOPNOTSUPP;
	sk->tsflags = (u32)ts.flags;
	sk->tstamp_new = name == SO_TIMESTAMPING_NEW;
	return 0;
}

static int set_txtime(struct cpu *cpu, struct sock *sk, const void *val, socklen_t len)
{
	struct sock_txtime t;

	if (len != sizeof t)
		return -EINVAL;
	memcpy(&t, val, sizeof t);
	if (t.flags & ~(u32)SOF_TXTIME_FLAGS_MASK)
		return -EINVAL;
	if (t.clockid != CLOCK_MONOTONIC && !caller_net_admin(cpu))
		return -EPERM;
	if (t.clockid != CLOCK_MONOTONIC && t.clockid != CLOCK_REALTIME && t.clockid != CLOCK_TAI)
		return -EINVAL;
	sk->txtime = true;
	sk->txtime_clock = t.clockid;
	sk->txtime_deadline = t.flags & SOF_TXTIME_DEADLINE_MODE;
	sk->txtime_report = t.flags & SOF_TXTIME_REPORT_ERRORS;
	return 0;
}

static int set_int(struct cpu *cpu, struct sock *sk, int name, int val, const void *raw, socklen_t len)
{
	const struct netns_core *limits = sock_limits(sk->net);
	bool *flag = flag_of(sk, name);

	if (flag) {
		if (name == SO_REUSEPORT && val && !is_inet(sk))
			return -EOPNOTSUPP;
		*flag = val != 0;
		if (name == SO_REUSEADDR)
			sk->force_reuse = false;
		if (name == SO_DONTROUTE)
			dst_reset(sk);
		return 0;
	}
	switch (name) {
	case SO_DEBUG:
		if (val && !caller_net_admin(cpu))
			return -EACCES;
		sk->debug = val != 0;
		return 0;
	case SO_TYPE:
	case SO_PROTOCOL:
	case SO_DOMAIN:
	case SO_ERROR:
		return -ENOPROTOOPT;
	case SO_SNDBUF:
		set_sndbuf(sk, MIN((u32)val, limits->wmem_max));
		return 0;
	case SO_SNDBUFFORCE:
		if (!caller_net_admin(cpu))
			return -EPERM;
		set_sndbuf(sk, (u32)MAX(val, 0));
		return 0;
	case SO_RCVBUF:
		set_rcvbuf(sk, MIN((u32)val, limits->rmem_max));
		return 0;
	case SO_RCVBUFFORCE:
		if (!caller_net_admin(cpu))
			return -EPERM;
		set_rcvbuf(sk, (u32)MAX(val, 0));
		return 0;
	case SO_BUF_LOCK:
		if (val & ~(SOCK_SNDBUF_LOCK | SOCK_RCVBUF_LOCK))
			return -EINVAL;
		sk->userlocks = (sk->userlocks & ~(u32)(SOCK_SNDBUF_LOCK | SOCK_RCVBUF_LOCK)) | (u32)val;
		return 0;
	case SO_PRIORITY:
		if ((val < 0 || val > TC_PRIO_BESTEFFORT_MAX) && !caller_net_raw(cpu) && !caller_net_admin(cpu))
			return -EPERM;
		sk->priority = (u32)val;
		return 0;
	case SO_LINGER:
		return set_linger(sk, raw, len);
	case SO_BSDCOMPAT:
		return 0; /* obsolete: on Linux too it does nothing since 2.2 */
	case SO_PASSCRED:
	case SO_PASSSEC:
	case SO_PASSPIDFD:
	case SO_PASSRIGHTS:
		if (sk->family != AF_NETLINK || name == SO_PASSPIDFD || name == SO_PASSRIGHTS)
			return -EOPNOTSUPP;
		*(name == SO_PASSCRED ? &sk->passcred : &sk->passsec) = val != 0;
		return 0;
	case SO_TIMESTAMP_OLD:
	case SO_TIMESTAMP_NEW:
	case SO_TIMESTAMPNS_OLD:
	case SO_TIMESTAMPNS_NEW:
		set_timestamp(sk, name, val != 0);
		return 0;
	case SO_TIMESTAMPING_OLD:
	case SO_TIMESTAMPING_NEW:
		return set_timestamping(sk, name, raw, len);
	case SO_RCVLOWAT:
		sk->rcvlowat = val < 0 ? INT_MAX : val ? val : 1;
		return 0;
	case SO_RCVTIMEO_OLD:
	case SO_RCVTIMEO_NEW:
		return set_timeout(&sk->rcvtimeo_ns, raw, len);
	case SO_SNDTIMEO_OLD:
	case SO_SNDTIMEO_NEW:
		return set_timeout(&sk->sndtimeo_ns, raw, len);
	case SO_ATTACH_FILTER:
		return sock_filter_attach(cpu, sk, raw, len);
	case SO_DETACH_FILTER:
		if (sk->lock_filter)
			return -EPERM;
		if (!sk->filter)
			return -ENOENT;
		sock_filter_detach(cpu, sk);
		return 0;
	case SO_LOCK_FILTER:
		if (sk->lock_filter && !val)
			return -EPERM;
		sk->lock_filter = val != 0;
		return 0;
	case SO_MARK:
		if (!caller_net_raw(cpu) && !caller_net_admin(cpu))
			return -EPERM;
		if (sk->mark != (u32)val)
			dst_reset(sk);
		sk->mark = (u32)val;
		return 0;
	case SO_PEEK_OFF:
		if (!sk->ops->has_peek_off)
			return -EOPNOTSUPP;
		sk->peek_off = val;
		return 0;
	case SO_MAX_PACING_RATE:
		if (len >= sizeof(u64)) {
			memcpy(&sk->max_pacing_rate, raw, sizeof(u64));
			return 0;
		}
		sk->max_pacing_rate = (u32)val == UINT32_MAX ? UINT64_MAX : (u32)val;
		return 0;
	case SO_INCOMING_CPU:
		sk->incoming_cpu = val;
		return 0;
	case SO_CNX_ADVICE:
		if (val == 1)
			dst_reset(sk);
		return 0;
	case SO_TXTIME:
		return set_txtime(cpu, sk, raw, len);
	case SO_BINDTOIFINDEX:
		return set_device(cpu, sk, val);
	case SO_TXREHASH:
		if (!is_inet(sk) || sk->type != SOCK_STREAM)
			return -EOPNOTSUPP;
		if (val < -1 || val > 1)
			return -EINVAL;
		sk->txrehash = val == -1 ? sk->net->core->txrehash : val != 0;
		return 0;
	case SO_ZEROCOPY:
		if (!is_inet(sk) || sk->type != SOCK_STREAM || holder_has_bytes(sk))
			return -EOPNOTSUPP;
		if (val < 0 || val > 1)
			return -EINVAL;
		sk->zerocopy = val;
		return 0;
	case SO_ATTACH_BPF:
	case SO_ATTACH_REUSEPORT_CBPF:
	case SO_ATTACH_REUSEPORT_EBPF:
	case SO_RESERVE_MEM:
		return -EOPNOTSUPP;
	case SO_DETACH_REUSEPORT_BPF:
		return sk->reuseport ? -ENOENT : -EINVAL;
	default: /* busy polling and device memory among them */
		return -ENOPROTOOPT;
	}
}

int sock_setsockopt(struct cpu *cpu, struct sock *sk, int name, const void *val, socklen_t len)
{
	int v, err;

	if (name == SO_BINDTODEVICE) {
		err = set_device_name(cpu, sk, val, len);
	} else {
		if (len < sizeof v)
			return -EINVAL;
		memcpy(&v, val, sizeof v);
		err = set_int(cpu, sk, name, v, val, len);
	}
	if (!err && sk->ops->sol_changed)
		sk->ops->sol_changed(cpu, sk, name);
	return err;
}

/* -- reading -- */

static int get_timeout(u64 ns, void *val, socklen_t *len)
{
	struct old_timeval tv = { 0, 0 };

	if (ns != UINT64_MAX) {
		tv.sec = (long)(ns / NSEC_PER_SEC);
		tv.usec = (long)(ns % NSEC_PER_SEC / NSEC_PER_USEC);
	}
	return sockopt_put(val, len, &tv, sizeof tv);
}

static int get_device_name(const struct sock *sk, void *val, socklen_t *len)
{
	const struct net_device *dev;

	if (!sk->bound_dev_if) {
		*len = 0;
		return 0;
	}
	if (*len < IFNAMSIZ)
		return -EINVAL;
	dev = dev_by_index(sk->net, sk->bound_dev_if);
	if (!dev)
		return -ENODEV;
	return sockopt_put(val, len, dev->name, strlen(dev->name) + 1);
}

static int get_meminfo(const struct sock *sk, void *val, socklen_t *len)
{
	u32 m[SK_MEMINFO_VARS] = {
		[SK_MEMINFO_RMEM_ALLOC] = sk->rmem_alloc,	[SK_MEMINFO_RCVBUF] = (u32)sk->rcvbuf,
		[SK_MEMINFO_WMEM_ALLOC] = sk->wmem_alloc,	[SK_MEMINFO_SNDBUF] = (u32)sk->sndbuf,
		[SK_MEMINFO_FWD_ALLOC] = sk->forward_alloc,	[SK_MEMINFO_WMEM_QUEUED] = sk->wmem_queued,
		[SK_MEMINFO_OPTMEM] = sk->omem_alloc,		[SK_MEMINFO_DROPS] = sk->drops,
	};
	return sockopt_put(val, len, m, sizeof m);
}

static int get_timestamping(const struct sock *sk, int name, void *val, socklen_t *len)
{
	struct so_timestamping ts = { 0 };

	if (name == SO_TIMESTAMPING_OLD || sk->tstamp_new)
		ts.flags = (int)sk->tsflags;
	return sockopt_put(val, len, &ts, sizeof ts);
}

static int get_txtime(const struct sock *sk, void *val, socklen_t *len)
{
	struct sock_txtime t = { .clockid = sk->txtime_clock };

	t.flags = (sk->txtime_deadline ? SOF_TXTIME_DEADLINE_MODE : 0) | (sk->txtime_report ? SOF_TXTIME_REPORT_ERRORS : 0);
	return sockopt_put(val, len, &t, sizeof t);
}

static int get_peername(struct cpu *cpu, struct sock *sk, void *val, socklen_t *len)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof a;
	int err;

	memset(&a, 0, sizeof a);
	if (!sk->ops->getname || (err = sk->ops->getname(cpu, sk, true, &a, &n)))
		return -ENOTCONN;
	if (n < *len)
		return -EINVAL;
	return sockopt_put(val, len, &a, n);
}

static int get_word(struct sock *sk, int name, int *v)
{
	switch (name) {
	case SO_DEBUG: *v = sk->debug; return 0;
	case SO_TYPE: *v = sk->type; return 0;
	case SO_PROTOCOL: *v = sk->protocol; return 0;
	case SO_DOMAIN: *v = sk->family; return 0;
	case SO_ACCEPTCONN: *v = sk->state == TCP_LISTEN; return 0;
	case SO_SNDBUF: *v = sk->sndbuf; return 0;
	case SO_RCVBUF: *v = sk->rcvbuf; return 0;
	case SO_SNDLOWAT: *v = 1; return 0;
	case SO_RCVLOWAT: *v = sk->rcvlowat; return 0;
	case SO_PRIORITY: *v = (int)sk->priority; return 0;
	case SO_BSDCOMPAT: *v = 0; return 0;
	case SO_MARK: *v = (int)sk->mark; return 0;
	case SO_BUF_LOCK: *v = (int)(sk->userlocks & (SOCK_SNDBUF_LOCK | SOCK_RCVBUF_LOCK)); return 0;
	case SO_LOCK_FILTER: *v = sk->lock_filter; return 0;
	case SO_INCOMING_CPU: *v = sk->incoming_cpu; return 0;
	case SO_BINDTOIFINDEX: *v = sk->bound_dev_if; return 0;
	case SO_TXREHASH:
		if (!is_inet(sk) || sk->type != SOCK_STREAM)
			return -EOPNOTSUPP;
		*v = sk->txrehash;
		return 0;
	case SO_ZEROCOPY: *v = sk->zerocopy; return 0;
	case SO_RESERVE_MEM: *v = 0; return 0;
	case SO_BPF_EXTENSIONS: *v = sock_filter_extensions(); return 0;
	case SO_TIMESTAMP_OLD: *v = sk->timestamp && !sk->tstamp_new; return 0;
	case SO_TIMESTAMP_NEW: *v = sk->timestamp && sk->tstamp_new; return 0;
	case SO_TIMESTAMPNS_OLD: *v = sk->timestamp_ns && !sk->tstamp_new; return 0;
	case SO_TIMESTAMPNS_NEW: *v = sk->timestamp_ns && sk->tstamp_new; return 0;
	case SO_ERROR:
		*v = -sock_error(sk);
		if (!*v) {
			*v = sk->err_soft;
			sk->err_soft = 0;
		}
		return 0;
	case SO_PASSCRED:
	case SO_PASSSEC:
		if (sk->family != AF_NETLINK)
			return -EOPNOTSUPP;
		*v = name == SO_PASSCRED ? sk->passcred : sk->passsec;
		return 0;
	case SO_PASSPIDFD:
	case SO_PASSRIGHTS: return -EOPNOTSUPP;
	case SO_PEEK_OFF:
		if (!sk->ops->has_peek_off)
			return -EOPNOTSUPP;
		*v = sk->peek_off;
		return 0;
	default: return -ENOPROTOOPT;
	}
}

int sock_getsockopt(struct cpu *cpu, struct sock *sk, int name, void *val, socklen_t *len)
{
	bool *flag = flag_of(sk, name);
	int v, err;

	if (flag)
		return sockopt_put_int(val, len, *flag + (name == SO_REUSEADDR && sk->force_reuse));
	switch (name) {
	case SO_LINGER: {
		struct linger l = { .l_onoff = sk->linger, .l_linger = (int)sk->linger_s };
		return sockopt_put(val, len, &l, sizeof l);
	}
	case SO_RCVTIMEO_OLD:
	case SO_RCVTIMEO_NEW: return get_timeout(sk->rcvtimeo_ns, val, len);
	case SO_SNDTIMEO_OLD:
	case SO_SNDTIMEO_NEW: return get_timeout(sk->sndtimeo_ns, val, len);
	case SO_TIMESTAMPING_OLD:
	case SO_TIMESTAMPING_NEW: return get_timestamping(sk, name, val, len);
	case SO_PEERCRED: {
		struct ucred c = { .pid = 0, .uid = (uid_t)-1, .gid = (gid_t)-1 };
		return sockopt_put(val, len, &c, sizeof c);
	}
	case SO_PEERNAME: return get_peername(cpu, sk, val, len);
	case SO_PEERGROUPS: return -ENODATA;
	case SO_PEERPIDFD: return -ENODATA;
	case SO_BINDTODEVICE: return get_device_name(sk, val, len);
	case SO_ATTACH_FILTER: return sock_filter_get(sk, cpu->caller != NULL, val, len);
	case SO_MEMINFO: return get_meminfo(sk, val, len);
	case SO_TXTIME: return get_txtime(sk, val, len);
	case SO_COOKIE:
		if (*len < sizeof(u64))
			return -EINVAL;
		return sockopt_put(val, len, &sk->cookie, sizeof(u64));
	case SO_NETNS_COOKIE:
		if (*len != sizeof(u64))
			return -EINVAL;
		return sockopt_put(val, len, &sk->net->cookie, sizeof(u64));
	case SO_MAX_PACING_RATE:
		if (*len >= sizeof(u64))
			return sockopt_put(val, len, &sk->max_pacing_rate, sizeof(u64));
		return sockopt_put_int(val, len, (int)(u32)MIN(sk->max_pacing_rate, UINT32_MAX));
	default: break;
	}
	if ((err = get_word(sk, name, &v)))
		return err;
	return sockopt_put_int(val, len, v);
}
