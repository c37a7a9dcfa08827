/* The device kind `vlan`'s place in the stack's tables. */
#ifndef LINK_TYPE_VLAN_DEV_H
#define LINK_TYPE_VLAN_DEV_H

struct link_kind;
struct proc_file;
extern const struct link_kind link_kind_vlan;
extern const struct proc_file vlan_proc; /* /proc/net/vlan/ */

#endif
