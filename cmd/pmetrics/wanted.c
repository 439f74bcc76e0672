#include "wanted.h"

#include <ctype.h>
#include <err.h>
#include <string.h>

#include "base/hex.h"
#include "stage/options.h"
#include "usage.h"

#define DIGITS_LEAST 4 /* that are taken for an id */

/*
 * The first digits of a trace id, or a traceparent, which has one inside.  A
 * file with such a name is ./NAME.
 */
static bool
read_id(const char *operand, char id[WANTED_DIGITS + 1])
{
	size_t len = strlen(operand);
	struct context context;

	if (context_read(operand, len, &context)) {
		hex_print(context.trace_id, sizeof(context.trace_id), id);
		return true;
	}
	if (len < DIGITS_LEAST || len > WANTED_DIGITS ||
	    strspn(operand, "0123456789abcdefABCDEF") < len)
		return false;
	for (size_t i = 0; i < len; i++)
		id[i] = (char)tolower((unsigned char)operand[i]);
	id[len] = '\0';
	return true;
}

void
wanted_parse(struct wanted *w, int argc, char **argv)
{
	const struct option_row rows[] = {
	    {0, "slowest", "N", "draw the N slowest traces, the slowest first", OPTION_NUMBER,
		OPTION_FIELD(w->slowest), .min = 1, .max = 1000000},
	    {0, "failed", NULL, "only traces in which a span has failed", OPTION_FLAG,
		OPTION_FIELD(w->failed)},
	    {0, "json", NULL, "print a line of JSON for each trace", OPTION_FLAG,
		OPTION_FIELD(w->json)},
	    {0},
	};
	char id[WANTED_DIGITS + 1];

	for (int i = usage_parse(argc, argv, rows, NULL, OPERAND_FILE); i < argc; i++) {
		if (!read_id(argv[i], id)) {
			w->file[w->files++] = argv[i];
			continue;
		}
		if (*w->id != '\0')
			errx(2, "trace: one trace at a time, not %s and %s", w->id, id);
		strcpy(w->id, id);
	}
	if (*w->id != '\0' && (w->slowest > 0 || w->failed))
		errx(2, "trace: %s and the id of a trace exclude each other",
		    w->slowest > 0 ? "--slowest" : "--failed");
}
