/* /proc/sys/net/ipv4/tcp_*: those that act. docs/sysctls.md names what has no file. See ip-sysctl.rst for what each means.
 */
#include "core/stack_tables.h"
#include "core/sysctl.h"
#include "transport/tcp/tcp_impl.h"

void tcp_sysctl_defaults(struct netns *net)
{
	struct netns_tcp *n = net->tcp;

	*n = (struct netns_tcp){
		.rmem = { 4096, 131072, 33554432 }, .wmem = { 4096, 16384, 4194304 },
		.mem_pages = { 287901, 383868, 575802 },
		.max_syn_backlog = 2048, .max_orphans = 131072, .max_tw_buckets = 131072, .challenge_ack_limit = 0x7fffffff,
		.invalid_ratelimit_ns = 500 * NSEC_PER_MSEC, .retries1 = 3, .retries2 = 15, .syn_retries = 6, .synack_retries = 5, .orphan_retries = 0,
		.syn_linear_timeouts = 4, .keepalive_time = 7200, .keepalive_intvl = 75, .keepalive_probes = 9, .fin_timeout = 60,
		.min_snd_mss = 48, .app_win = 31, .reordering = 3, .max_reordering = 300, .tw_reuse = 2, .tw_reuse_delay_ms = 1000,
		.tso_win_divisor = 3, .min_rtt_wlen = 300, .pacing_ss_ratio = 200, .pacing_ca_ratio = 120, .min_tso_segs = 2,
		.tso_rtt_log = 9, .limit_output_bytes = 4194304, .rto_min_us = 200000, .rto_max_ms = 120000, .notsent_lowat = ~0u,
		.early_retrans = 3, .recovery = 1, .autocorking = 1, .retrans_collapse = 1, .dsack = 1, .ecn = 2, .ecn_option = 2, .ecn_option_beacon = 3, .ecn_fallback = 1, .frto = 2, .moderate_rcvbuf = 1, .sack = 1, .slow_start_after_idle = 1, .timestamps = 1,
		.window_scaling = 1, .pingpong_thresh = 1, .syncookies = 1, .no_ssthresh_metrics_save = 1, .fastopen = TFO_CLIENT,
		.comp_sack_delay_ns = NSEC_PER_MSEC, .comp_sack_slack_ns = 100 * NSEC_PER_USEC, .comp_sack_nr = 44,
		.early_demux = 1, .backlog_ack_defer = 1, .adv_win_scale = 1,
		.plb_cong_thresh = 128, .plb_idle_rehash_rounds = 3, .plb_rehash_rounds = 12, .plb_suspend_rto_sec = 60,
		.base_mss = 1024, .mtu_probe_floor = 48, .probe_threshold = 8, .probe_interval = 600,
	};
	n->cc_default = tcp_cc_find(net->world, "cubic", 5);
	if (!n->cc_default)
		n->cc_default = &tcp_cc_reno;
	for (unsigned i = 0; net->world->tables->tcp_ccs && net->world->tables->tcp_ccs[i] && i < 32; i++)
		if (net->world->tables->tcp_ccs[i]->non_restricted || net->world->tables->tcp_ccs[i] == n->cc_default)
			n->cc_allowed |= BIT(i);
	/* Later namespaces begin with the first one's choice; who may choose what is one list for all. */
	if (net->world->init_net && net->world->init_net != net && net->world->init_net->tcp) {
		n->cc_default = net->world->init_net->tcp->cc_default;
		n->cc_allowed = net->world->init_net->tcp->cc_allowed;
	}
}

static void allow(struct world *w, u32 mask)
{
	struct netns *net;

	list_for_each(net, &w->netns_list, world_link)
		if (net->tcp)
			net->tcp->cc_allowed = mask;
}

static void *base(struct netns *net, const char *dev) { return net->tcp; }

static int cc_get(struct netns *net, void *b, const struct sysctl *s, struct strbuf *out)
{
	strbuf_printf(out, "%s", net->tcp->cc_default->name);
	return 0;
}

static int cc_set(struct netns *net, void *b, const struct sysctl *s, const char *text)
{
	const struct tcp_cc_ops *cc = tcp_cc_find(net->world, text, strcspn(text, " \t\n"));

	u32 bit;

	if (!cc)
		return -ENOENT;
	bit = BIT(tcp_cc_id(net->world, cc->name, strlen(cc->name)) - 1);
	if (!(net->tcp->cc_allowed & bit)) { /* only the first namespace frees a restricted one, and for all */
		if (net != net->world->init_net)
			return -EPERM;
		allow(net->world, net->tcp->cc_allowed | bit);
	}
	net->tcp->cc_default = cc;
	return 0;
}

