#include "base/alike.h"

#include <stdint.h>
#include <string.h>

#define LETTERS_MAX 63

static size_t
least(size_t a, size_t b, size_t c)
{
	size_t d = a < b ? a : b;

	return d < c ? d : c;
}

size_t
alike_distance(const char *a, const char *b)
{
	/* cost[i][j]: from the first i letters of a to the first j of b. */
	size_t cost[LETTERS_MAX + 1][LETTERS_MAX + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > LETTERS_MAX || m > LETTERS_MAX)
		return SIZE_MAX;
	for (size_t i = 0; i <= n; i++)
		cost[i][0] = i;
	for (size_t j = 0; j <= m; j++)
		cost[0][j] = j;
	for (size_t i = 1; i <= n; i++)
		for (size_t j = 1; j <= m; j++) {
			cost[i][j] = least(cost[i - 1][j] + 1, cost[i][j - 1] + 1,
			    cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				cost[i][j] = least(cost[i][j], cost[i - 2][j - 2] + 1, SIZE_MAX);
		}
	return cost[n][m];
}

/* A word of three letters may have one wrong, one of six letters two. */
bool
alike_is(const char *word, const char *name)
{
	size_t distance = alike_distance(word, name), len = strlen(name);

	return distance <= 2 && distance * 3 <= len;
}
