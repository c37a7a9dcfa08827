/* Every kind of device that `ip link add type KIND` makes: one file and one line each. nic is made by the host instead. */
#include "link/netns_dev.h"

extern const struct link_kind link_kind_bridge /* link/bridge/ */, link_kind_dummy, link_kind_ifb, link_kind_ipvlan /* inet/ipvlan/ */, link_kind_macvlan, link_kind_tun /* sock/tun/ */, link_kind_veth, link_kind_vrf, link_kind_vlan;

const struct link_kind *const link_kinds_builtin[] = { &link_kind_veth, &link_kind_dummy, &link_kind_vlan, &link_kind_macvlan,
						    &link_kind_vrf, &link_kind_ifb, &link_kind_ipvlan, &link_kind_tun, &link_kind_bridge, NULL };
