/* TCP-AO as programs set it up: TCP_AO_ADD_KEY, TCP_AO_DEL_KEY, TCP_AO_INFO, TCP_AO_GET_KEYS of linux/tcp.h.
 *
 * Structs may be longer than ours when what is behind is zero, for programs built with newer headers; shorter ones are refused, but for
 * what is only read. Keys whose peers overlap must differ in both ids. A listener has no current key; elsewhere the keys in use go only
 * when others take their place in the same call. TCP_AO_REPAIR belongs to TCP_REPAIR, which is not built: EPERM, as to any socket that is not
 * being repaired.
 */
#include "transport/tcp/tcp_impl.h"

static const struct { const char *name; enum mac_alg alg; } algs[] = {
	{ "hmac(sha1)", MAC_HMAC_SHA1 },
	{ "hmac(sha256)", MAC_HMAC_SHA256 },
	{ "cmac(aes128)", MAC_AES128_CMAC },
};
#define SYN_OPTION_SPACE (40u - 4 - 12 - 4) /* beside MSS, timestamp with SACK-permitted, window scale */

/* -EINVAL: shorter than ours; -E2BIG: longer, and not zero there. */
static int take_struct(void *to, size_t size, const void *from, size_t len)
{
	const u8 *p = from;

	if (len < size)
		return -EINVAL;
	for (size_t i = size; i < len; i++)
		if (p[i])
			return -E2BIG;
	memcpy(to, from, size);
	return 0;
}

/* The peers of a command: address and prefix in the family's own bits; *family is AF_INET for a mapped address. */
static int take_peers(const struct tcp_sock *tp, const struct sockaddr_storage *ss, u8 prefix, struct inaddr *addr, u16 *family)
{
	u32 bits = 32;
	struct inaddr any = inaddr_from_v4((be32){ 0 });

	if (ss->ss_family != tp->inet.sk.family)
		return -EINVAL;
	*family = ss->ss_family;
	if (ss->ss_family == AF_INET) {
		const struct sockaddr_in *sin = (const struct sockaddr_in *)ss;

		if (sin->sin_port)
			return -EINVAL;
		*addr = inaddr_from_v4((be32){ sin->sin_addr.s_addr });
	} else {
		const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)ss;

		if (sin6->sin6_port)
			return -EINVAL;
		memcpy(addr->b, &sin6->sin6_addr, 16);
		if (inaddr_is_v4(addr)) {
			*family = AF_INET;
		} else {
			any = (struct inaddr){ 0 };
			bits = 128;
		}
	}
	if (!prefix)
		return inaddr_eq(addr, &any) ? 0 : -EINVAL;
	if (inaddr_eq(addr, &any) || prefix > bits)
		return -EINVAL;
	for (u32 i = 128 - bits + prefix; i < 128; i++) /* nothing behind the prefix */
		if (addr->b[i / 8] & 0x80 >> i % 8)
			return -EINVAL;
	return 0;
}

static bool may_choose(const struct tcp_sock *tp) { return tp->inet.sk.state != TCP_LISTEN; }

static struct tcp_ao *ao_of(struct cpu *cpu, struct tcp_sock *tp)
{
	return tp->ao ? tp->ao : mem_zalloc(cpu_mem(cpu), sizeof *tp->ao);
}

/* For CMAC a key of any length becomes one of 16 bytes: RFC 5926, 3.1.1.2. */
static void derive(struct tcp_ao_key *k)
{
	static const u8 zeros[16];
	struct mac m;

	k->kdf_len = k->keylen;
	memcpy(k->kdf, k->key, k->keylen);
	if (k->alg != MAC_AES128_CMAC || k->keylen == 16)
		return;
	mac_init(&m, k->alg, zeros, sizeof zeros);
	mac_add(&m, k->key, k->keylen);
	mac_end(&m, k->kdf);
	k->kdf_len = 16;
}

