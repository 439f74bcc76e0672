#ifndef T_H
#define T_H

/*
 * What the C tests share: CHECK prints where and what, the test goes on, and
 * main() ends with `return t_end();`.
 */

#include <stdio.h>

static int t_checks, t_failures;

#define CHECK(cond, ...)                                                                         \
	(t_checks++,                                                                             \
	    (cond) ? 0                                                                           \
		   : (t_failures++, fprintf(stderr, "%s:%d: %s\n\t", __FILE__, __LINE__, #cond), \
			 fprintf(stderr, " " __VA_ARGS__), fputc('\n', stderr), 1))

static inline int
t_end(void)
{
	printf("%d checks, %d failures\n", t_checks, t_failures);
	return t_failures != 0 || t_checks == 0;
}

#endif
