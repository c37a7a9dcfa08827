/* Files made on demand: for opens that are caught and cannot, or need not, go through FUSE.
 *
 * Reading gives a memfd with the content of this moment, sealed and opened again read-only. Writing gives one end of a SEQPACKET
 * pair, so that each write() stays one message as one write() to a sysctl is one value. The other end is served by the first lane's
 * loop, and by attach_fs_flush() at once, whoever comes first; `lock` keeps the messages of one descriptor in order.
 *
 * A writer holds its namespace and its rights as they were when it was opened, as the kernel does.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attach/fs_files.h"
#include "attach/fs_tree.h"
#include "base/list.h"
#include "host/host.h"

#define WRITE_MAX 4096 /* proc takes a page at most in one write; longer ones are cut */
#define WRITERS_MAX 4096 /* descriptors held by programs at once: a bound on what one can take from the daemon */

struct fs_writer {
	struct list link;
	struct fs_files *files;
	struct fs_caller who;
	enum fs_root root;
	char path[FS_PATH_MAX];
	int sock;
	bool ended;
	struct host_fd *hf;
};

int fs_files_init(struct fs_files *f, struct host *h)
{
	f->host = h;
	f->count = 0;
	f->unfreed = 0;
	list_init(&f->writers);
	pthread_cond_init(&f->none, NULL);
	return -pthread_mutex_init(&f->lock, NULL);
}

/* Applies what is there. f->lock held. */
static void drain(struct fs_writer *w)
{
	char text[WRITE_MAX];

	while (!w->ended) {
		struct iovec iov = { text, sizeof(text) };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
		ssize_t n = recvmsg(w->sock, &m, MSG_DONTWAIT);

		if (n > 0) {
			fs_write(w->files->host, &w->who, w->root, w->path, text, (size_t)n);
		} else if (n == 0) {
			struct epoll_event ev;
			/* A program may write nothing, which ends nothing; the end of the pair shows as a hang-up as well. */
			if (recv(w->sock, &ev, 1, MSG_DONTWAIT | MSG_PEEK) == 0)
				w->ended = true;
		} else if (errno != EINTR) {
			w->ended |= errno != EAGAIN;
			break;
		}
	}
}

static void writer_free(void *arg)
{
	struct fs_writer *w = arg;
	struct fs_files *f = w->files;

	close(w->sock);
	host_lock_all(f->host);
	netns_put(w->who.net);
	host_unlock_all(f->host);
	free(w);
	pthread_mutex_lock(&f->lock);
	if (!--f->unfreed)
		pthread_cond_signal(&f->none);
	pthread_mutex_unlock(&f->lock);
}

/* Off the list; whoever takes it off deletes it, without the lock (writer_free may run at once). f->lock held. */
static void retire(struct fs_writer *w)
{
	list_del(&w->link);
	__atomic_fetch_sub(&w->files->count, 1, __ATOMIC_RELAXED);
}

static void writer_ready(struct cpu *cpu, u32 events, void *arg)
{
	struct fs_writer *w = arg;
	struct fs_files *f = w->files;
	bool mine = false;

	pthread_mutex_lock(&f->lock);
	if (list_linked(&w->link)) {
		drain(w);
		mine = w->ended || events & EPOLLHUP;
		if (mine)
			retire(w);
	}
	pthread_mutex_unlock(&f->lock);
	if (mine)
		host_fd_del(w->hf, writer_free);
}

void fs_files_flush(struct fs_files *f)
{
	struct fs_writer *w;

	if (!__atomic_load_n(&f->count, __ATOMIC_RELAXED))
		return;
	pthread_mutex_lock(&f->lock);
	list_for_each(w, &f->writers, link)
		drain(w); /* the loop retires those that have ended */
	pthread_mutex_unlock(&f->lock);
}