static int key_new(struct cpu *cpu, struct tcp_sock *tp, const struct ao_add *c, struct tcp_ao_key **out)
{
	struct sock *sk = tcp_to_sock(tp);
	struct tcp_ao_key *k;
	unsigned i = 0;

	while (i < ARRAY_SIZE(algs) && strncmp(c->alg_name, algs[i].name, sizeof c->alg_name))
		i++;
	if (i == ARRAY_SIZE(algs))
		return -ENOENT;
	if (sk->omem_alloc + sizeof *k > sk->net->core->optmem_max)
		return -ENOMEM;
	k = mem_zalloc(cpu_mem(cpu), sizeof *k);
	if (!k)
		return -ENOMEM;
	k->alg = algs[i].alg;
	k->maclen = c->maclen ? c->maclen : 12;
	if (tcp_ao_len(k) > SYN_OPTION_SPACE) {
		mem_free(cpu_mem(cpu), k);
		return -EMSGSIZE;
	}
	k->prefix = c->prefix;
	k->sndid = c->sndid;
	k->rcvid = c->rcvid;
	k->keyflags = c->keyflags;
	k->ifindex = c->ifindex;
	k->keylen = c->keylen;
	memcpy(k->key, c->key, c->keylen);
	derive(k);
	sk->omem_alloc += (u32)sizeof *k;
	*out = k;
	return 0;
}

static int add(struct cpu *cpu, struct tcp_sock *tp, const void *val, socklen_t len)
{
	struct netns *net = tp->inet.sk.net;
	struct ao_add c;
	struct tcp_ao *ao;
	struct tcp_ao_key *k;
	struct inaddr addr;
	u16 family;
	s32 l3index;
	int err = take_struct(&c, sizeof c, val, len);

	if (err)
		return err;
	if (c.keylen > AO_MAXKEYLEN || c.reserved || c.reserved2)
		return -EINVAL;
	err = take_peers(tp, &c.addr, c.prefix, &addr, &family);
	if (err)
		return err;
	if (c.keyflags & ~(AO_KEYF_IFINDEX | AO_KEYF_EXCLUDE_OPT))
		return -EINVAL;
	if ((c.set_current || c.set_rnext) && !may_choose(tp))
		return -EINVAL;
	if (c.ifindex && !(c.keyflags & AO_KEYF_IFINDEX))
		return -EINVAL;
	l3index = c.keyflags & AO_KEYF_IFINDEX ? c.ifindex : -1;
	if (c.ifindex) {
		struct net_device *dev = dev_by_index(net, c.ifindex);

		if (!dev || !dev->l3mdev_table)
			return -EINVAL;
	}
	/* A connection's further keys are its peer's. */
	if (!inaddr_is_any(&tp->inet.daddr) &&
	    !tcp_ao_key_matches(&(struct tcp_ao_key){ .addr = addr, .family = family, .prefix = c.prefix }, -1, &tp->inet.daddr,
				tcp_ao_family(&tp->inet.daddr), 128, -1, -1))
		return -EINVAL;
	if (tcp_md5_any(tp, &addr, family, c.prefix)) /* one peer, one way of signing */
		return -EKEYREJECTED;
	for (k = tp->ao ? tp->ao->keys : NULL; k; k = k->next)
		if (tcp_ao_key_matches(k, l3index, &addr, family, c.prefix, c.sndid, -1) ||
		    tcp_ao_key_matches(k, l3index, &addr, family, c.prefix, -1, c.rcvid))
			return -EEXIST;
	ao = ao_of(cpu, tp);
	if (!ao)
		return -ENOMEM;
	err = key_new(cpu, tp, &c, &k);
	if (err) {
		if (!tp->ao)
			mem_free(cpu_mem(cpu), ao);
		return err;
	}
	tp->ao = ao;
	tp->gso_ok = false; /* a device cannot sign what it cuts */
	k->addr = addr;
	k->family = family;
	k->next = ao->keys;
	ao->keys = k;
	if (c.set_current)
		ao->current = k;
	if (c.set_rnext)
		ao->rnext = k;
	return 0;
}

/* Keys of a command that are to be in use. */
static int chosen(const struct tcp_ao *ao, bool set_current, u8 sndid, bool set_rnext, u8 rcvid, struct tcp_ao_key **current, struct tcp_ao_key **rnext)
{
	*current = set_current ? tcp_ao_by_id(ao, sndid, -1) : NULL;
	*rnext = set_rnext ? tcp_ao_by_id(ao, -1, rcvid) : NULL;
	return (set_current && !*current) || (set_rnext && !*rnext) ? -ENOENT : 0;
}

