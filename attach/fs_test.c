/* The file tree: paths, content and errors against a small world; files made on demand; and the FUSE mount as a process in a
 * user and mount namespace of its own sees it, two namespaces behind one path. */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "attach/attach_fs.h"
#include "attach/fs_tree.h"
#include "core/softnet.h"
#include "core/stack_tables.h"
#include "core/sysctl.h"
#include "host/host.h"
#include "link/netns_dev.h"

static const struct subsys *const subsys[] = { &dev_subsys, &loopback_subsys, NULL };
static const struct sysctl_table *const sysctls[] = { &link_core_sysctls, &softnet_sysctls, NULL };
static const struct proc_file *const proc_files[] = { &link_proc_dev, &softnet_proc_stat, NULL };
static const struct stack_tables tables = {
	.subsys = subsys, .sysctls = sysctls, .proc_files = proc_files, .link_kinds = link_kinds_builtin, .dev_netns = link_dev_netns,
	.dev_walk = link_dev_walk,
};

struct setup {
	struct host *h;
	struct netns *a, *b;
	struct attach_fs *fs;
	pid_t first; /* whose namespace is a; everybody else's is b */
};

static int resolve(void *arg, int tid, struct fs_caller *out)
{
	struct setup *s = arg;

	*out = (struct fs_caller){ .net = netns_get(tid == s->first ? s->a : s->b), .net_admin = true };
	return 0;
}
static const struct attach_fs_ops ops = { resolve };

static void begin(struct setup *s)
{
	struct host_config cfg = { .ncpus = 2, .seed = (const u8[32]){ 1 }, .tables = &tables };
	struct net_device *dev;
	struct cpu *cpu;

	assert_int_equal(host_new(&cfg, &s->h), 0);
	cpu = host_lock_all(s->h);
	assert_int_equal(netns_new(host_world(s->h), "a", 0, &s->a), 0);
	assert_int_equal(netns_new(host_world(s->h), "b", 1, &s->b), 0);
	dev = dev_new(s->a, link_kind_find(host_world(s->h), "dummy"), "d0", 0, 0);
	assert_non_null(dev);
	assert_int_equal(dev_register(cpu, dev, 0), 0);
	host_unlock_all(s->h);
	assert_int_equal(host_start(s->h), 0);
	assert_int_equal(attach_fs_new(s->h, &ops, s, &s->fs), 0);
}

static void end(struct setup *s)
{
	attach_fs_free(s->fs);
	host_stop(s->h);
	host_free(s->h);
}

static void paths_lead_to_roots(void **state)
{
	static const struct {
		const char *path;
		enum fs_root root;
		const char *rest;
	} yes[] = {
		{ "/proc/net", FS_PROC, "" }, { "/proc/net/tcp", FS_PROC, "tcp" }, { "/proc/self/net/dev", FS_PROC, "dev" },
		{ "/proc/12/net/stat/arp_cache", FS_PROC, "stat/arp_cache" }, { "/proc/12/task/13/net/udp", FS_PROC, "udp" },
		{ "/proc/thread-self/net/raw", FS_PROC, "raw" }, { "/proc/sys/net/ipv4/ip_forward", FS_SYSCTL, "ipv4/ip_forward" },
		{ "/proc/interrupts", FS_MODULES, "interrupts" }, { "/proc/modules", FS_MODULES, "proc" }, { "/lib/modules/6.1.0/modules.builtin.bin", FS_MODULES, "builtin.bin" },
		{ "/sys/class/net", FS_CLASS, "" }, { "/sys/class/net/lo", FS_CLASS, "lo" },
		{ "/sys/class/net/lo/mtu", FS_DEVICES, "lo/mtu" }, { "/sys/devices/virtual/net/lo/mtu", FS_DEVICES, "lo/mtu" },
	};
	static const char *const no[] = { "/proc/network", "/proc/sys/netx", "/proc/self", "/proc/self/network", "/proc/12x/net", "/proc/0/net",
					  "/proc/12/task/net", "/sys/class/network/x", "/sys/class", "/proc", "/", "", "proc/net/tcp",
					  "/proc/net/unix", "/lib/modules/6.1.0/kernel", "/lib/modules/modules.dep", "/lib/modules/6.1.0/x/modules.dep" };
	char rest[FS_PATH_MAX], longp[600];
	enum fs_root root;

	for (unsigned i = 0; i < ARRAY_SIZE(yes); i++) {
		assert_true(fs_locate(yes[i].path, &root, rest));
		assert_int_equal(root, yes[i].root);
		assert_string_equal(rest, yes[i].rest);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(no); i++)
		assert_false(fs_locate(no[i], &root, rest));
	memset(longp, 'x', sizeof(longp));
	memcpy(longp, "/proc/net/", 10);
	longp[sizeof(longp) - 1] = 0;
	assert_false(fs_locate(longp, &root, rest));
}

