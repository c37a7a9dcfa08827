/* Sysctls under /proc/sys/net: const descriptors beside the subsystem that reads them. Every one that is listed acts, or is
 * read-only. Reading and writing go by path ("ipv4/ip_forward", "ipv4/conf/eth0/forwarding"); the files host/ and attach/ show
 * come from sysctl_walk(). */
#ifndef CORE_SYSCTL_H
#define CORE_SYSCTL_H

#include "base/strbuf.h"
#include "core/netns.h"

enum sysctl_kind {
	SYSCTL_INT,	/* s32 at offset, min..max */
	SYSCTL_UINT,	/* u32 */
	SYSCTL_ULONG,	/* u64 */
	SYSCTL_U8,
	SYSCTL_BOOL,	/* u8 0/1 */
	SYSCTL_INTS,	/* `count` s32, tab-separated */
	SYSCTL_ULONGS,	/* `count` u64, tab-separated */
	SYSCTL_MS,	/* u64 ns at offset, shown in ms; as Linux shows jiffies values: rounded up to 4 ms (HZ 250), never negative */
	SYSCTL_S,	/* u64 ns (s64 when -1 was written), shown in whole seconds */
	SYSCTL_CS,	/* u64 ns, shown in hundredths of a second (USER_HZ), rounded down to 4 ms */
	SYSCTL_CUSTOM,	/* get and set do it all */
};
struct sysctl {
	const char *name;
	enum sysctl_kind kind;
	u16 mode;	/* 0644, 0444; 0200: no reading */
	u16 child_mode;	/* in namespaces but the first, where that differs; 0: the same */
	u16 count;
	bool init_only; /* exists only in a world's first namespace */
	size_t offset;	/* in what table->base returns */
	s64 min, max;	/* in the unit shown; both 0: the type's own; out of them: -EINVAL */
	int (*get)(struct netns *net, void *base, const struct sysctl *s, struct strbuf *out); /* CUSTOM, or NULL */
	/* After parsing (CUSTOM: instead of it, with the text). Returns 0, or -errno: then the old value is put back. May be NULL. */
	int (*set)(struct netns *net, void *base, const struct sysctl *s, const char *text);
	int (*changed)(struct netns *net, void *base, const struct sysctl *s, const void *old); /* instead of set: the value as it was */
};
struct sysctl_table {
	const char *dir;	/* "ipv4", or with one star for a device: the star is "ipv4/conf/" + name */
	bool per_device;	/* dir is a prefix; the next path component is "all", "default" or a device */
	const struct sysctl *entries;
	unsigned count;
	void *(*base)(struct netns *net, const char *dev); /* dev NULL unless per_device; NULL result: no such directory */
};

/* For CUSTOM setters. Up to n numbers as the kernel reads them: returns how many the text has (at least 1), or -EINVAL. */
int sysctl_parse_ints(const char *text, s64 *v, unsigned n, s64 min, s64 max);
/* One word or line, without its newline, cut to size. */
void sysctl_parse_string(const char *text, char *buf, size_t size);

/* path relative to /proc/sys/net. -ENOENT, -EACCES (write to 0444), -EINVAL, -ENOMEM. Read appends a newline, as the file has it.
 * Writing nothing changes nothing; a list may be written in part, and values before a bad one are kept, as in Linux. */
int sysctl_read(struct netns *net, const char *path, struct strbuf *out);
int sysctl_write(struct netns *net, const char *path, const char *text, size_t len);
/* Calls fn for every file, full path and mode, in the tables' order. Stops at non-zero and returns that. */
int sysctl_walk(struct netns *net, int (*fn)(void *arg, const char *path, unsigned mode), void *arg);

#endif
