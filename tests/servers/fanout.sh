# needs: python3
# Packet sockets that share what comes (PACKET_FANOUT): what is refused, who gets what, PACKET_COPY_THRESH, PACKET_QDISC_BYPASS.
ip link add d0 type veth peer name d1
ip link set d0 up
ip link set d1 up
cat >fan.py <<'PY'
import socket, struct, os, errno, sys, time
SOL=263; FAN=18; DATA=22; RS=21
def pk(proto=0x800, dev="lo", typ=socket.SOCK_RAW, bind=True):
    s=socket.socket(17,typ,0)
    if bind: s.bind((dev,proto))
    s.settimeout(0.3)
    return s
def fan(s,gid,t,flags=0,maxm=None):
    v=struct.pack("=I",(gid&0xffff)|(t|flags)<<16)
    if maxm is not None: v+=struct.pack("=I",maxm)
    try: s.setsockopt(SOL,FAN,v); return "ok"
    except OSError as e: return errno.errorcode[e.errno]
def get(s,o=FAN,l=4):
    try: return s.getsockopt(SOL,o,l).hex()
    except OSError as e: return errno.errorcode[e.errno]
def tr(f):
    try: return f()
    except OSError as e: return errno.errorcode[e.errno]
a,b,c=pk(),pk(),pk()
print("none",get(a),get(a,RS,24),get(a,20),get(a,7))
print("unbound",fan(pk(bind=False),1,0))
print("types",[fan(pk(),50+t,t) for t in range(9)])
print("rollover+flag",fan(pk(),80,3,0x1000), "flag", fan(pk(),81,0,0x1000))
print("join",fan(a,1,0),fan(b,1,0),get(a),get(b))
print("again",fan(a,1,0),"other type",fan(c,1,1),"other flags",fan(c,1,0,0x1000),"other proto",fan(pk(0x806),1,0),"other dev",fan(pk(dev="d0"),1,0))
print("bind in group",tr(lambda:a.bind(("lo",0x800))),tr(lambda:a.bind(("d0",0x800))),tr(lambda:a.bind(("lo",0x806))))
print("ring version etc",tr(lambda:a.setsockopt(SOL,10,1)))
print("unique",fan(c,5,0,0x2000),fan(c,0,0,0x2000)); v=get(c); print("of its own", v[4:])
print("short",tr(lambda:pk().setsockopt(SOL,FAN,b"\1\0")),tr(lambda:pk().setsockopt(SOL,FAN,b"\1\0\0\0\1\0")))
m=[pk() for i in range(4)]
print("max",[fan(x,9,1,0,2) for x in m[:3]], fan(m[3],9,1,0,3), fan(m[3],9,1), fan(pk(),10,1,0,65537),fan(pk(),11,1,0,65536))
print("data", tr(lambda:a.setsockopt(SOL,DATA,struct.pack("=i",0))), tr(lambda:pk().setsockopt(SOL,DATA,struct.pack("=i",0))))
a.close(); b.close()
for n in ("a","b"): pass
def drain(s):
    n=0
    s.setblocking(False)
    while True:
        try: s.recvfrom(2000); n+=1
        except BlockingIOError: return n
def send(n,port0=5000,fixed=False):
    u=socket.socket(2,2); u.bind(("127.0.0.1",0 if not fixed else 7777))
    for i in range(n): u.sendto(b"x"*10,("127.0.0.1",port0 if fixed else port0+i))
    u.close(); time.sleep(0.05)
def group(t,flags=0,n=3,gid=[100]):
    gid[0]+=1
    s=[pk() for i in range(n)]
    for x in s: assert fan(x,gid[0],t,flags)=="ok"
    return s
k=socket.socket(2,2); k.bind(("127.0.0.1",0))
g=group(1); send(12); print("lb",[drain(x) for x in g])
g[1].close(); time.sleep(1); send(12); print("lb less",[drain(x) for x in (g[0],g[2])])
g=group(0); send(1); 
send(10,fixed=True); r=[drain(x) for x in g]; print("hash",sum(r))
send(60); r=[drain(x) for x in g]; print("hash many",sum(r),min(r)>0)
g=group(2); send(10); r=[drain(x) for x in g]; print("cpu",sum(r))
g=group(4); send(90); r=[drain(x) for x in g]; print("rnd",sum(r),min(r)>0)
g=group(5); send(10); r=[drain(x) for x in g]; print("qm",sum(r),max(r))
import ctypes
def bpf(ins):
    b=b"".join(struct.pack("=HBBI",*i) for i in ins); buf=ctypes.create_string_buffer(b); return struct.pack("@HP",len(ins),ctypes.addressof(buf)),buf
g=group(6); send(6); print("cbpf none",[drain(x) for x in g])
p,kb=bpf([(0x06,0,0,1)]); print("set",tr(lambda:g[0].setsockopt(SOL,DATA,p))); send(6); print("cbpf 1",[drain(x) for x in g])
p,kb=bpf([(0x30,0,0,14+9+14),(0x16,0,0,0)]); 
p,kb=bpf([(0x28,0,0,36),(0x16,0,0,0)]); print("port",tr(lambda:g[0].setsockopt(SOL,DATA,p))); send(6,5001); print("cbpf port",[drain(x) for x in g])
print("bad",tr(lambda:g[0].setsockopt(SOL,DATA,b"12")))
p,kb=bpf([(0x28,0,0,36)]); print("bad prog",tr(lambda:g[0].setsockopt(SOL,DATA,p)))
# rollover
g=group(3,0,2)
for x in g: x.setsockopt(1,8,2304)
send(30); r=[drain(x) for x in g]; print("rollover both used",r[0]>0 and r[1]>0, get(g[0],RS,24)[16:32])
g=group(1,0x4000,2); send(4); print("ignore outgoing",[drain(x) for x in g])
g=group(1,0,2); s=socket.socket(17,3,0); 
raw=b"\0"*12+b"\x08\0"+b"E"+b"\0"*30
g[0].send(raw); time.sleep(.05); print("own not seen out", [drain(x) for x in g])
g=group(1,0,2,); q=pk(); send(4); print("beside", drain(q), [drain(x) for x in g])
for o in (20,7,16):
    x=pk()
    print(o,tr(lambda:x.setsockopt(SOL,o,7)),get(x,o),tr(lambda:x.setsockopt(SOL,o,b"1")))
PY
cat >ring.py <<'PY'
import socket,struct,mmap,time
SOL=263
# COPY_THRESH with a small ring (version 2), bypass
s=socket.socket(17,3,0); s.setsockopt(SOL,10,1); s.setsockopt(SOL,7,1)
s.setsockopt(SOL,5,struct.pack("=IIII",4096,1,256,16)); s.bind(("lo",0x800))
m=mmap.mmap(s.fileno(),4096)
u=socket.socket(2,2); u.bind(("127.0.0.1",0)); u.sendto(b"z"*1000,u.getsockname()); u.sendto(b"y"*10,u.getsockname()); time.sleep(.1)
for i in range(2):
    st,l,sn=struct.unpack_from("=III",m,i*256); print(hex(st&~0x20000000&~0x80),l,sn)
s.setblocking(False)
d,a=s.recvfrom(3000); print(len(d))
try: s.recvfrom(3000)
except BlockingIOError: print("no more")
b=socket.socket(17,3,0); b.setsockopt(SOL,20,1); b.bind(("d0",0x800)); r=socket.socket(17,3,0); r.bind(("d1",0x800)); r.settimeout(2)
b.send(b"\xff"*12+b"\x08\0"+b"hello"+b"\0"*50); print(r.recvfrom(100)[0][14:19])
PY
python3 fan.py
python3 ring.py
