/* Files made on demand (fs_open.c), for attach_fs.c. */
#ifndef ATTACH_FS_FILES_H
#define ATTACH_FS_FILES_H

#include <pthread.h>

#include "attach/attach_fs.h"
#include "base/list.h"

struct fs_files {
	struct host *host;
	u32 count;	     /* writers; atomic, so that flushing none costs nothing */
	pthread_mutex_t lock; /* the list, and reading from writers; batons are taken inside */
	struct list writers;
	u32 unfreed;	     /* writers whose callbacks may still run */
	pthread_cond_t none; /* there are none of these left */
};
int fs_files_init(struct fs_files *f, struct host *h);
void fs_files_fini(struct fs_files *f); /* before host_stop: writers go through the loop */
void fs_files_flush(struct fs_files *f);
int fs_files_open(struct fs_files *f, const struct fs_caller *who, const char *path, int flags, int *fd);

/* -- fs_fuse.c -- */
struct fs_session;
/* Takes fd, on success only. */
int fs_session_new(struct host *h, const struct attach_fs_ops *ops, void *arg, int fd, struct fs_session **out);
/* True when the mount is gone: the threads have ended. */
bool fs_session_over(struct fs_session *s);
void fs_session_free(struct fs_session *s); /* ends and joins its threads */

#endif
