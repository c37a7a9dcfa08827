/* TCP options: parsing what came, writing what goes, and the clock of timestamps.
 *
 * RFC 9293 (MSS), RFC 7323 (window scale, timestamps), RFC 2018 and 2883 (SACK, DSACK). The order on the wire is Linux's, so
 * that captures compare: MSS, SACK-permitted with timestamp, AccECN, window scale, SACK blocks. Unknown options are skipped; a
 * malformed one ends the parsing, and what was read before counts.
 * Initial sequence numbers and timestamp offsets are keyed hashes of the four-tuple (RFC 6528; RFC 7323, section 5.4).
 */
#include "transport/tcp/tcp_impl.h"

static inline u32 get32(const u8 *p) { return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3]; }
static inline u8 *put32(u8 *p, u32 v)
{
	be32 b = cpu_to_be32(v);
	memcpy(p, &b, 4);
	return p + 4;
}

/* All options of a header whose bytes are linear. established: SYN's options are not looked at. o keeps what the connection
 * agreed on (tstamp_ok, sack_ok); the per-segment part is reset. *sack: first block, and its count, or NULL. */
void tcp_options_parse(struct netns_tcp *n, const struct tcp_hdr *th, struct tcp_opts *o, bool established, const u8 **sack,
		       unsigned *sack_blocks)
{
	const u8 *p = (const u8 *)(th + 1);
	int left = (int)tcp_hlen(th) - TCP_HDR_LEN;
	bool syn = (th->flags & TCPF_SYN) && !established;

	o->saw_tstamp = false;
	o->accecn = 0;
	if (sack)
		*sack = NULL;
	while (left > 0) {
		unsigned kind = p[0], len;

		if (kind == TCPO_EOL)
			return;
		if (kind == TCPO_NOP) {
			p++;
			left--;
			continue;
		}
		if (left < 2)
			return;
		len = p[1];
		if (len < 2 || len > (unsigned)left)
			return;
		switch (kind) {
		case TCPO_MSS:
			if (len == TCPO_MSS_LEN && syn) {
				u16 mss = (u16)(p[2] << 8 | p[3]);
				if (mss) {
					if (o->user_mss && o->user_mss < mss)
						mss = o->user_mss;
					o->mss_clamp = mss;
				}
			}
			break;
		case TCPO_WSCALE:
			if (len == TCPO_WSCALE_LEN && syn && n->window_scaling) {
				o->wscale_ok = true;
				o->snd_wscale = MIN(p[2], TCP_MAX_WSCALE);
			}
			break;
		case TCPO_TIMESTAMP:
			if (len == TCPO_TIMESTAMP_LEN && ((established && o->tstamp_ok) || (!established && n->timestamps))) {
				o->saw_tstamp = true;
				o->rcv_tsval = get32(p + 2);
				o->rcv_tsecr = get32(p + 6);
			}
			break;
		case TCPO_SACK_PERM:
			if (len == TCPO_SACK_PERM_LEN && syn && n->sack)
				o->sack_ok = true;
			break;
		case TCPO_SACK:
			if (len >= TCPO_SACK_BASE_LEN + TCPO_SACK_BLOCK_LEN && !((len - TCPO_SACK_BASE_LEN) % TCPO_SACK_BLOCK_LEN) &&
			    o->sack_ok && sack) {
				*sack = p + 2;
				*sack_blocks = (len - TCPO_SACK_BASE_LEN) / TCPO_SACK_BLOCK_LEN;
			}
			break;
		case TCPO_ACCECN0:
		case TCPO_ACCECN1:
			o->accecn = (u8)(p - (const u8 *)th);
			break;
		default:
			break;
		}
		p += len;
		left -= (int)len;
	}
}

/* The header of an established connection: nothing, or exactly the aligned timestamp, else the general case. */
void tcp_options_parse_fast(struct tcp_sock *tp, const struct tcp_hdr *th, const u8 **sack, unsigned *sack_blocks)
{
	struct tcp_opts *o = &tp->rx_opt;
	u32 hlen = tcp_hlen(th);

	*sack = NULL;
	o->accecn = 0;
	if (hlen == TCP_HDR_LEN) {
		o->saw_tstamp = false;
		return;
	}
	if (o->tstamp_ok && hlen == TCP_HDR_LEN + TCPO_TIMESTAMP_ALIGNED_LEN && get32((const u8 *)(th + 1)) == TCPO_TIMESTAMP_WORD) {
		o->saw_tstamp = true;
		o->rcv_tsval = get32((const u8 *)(th + 1) + 4);
		o->rcv_tsecr = get32((const u8 *)(th + 1) + 8);
	} else {
		tcp_options_parse(tcp_net(tp), th, o, true, sack, sack_blocks);
	}
	if (o->saw_tstamp && o->rcv_tsecr)
		o->rcv_tsecr -= tp->ts_offset;
}

struct tcp_sack_block tcp_sack_block_get(const u8 *p, unsigned i)
{
	return (struct tcp_sack_block){ get32(p + 8 * i), get32(p + 8 * i + 4) };
}

/* -- writing -- */

u32 tcp_out_opts_len(const struct tcp_out_opts *o)
{
	u32 n = o->md5 ? TCP_MD5_OPTION : o->ao ? tcp_ao_len(o->ao) : 0;

	if (o->mss)
		n += 4;
	if (o->ts)
		n += 12;
	if (o->sack_perm && !o->ts)
		n += 4;
	if (o->wscale_ok)
		n += 4;
	if (o->num_sacks)
		n += 4 + 8u * o->num_sacks;
	n += tcp_accecn_option_len(o->accecn_fields, o->num_sacks);
	if (unlikely(o->fo.present))
		n += tcp_fo_option_len(&o->fo);
	return n;
}

