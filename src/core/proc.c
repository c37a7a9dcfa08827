/* Files under /proc/net by name. */
#include "core/proc.h"
#include "core/stack_tables.h"

int proc_read(struct netns *net, const char *name, struct strbuf *out)
{
	const struct proc_file *const *f = net->world->tables->proc_files;

	for (; f && *f; f++) {
		size_t n = strlen((*f)->name);

		if ((*f)->walk && !strncmp((*f)->name, name, n) && name[n] == '/') {
			int err = (*f)->show_in(net, name + n + 1, out);
			return err ? err : out->err;
		}
		if ((*f)->walk || strcmp((*f)->name, name))
			continue;
		(*f)->show(net, out);
		return out->err;
	}
	return -ENOENT;
}
