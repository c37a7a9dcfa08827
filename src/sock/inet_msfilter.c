/* The group options that carry whole sockaddrs, for both families (RFC 3678 section 5): MCAST_JOIN_GROUP to MCAST_LEAVE_SOURCE_GROUP and
 * MCAST_MSFILTER. The families differ in how they refuse. */
#include <netinet/in.h>

#include "inet/ip6/ip6.h"
#include "sock/inet_mcast.h"

/* False: of another family. */
static bool read_addr(u8 family, const struct sockaddr_storage *ss, struct inaddr *a)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)ss;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;

	*a = family == AF_INET ? inaddr_from_v4((be32){ in->sin_addr.s_addr }) : inaddr_from_v6(&in6->sin6_addr);
	return ss->ss_family == family;
}

static void write_addr(u8 family, const struct inaddr *a, struct sockaddr_storage *ss)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = inaddr_v4(a).raw };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	memset(ss, 0, sizeof *ss);
	memcpy(&in6.sin6_addr, a->b, 16);
	if (family == AF_INET)
		memcpy(ss, &in, sizeof in);
	else
		memcpy(ss, &in6, sizeof in6);
}

int inet_mc_change_source(struct cpu *cpu, struct inet_sock *inet, int name, const struct mc_request *r, const struct inaddr *source)
{
	int err;

	switch (name) {
	case IP_BLOCK_SOURCE:
	case MCAST_BLOCK_SOURCE: return inet_mc_source(cpu, inet, r, source, MCAST_EXCLUDE, true);
	case IP_UNBLOCK_SOURCE:
	case MCAST_UNBLOCK_SOURCE: return inet_mc_source(cpu, inet, r, source, MCAST_EXCLUDE, false);
	case IP_ADD_SOURCE_MEMBERSHIP:
	case MCAST_JOIN_SOURCE_GROUP:
		err = inet_mc_join(cpu, inet, r, MCAST_INCLUDE);
		if (err && err != -EADDRINUSE)
			return err;
		return inet_mc_source(cpu, inet, r, source, MCAST_INCLUDE, true);
	default: return inet_mc_source(cpu, inet, r, source, MCAST_INCLUDE, false);
	}
}

int inet_mc_group_req(struct cpu *cpu, struct inet_sock *inet, u8 family, int name, const void *val, socklen_t len)
{
	struct group_source_req g;
	bool with_source = name != MCAST_JOIN_GROUP && name != MCAST_LEAVE_GROUP;
	size_t want = with_source ? sizeof g : sizeof(struct group_req);
	struct mc_request r;
	struct inaddr source;

	if (len < want || (with_source && family == AF_INET && len != want))
		return -EINVAL;
	memcpy(&g, val, want);
	r = (struct mc_request){ .ifindex = (s32)g.gsr_interface };
	if (!read_addr(family, &g.gsr_group, &r.group))
		return with_source || family == AF_INET6 ? -EADDRNOTAVAIL : -EINVAL;
	if (name == MCAST_JOIN_GROUP)
		return inet_mc_join(cpu, inet, &r, MCAST_EXCLUDE);
	if (name == MCAST_LEAVE_GROUP)
		return inet_mc_leave(cpu, inet, &r);
	if (!read_addr(family, &g.gsr_source, &source))
		return -EADDRNOTAVAIL;
	return inet_mc_change_source(cpu, inet, name, &r, &source);
}

int inet_mc_msfilter_set(struct cpu *cpu, struct inet_sock *inet, u8 family, const void *val, socklen_t len)
{
	const u8 *at = (const u8 *)val + GROUP_FILTER_SIZE(0);
	struct sockaddr_storage ss;
	struct inaddr *sources = NULL;
	struct mc_request r;
	struct group_filter f;
	int err = 0;

	if (len < GROUP_FILTER_SIZE(0))
		return -EINVAL;
	if (len > sock_limits(inet->sk.net)->optmem_max)
		return -ENOBUFS;
	memcpy(&f, val, GROUP_FILTER_SIZE(0));
	if (f.gf_numsrc >= 0x1ffffff || f.gf_numsrc > inet_mc_max_sources(inet, family))
		return -ENOBUFS;
	if (GROUP_FILTER_SIZE(f.gf_numsrc) > len)
		return -EINVAL;
	r = (struct mc_request){ .ifindex = (s32)f.gf_interface };
	if (!read_addr(family, &f.gf_group, &r.group) && family == AF_INET)
		return -EADDRNOTAVAIL;
	if (f.gf_numsrc && !(sources = mem_alloc(cpu_mem(cpu), f.gf_numsrc * sizeof *sources)))
		return -ENOBUFS;
	for (u32 i = 0; i < f.gf_numsrc && !err; i++, at += sizeof ss) {
		memcpy(&ss, at, sizeof ss);
		if (!read_addr(family, &ss, &sources[i]) && family == AF_INET)
			err = -EADDRNOTAVAIL;
	}
	if (!err)
		err = inet_mc_filter_set(cpu, inet, &r, f.gf_fmode, sources, f.gf_numsrc);
	mem_free(cpu_mem(cpu), sources);
	return err;
}

int inet_mc_msfilter_get(struct cpu *cpu, struct inet_sock *inet, u8 family, void *val, socklen_t *len)
{
	u32 asked, n, max = inet_mc_max_sources(inet, family);
	struct inaddr *sources;
	struct sockaddr_storage ss;
	struct mc_request r;
	struct group_filter f;
	int err;

	if (*len < GROUP_FILTER_SIZE(0))
		return -EINVAL;
	memcpy(&f, val, GROUP_FILTER_SIZE(0));
	r = (struct mc_request){ .ifindex = (s32)f.gf_interface };
	if (!read_addr(family, &f.gf_group, &r.group))
		return family == AF_INET6 ? -EADDRNOTAVAIL : -EINVAL;
	asked = MIN(f.gf_numsrc, (u32)((*len - GROUP_FILTER_SIZE(0)) / sizeof ss));
	n = max = MIN(max, asked);
	if (!(sources = mem_zalloc(cpu_mem(cpu), MAX(max, 1u) * sizeof *sources)))
		return -ENOBUFS;
	err = inet_mc_filter_get(cpu, inet, &r, &f.gf_fmode, sources, &n);
	if (!err) {
		f.gf_numsrc = n;
		n = MIN(n, max);
		memcpy(val, &f, GROUP_FILTER_SIZE(0));
		for (u32 i = 0; i < n; i++) {
			write_addr(family, &sources[i], &ss);
			memcpy((u8 *)val + GROUP_FILTER_SIZE(0) + i * sizeof ss, &ss, sizeof ss);
		}
		*len = (socklen_t)GROUP_FILTER_SIZE(n);
	}
	mem_free(cpu_mem(cpu), sources);
	return err;
}
