/* libslirp, driven: frames in and out, its clock, its one kind of timer, and the descriptors it waits for.
 *
 * libslirp ends the stack's TCP connections and UDP flows at its gateway's side and makes each anew with a socket of this process; it
 * answers ARP, DHCP and neighbour discovery for the gateway and the name server, and passes DNS on to what resolv.conf says. Its limits are its own:
 * a connection buffers at most 128 KiB each way, and what the stack has no room for is not read from its sockets.
 */
#include <slirp/libslirp.h>
#include <stdlib.h>
#include <time.h>

#include "host/uplink_proc.h"

enum { FIRST_DHCP = 15 }; /* as QEMU's and slirp4netns's users know it */

struct slirp_timer {
	struct list link;
	SlirpTimerId id;
	void *cb_opaque;
	s64 expire_ms; /* -1: not armed */
};

struct slirp_net {
	Slirp *slirp;
	frame_fn emit;
	void *arg;
	struct list timers;
	/* during fill and poll */
	struct pollfd *add;
	const struct pollfd *have;
	unsigned n, max;
	bool stalled;
};

static s64 now_ns(void *opaque)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (s64)ts.tv_sec * (s64)NSEC_PER_SEC + ts.tv_nsec;
}
static s64 now_ms(void) { return now_ns(NULL) / (s64)NSEC_PER_MSEC; }

static ssize_t send_packet(const void *buf, size_t len, void *opaque)
{
	struct slirp_net *s = opaque;

	s->emit(s->arg, buf, len);
	return (ssize_t)len;
}

/* What a program inside can cause at will is not worth a line each. */
static void guest_error(const char *msg, void *opaque) { }
static void ignore_fd(int fd, void *opaque) { }
static void notify(void *opaque) { }

static void *timer_new_opaque(SlirpTimerId id, void *cb_opaque, void *opaque)
{
	struct slirp_net *s = opaque;
	struct slirp_timer *t = malloc(sizeof(*t));

	if (!t)
		abort(); /* libslirp takes no for an answer nowhere */
	*t = (struct slirp_timer){ .id = id, .cb_opaque = cb_opaque, .expire_ms = -1 };
	list_add_tail(&s->timers, &t->link);
	return t;
}

static void timer_free(void *timer, void *opaque)
{
	struct slirp_timer *t = timer;

	list_del(&t->link);
	free(t);
}

static void timer_mod(void *timer, s64 expire_ms, void *opaque) { ((struct slirp_timer *)timer)->expire_ms = expire_ms; }

static const SlirpCb callbacks = {
	.send_packet = send_packet,
	.guest_error = guest_error,
	.clock_get_ns = now_ns,
	.timer_free = timer_free,
	.timer_mod = timer_mod,
	.register_poll_fd = ignore_fd,
	.unregister_poll_fd = ignore_fd,
	.notify = notify,
	.timer_new_opaque = timer_new_opaque,
};

static struct in_addr in4(const struct inaddr *a) { return (struct in_addr){ inaddr_v4(a).raw }; }
static struct in6_addr in6(const struct inaddr *a)
{
	struct in6_addr r;

	memcpy(&r, a->b, sizeof(r));
	return r;
}
/* The gateway's neighbour: the network's n-th address. */
static struct inaddr beside(const struct uplink_net *n, u8 i)
{
	struct inaddr a = n->gateway;

	a.b[15] = (u8)((a.b[15] & 0xe0) | i);
	return a;
}

