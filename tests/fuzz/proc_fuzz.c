/* Fuzz: writes to every file under /proc/sys/net, with what follows from them read back, and every file under /proc/net read.
 *
 * Input: records of which file (2 bytes), length (1), and that many bytes of text. A world with a link that is up stays alive beneath.
 */
#include <linux/if_addr.h>
#include <stdlib.h>

#include "core/proc.h"
#include "core/stack_tables.h"
#include "core/sysctl.h"
#include "inet/ip4/ip4.h"
#include "link/netdevice.h"
#include "link/type/veth.h"
#include "stack/stack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILES_MAX = 4096 };
static struct { char path[128]; unsigned mode; } files[FILES_MAX];
static unsigned nfiles;

static int note(void *arg, const char *path, unsigned mode)
{
	if (nfiles < FILES_MAX && strlen(path) < sizeof(files[0].path)) {
		strcpy(files[nfiles].path, path);
		files[nfiles++].mode = mode;
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world_config cfg = { .ncpus = 1, .seed = { 1 }, .start_ns = NSEC_PER_SEC, .tables = &stack_tables };
	struct in_ifaddr_config c = { .local = BE32(0x0a000001), .address = BE32(0x0a000001), .prefix_len = 24, .flags = IFA_F_PERMANENT,
				      .valid_lft_s = ~0u, .preferred_lft_s = ~0u };
	struct net_device *a, *b;
	struct strbuf out;
	struct netns *net;
	struct world *w;

	if (world_new(&cfg, &w))
		return 0;
	struct cpu *cpu = config_cpu(w);
	if (netns_new(w, "f", 0, &net) || veth_pair_new(cpu, net, "v0", net, "v1", &a, &b))
		abort();
	dev_change_flags(cpu, a, a->flags | IFF_UP, NULL);
	dev_change_flags(cpu, b, b->flags | IFF_UP, NULL);
	ip4_addr_add(cpu, a, &c, NULL);
	nfiles = 0;
	sysctl_walk(net, note, NULL);
	while (size >= 3 && nfiles) {
		unsigned i = (unsigned)(data[0] | data[1] << 8) % nfiles;
		size_t len = data[2];
		char *text;

		data += 3;
		size -= 3;
		len = MIN(len, size);
		text = malloc(len + 1); /* of its own, so that reading past it is seen */
		memcpy(text, data, len);
		text[len] = 0;
		sysctl_write(net, files[i].path, text, len);
		free(text);
		strbuf_init(&out, &w->mem);
		if (!sysctl_read(net, files[i].path, &out) && out.len && out.s[out.len - 1] != '\n')
			abort(); /* a file's text ends with a newline */
		strbuf_fini(&out);
		data += len;
		size -= len;
		world_run_until(w, cpu->now + NSEC_PER_MSEC);
	}
	for (const struct proc_file *const *f = stack_tables.proc_files; *f; f++) {
		strbuf_init(&out, &w->mem);
		proc_read(net, (*f)->name, &out);
		strbuf_fini(&out);
	}
	netns_free(net);
	world_run(w, cpu->now);
	world_free(w);
	return 0;
}
