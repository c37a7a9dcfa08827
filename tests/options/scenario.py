#!/usr/bin/env python3
"""IPv4 options on their way through a router, and in answers: what a receiver gets and what its sender is told, with every option and with
mistakes in each; source routes refused and allowed; router alerts with a listener (IP_ROUTER_ALERT); forwarding per device.
compare.py runs it on Linux (recorded) and under weft."""
import ctypes,os,socket,struct,subprocess,sys,select
libc=ctypes.CDLL(None,use_errno=True)
pre="o4%d"%os.getpid()
def sh(c): 
    r=subprocess.run(c,shell=True,capture_output=True,text=True); return r.stdout+r.stderr
def enter(h):
    fd=os.open("/run/netns/%s-%s"%(pre,h),os.O_RDONLY); libc.setns(fd,0x40000000); os.close(fd)
for h in "srd": sh("ip netns add %s-%s; ip -n %s-%s link set lo up"%(pre,h,pre,h))
def ip(h,a): return sh("ip -n %s-%s %s"%(pre,h,a))
ip("r","link add rs address 02:00:00:00:00:01 type veth peer name eth0 address 02:00:00:00:00:02 netns %s-s"%pre)
ip("r","link add rd address 02:00:00:00:00:03 type veth peer name eth0 address 02:00:00:00:00:04 netns %s-d"%pre)
for h,d,a in (("r","rs","10.4.1.1/24"),("s","eth0","10.4.1.2/24"),("r","rd","10.4.2.1/24"),("d","eth0","10.4.2.2/24")):
    ip(h,"addr add %s dev %s"%(a,d)); ip(h,"link set %s up"%d)
ip("s","route add default via 10.4.1.1"); ip("d","route add default via 10.4.2.1")
def sysctl(h,k,v): sh("ip netns exec %s-%s sysctl -qw %s=%s"%(pre,h,k,v))
sysctl("r","net.ipv4.ip_forward",1); sysctl("s","net.ipv4.icmp_ratelimit",0); 
for h in "srd": sysctl(h,"net.ipv4.icmp_ratelimit",0); sysctl(h,"net.ipv4.icmp_msgs_per_sec",100000)
sh("ip netns exec %s-s ping -c1 -W2 10.4.2.2"%pre)
def sock(h,*a):
    enter(h); return socket.socket(*a)
