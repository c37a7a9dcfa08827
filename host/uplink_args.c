/* The text of --uplink and --publish. Pure: from strings to a struct uplink_config. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/netns.h"
#include "host/uplink.h"
#include "link/netdevice.h"

/* slirp's own network, as users of slirp4netns, podman and QEMU know it. */
#define SLIRP_ADDR "10.0.2.100"
#define SLIRP_ADDR6 "fd00::100"
#define SLIRP_MTU 65520 /* the longest packet that libslirp takes, a multiple of 8; what podman asks slirp4netns for */
enum { SLIRP_GATEWAY = 2, SLIRP_DNS = 3 };

static bool parse_u32(const char *text, u32 lo, u32 hi, u32 *out)
{
	unsigned long v;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno || *end || v < lo || v > hi)
		return false;
	*out = (u32)v;
	return true;
}

static bool parse_addr(const char *text, struct inaddr *a)
{
	be32 v4;

	if (inet_pton(AF_INET, text, &v4.raw) == 1) {
		*a = inaddr_from_v4(v4);
		return true;
	}
	return inet_pton(AF_INET6, text, a->b) == 1 && !inaddr_is_v4(a);
}

/* "10.0.2.100/24" */
static bool parse_net(const char *text, struct uplink_config *c)
{
	const char *slash = strchr(text, '/');
	char buf[INET6_ADDRSTRLEN];
	struct uplink_net *n;
	struct inaddr a;
	u32 len;

	if (!slash || (size_t)(slash - text) >= sizeof(buf))
		return false;
	memcpy(buf, text, (size_t)(slash - text));
	buf[slash - text] = 0;
	if (!parse_addr(buf, &a) || inaddr_is_any(&a) || !parse_u32(slash + 1, 1, inaddr_is_v4(&a) ? 32 : 128, &len))
		return false;
	n = inaddr_is_v4(&a) ? &c->v4 : &c->v6;
	if (n->on)
		return false; /* twice */
	n->on = true;
	n->addr = a;
	n->prefix_len = (u8)len;
	return true;
}

static bool parse_gateway(const char *text, struct uplink_config *c)
{
	struct uplink_net *n;
	struct inaddr a;

	if (!parse_addr(text, &a) || inaddr_is_any(&a))
		return false;
	n = inaddr_is_v4(&a) ? &c->v4 : &c->v6;
	if (n->has_gateway)
		return false;
	n->has_gateway = true;
	n->gateway = a;
	return true;
}

static bool parse_mac(const char *text, struct uplink_config *c)
{
	unsigned m[6];
	char end;

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%c", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5], &end) != 6 || m[0] & 1)
		return false;
	for (unsigned i = 0; i < 6; i++)
		c->mac[i] = (u8)m[i];
	c->has_mac = true;
	return true;
}

static bool parse_name(const char *text, char *to)
{
	if (strlen(text) >= IFNAMSIZ || !dev_name_valid(text))
		return false;
	memcpy(to, text, strlen(text) + 1);
	return true;
}

/* One "KEY" or "KEY=VALUE". */
static int parse_option(struct uplink_config *c, char *opt, struct ctl_error *err)
{
	char *value = strchr(opt, '=');
	bool good, flag = false;

	if (value)
		*value++ = 0;
	if (!strcmp(opt, "host-loopback")) {
		flag = good = c->host_loopback = true;
	} else if (!strcmp(opt, "no-ipv6")) {
		flag = good = c->no_v6 = true;
	} else if (!strcmp(opt, "mtu")) {
		good = value && parse_u32(value, 68, 65521, &c->mtu);
	} else if (!strcmp(opt, "name")) {
		good = value && parse_name(value, c->name);
	} else if (!strcmp(opt, "mac")) {
		good = value && parse_mac(value, c);
	} else if (!strcmp(opt, "address")) {
		good = value && parse_net(value, c);
	} else if (!strcmp(opt, "gateway")) {
		good = value && parse_gateway(value, c);
	} else if (!strcmp(opt, "dns")) {
		if (value && c->ndns == UPLINK_DNS_MAX)
			return ctl_error_set(err, -EINVAL, "a resolv.conf holds at most %d name servers", UPLINK_DNS_MAX);
		good = value && parse_addr(value, &c->dns[c->ndns]);
		c->ndns += good;
	} else {
		return ctl_error_set(err, -EINVAL, "an uplink has no option '%s'; address, gateway, dns, mtu, name, mac, no-ipv6 and host-loopback are there", opt);
	}
	if (flag && value)
		return ctl_error_set(err, -EINVAL, "the uplink's option '%s' takes no value", opt);
	if (!flag && !value)
		return ctl_error_set(err, -EINVAL, "the uplink's option '%s' needs a value: %s=…", opt, opt);
	if (!good)
		return ctl_error_set(err, -EINVAL, "the uplink's %s cannot be '%s'%s", opt, value,
				     !strcmp(opt, "address") ? "; it is an address of each family at most, with its prefix's length (192.0.2.2/24)" : "");
	return 0;
}

int uplink_parse(struct uplink_config *c, const char *text, struct ctl_error *err)
{
	char buf[512], *opts, *colon;
	int e = 0;

	if (strlen(text) >= sizeof(buf))
		return ctl_error_set(err, -EINVAL, "that uplink's options are too long");
	memcpy(buf, text, strlen(text) + 1);
	opts = strchr(buf, ',');
	if (opts)
		*opts++ = 0;
	colon = strchr(buf, ':');
	if (colon)
		*colon++ = 0;
	if (!strcmp(buf, "slirp") && !colon)
		c->kind = UPLINK_SLIRP;
	else if (!strcmp(buf, "tap") && colon)
		c->kind = UPLINK_TAP;
	else if (!strcmp(buf, "packet") && colon)
		c->kind = UPLINK_PACKET;
	else
		return ctl_error_set(err, -EINVAL, "there is no uplink '%.64s'; slirp, tap:NAME and packet:DEVICE are there", text);
	if (colon && !parse_name(colon, c->device))
		return ctl_error_set(err, -EINVAL, "'%.64s' cannot be a device's name", colon);
	for (char *next; !e && opts; opts = next) {
		next = strchr(opts, ',');
		if (next)
			*next++ = 0;
		e = parse_option(c, opts, err);
	}
	return e;
}

