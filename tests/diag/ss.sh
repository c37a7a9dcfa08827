# What the real ss shows of sockets made by make.py, whose ports are fixed. Run on a Linux kernel and on weft: ./compare.
cd "$(dirname "$0")"
ip link set lo up
python3 ./make.py > "$1" &
while ! grep -q ready "$1"; do sleep 0.05; done
t() { echo "# ss $*"; ss "$@"; }
t -Htan
t -Htlnp
t -Htane state established
t -Huanp
t -Hwan
t -Hton
t -Htlnm
t -Htan 'sport = :8080'
t -Htan 'sport = :8080 and dport = :4001'
t -Htan '( sport ge :4000 and sport le :4100 ) or src 127.0.0.3'
t -Htan 'not dst 127.0.0.0/8'
t -Htan 'dst 127.0.0.2:8080'
t -Htan state time-wait
t -Htan exclude listening exclude time-wait
t -HtinO state listening
ss -HtinO state established | grep -o 'cubic\|reno\|bbr\|wscale:[0-9,]*\|bytes_[a-z]*:[0-9]*\\|mss:[0-9]*' | grep -v 'cubic\|reno\|bbr' | sort
echo "# ss -K"
ss -HKtn 'sport = :4001'
t -Htan
kill %1
