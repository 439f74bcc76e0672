/* pdeadletter list: prints a line for each letter. */

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "job.h"
#include "store.h"
#include "text.h"

static void
print_row(const char *failed, const char *id, const char *stage, const char *reason,
    const char *tries, const char *replays, const char *message, size_t width)
{
	char *line;

	if (asprintf(&line, "%-19s  %-36s  %-12s  %-12s  %5s  %7s  %s", failed, id, stage, reason,
		tries, replays, message) == -1)
		errx(2, "out of memory");
	utf8_tame(line, strlen(line), "");
	text_line(line, width);
	free(line);
}

static void
print_letter_row(const struct item *e, size_t width)
{
	char failed[TEXT_TIME_SIZE];
	char *stage = text_of(&e->view.stage), *reason = text_of(&e->view.reason),
	     *tries = text_of(&e->view.attempts), *replays = text_of(&e->view.replays),
	     *id = text_of(&e->view.id), *message = text_of(&e->view.message);

	text_time(e->failed, failed);
	print_row(failed, id, stage, reason, tries, replays, message, width);
	free(stage);
	free(reason);
	free(tries);
	free(replays);
	free(id);
	free(message);
}

int
job_list(struct job *job)
{
	struct store_how how = {.skip_foreign = job->skip_foreign};
	struct store *store = store_open(job->files, &how);
	size_t width = text_width();
	struct item e;
	bool any = false;

	while (job->select.limit > 0 && !ferror(stdout) && store_next(store, &e)) {
		if (!select_takes(&job->select, &e))
			continue;
		if (job->json)
			fwrite(e.line, 1, e.len + 1, stdout);
		else {
			if (!any)
				print_row("FAILED", "ID", "STAGE", "REASON", "TRIES", "REPLAYS",
				    "MESSAGE", width);
			print_letter_row(&e, width);
		}
		any = true;
	}
	return store_close(store);
}