void tcp_out_opts_write(u8 *p, const struct tcp_out_opts *o)
{
	if (unlikely(o->md5)) { /* signed when all else is in place */
		p = put32(p, (u32)TCPO_NOP << 24 | TCPO_NOP << 16 | TCPO_MD5SIG << 8 | TCPO_MD5SIG_LEN);
		memset(p, 0, 16);
		p += 16;
	}
	if (unlikely(o->ao))
		p = tcp_ao_option_write(p, o);
	if (o->mss)
		p = put32(p, (u32)TCPO_MSS << 24 | TCPO_MSS_LEN << 16 | o->mss);
	if (o->ts) {
		if (o->sack_perm)
			p = put32(p, (u32)TCPO_SACK_PERM << 24 | TCPO_SACK_PERM_LEN << 16 | TCPO_TIMESTAMP << 8 | TCPO_TIMESTAMP_LEN);
		else
			p = put32(p, TCPO_TIMESTAMP_WORD);
		p = put32(p, o->tsval);
		p = put32(p, o->tsecr);
	}
	if (unlikely(o->accecn_fields))
		p = tcp_accecn_option_write(p, o);
	if (o->sack_perm && !o->ts) {
		p = put32(p, (u32)TCPO_NOP << 24 | TCPO_NOP << 16 | TCPO_SACK_PERM << 8 | TCPO_SACK_PERM_LEN);
	}
	if (o->wscale_ok)
		p = put32(p, (u32)TCPO_NOP << 24 | TCPO_WSCALE << 16 | TCPO_WSCALE_LEN << 8 | o->wscale);
	if (o->num_sacks) {
		if (o->accecn_fields != 1) /* else its odd byte stands for one of the NOPs */
			*p++ = TCPO_NOP;
		*p++ = TCPO_NOP;
		*p++ = TCPO_SACK;
		*p++ = (u8)(TCPO_SACK_BASE_LEN + 8u * o->num_sacks);
		for (unsigned i = 0; i < o->num_sacks; i++) {
			p = put32(p, o->sacks[i].start);
			p = put32(p, o->sacks[i].end);
		}
	}
	if (unlikely(o->fo.present))
		tcp_fo_option_write(p, &o->fo);
}

/* The key that signs. Returns the option's length. */
u32 tcp_options_ao(const struct tcp_sock *tp, struct tcp_out_opts *o)
{
	o->ao = tp->ao ? tp->ao->current : NULL;
	if (!o->ao)
		return 0;
	o->ao_rnext = tp->ao->rnext ? tp->ao->rnext->rcvid : o->ao->rcvid;
	return tcp_ao_len(o->ao);
}

/* Options of everything but SYNs. Also says how much room SACK blocks take beside a full segment. */
u32 tcp_options_established(struct cpu *cpu, struct tcp_sock *tp, struct tcp_out_opts *o)
{
	unsigned n = tp->num_sacks + (tp->dsack.start != tp->dsack.end), max;
	u32 len = 0;

	o->mss = 0;
	o->sack_perm = o->wscale_ok = false;
	o->num_sacks = o->accecn_fields = 0;
	o->fo.present = false;
	o->md5 = tcp_md5_key(tp);
	o->ao = NULL;
	if (unlikely(o->md5))
		len = TCP_MD5_OPTION;
	else if (unlikely(tp->ao))
		len = tcp_options_ao(tp, o);
	o->ts = tp->rx_opt.tstamp_ok;
	if (o->ts) {
		o->tsval = tcp_ts_now(cpu, tp->usec_ts) + tp->ts_offset;
		o->tsecr = tp->rx_opt.ts_recent;
		len += TCPO_TIMESTAMP_ALIGNED_LEN;
	}
	if (unlikely(n)) {
		max = (40 - len - 4) / 8;
		n = MIN(n, max);
		if (n && tp->dsack.start != tp->dsack.end)
			o->sacks[o->num_sacks++] = tp->dsack;
		for (unsigned i = 0; o->num_sacks < n; i++)
			o->sacks[o->num_sacks++] = tp->sacks[i];
		if (n)
			len += 4 + 8 * n;
	}
	if (unlikely(tp->accecn))
		len = tcp_accecn_fit(cpu, tp, o, len);
	return len;
}

/* -- keyed numbers -- */

static u64 tuple_hash(const struct world *w, const struct inaddr *l, const struct inaddr *r, be16 lp, be16 rp, u64 salt)
{
	u64 v[6] = { l->q[0], l->q[1], r->q[0], r->q[1], (u64)lp.raw << 16 | rp.raw, salt };

	return siphash(&w->secret, v, sizeof v);
}

/* RFC 6528: a clock that moves 4 us a step plus a secret offset of the four-tuple (Linux steps 64 ns; so do we). */
u32 tcp_isn(struct cpu *cpu, const struct inaddr *l, const struct inaddr *r, be16 lp, be16 rp)
{
	return (u32)tuple_hash(cpu->world, l, r, lp, rp, 1) + (u32)(cpu->now >> 6);
}

/* The offset of a pair of addresses (Linux: not of the ports, so that TIME-WAIT reuse sees one rising clock). */
u32 tcp_ts_offset(const struct world *w, const struct inaddr *l, const struct inaddr *r)
{
	be16 none = { 0 };
	return (u32)tuple_hash(w, l, r, none, none, 2);
}
