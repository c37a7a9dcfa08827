# needs: python3
# No server: what comes with an error (MSG_ERRQUEUE), of both families. Left out: the random flow label, IP_CHECKSUM.
python3 - <<'P'
import select, socket
def go(fam, dst, opts, lvl, errlvl):
    s = socket.socket(fam, socket.SOCK_DGRAM)
    for l,o in opts:
        try: s.setsockopt(l, o, 1)
        except OSError as e: print("opt", l, o, e.errno)
    s.settimeout(2)
    s.sendto(b"x"*20, (dst, 9))
    select.select([s],[],[],1)
    d, cm, f, a = s.recvmsg(100, 1000, socket.MSG_ERRQUEUE)
    print(len(d), f, a[:2])
    for l,t,x in cm:
        if (l,t) in ((0,11),(41,25)): print(l,t,len(x),x[:16].hex(), x[16:].hex()[:8])
        elif l==1: print(l,t,len(x))
        else: print(l,t,x.hex())
I=0; S=socket.SOL_SOCKET
go(socket.AF_INET,"127.0.0.1",[(I,11),(I,12),(I,13),(I,8),(I,6),(I,7),(I,20),(S,29),(I,25)],0,0)
go(socket.AF_INET,"127.0.0.1",[(I,11),(I,20)],0,0)
V=41
go(socket.AF_INET6,"::1",[(V,25),(V,49),(V,51),(V,66),(V,56),(V,74),(S,29)],0,0)
go(socket.AF_INET6,"::ffff:127.0.0.1",[(V,25),(I,11),(I,12),(I,13),(I,8),(V,49),(V,51),(V,66)],0,0)
P
