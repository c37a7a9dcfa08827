/* Fuzz: filter programs. Whatever the audit lets through ends, and reads nothing beyond itself. */
#include <stdlib.h>

#include "control/diag/diag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct inaddr s = inaddr_from_v4(BE32(0x0a000001)), d = { .b = { [0] = 0xfe, 0x80, [15] = 1 } };
	struct diag_entry e = { .saddr = &s, .daddr = &d, .family = AF_INET6, .sport = 80, .dport = 4000, .ifindex = 3, .mark = 7 };
	void *bc;

	if (!size || size > 4096)
		return 0;
	bc = malloc(size); /* exactly that long, for the address sanitizer */
	memcpy(bc, data, size);
	if (!diag_bytecode_audit(bc, size, true))
		diag_bytecode_run(bc, size, &e);
	free(bc);
	return 0;
}
