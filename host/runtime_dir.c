/* Where daemons are found: a directory of the user's own, with three files for each.
 *
 *   NAME       the control socket
 *   .NAME.lock locked (flock) by the daemon for as long as it lives: the one truth about whether it does
 *   .NAME.log  what it and the sanitizers say on stderr
 *
 * Whoever wants to start or clean up a name takes the lock first, and looks again whether the locked file is still the one at
 * that path, since the one who leaves unlinks it while he holds it. The socket is bound under a hidden name, listens, and is then
 * renamed, so that nobody can meet it half made.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/control.h"

bool ctl_name_valid(const char *name)
{
	size_t n = strlen(name);

	if (!n || n >= CTL_NAME_MAX || name[0] == '.' || name[0] == '-')
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == n;
}

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && access(path, W_OK | X_OK) == 0;
}

static void choose(char *path, size_t size)
{
	const char *own = getenv("WEFT_RUNTIME_DIR"), *xdg = getenv("XDG_RUNTIME_DIR");
	char run[64];

	snprintf(run, sizeof(run), "/run/user/%u", (unsigned)geteuid());
	if (own && own[0] == '/')
		snprintf(path, size, "%s", own);
	else if (xdg && xdg[0] == '/' && is_dir(xdg))
		snprintf(path, size, "%s/weft", xdg);
	else if (is_dir(run))
		snprintf(path, size, "%s/weft", run);
	else
		snprintf(path, size, "/tmp/weft-%u", (unsigned)geteuid());
}

int runtime_dir_open(bool create, int *dirfd, char *path, size_t size, struct ctl_error *err)
{
	char p[256];
	struct stat st;
	int fd, e;

	choose(p, sizeof(p));
	if (strlen(p) >= size || strlen(p) + CTL_NAME_MAX + 16 > sizeof(((struct sockaddr_un *)0)->sun_path)) {
		ctl_error_set(err, -ENAMETOOLONG, "%s is too long for a socket's address; set WEFT_RUNTIME_DIR to a shorter directory", p);
		return -ENAMETOOLONG;
	}
	if (create && mkdir(p, 0700) < 0 && errno != EEXIST) {
		e = -errno;
		ctl_error_set(err, e, "cannot make %s: %s; set WEFT_RUNTIME_DIR to a directory of yours", p, strerror(-e));
		return e;
	}
	fd = open(p, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		e = -errno;
		ctl_error_set(err, e, "cannot open %s: %s; set WEFT_RUNTIME_DIR to a directory of yours", p, strerror(-e));
		return e;
	}
	if (fstat(fd, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & 077)) {
		close(fd);
		ctl_error_set(err, -EPERM, "%s is not yours alone (it must have your uid and mode 0700); repair or remove it, or set WEFT_RUNTIME_DIR", p);
		return -EPERM;
	}
	*dirfd = fd;
	snprintf(path, size, "%s", p);
	return 0;
}

static void hidden(char *buf, size_t size, const char *name, const char *ext) { snprintf(buf, size, ".%s.%s", name, ext); }

/* The lock on a name. *fd on success; -EWOULDBLOCK: a live daemon has it; -ENOENT without create. */
static int take_lock(int dirfd, const char *name, bool create, int *out)
{
	char lock[CTL_NAME_MAX + 16];
	struct stat a, b;

	hidden(lock, sizeof(lock), name, "lock");
	for (;;) {
		int fd = openat(dirfd, lock, O_RDWR | O_NOFOLLOW | O_CLOEXEC | (create ? O_CREAT : 0), 0600), e;

		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			e = -errno;
			close(fd);
			return e;
		}
		if (fstat(fd, &a) == 0 && fstatat(dirfd, lock, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_ino == b.st_ino) {
			*out = fd;
			return 0;
		}
		close(fd); /* the last owner removed it just now */
	}
}

static void remove_files(int dirfd, const char *name, bool log)
{
	char file[CTL_NAME_MAX + 16];
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode))
		unlinkat(dirfd, name, 0);
	hidden(file, sizeof(file), name, "bind");
	unlinkat(dirfd, file, 0);
	hidden(file, sizeof(file), name, "log");
	if (log || (fstatat(dirfd, file, &st, AT_SYMLINK_NOFOLLOW) == 0 && !st.st_size))
		unlinkat(dirfd, file, 0);
	hidden(file, sizeof(file), name, "lock");
	unlinkat(dirfd, file, 0); /* last: whoever sees it gone finds nothing else */
}

/* Whether a daemon lives there. What a dead one left is removed, except a log that says something: it tells why it died. */
static bool alive(int dirfd, const char *name)
{
	int fd, e = take_lock(dirfd, name, false, &fd);

	if (e == -ENOENT)
		e = take_lock(dirfd, name, true, &fd); /* a socket without a lock */
	if (e)
		return e == -EWOULDBLOCK;
	remove_files(dirfd, name, false);
	close(fd);
	return false;
}

/* Whatever dead ones left, by their locks: not everybody lives to clean up, and not everybody left a socket to be found by. */
static void sweep(int dirfd)
{
	char name[CTL_NAME_MAX];
	struct dirent *de;
	size_t n;
	DIR *d = fdopendir(openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	if (!d)
		return;
	while ((de = readdir(d))) {
		n = strlen(de->d_name);
		if (n < 7 || n - 6 >= sizeof(name) || de->d_name[0] != '.' || strcmp(de->d_name + n - 5, ".lock"))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)n - 6, de->d_name + 1);
		if (ctl_name_valid(name))
			alive(dirfd, name);
	}
	closedir(d);
}

