/* Goodput in virtual time, beside Linux's own in the same cells.
 *
 *   goodput run CELLS [RUNS [FIRST]]          one line per run: CELL SEED BYTES[ BYTES…], as linux.sh prints them
 *   goodput check RECORDED [CELLS [RUNS]]     medians of our runs beside those of the recorded lines, of the same seeds; fails when
 *                                             a cell has less than 90 % of Linux's, or when shares differ by more than 15 points.
 *                                             (A recorded line with - for its seed was by chance: the median of all counts.)
 *                                             CELLS: only these; a line may end in its own number of runs
 *   goodput table RECORDED OURS               both as the table of docs/goodput.md
 *
 * A cell is FLOWS|RTT_MS|LOSS|REORDER|DUP|QUEUE: FLOWS a list CC:COUNT[,CC:COUNT…], shares in per cent, the queue of the
 * bottleneck in packets; eN behind it: with ECN, and what is queued for more than N ms is marked. The path is linux.sh's:
 * 20 Mbit/s behind a drop-tail queue; then loss, duplication and half of the delay (reordered packets skip it); ACKs have the
 * other half. Which packets are lost or reordered is pattern.h's, the same ones for the same seed as on Linux. BYTES: received
 * within 10 s of the first accept, per group of flows. Where groups compete, each flow starts at a random moment of the first
 * 500 ms, the same one for the same seed as on Linux.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/sim.h>

#include "pattern.h"

enum { MAX_FLOWS = 256, MAX_GROUPS = 4, MAX_RUNS = 256, MAX_CELLS = 1024, PORT = 5000, RATE = 20000000, CHECK_RUNS = 60, SHARE_TOLERANCE = 15 /* points */ };
static const uint64_t duration_ns = 10ull * 1000000000;

struct cell {
	char key[128];
	struct { char cc[16]; int count; } group[MAX_GROUPS];
	int groups;
	double rtt_ms, loss, reorder, dup;
	int queue;
	double mark_ms; /* 0: no ECN */
	int runs;	/* of a line's own; 0: as many as the command says */
};

static void need(long err, const char *what)
{
	if (err < 0) {
		fprintf(stderr, "goodput: %s: %s\n", what, strerror((int)-err));
		exit(2);
	}
}

static bool cell_parse(const char *text, struct cell *c)
{
	char flows[64], *save;
	int n;

	*c = (struct cell){ 0 };
	snprintf(c->key, sizeof c->key, "%s", text);
	if (sscanf(text, "%63[^|]|%lf|%lf|%lf|%lf|%d%n", flows, &c->rtt_ms, &c->loss, &c->reorder, &c->dup, &c->queue, &n) != 6)
		return false;
	if (text[n] == 'e' && sscanf(text + n + 1, "%lf", &c->mark_ms) != 1)
		return false;
	for (char *p = strtok_r(flows, ",", &save); p && c->groups < MAX_GROUPS; p = strtok_r(NULL, ",", &save))
		if (sscanf(p, "%15[^:]:%d", c->group[c->groups].cc, &c->group[c->groups].count) != 2)
			return false;
		else
			c->groups++;
	return c->groups > 0;
}

struct world_of_cell {
	const struct cell *cell;
	uint64_t seed;
	uint32_t packets; /* that came out of the bottleneck */
	weft_world *w;
	weft_netns *a, *b;
	weft_socket *srv[MAX_GROUPS], *tx[MAX_FLOWS], *rx[MAX_FLOWS];
	int tx_group[MAX_FLOWS];
	uint64_t start[MAX_FLOWS]; /* when it connects; 0: did */
	int ntx, nrx, rx_group[MAX_FLOWS];
	unsigned long long bytes[MAX_GROUPS];
	uint64_t begin[MAX_FLOWS]; /* when its program gets to write; 0: not connected */
	uint64_t end;
};
/* A program does not write in the very instant in which its connection is made; if it did, the handshake's ACK would still be in
 * the queue in front of the first window. */
static const uint64_t program_ns = 50000;
/* Nor do four machines handle a packet in no time: BBR on Linux saw a least round trip of 66.11 ms in the cells of 66 ms. It decides which
 * packets find room: in a full queue one place becomes free every 606 us, 66 ms are 108.98 times that, and the ACK-clocked flow would
 * always be 12 us too early for the place that its own packet left; a paced one then takes it. */
