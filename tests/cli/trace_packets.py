#!/usr/bin/env python3
"""weft trace: packets' lives through namespaces as text and JSON, filters, limits, and who comes and goes."""
import json
import os
import signal
import subprocess

from clitest import Case, main, until

ROUTED = """set -e
ip netns add left; ip netns add router; ip netns add right
ip -n left link add l0 type veth peer name r0 netns router
ip -n right link add l1 type veth peer name r1 netns router
ip -n left addr add 10.0.1.2/24 dev l0; ip -n left link set l0 up
ip -n right addr add 10.0.2.2/24 dev l1; ip -n right link set l1 up
ip -n router addr add 10.0.1.1/24 dev r0; ip -n router addr add 10.0.2.1/24 dev r1
ip -n router link set r0 up; ip -n router link set r1 up
ip -n left route add default via 10.0.1.1; ip -n right route add default via 10.0.2.1
ip netns exec router sysctl -qw net.ipv4.ip_forward=1
"""

# left - router - right in IPv6, with fixed hardware addresses
ROUTED6 = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lab6/setup.sh")
CONNECT6 = """import socket, sys
where = ("2001:db8:2::2", 7000)
if sys.argv[1] == "server":
    s = socket.create_server(("::", 7000), family=socket.AF_INET6)
    print("listens", flush=True)
    s.accept()[0].recv(1)
else:
    socket.create_connection(where).send(b"x")
"""


