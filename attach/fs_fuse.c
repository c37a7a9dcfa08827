/* The tree as a FUSE file system, by libfuse's low-level interface.
 *
 * One mount serves every namespace: an inode is a path, and what is there is looked up, each time, in the namespace of the task that
 * asks (timeouts 0, DIRECT_IO). An open file keeps the namespace it was opened in, as in Linux. Reading takes a snapshot at offset
 * 0 and answers further reads from it, so that a file read in pieces is one state.
 *
 * The mount's descriptor is non-blocking, and the threads wait in poll for it or for the end; so none hangs when the session
 * ends before the mount does. Threads hold no baton while they wait, nor between two calls into fs_tree.
 */
#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "attach/fs_files.h"
#include "attach/fs_tree.h"
#include "host/host.h"

#define THREADS 2  /* one may wait for a baton while the other answers */
#define BUCKETS 256
#define FUSE_SUPER_MAGIC 0x65735546

struct fs_inode {
	struct fs_inode *next; /* in its bucket */
	u64 lookups;	       /* the kernel's references */
	enum fs_root root;
	char path[];
};

struct fs_session {
	struct host *host;
	const struct attach_fs_ops *ops;
	void *arg;
	struct fuse_session *se;
	int fd, stopfd;
	pthread_t thread[THREADS];
	unsigned nthreads, ended; /* ended: atomic */
	pthread_mutex_t lock;	  /* inodes, handles */
	struct list handles;	  /* struct fs_handle.link: open; an unmounted file system releases none */
	struct fs_inode *bucket[BUCKETS];
	struct fs_inode *top;
};

struct fs_handle { /* an open file or directory */
	struct list link;
	struct fs_caller who;
	struct strbuf content;	    /* of the last read at offset 0; of a directory: its names */
	pthread_mutex_t lock;	    /* one description may be read by two threads */
	bool have;
};

/* -- inodes -- */

static unsigned bucket_of(enum fs_root root, const char *path)
{
	unsigned h = root * 31u;

	while (*path)
		h = h * 33 + (u8)*path++;
	return h % BUCKETS;
}

/* Finds or makes it, with one more reference of the kernel's. NULL: no memory. */
static struct fs_inode *inode_get(struct fs_session *s, enum fs_root root, const char *path)
{
	unsigned b = bucket_of(root, path);
	struct fs_inode *i;

	pthread_mutex_lock(&s->lock);
	for (i = s->bucket[b]; i; i = i->next)
		if (i->root == root && !strcmp(i->path, path))
			break;
	if (!i) {
		i = calloc(1, sizeof(*i) + strlen(path) + 1);
		if (i) {
			i->root = root;
			memcpy(i->path, path, strlen(path) + 1);
			i->next = s->bucket[b];
			s->bucket[b] = i;
		}
	}
	if (i)
		i->lookups++;
	pthread_mutex_unlock(&s->lock);
	return i;
}

static void inode_forget(struct fs_session *s, struct fs_inode *i, u64 n)
{
	struct fs_inode **at;

	if (i == s->top)
		return;
	pthread_mutex_lock(&s->lock);
	i->lookups -= MIN(n, i->lookups);
	if (!i->lookups) {
		for (at = &s->bucket[bucket_of(i->root, i->path)]; *at != i; at = &(*at)->next)
			;
		*at = i->next;
		free(i);
	}
	pthread_mutex_unlock(&s->lock);
}

static struct fs_session *session(fuse_req_t req) { return fuse_req_userdata(req); }
static struct fs_inode *inode(fuse_req_t req, fuse_ino_t ino)
{
	return ino == FUSE_ROOT_ID ? session(req)->top : (struct fs_inode *)(uintptr_t)ino;
}

/* -- who asks -- */

static int caller(fuse_req_t req, struct fs_caller *who)
{
	struct fs_session *s = session(req);
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	int e = s->ops->resolve(s->arg, ctx->pid, who);

	if (!e) { /* as the program sees itself, by the mount's own mapping */
		who->uid = ctx->uid;
		who->gid = ctx->gid;
	}
	return e;
}

