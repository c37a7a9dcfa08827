# `ip route|addr|rule save`, `showdump` and `restore`: into a host that has it all still (what exists is passed over), into one that
# has been flushed, and what is no such file.
T=$TMP6
t() { echo "$@"; "$@" 2>&1; }
ip netns add a
ip netns exec a sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
ip -n a link set lo up
ip -n a link add v0 address 02:00:00:00:00:01 type veth peer name v1 address 02:00:00:00:00:02
ip -n a link set v0 up; ip -n a link set v1 up
for i in $(seq 100); do [ $(ip -n a -6 addr show scope link | grep -c fe80) = 2 ] && [ -z "$(ip -n a -6 addr show tentative)" ] && break; sleep 0.1; done
ip -n a addr add 10.0.0.1/24 dev v0; ip -n a addr add 10.0.0.5/24 dev v0 label v0:x
ip -n a addr add 10.9.0.1 peer 10.9.0.2/32 dev v1 scope link
ip -n a addr add 2001:db8::1/64 dev v0 nodad
ip -n a -batch - <<END
route add default via 10.0.0.2 metric 7 mtu 1400 advmss 1300
route add 10.1.0.0/16 nexthop via 10.0.0.3 weight 3 nexthop via 10.0.0.4
route add blackhole 10.2.0.0/16
route add 10.3.0.0/16 via 10.0.0.2 table 77 src 10.0.0.5 proto static
END
ip -n a -6 -batch - <<END
route add 2001:db8:1::/48 via 2001:db8::2 metric 9
route add unreachable 2001:db8:2::/48
route add 2001:db8:3::/48 via 2001:db8::3 table 78
route add 2001:db8:4::/48 nexthop via 2001:db8::3 weight 2 nexthop via 2001:db8::4
END
ip -n a -batch - <<END
rule add pref 10 from 10.0.0.0/8 table 77
rule add pref 20 fwmark 3/7 tos 8 table 78 suppress_prefixlength 3
rule add pref 30 ipproto tcp dport 80-90 lookup 77
END
ip -n a -6 -batch - <<END
rule add pref 40 to 2001:db8::/32 iif v0 table 78
rule add pref 50 unreachable
END
x() { ip netns exec a "$@"; }
x ip route save > $T/r4; echo $?
x ip route save table all > $T/r4a; echo $?
x ip -6 route save > $T/r6; echo $?
x ip -6 route save table 78 > $T/r6t; echo $?
x ip addr save > $T/ad; echo $?
x ip -4 addr save dev v0 > $T/ad4; echo $?
x ip rule save > $T/ru; echo $?
x ip -6 rule save > $T/ru6; echo $?
for f in r4 r4a r6 r6t ad ad4 ru ru6; do echo "size $f $(test -s $T/$f && echo some)"; done
t ip route showdump < $T/r4 | sed 's/if[0-9]* /ifN /g'
t ip route showdump < $T/r4a | sort | sed 's/if[0-9]* /ifN /g'
t x ip addr showdump < $T/ad4 
t x ip addr showdump < $T/ad  | sed 's/fe80::[0-9a-f:]*/fe80::X/'
t x ip route restore < $T/r4; echo $?
t x ip -6 route restore < $T/r6; echo $?
t x ip addr restore < $T/ad4; echo $?
echo flushed
x ip route flush table main; x ip route flush table 77; x ip -6 route flush table 78; x ip -6 route flush root 2001:db8::/32; x ip addr flush dev v0 scope global
t x ip -4 route show table all
t x ip addr restore < $T/ad4; echo $?
t x ip addr show dev v0 | grep -v link/ether | sed 's/fe80::[0-9a-f:]*/fe80::X/;s/v0@v1/v0/' 
t x ip -6 addr add 2001:db8::1/64 dev v0 nodad
t x ip route restore < $T/r4; echo $?
t x ip route restore < $T/r4a; echo $?
t x ip -6 route restore < $T/r6; echo $?
t x ip -6 route restore < $T/r6t; echo $?
t x ip -4 -d route show table all
t x ip -6 -d route show table all | sed 's/fe80::[0-9a-f:]*/fe80::X/' | sort
x ip rule flush; x ip -6 rule flush; t x ip rule
t x ip rule restore < $T/ru; echo $?
t x ip -6 rule restore < $T/ru6; echo $?
t x ip rule; t x ip -6 rule
t x ip rule restore < $T/ru; echo $?
t x ip route restore < /dev/null; echo $?
t x ip route restore < $T/ru; echo $?
printf 'garbage garbage garbage' > $T/g; t x ip route restore < $T/g; echo $?
t x ip addr restore < $T/r4; echo $?