static const uint64_t hops_ns = 40000;
/* Nor do a hundred SYNs leave in one instant: on Linux they were 4.6 us apart. It decides how many find room in a queue of ten. */
static const uint64_t connect_ns = 4600;
static char buf[1 << 18];

static void set_cc(weft_socket *s, const char *cc)
{
	need(weft_setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, cc, (socklen_t)strlen(cc)), cc);
}

static struct sockaddr_in address(int group)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000002), .sin_port = htons((uint16_t)(PORT + group)) };
}

/* What linux.sh's nftables and netem do to packets behind the bottleneck. */
static unsigned int fate(void *arg, int direction, const uint8_t *head, size_t len)
{
	struct world_of_cell *g = arg;
	uint32_t i;

	if (direction || head[12] != 8 || head[13]) /* not IPv4 */
		return 0;
	i = g->packets++ % PATTERN_PACKETS;
	return (pattern_has(g->seed, PATTERN_LOSS, i, g->cell->loss) ? WEFT_FATE_LOST : 0u) |
	       (pattern_has(g->seed, PATTERN_REORDER, i, g->cell->reorder) ? WEFT_FATE_REORDERED : 0u) |
	       (pattern_has(g->seed, PATTERN_DUPLICATE, i, g->cell->dup) ? WEFT_FATE_DUPLICATED : 0u);
}

static void pump(struct world_of_cell *g, int groups)
{
	for (int i = 0; i < groups; i++)
		while (g->nrx < MAX_FLOWS && !weft_accept(g->srv[i], &g->rx[g->nrx])) {
			g->rx_group[g->nrx++] = i;
			if (!g->end)
				g->end = weft_now(g->w) + duration_ns;
		}
	for (int i = 0; i < g->ntx; i++) {
		if (g->start[i] && weft_now(g->w) >= g->start[i]) {
			struct sockaddr_in sa = address(g->tx_group[i]);
			int err = weft_connect(g->tx[i], (struct sockaddr *)&sa, sizeof sa);

			need(err == -EINPROGRESS ? 0 : err, "connect");
			g->start[i] = 0;
		}
		if (g->start[i])
			continue;
		if (!g->begin[i] && (weft_poll(g->tx[i]) & POLLOUT))
			g->begin[i] = weft_now(g->w) + program_ns;
		/* A write pushes out what waits for a larger burst: not before poll would have woken the program. */
		while (g->begin[i] && weft_now(g->w) >= g->begin[i] && (weft_poll(g->tx[i]) & POLLOUT) && weft_send(g->tx[i], buf, 65536, MSG_NOSIGNAL) > 0)
			;
	}
	for (int i = 0; i < g->nrx; i++) {
		ssize_t n;
		while ((n = weft_recv(g->rx[i], buf, sizeof buf, 0)) > 0)
			g->bytes[g->rx_group[i]] += (unsigned long long)n;
	}
}

