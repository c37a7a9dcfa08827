/* The pcap port: replay and capture through libpcap. It has no descriptor to wait for and no clock of its own: with `timed`, a
 * timer of the queue's cpu says when the next frame is due, so it works in virtual time as well.
 *
 * A frame is read one ahead, to know its time. The first frame is due when the port starts; later ones at the same distance as
 * in the file. A time stamp that runs backwards is due at once. Records cut short by the capturing side arrive as they are: the
 * stack finds them too short where it matters. Frames longer than a buffer are counted and left out.
 * Frames come from and go to link/type/nic. Formats: pcap-savefile(5), libpcap.
 */
#include "host/port_pcap.h"

#include <pcap/pcap.h>
#include <stdlib.h>

#include "core/cpu.h"

struct pcap_port {
	struct port port;
	struct mem *mem;
	pcap_t *in, *sink; /* sink: the handle that pcap_dump needs */
	pcap_dumper_t *out;
	bool timed, ended;
	u64 start_ns;	   /* cpu->now when the first frame was asked for */
	u64 first_ts;	   /* of the file, ns */
	bool have_first;
	struct pcap_pkthdr *hdr; /* the frame read ahead; NULL: none */
	const u8 *data;
	struct timer timer;
	struct cpu *armed_on;
	u64 n_in, n_out, n_oversize;
};

/* Reads one ahead. False: the file has ended (or is broken from here on). */
static bool look_ahead(struct pcap_port *p)
{
	while (!p->hdr && !p->ended) {
		struct pcap_pkthdr *hdr;
		const u8 *data;

		if (!p->in || pcap_next_ex(p->in, &hdr, &data) != 1) {
			p->ended = true;
		} else if (hdr->caplen > BUF_MAX_BYTES - SKB_HEADROOM) {
			p->n_oversize++;
		} else {
			p->hdr = hdr;
			p->data = data;
		}
	}
	return p->hdr != NULL;
}

/* When the frame read ahead is due, by the clock of cpu->now. */
static u64 due(struct pcap_port *p, u64 now)
{
	u64 ts = (u64)p->hdr->ts.tv_sec * NSEC_PER_SEC + (u64)p->hdr->ts.tv_usec; /* opened with nanoseconds */

	if (!p->timed)
		return now;
	if (!p->have_first) {
		p->have_first = true;
		p->first_ts = ts;
		p->start_ns = now;
	}
	return ts < p->first_ts ? now : p->start_ns + (ts - p->first_ts);
}

static unsigned rx(struct cpu *cpu, struct port *port, unsigned q, struct sk_buff **skbs, unsigned n)
{
	struct pcap_port *p = port->priv;
	unsigned got = 0;

	while (got < n && look_ahead(p) && due(p, cpu->now) <= cpu->now) {
		struct sk_buff *skb = skb_alloc(cpu, SKB_HEADROOM, p->hdr->caplen);

		if (!skb)
			break; /* the frame waits for memory */
		memcpy(skb_put(skb, p->hdr->caplen), p->data, p->hdr->caplen);
		p->hdr = NULL;
		p->n_in++;
		skbs[got++] = skb;
	}
	return got;
}

static void fire(void *owner, struct timer *t)
{
	struct pcap_port *p = container_of(t, struct pcap_port, timer);

	nic_rx_ready(owner, p->port.nic, 0);
}

static bool arm(struct cpu *cpu, struct port *port, unsigned q)
{
	struct pcap_port *p = port->priv;
	u64 when;

	if (!look_ahead(p))
		return false;
	when = due(p, cpu->now);
	if (when <= cpu->now)
		return true;
	p->armed_on = cpu;
	cpu_timer_arm(cpu, &p->timer, when);
	return false;
}