static int del(struct cpu *cpu, struct tcp_sock *tp, const void *val, socklen_t len)
{
	struct tcp_ao *ao = tp->ao;
	struct tcp_ao_key *current, *rnext, **at;
	struct inaddr addr;
	struct ao_del c;
	u16 family;
	int err = take_struct(&c, sizeof c, val, len);

	if (err)
		return err;
	if (c.reserved || c.reserved2)
		return -EINVAL;
	if ((c.set_current || c.set_rnext) && !may_choose(tp))
		return -EINVAL;
	if (c.keyflags & ~AO_KEYF_IFINDEX || (c.ifindex && !(c.keyflags & AO_KEYF_IFINDEX)))
		return -EINVAL;
	if (!ao)
		return -ENOENT;
	err = chosen(ao, c.set_current, c.current_key, c.set_rnext, c.rnext, &current, &rnext);
	if (err)
		return err;
	if (c.del_async && tp->inet.sk.state != TCP_LISTEN) /* only there is nobody in the middle of using one */
		return -EINVAL;
	err = take_peers(tp, &c.addr, c.prefix, &addr, &family);
	if (err)
		return err;
	for (at = &ao->keys; *at; at = &(*at)->next) {
		struct tcp_ao_key *k = *at;

		if (k->sndid != c.sndid || k->rcvid != c.rcvid || k->family != family || k->prefix != c.prefix || !inaddr_eq(&k->addr, &addr) ||
		    (k->keyflags ^ c.keyflags) & AO_KEYF_IFINDEX || k->ifindex != c.ifindex || k == current || k == rnext)
			continue;
		if ((!current && k == ao->current) || (!rnext && k == ao->rnext))
			return -EBUSY;
		if (current)
			ao->current = current;
		if (rnext)
			ao->rnext = rnext;
		tcp_ao_key_del(cpu, tp, at);
		return 0;
	}
	return -ENOENT;
}

static int info_set(struct cpu *cpu, struct tcp_sock *tp, const void *val, socklen_t len)
{
	struct tcp_ao_key *current, *rnext;
	struct tcp_ao *ao;
	struct ao_info c;
	int err = take_struct(&c, sizeof c, val, len);

	if (err)
		return err;
	if ((c.set_current || c.set_rnext) && !may_choose(tp))
		return -EINVAL;
	if (c.reserved || c.reserved2)
		return -EINVAL;
	if (c.ao_required && tp->md5_keys)
		return -EKEYREJECTED;
	ao = ao_of(cpu, tp);
	if (!ao)
		return -ENOMEM;
	err = chosen(ao, c.set_current, c.current_key, c.set_rnext, c.rnext, &current, &rnext);
	if (err) {
		if (!tp->ao)
			mem_free(cpu_mem(cpu), ao);
		return err;
	}
	tp->ao = ao;
	if (c.set_counters) {
		ao->good = c.pkt_good;
		ao->bad = c.pkt_bad;
		ao->key_not_found = c.pkt_key_not_found;
		ao->ao_required = c.pkt_ao_required;
		ao->dropped_icmps = c.pkt_dropped_icmp;
	}
	ao->required = c.ao_required;
	ao->accept_icmps = c.accept_icmps;
	if (current)
		ao->current = current;
	if (rnext)
		ao->rnext = rnext;
	return 0;
}

/* setsockopt. The first one wants a socket without a connection: its initial sequence numbers must be known to have been signed. */
int tcp_ao_set(struct cpu *cpu, struct tcp_sock *tp, int name, const void *val, socklen_t len)
{
	if (name == OPT_AO_REPAIR)
		return -EPERM;
	if (!(BIT(tp->inet.sk.state) & (TCPS(LISTEN) | TCPS(CLOSE))) && !tp->ao)
		return -EISCONN;
	return name == OPT_AO_ADD_KEY ? add(cpu, tp, val, len) : name == OPT_AO_DEL_KEY ? del(cpu, tp, val, len) : info_set(cpu, tp, val, len);
}

/* -- getsockopt -- */

static int info_get(const struct tcp_sock *tp, void *val, socklen_t *len)
{
	const struct tcp_ao *ao = tp->ao;
	struct ao_info in = { 0 }, i = { 0 };

	memcpy(&in, val, MIN((size_t)*len, sizeof in));
	for (size_t at = sizeof in; at < *len; at++)
		if (((const u8 *)val)[at])
			return -E2BIG;
	if (in.reserved || in.reserved2)
		return -EINVAL;
	if (!ao)
		return -ENOENT;
	i.ao_required = ao->required;
	i.accept_icmps = ao->accept_icmps;
	i.pkt_good = ao->good;
	i.pkt_bad = ao->bad;
	i.pkt_key_not_found = ao->key_not_found;
	i.pkt_ao_required = ao->ao_required;
	i.pkt_dropped_icmp = ao->dropped_icmps;
	if (ao->current) {
		i.set_current = 1;
		i.current_key = ao->current->sndid;
	}
	if (ao->rnext) {
		i.set_rnext = 1;
		i.rnext = ao->rnext->rcvid;
	}
	return sockopt_put(val, len, &i, sizeof i);
}

