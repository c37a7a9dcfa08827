/* Programs that may be executed but not read.
 *
 * The kernel makes a process that executed such a file one that nobody but the real root may look into: weft could then neither read
 * its calls' arguments nor give it descriptors. Better that it does not start, and says why. Only where the stack was started by an
 * ordinary user; root can look into all.
 *
 * The look at the file is for the sentence, not for safety: a file that changes in between starts, and has no sockets (EACCES).
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attach/supervisor.h"

/* The file that the call names, O_PATH, or -errno: then the kernel shall say what is wrong. */
static int named_file(struct call *c, char *path, size_t size)
{
	bool at = c->nr == __NR_execveat;
	struct open_how how = { .flags = O_PATH | O_CLOEXEC };
	char base[48];
	int dir, fd;

	if (call_path(c, c->arg[at], path, size))
		return -EFAULT;
	if (at && !path[0])
		return c->arg[4] & AT_EMPTY_PATH ? task_getfd(c->a, c->tid, (int)c->arg[0]) : -ENOENT;
	if (path[0] == '/') {
		snprintf(base, sizeof(base), "/proc/%d/root", c->tid);
		how.resolve = RESOLVE_IN_ROOT;
	} else if (!at || (int)c->arg[0] == AT_FDCWD) {
		snprintf(base, sizeof(base), "/proc/%d/cwd", c->tid);
	} else {
		snprintf(base, sizeof(base), "/proc/%d/fd/%d", c->tid, (int)c->arg[0]);
	}
	dir = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	fd = (int)syscall(__NR_openat2, dir, path, &how, sizeof(how));
	if (fd < 0)
		fd = -errno;
	close(dir);
	return fd;
}

static bool unreadable(int fd)
{
	struct stat st;
	char self[32];
	int r;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		return false;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	r = open(self, O_RDONLY | O_CLOEXEC);
	if (r < 0)
		return errno == EACCES;
	close(r);
	return false;
}

/* To the program's stderr, if that takes it at once. */
static void tell(struct call *c, const char *path)
{
	struct pollfd p = { .fd = task_getfd(c->a, c->tid, 2), .events = POLLOUT };
	char text[PATH_MAX + 256];
	int n = snprintf(text, sizeof(text), "weft: %s may be executed but not read, so weft could not serve it: make it readable "
			 "(chmod a+r), use a copy of it, or start the stack as root\n", path);

	if (p.fd < 0)
		return;
	if (poll(&p, 1, 0) == 1 && p.revents & POLLOUT && write(p.fd, text, MIN((size_t)n, sizeof(text) - 1)) < 0)
		n = 0; /* nobody reads it */
	close(p.fd);
}

enum call_end call_exec(struct call *c)
{
	char path[PATH_MAX];
	int fd = named_file(c, path, sizeof(path));
	bool refuse;

	if (fd < 0)
		return CALL_CONTINUE;
	refuse = unreadable(fd);
	close(fd);
	if (!refuse || !call_valid(c))
		return CALL_CONTINUE;
	tell(c, path);
	return call_ret(c, -EACCES);
}
