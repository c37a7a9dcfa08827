# brctl: by its ioctls and by /sys; and the files there.
. ./lib.sh
command -v brctl >/dev/null || { echo "SKIP: brctl is missing"; exit 0; }
spaces h
q h ip link add d0 address 02:00:00:00:00:d0 type veth peer name p0
q h ip link add d1 address 02:00:00:00:00:d1 type veth peer name p1
q h ip link set d0 up
q h ip link set p0 up
h brctl addbr br0
h brctl addbr br0
h brctl addif br0 d0
h brctl addif br0 d1
h brctl addif br0 d0
h brctl addif br0 nosuch
h brctl show
echo "h: brctl showmacs"; ip netns exec h brctl showmacs br0 | sort -u # one a VLAN
h brctl showstp br0
q h ip link set br0 up
h brctl setageing br0 100
h brctl setbridgeprio br0 100
h brctl setfd br0 5
h brctl sethello br0 3
h brctl sethello br0 30
h brctl setmaxage br0 10
h brctl setpathcost br0 d0 50
h brctl setportprio br0 d0 3
h brctl setportprio br0 d0 300
h brctl stp br0 on
h brctl hairpin br0 d0 on
echo "h: brctl showstp"; ip netns exec h brctl showstp br0 | sed 's/timer[ \t]*[0-9.]*/timer/g; s/state.*/state/'
h brctl delif br0 d1
h brctl delif br0 d1
h brctl delbr br0
q h ip link set br0 down
h brctl delbr br0
h brctl delbr br0
h brctl delbr d0
h brctl show
q h ip link add br0 type bridge
q h ip link set d0 master br0
q h ip link set d1 master br0
cat >$tmp/files <<'X'
cd /sys/class/net/br0/bridge
for f in *; do case $f in *vlan* | default_pvid) continue ;; esac; echo "$f: $(cat $f 2>&1) $(stat -c %a $f)"; done
cd /sys/class/net/d0/brport
for f in *; do case $f in locked | mab | *neigh_vlan* ) continue ;; esac; echo "$f: $(cat $f 2>&1) $(stat -c %a $f)"; done
ls /sys/class/net/br0/brif
readlink /sys/class/net/d0/brport/bridge /sys/class/net/br0/brif/d0 /sys/class/net/d0/master
stat -c %a /sys/class/net/br0/brforward
w() { echo "$1 = $2"; echo "$2" >$1; cat $1; }
cd /sys/class/net/br0/bridge
for x in "ageing_time 5000" "forward_delay x" "hello_time 50" "stp_state 1" "priority 5" "group_addr 01:80:c2:00:00:05" "group_addr 1" "group_fwd_mask 0x8" \
	"group_fwd_mask 1" "flush 1" "multicast_router 7" "multicast_snooping 0" "bridge_id 1" "no_linklocal_learn 1" "hash_max 100"; do w $x; done 2>&1
cd /sys/class/net/d0/brport
for x in "path_cost 7" "path_cost 0" "hairpin_mode 1" "backup_port d0" "backup_port lo" "backup_port d1" "priority 90" "priority 9" "flush 1" "state 1" "isolated 1"; do w $x; done 2>&1
X
echo "-- /sys"
ip netns exec h bash $tmp/files 2>&1 | sed 's/.*line [0-9]*: //'
