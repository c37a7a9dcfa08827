/* An uplink's two halves in the stack's process: opened before it leaves the caller's namespaces, installed when the stack is there. */
#include "host/uplink.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weft/weft.h>

#include "host/daemon.h"
#include "host/host.h"
#include "host/port_frames.h"
#include "host/port_packet.h"
#include "host/port_tap.h"

#define RESOLV_CONF "/etc/resolv.conf"

static const char *addr_text(const struct inaddr *a, char buf[INET6_ADDRSTRLEN])
{
	bool v4 = inaddr_is_v4(a);

	return inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? (const void *)&a->w[3] : a->b, buf, INET6_ADDRSTRLEN);
}

/* -- opening -- */

static int device_mtu(const char *device)
{
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), mtu = 1500;
	struct ifreq ifr = { 0 };

	memcpy(ifr.ifr_name, device, IFNAMSIZ);
	if (sock >= 0 && ioctl(sock, SIOCGIFMTU, &ifr) == 0)
		mtu = ifr.ifr_mtu;
	if (sock >= 0)
		close(sock);
	return mtu;
}

int uplink_open_tap(const char *name, unsigned queues, int *fds, struct ctl_error *err)
{
	const char *multi = queues > 1 ? " multi_queue" : "";
	int e = tap_open(name, queues, fds);

	if (e == -EPERM || e == -EACCES)
		return ctl_error_set(err, e, "cannot open the TAP device %s: %s; let root make it yours: `ip tuntap add %s mode tap%s user %u`", name, strerror(-e),
				     name, multi, (unsigned)geteuid());
	if (e == -ENOENT)
		return ctl_error_set(err, e, "there is no /dev/net/tun here; let root load the module: `modprobe tun`");
	if (e == -EINVAL)
		return ctl_error_set(err, e, "%s is a device of another kind; it must be a TAP%s%s", name, *multi ? " with" : "", multi);
	if (e == -EBUSY)
		return ctl_error_set(err, e, "another program holds the TAP device %s", name);
	return e ? ctl_error_set(err, e, "cannot open the TAP device %s: %s", name, strerror(-e)) : 0;
}

int uplink_open_packet(const char *dev, int *fd, struct ctl_error *err)
{
	int e = packet_open(dev, fd);

	if (e == -EPERM || e == -EACCES)
		return ctl_error_set(err, e, "packet:%s needs the right CAP_NET_RAW: be root, or let root give it (`setcap cap_net_raw+ep` on weft), or use --uplink slirp", dev);
	if (e == -ENODEV)
		return ctl_error_set(err, e, "there is no device %s on this machine; `ip link` lists them", dev);
	if (e == -EMEDIUMTYPE)
		return ctl_error_set(err, e, "%s is no Ethernet device", dev);
	return e ? ctl_error_set(err, e, "cannot open a packet socket on %s: %s", dev, strerror(-e)) : 0;
}

/* -- resolv.conf -- */

static void add_line(struct uplink *u, const char *fmt, const char *arg)
{
	size_t len = strlen(u->resolv_conf);
	int n = snprintf(u->resolv_conf + len, sizeof(u->resolv_conf) - len, fmt, arg);

	if (n < 0 || (size_t)n >= sizeof(u->resolv_conf) - len)
		u->resolv_conf[len] = 0; /* a line that does not fit is left out */
}

static struct inaddr name_server(const struct uplink_net *n)
{
	struct inaddr a = n->gateway;

	a.b[15]++; /* libslirp's is next to its gateway */
	return a;
}

/* What programs are to see: this machine's search list and options, and servers that can be reached from inside. */
static void make_resolv_conf(struct uplink *u)
{
	const struct uplink_config *c = u->cfg;
	bool has4 = false, has6 = false;
	char line[512], text[INET6_ADDRSTRLEN];
	struct inaddr a;
	FILE *f;

	if (c->kind != UPLINK_SLIRP && !c->ndns)
		return; /* whoever is a machine of its own on a network knows its servers */
	f = fopen(RESOLV_CONF, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "search", 6) || !strncmp(line, "domain", 6) || !strncmp(line, "options", 7))
			add_line(u, "%s", line);
		if (sscanf(line, " nameserver %45s", text) == 1) {
			has6 |= strchr(text, ':') != NULL;
			has4 |= strchr(text, ':') == NULL;
		}
	}
	if (f)
		fclose(f);
	for (unsigned i = 0; i < c->ndns; i++)
		add_line(u, "nameserver %s\n", addr_text(&c->dns[i], text));
	if (c->ndns)
		return;
	if (has4 || !has6 || !c->v6.on) {
		a = name_server(&c->v4);
		add_line(u, "nameserver %s\n", addr_text(&a, text));
	}
	if (has6 && c->v6.on) {
		a = name_server(&c->v6);
		add_line(u, "nameserver %s\n", addr_text(&a, text));
	}
}

