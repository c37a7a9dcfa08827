/* The stack's process, from fork to end.
 *
 * It is forked from the `weft` command, not executed: the command has checked everything, and the child needs no path to itself.
 * The child leaves the session and every inherited descriptor behind, builds the host and the attach layer, and says over a
 * socket pair that it serves, or in one sentence why not.
 *
 * The end, in this order: the name disappears (new commands see no stack); traces end; attach/ ends the programs and their
 * sockets, while the loops still run; the loops are joined; the world is freed; the lock goes; the process ends, and with it the
 * connections of those who wait for that.
 */
#include "host/daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attach/attach.h"
#include "attach/filter.h"
#include "host/host.h"
#include "host/uplink.h"
#include "stack/stack.h"

static void log_line(void *arg, int level, const char *text)
{
	static const char *const names[] = { "emerg", "alert", "crit", "error", "warning", "notice", "info", "debug" };
	char line[512], when[32];
	struct timespec ts;
	struct tm tm;
	int n;

	if (level > 5)
		return;
	clock_gettime(CLOCK_REALTIME, &ts);
	localtime_r(&ts.tv_sec, &tm);
	strftime(when, sizeof(when), "%F %T", &tm);
	n = snprintf(line, sizeof(line), "%s.%03ld weft[%d] %s: %s\n", when, ts.tv_nsec / 1000000, (int)getpid(), names[level & 7], text);
	if (write(STDERR_FILENO, line, MIN((size_t)n, sizeof(line) - 1)) < 0)
		return; /* nowhere else to say it */
}

/* Everything but stderr and `keep` goes. Returns keep's new number. */
static int drop_descriptors(int keep)
{
	int null = open("/dev/null", O_RDWR);

	if (keep != 3) {
		if (null == 3) {
			null = dup(null);
			close(3);
		}
		dup3(keep, 3, O_CLOEXEC);
	}
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
	}
	close_range(4, ~0u, 0);
	return 3;
}

static void stderr_to_log(const struct ctl_place *p)
{
	char file[CTL_NAME_MAX + 16];
	int fd;

	snprintf(file, sizeof(file), ".%s.log", p->name);
	fd = openat(p->dirfd, file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		dup2(fd, STDERR_FILENO);
		close(fd);
	}
}

static void own_process(const struct daemon_config *cfg)
{
	struct rlimit rl;
	sigset_t set;

	setsid();
	if (chdir("/") < 0)
		abort();
	umask(077);
	prctl(PR_SET_NAME, "weft-stack");
	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_SETMASK, &set, NULL); /* read through a signalfd */
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < rl.rlim_max) {
		rl.rlim_cur = rl.rlim_max; /* a descriptor or two for every socket of every program */
		setrlimit(RLIMIT_NOFILE, &rl);
	}
}

static int build(struct daemon *d, const struct daemon_config *cfg, const struct uplink *u, struct ctl_error *err)
{
	struct host_config hc = { .ncpus = cfg->ncpus, .tables = &stack_tables, .log = log_line };
	u8 seed[32] = { 0 };
	int e;

	if (cfg->have_seed) {
		memcpy(seed, &cfg->seed, sizeof(cfg->seed));
		hc.seed = seed;
	}
	e = host_new(&hc, &d->host);
	if (e) {
		ctl_error_set(err, e, "cannot make the stack: %s", strerror(-e));
		return e;
	}
	d->ncpus = cfg->ncpus ? cfg->ncpus : 1;
	e = attach_new(d->host, u->resolv_conf, &d->attach, err);
	if (e)
		goto no_attach;
	e = host_start(d->host);
	if (e) {
		ctl_error_set(err, e, "cannot start the stack's threads: %s", strerror(-e));
		goto no_start;
	}
	return 0;
no_start:
	attach_shutdown(d->attach);
	attach_free(d->attach);
no_attach:
	host_free(d->host);
	return e;
}

