/* Files under /proc/net by name. */
#include "core/proc.h"
#include "core/stack_tables.h"

int proc_read(struct netns *net, const char *name, struct strbuf *out)
{
	const struct proc_file *const *f = net->world->tables->proc_files;

	for (; f && *f; f++) {
		if (strcmp((*f)->name, name))
			continue;
		(*f)->show(net, out);
		return out->err;
	}
	return -ENOENT;
}
