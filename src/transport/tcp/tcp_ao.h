/* TCP-AO (RFC 5925): the structs of linux/tcp.h, which C libraries lack, and what tcp_ao.c and tcp_ao_opt.c keep. */
#ifndef TRANSPORT_TCP_TCP_AO_H
#define TRANSPORT_TCP_TCP_AO_H

#include <sys/socket.h>

#include "base/mac.h"
#include "inet/addr.h"

enum { OPT_AO_ADD_KEY = 38, OPT_AO_DEL_KEY, OPT_AO_INFO, OPT_AO_GET_KEYS, OPT_AO_REPAIR }; /* TCP_AO_ADD_KEY … */
#define AO_MAXKEYLEN 80
#define AO_KEYF_IFINDEX 1     /* of a VRF */
#define AO_KEYF_EXCLUDE_OPT 2 /* options other than TCP-AO are not covered */

struct ao_add {
	struct sockaddr_storage addr; /* the peers', port 0 */
	char alg_name[64];
	s32 ifindex;
	u32 set_current : 1, set_rnext : 1, reserved : 30;
	u16 reserved2;
	u8 prefix, sndid, rcvid, maclen, keyflags, keylen; /* maclen 0: 12 */
	u8 key[AO_MAXKEYLEN];
} __attribute__((aligned(8)));
struct ao_del {
	struct sockaddr_storage addr;
	s32 ifindex;
	u32 set_current : 1, set_rnext : 1, del_async : 1, reserved : 29;
	u16 reserved2;
	u8 prefix, sndid, rcvid, current_key, rnext, keyflags;
} __attribute__((aligned(8)));
struct ao_info {
	u32 set_current : 1, set_rnext : 1, ao_required : 1, set_counters : 1, accept_icmps : 1, reserved : 27;
	u16 reserved2;
	u8 current_key, rnext;
	u64 pkt_good, pkt_bad, pkt_key_not_found, pkt_ao_required, pkt_dropped_icmp;
} __attribute__((aligned(8)));
struct ao_get {
	struct sockaddr_storage addr;
	char alg_name[64];
	u8 key[AO_MAXKEYLEN];
	u32 nkeys; /* in: structs that fit; out: keys that matched */
	u16 is_current : 1, is_rnext : 1, get_all : 1, reserved : 13;
	u8 sndid, rcvid, prefix, maclen, keyflags, keylen;
	s32 ifindex;
	u64 pkt_good, pkt_bad;
} __attribute__((aligned(8)));
_Static_assert(sizeof(struct ao_add) == 288 && sizeof(struct ao_del) == 144 && sizeof(struct ao_info) == 48 && sizeof(struct ao_get) == 304,
	       "layout of linux/tcp.h");
_Static_assert(offsetof(struct ao_get, nkeys) == 272 && offsetof(struct ao_get, ifindex) == 284, "layout of linux/tcp.h");

/* A master key (RFC 5925, 3.1), and once the sequence numbers are known, the keys of this connection made from it. */
struct tcp_ao_key {
	struct tcp_ao_key *next; /* newest first */
	struct inaddr addr;	 /* of the peers */
	s32 ifindex;		 /* with AO_KEYF_IFINDEX: of the VRF, 0: none */
	u16 family;
	u8 prefix;		 /* bits of addr that count, as the program gave them: of 32 or 128 */
	u8 sndid, rcvid, maclen, keyflags, keylen, kdf_len;
	enum mac_alg alg;
	bool cached;		 /* snd, rcv are this connection's */
	u8 key[AO_MAXKEYLEN];
	u8 kdf[AO_MAXKEYLEN];	 /* what traffic keys are derived with: the key, or for CMAC 16 bytes made of it */
	u8 snd[MAC_MAX_LEN], rcv[MAC_MAX_LEN]; /* traffic keys: RFC 5925, 5.2 */
	u64 good, bad;
};

/* Where a stretch of 2^32 sequence numbers is: the extension of `seq` is `sne`. Moved on as the connection moves (less than 2^31 a time). */
struct tcp_ao_sne {
	u32 seq, sne;
};

/* A socket's keys, or those of TIME-WAIT remains. */
struct tcp_ao {
	struct tcp_ao_key *keys;
	struct tcp_ao_key *current; /* signs what we send; NULL before a connection, and in listeners */
	struct tcp_ao_key *rnext;   /* the peer is asked to use it */
	u32 lisn, risn;		    /* initial sequence numbers, ours and the peer's */
	struct tcp_ao_sne snd, rcv;
	bool established;	    /* both are known */
	bool required, accept_icmps;
	u64 good, bad, key_not_found, ao_required, dropped_icmps;
};

/* How one segment is signed. */
struct tcp_ao_sig {
	const struct tcp_ao_key *key; /* NULL: not */
	u8 rnext;
	u32 sne;
	u8 traffic[MAC_MAX_LEN];
};

/* What a segment's option says. */
struct tcp_ao_opt {
	const u8 *at; /* the option; NULL: none */
	u8 keyid, rnext, maclen;
};

static inline u32 tcp_ao_len(const struct tcp_ao_key *k) { return (k->maclen + 4u + 3) & ~3u; } /* padded */

#endif
