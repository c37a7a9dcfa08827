# ethtool, by netlink and by ioctl, on every kind of device; what is refused, and how; what listeners hear.
. ./lib.sh
test -n "$WEFT" || modprobe tun
spaces a
q a ip link set lo up
q a ip link add v0 numtxqueues 2 numrxqueues 2 type veth peer name v1 numtxqueues 1 numrxqueues 1
for c in "d0 type dummy" "i0 type ifb" "link v0 name v0.5 type vlan id 5" "link v0 name m0 type macvlan" "link v1 name p0 type ipvlan" "r0 type vrf table 10"; do
	q a ip link add $c
done
q a ip tuntap add t0 mode tap
for d in v0 v1 d0 i0 v0.5 m0 p0 r0 t0; do q a ip link set $d up; done
settle
for d in lo v0 d0 i0 v0.5 m0 p0 r0 t0; do
	for o in "" -i -g -l -c -a -x -T -P -n -m -d -e -u --show-fec --show-eee --show-priv-flags --show-module --show-tunnels; do a ethtool $o $d; done
	a ethtool -s $d speed 1000 duplex half autoneg on
	a ethtool -s $d port mii
	a ethtool -s $d msglvl 7
	a ethtool -s $d wol g
	a ethtool $d
	a ethtool -r $d
	a ethtool -t $d
	a ethtool -G $d rx 512
	a ethtool -L $d combined 1
	a ethtool -L $d other 1
	a ethtool -C $d rx-usecs 5
	a ethtool -C $d rx-frames 8
	a ethtool -A $d rx on
	a ethtool -X $d equal 1
	a ethtool -S $d --all-groups
	a ethtool --set-eee $d eee on
	a ethtool --set-fec $d encoding rs
	a ethtool --reset $d all
	a ethtool --get-phy-tunable $d downshift
	a ethtool --get-tunable $d rx-copybreak
	a ethtool --cable-test $d
	a ethtool -I -a $d
done
a ethtool -S d0
a ethtool -s t0 master-slave preferred-master
a ethtool -s t0 lanes 2
a ethtool -s t0 autoneg off
a ethtool -s t0 lanes 2
a ethtool -c t0
a ethtool -L v0 rx 2
a ethtool -L v0 rx 2 tx 2
a ethtool -l v0
a ethtool -L v0 tx 0
a ethtool -L v0 tx 3
a ethtool -L v0 rx 1 tx 1
a ethtool nosuch
a ethtool -k nosuch
a ethtool -g nosuch
a ethtool -K nosuch gro on
a ethtool -K v0 foo on
a ethtool -S nosuch
a ethtool -i nosuch
a ethtool -g '*'
a ethtool -l '*'
a ethtool -K v0 sg off
a ethtool -K v0 tx-tcp-segmentation on
a ethtool -K v0 sg on gso on
a ethtool -K v0 tx off rx off
a ethtool -K v0 lro on
a ethtool -K lo rx off
a ethtool -K v0 tx-gso-robust on
q a ip link set v0.5 down
q a ip link set v0 down
a ethtool v0
a ethtool v0.5
a ethtool p0
heard() { sed -n "s/^\(Features\|Channel parameters\|Settings\) for/&/p; /^Combined\|^RX:\|^TX:/p; s/^generic-receive-offload/&/p" $tmp/heard; }
ip netns exec a stdbuf -oL ethtool --monitor >$tmp/heard 2>&1 &
listener=$!
for i in $(seq 200); do grep -q listening $tmp/heard && break; sleep 0.05; done
a ethtool -K v0 gro on
a ethtool -K v0 gro on
a ethtool -L v0 rx 2
a ethtool -s t0 speed 100
a ethtool -s t0 speed 100
for i in $(seq 100); do grep -q "Settings for t0" $tmp/heard && break; sleep 0.05; done
kill $listener
heard
