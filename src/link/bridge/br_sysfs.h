/* The files that a bridge and its ports have below /sys/class/net: BRIDGE/bridge/NAME, BRIDGE/brforward, PORT/brport/NAME. All batons held. */
#ifndef LINK_BRIDGE_BR_SYSFS_H
#define LINK_BRIDGE_BR_SYSFS_H

#include "base/strbuf.h"
#include "link/bridge/bridge.h"

/* The folder that dev has: "bridge", "brport"; NULL: neither. */
const char *br_sysfs_folder(const struct net_device *dev);
/* Number i of it; NULL: no more. *mode: permissions. */
const char *br_sysfs_name(const struct net_device *dev, unsigned i, u16 *mode);
/* -ENOENT, -EACCES. Text with its newline. */
int br_sysfs_show(const struct net_device *dev, const char *name, struct strbuf *out);
int br_sysfs_store(struct cpu *cpu, struct net_device *dev, const char *name, const char *text);
/* struct __fdb_entry of linux/if_bridge.h for each learned or local address, `skip` of them left out, at most max. Returns how many. */
unsigned br_fdb_entries(const struct bridge *br, unsigned skip, struct __fdb_entry *out, unsigned max);
/* What SIOCSIFBR, SIOCGIFBR, SIOCBR* and a bridge's SIOCDEVPRIVATE do (br_ioctl.c): brctl(8). args are copies; further memory is reached through
 * copy_out. -ENOIOCTLCMD: not one of these. */
struct br_ioctl { int (*copy_out)(struct cpu *cpu, void *user, const void *from, size_t len); int (*copy_in)(struct cpu *cpu, void *to, const void *user, size_t len); };
int br_ioctl_netns(struct cpu *cpu, struct netns *net, const struct br_ioctl *io, unsigned cmd, void *arg, size_t len, bool admin);
int br_ioctl_dev(struct cpu *cpu, struct net_device *dev, const struct br_ioctl *io, unsigned cmd, void *ifreq, bool admin);

#endif
