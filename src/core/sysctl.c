/* Sysctls by path: finding the entry that a path names, reading and writing it, listing all.
 *
 * The tables are const and live beside the subsystems that read the values; a directory may be spread over several tables. In
 * per-device tables the component after `dir` is a device, "all" or "default": the subsystem's base() knows which exist.
 * A write that the entry's set() refuses leaves the old value. See sysctl_value.c for what a number is.
 */
#include <stdio.h>

#include "core/stack_tables.h"
#include "core/sysctl.h"
#include "core/sysctl_value.h"

#define DEV_MAX 64   /* a device's name with room to spare; longer components name nothing */
#define VALUE_MAX 64 /* bytes of the longest list, for taking a refused value back */

struct found {
	const struct sysctl *s;
	void *base;
};

static bool exists_here(const struct netns *net, const struct sysctl *s)
{
	return !s->init_only || net == net->world->init_net;
}

static u16 mode_here(const struct netns *net, const struct sysctl *s)
{
	return s->child_mode && net != net->world->init_net ? s->child_mode : s->mode;
}

/* The rest of `path` behind `dir/`, NULL when it is not below dir. */
static const char *below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	if (strncmp(path, dir, n))
		return NULL;
	if (n && dir[n - 1] == '/')
		return path + n;
	return path[n] == '/' ? path + n + 1 : NULL;
}

static bool find_in(struct netns *net, const struct sysctl_table *t, const char *path, struct found *f)
{
	const char *name = below(path, t->dir);
	char dev[DEV_MAX];

	if (!name)
		return false;
	if (t->per_device) {
		const char *slash = strchr(name, '/');

		if (!slash || slash == name || slash - name >= DEV_MAX)
			return false;
		memcpy(dev, name, (size_t)(slash - name));
		dev[slash - name] = 0;
		name = slash + 1;
	}
	for (unsigned i = 0; i < t->count; i++) {
		if (strcmp(t->entries[i].name, name) || !exists_here(net, &t->entries[i]))
			continue;
		f->s = &t->entries[i];
		f->base = t->base ? t->base(net, t->per_device ? dev : NULL) : NULL;
		return f->base || !t->base;
	}
	return false;
}

static int find(struct netns *net, const char *path, struct found *f)
{
	const struct sysctl_table *const *t = net->world->tables->sysctls;

	for (; t && *t; t++)
		if (find_in(net, *t, path, f))
			return 0;
	return -ENOENT;
}

int sysctl_read(struct netns *net, const char *path, struct strbuf *out)
{
	struct found f;
	int err = find(net, path, &f);

	if (err)
		return err;
	if (!(mode_here(net, f.s) & 0444))
		return -EACCES;
	if (f.s->get) {
		size_t before = out->len;

		err = f.s->get(net, f.base, f.s, out);
		if (err)
			return err;
		if (out->len > before && out->s[out->len - 1] == '\n')
			return out->err;
	} else {
		sysctl_value_format(f.s, (const u8 *)f.base + f.s->offset, out);
	}
	strbuf_add(out, "\n", 1);
	return out->err;
}

static int write_value(struct netns *net, const struct found *f, const char *text, size_t len)
{
	u8 *p = (u8 *)f->base + f->s->offset;
	size_t bytes = sysctl_value_bytes(f->s);
	u8 old[VALUE_MAX];
	int err;

	assert(bytes && bytes <= sizeof(old));
	memcpy(old, p, bytes);
	err = sysctl_value_parse(f->s, p, text, len);
	if (err)
		return err;
	if (f->s->changed)
		err = f->s->changed(net, f->base, f->s, old);
	else if (f->s->set)
		err = f->s->set(net, f->base, f->s, text);
	if (err)
		memcpy(p, old, bytes);
	return err;
}

int sysctl_write(struct netns *net, const char *path, const char *text, size_t len)
{
	struct mem *mem = &net->world->mem;
	struct found f;
	char *copy;
	int err = find(net, path, &f);

	if (err)
		return err;
	if (!(mode_here(net, f.s) & 0222))
		return -EACCES;
	if (!len)
		return 0;
	copy = mem_alloc(mem, len + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, text, len);
	copy[len] = 0;
	if (f.s->kind == SYSCTL_CUSTOM)
		err = f.s->set ? f.s->set(net, f.base, f.s, copy) : -EINVAL;
	else
		err = write_value(net, &f, copy, len);
	mem_free(mem, copy);
	return err;
}

struct walk {
	struct netns *net;
	const struct sysctl_table *t;
	int (*fn)(void *arg, const char *path, unsigned mode);
	void *arg;
};

/* The files of one directory; dev NULL unless per device. */
static int walk_dir(void *arg, const char *dev)
{
	struct walk *w = arg;
	const struct sysctl_table *t = w->t;
	size_t n = strlen(t->dir);
	char path[256];
	int ret;

	if (t->per_device && !t->base(w->net, dev))
		return 0;
	for (unsigned i = 0; i < t->count; i++) {
		if (!exists_here(w->net, &t->entries[i]))
			continue;
		snprintf(path, sizeof(path), "%s%s%s%s%s", t->dir, n && t->dir[n - 1] == '/' ? "" : "/", dev ? dev : "",
			 dev ? "/" : "", t->entries[i].name);
		ret = w->fn(w->arg, path, mode_here(w->net, &t->entries[i]));
		if (ret)
			return ret;
	}
	return 0;
}

int sysctl_walk(struct netns *net, int (*fn)(void *arg, const char *path, unsigned mode), void *arg)
{
	const struct stack_tables *tables = net->world->tables;
	const struct sysctl_table *const *t = tables->sysctls;
	int ret = 0;

	for (; t && *t && !ret; t++) {
		struct walk w = { net, *t, fn, arg };

		if (!(*t)->per_device) {
			ret = walk_dir(&w, NULL);
			continue;
		}
		ret = walk_dir(&w, "all");
		if (!ret)
			ret = walk_dir(&w, "default");
		if (!ret && tables->dev_walk)
			ret = tables->dev_walk(net, walk_dir, &w);
	}
	return ret;
}
