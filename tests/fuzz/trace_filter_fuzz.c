/* Fuzz: the filter of `weft trace`: what libpcap makes of it must pass our own checker, and run on a packet. Names are not looked up. */
#include <netdb.h>
#include <stdlib.h>

#include "bpf/cbpf.h"
#include "cli/trace_view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libpcap asks these for names in expressions: no network here. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res) { return EAI_NONAME; }
struct hostent *gethostbyname(const char *name) { return NULL; }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trace_filter f;
	struct ctl_error err;
	char text[512];

	size = MIN(size, sizeof(text) - 1);
	memcpy(text, data, size);
	text[size] = 0;
	if (trace_filter_compile(text, &f, &err))
		return 0;
	if (cbpf_check(f.insns, f.raw_len) || cbpf_check(f.insns + f.raw_len, f.eth_len))
		abort(); /* the daemon would refuse what the command accepted */
	trace_filter_free(&f);
	return 0;
}