static void cc_list(struct netns *net, u32 mask, struct strbuf *out)
{
	const char *sep = "";

	for (unsigned i = 0; net->world->tables->tcp_ccs && net->world->tables->tcp_ccs[i] && i < 32; i++)
		if (mask & BIT(i)) {
			strbuf_printf(out, "%s%s", sep, net->world->tables->tcp_ccs[i]->name);
			sep = " ";
		}
}
static int cc_available_get(struct netns *net, void *b, const struct sysctl *s, struct strbuf *out)
{
	cc_list(net, ~0u, out);
	return 0;
}
static int cc_allowed_get(struct netns *net, void *b, const struct sysctl *s, struct strbuf *out)
{
	cc_list(net, net->tcp->cc_allowed, out);
	return 0;
}
static int cc_allowed_set(struct netns *net, void *b, const struct sysctl *s, const char *text)
{
	u32 mask = 0;

	if (net != net->world->init_net) /* one list for all */
		return -EACCES;
	while (*text) {
		size_t len = strcspn(text, " \t\n");
		const struct tcp_cc_ops *cc;

		if (len) {
			cc = tcp_cc_find(net->world, text, len);
			if (!cc)
				return -ENOENT;
			for (unsigned i = 0; net->world->tables->tcp_ccs[i] && i < 32; i++)
				if (net->world->tables->tcp_ccs[i] == cc)
					mask |= BIT(i);
		}
		text += len;
		text += strspn(text, " \t\n");
	}
	allow(net->world, mask);
	return 0;
}

static int reordering_set(struct netns *net, void *b, const struct sysctl *s, const char *text)
{
	return net->tcp->reordering > net->tcp->max_reordering ? -EINVAL : 0;
}

/* The established table's buckets; it grows by itself. */
static int ehash_get(struct netns *net, void *b, const struct sysctl *s, struct strbuf *out)
{
	strbuf_printf(out, "%u", net->tcp->hash.est.mask + 1);
	return 0;
}
static int ulp_get(struct netns *net, void *b, const struct sysctl *s, struct strbuf *out) { return 0; } /* there are none */

#define EHASH_MAX (16 << 20)
#define JIFFIES_S 8589934 /* seconds that an int of Linux's ticks holds; less than none: at once */
#define T(f) offsetof(struct netns_tcp, f)
#define INT(nm, f, lo, hi) { .name = "tcp_" nm, .kind = SYSCTL_INT, .mode = 0644, .offset = T(f), .min = lo, .max = hi }
#define U8(nm, f, hi) { .name = "tcp_" nm, .kind = SYSCTL_U8, .mode = 0644, .offset = T(f), .min = 0, .max = hi }

