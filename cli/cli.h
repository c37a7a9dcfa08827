/* The `weft` command: one file per subcommand, each a function from its arguments to an exit status. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <time.h>

#include "host/control.h"
#include "host/uplink.h"

#define CLI_TROUBLE 125 /* env(1): our own failure before the program ran; 126 and 127 come from launch_exec */

struct command {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the subcommand */
	const char *synopsis;		   /* after "weft NAME" */
	const char *summary;
	const char *help; /* the options, a line each */
};
extern const struct command cmd_run, cmd_shell, cmd_up, cmd_down, cmd_ls, cmd_trace, cmd_capture, cmd_nic;
const struct command *command_find(const char *name);

/* "weft: " + sentence on stderr. */
void complain(const char *fmt, ...) __printf(1, 2);
/* Says what is wrong with the arguments and where the help is. Returns 2. */
int usage_error(const struct command *c, const char *fmt, ...) __printf(2, 3);
/* --help: prints it. Returns 0. */
int show_help(const struct command *c);
/* 0, or -EINVAL when text is no number in lo..hi. */
int parse_number(const char *text, u64 lo, u64 hi, u64 *out);
char *join_arguments(int argc, char **argv); /* with blanks between; the caller frees it. NULL: no memory */
u64 clock_ns(clockid_t id);
/* The name meant: -n's, else $WEFT_NAME, else the only one that is up. -ENOENT with a sentence. */
int pick_name(const char *given, char name[CTL_NAME_MAX], struct ctl_error *err);

/* Runs a program in a stack. name NULL: a private one. Returns an exit status, for a named one only on failure. */
struct run_options {
	const char *name;
	u32 join_flags;
	unsigned ncpus;
	bool have_seed;
	u64 seed;
	const char *trace; /* filter; what it matches is told on stderr or in trace_file. NULL: no trace */
	const char *trace_file;
	struct uplink_config uplink; /* of its own stack */
};
/* What --uplink and --publish say, in two parts: as they come, and when all are read. 0, or the sentence is said. */
int uplink_option(const struct command *c, struct uplink_config *u, bool publish, const char *text);
int uplink_options_end(const struct command *c, struct uplink_config *u);
#define UPLINK_OPTIONS                                                                                                                  \
	"  --uplink slirp | tap:NAME | packet:DEVICE [,OPTION…]\n"                                                                        \
	"               a way out: slirp as an ordinary user, through this machine's addresses; tap: to its device NAME; packet: as a\n" \
	"               station on the network of its device DEVICE. OPTIONs: address=A/N, gateway=A, dns=A, mtu=N, name=DEV, mac=M;\n"   \
	"               of slirp also no-ipv6 and host-loopback (this machine's 127.0.0.1 is the gateway's address inside)\n"             \
	"  -p, --publish [ADDR:]PORT[:INNER][/udp]\n"                                                                                     \
	"               with slirp: a port of this machine that leads to one inside, which sees the clients' own addresses\n"
int run_program(const struct run_options *o, char *const *argv);
/* Takes -n, --map-self, --cpus, --seed from the arguments before the program; optind is then the program. 0, or the exit status. */
int parse_run_options(const struct command *c, int argc, char **argv, struct run_options *o, bool *done);

#endif
