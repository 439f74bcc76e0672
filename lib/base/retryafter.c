#include "base/retryafter.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

int64_t
retryafter_read(const char *text, int64_t now)
{
	struct tm tm = {0};
	char *end;
	int64_t s;

	if (isdigit((unsigned char)*text)) {
		s = strtoll(text, &end, 10);
		if (*end != '\0')
			return -1;
	} else {
		if ((end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm)) == NULL ||
		    *end != '\0')
			return -1;
		s = timegm(&tm) - now;
	}
	if (s < 0)
		s = 0;
	return s > RETRYAFTER_MOST / CLOCK_S ? RETRYAFTER_MOST : s * CLOCK_S;
}