int uplink_open(struct uplink *u, const struct uplink_config *cfg, struct ctl_error *err)
{
	int e = 0;

	*u = (struct uplink){ .cfg = cfg, .fd = -1 };
	switch (cfg->kind) {
	case UPLINK_NONE:
		return 0;
	case UPLINK_SLIRP:
		e = uplink_proc_start(cfg, &u->pid, &u->fd, err);
		break;
	case UPLINK_TAP:
		e = uplink_open_tap(cfg->device, 1, &u->fd, err);
		break;
	case UPLINK_PACKET:
		e = uplink_open_packet(cfg->device, &u->fd, err);
		break;
	}
	if (!e) {
		u->mtu = cfg->mtu ? cfg->mtu : (u32)device_mtu(cfg->device);
		make_resolv_conf(u);
	}
	return e;
}

/* -- installing; all batons held -- */

static int set(struct netns *net, const char *family, const char *dev, const char *name, const char *value)
{
	char path[96];

	snprintf(path, sizeof(path), "net/%s/conf/%s/%s", family, dev, name);
	return weft_sysctl_set(net, path, value);
}

static int add_net(struct netns *net, const char *dev, const struct uplink_net *n)
{
	char text[INET6_ADDRSTRLEN], buf[INET6_ADDRSTRLEN + 8];

	if (!n->on)
		return 0;
	snprintf(buf, sizeof(buf), "%s/%u", addr_text(&n->addr, text), n->prefix_len);
	return weft_addr_add(net, dev, buf);
}

static int add_gateway(struct netns *net, const char *dev, const struct uplink_net *n)
{
	char text[INET6_ADDRSTRLEN];

	return n->has_gateway ? weft_route_add(net, "default", addr_text(&n->gateway, text), dev) : 0;
}

static int configure(const struct uplink *u, struct netns *net, const char **what)
{
	const struct uplink_config *c = u->cfg;
	int e = weft_link_up(net, "lo");

	*what = "lo";
	if (!e && c->kind == UPLINK_SLIRP) {
		/* Everything is known, and nobody else is on this link: neither advertisements nor a second of waiting for duplicates. */
		*what = "its settings";
		e = set(net, "ipv6", c->name, "accept_ra", "0");
		if (!e)
			e = set(net, "ipv6", c->name, "accept_dad", "0");
		if (!e && !c->v6.on)
			e = set(net, "ipv6", c->name, "disable_ipv6", "1");
	}
	if (!e) {
		*what = "its addresses";
		e = add_net(net, c->name, &c->v4);
	}
	if (!e)
		e = add_net(net, c->name, &c->v6);
	if (!e) {
		*what = "up";
		e = weft_link_up(net, c->name);
	}
	if (!e) {
		*what = "its default route";
		e = add_gateway(net, c->name, &c->v4);
	}
	return e ? e : add_gateway(net, c->name, &c->v6);
}

static int make_port(struct daemon *d, struct uplink *u, struct port **port)
{
	switch (u->cfg->kind) {
	case UPLINK_SLIRP:
		return port_frames_new(d->host, u->fd, port);
	case UPLINK_TAP:
		return port_tap_new(d->host, &u->fd, 1, port);
	default:
		return port_packet_new(d->host, u->fd, port);
	}
}

int uplink_install(struct daemon *d, struct uplink *u, struct ctl_error *err)
{
	const struct uplink_config *c = u->cfg;
	struct nic_config nc = { .queues = 1, .rx_ring = 1024, .tx_ring = 1024, .mtu = u->mtu, .mac = c->has_mac ? c->mac : NULL };
	const char *what = "the device";
	struct net_device *dev;
	struct port *port;
	struct cpu *cpu;
	int e;

	if (c->kind == UPLINK_NONE)
		return 0;
	e = make_port(d, u, &port);
	if (e)
		return ctl_error_set(err, e, "cannot use the uplink's descriptor: %s", strerror(-e));
	u->fd = -1;
	cpu = host_lock_all(d->host);
	e = nic_new(cpu, host_world(d->host)->init_net, c->name, port, &nc, &dev);
	if (e)
		port->ops->free(port);
	else
		e = configure(u, host_world(d->host)->init_net, &what);
	host_unlock_all(d->host);
	return e ? ctl_error_set(err, e, "cannot set up the uplink %s (%s): %s", c->name, what, strerror(-e)) : 0;
}

void uplink_close(struct uplink *u)
{
	if (u->fd >= 0)
		close(u->fd);
	u->fd = -1;
	for (unsigned i = 0; u->pid > 0; i++) { /* its socket is closed: it ends when it has passed on what it has */
		pid_t p = waitpid(u->pid, NULL, WNOHANG);

		if (p == u->pid || (p < 0 && errno != EINTR))
			u->pid = 0;
		else if (i == 1000)
			kill(u->pid, SIGKILL);
		else
			usleep(1000);
	}
}
