/* The filter language of inet_diag: comparisons of ports, addresses, device and mark, each with two ways on (linux/inet_diag.h).
 *
 * An instruction is 4 bytes: code, where to go on when it holds (`yes`), and when it does not (`no`), both in bytes from its
 * begin; some are followed by an operand. A program ends exactly at its end (kept) or anywhere behind it (passed over). The audit
 * proves that it only goes forward and only to instructions, so running needs no checks.
 */
#include <errno.h>

#include "control/diag/diag.h"

typedef struct inet_diag_bc_op op_t;
#define OP_LEN sizeof(op_t)
#define PROGRAM_MAX 65536u

static size_t operand_len(const op_t *op)
{
	switch (op->code) {
	case INET_DIAG_BC_S_GE:
	case INET_DIAG_BC_S_LE:
	case INET_DIAG_BC_S_EQ:
	case INET_DIAG_BC_D_GE:
	case INET_DIAG_BC_D_LE:
	case INET_DIAG_BC_D_EQ:
		return OP_LEN; /* the port is an instruction's `no` */
	case INET_DIAG_BC_DEV_COND:
		return sizeof(u32);
	case INET_DIAG_BC_MARK_COND:
		return sizeof(struct inet_diag_markcond);
	case INET_DIAG_BC_CGROUP_COND:
		return sizeof(u64);
	default:
		return 0;
	}
}

static bool host_ok(const op_t *op, size_t left)
{
	const struct inet_diag_hostcond *c = (const void *)(op + 1);
	size_t addr;

	if (left < OP_LEN + sizeof(*c))
		return false;
	addr = c->family == AF_INET ? 4 : c->family == AF_INET6 ? 16 : 0;
	if (!addr && c->family != AF_UNSPEC)
		return false;
	return c->prefix_len <= 8 * addr && left >= OP_LEN + sizeof(*c) + addr && op->yes >= OP_LEN + sizeof(*c) + addr;
}

/* Does byte `at` begin an instruction, walking by `yes`? */
static bool begins(const u8 *bc, size_t len, size_t at)
{
	for (size_t i = 0; i < len;) {
		const op_t *op = (const op_t *)(bc + i);

		if (i == at)
			return true;
		if (i > at || op->yes < OP_LEN || op->yes & 3)
			return false;
		i += op->yes;
	}
	return false;
}

int diag_bytecode_audit(const void *bc, size_t len, bool admin)
{
	const u8 *p = bc;

	if (len > PROGRAM_MAX)
		return -EINVAL;
	for (size_t i = 0; i < len;) {
		const op_t *op = (const op_t *)(p + i);
		size_t left = len - i, min = OP_LEN;

		if (left < OP_LEN)
			return -EINVAL;
		switch (op->code) {
		case INET_DIAG_BC_S_COND:
		case INET_DIAG_BC_D_COND:
			if (!host_ok(op, left))
				return -EINVAL;
			break;
		case INET_DIAG_BC_MARK_COND:
			if (!admin)
				return -EPERM;
			/* fallthrough */
		case INET_DIAG_BC_S_GE:
		case INET_DIAG_BC_S_LE:
		case INET_DIAG_BC_S_EQ:
		case INET_DIAG_BC_D_GE:
		case INET_DIAG_BC_D_LE:
		case INET_DIAG_BC_D_EQ:
		case INET_DIAG_BC_DEV_COND:
		case INET_DIAG_BC_CGROUP_COND:
			min += operand_len(op);
			break;
		case INET_DIAG_BC_AUTO:
		case INET_DIAG_BC_JMP:
		case INET_DIAG_BC_NOP:
			break;
		default:
			return -EINVAL;
		}
		if (left < min || op->yes < min || op->yes > left + 4 || op->yes & 3)
			return -EINVAL;
		if (op->code != INET_DIAG_BC_NOP) {
			if (op->no < OP_LEN || op->no > left + 4 || op->no & 3)
				return -EINVAL;
			if (op->no < left && !begins(p, len, i + op->no))
				return -EINVAL;
		}
		if (op->yes > left)
			return -EINVAL; /* a program is never kept by running past its end */
		i += op->yes;
	}
	return 0;
}

static bool prefix_match(const u8 *a, const u8 *b, unsigned bits)
{
	if (memcmp(a, b, bits / 8))
		return false;
	return !(bits % 8) || !((a[bits / 8] ^ b[bits / 8]) & (0xffu << (8 - bits % 8) & 0xff));
}

static bool host_match(const op_t *op, const struct diag_entry *e)
{
	const struct inet_diag_hostcond *c = (const void *)(op + 1);
	bool src = op->code == INET_DIAG_BC_S_COND;
	const struct inaddr *a = src ? e->saddr : e->daddr;

	if (c->port != -1 && c->port != (src ? e->sport : e->dport))
		return false;
	if (c->family == AF_UNSPEC)
		return true;
	if (c->family == AF_INET) /* a mapped address of an IPv6 socket counts as what it is */
		return inaddr_is_v4(a) && prefix_match(a->b + 12, (const u8 *)c->addr, c->prefix_len);
	return e->family == AF_INET6 && prefix_match(a->b, (const u8 *)c->addr, c->prefix_len);
}

bool diag_bytecode_run(const void *bc, size_t len, const struct diag_entry *e)
{
	const u8 *p = bc;
	size_t i = 0;

	while (i < len) {
		const op_t *op = (const op_t *)(p + i);
		const struct inet_diag_markcond *mark = (const void *)(op + 1);
		bool yes = true;

		switch (op->code) {
		case INET_DIAG_BC_JMP:
			yes = false;
			break;
		case INET_DIAG_BC_S_EQ:
			yes = e->sport == op[1].no;
			break;
		case INET_DIAG_BC_S_GE:
			yes = e->sport >= op[1].no;
			break;
		case INET_DIAG_BC_S_LE:
			yes = e->sport <= op[1].no;
			break;
		case INET_DIAG_BC_D_EQ:
			yes = e->dport == op[1].no;
			break;
		case INET_DIAG_BC_D_GE:
			yes = e->dport >= op[1].no;
			break;
		case INET_DIAG_BC_D_LE:
			yes = e->dport <= op[1].no;
			break;
		case INET_DIAG_BC_AUTO: /* the port was chosen for it */
			yes = !(e->userlocks & 8);
			break;
		case INET_DIAG_BC_S_COND:
		case INET_DIAG_BC_D_COND:
			yes = host_match(op, e);
			break;
		case INET_DIAG_BC_DEV_COND: {
			u32 want;
			memcpy(&want, op + 1, sizeof want);
			yes = (u32)e->ifindex == want;
			break;
		}
		case INET_DIAG_BC_MARK_COND:
			yes = (e->mark & mark->mask) == mark->mark;
			break;
		case INET_DIAG_BC_CGROUP_COND: /* nothing is in a control group here */
			yes = false;
			break;
		default:
			break;
		}
		i += yes ? op->yes : op->no;
	}
	return i == len;
}