static int count(void *arg, const char *name, enum fs_type type)
{
	++*(int *)arg;
	return 0;
}

static void read_is(struct setup *s, struct netns *net, enum fs_root root, const char *path, const char *want)
{
	struct strbuf b;

	strbuf_init(&b, &host_world(s->h)->mem);
	assert_int_equal(fs_read(s->h, net, root, path, &b), 0);
	assert_string_equal(b.s ? b.s : "", want);
	strbuf_fini(&b);
}

static void read_fails(struct setup *s, struct netns *net, enum fs_root root, const char *path, int err)
{
	struct strbuf b;

	strbuf_init(&b, &host_world(s->h)->mem);
	assert_int_equal(fs_read(s->h, net, root, path, &b), err);
	strbuf_fini(&b);
}

static int write_str(struct setup *s, bool admin, enum fs_root root, const char *path, const char *text)
{
	struct fs_caller who = { .net = s->a, .net_admin = admin, .uid = admin ? 0 : 5 };

	return fs_write(s->h, &who, root, path, text, strlen(text));
}

static void devices_have_linux_s_attributes(void **state)
{
	struct setup s = { 0 };
	struct fs_attr at;
	int n = 0;

	begin(&s);
	read_is(&s, s.a, FS_DEVICES, "lo/mtu", "65536\n");
	read_is(&s, s.a, FS_DEVICES, "lo/flags", "0x8\n");
	read_is(&s, s.a, FS_DEVICES, "lo/address", "00:00:00:00:00:00\n");
	read_is(&s, s.a, FS_DEVICES, "lo/type", "772\n");
	read_is(&s, s.a, FS_DEVICES, "lo/operstate", "down\n");
	read_is(&s, s.a, FS_DEVICES, "lo/uevent", "INTERFACE=lo\nIFINDEX=1\n");
	read_is(&s, s.a, FS_DEVICES, "lo/ifalias", "");
	read_is(&s, s.a, FS_DEVICES, "lo/statistics/rx_bytes", "0\n");
	read_is(&s, s.a, FS_DEVICES, "d0/ifindex", "2\n");
	read_fails(&s, s.a, FS_DEVICES, "lo/carrier", -EINVAL);
	read_fails(&s, s.a, FS_DEVICES, "lo/speed", -EINVAL);
	read_fails(&s, s.a, FS_DEVICES, "lo/statistics", -EISDIR);
	read_fails(&s, s.a, FS_DEVICES, "lo/nothing", -ENOENT);
	read_fails(&s, s.a, FS_DEVICES, "nothing/mtu", -ENOENT);
	read_fails(&s, s.a, FS_DEVICES, "lo/queues/tx-1/tx_timeout", -ENOENT);
	read_fails(&s, s.a, FS_DEVICES, "lo/queues/tx-0x", -ENOENT);
	read_is(&s, s.a, FS_DEVICES, "lo/queues/tx-0/tx_timeout", "0\n");
	read_fails(&s, s.b, FS_DEVICES, "d0/mtu", -ENOENT); /* the other namespace */
	assert_int_equal(fs_stat(s.h, s.a, FS_CLASS, "d0", &at), 0);
	assert_int_equal(at.type, FS_LINK);
	assert_int_equal(fs_stat(s.h, s.b, FS_CLASS, "d0", &at), -ENOENT);
	assert_int_equal(fs_list(s.h, s.a, FS_CLASS, "", count, &n), 0);
	assert_int_equal(n, 2);
	n = 0;
	assert_int_equal(fs_list(s.h, s.a, FS_DEVICES, "d0/statistics", count, &n), 0);
	assert_int_equal(n, 24);

	assert_int_equal(write_str(&s, true, FS_DEVICES, "d0/mtu", "1400\n"), 0);
	read_is(&s, s.a, FS_DEVICES, "d0/mtu", "1400\n");
	assert_int_equal(write_str(&s, true, FS_DEVICES, "d0/mtu", "x\n"), -EINVAL);
	assert_int_equal(write_str(&s, false, FS_DEVICES, "d0/mtu", "1500\n"), -EPERM);
	assert_int_equal(write_str(&s, true, FS_DEVICES, "d0/flags", "0x1\n"), 0);
	read_is(&s, s.a, FS_DEVICES, "d0/carrier", "1\n");
	assert_int_equal(write_str(&s, true, FS_DEVICES, "d0/carrier", "0\n"), -EOPNOTSUPP);
	assert_int_equal(write_str(&s, true, FS_DEVICES, "d0/ifalias", "uplink\n"), 0);
	read_is(&s, s.a, FS_DEVICES, "d0/ifalias", "uplink\n");
	assert_int_equal(write_str(&s, true, FS_DEVICES, "d0/address", "1\n"), -EACCES);
	assert_int_equal(write_str(&s, true, FS_DEVICES, "d0/threaded", "1\n"), -EOPNOTSUPP);
	assert_int_equal(write_str(&s, true, FS_DEVICES, "d0/threaded", "0\n"), 0);
	end(&s);
}

