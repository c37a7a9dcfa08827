/* What slirp's process gives up. It parses packets that programs inside choose, and stands in this machine's network: should it be taken
 * over, it is to hold nothing but its sockets.
 *
 * Files: a mount namespace of its own whose root is an empty file system with one folder in it, that of resolv.conf, read-only (the
 * folder, not the file: whoever rewrites it renames a new one into place). Rights: no capability, none by exec, and none in the user namespace
 * that an ordinary user needs to mount. Calls: whatever starts programs, looks into others, enters namespaces or configures the kernel is
 * refused. What was to be done with rights (ports below 1024) is done before.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attach/sandbox.h"
#include "host/uplink_proc.h"

#define ROOT "/proc/tty/ldisc" /* an empty directory that every procfs has and nobody uses */
#define RESOLV_CONF "/etc/resolv.conf"

static int own_user_ns(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char map[64];
	int e;

	if (unshare(CLONE_NEWUSER) < 0)
		return -errno;
	sandbox_write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	e = sandbox_write_file("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "%u %u 1", gid, gid);
	return e ? e : sandbox_write_file("/proc/self/gid_map", map);
}

/* Makes the folders of an absolute path below ROOT. */
static int make_path(char *path)
{
	for (char *p = path + sizeof(ROOT); *p; p++)
		if (*p == '/') {
			*p = 0;
			if (mkdir(path, 0755) < 0 && errno != EEXIST)
				return -errno;
			*p = '/';
		}
	return mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

/* Shows the folder of this machine's resolv.conf in the new root, where the file will be found by its usual name. */
static int show_resolv_conf(void)
{
	struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC };
	char *real = realpath(RESOLV_CONF, NULL), *slash, to[PATH_MAX + sizeof(ROOT)], link[sizeof(ROOT RESOLV_CONF)];
	int e = 0;

	if (!real)
		return 0; /* there is none; DNS then has no answer, as outside */
	slash = strrchr(real, '/');
	*slash = 0;
	snprintf(to, sizeof(to), ROOT "%s", real);
	if (!*real) { /* a file in / itself: its folder would be everything */
		free(real);
		return 0;
	}
	e = make_path(to);
	if (!e && mount(real, to, NULL, MS_BIND | MS_REC, NULL) < 0) /* the file may be a mount of its own (containers) */
		e = -errno;
	if (!e && mount_setattr(AT_FDCWD, to, AT_RECURSIVE, &ro, sizeof(ro)) < 0)
		e = -errno;
	if (!e && strcmp(real, "/etc")) {
		*slash = '/';
		snprintf(link, sizeof(link), ROOT "/etc");
		if (mkdir(link, 0755) < 0 && errno != EEXIST)
			e = -errno;
		if (!e && symlink(real, ROOT RESOLV_CONF) < 0 && errno != EEXIST)
			e = -errno;
	}
	free(real);
	return e;
}

static int empty_root(void)
{
	int e;

	if (unshare(CLONE_NEWNS | CLONE_NEWIPC) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("weft", ROOT, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755,size=64k") < 0)
		return -errno;
	e = show_resolv_conf();
	if (e)
		return e;
	if (chdir(ROOT) < 0 || syscall(__NR_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return -errno;
	return mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 ? -errno : 0;
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };

	for (int c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
		prctl(PR_CAPBSET_DROP, c, 0, 0, 0); /* without the right to: then there is none to drop it from */
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(__NR_capset, &h, none) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

static const u16 refused[] = {
	__NR_execve, __NR_execveat, __NR_fork, __NR_vfork, __NR_clone, __NR_clone3, __NR_ptrace, __NR_process_vm_readv, __NR_process_vm_writev, __NR_kcmp, __NR_kill,
	__NR_tkill, __NR_pidfd_open, __NR_pidfd_getfd, __NR_pidfd_send_signal, __NR_mount, __NR_umount2, __NR_pivot_root, __NR_chroot, __NR_fsopen,
	__NR_fsmount, __NR_fspick, __NR_fsconfig, __NR_move_mount, __NR_open_tree, __NR_setns, __NR_unshare, __NR_open_by_handle_at, __NR_name_to_handle_at,
	__NR_bpf, __NR_perf_event_open, __NR_userfaultfd, __NR_seccomp, __NR_io_uring_setup, __NR_io_uring_enter, __NR_io_uring_register,
	__NR_add_key, __NR_request_key, __NR_keyctl, __NR_init_module, __NR_finit_module, __NR_delete_module, __NR_kexec_load, __NR_kexec_file_load,
	__NR_reboot, __NR_swapon, __NR_swapoff, __NR_sethostname, __NR_setdomainname, __NR_settimeofday, __NR_clock_settime, __NR_adjtimex,
	__NR_clock_adjtime, __NR_syslog, __NR_quotactl, __NR_acct, __NR_iopl, __NR_ioperm, __NR_modify_ldt, __NR_memfd_create, __NR_shmget,
	__NR_msgget, __NR_semget, __NR_mq_open, __NR_personality, __NR_fanotify_init, __NR_inotify_init, __NR_inotify_init1, __NR_setuid, __NR_setgid,
	__NR_setresuid, __NR_setresgid, __NR_setgroups, __NR_capset,
};

static int refuse_calls(void)
{
	struct sock_filter prog[ARRAY_SIZE(refused) + 8];
	struct sock_fprog fprog = { .filter = prog };
	unsigned n = 0, count = ARRAY_SIZE(refused);

	_Static_assert(ARRAY_SIZE(refused) < 250, "jumps are a byte wide");
	prog[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	prog[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, (u8)(count + 3)); /* other architectures: refused */
	prog[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	prog[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, (u8)(count + 1), 0); /* x32 */
	for (unsigned i = 0; i < count; i++)
		prog[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, refused[i], (u8)(count - i), 0);
	prog[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	prog[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	fprog.len = (u16)n;
	return syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &fprog) < 0 ? -errno : 0;
}

int uplink_sandbox(struct ctl_error *err)
{
	int e = geteuid() ? own_user_ns() : 0;

	if (e)
		return ctl_error_set(err, e, "cannot make a user namespace for slirp: %s", strerror(-e));
	e = empty_root();
	if (e)
		return ctl_error_set(err, e, "cannot take the files from slirp's process: %s", strerror(-e));
	e = drop_capabilities();
	if (!e)
		e = refuse_calls();
	return e ? ctl_error_set(err, e, "cannot take the rights from slirp's process: %s", strerror(-e)) : 0;
}