void fs_files_fini(struct fs_files *f)
{
	struct fs_writer *w;

	pthread_mutex_lock(&f->lock);
	while (!list_empty(&f->writers)) {
		w = list_first(&f->writers, struct fs_writer, link);
		drain(w);
		retire(w);
		pthread_mutex_unlock(&f->lock);
		host_fd_del(w->hf, writer_free);
		pthread_mutex_lock(&f->lock);
	}
	while (f->unfreed) /* a callback may be about to look at the list */
		pthread_cond_wait(&f->none, &f->lock);
	pthread_mutex_unlock(&f->lock);
	pthread_mutex_destroy(&f->lock);
	pthread_cond_destroy(&f->none);
}

static int read_only(const char *path, const struct strbuf *content, int *out)
{
	char name[200], self[40];
	int e, fd, ro;

	snprintf(name, sizeof(name), "weft:%s", path);
	fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	for (size_t done = 0; done < content->len;) {
		ssize_t n = write(fd, content->s + done, content->len - done);

		if (n <= 0) {
			e = n < 0 ? -errno : -EIO;
			close(fd);
			return e;
		}
		done += (size_t)n;
	}
	fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	ro = open(self, O_RDONLY | O_CLOEXEC); /* a description of its own: read-only, at offset 0 */
	e = -errno;
	close(fd);
	if (ro < 0)
		return e;
	*out = ro;
	return 0;
}

static int snapshot(struct fs_files *f, const struct fs_caller *who, enum fs_root root, const char *path, struct strbuf *out)
{
	strbuf_init(out, &host_world(f->host)->mem);
	return fs_read(f->host, who->net, root, path, out);
}

static int writable(struct fs_files *f, const struct fs_caller *who, enum fs_root root, const char *path, int flags, int *out)
{
	struct fs_writer *w = calloc(1, sizeof(*w));
	struct strbuf content;
	int sv[2], e;

	if (!w)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0) {
		e = -errno;
		free(w);
		return e;
	}
	if ((flags & O_ACCMODE) == O_RDWR) { /* what was there can be read once, before writing */
		e = snapshot(f, who, root, path, &content);
		if (!e && content.len)
			e = send(sv[0], content.s, content.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
		strbuf_fini(&content);
		if (e)
			goto fail;
	}
	shutdown(sv[0], SHUT_WR); /* reading finds an end */
	*w = (struct fs_writer){ .files = f, .who = *who, .root = root, .sock = sv[0] };
	snprintf(w->path, sizeof(w->path), "%s", path);
	pthread_mutex_lock(&f->lock);
	e = f->count >= WRITERS_MAX ? -ENFILE : 0;
	if (!e) {
		list_add_tail(&f->writers, &w->link);
		__atomic_fetch_add(&f->count, 1, __ATOMIC_RELAXED);
		e = host_fd_add(f->host, 0, w->sock, EPOLLIN | EPOLLRDHUP, 0, writer_ready, w, &w->hf);
		if (e) {
			retire(w);
		} else { /* the callback waits for the lock */
			netns_get(who->net);
			f->unfreed++;
		}
	}
	pthread_mutex_unlock(&f->lock);
	if (e)
		goto fail;
	*out = sv[1];
	return 0;
fail:
	close(sv[0]);
	close(sv[1]);
	free(w);
	return e;
}

int fs_files_open(struct fs_files *f, const struct fs_caller *who, const char *path, int flags, int *fd)
{
	int acc = flags & O_ACCMODE, mask = acc == O_RDONLY ? R_OK : acc == O_WRONLY ? W_OK : R_OK | W_OK, e;
	struct strbuf content;
	struct fs_attr a;
	enum fs_root root;
	char rel[FS_PATH_MAX];

	if (!fs_locate(path, &root, rel))
		return -ENOENT;
	fs_files_flush(f);
	e = fs_stat(f->host, who->net, root, rel, &a);
	if (e)
		return e;
	if (a.type != FS_FILE)
		return acc == O_RDONLY ? -ENOSYS : -EISDIR;
	if (flags & O_DIRECTORY)
		return -ENOTDIR;
	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return -EEXIST;
	e = fs_may(who, &a, mask);
	if (e)
		return e;
	if (acc != O_RDONLY)
		return writable(f, who, root, rel, flags, fd);
	e = snapshot(f, who, root, rel, &content);
	if (!e)
		e = read_only(path, &content, fd);
	strbuf_fini(&content);
	return e;
}
