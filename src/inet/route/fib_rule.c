/* Routing policy rules: the list a lookup goes through. Every namespace is born with three (tables local, main, default); this file
 * is where further ones will be made, matched and dumped.
 */
#include <linux/fib_rules.h>

#include "inet/route/fib_priv.h"

static int rule_add(struct netns *net, u8 family, u32 preference, u32 table)
{
	struct fib_rule *r = mem_zalloc(fib_mem(net), sizeof(*r));
	if (!r)
		return -ENOMEM;
	*r = (struct fib_rule){ .family = family, .action = FR_ACT_TO_TBL, .protocol = RTPROT_KERNEL, .preference = preference,
				.table = table };
	list_add_tail(&net->fib->rules, &r->link);
	return 0;
}

int fib_rules_init(struct netns *net)
{
	int err = rule_add(net, AF_INET, 0, RT_TABLE_LOCAL);
	if (!err)
		err = rule_add(net, AF_INET6, 0, RT_TABLE_LOCAL);
	if (!err)
		err = rule_add(net, AF_INET6, 0x7ffe, RT_TABLE_MAIN);
	if (!err)
		err = rule_add(net, AF_INET, 0x7ffe, RT_TABLE_MAIN);
	if (!err)
		err = rule_add(net, AF_INET, 0x7fff, RT_TABLE_DEFAULT);
	net->fib->default_rules = true;
	return err;
}

void fib_rules_fini(struct netns *net)
{
	struct fib_rule *r, *tmp;
	list_for_each_safe(r, tmp, &net->fib->rules, link) {
		list_del(&r->link);
		mem_free(fib_mem(net), r);
	}
}
