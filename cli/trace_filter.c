/* A libpcap expression as two programs: one for packets that begin with the IP header, one for frames that have none (ARP).
 *
 * An expression may make sense for one of them only: "arp" and "ether host" never match an IP packet seen from its network header,
 * and libpcap says so by refusing it. That half then matches nothing; refused by both, it is the user's error.
 */
#include <pcap/pcap.h>
#include <stdlib.h>

#include "bpf/cbpf.h"
#include "cli/trace_view.h"

static int compile(int dlt, const char *expression, struct bpf_program *prog, char *why, size_t size)
{
	pcap_t *p = pcap_open_dead(dlt, 65535);
	int e = -ENOMEM;

	prog->bf_len = 0;
	prog->bf_insns = NULL;
	if (p) {
		e = pcap_compile(p, prog, expression, 1, PCAP_NETMASK_UNKNOWN) ? -EINVAL : 0;
		if (e)
			snprintf(why, size, "%s", pcap_geterr(p));
		pcap_close(p);
	}
	return e;
}

static void put(struct cbpf_insn *to, const struct bpf_program *p)
{
	for (unsigned i = 0; i < p->bf_len; i++)
		to[i] = (struct cbpf_insn){ .code = p->bf_insns[i].code, .jt = p->bf_insns[i].jt, .jf = p->bf_insns[i].jf,
					    .k = p->bf_insns[i].k };
}

int trace_filter_compile(const char *expression, struct trace_filter *f, struct ctl_error *err)
{
	static struct bpf_insn nothing = { BPF_RET | BPF_K, 0, 0, 0 };
	struct bpf_program raw, eth, none = { .bf_len = 1, .bf_insns = &nothing };
	const struct bpf_program *use_raw = &raw, *use_eth = &eth;
	char why_raw[256] = "", why_eth[256] = "";
	int e_raw = compile(DLT_RAW, expression, &raw, why_raw, sizeof(why_raw));
	int e_eth = compile(DLT_EN10MB, expression, &eth, why_eth, sizeof(why_eth)), e = -EINVAL;

	if (e_raw && e_eth) {
		ctl_error_set(err, -EINVAL, "filter '%.100s': %s; see pcap-filter(7)", expression, why_eth);
		goto out;
	}
	if (e_raw)
		use_raw = &none;
	if (e_eth)
		use_eth = &none;
	f->raw_len = use_raw->bf_len;
	f->eth_len = use_eth->bf_len;
	f->insns = calloc(f->raw_len + f->eth_len, sizeof(*f->insns));
	e = f->insns ? 0 : -ENOMEM;
	if (!e) {
		put(f->insns, use_raw);
		put(f->insns + f->raw_len, use_eth);
	}
out:
	if (!e_raw)
		pcap_freecode(&raw);
	if (!e_eth)
		pcap_freecode(&eth);
	return e;
}

void trace_filter_free(struct trace_filter *f)
{
	free(f->insns);
	f->insns = NULL;
}
