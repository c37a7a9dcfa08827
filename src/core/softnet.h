/* What /proc shows of cpus and their budgets: net.core.netdev_budget and its like, /proc/net/softnet_stat. For stack/. */
#ifndef CORE_SOFTNET_H
#define CORE_SOFTNET_H

#include "core/proc.h"
#include "core/sysctl.h"

extern const struct sysctl_table softnet_sysctls;
extern const struct proc_file softnet_proc_stat;

#endif
