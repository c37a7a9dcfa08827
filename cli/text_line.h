/* A line of text that grows in a buffer of the caller's; what does not fit is cut. */
#ifndef CLI_TEXT_LINE_H
#define CLI_TEXT_LINE_H

#include "base/types.h"

struct line {
	char *buf;
	size_t size, len; /* size: at least 1 */
};
void line_add(struct line *l, const char *fmt, ...) __printf(2, 3);

#endif
