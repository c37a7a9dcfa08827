/* RFC 6724's policy table: a label per prefix; a source whose label equals the destination's is preferred. */
#include "inet/ip6/ip6_label.h"

#include "inet/ip6/ip6_priv.h"

static const struct { u8 prefix[16]; u8 len; u32 label; } builtin[] = {
	{ { 0 }, 0, 1 },
	{ { 0xfc }, 7, 5 },
	{ { 0xfe, 0xc0 }, 10, 11 },
	{ { 0x20, 0x02 }, 16, 2 },
	{ { 0x3f, 0xfe }, 16, 12 },
	{ { 0x20, 0x01 }, 32, 6 },
	{ { 0x20, 0x01, 0, 0x10 }, 28, 7 },
	{ { [10] = 0xff, 0xff }, 96, 4 },
	{ { 0 }, 96, 3 },
	{ { [15] = 1 }, 128, 0 },
};

struct list *ip6_labels(struct netns *net) { return &net->ip6->priv->labels; }
u32 ip6_labels_seq(const struct netns *net) { return net->ip6->priv->label_seq; }

int ip6_label_add(struct netns *net, const struct inaddr *prefix, u8 len, s32 ifindex, u32 label, bool replace)
{
	struct list *head = ip6_labels(net), *before = head;
	struct inaddr p = v6_prefix(prefix, len);
	struct ip6_label *l, *n;

	if (len > 128)
		return -EINVAL;
	list_for_each(l, head, link) {
		if (l->len == len && l->ifindex == ifindex && inaddr_eq(&l->prefix, &p)) {
			if (!replace)
				return -EEXIST;
			l->label = label;
			net->ip6->priv->label_seq++;
			return 0;
		}
	}
	list_for_each(l, head, link) {
		if ((l->len == len && !l->ifindex) || l->len < len) {
			before = &l->link;
			break;
		}
	}
	n = mem_zalloc(&net->world->mem, sizeof(*n));
	if (!n)
		return -ENOMEM;
	*n = (struct ip6_label){ .prefix = p, .len = len, .ifindex = ifindex, .label = label };
	list_init(&n->link);
	list_add_tail(before, &n->link);
	net->ip6->priv->label_seq++;
	return 0;
}

int ip6_label_del(struct netns *net, const struct inaddr *prefix, u8 len, s32 ifindex)
{
	struct inaddr p = v6_prefix(prefix, len);
	struct ip6_label *l;
	list_for_each(l, ip6_labels(net), link) {
		if (l->len == len && l->ifindex == ifindex && inaddr_eq(&l->prefix, &p)) {
			list_del(&l->link);
			mem_free(&net->world->mem, l);
			return 0;
		}
	}
	return -ESRCH;
}

const struct ip6_label *ip6_label_find(struct netns *net, const struct inaddr *a, s32 ifindex)
{
	struct ip6_label *l;
	list_for_each(l, ip6_labels(net), link)
		if ((!l->ifindex || l->ifindex == ifindex) && v6_prefix_eq(a, &l->prefix, l->len))
			return l;
	return NULL;
}

u32 ip6_label_of(struct netns *net, const struct inaddr *a, s32 ifindex)
{
	const struct ip6_label *l = ip6_label_find(net, a, ifindex);
	return l ? l->label : 0xffffffff;
}

int ip6_labels_init(struct netns *net)
{
	list_init(ip6_labels(net));
	for (unsigned i = 0; i < ARRAY_SIZE(builtin); i++) {
		struct inaddr p = inaddr_from_v6(builtin[i].prefix);
		if (ip6_label_add(net, &p, builtin[i].len, 0, builtin[i].label, false))
			return -ENOMEM;
	}
	return 0;
}

void ip6_labels_fini(struct netns *net)
{
	while (!list_empty(ip6_labels(net))) {
		struct ip6_label *l = list_first(ip6_labels(net), struct ip6_label, link);
		list_del(&l->link);
		mem_free(&net->world->mem, l);
	}
}