static void sysctls_and_proc_files_have_directories(void **state)
{
	struct setup s = { 0 };
	struct fs_attr at;
	int n = 0;

	begin(&s);
	assert_int_equal(fs_stat(s.h, s.a, FS_SYSCTL, "core", &at), 0);
	assert_int_equal(at.type, FS_DIR);
	assert_int_equal(fs_stat(s.h, s.a, FS_SYSCTL, "core/netdev_budget", &at), 0);
	assert_int_equal(at.type, FS_FILE);
	assert_int_equal(fs_stat(s.h, s.a, FS_SYSCTL, "core/netdev_budge", &at), -ENOENT);
	assert_int_equal(fs_stat(s.h, s.a, FS_SYSCTL, "cor", &at), -ENOENT);
	read_is(&s, s.a, FS_SYSCTL, "core/netdev_budget", "300\n");
	assert_int_equal(write_str(&s, true, FS_SYSCTL, "core/netdev_budget", "301"), 0);
	read_is(&s, s.a, FS_SYSCTL, "core/netdev_budget", "301\n");
	assert_int_equal(write_str(&s, true, FS_SYSCTL, "core/netdev_budget", "many"), -EINVAL);
	assert_int_equal(fs_list(s.h, s.a, FS_SYSCTL, "", count, &n), 0);
	assert_int_equal(n, 1); /* core, once */
	assert_int_equal(fs_list(s.h, s.a, FS_SYSCTL, "nothing", count, &n), -ENOENT);
	assert_int_equal(fs_stat(s.h, s.a, FS_PROC, "dev", &at), 0);
	assert_int_equal(fs_may(&(struct fs_caller){ .uid = 5 }, &(struct fs_attr){ FS_FILE, 0644 }, W_OK), -EACCES);
	assert_int_equal(fs_may(&(struct fs_caller){ .uid = 5 }, &(struct fs_attr){ FS_FILE, 0644 }, R_OK), 0);
	assert_int_equal(fs_may(&(struct fs_caller){ .uid = 0 }, &(struct fs_attr){ FS_FILE, 0644 }, W_OK), 0);
	assert_int_equal(fs_may(&(struct fs_caller){ .uid = 0 }, &(struct fs_attr){ FS_FILE, 0444 }, W_OK), -EACCES);
	end(&s);
}

