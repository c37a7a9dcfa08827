/* noqueue: no queue at all; packets go straight to the driver, and what that refuses is lost. For devices that are only a function
 * call (lo, veth, bridges). tc(8).
 */
#include "link/qdisc.h"

const struct qdisc_ops qdisc_noqueue = { .id = "noqueue", .noqueue = true };