static unsigned tx(struct cpu *cpu, struct port *port, unsigned q, struct sk_buff **skbs, unsigned n)
{
	struct pcap_port *p = port->priv;
	u8 frame[2048];

	for (unsigned i = 0; i < n; i++) {
		struct sk_buff *skb = skbs[i];

		if (p->out) {
			struct pcap_pkthdr h = { .caplen = skb->len, .len = skb->len };
			u64 t = cpu->now;
			const u8 *d = NULL;
			u8 *big = NULL;

			if (cpu->world->ops && cpu->world->ops->realtime)
				t = cpu->world->ops->realtime(cpu->world->host, t);
			h.ts.tv_sec = (time_t)(t / NSEC_PER_SEC);
			h.ts.tv_usec = (suseconds_t)(t % NSEC_PER_SEC); /* nanoseconds */
			if (skb->len <= skb_headlen(skb)) {
				d = skb->data;
			} else if (skb->len <= sizeof(frame)) {
				d = skb_copy_bits(skb, 0, frame, skb->len) ? frame : NULL;
			} else {
				big = mem_alloc(p->mem, skb->len);
				d = big && skb_copy_bits(skb, 0, big, skb->len) ? big : NULL;
			}
			if (d)
				pcap_dump((u8 *)p->out, &h, d);
			mem_free(p->mem, big);
		}
		p->n_out++;
		skb_consume(cpu, skb);
	}
	return n;
}

static int start(struct port *port, struct nic *nic, unsigned queues) { return queues == 1 ? 0 : -EINVAL; }

static void stop(struct port *port)
{
	struct pcap_port *p = port->priv;

	timer_cancel(&p->timer);
	if (p->out)
		pcap_dump_flush(p->out);
}

static void free_port(struct port *port)
{
	struct pcap_port *p = port->priv;

	timer_cancel(&p->timer);
	if (p->out)
		pcap_dump_close(p->out);
	if (p->sink)
		pcap_close(p->sink);
	if (p->in)
		pcap_close(p->in);
	mem_free(p->mem, p);
}

static const struct port_ops ops = {
	.name = "pcap", .max_queues = 1, .start = start, .stop = stop, .free = free_port, .rx = rx, .tx = tx, .arm = arm,
};

int port_pcap_new(const struct port_pcap_config *cfg, struct mem *mem, struct port **out, char *err, size_t errsize)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	struct pcap_port *p = mem_zalloc(mem, sizeof(*p));

	if (!p) {
		if (cfg->in)
			fclose(cfg->in);
		if (cfg->out)
			fclose(cfg->out);
		return -ENOMEM;
	}
	p->port = (struct port){ .ops = &ops, .priv = p };
	p->mem = mem;
	p->timed = cfg->timed;
	timer_init(&p->timer, fire);
	if (cfg->in) {
		p->in = pcap_fopen_offline_with_tstamp_precision(cfg->in, PCAP_TSTAMP_PRECISION_NANO, why);
		if (!p->in) {
			fclose(cfg->in);
			snprintf(err, errsize, "no capture file: %s", why);
			goto fail;
		}
		if (pcap_datalink(p->in) != DLT_EN10MB) {
			snprintf(err, errsize, "the capture has link type %s, not Ethernet", pcap_datalink_val_to_name(pcap_datalink(p->in)));
			goto fail;
		}
	}
	if (cfg->out) {
		p->sink = pcap_open_dead_with_tstamp_precision(DLT_EN10MB, 262144, PCAP_TSTAMP_PRECISION_NANO);
		p->out = p->sink ? pcap_dump_fopen(p->sink, cfg->out) : NULL;
		if (!p->out) {
			snprintf(err, errsize, "cannot write a capture file: %s", p->sink ? pcap_geterr(p->sink) : "out of memory");
			goto fail;
		}
	}
	*out = &p->port;
	return 0;
fail:
	if (cfg->out && !p->out)
		fclose(cfg->out);
	free_port(&p->port);
	return -EINVAL;
}

void port_pcap_counts(const struct port *port, u64 *in, u64 *out)
{
	const struct pcap_port *p = port->priv;

	*in = p->n_in;
	*out = p->n_out;
}
