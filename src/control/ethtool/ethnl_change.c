/* What every SET does with an attribute: takes it over, and notes whether that changed anything. */
#include "control/ethtool/ethnl.h"

void ethnl_update_u32(u32 *v, const struct nlattr *a, bool *changed)
{
	if (!a || *v == nl_u32(a))
		return;
	*v = nl_u32(a);
	*changed = true;
}

void ethnl_update_u8(u8 *v, const struct nlattr *a, bool *changed)
{
	if (!a || *v == nl_u8(a))
		return;
	*v = nl_u8(a);
	*changed = true;
}

void ethnl_update_bool(u32 *v, const struct nlattr *a, bool *changed)
{
	if (!a || *v == !!nl_u8(a))
		return;
	*v = !!nl_u8(a);
	*changed = true;
}