static void caller_put(struct fs_session *s, struct fs_caller *who)
{
	host_lock_all(s->host);
	netns_put(who->net);
	host_unlock_all(s->host);
}

static void fill_stat(const struct fs_inode *i, const struct fs_caller *who, const struct fs_attr *a, struct stat *st)
{
	*st = (struct stat){ .st_ino = (ino_t)(uintptr_t)i, .st_nlink = a->type == FS_DIR && i->root != FS_SYSCTL ? 2 : 1 };
	st->st_mode = a->mode | (a->type == FS_DIR ? S_IFDIR : a->type == FS_LINK ? S_IFLNK : S_IFREG);
	st->st_uid = who->net_admin ? who->uid : 0; /* the administrator is the owner, whatever he is called */
	st->st_gid = who->net_admin ? who->gid : 0;
	st->st_blksize = 4096;
	clock_gettime(CLOCK_REALTIME, &st->st_mtim); /* as procfs: made when looked at */
	st->st_atim = st->st_ctim = st->st_mtim;
	st->st_size = a->type == FS_FILE && (i->root == FS_DEVICES) ? 4096 : 0;
}

static int look(fuse_req_t req, const struct fs_inode *i, const struct fs_caller *who, struct fs_attr *a)
{
	return fs_stat(session(req)->host, who->net, i->root, i->path, a);
}

static enum fs_root root_by_name(const char *name)
{
	static const char *const names[] = { "", "sysctl", "class", "devices", "proc", "modules", "net" };

	for (unsigned r = 1; r < FS_ROOTS; r++)
		if (!strcmp(names[r], name))
			return r;
	return FS_TOP;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs_session *s = session(req);
	struct fs_inode *p = inode(req, parent), *i;
	struct fuse_entry_param ep = { 0 };
	enum fs_root root = p->root;
	struct fs_caller who;
	char path[FS_PATH_MAX];
	struct fs_attr a;
	int e;

	if (root == FS_TOP) {
		root = root_by_name(name);
		path[0] = 0;
	} else if (snprintf(path, sizeof(path), "%s%s%s", p->path, *p->path ? "/" : "", name) >= (int)sizeof(path)) {
		root = FS_TOP;
	}
	e = root == FS_TOP ? -ENOENT : caller(req, &who);
	if (e) {
		fuse_reply_err(req, -e);
		return;
	}
	e = fs_stat(s->host, who.net, root, path, &a);
	i = e ? NULL : inode_get(s, root, path);
	if (!i) {
		fuse_reply_err(req, e ? -e : ENOMEM);
	} else {
		ep.ino = (fuse_ino_t)(uintptr_t)i;
		fill_stat(i, &who, &a, &ep.attr);
		if (fuse_reply_entry(req, &ep) == -ENOENT)
			inode_forget(s, i, 1);
	}
	caller_put(s, &who);
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n)
{
	inode_forget(session(req), inode(req, ino), n);
	fuse_reply_none(req);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs_session *s = session(req); /* req is gone once it is answered */
	struct fs_inode *i = inode(req, ino);
	struct fs_caller who;
	struct fs_attr a;
	struct stat st;
	int e = caller(req, &who);

	if (e == -ESRCH && ino == FUSE_ROOT_ID) { /* whoever mounts it may not be a program yet */
		st = (struct stat){ .st_mode = S_IFDIR | 0555, .st_nlink = 2, .st_ino = FUSE_ROOT_ID };
		fuse_reply_attr(req, &st, 0);
		return;
	}
	if (e) {
		fuse_reply_err(req, -e);
		return;
	}
	e = look(req, i, &who, &a);
	if (e) {
		fuse_reply_err(req, -e);
	} else {
		fill_stat(i, &who, &a, &st);
		fuse_reply_attr(req, &st, 0);
	}
	caller_put(s, &who);
}

/* Truncation comes with an open for writing and changes nothing; nothing else can be set. */
static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set, struct fuse_file_info *fi)
{
	if (to_set & (FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))
		fuse_reply_err(req, EPERM);
	else
		op_getattr(req, ino, fi);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct fs_session *s = session(req);
	struct fs_inode *i = inode(req, ino);
	char target[FS_PATH_MAX];
	struct fs_caller who;
	int e = caller(req, &who);

	if (e) {
		fuse_reply_err(req, -e);
		return;
	}
	e = fs_link(s->host, who.net, i->root, i->path, target, sizeof(target));
	if (e)
		fuse_reply_err(req, -e);
	else
		fuse_reply_readlink(req, target);
	caller_put(s, &who);
}