class Trace(Case):
    def trace(self, *args):
        """A trace that runs when this returns."""
        p = self.start("trace", "-n", "lab", *args)
        until(lambda: p.poll() is not None or self.status()["traces"] == 1, "the trace runs")
        return p

    def end(self, p, status=0):
        out, err = p.communicate(timeout=30)
        self.assertEqual(p.returncode, status, err)
        return out, err

    def inside(self, script, status=0):
        r = self.weft("run", "-n", "lab", "sh", "-c", script)
        self.assertEqual(r.returncode, status, r.stdout + r.stderr)
        return r.stdout

    def test_a_life_through_three_namespaces(self):
        self.up()
        self.inside(ROUTED)
        p = self.trace("--json", "-c", "1", "icmp[icmptype] == icmp-echo")
        self.inside("ip netns exec left ping -q -c1 -W5 10.0.2.2")
        lines = self.end(p)[0].splitlines()
        self.assertEqual(len(lines), 1)
        life = json.loads(lines[0])
        self.assertIn("IP 10.0.1.2 > 10.0.2.2: ICMP echo request", life["summary"])
        stages = [(s["netns"], s["stage"]) for s in life["stages"]]
        order = [("left", "route_out"), ("left", "dev_tx"), ("router", "dev_rx"), ("router", "route_in"), ("router", "forward"),
                 ("router", "dev_tx"), ("right", "dev_rx"), ("right", "route_in"), ("right", "local_in")]
        at = [stages.index(s) for s in order]
        self.assertEqual(at, sorted(at), stages)
        routed = life["stages"][stages.index(("router", "route_in"))]
        self.assertEqual((routed["prefix"], routed["prefix_len"], routed["table"]), ("10.0.2.0", 24, 254))
        self.assertIn("10.0.2.0/24 dev r1 table main", routed["text"])
        out = life["stages"][stages.index(("left", "route_out"))]
        self.assertEqual((out["prefix_len"], out["via"], out["oif"]), (0, "10.0.1.1", "l0"))
        times = [s["ns"] for s in life["stages"]]
        self.assertEqual(times, sorted(times))
        self.assertEqual(life["total_ns"], times[-1])

    def test_text(self):
        self.up()
        self.inside(ROUTED)
        p = self.trace("udp port 9")
        self.inside("echo x | ip netns exec left python3 -c 'import socket; "
                    "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b\"hello\", (\"10.0.2.2\", 9))'")
        until(lambda: p.poll() is None, "it runs on")
        import time
        time.sleep(0.4)  # a life is shown when it was quiet for a while
        p.send_signal(signal.SIGINT)
        out, err = self.end(p)
        self.assertIn("10.0.1.2.", out)
        self.assertIn("> 10.0.2.2.9: UDP, length 5", out)
        self.assertIn("default via 10.0.1.1 dev l0 table main", out)
        self.assertIn("dropped: NO_SOCKET", out)
        self.assertIn("1 packets", err)

    def routed6(self):
        self.up()
        with open(ROUTED6) as f:
            self.inside(f.read())

    def test_a_syn_through_three_namespaces_in_ipv6(self):
        self.routed6()
        p = self.trace("--json", "-c", "1", "ip6 and tcp port 7000")
        self.inside(f"ip netns exec right python3 -c '{CONNECT6}' server >{self.dir}/server.log & pid=$!; "
                    f"for try in $(seq 500); do grep -q listens {self.dir}/server.log && break; sleep 0.02; done; "
                    f"ip netns exec left python3 -c '{CONNECT6}' client && wait $pid")
        life = json.loads(self.end(p)[0].splitlines()[0])
        self.assertRegex(life["summary"], r"^IP6 2001:db8:1::2\.\d+ > 2001:db8:2::2\.7000: Flags \[S\], seq \d+, win \d+, options \[mss 1440,")
        stages = [(s["netns"], s["stage"]) for s in life["stages"]]
        order = [("left", "sock_send"), ("left", "l4_tx"), ("left", "route_out"), ("left", "ip_out"), ("left", "neigh"), ("left", "dev_tx"),
                 ("left", "wire"), ("router", "dev_rx"), ("router", "ip_rx"), ("router", "route_in"), ("router", "forward"),
                 ("router", "ip_out"), ("router", "neigh"), ("router", "dev_tx"), ("router", "wire"), ("right", "dev_rx"),
                 ("right", "ip_rx"), ("right", "route_in"), ("right", "local_in"), ("right", "sock_lookup"), ("right", "consumed")]
        at = [stages.index(s) for s in order]
        self.assertEqual(at, sorted(at), stages)
        self.assertEqual(set(stages), set(order))
        of = {s: [x for x in life["stages"] if (x["netns"], x["stage"]) == s] for s in order}
        out, routed, local = of["left", "route_out"][0], of["router", "route_in"][0], of["right", "route_in"][0]
        self.assertEqual((out["prefix"], out["prefix_len"], out["via"], out["oif"], out["table"]), ("::", 0, "2001:db8:1::1", "l0", 254))
        self.assertEqual((routed["prefix"], routed["prefix_len"], routed["table"]), ("2001:db8:2::", 64, 254))
        self.assertEqual(routed["text"], "2001:db8:2::/64 dev r1 table main")
        self.assertEqual((local["prefix"], local["prefix_len"], local["table"]), ("2001:db8:2::2", 128, 255))
        for netns, neighbour, mac in (("left", "2001:db8:1::1", "02:00:00:00:00:02"), ("router", "2001:db8:2::2", "02:00:00:00:00:04")):
            neigh = of[netns, "neigh"][-1]
            self.assertEqual((neigh["neighbour"], neigh["lladdr"]), (neighbour, mac))
        self.assertEqual(of["router", "forward"][0]["text"], "ttl 63")
        self.assertTrue(of["left", "sock_send"][0]["a"])
        self.assertRegex(of["right", "sock_lookup"][0]["text"], r"^socket \d+: LISTEN$")
        self.assertEqual(of["right", "consumed"][0]["text"], "SYN queued, SYN-ACK sent")

    def test_icmp6_in_text(self):
        self.routed6()
        p = self.trace("icmp6")
        self.inside("ip netns exec left ping -q -c1 -W5 2001:db8:2::2; ip netns exec router ip -6 route del 2001:db8:2::/64; "
                    "! ip netns exec left ping -q -c1 -W5 2001:db8:2::3")
        import time
        time.sleep(0.4)  # a life is shown when it was quiet for a while
        p.send_signal(signal.SIGINT)
        out = self.end(p)[0]
        for line in ("2001:db8:1::2 > 2001:db8:2::2: ICMP6, echo request, id ", "> ff02::1:ff00:1: ICMP6, neighbor solicitation, who has 2001:db8:1::1,",
                     "2001:db8:1::1 > 2001:db8:1::2: ICMP6, neighbor advertisement, tgt is 2001:db8:1::1,",
                     "ff02::1:ff00:1 is at 33:33:ff:00:00:01 NOARP", "default via 2001:db8:1::1 dev l0 table main",
                     "2001:db8:1::1 is at 02:00:00:00:00:02 REACHABLE", "local 2001:db8:2::2/128 dev lo table local",
                     "route_in    no route", "dropped: IP_INNOROUTES",
                     "2001:db8:1::1 > 2001:db8:1::2: ICMP6, destination unreachable, route,"):
            self.assertIn(line, out)

    def test_arp_is_matched_as_a_frame(self):
        self.up()
        self.inside(ROUTED)
        p = self.trace("--json", "-c", "1", "arp")
        self.inside("ip netns exec left ping -q -c1 -W5 10.0.1.1")
        life = json.loads(self.end(p)[0].splitlines()[0])
        self.assertEqual(life["summary"], "ARP, Request who-has 10.0.1.1 tell 10.0.1.2")
        self.assertEqual(life["stages"][0]["netns"], "left")

    def test_limits(self):
        self.up()
        self.assertIn("0 packets", self.end(self.start("trace", "--for", "0.05"))[1])
        for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            p = self.trace()
            p.send_signal(sig)
            self.end(p)

    def test_one_at_a_time(self):
        self.up()
        p = self.trace()
        self.refused(1, "trace", "-n", "lab", says="one trace at a time")
        p.kill()
        p.communicate()
        until(lambda: self.status()["traces"] == 0, "a killed trace ends")
        self.end(self.start("trace", "--for", "0.05"))

    def test_wrong_input(self):
        self.refused(1, "trace", says="weft up")
        self.up()
        self.refused(1, "trace", "icmp", "and", "(", says="pcap-filter(7)")
        self.refused(1, "trace", "host", "no.such.host.invalid", says="filter")
        self.refused(1, "trace", "-n", "other", says="no stack named other")
        self.up("second")
        self.refused(1, "trace", says="-n NAME")

    def test_the_stack_ends(self):
        for how in ("down", "kill"):
            pid = self.up()["pid"]
            p = self.trace()
            if how == "down":
                self.ok("down", "lab")
            else:
                os.kill(pid, signal.SIGKILL)
            self.end(p)

    def test_a_reader_who_is_too_slow_hears_of_what_was_lost(self):
        self.up()
        p = subprocess.Popen(["sh", "-c", 'exec "$0" trace -n lab --json icmp | (read first; kill -STOP $$; cat)',
                              os.environ.get("WEFT") or os.path.join(os.path.dirname(__file__), "../../build/weft")],
                             env=self.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True)
        until(lambda: self.status()["traces"] == 1, "the trace runs")
        self.inside("ip link set lo up; ping -q -c1 127.0.0.1")
        # Nobody reads now. The lanes go on: nothing waits for the reader.
        self.inside("ping -q -c 3000 -i 0 -s 8 127.0.0.1 >/dev/null")
        self.assertEqual(len(self.list()), 1)
        os.kill(p.pid, signal.SIGCONT)
        self.ok("down", "lab")
        p.communicate(timeout=30)

    def test_run_with_a_trace(self):
        r = self.weft("run", "--trace", "icmp", "--trace-to", self.dir + "/out.log", "sh", "-c",
                      "ip link set lo up; ping -q -c1 127.0.0.1 >/dev/null; exit 3")
        self.assertEqual((r.returncode, r.stderr), (3, ""))
        with open(self.dir + "/out.log") as f:
            self.assertIn("127.0.0.1 > 127.0.0.1: ICMP echo request", f.read())
        self.refused(125, "run", "--trace", "what is this", "true", says="pcap-filter(7)")
        self.refused(125, "run", "--trace-to", "x", "true", says="--help")


if __name__ == "__main__":
    main()