int uplink_parse_publish(struct uplink_config *c, const char *text, struct ctl_error *err)
{
	struct uplink_publish p = { 0 };
	char buf[128], *at = buf, *end;
	u32 port, inner;

	if (c->npublish == UPLINK_PUBLISH_MAX)
		return ctl_error_set(err, -E2BIG, "at most %d ports can be published", UPLINK_PUBLISH_MAX);
	if (strlen(text) >= sizeof(buf))
		goto bad;
	memcpy(buf, text, strlen(text) + 1);
	end = strchr(buf, '/');
	if (end) {
		*end++ = 0;
		p.udp = !strcmp(end, "udp");
		if (!p.udp && strcmp(end, "tcp"))
			goto bad;
	}
	if (*at == '[') {
		end = strchr(at, ']');
		if (!end || end[1] != ':')
			goto bad;
		*end = 0;
		if (inet_pton(AF_INET6, at + 1, p.addr.b) != 1 || inaddr_is_v4(&p.addr))
			goto bad;
		at = end + 2;
	} else if (strchr(at, '.')) {
		end = strchr(at, ':');
		if (!end)
			goto bad;
		*end = 0;
		if (!parse_addr(at, &p.addr))
			goto bad;
		at = end + 1;
	}
	end = strchr(at, ':');
	if (end)
		*end++ = 0;
	if (!parse_u32(at, 1, 65535, &port) || !parse_u32(end ? end : at, 1, 65535, &inner))
		goto bad;
	p.port = (u16)port;
	p.inner = (u16)inner;
	c->publish[c->npublish++] = p;
	return 0;
bad:
	return ctl_error_set(err, -EINVAL, "--publish takes [ADDRESS:]PORT[:INNER][/udp] with ports from 1 to 65535, an IPv6 address in brackets, not '%.64s'", text);
}

/* The n-th address of a network. */
static struct inaddr nth(const struct uplink_net *n, u8 i)
{
	struct inaddr a = v6_prefix(&n->addr, n->prefix_len + (inaddr_is_v4(&n->addr) ? 96u : 0));

	a.b[15] |= i;
	return a;
}

static int check_slirp(struct uplink_config *c, struct ctl_error *err)
{
	struct inaddr a;

	if (c->v4.has_gateway || c->v6.has_gateway)
		return ctl_error_set(err, -EINVAL, "slirp's gateway is the second address of its network; it cannot be chosen");
	if (c->no_v6 && c->v6.on)
		return ctl_error_set(err, -EINVAL, "no-ipv6 and an IPv6 address exclude each other");
	if (!c->v4.on && parse_addr(SLIRP_ADDR, &c->v4.addr))
		c->v4.prefix_len = 24;
	if (!c->v6.on && !c->no_v6 && parse_addr(SLIRP_ADDR6, &c->v6.addr))
		c->v6.prefix_len = 64;
	c->v4.on = true;
	c->v6.on = !c->no_v6;
	if (c->v4.prefix_len > 27 || (c->v6.on && c->v6.prefix_len != 64))
		return ctl_error_set(err, -EINVAL, "slirp's networks have prefixes of at most 27 bits (IPv4), and of 64 (IPv6)");
	for (struct uplink_net *n = &c->v4; n; n = n == &c->v4 && c->v6.on ? &c->v6 : NULL) {
		n->gateway = nth(n, SLIRP_GATEWAY);
		n->has_gateway = true;
		a = nth(n, SLIRP_DNS);
		if (inaddr_eq(&n->addr, &n->gateway) || inaddr_eq(&n->addr, &a))
			return ctl_error_set(err, -EINVAL, "the second and third address of slirp's network are its gateway's and its name server's");
	}
	if (!c->mtu)
		c->mtu = SLIRP_MTU;
	if (c->v6.on && c->mtu < 1280)
		return ctl_error_set(err, -EINVAL, "IPv6 needs an MTU of 1280 bytes; say no-ipv6 for less");
	if (!c->name[0])
		memcpy(c->name, "tap0", 5);
	return 0;
}

int uplink_check(struct uplink_config *c, struct ctl_error *err)
{
	if (c->kind == UPLINK_NONE)
		return c->npublish ? ctl_error_set(err, -EINVAL, "--publish needs an uplink: --uplink slirp") : 0;
	if (c->kind == UPLINK_SLIRP)
		return check_slirp(c, err);
	if (c->npublish)
		return ctl_error_set(err, -EINVAL, "--publish is slirp's; over %s the stack has an address of its own, where every port can be reached",
				     c->kind == UPLINK_TAP ? "a TAP" : "a packet socket");
	if (c->host_loopback || c->no_v6)
		return ctl_error_set(err, -EINVAL, "%s is an option of slirp alone", c->host_loopback ? "host-loopback" : "no-ipv6");
	for (const struct uplink_net *n = &c->v4; n; n = n == &c->v4 ? &c->v6 : NULL)
		if (n->has_gateway && !n->on && !v6_is_linklocal(&n->gateway))
			return ctl_error_set(err, -EINVAL, "a gateway needs an address of its family: address=…");
	if (!c->name[0])
		memcpy(c->name, c->device, sizeof(c->name));
	return 0;
}