static void key_fill(const struct tcp_ao *ao, const struct tcp_ao_key *k, u16 sk_family, struct ao_get *g)
{
	memset(g, 0, sizeof *g);
	if (sk_family == AF_INET) {
		struct sockaddr_in *sin = (struct sockaddr_in *)&g->addr;

		sin->sin_family = AF_INET;
		sin->sin_addr.s_addr = inaddr_v4(&k->addr).raw;
	} else {
		struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&g->addr;

		sin6->sin6_family = AF_INET6;
		memcpy(&sin6->sin6_addr, k->addr.b, 16);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(algs); i++)
		if (algs[i].alg == k->alg)
			memcpy(g->alg_name, algs[i].name, strlen(algs[i].name));
	memcpy(g->key, k->key, k->keylen);
	g->is_current = k == ao->current;
	g->is_rnext = k == ao->rnext;
	g->sndid = k->sndid;
	g->rcvid = k->rcvid;
	g->prefix = k->prefix;
	g->maclen = k->maclen;
	g->keyflags = k->keyflags;
	g->keylen = k->keylen;
	g->ifindex = k->keyflags & AO_KEYF_IFINDEX ? k->ifindex : 0;
	g->pkt_good = k->good;
	g->pkt_bad = k->bad;
}

/* val: as many structs of *len bytes as the first says (nkeys). */
static int keys_get(const struct tcp_sock *tp, void *val, socklen_t *len)
{
	static const struct sockaddr_storage none;
	const struct tcp_ao *ao = tp->ao;
	struct ao_get in = { 0 }, g;
	size_t size = MIN((size_t)*len, sizeof g);
	struct inaddr addr = { 0 };
	u16 family = 0;
	u32 matched = 0;
	int err;

	memcpy(&in, val, size);
	for (size_t at = sizeof in; at < *len; at++)
		if (((const u8 *)val)[at])
			return -E2BIG;
	if (in.pkt_good || in.pkt_bad || in.keyflags & ~AO_KEYF_IFINDEX || (in.ifindex && !(in.keyflags & AO_KEYF_IFINDEX)) || in.reserved)
		return -EINVAL;
	if (in.get_all || in.is_current || in.is_rnext) { /* no filter beside these */
		if ((in.get_all && (in.is_current || in.is_rnext)) || in.sndid || in.rcvid || in.prefix || memcmp(&in.addr, &none, sizeof none))
			return -EINVAL;
	} else if ((err = take_peers(tp, &in.addr, in.prefix, &addr, &family))) {
		return err;
	}
	if (!ao)
		return -ENOENT;
	for (const struct tcp_ao_key *k = ao->keys; k; k = k->next) {
		bool match = in.get_all || (in.is_current && k == ao->current) || (in.is_rnext && k == ao->rnext);

		if (!in.get_all && !in.is_current && !in.is_rnext)
			match = tcp_ao_key_matches(k, in.keyflags & AO_KEYF_IFINDEX ? in.ifindex : -1, &addr, family, in.prefix, in.sndid, in.rcvid);
		if (!match || ++matched > in.nkeys)
			continue;
		key_fill(ao, k, tp->inet.sk.family, &g);
		memcpy((u8 *)val + (size_t)(matched - 1) * *len, &g, size);
	}
	if (size >= offsetof(struct ao_get, nkeys) + 4)
		memcpy((u8 *)val + offsetof(struct ao_get, nkeys), &matched, 4);
	*len = sizeof g;
	return 0;
}

int tcp_ao_get(struct tcp_sock *tp, int name, void *val, socklen_t *len)
{
	if (name == OPT_AO_REPAIR)
		return -EPERM;
	if (!*len)
		return -EINVAL;
	return name == OPT_AO_INFO ? info_get(tp, val, len) : keys_get(tp, val, len);
}
