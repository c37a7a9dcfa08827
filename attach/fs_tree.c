/* The tree by path: sysctls and /proc/net files from the stack's tables, devices' attributes from fs_device.c.
 *
 * Nothing is kept here: each call looks at the namespace as it is. Directories of sysctls and of /proc/net exist because a file
 * below them does. A namespace that is being taken apart has no files any more.
 */
#include "attach/fs_tree.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/proc.h"
#include "core/stack_tables.h"
#include "core/sysctl.h"
#include "host/host.h"
#include "link/netns_dev.h"
#include "link/type/nic.h"

/* The part of `path` below directory `dir` ("" is the root), NULL when it is not below. */
static const char *below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	if (!n)
		return *path ? path : NULL;
	return !strncmp(path, dir, n) && path[n] == '/' ? path + n + 1 : NULL;
}

/* -- what all of the tables' files have in common: a walk over (path, mode) -- */

typedef int (*walk_fn)(void *arg, const char *path, unsigned mode);

struct in_dir { /* a directory under /proc/net whose files the stack names */
	const struct proc_file *dir;
	walk_fn fn;
	void *arg;
};

static int file_in_dir(void *arg, const char *name)
{
	struct in_dir *d = arg;
	char path[FS_PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", d->dir->name, name) >= (int)sizeof(path))
		return 0;
	return d->fn(d->arg, path, d->dir->mode);
}

static int walk_proc(struct netns *net, walk_fn fn, void *arg)
{
	const struct proc_file *const *f = net->world->tables->proc_files;
	int e = 0;

	for (; f && *f && !e; f++) {
		if ((*f)->walk)
			e = (*f)->walk(net, file_in_dir, &(struct in_dir){ *f, fn, arg });
		else
			e = fn(arg, (*f)->name, (*f)->mode);
	}
	return e;
}

static int walk(struct netns *net, enum fs_root root, walk_fn fn, void *arg)
{
	return root == FS_SYSCTL ? sysctl_walk(net, fn, arg) : walk_proc(net, fn, arg);
}

struct stat_arg {
	const char *path;
	struct fs_attr *out;
};

static int match(void *arg, const char *path, unsigned mode)
{
	struct stat_arg *a = arg;

	if (!strcmp(path, a->path)) {
		*a->out = (struct fs_attr){ FS_FILE, (u16)mode };
		return 1;
	}
	if (below(path, a->path)) {
		*a->out = (struct fs_attr){ FS_DIR, 0555 };
		return 1;
	}
	return 0;
}

struct list_arg {
	const char *dir;
	fs_list_fn fn;
	void *arg;
	struct strbuf seen; /* names of subdirectories that were listed, each between slashes */
	bool any;
};

static int list_entry_of(void *arg, const char *path, unsigned mode)
{
	struct list_arg *a = arg;
	const char *rest = below(path, a->dir), *slash;
	char name[FS_PATH_MAX], mark[FS_PATH_MAX + 2];

	if (!rest)
		return 0;
	a->any = true;
	slash = strchr(rest, '/');
	if (!slash)
		return a->fn(a->arg, rest, FS_FILE);
	if ((size_t)(slash - rest) >= sizeof(name))
		return 0;
	snprintf(name, sizeof(name), "%.*s", (int)(slash - rest), rest);
	snprintf(mark, sizeof(mark), "/%s/", name);
	if (a->seen.len && strstr(a->seen.s, mark))
		return 0;
	strbuf_add(&a->seen, mark, strlen(mark));
	return a->seen.err ? a->seen.err : a->fn(a->arg, name, FS_DIR);
}

static int list_walked(struct netns *net, enum fs_root root, const char *path, fs_list_fn fn, void *arg)
{
	struct list_arg a = { .dir = path, .fn = fn, .arg = arg };
	int e;

	strbuf_init(&a.seen, &net->world->mem);
	e = walk(net, root, list_entry_of, &a);
	strbuf_fini(&a.seen);
	return e ? e : a.any || !*path ? 0 : -ENOENT;
}

/* -- devices -- */

/* "eth0/statistics/rx_bytes" -> the device and "statistics/rx_bytes"; a link of FS_CLASS has no rest. */
static struct net_device *device_of(struct netns *net, const char *path, const char **rest)
{
	const char *slash = strchrnul(path, '/');
	char name[DEV_NAME_SIZE];
	struct net_device *dev;

	if (slash == path || slash - path >= (ptrdiff_t)sizeof(name))
		return NULL;
	snprintf(name, sizeof(name), "%.*s", (int)(slash - path), path);
	*rest = *slash ? slash + 1 : slash;
	dev = dev_by_name(net, name);
	return dev && !strcmp(dev->name, name) ? dev : NULL; /* alternative names have no directory */
}

static int list_devices(struct netns *net, enum fs_type type, fs_list_fn fn, void *arg)
{
	struct net_device *dev;
	int e = 0;

	dev_for_each(dev, net)
		if (!e)
			e = fn(arg, dev->name, type);
	return e;
}

static const char *const top_names[FS_ROOTS] = { NULL, "sysctl", "class", "devices", "proc", "modules", "net" };

static int stat_locked(struct netns *net, enum fs_root root, const char *path, struct fs_attr *out)
{
	struct stat_arg a = { path, out };
	struct net_device *dev;
	const char *rest;

	if (net->dying)
		return -ENOENT;
	*out = (struct fs_attr){ FS_DIR, root == FS_CLASS || root == FS_DEVICES ? 0755 : 0555 };
	if (root == FS_NET)
		*out = (struct fs_attr){ FS_LINK, 0777 };
	if (!*path)
		return 0;
	switch (root) {
	case FS_SYSCTL:
	case FS_PROC:
		return walk(net, root, match, &a) ? 0 : -ENOENT;
	case FS_MODULES:
		*out = (struct fs_attr){ FS_FILE, 0444 };
		return !strcmp(path, "interrupts") || fs_modules_has(path) ? 0 : -ENOENT;
	case FS_CLASS:
		dev = device_of(net, path, &rest);
		*out = (struct fs_attr){ FS_LINK, 0777 };
		return dev && !*rest ? 0 : -ENOENT;
	case FS_DEVICES:
		dev = device_of(net, path, &rest);
		return dev ? fs_device_stat(dev, rest, out) : -ENOENT;
	default:
		return -ENOENT;
	}
}

int fs_stat(struct host *h, struct netns *net, enum fs_root root, const char *path, struct fs_attr *out)
{
	int e = -ENOENT;

	if (root == FS_TOP) { /* the same in every namespace */
		*out = (struct fs_attr){ FS_DIR, 0555 };
		for (unsigned i = 1; i < FS_ROOTS && e; i++)
			e = *path && strcmp(path, top_names[i]) ? -ENOENT : 0;
		return e;
	}
	host_lock_all(h);
	e = stat_locked(net, root, path, out);
	host_unlock_all(h);
	return e;
}

static int read_locked(struct netns *net, enum fs_root root, const char *path, struct strbuf *out)
{
	struct net_device *dev;
	struct fs_attr a;
	const char *rest;
	int e = stat_locked(net, root, path, &a);

	if (e)
		return e;
	if (a.type == FS_DIR)
		return -EISDIR;
	if (root == FS_SYSCTL)
		return sysctl_read(net, path, out);
	if (root == FS_PROC)
		return proc_read(net, path, out);
	if (root == FS_MODULES && !strcmp(path, "interrupts")) {
		nic_interrupts_show(net->world, out);
		return out->err;
	}
	if (root == FS_MODULES)
		return fs_modules_read(net->world, path, out);
	dev = root == FS_DEVICES ? device_of(net, path, &rest) : NULL;
	return dev ? fs_device_read(dev, rest, out) : -EINVAL;
}

int fs_read(struct host *h, struct netns *net, enum fs_root root, const char *path, struct strbuf *out)
{
	int e;

	host_lock_all(h);
	e = read_locked(net, root, path, out);
	host_unlock_all(h);
	return e ? e : out->err;
}

static int write_locked(struct cpu *cpu, const struct fs_caller *who, enum fs_root root, const char *path, const char *text, size_t len)
{
	struct net_device *dev;
	struct fs_attr a;
	const char *rest;
	int e = stat_locked(who->net, root, path, &a);

	if (e)
		return e;
	if (a.type == FS_DIR)
		return -EISDIR;
	if (root == FS_SYSCTL)
		return sysctl_write(who->net, path, text, len);
	dev = root == FS_DEVICES ? device_of(who->net, path, &rest) : NULL;
	if (!dev)
		return -EACCES;
	return who->net_admin ? fs_device_write(cpu, dev, rest, text, len) : -EPERM;
}

int fs_write(struct host *h, const struct fs_caller *who, enum fs_root root, const char *path, const char *text, size_t len)
{
	struct cpu *cpu = host_lock_all(h);
	int e = write_locked(cpu, who, root, path, text, len);

	host_unlock_all(h);
	return e;
}

static int list_locked(struct netns *net, enum fs_root root, const char *path, fs_list_fn fn, void *arg)
{
	struct net_device *dev;
	const char *rest;

	if (net->dying)
		return -ENOENT;
	switch (root) {
	case FS_SYSCTL:
	case FS_PROC:
		return list_walked(net, root, path, fn, arg);
	case FS_CLASS:
		return *path ? -ENOTDIR : list_devices(net, FS_LINK, fn, arg);
	case FS_DEVICES:
		if (!*path)
			return list_devices(net, FS_DIR, fn, arg);
		dev = device_of(net, path, &rest);
		return dev ? fs_device_list(dev, rest, fn, arg) : -ENOENT;
	default:
		return -ENOENT;
	}
}

int fs_list(struct host *h, struct netns *net, enum fs_root root, const char *path, fs_list_fn fn, void *arg)
{
	int e = 0;

	if (root == FS_TOP) {
		for (unsigned i = 1; i < FS_ROOTS && !e; i++)
			e = fn(arg, top_names[i], i == FS_NET ? FS_LINK : FS_DIR);
		return e;
	}
	host_lock_all(h);
	e = list_locked(net, root, path, fn, arg);
	host_unlock_all(h);
	return e;
}

int fs_link(struct host *h, struct netns *net, enum fs_root root, const char *path, char *target, size_t size)
{
	const struct net_device *dev;
	const char *rest;
	int e;

	if (root == FS_NET) {
		snprintf(target, size, "%s/proc", &ATTACH_FS_HIDDEN[strlen("/proc/")]);
		return 0;
	}
	if (root == FS_CLASS && *path && !strchr(path, '/')) {
		snprintf(target, size, "../../devices/virtual/net/%s", path);
		return 0;
	}
	if (root != FS_DEVICES)
		return -EINVAL;
	host_lock_all(h);
	dev = net->dying ? NULL : device_of(net, path, &rest);
	e = dev ? fs_device_link(dev, rest, target, size) : -ENOENT;
	host_unlock_all(h);
	return e;
}

int fs_may(const struct fs_caller *who, const struct fs_attr *a, int mask)
{
	unsigned bits = who->net_admin || !who->uid ? a->mode >> 6 : a->mode;

	return (unsigned)mask & ~bits & 7 ? -EACCES : 0;
}

/* -- where an absolute path leads -- */

/* The part behind /proc/net, /proc/self/net, /proc/PID/task/TID/net …; NULL: it is not there. */
static const char *behind_proc_net(const char *p)
{
	if (!strncmp(p, "net", 3) && (!p[3] || p[3] == '/'))
		return p + 3;
	if (!strncmp(p, "self/", 5))
		p += 5;
	else if (!strncmp(p, "thread-self/", 12))
		p += 12;
	else if (*p >= '1' && *p <= '9') {
		p += strspn(p, "0123456789");
		if (*p++ != '/')
			return NULL;
	} else {
		return NULL;
	}
	if (!strncmp(p, "task/", 5) && p[5] >= '1' && p[5] <= '9') {
		p += 5;
		p += strspn(p, "0123456789");
		if (*p++ != '/')
			return NULL;
	}
	return !strncmp(p, "net", 3) && (!p[3] || p[3] == '/') ? p + 3 : NULL;
}

static const char *behind(const char *p, const char *prefix)
{
	size_t n = strlen(prefix);

	return !strncmp(p, prefix, n) && (!p[n] || p[n] == '/') ? p + n : NULL;
}

/* "/sys/class/net/eth0/mtu" goes through the link. */
static bool through_class(enum fs_root *root, const char *rest)
{
	*root = strchr(rest, '/') ? FS_DEVICES : FS_CLASS;
	return true;
}

bool fs_locate(const char *absolute, enum fs_root *root, char path[FS_PATH_MAX])
{
	const char *rest = !strcmp(absolute, "/proc/interrupts") ? absolute + 6 : fs_modules_file(absolute);

	if (rest)
		*root = FS_MODULES;
	else if (!strncmp(absolute, "/proc/", 6) && (rest = behind_proc_net(absolute + 6))) {
		if (!strcmp(rest, "/unix")) /* programs' unix sockets are the kernel's own */
			return false;
		*root = FS_PROC;
	}
	else if ((rest = behind(absolute, "/proc/sys/net")))
		*root = FS_SYSCTL;
	else if ((rest = behind(absolute, "/sys/devices/virtual/net")))
		*root = FS_DEVICES;
	else if ((rest = behind(absolute, "/sys/class/net")))
		through_class(root, *rest ? rest + 1 : rest);
	else
		return false;
	rest += strspn(rest, "/");
	if (strlen(rest) >= FS_PATH_MAX)
		return false;
	memcpy(path, rest, strlen(rest) + 1);
	return true;
}
