#include "stage/cli.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/shortage.h"
#include "engine/url.h"
#include "metrics/statfile.h"
#include "record/deadfile.h"
#include "stage/inputs.h"
#include "stage/monitor.h"
#include "stage/options.h"
#include "stage/pipeline.h"
#include "stage/report.h"
#include "stage/samefile.h"
#include "stage/signals.h"
#include "stage/stage.h"
#include "stage/tracing.h"
#include "sync/ctx.h"
#include "sync/log.h"

/* for the last lines, after a signal */
#define LAST_WORDS CLOCK_S

void
cli_check_descriptors(void)
{
	if (fcntl(STDERR_FILENO, F_GETFD) == -1 && open("/dev/null", O_RDONLY) != STDERR_FILENO &&
	    fcntl(STDERR_FILENO, F_GETFD) == -1)
		_exit(2);
	if (fcntl(STDIN_FILENO, F_GETFD) == -1)
		errx(2, "standard input is closed");
	if (fcntl(STDOUT_FILENO, F_GETFD) == -1)
		errx(2, "standard output is closed");
}

/*
 * The first call of arc4random(3) may end the process without a word, where
 * there is no entropy to have: now, while no record is held.
 */
static void
seed_random(void)
{
	char byte;
	int fd;

	if (getrandom(&byte, 1, GRND_NONBLOCK) == -1) {
		if ((fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC)) == -1)
			err(2, "no random numbers: /dev/urandom");
		close(fd);
	}
	arc4random_buf(&byte, sizeof(byte));
}

void
cli_begin(void)
{
	cli_check_descriptors();
	signals_block();
	seed_random();
}

void
cli_say(const char *line)
{
	warnx("%s", line);
}

const struct options_command *
cli_command(int *argc, char ***argv, const struct options_command *c)
{
	char **words = *argv;
	/* A word that is being completed is no command yet. */
	bool completes = *argc > 3 && options_complete(*argc, words);
	char *name = *argc > 1 ? words[completes ? 2 : 1] : NULL;

	while (c->name != NULL && (name == NULL || strcmp(c->name, name) != 0))
		c++;
	if (c->name == NULL)
		return NULL;
	if (completes) {
		words[2] = words[1];
		words[1] = name;
	}
	++*argv;
	--*argc;
	return c;
}

int
cli_parse(struct options *opt, int argc, char **argv, const struct options_tool *tool)
{
	int operands = options_parse(opt, argc, argv, tool);

	if (operands == -1 && tool->command != NULL)
		errx(2, "%s: %s", tool->command->name, opt->error);
	if (operands == -1)
		errx(2, "%s", opt->error);
	if (opt->answer == NULL)
		return operands;
	if (fputs(opt->answer, stdout) == EOF || fclose(stdout) == EOF)
		err(2, "standard output");
	exit(0);
}

void
cli_check_files(const struct options *opt, const struct samefile *more, size_t n)
{
	struct samefile *files = calloc(4 + n, sizeof(*files));
	char error[REPORT_SIZE];
	size_t used = 0;

	if (files == NULL)
		errx(2, "out of memory");
	files[used++] =
	    (struct samefile){.role = "standard output", .fd = STDOUT_FILENO, .written = true};
	files[used++] = (struct samefile){.role = "standard input", .fd = STDIN_FILENO};
	if (opt->dead_letter != NULL)
		files[used++] = (struct samefile){.role = "dead-letter file",
		    .path = opt->dead_letter,
		    .written = true,
		    .series = true};
	if (opt->trace_file != NULL)
		files[used++] = (struct samefile){
		    .role = "span file", .path = opt->trace_file, .written = true};
	for (size_t i = 0; i < n; i++)
		if (more[i].path != NULL && !url_is(more[i].path))
			files[used++] = more[i];
	if (samefile_check(files, used, error, sizeof(error)) == -1) {
		cli_say(error);
		exit(2);
	}
	free(files);
}

/* Why the pipeline did not start. */
static void
name_unstarted(struct stage *st, const struct processor *procs, size_t n, int error)
{
	for (size_t i = 0; i < n; i++) {
		if (procs[i].error == 0)
			continue;
		snprintf(st->error, sizeof(st->error), "cannot open the %s: %s", procs[i].name,
		    strerror(error));
		return;
	}
	snprintf(st->error, sizeof(st->error), "cannot create a thread: %s", shortage_text(error));
}

/*
 * Lines of several workers must not get into each other, and neither must they
 * and the progress line.
 */
static int
start_log(struct stage *st, const struct processor *procs, size_t n)
{
	bool several = st->opt->progress;
	int error;

	for (size_t i = 0; i < n; i++)
		several = several || procs[i].workers > 1;
	if (log_start(several) == 0)
		return 0;
	error = errno;
	name_unstarted(st, procs, n, error);
	ctx_cancel(st->root);
	errno = error;
	return -1;
}

