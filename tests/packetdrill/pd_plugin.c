/* packetdrill's way in: packetdrill --so_filename=weft-packetdrill.so [--so_flags=FLAGS] SCRIPT
 *
 * Makes the world that packetdrill would have made of the machine: a namespace with lo and tun0, the addresses of its command line
 * (or FLAGS, in the same words) and a route to the remote one. FLAGS may also hold --seed=N.
 *
 * Some of what a script does goes past the table, straight to libc: getsockopt for its %{ }% blocks, sendfile, and close at the end. So
 * this library exports a getsockopt that knows our descriptors (for when it is preloaded), and, as it usually is not, puts its own
 * functions into the program's table of imported functions.
 * Programs that the script starts get this library preloaded (pd_shim.c), and the process moves into an empty network namespace
 * of the kernel when it may: what is not caught finds nothing to change. */
#include "tests/packetdrill/pd.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/world.h"
#include "tests/packetdrill/pd_shim.h"

#define EXPORT __attribute__((visibility("default")))

struct pd pd;

static int any_getsockopt(int fd, int level, int name, void *val, socklen_t *len)
{
	return pd_file(fd) ? pd_getsockopt(fd, level, name, val, len) : pd_shim_getsockopt(fd, level, name, val, len);
}
EXPORT int getsockopt(int fd, int level, int name, void *restrict val, socklen_t *restrict len);
int getsockopt(int fd, int level, int name, void *restrict val, socklen_t *restrict len) { return any_getsockopt(fd, level, name, val, len); }

/* -- the program's imported functions -- */
static const struct { const char *name; void *fn; } imports[] = {
	{ "getsockopt", any_getsockopt }, { "sendfile", pd_sendfile }, { "sendfile64", pd_sendfile }, { "close", pd_close },
};

static void set_slot(uintptr_t slot, void *fn)
{
	uintptr_t page = slot & ~(uintptr_t)(sysconf(_SC_PAGESIZE) - 1);
	if (!mprotect((void *)page, (size_t)(slot + sizeof(fn) - page), PROT_READ | PROT_WRITE))
		memcpy((void *)slot, &fn, sizeof fn);
}

static void patch(uintptr_t base, const ElfW(Rela) *rela, size_t bytes, const ElfW(Sym) *sym, const char *str)
{
	for (size_t i = 0; rela && i < bytes / sizeof(*rela); i++)
		for (size_t k = 0; k < sizeof imports / sizeof imports[0]; k++)
			if (!strcmp(str + sym[ELF64_R_SYM(rela[i].r_info)].st_name, imports[k].name))
				set_slot(base + rela[i].r_offset, imports[k].fn);
}

/* The first object of the walk is the program. */
static int patch_program(struct dl_phdr_info *info, size_t size, void *arg)
{
	const ElfW(Rela) *plt = NULL, *rela = NULL;
	const ElfW(Sym) *sym = NULL;
	const char *str = NULL;
	size_t plt_bytes = 0, rela_bytes = 0;

	for (int i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type != PT_DYNAMIC)
			continue;
		for (const ElfW(Dyn) *d = (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr); d->d_tag != DT_NULL; d++) {
			const void *p = (const void *)d->d_un.d_ptr;
			switch (d->d_tag) {
			case DT_JMPREL: plt = p; break;
			case DT_PLTRELSZ: plt_bytes = d->d_un.d_val; break;
			case DT_RELA: rela = p; break;
			case DT_RELASZ: rela_bytes = d->d_un.d_val; break;
			case DT_SYMTAB: sym = p; break;
			case DT_STRTAB: str = p; break;
			}
		}
	}
	if (sym && str) {
		patch(info->dlpi_addr, plt, plt_bytes, sym, str);
		patch(info->dlpi_addr, rela, rela_bytes, sym, str);
	}
	return 1;
}

/* -- the network -- */
struct setup {
	bool v6;
	char local[64], remote[64], gateway[64], netmask[64];
	unsigned mtu, mss;
	uint64_t seed;
};

static void option(struct setup *s, const char *arg)
{
	static const char *const names[] = { "local_ip", "remote_ip", "gateway_ip", "netmask_ip" };
	char *const to[] = { s->local, s->remote, s->gateway, s->netmask };
	const char *eq = strchr(arg, '=');

	if (strncmp(arg, "--", 2) || !eq)
		return;
	for (int i = 0; i < 4; i++)
		if ((size_t)(eq - arg - 2) == strlen(names[i]) && !strncmp(arg + 2, names[i], (size_t)(eq - arg - 2)))
			snprintf(to[i], sizeof s->local, "%s", eq + 1);
	if (!strncmp(arg, "--ip_version=", 13))
		s->v6 = !strcmp(eq + 1, "ipv6");
	else if (!strncmp(arg, "--mtu=", 6))
		s->mtu = (unsigned)atoi(eq + 1);
	else if (!strncmp(arg, "--mss=", 6))
		s->mss = (unsigned)atoi(eq + 1);
	else if (!strncmp(arg, "--seed=", 7))
		s->seed = strtoull(eq + 1, NULL, 0);
}

