/* Any program that passes the checker runs to its end inside the packet, whatever the bytes. Input: one byte of program length,
 * the instructions, the packet. */
#include <stdlib.h>

#include "bpf/cbpf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool load(const void *ctx, u32 off, void *to, u32 len)
{
	memcpy(to, (const u8 *)ctx + off, len);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cbpf_insn insn[64];
	unsigned n;

	if (size < 1)
		return 0;
	n = data[0] % 64 + 1;
	data++;
	size--;
	if (size < n * sizeof(insn[0]))
		return 0;
	memcpy(insn, data, n * sizeof(insn[0]));
	data += n * sizeof(insn[0]);
	size -= n * sizeof(insn[0]);
	if (cbpf_check(insn, n))
		return 0;

	/* Exact allocations, so that the sanitizer sees one byte too many: once all linear, once in two parts. */
	u8 *packet = malloc(size ? size : 1), *head = malloc(size / 2 + 1);
	struct cbpf_packet p = { .data = packet, .linear = (u32)size, .len = (u32)size, .net_off = 14 };

	memcpy(packet, data, size);
	memcpy(head, data, size / 2);
	u32 one = cbpf_run(insn, &p);

	p.data = head;
	p.linear = (u32)size / 2;
	p.load = load;
	p.ctx = packet;
	assert(cbpf_run(insn, &p) == one);
	free(packet);
	free(head);
	return 0;
}