static void cell_run(const struct cell *c, uint64_t seed, unsigned long long *bytes)
{
	struct world_of_cell g = { .cell = c, .seed = seed };
	/* Linux's TBF takes a packet out of CoDel already when the one before it leaves: one more waits than CoDel measures. */
	uint64_t half = (uint64_t)(c->rtt_ms * 500000) + hops_ns;
	weft_wire_params ab = { .delay_ns = half, .rate_bps = RATE, .queue_frames = (uint32_t)c->queue,
				.mark_frames = c->mark_ms > 0 ? (uint32_t)(c->mark_ms * RATE / 8000 / 1514 + 1.5) : 0 };
	weft_wire_params ba = { .delay_ns = half };
	struct sockaddr_in to = address(0);
	weft_socket *probe;
	weft_wire *wire;

	srandom((unsigned int)seed); /* flows.c draws the same moments */
	need(weft_world_new(seed, 1, &g.w), "world");
	need(weft_netns_new(g.w, "a", &g.a), "netns");
	need(weft_netns_new(g.w, "b", &g.b), "netns");
	/* Router solicitations and the like, a few frames at random moments, can be what makes a queue mark or drop. */
	need(weft_sysctl_set(g.a, "net.ipv6.conf.default.disable_ipv6", "1"), "disable_ipv6");
	need(weft_sysctl_set(g.b, "net.ipv6.conf.default.disable_ipv6", "1"), "disable_ipv6");
	need(weft_wire_new(g.a, "eth0", g.b, "eth0", &ab, &ba, &wire), "wire");
	need(weft_addr_add(g.a, "eth0", "10.0.0.1/24"), "addr");
	need(weft_addr_add(g.b, "eth0", "10.0.0.2/24"), "addr");
	need(weft_link_up(g.a, "eth0"), "link");
	need(weft_link_up(g.b, "eth0"), "link");
	/* On Linux the hosts' routers are next to them: who has which address is known when the first SYN has to cross the path. */
	need(weft_socket_new(g.a, AF_INET, SOCK_DGRAM, 0, &probe), "socket");
	need(weft_connect(probe, (struct sockaddr *)&to, sizeof to), "connect");
	need(weft_send(probe, "", 1, 0), "send");
	weft_run_for(g.w, 4 * half);
	weft_close(probe);
	weft_wire_set_fate(wire, fate, &g);
	if (c->mark_ms > 0) {
		need(weft_sysctl_set(g.a, "net.ipv4.tcp_ecn", "1"), "tcp_ecn");
		need(weft_sysctl_set(g.b, "net.ipv4.tcp_ecn", "1"), "tcp_ecn");
	}
	for (int i = 0; i < c->groups; i++) {
		struct sockaddr_in sa = address(i);

		need(weft_socket_new(g.b, AF_INET, SOCK_STREAM, 0, &g.srv[i]), "socket");
		set_cc(g.srv[i], c->group[i].cc); /* DCTCP needs the receiver's */
		need(weft_bind(g.srv[i], (struct sockaddr *)&sa, sizeof sa), "bind");
		need(weft_listen(g.srv[i], 512), "listen");
	}
	for (int i = 0; i < c->groups; i++)
		for (int k = 0; k < c->group[i].count && g.ntx < MAX_FLOWS; k++) {
			weft_socket *s;

			need(weft_socket_new(g.a, AF_INET, SOCK_STREAM, 0, &s), "socket");
			set_cc(s, c->group[i].cc);
			g.tx_group[g.ntx] = i;
			g.start[g.ntx] = weft_now(g.w) + 1 + (uint64_t)g.ntx * connect_ns + (c->groups > 1 ? (uint64_t)(random() % 500) * 1000000 : 0);
			g.tx[g.ntx++] = s;
		}
	while (!g.end || weft_now(g.w) < g.end) {
		uint64_t next = weft_step(g.w, weft_now(g.w)), limit = g.end ? g.end : 60ull * 1000000000;

		pump(&g, c->groups);
		next = weft_step(g.w, weft_now(g.w)); /* what the pump set off may be due sooner */
		for (int i = 0; i < g.ntx; i++) {
			uint64_t at = g.start[i] ? g.start[i] : g.begin[i];

			if (at > weft_now(g.w) && at < next)
				next = at;
		}
		if (next >= limit)
			break;
		weft_step(g.w, next);
		pump(&g, c->groups);
	}
	memcpy(bytes, g.bytes, sizeof g.bytes);
	for (int i = 0; i < g.ntx; i++)
		weft_close(g.tx[i]);
	for (int i = 0; i < g.nrx; i++)
		weft_close(g.rx[i]);
	for (int i = 0; i < c->groups; i++)
		weft_close(g.srv[i]);
	weft_netns_free(g.a);
	weft_netns_free(g.b);
	weft_world_free(g.w);
}

/* -- recorded lines -- */

struct record {
	char key[128];
	int seed[MAX_RUNS]; /* 0: none in common with the other side */
	unsigned long long v[MAX_GROUPS][MAX_RUNS];
	int runs, groups;
};
static struct record linux_side[MAX_CELLS], our_side[MAX_CELLS];

static struct record *record_find(struct record *r, const char *key, bool add)
{
	for (int i = 0; i < MAX_CELLS; i++) {
		if (!strcmp(r[i].key, key))
			return &r[i];
		if (!r[i].key[0]) {
			if (!add)
				return NULL;
			snprintf(r[i].key, sizeof r[i].key, "%s", key);
			return &r[i];
		}
	}
	return NULL;
}

