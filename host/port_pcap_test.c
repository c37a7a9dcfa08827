/* The pcap port in virtual time: frames arrive as far apart as in the file, or at once; what is sent is found in the other file;
 * files that are no Ethernet captures are refused, and frames that do not fit are left out. */
#include "link/test_stack.h"

#include <pcap/pcap.h>
#include <unistd.h>

#include "host/port_pcap.h"
#include "link/port.h"

static const u8 mac[6] = { 2, 0, 0, 0, 0, 1 };
#define MS NSEC_PER_MSEC

static FILE *capture(int dlt, const unsigned *len, const unsigned *at_ms, unsigned n)
{
	pcap_t *p = pcap_open_dead_with_tstamp_precision(dlt, 300000, PCAP_TSTAMP_PRECISION_NANO);
	static u8 frame[200000];
	FILE *f = tmpfile();
	pcap_dumper_t *d;

	assert_non_null(f);
	d = pcap_dump_fopen(p, fdopen(dup(fileno(f)), "w"));
	memcpy(frame, mac, 6);
	memcpy(frame + 6, mac, 6);
	frame[12] = 8;
	frame[13] = 0;
	for (unsigned i = 0; i < n; i++) {
		struct pcap_pkthdr h = { .ts = { 1700000000, at_ms[i] * 1000000 }, .caplen = len[i], .len = len[i] };
		pcap_dump((u8 *)d, &h, frame);
	}
	pcap_dump_close(d);
	pcap_close(p);
	rewind(f);
	return f;
}

struct rig {
	struct world *w;
	struct netns *net;
	struct net_device *dev;
	struct port *port;
};

static void begin(struct rig *r, FILE *in, FILE *out, bool timed)
{
	struct port_pcap_config cfg = { .in = in, .out = out, .timed = timed };
	struct nic_config nc = { .queues = 1, .rx_ring = 64, .tx_ring = 64, .mac = mac, .mtu = 1500 };
	char err[200];

	r->w = test_world(&test_tables, 1);
	r->net = test_netns(r->w, "a", 0);
	assert_int_equal(port_pcap_new(&cfg, &r->w->mem, &r->port, err, sizeof(err)), 0);
	assert_int_equal(nic_new(config_cpu(r->w), r->net, "p0", r->port, &nc, &r->dev), 0);
	assert_int_equal(dev_change_flags(config_cpu(r->w), r->dev, r->dev->flags | IFF_UP, NULL), 0);
}

static void end(struct rig *r)
{
	collect_free(config_cpu(r->w));
	world_free(r->w);
}

static void frames_arrive_in_their_time(void **state)
{
	const unsigned len[] = { 60, 60, 1514, 60 }, at[] = { 100, 110, 125, 120 };
	struct rig r;
	u64 t0, in, out;

	begin(&r, capture(DLT_EN10MB, len, at, 4), NULL, true);
	t0 = config_cpu(r.w)->now;
	world_run_until(r.w, t0 + 9 * MS);
	assert_int_equal(got.n, 1);
	world_run_until(r.w, t0 + 11 * MS);
	assert_int_equal(got.n, 2);
	world_run_until(r.w, t0 + 26 * MS);
	assert_int_equal(got.n, 4); /* the last one's time lies before its forerunner's */
	assert_int_equal(got.skb[2]->len, 1500);
	port_pcap_counts(r.port, &in, &out);
	assert_int_equal(in, 4);
	world_run_until(r.w, t0 + 10 * NSEC_PER_SEC); /* the end of the file is quiet */
	assert_int_equal(got.n, 4);
	end(&r);
}

static void frames_arrive_at_once(void **state)
{
	unsigned len[300], at[300];
	struct rig r;

	for (unsigned i = 0; i < 300; i++) {
		len[i] = i == 7 ? 200000 : 60; /* one does not fit a buffer */
		at[i] = i;
	}
	begin(&r, capture(DLT_EN10MB, len, at, 300), NULL, false);
	world_run(r.w, config_cpu(r.w)->now);
	assert_int_equal(got.n, 299);
	end(&r);
}

static void what_is_sent_is_in_the_file(void **state)
{
	struct pcap_pkthdr *h;
	FILE *out = tmpfile(), *again;
	char err[PCAP_ERRBUF_SIZE];
	const u8 *data;
	struct rig r;
	pcap_t *p;
	u64 t0;

	again = fdopen(dup(fileno(out)), "r");
	begin(&r, NULL, out, false);
	t0 = config_cpu(r.w)->now;
	for (unsigned i = 0; i < 3; i++) {
		struct cpu *cpu = config_cpu(r.w);

		dev_queue_xmit(cpu, test_frame(cpu, r.dev, mac, ETH_P_IP, 100 + i));
		world_run_until(r.w, t0 + (i + 1) * MS);
	}
	end(&r);
	rewind(again);
	p = pcap_fopen_offline_with_tstamp_precision(again, PCAP_TSTAMP_PRECISION_NANO, err);
	assert_non_null(p);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(pcap_next_ex(p, &h, &data), 1);
		assert_int_equal(h->caplen, 100 + i);
		assert_memory_equal(data, mac, 6);
		assert_int_equal((u64)h->ts.tv_sec * NSEC_PER_SEC + (u64)h->ts.tv_usec, t0 + i * MS);
	}
	assert_int_equal(pcap_next_ex(p, &h, &data), PCAP_ERROR_BREAK);
	pcap_close(p);
}

static void other_files_are_refused(void **state)
{
	const unsigned len = 60, at = 0;
	struct port *port;
	char err[200] = "";
	struct mem mem;
	FILE *text = tmpfile();

	mem_init(&mem, 0);
	fputs("this is no capture, whatever its name says", text);
	rewind(text);
	assert_int_equal(port_pcap_new(&(struct port_pcap_config){ .in = text }, &mem, &port, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "no capture file"));
	assert_int_equal(port_pcap_new(&(struct port_pcap_config){ .in = capture(DLT_RAW, &len, &at, 1), .out = tmpfile() }, &mem, &port, err,
				       sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "not Ethernet"));
	assert_int_equal(mem_fini(&mem), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_arrive_in_their_time),
		cmocka_unit_test(frames_arrive_at_once),
		cmocka_unit_test(what_is_sent_is_in_the_file),
		cmocka_unit_test(other_files_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
