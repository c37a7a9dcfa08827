#!/usr/bin/env python3
"""Writes batches.hex: what nft sends for the commands of the scenarios here, a line a datagram that begins with a batch.

As root; the commands run on this machine's kernel, in a throw-away namespace, with a shim that writes down what sendmsg(2) is given."""
import os, subprocess, tempfile

here = os.path.dirname(os.path.abspath(__file__))
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	ssize_t (*real)(int, const struct msghdr *, int) = dlsym(RTLD_NEXT, "sendmsg");
	FILE *f = fopen(getenv("BATCHES"), "a");
	const unsigned char *p = m->msg_iov[0].iov_base;
	if (f && m->msg_iov[0].iov_len >= 20 && p[4] == 0x10 && p[5] == 0) {
		for (size_t i = 0; i < m->msg_iovlen; i++)
			for (size_t k = 0; k < m->msg_iov[i].iov_len; k++)
				fprintf(f, "%02x", ((unsigned char *)m->msg_iov[i].iov_base)[k]);
		fputc('\n', f);
	}
	if (f)
		fclose(f);
	return real(fd, m, flags);
}
"""
with tempfile.TemporaryDirectory() as d:
    open(d + "/shim.c", "w").write(SHIM)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", d + "/shim.so", d + "/shim.c", "-ldl"], check=True)
    seen = []
    for name in ["ruleset", "sets", "packets", "objects"]:
        out = d + "/" + name
        subprocess.run(["unshare", "-n", "bash", here + "/" + name + ".sh"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       env={**os.environ, "LD_PRELOAD": d + "/shim.so", "BATCHES": out, "TMP6": d})
        for line in open(out):
            if line not in seen and len(line) < 20000:
                seen.append(line)
    open(here + "/batches.hex", "w").writelines(seen)
    print(len(seen), "batches,", sum(map(len, seen)) // 2, "bytes")
