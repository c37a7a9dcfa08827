/* A line of text that grows in a buffer of the caller's. */
#include "cli/text_line.h"

#include <stdarg.h>
#include <stdio.h>

void line_add(struct line *l, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->buf + l->len, l->size - l->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		l->len = MIN(l->len + (size_t)n, l->size - 1);
}
