/* Fuzz: capture files as a nic's wire. The input is the file; its first byte says whether it is replayed in its own time. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/port_pcap.h"
#include "link/netdevice.h"
#include "link/type/nic.h"
#include "stack/stack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world_config cfg = { .ncpus = 1, .seed = { 1 }, .start_ns = NSEC_PER_SEC, .tables = &stack_tables };
	struct nic_config nc = { .mac = (u8[]){ 2, 0, 0, 0, 0, 1 } };
	struct port_pcap_config pc = { .timed = size && data[0] & 1 };
	int in = memfd_create("in", MFD_CLOEXEC), out = memfd_create("out", MFD_CLOEXEC);
	struct net_device *dev;
	struct port *port;
	struct netns *net;
	struct world *w;
	char err[256];

	if (in < 0 || out < 0 || !size || write(in, data + 1, size - 1) != (ssize_t)(size - 1) || lseek(in, 0, SEEK_SET)) {
		close(in);
		close(out);
		return 0;
	}
	pc.in = fdopen(in, "r");
	pc.out = fdopen(out, "w");
	if (!pc.in || !pc.out || world_new(&cfg, &w))
		abort();
	struct cpu *cpu = config_cpu(w);
	if (netns_new(w, "f", 0, &net))
		abort();
	if (!port_pcap_new(&pc, &w->mem, &port, err, sizeof(err))) {
		if (nic_new(cpu, net, "eth0", port, &nc, &dev))
			abort();
		dev_change_flags(cpu, dev, dev->flags | IFF_UP, NULL);
		world_run_until(w, cpu->now + NSEC_PER_SEC);
	}
	netns_free(net);
	world_run(w, cpu->now);
	world_free(w);
	return 0;
}
