# needs: ip ethtool
# No server: tun and tap devices that stay, by ip tuntap, as tools see them.
no_ids() { sed -E 's/link\/ether [0-9a-f:]+/link\/ether MAC/; s/inet6 fe80[0-9a-f:]+/inet6 LL/; s/^[0-9]+:/N:/; s/ (qdisc|numtxqueues|numrxqueues) [a-z0-9_]+//g; s/ (gso|gro|tso)_[a-z0-9_]+ [0-9]+//g; s/ (group|allmulti|promiscuity|mode|parentbus|parentdev) [a-zA-Z0-9]+//g'; }
ip tuntap add dev t0 mode tun
ip tuntap add dev t1 mode tap user 4321 group 5432 one_queue
ip tuntap add dev t2 mode tun multi_queue pi
ip tuntap add dev t0 mode tap || echo "exit $?"
ip tuntap add dev lo mode tap || echo "exit $?"
ip link add name t9 type tun || echo "exit $?"
ip tuntap show | sort
for d in t0 t1 t2; do ip -d link show $d | no_ids; done
ip link set t0 up
ip link set t1 up
ip addr add 10.1.1.1/24 dev t0
ip addr add 10.1.2.1/24 dev t1
ip -d addr show dev t0 | no_ids | grep -v inet6 -A0 | grep -v valid
ip addr show dev t1 | no_ids
ip route
ip link set t0 mtu 70000 || echo "exit $?"
ip link set t0 mtu 60 || echo "exit $?"
ip link set t1 mtu 65522 || echo "exit $?"
ip link set t1 mtu 9000
ip link set t0 address 02:00:00:00:00:01 || echo "exit $?"
ip link set t1 address 02:00:00:00:00:01
ip -br link show t1
ethtool -i t0 | head -n 3
ethtool -k t1 | grep -E '^(tx-checksumming|scatter-gather|tcp-segmentation-offload|generic-receive-offload|tx-checksum-ip-generic)'
ping -c 1 -W 1 10.1.1.2 >/dev/null || echo "nobody reads"
ip -s link show t0 | tail -n 2
cat /sys/class/net/t0/type /sys/class/net/t1/type /sys/class/net/t0/carrier /sys/class/net/t0/operstate
ip tuntap del dev t0 mode tap || echo "exit $?"
ip tuntap del dev t0 mode tun
ip link del t1
ip netns add n
ip link set t2 netns n
ip -n n -br link show t2 | cut -c1-15
ip netns del n
until_ok sh -c '! ip -o link | grep -q t[0-9]:'
ip -o link | wc -l
python3 - <<'P'
import fcntl, os, select, socket, struct, subprocess
def ip(*a): subprocess.run(["ip", *a], check=True)
f = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(f, 0x400454ca, struct.pack("16sH22x", b"moved", 0x1001))
ip("netns", "add", "far")
ip("link", "set", "moved", "netns", "far")
ip("-n", "far", "addr", "add", "10.3.0.1/24", "dev", "moved")
ip("-n", "far", "link", "set", "moved", "addrgenmode", "none")
ip("-n", "far", "link", "set", "moved", "up")
p = subprocess.Popen(["ip", "netns", "exec", "far", "ping", "-c", "2", "-i", "0.2", "-W", "5", "10.3.0.2"], stdout=subprocess.PIPE, text=True)
n = 0
while n < 2:
    q = os.read(f, 2000)
    if q[0] >> 4 != 4:
        continue
    n += 1
    b = bytearray(q)
    b[12:16], b[16:20] = q[16:20], q[12:16]
    b[20] = 0
    s = (q[22] << 8 | q[23]) + 0x0800
    s = (s & 0xffff) + (s >> 16)
    b[22:24] = struct.pack("!H", s)
    os.write(f, bytes(b))
print([l for l in p.communicate()[0].splitlines() if "received" in l][0].split(", time")[0])
ip("-n", "far", "link", "del", "moved")
r, _, _ = select.select([f], [], [], 5)
print("told" if r else "not told")
P
