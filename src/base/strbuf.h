/* A growing text buffer for /proc, /sys and traces. Errors stick: after a failed allocation `err` is set and appends do nothing. */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include "base/types.h"

struct mem;
struct strbuf {
	struct mem *mem;
	char *s; /* always NUL-terminated once something was added; NULL before */
	size_t len, cap;
	int err; /* 0 or -ENOMEM */
};
void strbuf_init(struct strbuf *b, struct mem *mem);
void strbuf_fini(struct strbuf *b);
void strbuf_add(struct strbuf *b, const char *s, size_t len);
void strbuf_printf(struct strbuf *b, const char *fmt, ...) __printf(2, 3);

#endif