static void op_access(fuse_req_t req, fuse_ino_t ino, int mask)
{
	struct fs_caller who;
	struct fs_attr a;
	int e = caller(req, &who);

	if (!e) {
		e = look(req, inode(req, ino), &who, &a);
		if (!e)
			e = fs_may(&who, &a, mask);
		caller_put(session(req), &who);
	}
	fuse_reply_err(req, -e);
}

/* -- open files -- */

static void handle_free(struct fs_session *s, struct fs_handle *h)
{
	pthread_mutex_lock(&s->lock);
	list_del(&h->link);
	pthread_mutex_unlock(&s->lock);
	strbuf_fini(&h->content);
	pthread_mutex_destroy(&h->lock);
	caller_put(s, &h->who);
	free(h);
}

static int handle_new(fuse_req_t req, fuse_ino_t ino, int mask, struct fs_handle **out)
{
	struct fs_session *s = session(req);
	struct fs_handle *h = calloc(1, sizeof(*h));
	struct fs_attr a;
	int e;

	if (!h)
		return -ENOMEM;
	e = caller(req, &h->who);
	if (e) {
		free(h);
		return e;
	}
	pthread_mutex_lock(&s->lock);
	list_add_tail(&s->handles, &h->link);
	pthread_mutex_unlock(&s->lock);
	strbuf_init(&h->content, &host_world(s->host)->mem);
	pthread_mutex_init(&h->lock, NULL);
	e = look(req, inode(req, ino), &h->who, &a);
	if (!e)
		e = fs_may(&h->who, &a, mask);
	if (e)
		handle_free(s, h);
	else
		*out = h;
	return e;
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs_session *s = session(req);
	int acc = fi->flags & O_ACCMODE;
	struct fs_handle *h;
	int e = handle_new(req, ino, acc == O_RDONLY ? R_OK : acc == O_WRONLY ? W_OK : R_OK | W_OK, &h);

	if (e) {
		fuse_reply_err(req, -e);
		return;
	}
	fi->fh = (uintptr_t)h;
	fi->direct_io = 1;
	if (fuse_reply_open(req, fi) == -ENOENT) /* the caller was killed: there will be no release */
		handle_free(s, h);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct fs_handle *h = (struct fs_handle *)(uintptr_t)fi->fh;
	struct fs_session *s = session(req);
	struct fs_inode *i = inode(req, ino);
	int e = 0;

	pthread_mutex_lock(&h->lock);
	if (!off || !h->have) {
		strbuf_fini(&h->content);
		strbuf_init(&h->content, &host_world(s->host)->mem);
		e = fs_read(s->host, h->who.net, i->root, i->path, &h->content);
		h->have = !e;
	}
	if (e)
		fuse_reply_err(req, -e);
	else if ((size_t)off >= h->content.len)
		fuse_reply_buf(req, NULL, 0);
	else
		fuse_reply_buf(req, h->content.s + off, MIN(size, h->content.len - (size_t)off));
	pthread_mutex_unlock(&h->lock);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct fs_handle *h = (struct fs_handle *)(uintptr_t)fi->fh;
	struct fs_inode *i = inode(req, ino);
	int e = 0;

	/* A sysctl takes its value from one write at the beginning; what follows is swallowed (kernel.sysctl_writes_strict). */
	if (!off)
		e = fs_write(session(req)->host, &h->who, i->root, i->path, buf, size);
	if (e)
		fuse_reply_err(req, -e);
	else
		fuse_reply_write(req, size);
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs_handle *h = (struct fs_handle *)(uintptr_t)fi->fh;

	/* The program may have its answer, and close, before the thread that gave it is done with the handle. */
	pthread_mutex_lock(&h->lock);
	pthread_mutex_unlock(&h->lock);
	handle_free(session(req), h);
	fuse_reply_err(req, 0);
}