static void record_load(const char *file, struct record *r)
{
	char line[512];
	FILE *f = fopen(file, "r");

	if (!f) {
		perror(file);
		exit(2);
	}
	while (fgets(line, sizeof line, f)) {
		char key[128], seed[16];
		int at, n;
		struct record *c;

		if (line[0] == '#' || sscanf(line, "%127s %15s%n", key, seed, &at) < 2 || !strchr(key, '|'))
			continue;
		c = record_find(r, key, true);
		if (!c || c->runs == MAX_RUNS)
			continue;
		c->groups = 0;
		c->seed[c->runs] = atoi(seed);
		for (char *p = line + at; c->groups < MAX_GROUPS && sscanf(p, "%llu%n", &c->v[c->groups][c->runs], &n) == 1; p += n)
			c->groups++;
		c->runs++;
	}
	fclose(f);
}

/* Those of r's runs whose seeds the other side ran as well; all, where seeds mean nothing. */
static struct record common_runs(const struct record *r, const struct record *other)
{
	struct record out = *r;

	out.runs = 0;
	for (int i = 0; i < r->runs; i++) {
		bool both = false;

		for (int k = 0; k < other->runs; k++)
			both |= r->seed[i] && r->seed[i] == other->seed[k];
		if (!both)
			continue;
		for (int g = 0; g < r->groups; g++)
			out.v[g][out.runs] = r->v[g][i];
		out.seed[out.runs++] = r->seed[i];
	}
	return out.runs ? out : *r;
}

static int by_value(const void *a, const void *b)
{
	unsigned long long x = *(const unsigned long long *)a, y = *(const unsigned long long *)b;
	return x < y ? -1 : x > y;
}

/* Median, over the runs, of the sum of all groups. In Mbit/s. */
static double median(const struct record *r)
{
	unsigned long long v[MAX_RUNS];

	for (int i = 0; i < r->runs; i++) {
		v[i] = 0;
		for (int g = 0; g < r->groups; g++)
			v[i] += r->v[g][i];
	}
	qsort(v, (size_t)r->runs, sizeof v[0], by_value);
	return (double)(v[(r->runs - 1) / 2] + v[r->runs / 2]) / 2 * 8 / ((double)duration_ns / 1e3);
}

/* Median share of the first group in per cent. */
static double share(const struct record *r)
{
	unsigned long long v[MAX_RUNS];

	for (int i = 0; i < r->runs; i++) {
		unsigned long long sum = 0;
		for (int g = 0; g < r->groups; g++)
			sum += r->v[g][i];
		v[i] = sum ? r->v[0][i] * 10000 / sum : 0;
	}
	qsort(v, (size_t)r->runs, sizeof v[0], by_value);
	return (double)(v[(r->runs - 1) / 2] + v[r->runs / 2]) / 200;
}

static int each_cell(const char *file, int (*fn)(const struct cell *, void *), void *arg)
{
	char line[512];
	int bad = 0;
	FILE *f = fopen(file, "r");

	if (!f) {
		perror(file);
		return 2;
	}
	while (fgets(line, sizeof line, f)) {
		struct cell c;

		size_t end = strcspn(line, " \t\n");
		int runs = line[end] ? atoi(line + end + 1) : 0;

		line[end] = 0;
		if (line[0] && line[0] != '#' && cell_parse(line, &c)) {
			c.runs = runs;
			bad |= fn(&c, arg);
		}
	}
	fclose(f);
	return bad;
}

struct runs {
	int count, first;
};

/* Where nothing is random, few do; where flows compete, the moments at which they start are. */
static int runs_of(const struct cell *c, const struct runs *r)
{
	int most = c->loss > 0 || c->reorder > 0 || c->dup > 0 ? MAX_RUNS : c->groups > 1 ? 20 : 3;

	return c->runs ? c->runs : r->count < most ? r->count : most;
}

static void run_into(const struct cell *c, const struct runs *r, struct record *out)
{
	out->groups = c->groups;
	for (int i = 0; i < runs_of(c, r) && out->runs < MAX_RUNS; i++) {
		unsigned long long bytes[MAX_GROUPS];

		cell_run(c, (uint64_t)(r->first + i), bytes);
		for (int g = 0; g < c->groups; g++)
			out->v[g][out->runs] = bytes[g];
		out->seed[out->runs++] = r->first + i;
	}
}

