/* A nic's interrupt vectors as /proc/interrupts shows them: a number each, how often each cpu took it, and whose it is. proc(5). */
#include "link/netns_dev.h"
#include "link/type/nic.h"

enum { FIRST_IRQ = 24 }; /* those below are a machine's own */

unsigned nic_irq_choose(struct world *w, unsigned n)
{
	unsigned first = FIRST_IRQ;
	const struct net_device *dev;
	struct netns *net;
	bool moved = true;
	while (moved) {
		moved = false;
		list_for_each(net, &w->netns_list, world_link) {
			dev_for_each(dev, net) {
				unsigned theirs = dev_is_nic(dev) ? nic_of(dev)->irq : 0;
				if (!theirs || theirs >= first + n || theirs + dev->num_rx_queues <= first)
					continue;
				first = theirs + dev->num_rx_queues;
				moved = true;
			}
		}
	}
	return first;
}

static void show(const struct world *w, const struct net_device *dev, struct strbuf *out)
{
	const struct nic *nic = nic_of(dev);
	for (unsigned q = 0; nic->started && q < nic->queues; q++) {
		strbuf_printf(out, "%3u:", nic->irq + q);
		for (unsigned i = 0; i < w->ncpus; i++)
			strbuf_printf(out, " %10u", nic->q[q].irqs[i]);
		strbuf_printf(out, "  PORT-%s %3u-edge      %s-TxRx-%u\n", nic->port->ops->name, q, dev->name, q);
	}
}

void nic_interrupts_show(struct world *w, struct strbuf *out)
{
	const struct net_device *dev;
	struct netns *net;
	strbuf_printf(out, "    ");
	for (unsigned i = 0; i < w->ncpus; i++)
		strbuf_printf(out, "       CPU%-*u", i < 10 ? 1 : 2, i);
	strbuf_printf(out, "\n");
	list_for_each(net, &w->netns_list, world_link)
		dev_for_each(dev, net)
			if (dev_is_nic(dev))
				show(w, dev, out);
}