/* -- directories: names are gathered when one is opened, each after a byte that says its type -- */

static int gather(void *arg, const char *name, enum fs_type type)
{
	struct strbuf *b = arg;
	char t = (char)('0' + type);

	strbuf_add(b, &t, 1);
	strbuf_add(b, name, strlen(name) + 1);
	return b->err;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a + 1, *(char *const *)b + 1); }

/* Behind "." and "..", in the order of the alphabet, as Linux lists sysctls. */
static int sort_names(struct strbuf *b)
{
	size_t n = 0, at = 0;
	struct strbuf sorted;
	char **name = malloc((b->len / 2 + 1) * sizeof(*name)); /* an entry is a type and a name that ends with 0 */
	int e;

	if (!name)
		return -ENOMEM;
	for (size_t i = 0; i < b->len; i += strlen(b->s + i) + 1)
		name[n++] = b->s + i;
	strbuf_init(&sorted, b->mem);
	if (n > 2)
		qsort(name + 2, n - 2, sizeof(*name), by_name);
	for (; at < n; at++)
		strbuf_add(&sorted, name[at], strlen(name[at]) + 1);
	free(name);
	e = sorted.err;
	if (e) {
		strbuf_fini(&sorted);
		return e;
	}
	strbuf_fini(b);
	*b = sorted;
	return 0;
}

static void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs_session *s = session(req);
	struct fs_inode *i = inode(req, ino);
	struct fs_handle *h;
	int e = handle_new(req, ino, R_OK, &h);

	if (!e) {
		gather(&h->content, ".", FS_DIR);
		gather(&h->content, "..", FS_DIR);
		e = fs_list(s->host, h->who.net, i->root, i->path, gather, &h->content);
		if (!e)
			e = h->content.err;
		if (!e && i->root == FS_SYSCTL)
			e = sort_names(&h->content);
		if (e)
			handle_free(s, h);
	}
	if (e) {
		fuse_reply_err(req, -e);
		return;
	}
	fi->fh = (uintptr_t)h;
	if (fuse_reply_open(req, fi) == -ENOENT)
		handle_free(s, h);
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct fs_handle *h = (struct fs_handle *)(uintptr_t)fi->fh;
	char *out = malloc(size);
	size_t used = 0, at = (size_t)off; /* an offset is a position in the gathered names */

	if (!out) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	while (at < h->content.len) {
		static const mode_t mode[] = { S_IFDIR, S_IFREG, S_IFLNK };
		const char *name = h->content.s + at + 1;
		struct stat st = { .st_mode = mode[h->content.s[at] - '0'], .st_ino = 1 };
		size_t next = at + 2 + strlen(name), need;

		need = fuse_add_direntry(req, out + used, size - used, name, &st, (off_t)next);
		if (need > size - used)
			break;
		used += need;
		at = next;
	}
	fuse_reply_buf(req, out, used);
	free(out);
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st = { .f_bsize = 4096, .f_namemax = 255 };

	fuse_reply_statfs(req, &st);
}

/* -- nothing can be made or taken away: what each kind of file system says to that -- */

static void refuse(fuse_req_t req, fuse_ino_t dir, int sysctl, int others)
{
	fuse_reply_err(req, inode(req, dir)->root == FS_SYSCTL ? sysctl : others);
}

static void op_create(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode, struct fuse_file_info *fi) { refuse(req, dir, ENOENT, EACCES); }
static void op_mknod(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode, dev_t rdev) { refuse(req, dir, ENOENT, EPERM); }
static void op_mkdir(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode) { refuse(req, dir, ENOENT, EPERM); }
static void op_symlink(fuse_req_t req, const char *to, fuse_ino_t dir, const char *name) { refuse(req, dir, ENOENT, EPERM); }
static void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t dir, const char *name) { refuse(req, dir, ENOENT, EPERM); }
static void op_remove(fuse_req_t req, fuse_ino_t dir, const char *name) { refuse(req, dir, EACCES, EPERM); }
static void op_rename(fuse_req_t req, fuse_ino_t dir, const char *name, fuse_ino_t to, const char *new_name, unsigned flags)
{
	refuse(req, dir, EACCES, EPERM);
}