cap_d=sock("d",17,3,socket.htons(0x800)); cap_d.bind(("eth0",0x800))
cap_s=sock("s",17,3,socket.htons(0x800)); cap_s.bind(("eth0",0x800))
tx=sock("s",17,3,socket.htons(0x800)); tx.bind(("eth0",0))
def csum(b):
    s=sum(struct.unpack("!%dH"%(len(b)//2),b))
    while s>>16: s=(s&0xffff)+(s>>16)
    return 0xffff-s
A=lambda x: socket.inet_aton(x)
def pkt(opts,dst,tos=0,ttl=9,proto=17,df=0,payload=b"\x10\x00\x20\x00\x00\x0c\x00\x00data"):
    while len(opts)%4: opts+=b"\0"
    h=struct.pack("!BBHHHBBH4s4s",0x45+len(opts)//4,tos,20+len(opts)+len(payload),7,df,ttl,proto,0,A("10.4.1.2"),A(dst))+opts
    h=h[:10]+struct.pack("!H",csum(h))+h[12:]
    return b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0"+h+payload
def drain(c,name,out,mac):
    for b,a in c:
        if b[6:12]!=mac: continue
        hl=(b[14]&15)*4
        ip_=bytearray(b[14:14+hl]); ip_[10:12]=b"\0\0"
        rest=b[14+hl:]
        if ip_[9]==1:
            ip_[4:6]=b"ID"
            i=bytearray(rest); i[2:4]=b"CC"
            rest=bytes(i)
        # timestamps vary
        o=bytes(ip_[20:]); k=0; o=bytearray(o)
        while k<len(o):
            if o[k]==0: break
            if o[k]==1: k+=1; continue
            l=o[k+1] if k+1<len(o) else 0
            if l<2: break
            if o[k]==68:
                step=4 if o[k+3]&15==0 else 8
                q=k+4
                while q+step<=min(k+l,k+o[k+2]-1):
                    o[q+step-4:q+step]=b"TIME"; q+=step
            k+=l
        out.append("%s %s %s %s"%(name,bytes(ip_[:20]).hex(),bytes(o).hex(),rest[:16].hex() if ip_[9]==1 else ""))
def case(what,p,through=True,need=3):
    # Whatever it draws is there when the answers to marked echo requests behind it are, from the router and from the receiver.
    tx.send(p); tx.send(mark("10.4.1.1"))
    if through: tx.send(mark(D))
    out=[]; seen=0; got_d=[]; got_s=[]
    while seen<need:
        r=select.select([cap_d,cap_s],[],[],5)[0]
        if not r: out.append("LOST"); break
        for c,l in ((cap_d,got_d),(cap_s,got_s)):
            if c not in r: continue
            pk=c.recvfrom(3000); l.append(pk)
            seen+=pk[0].endswith(b"the mark")
    drain([x for x in got_d if not x[0].endswith(b"the mark")],"d",out,b"\x02\0\0\0\0\x03"); drain([x for x in got_s if not x[0].endswith(b"the mark")],"s",out,b"\x02\0\0\0\0\x01")
    print(what); [print("  ",x) for x in out]
echo=struct.pack("!BBHHH",8,0,0,0x77,1)+b"the mark"
D="10.4.2.2"
mark=lambda to: pkt(b"",to,proto=1,payload=echo[:2]+struct.pack("!H",csum(echo))+echo[4:],ttl=64)
RR=lambda n,ptr=4: bytes([7,3+4*n,ptr])+b"\0"*4*n
TS=lambda n,kind,ptr=5,over=0: bytes([68,4+n,ptr,over<<4|kind])+b"\0"*n
SR=lambda k,ptr,*a: bytes([k,3+4*len(a),ptr])+b"".join(map(A,a))
def all_(tag):
    case(tag+" plain",pkt(b"",D)); case(tag+" rr 9",pkt(RR(9),D)); case(tag+" rr full",pkt(RR(2,12),D)); case(tag+" rr room for half",pkt(bytes([7,6,4,0,0,0]),D)); case(tag+" rr ptr 3",pkt(bytes([7,7,3,0,0,0,0]),D))
    case(tag+" ts only",pkt(TS(16,0),D)); case(tag+" ts addr",pkt(TS(32,1),D)); case(tag+" ts full",pkt(TS(8,0,13),D)); case(tag+" ts overflow 15",pkt(TS(8,0,13,15),D)); case(tag+" ts kind 2",pkt(TS(8,2),D))
    case(tag+" ts prespec router",pkt(bytes([68,20,5,3])+A("10.4.1.1")+b"\0"*4+A("10.4.2.1")+b"\0"*4,D)); case(tag+" ts prespec other",pkt(bytes([68,12,5,3])+A("10.4.9.9")+b"\0"*4,D))
    case(tag+" lsrr via r",pkt(SR(131,4,D),"10.4.1.1")); case(tag+" ssrr via r",pkt(SR(137,4,D),"10.4.1.1")); case(tag+" ssrr not next",pkt(SR(137,4,"10.9.9.9"),"10.4.1.1")); case(tag+" lsrr done",pkt(SR(131,8,"10.4.1.1"),D)); case(tag+" lsrr passing",pkt(SR(131,4,"10.4.2.1"),D)); case(tag+" ssrr passing",pkt(SR(137,4,"10.4.2.1"),D)); case(tag+" two lsrr",pkt(SR(131,4,D)+SR(131,4,D),"10.4.1.1"))
    case(tag+" ra",pkt(bytes([148,4,0,0]),D)); case(tag+" ra short",pkt(bytes([148,3,0]),D)); case(tag+" unknown",pkt(bytes([150,4,1,2]),D)); case(tag+" bad len",pkt(bytes([150,40,1,2]),D)); case(tag+" len 0",pkt(bytes([150,0,1,2]),D)); case(tag+" len 1",pkt(bytes([150,1,1,2]),D)); case(tag+" nops",pkt(bytes([1,1,1,1,0,9,9,9]),D)); case(tag+" sec",pkt(bytes([130,11])+b"\0"*9,D))
    case(tag+" ttl 1 rr",pkt(RR(3),D,ttl=1)); case(tag+" tos",pkt(RR(3),D,tos=0xb9)); case(tag+" to router rr",pkt(RR(3),"10.4.1.1"))
all_("default:")
for h in "srd":
    for d in ("all","default","eth0","rs","rd"): sysctl(h,"net.ipv4.conf.%s.accept_source_route"%d,1)
all_("sr on:")
sysctl("r","net.ipv4.conf.rs.forwarding",0); case("rs not forwarding",pkt(b"",D),False,1); sysctl("r","net.ipv4.conf.rs.forwarding",1); sysctl("r","net.ipv4.conf.rd.forwarding",0); case("rd not forwarding",pkt(b"",D),True,2); sysctl("r","net.ipv4.conf.rd.forwarding",1)
# router alert socket
ra=sock("r",2,3,17); ra.setsockopt(0,5,1); ra.setblocking(0)
case("ra with a listener",pkt(bytes([148,4,0,0]),D)); case("no ra",pkt(b"",D))
def got():
    n=[]
    while True:
        try: n.append(ra.recv(2000)[20:].hex())
        except OSError: return n
print("listener got",got())
ra2=sock("r",2,3,1); ra2.setsockopt(0,5,1)
case("ra udp, listener of icmp too",pkt(bytes([148,4,0,0]),D)); print(len(got()))
ra.setsockopt(0,5,0); case("ra, listener gone",pkt(bytes([148,4,0,0]),D))
sysctl("r","net.ipv4.ip_default_ttl",33); print([l for l in sh("ip netns exec %s-s ping -c1 -W2 10.4.1.1"%pre).split("\n") if "ttl=" in l][0].split("time")[0])
for h in "srd": sh("ip netns del %s-%s"%(pre,h))