static int run_cell(const struct cell *c, void *arg)
{
	struct runs *r = arg;

	for (int i = 0; i < runs_of(c, r); i++) {
		unsigned long long bytes[MAX_GROUPS];

		cell_run(c, (uint64_t)(r->first + i), bytes);
		printf("%s %d", c->key, r->first + i);
		for (int g = 0; g < c->groups; g++)
			printf(" %llu", bytes[g]);
		puts("");
		fflush(stdout);
	}
	return 0;
}

static int check_cell(const struct cell *c, void *arg)
{
	const struct record *lin = record_find(linux_side, c->key, false);
	struct record ours = { 0 }, same;
	double want, got;
	bool bad;

	if (!lin) {
		printf("not ok %s: not recorded\n", c->key);
		return 1;
	}
	run_into(c, arg, &ours);
	same = common_runs(lin, &ours); /* the same losses, and flows that started at the same moments */
	ours = common_runs(&ours, &same);
	want = median(&same);
	got = median(&ours);
	bad = got < .9 * want || (c->groups > 1 && fabs(share(&ours) - share(&same)) > SHARE_TOLERANCE);
	printf("%s %s: %.2f Mbit/s, Linux %.2f, %.0f %%", bad ? "not ok" : "ok", c->key, got, want, 100 * got / want);
	if (c->groups > 1)
		printf(", share of the first %.0f %%, Linux %.0f %%", share(&ours), share(&same));
	puts("");
	fflush(stdout);
	return bad;
}

static void table(void)
{
	puts("| flows | rtt ms | loss % | reorder % | dup % | queue | Linux Mbit/s | runs | weft Mbit/s | runs | ratio | share Linux | share weft |\n"
	     "|---|---|---|---|---|---|---|---|---|---|---|---|---|");
	for (int i = 0; i < MAX_CELLS && linux_side[i].key[0]; i++) {
		const struct record *o = record_find(our_side, linux_side[i].key, false), *l = &linux_side[i];
		struct record ours, theirs;
		struct cell c;

		if (!o || !cell_parse(l->key, &c))
			continue;
		ours = common_runs(o, l);
		theirs = common_runs(l, o);
		o = &ours;
		l = &theirs;
		printf("| %.*s | %g | %g | %g | %g | %s | %.2f | %d%s | %.2f | %d | %.2f |", (int)strcspn(l->key, "|"), l->key, c.rtt_ms, c.loss, c.reorder, c.dup,
		       strrchr(l->key, '|') + 1, median(l), l->runs, l->seed[0] ? "" : "*", median(o), o->runs, median(o) / median(l));
		if (c.groups > 1)
			printf(" %.0f %% | %.0f %% |\n", share(l), share(o));
		else
			puts(" | |");
	}
}

int main(int argc, char **argv)
{
	struct runs r = { CHECK_RUNS, 1 };

	if (argc >= 3 && !strcmp(argv[1], "run")) {
		if (argc > 3)
			r.count = atoi(argv[3]);
		if (argc > 4)
			r.first = atoi(argv[4]);
		return each_cell(argv[2], run_cell, &r);
	}
	if (argc >= 3 && !strcmp(argv[1], "check")) {
		record_load(argv[2], linux_side);
		if (argc > 4)
			r.count = atoi(argv[4]);
		if (argc > 3)
			return each_cell(argv[3], check_cell, &r);
		int bad = 0;
		for (int i = 0; i < MAX_CELLS && linux_side[i].key[0]; i++) {
			struct cell c;
			if (cell_parse(linux_side[i].key, &c))
				bad |= check_cell(&c, &r);
		}
		return bad;
	}
	if (argc == 4 && !strcmp(argv[1], "table")) {
		record_load(argv[2], linux_side);
		record_load(argv[3], our_side);
		table();
		return 0;
	}
	fprintf(stderr, "usage: goodput run CELLS [RUNS [FIRST]] | check RECORDED [CELLS [RUNS]] | table RECORDED OURS\n");
	return 2;
}