static const struct fuse_lowlevel_ops ops = {
	.lookup = op_lookup, .forget = op_forget, .getattr = op_getattr, .setattr = op_setattr, .readlink = op_readlink,
	.access = op_access, .open = op_open, .read = op_read, .write = op_write, .release = op_release, .opendir = op_opendir,
	.readdir = op_readdir, .releasedir = op_release, .statfs = op_statfs,
	.create = op_create, .mknod = op_mknod, .mkdir = op_mkdir, .symlink = op_symlink, .link = op_link, .unlink = op_remove, .rmdir = op_remove,
	.rename = op_rename,
};

/* -- the session -- */

static void *serve(void *arg)
{
	struct fs_session *s = arg;
	struct fuse_buf buf = { 0 };

	while (!fuse_session_exited(s->se)) {
		struct pollfd p[2] = { { .fd = s->fd, .events = POLLIN }, { .fd = s->stopfd, .events = POLLIN } };
		int n;

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		if (p[1].revents)
			break;
		n = fuse_session_receive_buf(s->se, &buf);
		if (n == -EINTR || n == -EAGAIN)
			continue; /* the other thread took it */
		if (n <= 0)
			break; /* unmounted */
		fuse_session_process_buf(s->se, &buf);
	}
	free(buf.mem);
	__atomic_fetch_add(&s->ended, 1, __ATOMIC_RELEASE);
	return NULL;
}

bool fs_session_over(struct fs_session *s) { return __atomic_load_n(&s->ended, __ATOMIC_ACQUIRE) == s->nthreads; }

void fs_session_free(struct fs_session *s)
{
	u64 one = 1;

	if (write(s->stopfd, &one, sizeof(one)) != sizeof(one))
		abort(); /* an eventfd takes 2^64 - 2 of these */
	for (unsigned i = 0; i < s->nthreads; i++)
		pthread_join(s->thread[i], NULL);
	while (!list_empty(&s->handles))
		handle_free(s, list_first(&s->handles, struct fs_handle, link));
	fuse_session_unmount(s->se);
	fuse_session_destroy(s->se);
	for (unsigned b = 0; b < BUCKETS; b++) {
		while (s->bucket[b]) {
			struct fs_inode *i = s->bucket[b];
			s->bucket[b] = i->next;
			free(i);
		}
	}
	close(s->stopfd);
	free(s->top);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static int start(struct fs_session *s)
{
	while (s->nthreads < THREADS) {
		int e = pthread_create(&s->thread[s->nthreads], NULL, serve, s);

		if (e)
			return -e;
		pthread_setname_np(s->thread[s->nthreads++], "weft-fs");
	}
	return 0;
}

int fs_session_new(struct host *h, const struct attach_fs_ops *callbacks, void *arg, int fd, struct fs_session **out)
{
	char *argv[] = { "weft", NULL }, where[32];
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct fs_session *s = calloc(1, sizeof(*s));
	int e = -ENOMEM;

	if (!s)
		return e;
	s->host = h;
	s->ops = callbacks;
	s->arg = arg;
	s->fd = fd;
	s->top = calloc(1, sizeof(*s->top) + 1); /* FS_TOP, "" */
	s->stopfd = eventfd(0, EFD_CLOEXEC);
	pthread_mutex_init(&s->lock, NULL);
	list_init(&s->handles);
	s->se = s->top && s->stopfd >= 0 ? fuse_session_new(&args, &ops, sizeof(ops), s) : NULL;
	fuse_opt_free_args(&args); /* it may have changed them */
	if (!s->se)
		goto fail;
	snprintf(where, sizeof(where), "/dev/fd/%d", fd);
	e = fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : fuse_session_mount(s->se, where) ? -EIO : 0;
	if (!e)
		e = start(s);
	if (!e) {
		*out = s;
		return 0;
	}
	if (s->nthreads) { /* the second thread could not start */
		fs_session_free(s);
		return e;
	}
	fuse_session_destroy(s->se);
fail:
	if (s->stopfd >= 0)
		close(s->stopfd);
	pthread_mutex_destroy(&s->lock);
	free(s->top);
	free(s);
	return e;
}