static void files_are_made_on_demand(void **state)
{
	struct setup s = { 0 };
	struct fs_caller who, stranger;
	char buf[64];
	int fd, ro, n;

	begin(&s);
	who = (struct fs_caller){ .net = s.a, .net_admin = true };
	stranger = (struct fs_caller){ .net = s.a, .uid = 5 };
	assert_true(attach_fs_owns("/proc/net/dev"));
	assert_false(attach_fs_owns("/proc/net2"));
	assert_int_equal(attach_fs_open(s.fs, &who, "/proc/sys/net/core/netdev_budget", O_RDONLY, &ro), 0);
	assert_int_equal(read(ro, buf, sizeof(buf)), 4);
	assert_int_equal(write(ro, "1", 1), -1);
	close(ro);
	assert_int_equal(attach_fs_open(s.fs, &who, "/proc/sys/net/core/netdev_budget", O_WRONLY | O_TRUNC | O_CREAT, &fd), 0);
	assert_int_equal(write(fd, "500\n", 4), 4);
	assert_int_equal(attach_fs_open(s.fs, &who, "/proc/sys/net/core/netdev_budget", O_RDONLY, &ro), 0); /* sees what was written */
	n = (int)read(ro, buf, sizeof(buf));
	assert_int_equal(n, 4);
	assert_memory_equal(buf, "500\n", 4);
	close(ro);
	assert_int_equal(write(fd, "501\n", 4), 4);
	close(fd); /* before anybody looked */
	attach_fs_flush(s.fs);
	read_is(&s, s.a, FS_SYSCTL, "core/netdev_budget", "501\n");
	assert_int_equal(attach_fs_open(s.fs, &who, "/proc/sys/net/core/netdev_budget", O_RDWR, &fd), 0);
	assert_int_equal(read(fd, buf, sizeof(buf)), 4);
	assert_int_equal(read(fd, buf, sizeof(buf)), 0);
	assert_int_equal(write(fd, "502", 3), 3);
	close(fd);
	assert_int_equal(attach_fs_open(s.fs, &stranger, "/proc/sys/net/core/netdev_budget", O_WRONLY, &fd), -EACCES);
	assert_int_equal(attach_fs_open(s.fs, &who, "/proc/net/dev", O_WRONLY, &fd), -EACCES);
	assert_int_equal(attach_fs_open(s.fs, &who, "/proc/net/nothing", O_RDONLY, &fd), -ENOENT);
	assert_int_equal(attach_fs_open(s.fs, &who, "/proc/net/dev", O_RDONLY | O_DIRECTORY, &fd), -ENOTDIR);
	assert_int_equal(attach_fs_open(s.fs, &who, "/proc/sys/net", O_RDONLY | O_DIRECTORY, &fd), -ENOSYS);
	assert_int_equal(attach_fs_open(s.fs, &who, "/proc/sys/net", O_WRONLY, &fd), -EISDIR);
	assert_int_equal(attach_fs_open(s.fs, &who, "/sys/class/net/lo/mtu", O_RDONLY, &ro), 0);
	close(ro);
	for (unsigned i = 0; i < 300; i++) { /* descriptors come and go; some are open when the end comes */
		assert_int_equal(attach_fs_open(s.fs, &who, "/proc/sys/net/core/netdev_budget", O_WRONLY, &fd), 0);
		assert_true(write(fd, "503", 3) == 3);
		if (i % 30)
			close(fd);
	}
	read_fails(&s, s.a, FS_SYSCTL, "core", -EISDIR);
	end(&s);
}

/* -- the mount -- */

static int slurp(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY), n;

	if (fd < 0)
		return -errno;
	n = (int)read(fd, buf, size - 1);
	if (n < 0)
		n = -errno;
	buf[MAX(n, 0)] = 0;
	close(fd);
	return n;
}

#define CHECK(c)                                                                                                       \
	do                                                                                                             \
		if (!(c)) {                                                                                            \
			fprintf(stderr, "in the mount, line %d: %s (errno %d)\n", __LINE__, #c, errno);                \
			_exit(1);                                                                                      \
		}                                                                                                      \
	while (0)

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC), n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return n;
}

