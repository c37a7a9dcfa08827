/* SO_ATTACH_FILTER on the checker and interpreter of bpf/cbpf.h.
 *
 * The program belongs to the socket and is charged to its option memory. Packets are shown to it from skb->data on: the
 * transport header for UDP and TCP, the network header for raw sockets, as on Linux. See socket(7), and the kernel's
 * filter document for the ancillary data.
 */
#include "sock/sock_filter.h"

#include <linux/filter.h>

#include "bpf/cbpf.h"
#include "link/netdevice.h"

_Static_assert(sizeof(struct cbpf_insn) == sizeof(struct sock_filter), "one layout");

static bool load(const void *ctx, u32 off, void *to, u32 len) { return skb_copy_bits(ctx, off, to, len); }

static u32 run(struct cpu *cpu, const struct cbpf_prog *prog, const struct sk_buff *skb)
{
	s32 data = (s32)skb_headroom(skb);
	struct cbpf_aux aux = {
		.has_dev = skb->dev != NULL,
		.protocol = be16_to_cpu(skb->protocol),
		.pkt_type = skb->pkt_type,
		.ifindex = skb->dev ? (u32)skb->dev->ifindex : 0,
		.hatype = skb->dev ? skb->dev->type : 0,
		.mark = skb->mark,
		.queue = skb->queue_mapping,
		.hash = skb->hash,
		.cpu = cpu->id,
		.vlan_tci = skb->vlan_tci,
		.vlan_proto = be16_to_cpu(skb->vlan_proto),
		.rng = &cpu->rng,
	};
	struct cbpf_packet pkt = {
		.data = skb->data,
		.linear = skb_headlen(skb),
		.len = skb->len,
		.before = (u32)data,
		.net_off = skb->network_header == SKB_OFF_UNSET ? 0 : (s32)skb->network_header - data,
		.ll_off = skb->mac_header == SKB_OFF_UNSET ? 0 : (s32)skb->mac_header - data,
		.load = load,
		.ctx = skb,
		.aux = &aux,
	};
	return cbpf_run(prog->insn, &pkt);
}

u32 sock_filter_run(struct sock *sk, const struct sk_buff *skb) { return sk->filter ? run(sk->cpu, sk->filter, skb) : UINT32_MAX; }
u32 sock_filter_run_prog(struct cpu *cpu, const struct cbpf_prog *prog, const struct sk_buff *skb) { return run(cpu, prog, skb); }

void sock_filter_detach(struct cpu *cpu, struct sock *sk)
{
	if (!sk->filter)
		return;
	sk->omem_alloc -= (u32)(sizeof *sk->filter + sk->filter->len * sizeof(struct cbpf_insn));
	cbpf_prog_put(cpu_mem(cpu), sk->filter);
	sk->filter = NULL;
}

/* The instructions lie behind a pointer: in the calling program's memory, or in our own for library callers. */
static int fetch(struct cpu *cpu, const struct sock_fprog *p, struct cbpf_insn *to)
{
	size_t n = p->len * sizeof *to;

	if (cpu->caller)
		return cpu->caller->ops->copy_from(cpu->caller, to, (u64)(uintptr_t)p->filter, n);
	memcpy(to, p->filter, n);
	return 0;
}

int sock_filter_load(struct cpu *cpu, struct sock *sk, const void *val, socklen_t len, struct cbpf_prog **out)
{
	struct cbpf_insn *insn;
	struct sock_fprog p;
	int err;

	if (len != sizeof p)
		return -EINVAL;
	memcpy(&p, val, sizeof p);
	if (sk->lock_filter)
		return -EPERM;
	if (!p.filter || !p.len || p.len > CBPF_MAX_INSNS)
		return -EINVAL;
	if (sk->omem_alloc + sizeof(struct cbpf_prog) + p.len * sizeof *insn > sk->net->core->optmem_max ||
	    !(insn = mem_alloc(cpu_mem(cpu), p.len * sizeof *insn)))
		return -ENOMEM;
	err = fetch(cpu, &p, insn);
	if (!err)
		err = cbpf_prog_new(cpu_mem(cpu), insn, p.len, out);
	mem_free(cpu_mem(cpu), insn);
	return err;
}

int sock_filter_attach(struct cpu *cpu, struct sock *sk, const void *val, socklen_t len)
{
	struct cbpf_prog *prog = NULL;
	int err = sock_filter_load(cpu, sk, val, len, &prog);

	if (err)
		return err;
	sock_filter_detach(cpu, sk);
	sk->filter = prog;
	sk->omem_alloc += (u32)(sizeof *prog + prog->len * sizeof(struct cbpf_insn));
	return 0;
}

int sock_filter_get(const struct sock *sk, bool by_program, void *val, socklen_t *len)
{
	u32 n = sk->filter ? sk->filter->len : 0;

	if (!n) {
		*len = 0;
		return 0;
	}
	if (!*len) {
		*len = n;
		return 0;
	}
	if (*len < n)
		return -EINVAL;
	if (by_program) /* the buffer's true size is the program's secret: see sock.h */
		return -EOPNOTSUPP;
	memcpy(val, sk->filter->insn, n * sizeof(struct cbpf_insn));
	*len = n;
	return 0;
}

int sock_filter_extensions(void) { return SKF_AD_MAX; }
