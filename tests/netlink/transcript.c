/* Playing a transcript: see transcript.h and record.py. Namespaces, sockets and descriptors of the recording get twins in a world of
 * virtual time; every request is sent as it was. What comes back is for the caller to judge.
 */
#include "tests/netlink/transcript.h"

#include <linux/netlink.h>
#include <stdlib.h>

#include "core/sysctl.h"

static int netns_by_fd(struct call_ctx *c, int fd, struct netns **out)
{
	struct play *p = container_of(c, struct play, caller);

	if (fd < 0 || fd >= MAX_FDS || !p->fds[fd])
		return -EBADF;
	*out = netns_get(p->fds[fd]);
	return 0;
}

static int netns_by_pid(struct call_ctx *c, int pid, struct netns **out)
{
	return -ESRCH;
}

static const struct call_ops call_ops = { .netns_by_fd = netns_by_fd, .netns_by_pid = netns_by_pid };

int play_init(struct play *p, const struct stack_tables *tables, unsigned ncpus)
{
	struct world_config cfg = { .ncpus = ncpus, .tables = tables, .start_ns = 5000000000ull };
	struct netns *first;
	int err;

	memset(p, 0, sizeof(*p));
	p->caller = (struct call_ctx){ .ops = &call_ops, .pid = 1, .net_admin = true, .net_raw = true };
	err = world_new(&cfg, &p->w);
	if (err)
		return err;
	p->cpu = config_cpu(p->w);
	p->now = cfg.start_ns;
	/* The machine's own namespace: what is recorded happened in children of it. */
	err = netns_new(p->w, "-", 0, &first);
	if (err) {
		world_free(p->w);
		return err;
	}
	strcpy(p->spaces[0].name, "-");
	p->spaces[0].net = first;
	p->nspaces = 1;
	return 0;
}

static void close_sock(struct play *p, struct play_sock *s)
{
	if (s->s)
		socket_close(p->cpu, s->s);
	s->s = NULL;
	free(s->ours.data);
	free(s->request);
	s->request = NULL;
	s->ours = (struct nl_msgs){ .data = NULL };
}

void play_fini(struct play *p)
{
	cpu_enter(p->cpu, p->now);
	for (unsigned i = 0; i < p->nsocks; i++)
		close_sock(p, &p->socks[i]);
	cpu_leave(p->cpu);
	world_run(p->w, p->now);
	world_free(p->w);
}

static struct netns *space(struct play *p, const char *name)
{
	for (unsigned i = 0; i < p->nspaces; i++) {
		if (!strcmp(p->spaces[i].name, name))
			return p->spaces[i].net;
	}
	return NULL;
}

static struct play_sock *sock_by_id(struct play *p, const char *id)
{
	for (unsigned i = p->nsocks; i-- > 0;) {
		if (p->socks[i].s && !strcmp(p->socks[i].id, id))
			return &p->socks[i];
	}
	return NULL;
}

size_t play_hex(const char *hex, u8 *out, size_t size)
{
	unsigned v;
	size_t n = 0;

	while (n < size && sscanf(hex + 2 * n, "%2x", &v) == 1)
		out[n++] = (u8)v;
	return n;
}

static int do_spaces(struct play *p, char *line)
{
	for (char *name = strtok(line, " "); name; name = strtok(NULL, " ")) {
		if (p->nspaces == MAX_SPACES || strlen(name) >= sizeof(p->spaces[0].name))
			return -EPROTO;
		int err = netns_new(p->w, name, 0, &p->spaces[p->nspaces].net);
		if (err)
			return err;
		/* As in the recording; the fuzz targets' smaller stacks have no such setting. */
		sysctl_write(p->spaces[p->nspaces].net, "ipv6/conf/all/disable_ipv6", "1", 1);
		sysctl_write(p->spaces[p->nspaces].net, "ipv6/conf/default/disable_ipv6", "1", 1);
		strcpy(p->spaces[p->nspaces++].name, name);
	}
	return 0;
}

static int do_sock(struct play *p, const char *id, const char *ns, int protocol, u32 port)
{
	struct play_sock *s = &p->socks[p->nsocks];
	int err;

	if (p->nsocks == MAX_SOCKS || !space(p, ns))
		return -EPROTO;
	memset(s, 0, sizeof(*s));
	snprintf(s->id, sizeof(s->id), "%s", id);
	s->net = space(p, ns);
	s->recorded_port = port;
	p->caller.pid = port && port < 0x80000000u ? (int)port : 1;
	p->cpu->caller = &p->caller;
	err = socket_new(p->cpu, s->net, AF_NETLINK, SOCK_RAW, protocol, &s->s);
	if (err)
		return err;
	p->nsocks++;
	/* What `ip monitor` read while it happened is read here at the end. */
	return socket_setsockopt(p->cpu, s->s, SOL_SOCKET, SO_RCVBUFFORCE, &(int){ 16 << 20 }, sizeof(int));
}

static int do_bind(struct play *p, struct play_sock *s, u32 groups)
{
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK, .nl_groups = groups };
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int err;

	p->caller.pid = s->recorded_port && s->recorded_port < 0x80000000u ? (int)s->recorded_port : 1;
	err = socket_bind(p->cpu, s->s, (struct sockaddr *)&nl, sizeof(nl));
	if (err)
		return err;
	err = socket_getname(p->cpu, s->s, false, &ss, &len);
	s->port = ((struct sockaddr_nl *)&ss)->nl_pid;
	return err;
}