int slirp_net_new(const struct uplink_config *cfg, frame_fn emit, void *arg, struct slirp_net **out, struct ctl_error *err)
{
	u32 mask = cpu_to_be32(UINT32_MAX << (32 - cfg->v4.prefix_len)).raw;
	struct inaddr dns = beside(&cfg->v4, 3), dhcp = beside(&cfg->v4, FIRST_DHCP), prefix6, dns6;
	struct slirp_net *s = calloc(1, sizeof(*s));
	SlirpConfig c = {
		.version = MIN(SLIRP_CONFIG_VERSION_MAX, 4),
		.in_enabled = true,
		.vnetwork = { inaddr_v4(&cfg->v4.gateway).raw & mask },
		.vnetmask = { mask },
		.vhost = in4(&cfg->v4.gateway),
		.vdhcp_start = in4(&dhcp),
		.vnameserver = in4(&dns),
		.if_mtu = cfg->mtu,
		.if_mru = cfg->mtu,
		.disable_host_loopback = !cfg->host_loopback,
	};

	if (!s)
		return ctl_error_set(err, -ENOMEM, "cannot start libslirp: %s", strerror(ENOMEM));
	s->emit = emit;
	s->arg = arg;
	list_init(&s->timers);
	if (cfg->v6.on) {
		prefix6 = v6_prefix(&cfg->v6.gateway, cfg->v6.prefix_len);
		dns6 = beside(&cfg->v6, 3);
		c.in6_enabled = true;
		c.vprefix_addr6 = in6(&prefix6);
		c.vprefix_len = cfg->v6.prefix_len;
		c.vhost6 = in6(&cfg->v6.gateway);
		c.vnameserver6 = in6(&dns6);
	}
	s->slirp = slirp_new(&c, &callbacks, s);
	if (!s->slirp) {
		free(s);
		return ctl_error_set(err, -EINVAL, "libslirp %s does not take this configuration", slirp_version_string());
	}
	*out = s;
	return 0;
}

void slirp_net_input(struct slirp_net *s, const void *frame, size_t len) { slirp_input(s->slirp, frame, (int)len); }

static int add_poll(int fd, int events, void *opaque)
{
	struct slirp_net *s = opaque;
	short want = 0;

	if (s->n == s->max)
		return -1; /* more than anyone's limit of descriptors; it is asked again when others have ended */
	if (events & SLIRP_POLL_IN && !s->stalled)
		want |= POLLIN;
	if (events & SLIRP_POLL_OUT)
		want |= POLLOUT;
	if (events & SLIRP_POLL_PRI && !s->stalled)
		want |= POLLPRI;
	s->add[s->n] = (struct pollfd){ .fd = want || !s->stalled ? fd : -1, .events = want };
	return (int)s->n++;
}

static int get_revents(int i, void *opaque)
{
	struct slirp_net *s = opaque;
	short r = i < 0 || (unsigned)i >= s->n ? 0 : s->have[i].revents;

	return (r & POLLIN ? SLIRP_POLL_IN : 0) | (r & POLLOUT ? SLIRP_POLL_OUT : 0) | (r & POLLPRI ? SLIRP_POLL_PRI : 0) |
	       (r & POLLERR ? SLIRP_POLL_ERR : 0) | (r & POLLHUP ? SLIRP_POLL_HUP : 0);
}

unsigned slirp_net_fill(struct slirp_net *s, struct pollfd *p, unsigned max, bool stalled, u32 *timeout_ms)
{
	s64 now = now_ms();
	struct slirp_timer *t;

	s->add = p;
	s->max = max;
	s->n = 0;
	s->stalled = stalled;
	slirp_pollfds_fill(s->slirp, timeout_ms, add_poll, s);
	list_for_each(t, &s->timers, link)
		if (t->expire_ms >= 0)
			*timeout_ms = MIN(*timeout_ms, (u32)CLAMP(t->expire_ms - now, 0, 1 << 30));
	return s->n;
}

void slirp_net_poll(struct slirp_net *s, const struct pollfd *p, bool failed)
{
	struct slirp_timer *t, *tmp;
	s64 now;

	s->have = p;
	slirp_pollfds_poll(s->slirp, failed, get_revents, s);
	s->n = 0;
	now = now_ms();
	list_for_each_safe(t, tmp, &s->timers, link)
		if (t->expire_ms >= 0 && t->expire_ms <= now) {
			t->expire_ms = -1;
			slirp_handle_timer(s->slirp, t->id, t->cb_opaque);
		}
}
