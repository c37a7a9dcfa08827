/* weft nic add: a device whose wire is a TAP device of this machine, a packet socket on one of its devices, or capture files. The command opens them, with the rights of
 * whoever runs it, and hands them to the stack. */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "host/uplink.h"

static int parse_mac(const char *text, u8 mac[6])
{
	unsigned m[6];
	char end;

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%c", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5], &end) != 6 || m[0] & 1)
		return -EINVAL;
	for (unsigned i = 0; i < 6; i++)
		mac[i] = (u8)m[i];
	return 0;
}

/* The descriptors that a TAP's or a packet socket's port needs. */
static int open_device(const char *port, unsigned queues, int *fds, unsigned *n)
{
	bool tap = port[0] == 't';
	struct ctl_error err = { 0 };
	int e = tap ? uplink_open_tap(strchr(port, ':') + 1, queues, fds, &err) : uplink_open_packet(strchr(port, ':') + 1, fds, &err);

	if (e)
		complain("%s", err.text);
	*n = e ? 0 : tap ? queues : 1;
	return e;
}

/* "IN", "IN,OUT" or ",OUT" */
static int open_pcap(char *files, u32 *flags, int *fds, unsigned *n)
{
	char *out = strchr(files, ',');

	if (out)
		*out++ = 0;
	if (*files) {
		fds[*n] = open(files, O_RDONLY | O_CLOEXEC);
		if (fds[*n] < 0)
			goto fail;
		*flags |= CTL_NIC_IN;
		++*n;
	}
	if (out && *out) {
		files = out;
		fds[*n] = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		if (fds[*n] < 0)
			goto fail;
		*flags |= CTL_NIC_OUT;
		++*n;
	}
	return 0;
fail:
	complain("cannot open %s: %s", files, strerror(errno));
	return -errno;
}

static int send_request(const char *stack, const struct ctl_nic *rq, int *fds, unsigned n)
{
	struct ctl_error err = { 0 };
	int sock, e;

	e = ctl_connect(stack, &sock, &err);
	if (!e) {
		e = ctl_call(sock, CTL_NIC, rq, sizeof(*rq), fds, n, NULL, NULL, 0, NULL, NULL, NULL, &err);
		close(sock);
	}
	if (e)
		complain("%s", err.text);
	return e ? 1 : 0;
}

static int nic(int argc, char **argv)
{
	static const struct option longs[] = { { "name", required_argument, NULL, 'n' }, { "netns", required_argument, NULL, 'N' },
					       { "queues", required_argument, NULL, 'q' }, { "mtu", required_argument, NULL, 'm' },
					       { "mac", required_argument, NULL, 'a' }, { "timed", no_argument, NULL, 't' },
					       { "help", no_argument, NULL, 'h' }, { 0 } };
	struct ctl_nic rq = { 0 };
	const char *given = NULL;
	struct ctl_error err = { 0 };
	char name[CTL_NAME_MAX], *port;
	int fds[CTL_MAX_FDS], ch, e;
	u64 queues = 1, v;
	unsigned n = 0;

	while ((ch = getopt_long(argc, argv, ":n:h", longs, NULL)) != -1) {
		switch (ch) {
		case 'n':
			given = optarg;
			break;
		case 'N':
			if (parse_number(optarg, 1, INT32_MAX, &v))
				return usage_error(&cmd_nic, "--netns takes the pid of a program, not '%s'", optarg);
			rq.netns_pid = (s32)v;
			break;
		case 'q':
			if (parse_number(optarg, 1, CTL_MAX_FDS, &queues))
				return usage_error(&cmd_nic, "--queues takes a number from 1 to %d, not '%s'", CTL_MAX_FDS, optarg);
			break;
		case 'm':
			if (parse_number(optarg, 68, 65535, &v))
				return usage_error(&cmd_nic, "--mtu takes a number from 68 to 65535, not '%s'", optarg);
			rq.mtu = (u32)v;
			break;
		case 'a':
			if (parse_mac(optarg, rq.mac))
				return usage_error(&cmd_nic, "--mac takes a unicast address such as 02:00:00:00:00:01, not '%s'", optarg);
			break;
		case 't':
			rq.flags |= CTL_NIC_TIMED;
			break;
		case 'h':
			return show_help(&cmd_nic);
		default:
			return usage_error(&cmd_nic, ch == ':' ? "'%s' needs a value" : "there is no option '%s'", argv[optind - 1]);
		}
	}
	if (argc - optind != 3 || strcmp(argv[optind], "add"))
		return usage_error(&cmd_nic, "say `add DEVICE PORT`");
	if (strlen(argv[optind + 1]) >= sizeof(rq.name))
		return usage_error(&cmd_nic, "'%s' is too long for a device's name", argv[optind + 1]);
	memcpy(rq.name, argv[optind + 1], strlen(argv[optind + 1]) + 1);
	port = argv[optind + 2];
	if (strncmp(port, "tap:", 4) && strncmp(port, "packet:", 7) && strncmp(port, "pcap:", 5))
		return usage_error(&cmd_nic, "'%s' is no port; tap:NAME, packet:DEVICE and pcap:IN,OUT are", port);
	if (queues > 1 && port[0] != 't')
		return usage_error(&cmd_nic, "--queues goes with a TAP alone");
	if (pick_name(given, name, &err)) {
		complain("%s", err.text);
		return 1;
	}
	memcpy(rq.kind, port, strcspn(port, ":"));
	if (strcmp(rq.kind, "pcap")) {
		e = open_device(port, (unsigned)queues, fds, &n);
	} else {
		e = open_pcap(port + 5, &rq.flags, fds, &n);
	}
	e = e ? 1 : send_request(name, &rq, fds, n);
	while (n)
		close(fds[--n]);
	return e;
}

const struct command cmd_nic = {
	.name = "nic",
	.run = nic,
	.synopsis = "[-n NAME] [--netns PID] [--queues N] [--mtu N] [--mac ADDRESS] [--timed] add DEVICE PORT",
	.summary = "Add a network card to a stack, over a TAP device, a packet socket or capture files",
	.help = "PORT is one of\n"
		"  tap:NAME       the other end is this machine's device NAME (made when missing; that needs root)\n"
		"  packet:DEVICE  a station on the network of this machine's device DEVICE (that needs CAP_NET_RAW)\n"
		"  pcap:IN,OUT    frames of the file IN arrive, what is sent goes to OUT; either may be left out\n\n"
		"  -n NAME        which stack (default: $WEFT_NAME, or the only one)\n"
		"  --netns PID    in the namespace of this program (default: the caller's, else the stack's first)\n"
		"  --queues N     queues of a TAP (default 1)\n"
		"  --mtu N, --mac ADDRESS\n"
		"  --timed        pcap: frames arrive as far apart as their time stamps\n",
};
