/* The files that programs see in place of the kernel's, by path and namespace; no FUSE and no descriptors in here. Everything takes
 * the batons by itself and holds none when it returns. */
#ifndef ATTACH_FS_TREE_H
#define ATTACH_FS_TREE_H

#include "attach/attach_fs.h"
#include "base/strbuf.h"

enum fs_root {
	FS_TOP,	    /* the directory of those below, as FUSE has it: sysctl, class, devices, proc, modules, net */
	FS_SYSCTL,  /* /proc/sys/net */
	FS_CLASS,   /* /sys/class/net: a link per device */
	FS_DEVICES, /* /sys/devices/virtual/net: a directory per device */
	FS_PROC,    /* /proc/net */
	FS_MODULES, /* of the machine: /proc/interrupts, /proc/modules ("proc") and depmod's files of /lib/modules/RELEASE, without "modules." */
	FS_NET,	    /* a link to FS_PROC, which is laid over the link /proc/net */
	FS_ROOTS
};
enum fs_type { FS_DIR, FS_FILE, FS_LINK };
#define FS_PATH_MAX 256

struct fs_attr {
	enum fs_type type;
	u16 mode; /* permission bits */
};
typedef int (*fs_list_fn)(void *arg, const char *name, enum fs_type type); /* non-zero stops */

/* path: relative to the root, "" for the root itself. -ENOENT. */
int fs_stat(struct host *h, struct netns *net, enum fs_root root, const char *path, struct fs_attr *out);
/* Whole content. -ENOENT, -EISDIR, or what reading gives (-EINVAL for the carrier of a device that is down). */
int fs_read(struct host *h, struct netns *net, enum fs_root root, const char *path, struct strbuf *out);
/* One write() at offset 0. 0 or -errno. */
int fs_write(struct host *h, const struct fs_caller *who, enum fs_root root, const char *path, const char *text, size_t len);
int fs_list(struct host *h, struct netns *net, enum fs_root root, const char *path, fs_list_fn fn, void *arg);
/* What a link says. */
int fs_link(struct host *h, struct netns *net, enum fs_root root, const char *path, char *target, size_t size);
/* Whether `who` may (R_OK, W_OK, X_OK of access(2)): as Linux decides for network sysctls, the administrator of the namespace is
 * taken for the owner. 0 or -EACCES. */
int fs_may(const struct fs_caller *who, const struct fs_attr *a, int mask);
/* "/proc/net/tcp" -> FS_PROC, "tcp". Takes /proc/self/net, /proc/PID/net, /proc/PID/task/TID/net for /proc/net. False: none of ours. */
bool fs_locate(const char *absolute, enum fs_root *root, char path[FS_PATH_MAX]);

/* -- fs_modules.c -- */
struct world;
const char *fs_modules_file(const char *absolute); /* the name below FS_MODULES; NULL: none of ours */
bool fs_modules_has(const char *path);
int fs_modules_read(const struct world *w, const char *path, struct strbuf *out);

/* -- fs_device.c: attributes of a device; batons held -- */
struct cpu;
struct net_device;
int fs_device_stat(const struct net_device *dev, const char *path, struct fs_attr *out);
int fs_device_read(const struct net_device *dev, const char *path, struct strbuf *out);
int fs_device_write(struct cpu *cpu, struct net_device *dev, const char *path, const char *text, size_t len);
int fs_device_link(const struct net_device *dev, const char *path, char *target, size_t size);
int fs_device_list(const struct net_device *dev, const char *path, fs_list_fn fn, void *arg);

#endif
