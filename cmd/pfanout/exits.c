#include "exits.h"

#include <string.h>

#include "base/units.h"

#define TEMPORARY_FAILURE 75 /* EX_TEMPFAIL */
#define DATA_ERROR 65        /* EX_DATAERR */

int
exit_list_parse(struct exit_list *list, const char *text, const char **why)
{
	*why = "exit statuses from 1 to 255, such as 1 or 1,3, or none";
	*list = (struct exit_list){.given = true};
	if (strcmp(text, "none") == 0)
		return 0;
	return units_statuses(text, 1, list->has);
}

int
exits_settle(struct exits *e)
{
	if (!e->retry.given)
		e->retry.has[TEMPORARY_FAILURE] =
		    !e->ok.has[TEMPORARY_FAILURE] && !e->reject.has[TEMPORARY_FAILURE];
	if (!e->reject.given)
		e->reject.has[DATA_ERROR] = !e->ok.has[DATA_ERROR] && !e->retry.has[DATA_ERROR];
	for (int i = 1; i < 256; i++)
		if (e->ok.has[i] + e->retry.has[i] + e->reject.has[i] > 1)
			return i;
	return 0;
}

enum exit_meaning
exits_mean(const struct exits *e, int status)
{
	if (status == 0 || e->ok.has[status])
		return MEANS_SUCCESS;
	if (e->retry.has[status])
		return MEANS_RETRY;
	return e->reject.has[status] ? MEANS_REJECT : MEANS_FAILURE;
}
