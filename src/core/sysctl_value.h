/* Values of sysctls as text, both ways: sysctl_value.c, used by sysctl.c. */
#ifndef CORE_SYSCTL_VALUE_H
#define CORE_SYSCTL_VALUE_H

#include "core/sysctl.h"

/* Bytes that a value of this kind takes at its offset; 0 for CUSTOM. */
size_t sysctl_value_bytes(const struct sysctl *s);
/* Appends the value at p, without a newline. */
void sysctl_value_format(const struct sysctl *s, const void *p, struct strbuf *out);
/* Parses text (len bytes and a NUL) into p. 0, -EINVAL; a list may be changed in part then. */
int sysctl_value_parse(const struct sysctl *s, void *p, const char *text, size_t len);

#endif
