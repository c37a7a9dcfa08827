/* A growing text buffer. Capacity doubles; an error sticks, so that a caller looks at it once, at the end. */
#include "base/strbuf.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>

void strbuf_init(struct strbuf *b, struct mem *mem)
{
	*b = (struct strbuf){ .mem = mem };
}

void strbuf_fini(struct strbuf *b)
{
	mem_free(b->mem, b->s);
	*b = (struct strbuf){ .mem = b->mem };
}

/* Room for `more` bytes and the final NUL. */
static bool reserve(struct strbuf *b, size_t more)
{
	size_t cap = b->cap ? b->cap : 128;
	char *s;

	if (b->err)
		return false;
	if (b->len + more < b->cap)
		return true;
	while (cap <= b->len + more)
		cap *= 2;
	s = mem_realloc(b->mem, b->s, cap);
	if (!s) {
		b->err = -ENOMEM;
		return false;
	}
	b->s = s;
	b->cap = cap;
	return true;
}

void strbuf_add(struct strbuf *b, const char *s, size_t len)
{
	if (!reserve(b, len))
		return;
	memcpy(b->s + b->len, s, len);
	b->len += len;
	b->s[b->len] = 0;
}

void strbuf_printf(struct strbuf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (!reserve(b, 0))
		return;
	va_start(ap, fmt);
	n = vsnprintf(b->s + b->len, b->cap - b->len, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->s[b->len] = 0;
		return;
	}
	if ((size_t)n >= b->cap - b->len) {
		if (!reserve(b, (size_t)n)) {
			b->s[b->len] = 0;
			return;
		}
		va_start(ap, fmt);
		vsnprintf(b->s + b->len, b->cap - b->len, fmt, ap);
		va_end(ap);
	}
	b->len += (size_t)n;
}
