/* Every qdisc that is built in: one file and one line each. */
#include "link/qdisc.h"

extern const struct qdisc_ops qdisc_noqueue, qdisc_pfifo_fast, qdisc_mq, qdisc_pfifo, qdisc_bfifo;

const struct qdisc_ops *const qdiscs_builtin[] = { &qdisc_noqueue, &qdisc_pfifo_fast, &qdisc_mq, &qdisc_pfifo, &qdisc_bfifo, NULL };