/* Options at the top of a script come first: the command line's, read after them, win. */
static void script_options(struct setup *s, const char *path)
{
	FILE *f = fopen(path, "re");
	char line[512];

	while (f && fgets(line, sizeof line, f)) {
		line[strcspn(line, " \t\n")] = 0;
		option(s, line);
	}
	if (f)
		fclose(f);
}

static void options(struct setup *s, const char *flags)
{
	static char args[65536];
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, args, sizeof args - 1);
	char *copy = strdup(flags ? flags : ""), *save, *word;

	if (fd >= 0)
		close(fd);
	for (ssize_t at = 0; at < n; at += (ssize_t)strlen(args + at) + 1)
		if (at && args[at] != '-' && strlen(args + at) > 4 && !strcmp(args + at + strlen(args + at) - 4, ".pkt"))
			script_options(s, args + at);
	for (ssize_t at = 0; at < n; at += (ssize_t)strlen(args + at) + 1)
		option(s, args + at);
	for (word = strtok_r(copy, " ,", &save); word; word = strtok_r(NULL, " ,", &save))
		option(s, word);
	free(copy);
}

static void die(const char *what, int err)
{
	fprintf(stderr, "weft-packetdrill: %s: %s\n", what, strerror(-err));
	exit(1);
}
static void must(const char *what, int err)
{
	if (err)
		die(what, err);
}

static int prefix_len(const char *netmask)
{
	struct in_addr a;
	return inet_pton(AF_INET, netmask, &a) == 1 ? __builtin_popcount(a.s_addr) : 32;
}

static u64 realtime(void *host, u64 mono) { return mono + (u64)PD_EPOCH_US * 1000; }
static const struct world_ops world_ops = { .realtime = realtime };

static void build(const struct setup *s)
{
	char text[128];

	must("world", weft_world_new(s->seed, 1, &pd.w));
	pd.w->ops = &world_ops;
	must("namespace", weft_netns_new(pd.w, "packetdrill", &pd.net));
	weft_run_for(pd.w, PD_BIRTH_NS);
	must("lo", weft_link_up(pd.net, "lo"));
	must("tun0", pd_tun_new("tun0", s->mtu, s->mss, &pd.tun));
	snprintf(text, sizeof text, "%s/%d", s->local, s->v6 ? 48 : prefix_len(s->netmask));
	must("local address", weft_addr_add(pd.net, "tun0", text));
	snprintf(text, sizeof text, "%s%s", s->remote, strchr(s->remote, '/') ? "" : s->v6 ? "/128" : "/32");
	must("route", weft_route_add(pd.net, text, s->gateway, "tun0"));
}

static char nstat_history[64];
static void forget_nstat(void) { unlink(nstat_history); }

/* Programs of the script: this library comes first in them, and nstat keeps what it saw last in a file of this run. */
static void prepare_children(void)
{
	Dl_info me;

	must("server", pd_serve_start());
	if (dladdr((void *)&imports, &me) && me.dli_fname)
		setenv("LD_PRELOAD", me.dli_fname, 1);
	snprintf(nstat_history, sizeof nstat_history, "/tmp/weft-packetdrill-nstat.%d", (int)getpid());
	setenv("NSTAT_HISTORY", nstat_history, 1);
	atexit(forget_nstat);
}

EXPORT void packetdrill_interface_init(const char *flags, struct pd_table *table);
void packetdrill_interface_init(const char *flags, struct pd_table *table)
{
	struct setup s = { .mtu = 1500, .seed = 1 };

	pd_shim_off();
	options(&s, flags);
	if (!s.local[0])
		strcpy(s.local, s.v6 ? "fd3d:0a0b:17d6::1" : "192.168.0.1");
	if (!s.remote[0])
		strcpy(s.remote, s.v6 ? "fd3d:fa7b:d17d::1" : "192.0.2.1/24");
	if (!s.gateway[0])
		strcpy(s.gateway, s.v6 ? "fd3d:0a0b:17d6:8888::1" : "192.168.0.1");
	if (!s.netmask[0])
		strcpy(s.netmask, "255.255.0.0");
	if (unshare(CLONE_NEWNET))
		fprintf(stderr, "weft-packetdrill: no network namespace of its own (%s)\n", strerror(errno));
	pd_clock_init();
	build(&s);
	dl_iterate_phdr(patch_program, NULL);
	prepare_children();
	*table = pd_calls;
}
