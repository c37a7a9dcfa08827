# The ethtool family's messages as bytes: what is asked by ethnl.py, rightly and wrongly, and every attribute of every answer; what each
# request may hold. Recorded with Linux 6.18, which has commands that the others' 6.12 lacks:
#     compare.py --record bash ethnl		in namespaces of this machine, whose kernel must be 6.18
. ./lib.sh
spaces a
q a ip link set lo up
q a ip link add v0 numtxqueues 2 numrxqueues 2 type veth peer name v1 numtxqueues 2 numrxqueues 2
q a ip link set v0 up
q a ip link set v1 up
ip netns exec a python3 ethnl.py
test -n "$WEFT" || ip netns del a