/* Starts the monitor and the pipeline, and waits for both. */
static int
run_watched(struct stage *st, struct processor *procs, size_t n, int *sig)
{
	struct monitor *monitor;
	struct pipeline *pipeline;
	int error;

	if ((monitor = monitor_start(st, STDOUT_FILENO, cli_say)) == NULL) {
		error = errno;
		snprintf(
		    st->error, sizeof(st->error), "cannot watch signals: %s", shortage_text(error));
		ctx_cancel(st->root);
		errno = error;
		return -1;
	}
	if ((st->begin != NULL && st->begin(st->begin_arg) == -1) || tracing_start(st) == -1) {
		error = errno;
		snprintf(st->error, sizeof(st->error), "cannot create a thread: %s",
		    shortage_text(error));
		ctx_cancel(st->root);
		monitor_stop(monitor);
		errno = error;
		return -1;
	}
	if ((pipeline = pipeline_start(st->root, procs, n, st->opt->buffer)) == NULL) {
		error = errno;
		name_unstarted(st, procs, n, error);
		monitor_stop(monitor);
		errno = error;
		return -1;
	}
	pipeline_join(pipeline);
	if (st->finish != NULL) {
		monitor_leave_output(monitor);
		st->finish(st->finish_arg);
	}
	*sig = monitor_stop(monitor);
	return 0;
}

int
cli_run(struct stage *st, struct processor *procs, size_t n, int *sig)
{
	int result, error;

	if (start_log(st, procs, n) == -1)
		return -1;
	if (st->warn_metrics)
		cli_say(st->no_metrics);
	if (*st->no_traces != '\0')
		cli_say(st->no_traces);
	for (size_t i = 0; st->tracing != NULL && i < st->tracing->settings.warnings; i++)
		cli_say(st->tracing->settings.warning[i]);
	if ((result = run_watched(st, procs, n, sig)) == -1) {
		error = errno;
		log_stop(CLOCK_NEVER); /* there is little in it, if anything */
		errno = error;
	}
	return result;
}

static void
report_end(const struct stage *st, int sig)
{
	const char *hint = report_hint(st);
	char line[REPORT_SIZE];

	/* With marks the source knows where to go on. */
	if (sig != 0 && !st->opt->quiet && !stage_is_marked(st) &&
	    report_stop(st, sig, line, sizeof(line)))
		cli_say(line);
	if (*st->error != '\0')
		cli_say(st->error);
	for (unsigned i = 0; i < st->more_errors; i++)
		cli_say(st->more[i]);
	if (!st->hung_up && report_losses(st, line, sizeof(line)))
		cli_say(line);
	if (!st->opt->quiet && !st->hung_up) {
		if (report_failures(st, line, sizeof(line)))
			cli_say(line);
		if (hint != NULL)
			cli_say(hint);
	}
	if (report_unread(st, line, sizeof(line)))
		cli_say(line);
	if (st->opt->verbose && *st->no_metrics != '\0' && !st->warn_metrics)
		cli_say(st->no_metrics);
	if (st->opt->verbose) {
		report_totals(st, line, sizeof(line));
		cli_say(line);
	}
}

static int
exit_status(const struct stage *st)
{
	if (st->status != 0)
		return st->status;
	if (st->unread > 0)
		return 2;
	return metrics_failed(st->metrics) > 0 ||
	    (st->collects && metrics_get(st->metrics, METRIC_BYPASSED) > 0);
}

/*
 * What is left in the log gets a moment.  If nobody reads it for that long, a
 * stage that was stopped leaves it; any other waits as every program does that
 * writes to a full pipe.  Nothing is left to be done then, so the next stage
 * need not wait, and a signal that stops a stage ends the process.
 */
static void
end_log(bool stopped)
{
	sigset_t stops;

	if (log_stop(clock_after(clock_now(), LAST_WORDS)) || stopped)
		return;
	close(STDOUT_FILENO);
	sigemptyset(&stops);
	sigaddset(&stops, SIGINT);
	sigaddset(&stops, SIGTERM);
	pthread_sigmask(SIG_UNBLOCK, &stops, NULL);
	log_stop(CLOCK_NEVER);
}

int
cli_end(struct stage *st, int sig)
{
	bool hung_up = st->hung_up, lost;
	char spans[REPORT_SIZE];
	int status;

	stage_settle(st);
	/* Not before: somebody may have written to a pipe until now. */
	st->unread = inputs_leave(st->inputs);
	status = exit_status(st);
	lost = st->unread > 0;
	tracing_stop(st, status, hung_up ? SIGPIPE : lost ? 0 : sig, spans, sizeof(spans));
	report_end(st, sig);
	if (*spans != '\0' && !hung_up)
		cli_say(spans);
	end_log(sig != 0 || hung_up);
	statfile_end(st->stat,
	    hung_up || (sig != 0 && !lost) ? EXIT_SIGNAL
		: status == 0              ? EXIT_OK
		: status == 1              ? EXIT_RECORDS
					   : EXIT_ERROR);
	stage_free(st);
	if (hung_up)
		signals_die_of(SIGPIPE);
	if (sig != 0 && !lost)
		signals_die_of(sig);
	return status;
}
