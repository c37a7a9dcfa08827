/* CTL_NIC: a nic over a TAP device, a packet socket or capture files that the command opened, with its own rights, and handed over. */
#include "host/nic_make.h"

#include <stdio.h>
#include <unistd.h>

#include "attach/attach.h"
#include "host/host.h"
#include "host/port_packet.h"
#include "host/port_pcap.h"
#include "host/port_tap.h"

/* The namespace meant; counted. */
static int find_netns(struct daemon *d, const struct ctl_nic *rq, pid_t peer, struct netns **net, struct ctl_error *err)
{
	struct world *w = host_world(d->host);
	int e = attach_netns_of(d->attach, rq->netns_pid ? rq->netns_pid : peer, net);

	if (!e)
		return 0;
	if (rq->netns_pid) {
		ctl_error_set(err, -ESRCH, "process %d is no program of this stack", rq->netns_pid);
		return -ESRCH;
	}
	host_lock_all(d->host);
	*net = w->init_net ? netns_get(w->init_net) : NULL;
	host_unlock_all(d->host);
	if (*net)
		return 0;
	ctl_error_set(err, -ENOENT, "the stack's first namespace is gone; say which one with --netns PID");
	return -ENOENT;
}

static int make_tap(struct daemon *d, int *fds, unsigned *nfds, struct port **port, struct ctl_error *err)
{
	int e = port_tap_new(d->host, fds, *nfds, port);

	if (e)
		ctl_error_set(err, e, "these descriptors are no queues of a TAP device with a vnet header: %s", strerror(-e));
	else
		*nfds = 0;
	return e;
}

static int make_packet(struct daemon *d, int *fds, unsigned *nfds, struct port **port, struct ctl_error *err)
{
	int e = *nfds == 1 ? port_packet_new(d->host, fds[0], port) : -EINVAL;

	if (e)
		ctl_error_set(err, e, "this descriptor is no packet socket with a ring: %s", strerror(-e));
	else
		*nfds = 0;
	return e;
}

/* fds: what arrives, then what is sent, as the flags say. */
static int make_pcap(struct daemon *d, const struct ctl_nic *rq, int *fds, unsigned *nfds, struct port **port, struct ctl_error *err)
{
	struct port_pcap_config cfg = { .timed = rq->flags & CTL_NIC_TIMED };
	unsigned used = 0;

	if (*nfds != !!(rq->flags & CTL_NIC_IN) + (unsigned)!!(rq->flags & CTL_NIC_OUT))
		return -EPROTO;
	if (rq->flags & CTL_NIC_IN)
		cfg.in = fdopen(fds[used++], "r");
	if (rq->flags & CTL_NIC_OUT)
		cfg.out = fdopen(fds[used++], "w");
	if ((rq->flags & CTL_NIC_IN && !cfg.in) || (rq->flags & CTL_NIC_OUT && !cfg.out)) {
		ctl_error_set(err, -EINVAL, "a capture file must be open for reading, or writing");
		if (cfg.in)
			fclose(cfg.in);
		else if (rq->flags & CTL_NIC_IN)
			close(fds[0]);
		if (cfg.out)
			fclose(cfg.out);
		else if (rq->flags & CTL_NIC_OUT)
			close(fds[used - 1]);
		*nfds = 0;
		return -EINVAL;
	}
	*nfds = 0;
	return port_pcap_new(&cfg, &host_world(d->host)->mem, port, err->text, sizeof(err->text));
}

int nic_make(struct daemon *d, const struct ctl_nic *rq, pid_t peer, int *fds, unsigned *nfds, struct ctl_error *err)
{
	static const u8 no_mac[6];
	struct nic_config nc = { .rx_ring = 1024, .tx_ring = 1024, .mtu = rq->mtu ? rq->mtu : 1500 };
	struct port *port = NULL;
	struct net_device *dev;
	struct netns *net;
	struct cpu *cpu;
	int e;

	if (!memchr(rq->name, 0, sizeof(rq->name)) || !memchr(rq->kind, 0, sizeof(rq->kind)) || !dev_name_valid(rq->name)) {
		ctl_error_set(err, -EINVAL, "a device's name has 1 to 15 characters, none of them a slash, colon or blank");
		return -EINVAL;
	}
	if (memcmp(rq->mac, no_mac, sizeof(no_mac)))
		nc.mac = rq->mac;
	e = find_netns(d, rq, peer, &net, err);
	if (e)
		return e;
	if (!strcmp(rq->kind, "tap")) {
		nc.queues = *nfds;
		e = make_tap(d, fds, nfds, &port, err);
	} else if (!strcmp(rq->kind, "packet")) {
		nc.queues = 1;
		e = make_packet(d, fds, nfds, &port, err);
	} else if (!strcmp(rq->kind, "pcap")) {
		nc.queues = 1;
		e = make_pcap(d, rq, fds, nfds, &port, err);
	} else {
		e = -EINVAL;
		ctl_error_set(err, e, "there is no port kind '%s'; tap, packet and pcap are there", rq->kind);
	}
	cpu = host_lock_all(d->host);
	if (!e) {
		e = nic_new(cpu, net, rq->name, port, &nc, &dev);
		if (e) {
			port->ops->free(port);
			ctl_error_set(err, e, e == -EEXIST ? "there is a device %s already" : "cannot make the device %s", rq->name);
		}
	}
	netns_put(net);
	host_unlock_all(d->host);
	return e;
}