/* As a program in a mount namespace of its own sees it. */
static void look_around(const char *hidden)
{
	char buf[4096], path[300];
	struct dirent *de;
	int n = 0, status, fd;
	struct stat st;
	pid_t p;
	DIR *d;

	CHECK(attach_fs_bind(hidden) == 0);
	CHECK(slurp("/sys/class/net/d0/mtu", buf, sizeof(buf)) == 5 && !strcmp(buf, "1500\n"));
	CHECK(readlink("/sys/class/net/d0", buf, sizeof(buf)) > 0 && !strncmp(buf, "../../devices/virtual/net/d0", 28));
	CHECK(write_file("/sys/class/net/d0/mtu", "1300\n") == 0);
	CHECK(slurp("/sys/class/net/d0/mtu", buf, sizeof(buf)) == 5 && !strcmp(buf, "1300\n"));
	CHECK(write_file("/sys/class/net/d0/mtu", "rubbish") == -EINVAL);
	CHECK(slurp("/sys/class/net/d0/carrier", buf, sizeof(buf)) == -EINVAL);
	CHECK(slurp("/proc/sys/net/core/netdev_budget", buf, sizeof(buf)) == 4);
	CHECK(write_file("/proc/sys/net/core/netdev_budget", "333") == 0);
	CHECK(slurp("/proc/sys/net/core/netdev_budget", buf, sizeof(buf)) == 4 && !strcmp(buf, "333\n"));
	CHECK(write_file("/proc/sys/net/core/netdev_budget", "none") == -EINVAL);
	CHECK(readlink("/proc/net", buf, sizeof(buf)) == 14 && !memcmp(buf, "tty/ldisc/proc", 14));
	snprintf(path, sizeof(path), "%s/net", hidden);
	CHECK(lstat(path, &st) == 0 && S_ISLNK(st.st_mode));
	CHECK(slurp("/proc/sys/net/core/nothing", buf, sizeof(buf)) == -ENOENT);
	CHECK(stat("/proc/sys/net/core", &st) == 0 && S_ISDIR(st.st_mode));
	CHECK((d = opendir("/sys/class/net")));
	while ((de = readdir(d)))
		n += de->d_name[0] != '.';
	closedir(d);
	CHECK(n == 2);
	snprintf(path, sizeof(path), "%s/proc/dev", hidden);
	CHECK(slurp(path, buf, sizeof(buf)) > 0 && strstr(buf, "d0:"));
	CHECK((fd = open("/sys/class/net/d0/mtu", O_RDONLY)) >= 0);
	p = fork();
	if (!p) { /* another task, another namespace, the same paths; what was opened before stays what it was */
		CHECK(slurp("/sys/class/net/d0/mtu", buf, sizeof(buf)) == -ENOENT);
		CHECK(slurp("/sys/class/net/lo/mtu", buf, sizeof(buf)) == 6);
		CHECK(pread(fd, buf, sizeof(buf), 0) == 5);
		_exit(0);
	}
	CHECK(waitpid(p, &status, 0) == p && status == 0);
	_exit(0);
}

static void send_fd(int sock, int fd)
{
	char c[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = c, .msg_controllen = sizeof(c) };
	struct cmsghdr *cm = CMSG_FIRSTHDR(&m);

	*cm = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) };
	memcpy(CMSG_DATA(cm), &fd, sizeof(fd));
	CHECK(sendmsg(sock, &m, 0) == 1);
}

static int recv_fd(int sock)
{
	char c[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = c, .msg_controllen = sizeof(c) };
	int fd;

	if (recvmsg(sock, &m, MSG_CMSG_CLOEXEC) != 1 || !m.msg_controllen)
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

static void in_the_mount(int sock, const char *hidden)
{
	unsigned uid = getuid(), gid = getgid();
	char map[64], go;
	int fd;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET))
		_exit(77);
	CHECK(write_file("/proc/self/setgroups", "deny") == 0);
	snprintf(map, sizeof(map), "0 %u 1", uid);
	CHECK(write_file("/proc/self/uid_map", map) == 0);
	snprintf(map, sizeof(map), "0 %u 1", gid);
	CHECK(write_file("/proc/self/gid_map", map) == 0);
	if (attach_fs_mount(hidden, &fd))
		_exit(77);
	send_fd(sock, fd);
	close(fd);
	CHECK(read(sock, &go, 1) == 1);
	look_around(hidden);
}

static void a_mount_shows_each_task_its_namespace(void **state)
{
	char hidden[] = "/tmp/weft-fs-test.XXXXXX";
	struct setup s = { 0 };
	int sv[2], fd, status;

	assert_non_null(mkdtemp(hidden));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	s.first = fork(); /* before there are threads */
	if (!s.first) {
		close(sv[0]);
		in_the_mount(sv[1], hidden);
	}
	close(sv[1]);
	fd = recv_fd(sv[0]);
	if (fd >= 0) {
		begin(&s);
		assert_int_equal(attach_fs_serve(s.fs, fd), 0);
		assert_int_equal(write(sv[0], "", 1), 1);
	}
	assert_int_equal(waitpid(s.first, &status, 0), s.first);
	close(sv[0]);
	rmdir(hidden);
	if (fd < 0) {
		assert_int_equal(WEXITSTATUS(status), 77);
		print_message("cannot mount FUSE here: /dev/fuse or user namespaces cannot be used\n");
		skip();
	}
	assert_int_equal(status, 0);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mount_shows_each_task_its_namespace),
		cmocka_unit_test(paths_lead_to_roots),
		cmocka_unit_test(devices_have_linux_s_attributes),
		cmocka_unit_test(sysctls_and_proc_files_have_directories),
		cmocka_unit_test(files_are_made_on_demand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
