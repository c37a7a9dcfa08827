/* mq: the root of a device with several queues; each has a qdisc of its own, and this one only stands for them. tc-mq(8) in
 * all but name: no options.
 */
#include "link/qdisc.h"

const struct qdisc_ops qdisc_mq = { .id = "mq" };