static int child(const struct daemon_config *cfg, int report)
{
	struct daemon d = { .place = { .dirfd = -1, .lockfd = -1 } };
	struct ctl_server *server = NULL;
	struct ctl_error err = { 0 };
	struct uplink uplink = { .fd = -1 };
	int e = 0, sock;

	own_process(cfg);
	report = drop_descriptors(report);
	if (cfg->name) {
		e = ctl_place_take(&d.place, cfg->name, &err);
		if (e)
			goto fail;
		d.has_place = true;
		if (!cfg->pinned)
			stderr_to_log(&d.place);
	}
	if (cfg->uplink)
		e = uplink_open(&uplink, cfg->uplink, &err);
	if (!e)
		e = build(&d, cfg, &uplink, &err);
	if (e)
		goto fail;
	d.started_ns = host_now();
	e = ctl_server_new(&d, &server);
	if (e) {
		ctl_error_set(&err, e, "cannot serve: %s", strerror(-e));
		goto fail_built;
	}
	if (cfg->uplink) {
		e = uplink_install(&d, &uplink, &err);
		if (e)
			goto fail_built;
	}
	if (cfg->name) {
		e = ctl_place_listen(&d.place, &sock, &err);
		if (!e)
			e = ctl_server_listen(server, sock);
		if (e && !cfg->pinned)
			goto fail_built;
	}
	ctl_send(report, CTL_OK, NULL, 0, NULL, 0);
	e = ctl_server_adopt(server, report, cfg->pinned);
	if (!e)
		ctl_server_run(server);
	ctl_place_hide(&d.place);
	ctl_server_quiesce(server);
	attach_shutdown(d.attach);
	host_stop(d.host);
	attach_free(d.attach);
	host_free(d.host);
	uplink_close(&uplink);
	ctl_place_leave(&d.place);
	ctl_server_free(server);
	return 0;

fail_built:
	ctl_server_free(server);
	attach_shutdown(d.attach);
	host_stop(d.host);
	attach_free(d.attach);
	host_free(d.host);
fail:
	uplink_close(&uplink);
	ctl_send(report, CTL_ERROR, &err, sizeof(err), NULL, 0);
	if (d.has_place)
		ctl_place_leave(&d.place);
	return 1;
}

int daemon_spawn(const struct daemon_config *cfg, pid_t *pid, int *control, struct ctl_error *err)
{
	unsigned type, nfds;
	int sv[2], fds[CTL_MAX_FDS], e;
	struct ctl_error said;
	size_t len;
	pid_t p;

	e = filter_possible();
	if (e) {
		ctl_error_set(err, e, e == -EBUSY ? "weft does not run inside weft, nor where a container runtime catches system calls itself" :
						    "this kernel does not let system calls be caught (seccomp user notification): %s", strerror(-e));
		return e;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0) {
		e = -errno;
		ctl_error_set(err, e, "cannot make a socket pair: %s", strerror(-e));
		return e;
	}
	fflush(NULL);
	p = fork();
	if (p < 0) {
		e = -errno;
		ctl_error_set(err, e, "cannot fork the stack's process: %s", strerror(-e));
		close(sv[0]);
		close(sv[1]);
		return e;
	}
	if (!p) {
		close(sv[0]);
		if (!cfg->pinned && (p = fork())) /* nobody's child: init's */
			_exit(p < 0);
		_exit(child(cfg, sv[1]));
	}
	close(sv[1]);
	if (!cfg->pinned)
		while (waitpid(p, NULL, 0) < 0 && errno == EINTR)
			;
	e = ctl_recv(sv[0], &type, &said, sizeof(said), &len, fds, &nfds);
	if (!e && type == CTL_ERROR && len == sizeof(said)) {
		*err = said;
		e = said.err < 0 ? said.err : -EPROTO;
	} else if (e || type != CTL_OK) {
		e = e ? e : -EPROTO;
		ctl_error_set(err, e, "the stack's process died while it started%s",
			      cfg->name && !cfg->pinned ? "; its log lies beside its socket" : "");
	}
	if (e) {
		close(sv[0]);
		if (cfg->pinned)
			waitpid(p, NULL, 0);
		return e;
	}
	*pid = p;
	*control = sv[0];
	return 0;
}
