/* pdeadletter show: prints letters for people, with their payload. */

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "base/hex.h"
#include "base/utf8.h"
#include "job.h"
#include "json/json.h"
#include "store.h"
#include "text.h"
#include "trace/carrier.h"

/* Prints the letter's value at a path, if there is one, after a name. */
static void
print_member(const struct item *e, const char *name, const char *path_text)
{
	const char *why;
	struct json_path *path = json_path_new(path_text, &why);
	struct json_slice value;
	char *text;

	if (path == NULL)
		errx(2, "%s", why);
	if (json_path_get(path, e->line, e->len, &value)) {
		text = text_of(&value);
		utf8_tame(text, strlen(text), "\n\t");
		printf("%-14s", name);
		for (char *line = text, *end; line != NULL; line = end) {
			if ((end = strchr(line, '\n')) != NULL)
				*end++ = '\0';
			if (end != NULL && *end == '\0')
				end = NULL; /* a last LF ends the line */
			printf("%*s%s\n", line == text ? 0 : 14, "", line);
		}
		free(text);
	}
	json_path_free(path);
}

/* The trace that the record belongs to. */
static void
print_trace(const char *payload, size_t len)
{
	struct carrier carrier;
	char id[2 * CONTEXT_TRACE_ID + 1];

	if (!json_check(payload, len, NULL))
		return;
	carrier_read(payload, len, &carrier);
	if (!carrier.found)
		return;
	hex_print(carrier.context.trace_id, CONTEXT_TRACE_ID, id);
	printf("%-14s%s\n", "trace", id);
}

static void
print_payload(const struct item *e, bool terminal)
{
	const char *payload;
	char *owned, *copy;
	size_t len;

	if (envelope_payload(e->line, e->len, &payload, &len, &owned) == -1) {
		warn("cannot decode the payload");
		return;
	}
	print_trace(payload, len);
	putchar('\n');
	copy = must(malloc(len + 1));
	memcpy(copy, payload, len);
	if (terminal)
		utf8_tame(copy, len, "\t");
	copy[len] = '\n';
	fwrite(copy, 1, len + 1, stdout);
	free(copy);
	free(owned);
}

static void
print_letter(const struct item *e, bool terminal)
{
	static const char *const members[][2] = {{"id", ".id"}, {"stage", ".stage"},
	    {"reason", ".reason"}, {"message", ".message"}, {"attempts", ".attempts"},
	    {"first failed", ".first_failed"}, {"failed", ".failed"}, {"replays", ".replays"},
	    {"input", ".input.name"}, {"line", ".input.line"}, {"offset", ".input.offset"},
	    {"length", ".input.length"}, {"worker", ".worker.slot"}, {"pid", ".worker.pid"},
	    {"exit", ".worker.exit"}, {"signal", ".worker.signal"}, {"stdout", ".worker.stdout"},
	    {"stderr", ".worker.stderr"}, {"stderr shared", ".worker.stderr_shared"},
	    {"about records", ".worker.shared.records"}, {"from line", ".worker.shared.first_line"},
	    {"to line", ".worker.shared.last_line"}, {"truncated", ".truncated"}};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		print_member(e, members[i][0], members[i][1]);
	print_payload(e, terminal);
}

int
job_show(struct job *job)
{
	struct store_how how = {.skip_foreign = job->skip_foreign};
	struct store *store = store_open(job->files, &how);
	/* Asked before anything is printed: it may change errno. */
	const bool terminal = isatty(STDOUT_FILENO);
	struct item e;
	size_t n = 0;
	int status;

	while (job->select.limit > 0 && !ferror(stdout) && store_next(store, &e)) {
		if (!select_takes(&job->select, &e))
			continue;
		if (job->json)
			fwrite(e.line, 1, e.len + 1, stdout);
		else {
			if (n > 0)
				puts("\n----");
			print_letter(&e, terminal);
		}
		n++;
	}
	if ((status = store_close(store)) != 0)
		return status;
	if (n == 0)
		warnx("no such letter");
	return n == 0;
}
