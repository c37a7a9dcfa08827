/* What attach/ sees of the file tree: sessions of FUSE mounts, and files made on demand. */
#include "attach/attach_fs.h"

#include <stdlib.h>

#include "attach/fs_files.h"
#include "attach/fs_tree.h"
#include "host/host.h"

#define MOUNTS_MAX 64 /* one for each user namespace that joins; those that are gone make room */

struct attach_fs {
	struct host *host;
	const struct attach_fs_ops *ops;
	void *arg;
	struct fs_files files;
	pthread_mutex_t lock;
	struct fs_session *session[MOUNTS_MAX];
};

int attach_fs_new(struct host *h, const struct attach_fs_ops *ops, void *arg, struct attach_fs **out)
{
	struct attach_fs *fs = calloc(1, sizeof(*fs));
	int e;

	if (!fs)
		return -ENOMEM;
	fs->host = h;
	fs->ops = ops;
	fs->arg = arg;
	e = fs_files_init(&fs->files, h);
	if (e) {
		free(fs);
		return e;
	}
	pthread_mutex_init(&fs->lock, NULL);
	*out = fs;
	return 0;
}

int attach_fs_serve(struct attach_fs *fs, int fuse_fd)
{
	int e = -ENFILE;

	pthread_mutex_lock(&fs->lock);
	for (unsigned i = 0; i < MOUNTS_MAX; i++) {
		if (fs->session[i]) {
			if (!fs_session_over(fs->session[i]))
				continue;
			fs_session_free(fs->session[i]);
			fs->session[i] = NULL;
		}
		e = fs_session_new(fs->host, fs->ops, fs->arg, fuse_fd, &fs->session[i]);
		break;
	}
	pthread_mutex_unlock(&fs->lock);
	return e;
}

void attach_fs_free(struct attach_fs *fs)
{
	if (!fs)
		return;
	for (unsigned i = 0; i < MOUNTS_MAX; i++)
		if (fs->session[i])
			fs_session_free(fs->session[i]);
	fs_files_fini(&fs->files);
	pthread_mutex_destroy(&fs->lock);
	free(fs);
}

bool attach_fs_owns(const char *path)
{
	enum fs_root root;
	char rel[FS_PATH_MAX];

	return fs_locate(path, &root, rel);
}

bool attach_fs_of_machine(const char *path)
{
	enum fs_root root;
	char rel[FS_PATH_MAX];

	return fs_locate(path, &root, rel) && root == FS_MODULES;
}

int attach_fs_open(struct attach_fs *fs, const struct fs_caller *who, const char *path, int flags, int *fd)
{
	return fs_files_open(&fs->files, who, path, flags, fd);
}

void attach_fs_flush(struct attach_fs *fs) { fs_files_flush(&fs->files); }
