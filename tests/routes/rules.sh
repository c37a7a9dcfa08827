# What each selector of `ip rule` does to packets, own ones by sockets and forwarded ones, in both families: rules.py says how it is shown.
python3 -c "import os; os.setresuid(1500, 1500, 0)" 2>/dev/null || { echo "SKIP: needs the ids of other users"; exit 0; }
set -u
. ./lib.sh
for i in 0 1 2 3 4; do
	ip -n r route add default via 10.0.$i.2 table 10$i
	ip -n r -6 route add default via 2001:db8:$i::2 table 10$i
done
ip -n r addr add 10.0.9.1/32 dev lo; ip -n r addr add 2001:db8:9::1/128 dev lo nodad
ip -n r link set v3 group 7
ip -n r route add default via 10.0.1.2; ip -n r -6 route add default via 2001:db8:1::2
ip -n r route add 20.0.0.0/8 via 10.0.4.2 table 105; ip -n r -6 route add 2020::/16 via 2001:db8:4::2 table 105
ip -n r route add throw 20.0.0.0/8 table 106; ip -n r -6 route add throw 2020::/16 table 106
ip netns exec h python3 -B rules.py <<END

$(cat <<'RULES' | while read -r l; do test -n "$l" && echo "$l" && echo "$l" | sed 's/^/-6 /;s/; /; -6 /g;s/10\.0\.2\.1/2001:db8:2::1/g;s/30\.0\.0\.7/3000::7/g;s/20\.0\.0\.0.25/2020::\/121/g;s/ icmp / ipv6-icmp /'; done
pref 100 fwmark 1 table 102
pref 100 fwmark 2/0x3 table 103
pref 100 fwmark 0/0xf table 104
not pref 100 fwmark 1 table 102
pref 100 uidrange 1000-1000 table 102
pref 100 uidrange 1-2000 table 103
pref 100 ipproto udp table 102
pref 100 ipproto tcp dport 80 table 103
pref 100 ipproto icmp table 104
pref 100 dport 50-100 table 102
pref 100 sport 5000 table 104
pref 100 sport 1-10 dport 53 table 103
pref 100 dsfield 0x10 table 102
pref 100 dsfield 0x20 table 103
pref 100 dsfield 0xb8 table 104
pref 100 iif v0 table 102
pref 100 iif lo table 103
pref 100 oif v2 table 102
pref 100 oif v2 table 103
pref 100 from 10.0.2.1 table 102
pref 100 from 30.0.0.7 table 103
pref 100 to 20.0.0.0/25 table 104
not pref 100 from 10.0.2.1 iif lo table 103
pref 100 fwmark 1 unreachable
pref 100 fwmark 1 prohibit
pref 100 fwmark 1 blackhole
pref 100 iif v0 prohibit
pref 100 goto 300; pref 200 table 102; pref 300 fwmark 1 table 103
pref 100 fwmark 1 goto 300; pref 200 table 102; pref 300 nop; pref 400 table 104
pref 100 nop; pref 200 goto 250; pref 200 table 102; pref 250 table 103
pref 100 table main suppress_prefixlength 0; pref 200 table 102
pref 100 table 105 suppress_prefixlength 7; pref 200 table 102
pref 100 table 105 suppress_prefixlength 8; pref 200 table 102
pref 100 table 105 suppress_prefixlength 16; pref 200 table 102
pref 100 table 103 suppress_ifgroup 7; pref 200 table 102
pref 100 table 104 suppress_ifgroup 7; pref 200 table 102
pref 100 table 106; pref 200 table 103
pref 100 table 99; pref 200 table 104
pref 100 l3mdev; pref 200 table 104
pref 100 iif gone0 table 102; pref 200 oif gone0 table 103
pref 100 tun_id 5 table 102
RULES
)
@ 4 pref=100 table=102 dscp=8
@ 6 pref=100 table=102 dscp=8
@ 4 pref=100 table=103 dscp=46
@ 6 pref=100 table=103 dscp=46
@ 4 pref=100 table=104 dscp=0
@ 4 pref=100 table=104 dscp=8 dscp_mask=0x38
@ 6 pref=100 table=104 dscp=0 dscp_mask=0x20
@ 4 pref=100 table=104 dscp=64
@ 4 pref=100 table=102 flowlabel=0x12345
@ 6 pref=100 table=102 flowlabel=0x12345
@ 6 pref=100 table=103 flowlabel=0x321 flowlabel_mask=0xfff
@ 6 pref=100 table=103 flowlabel=0x12345 flowlabel_mask=0xff
@ 4 pref=100 table=102 proto=17 dport=0x30 dport_mask=0xfff0
@ 6 pref=100 table=103 sport=5 sport_mask=0xfff1
@ 4 pref=100 table=103 dport=5 dport_mask=0xfff0
@ 4 pref=100 table=103 sport_mask=0xff
@ 6 pref=100 table=103 flowlabel_mask=0xff
@ 4 pref=100 table=103 dscp_mask=0x3f
@ 4 pref=100 table=103 dscp=9 dscp_mask=0x38
END