int ctl_place_take(struct ctl_place *p, const char *name, struct ctl_error *err)
{
	int e;

	p->dirfd = p->lockfd = -1;
	if (!ctl_name_valid(name)) {
		ctl_error_set(err, -EINVAL, "'%s' cannot be a name: use up to %d of A-Z a-z 0-9 _ . - and begin with none of . -", name,
			      CTL_NAME_MAX - 1);
		return -EINVAL;
	}
	snprintf(p->name, sizeof(p->name), "%s", name);
	e = runtime_dir_open(true, &p->dirfd, p->dir, sizeof(p->dir), err);
	if (e)
		return e;
	e = take_lock(p->dirfd, name, true, &p->lockfd);
	if (e) {
		close(p->dirfd);
		p->dirfd = -1;
		if (e == -EWOULDBLOCK) {
			ctl_error_set(err, -EEXIST, "%s is up already; join it with `weft run -n %s`, or end it with `weft down %s`", name, name,
				      name);
			return -EEXIST;
		}
		ctl_error_set(err, e, "cannot lock %s/.%s.lock: %s", p->dir, name, strerror(-e));
		return e;
	}
	unlinkat(p->dirfd, name, 0); /* a dead one's socket */
	sweep(p->dirfd);
	return 0;
}

int ctl_place_listen(struct ctl_place *p, int *out, struct ctl_error *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char file[CTL_NAME_MAX + 16];
	int s, e;

	hidden(file, sizeof(file), p->name, "bind");
	snprintf(a.sun_path, sizeof(a.sun_path), "%.60s/%.40s", p->dir, file);
	s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s < 0)
		goto fail;
	unlinkat(p->dirfd, file, 0);
	if (bind(s, (struct sockaddr *)&a, sizeof(a)) < 0 || fchmodat(p->dirfd, file, 0600, 0) < 0 || listen(s, 128) < 0 ||
	    renameat(p->dirfd, file, p->dirfd, p->name) < 0)
		goto fail;
	*out = s;
	return 0;
fail:
	e = -errno;
	if (s >= 0)
		close(s);
	ctl_error_set(err, e, "cannot make the socket %s/%s: %s", p->dir, p->name, strerror(-e));
	return e;
}

void ctl_place_hide(struct ctl_place *p)
{
	if (p->dirfd >= 0)
		unlinkat(p->dirfd, p->name, 0);
}

void ctl_place_leave(struct ctl_place *p)
{
	if (p->dirfd < 0)
		return;
	remove_files(p->dirfd, p->name, true);
	close(p->lockfd);
	close(p->dirfd);
	p->dirfd = p->lockfd = -1;
}

/* The same of one that answers no more and may still be dying: its lock goes with the last of it. Waits for that, some seconds at most. */
static bool see_off(int dirfd, const char *name)
{
	bool lives;

	for (unsigned i = 0; (lives = alive(dirfd, name)) && i < 2500; i++)
		usleep(2000);
	return !lives;
}

bool ctl_place_clean(const char *name)
{
	struct ctl_error err;
	char dir[96];
	bool gone;
	int dirfd;

	if (runtime_dir_open(false, &dirfd, dir, sizeof(dir), &err))
		return true;
	gone = see_off(dirfd, name);
	close(dirfd);
	return gone;
}

int ctl_connect(const char *name, int *out, struct ctl_error *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char dir[96];
	int dirfd = -1, s, e;

	if (!ctl_name_valid(name)) {
		ctl_error_set(err, -EINVAL, "'%s' cannot be a name of a stack", name);
		return -EINVAL;
	}
	e = runtime_dir_open(false, &dirfd, dir, sizeof(dir), err);
	if (e == -ENOENT)
		goto none;
	if (e)
		return e;
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/%s", dir, name);
	s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (s < 0 || connect(s, (struct sockaddr *)&a, sizeof(a)) < 0) {
		e = -errno;
		if (s >= 0)
			close(s);
		if (e == -ECONNREFUSED) /* one that comes up has no socket before it listens */
			see_off(dirfd, name);
		close(dirfd);
		if (e == -ECONNREFUSED || e == -ENOENT)
			goto none;
		ctl_error_set(err, e, "cannot connect to %s: %s", a.sun_path, strerror(-e));
		return e;
	}
	close(dirfd);
	*out = s;
	return 0;
none:
	ctl_error_set(err, -ENOENT, "no stack named %s is up; start it with `weft up %s`, list with `weft ls`", name, name);
	return -ENOENT;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

int ctl_place_each(void (*fn)(void *arg, const char *name), void *arg, struct ctl_error *err)
{
	char dir[96], **names = NULL;
	size_t n = 0;
	struct dirent *de;
	int dirfd, e;
	DIR *d;

	e = runtime_dir_open(false, &dirfd, dir, sizeof(dir), err);
	if (e)
		return e == -ENOENT ? 0 : e;
	sweep(dirfd);
	d = fdopendir(dup(dirfd));
	while (d && (de = readdir(d))) {
		char **more;

		if (!ctl_name_valid(de->d_name) || de->d_type != DT_SOCK || !alive(dirfd, de->d_name))
			continue;
		more = realloc(names, (n + 1) * sizeof(*names));
		if (!more)
			break;
		names = more;
		names[n] = strdup(de->d_name);
		if (names[n])
			n++;
	}
	if (d)
		closedir(d);
	close(dirfd);
	if (n)
		qsort(names, n, sizeof(*names), by_name);
	for (size_t i = 0; i < n; i++) {
		fn(arg, names[i]);
		free(names[i]);
	}
	free(names);
	return 0;
}
