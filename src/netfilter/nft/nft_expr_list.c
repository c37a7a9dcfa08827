/* All kinds of expressions: one file in expr/ and one line here each. */
#include "netfilter/nft/nft_obj.h"
#include "netfilter/nft/nft_set.h"

const struct nft_expr_type *const nft_expr_types[] = {
	&nft_immediate_type,
	&nft_cmp_type,
	&nft_range_type,
	&nft_bitwise_type,
	&nft_byteorder_type,
	&nft_payload_type,
	&nft_meta_type,
	&nft_counter_type,
	&nft_lookup_type,
	&nft_dynset_type,
	&nft_objref_type,
	&nft_limit_type,
	&nft_quota_type,
	&nft_last_type,
	&nft_numgen_type,
	&nft_hash_type,
	&nft_reject_type,
	&nft_exthdr_type,
	&nft_fib_type,
	NULL,
};