static const struct sysctl entries[] = {
	{ .name = "tcp_rmem", .kind = SYSCTL_INTS, .mode = 0644, .count = 3, .offset = T(rmem), .min = 1, .max = 0x7fffffff },
	{ .name = "tcp_wmem", .kind = SYSCTL_INTS, .mode = 0644, .count = 3, .offset = T(wmem), .min = 1, .max = 0x7fffffff },
	{ .name = "tcp_mem", .kind = SYSCTL_ULONGS, .mode = 0644, .count = 3, .offset = T(mem_pages), .init_only = true },
	{ .name = "tcp_max_orphans", .kind = SYSCTL_INT, .mode = 0644, .offset = T(max_orphans), .init_only = true },
	{ .name = "tcp_ehash_entries", .kind = SYSCTL_CUSTOM, .mode = 0444, .get = ehash_get },
	{ .name = "tcp_child_ehash_entries", .kind = SYSCTL_UINT, .mode = 0644, .offset = T(child_ehash_entries), .min = 0, .max = EHASH_MAX },
	{ .name = "tcp_available_ulp", .kind = SYSCTL_CUSTOM, .mode = 0444, .init_only = true, .get = ulp_get },
	{ .name = "tcp_low_latency", .kind = SYSCTL_INT, .mode = 0644, .offset = T(low_latency), .init_only = true },
	U8("fack", fack, 255),
	INT("adv_win_scale", adv_win_scale, -31, 31),
	U8("early_demux", early_demux, 255),
	U8("backlog_ack_defer", backlog_ack_defer, 1),
	U8("migrate_req", migrate_req, 1),
	U8("plb_enabled", plb_enabled, 1),
	U8("plb_idle_rehash_rounds", plb_idle_rehash_rounds, 31),
	U8("plb_rehash_rounds", plb_rehash_rounds, 31),
	U8("plb_suspend_rto_sec", plb_suspend_rto_sec, 255),
	INT("plb_cong_thresh", plb_cong_thresh, 0, 256),
	U8("mtu_probing", mtu_probing, 255),
	INT("base_mss", base_mss, 0, 0),
	INT("mtu_probe_floor", mtu_probe_floor, 48, 65535),
	INT("probe_threshold", probe_threshold, 0, 0),
	{ .name = "tcp_probe_interval", .kind = SYSCTL_UINT, .mode = 0644, .offset = T(probe_interval), .min = 0, .max = 17179869 }, /* u32 ticks */
	INT("fastopen", fastopen, 0, 0),
	{ .name = "tcp_fastopen_key", .kind = SYSCTL_CUSTOM, .mode = 0600, .get = tcp_fo_sysctl_key_get, .set = tcp_fo_sysctl_key_set },
	INT("fastopen_blackhole_timeout_sec", fo_blackhole_s, 0, 0x7fffffff),
	U8("syncookies", syncookies, 255),
	U8("no_metrics_save", no_metrics_save, 255),
	U8("no_ssthresh_metrics_save", no_ssthresh_metrics_save, 1),
	INT("max_syn_backlog", max_syn_backlog, 0, 0),
	INT("max_tw_buckets", max_tw_buckets, 0, 0),
	INT("challenge_ack_limit", challenge_ack_limit, 0, 0),
	{ .name = "tcp_invalid_ratelimit", .kind = SYSCTL_MS, .mode = 0644, .offset = T(invalid_ratelimit_ns) },
	INT("retries1", retries1, 0, 255),
	INT("retries2", retries2, 0, 255),
	INT("syn_retries", syn_retries, 1, 127),
	INT("synack_retries", synack_retries, 0, 255),
	INT("orphan_retries", orphan_retries, 0, 255),
	INT("syn_linear_timeouts", syn_linear_timeouts, 0, 127),
	INT("keepalive_time", keepalive_time, -JIFFIES_S, JIFFIES_S),
	INT("keepalive_intvl", keepalive_intvl, -JIFFIES_S, JIFFIES_S),
	INT("keepalive_probes", keepalive_probes, 0, 255),
	INT("fin_timeout", fin_timeout, -JIFFIES_S, JIFFIES_S),
	INT("min_snd_mss", min_snd_mss, 48, 65535),
	INT("app_win", app_win, 0, 31),
	{ .name = "tcp_reordering", .kind = SYSCTL_INT, .mode = 0644, .offset = T(reordering), .min = 1, .max = 0x7fffffff, .set = reordering_set },
	INT("max_reordering", max_reordering, 1, 0x7fffffff),
	INT("tw_reuse", tw_reuse, 0, 2),
	INT("tw_reuse_delay", tw_reuse_delay_ms, 1, 60000),
	INT("tso_win_divisor", tso_win_divisor, 0, 255),
	INT("min_rtt_wlen", min_rtt_wlen, 0, 86400),
	INT("pacing_ss_ratio", pacing_ss_ratio, 0, 1000),
	INT("pacing_ca_ratio", pacing_ca_ratio, 0, 1000),
	INT("min_tso_segs", min_tso_segs, 1, 255),
	INT("tso_rtt_log", tso_rtt_log, 0, 255),
	INT("limit_output_bytes", limit_output_bytes, 0, 0),
	INT("rto_min_us", rto_min_us, 1, 0x7fffffff),
	{ .name = "tcp_comp_sack_delay_ns", .kind = SYSCTL_ULONG, .mode = 0644, .offset = T(comp_sack_delay_ns) },
	{ .name = "tcp_comp_sack_slack_ns", .kind = SYSCTL_ULONG, .mode = 0644, .offset = T(comp_sack_slack_ns) },
	U8("comp_sack_nr", comp_sack_nr, 255),
	INT("rto_max_ms", rto_max_ms, 1000, 120000),
	{ .name = "tcp_notsent_lowat", .kind = SYSCTL_UINT, .mode = 0644, .offset = T(notsent_lowat) },
	U8("abort_on_overflow", abort_on_overflow, 255),
	U8("autocorking", autocorking, 1),
	U8("dsack", dsack, 255),
	U8("early_retrans", early_retrans, 4),
	U8("recovery", recovery, 255),
	U8("ecn", ecn, 5),
	U8("ecn_option", ecn_option, 2),
	U8("ecn_option_beacon", ecn_option_beacon, 3),
	U8("ecn_fallback", ecn_fallback, 1),
	U8("frto", frto, 255),
	U8("fwmark_accept", fwmark_accept, 255),
	U8("moderate_rcvbuf", moderate_rcvbuf, 255),
	{ .name = "tcp_pingpong_thresh", .kind = SYSCTL_U8, .mode = 0644, .offset = T(pingpong_thresh), .min = 1, .max = 255 },
	U8("reflect_tos", reflect_tos, 1),
	U8("retrans_collapse", retrans_collapse, 255),
	U8("rfc1337", rfc1337, 255),
	U8("sack", sack, 255),
	U8("shrink_window", shrink_window, 1),
	U8("slow_start_after_idle", slow_start_after_idle, 255),
	U8("stdurg", stdurg, 255),
	U8("thin_linear_timeouts", thin_linear_timeouts, 255),
	U8("timestamps", timestamps, 255),
	U8("window_scaling", window_scaling, 255),
	U8("workaround_signed_windows", workaround_signed_windows, 255),
	{ .name = "tcp_congestion_control", .kind = SYSCTL_CUSTOM, .mode = 0644, .get = cc_get, .set = cc_set },
	{ .name = "tcp_available_congestion_control", .kind = SYSCTL_CUSTOM, .mode = 0444, .get = cc_available_get },
	{ .name = "tcp_allowed_congestion_control", .kind = SYSCTL_CUSTOM, .mode = 0644, .child_mode = 0444, .get = cc_allowed_get,
	  .set = cc_allowed_set },
};
const struct sysctl_table tcp_sysctls = { .dir = "ipv4", .entries = entries, .count = ARRAY_SIZE(entries), .base = base };
