/* weft up NAME: starts a stack that further commands join. */
#include <getopt.h>
#include <unistd.h>

#include "cli/cli.h"
#include "host/daemon.h"

static int up(int argc, char **argv)
{
	static const struct option longs[] = { { "cpus", required_argument, NULL, 'c' }, { "seed", required_argument, NULL, 's' },
					       { "uplink", required_argument, NULL, 'u' }, { "publish", required_argument, NULL, 'p' },
					       { "help", no_argument, NULL, 'h' }, { 0 } };
	struct uplink_config uplink = { 0 };
	struct daemon_config cfg = { .ncpus = 1 };
	struct ctl_error err = { 0 };
	int o, control;
	pid_t pid;
	u64 n;

	while ((o = getopt_long(argc, argv, ":p:h", longs, NULL)) != -1) {
		if (o == 'h')
			return show_help(&cmd_up);
		if (o == 'c') {
			if (parse_number(optarg, 1, 64, &n))
				return usage_error(&cmd_up, "--cpus takes a number from 1 to 64, not '%s'", optarg);
			cfg.ncpus = (unsigned)n;
		} else if (o == 's') {
			if (parse_number(optarg, 0, UINT64_MAX, &cfg.seed))
				return usage_error(&cmd_up, "--seed takes a number, not '%s'", optarg);
			cfg.have_seed = true;
		} else if (o == 'u' || o == 'p') {
			if (uplink_option(&cmd_up, &uplink, o == 'p', optarg))
				return 2;
		} else {
			return usage_error(&cmd_up, o == ':' ? "'%s' needs a value" : "there is no option '%s'", argv[optind - 1]);
		}
	}
	if (argc - optind != 1)
		return usage_error(&cmd_up, "give one name");
	if (uplink_options_end(&cmd_up, &uplink))
		return 2;
	cfg.name = argv[optind];
	if (uplink.kind != UPLINK_NONE)
		cfg.uplink = &uplink;
	if (daemon_spawn(&cfg, &pid, &control, &err)) {
		complain("%s", err.text);
		return 1;
	}
	close(control);
	return 0;
}

const struct command cmd_up = {
	.name = "up",
	.run = up,
	.synopsis = "[--cpus N] [--seed S] [--uplink WHAT] [--publish PORT] NAME",
	.summary = "Start a stack that lives until `weft down NAME`",
	.help = "  --cpus N   lanes of the stack, each with a thread of its own (default 1)\n"
		"  --seed S   all randomness of the stack comes from this number\n" UPLINK_OPTIONS,
};
