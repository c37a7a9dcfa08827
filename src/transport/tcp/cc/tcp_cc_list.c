/* The congestion controls of this build, in the order in which tcp_available_congestion_control names them. */
#include "transport/tcp/tcp_cc.h"

const struct tcp_cc_ops *const tcp_cc_list[] = { &tcp_cc_reno, &tcp_cc_cubic, &tcp_cc_bbr, &tcp_cc_dctcp, NULL };
