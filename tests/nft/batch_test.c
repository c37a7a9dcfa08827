/* Batches that nft sent (batches.hex), broken in every way: cut off anywhere, with bits turned over, and with memory that runs out at any
 * allocation. Whatever is not taken as a whole changes nothing; the world's end asserts that nothing was lost on the way.
 *
 * argv: batches.hex [N]: a bit of every N-th byte (1: of every byte; the default, for a run of a second or two, 7)
 */
#include <stdio.h>

#include "tests/nft/nft_world.h"

enum { BATCHES_MAX = 256 };
static struct batch { u8 *data; size_t len; } batch[BATCHES_MAX];
static unsigned batches;

static void load(const char *file)
{
	static char line[65536];
	FILE *f = fopen(file, "r");

	if (!f) {
		perror(file);
		exit(2);
	}
	while (batches < BATCHES_MAX && fgets(line, sizeof(line), f)) {
		struct batch *b = &batch[batches++];
		unsigned v;

		b->len = strlen(line) / 2;
		b->data = malloc(b->len);
		for (size_t i = 0; i < b->len; i++) {
			sscanf(line + 2 * i, "%2x", &v);
			b->data[i] = (u8)v;
		}
	}
	fclose(f);
}

static void same(struct nft_world *n, const struct nl_buf *before, const char *what, unsigned i, size_t at)
{
	struct nl_buf now;

	nft_world_dump(n, &now);
	if (now.len != before->len || (now.len && memcmp(now.data, before->data, now.len))) { /* no tables: no bytes */
		size_t d = 0;

		while (d < now.len && d < before->len && now.data[d] == before->data[d])
			d++;
		fprintf(stderr, "batch %u, %s at %zu: refused, and something changed, at byte %zu of %zu\n", i, what, at, d, before->len);
		for (size_t k = d > 48 ? d - 48 : 0; k < MIN(MIN(now.len, before->len), d + 16); k++)
			fprintf(stderr, "%02x%s%02x ", before->data[k], before->data[k] == now.data[k] ? "=" : "!", now.data[k]);
		abort();
	}
	nl_buf_fini(&now);
}

static void tell_nobody(void *arg, struct nft_trans *t) { }

/* As it was before batch i: everything anew. */
static void replay(struct nft_world *n, unsigned i)
{
	struct nft_ctx ctx = { .cpu = n->cpu, .net = n->net };
	struct nft_table *t;

	list_for_each (t, &n->net->nft->tables, link) {
		ctx.table = t;
		ctx.family = t->family;
		if (nft_table_del(&ctx))
			abort();
	}
	if (nft_prepare(n->cpu, n->net, &(struct nl_ext_ack){ .msg = NULL }))
		abort();
	nft_commit(n->cpu, n->net, tell_nobody, NULL);
	for (unsigned k = 0; k < i; k++)
		nft_world_send(n, batch[k].data, batch[k].len);
	nft_world_drain(n);
}

int main(int argc, char **argv)
{
	unsigned step = argc > 2 ? (unsigned)atoi(argv[2]) : 7, taken = 0, refused = 0;
	struct nft_world n = { .w = NULL };
	struct nl_buf before;
	u8 *copy = malloc(65536);

	load(argv[1]);
	if (nft_world_init(&n))
		abort();
	for (unsigned i = 0; i < batches; i++) {
		struct batch *b = &batch[i];
		u32 gen = n.net->nft->gen;

		nft_world_dump(&n, &before);
		for (size_t at = 0; at < b->len; at += step) {
			if (at + 20 > b->len) /* the end itself: what is cut is no longer one */
				continue;
			nft_world_send(&n, b->data, at);
			nft_world_drain(&n);
			same(&n, &before, "cut off", i, at);
		}
		for (size_t at = 0; at < b->len; at += step) {
			memcpy(copy, b->data, b->len);
			copy[at] ^= (u8)(1 << (at / step + i) % 8);
			gen = n.net->nft->gen;
			nft_world_send(&n, copy, b->len);
			nft_world_drain(&n);
			if (n.net->nft->gen == gen) {
				same(&n, &before, "a bit turned over", i, at);
				refused++;
				continue;
			}
			taken++;
			nl_buf_fini(&before);
			replay(&n, i);
			nft_world_dump(&n, &before);
		}
		for (u64 fail = 1; fail < 4000; fail++) {
			gen = n.net->nft->gen;
			n.w->mem.fail_at = fail;
			nft_world_send(&n, b->data, b->len);
			if (n.w->mem.fail_at) { /* it was not reached */
				n.w->mem.fail_at = 0;
				nft_world_drain(&n);
				break;
			}
			nft_world_drain(&n);
			if (n.net->nft->gen == gen) {
				same(&n, &before, "no memory", i, fail);
				continue;
			}
			nl_buf_fini(&before);
			replay(&n, i);
			nft_world_dump(&n, &before);
		}
		nl_buf_fini(&before);
	}
	nft_world_fini(&n);
	printf("%u batches; of those with a bit turned over %u were taken, %u refused\n", batches, taken, refused);
	for (unsigned i = 0; i < batches; i++)
		free(batch[i].data);
	free(copy);
	return 0;
}
