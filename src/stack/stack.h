/* The composition root's one instance: what a whole weft is made of. */
#ifndef STACK_STACK_H
#define STACK_STACK_H

#include "core/stack_tables.h"

extern const struct stack_tables stack_tables;
extern const struct subsys *const stack_subsys[]; /* in order of birth, NULL at the end */

#endif
