/* In the place of slirp's process, where libslirp was not there when weft was built. */
#include "host/uplink.h"

int uplink_proc_start(const struct uplink_config *cfg, pid_t *pid, int *sock, struct ctl_error *err)
{
	return ctl_error_set(err, -ENOSYS, "this weft was built without libslirp; install libslirp-dev and build it anew (`make clean all`)");
}