static int do_send(struct play *p, struct play_sock *s, const char *hex)
{
	size_t len = strlen(hex) / 2;
	u8 *data = malloc(len + 1);
	struct iovec iov = { data, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (!data)
		return -ENOMEM;
	play_hex(hex, data, len);
	if (p->before_send)
		p->before_send(p, s);
	free(s->request);
	s->request = data;
	s->request_len = len;
	socket_sendmsg(p->cpu, s->s, &m, 0);
	return 0;
}

static int do_recv(struct play *p, struct play_sock *s, u32 groups, const char *hex)
{
	size_t len = strlen(hex) / 2;
	u8 *data = malloc(len + 1);

	if (!data)
		return -ENOMEM;
	play_hex(hex, data, len);
	if (p->got)
		p->got(p, s, groups, data, len);
	free(data);
	return 0;
}

/* `sysctl -qw net.x.y=v` is the one command besides netlink's that changes something. */
static int do_command(struct play *p, char *line)
{
	char ns[32], key[128], path[128], value[64];

	snprintf(p->command, sizeof(p->command), "%s", line);
	if (sscanf(line, "%31s sysctl -qw net.%127[^=]=%63s", ns, key, value) != 3)
		return 0;
	snprintf(path, sizeof(path), "%s", key);
	for (char *c = path; *c; c++) {
		if (*c == '.')
			*c = '/';
	}
	return space(p, ns) ? sysctl_write(space(p, ns), path, value, strlen(value)) : -EPROTO;
}

static int do_line(struct play *p, char *line)
{
	char verb[16], id[32], rest[32];
	struct play_sock *s;
	int a, b, at = 0;
	long c;
	u32 g;

	if (!*line || *line == '#')
		return 0;
	if (sscanf(line, "%15s %n", verb, &at) != 1 || !at)
		return -EPROTO;
	line += at;
	if (!strcmp(verb, "ns"))
		return do_spaces(p, line);
	if (!strcmp(verb, "cmd"))
		return do_command(p, line);
	if (!strcmp(verb, "sock"))
		return sscanf(line, "%15s %31s %d %ld", id, rest, &a, &c) >= 3 ? do_sock(p, id, rest, a, (u32)c) : -EPROTO;
	if (!strcmp(verb, "fd")) {
		if (sscanf(line, "%d %31s", &a, rest) != 2 || a < 0 || a >= MAX_FDS || !space(p, rest))
			return -EPROTO;
		p->fds[a] = space(p, rest);
		return 0;
	}
	if (sscanf(line, "%15s %n", id, &at) != 1)
		return -EPROTO;
	s = sock_by_id(p, id);
	if (!s)
		return -EPROTO;
	line += at;
	if (!strcmp(verb, "opt"))
		return sscanf(line, "%d %d %u", &a, &b, &g) == 3 ? socket_setsockopt(p->cpu, s->s, a, b, &g, sizeof(g)) : -EPROTO;
	if (!strcmp(verb, "bind"))
		return sscanf(line, "%d %x", &a, &g) == 2 ? do_bind(p, s, g) : -EPROTO;
	if (!strcmp(verb, "send"))
		return do_send(p, s, line);
	if (!strcmp(verb, "recv"))
		return sscanf(line, "%x %n", &g, &at) == 1 ? do_recv(p, s, g, line + at) : -EPROTO;
	if (strcmp(verb, "close"))
		return -EPROTO;
	if (p->before_send)
		p->before_send(p, s);
	close_sock(p, s);
	return 0;
}

int play_file(struct play *p, const char *path)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int err = 0;

	if (!f)
		return -errno;
	p->line = 0;
	while (!err && (n = getline(&line, &cap, f)) > 0) {
		p->line++;
		if (line[n - 1] == '\n')
			line[n - 1] = 0;
		cpu_enter(p->cpu, p->now);
		p->cpu->caller = &p->caller;
		err = do_line(p, line);
		p->cpu->caller = NULL;
		cpu_leave(p->cpu);
		world_run(p->w, p->now);
	}
	free(line);
	fclose(f);
	return err;
}

const struct nlmsghdr *play_next(struct play *p, struct play_sock *s)
{
	struct nl_msgs *m = &s->ours;
	const struct nlmsghdr *h;
	ssize_t n;

	if (m->pos >= m->len) {
		struct iovec iov;
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
		if (!m->data)
			m->data = malloc(65536);
		if (!m->data)
			return NULL;
		iov = (struct iovec){ m->data, 65536 };
		m->pos = m->len = 0;
		n = socket_recvmsg(p->cpu, s->s, &msg, 0);
		if (n <= 0)
			return NULL;
		m->len = (size_t)n;
	}
	h = (const struct nlmsghdr *)(m->data + m->pos);
	if (m->len - m->pos < NLMSG_HDRLEN || h->nlmsg_len < NLMSG_HDRLEN || h->nlmsg_len > m->len - m->pos) {
		m->pos = m->len;
		return NULL;
	}
	m->pos += NLMSG_ALIGN(h->nlmsg_len);
	return h;
}
