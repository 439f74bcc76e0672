#include "trace/tracer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "trace/otlp.h"
#include "trace/settings.h"
#include "trace/span.h"
#include "trace/spanfile.h"

#include "t.h"

#define MINUTES (600 * CLOCK_S)

static const unsigned char uuid[16] = {1};
static const struct context run_context = {.trace_id = {1}, .span_id = {2}};
static const struct otlp_stage stage = {"pfanout", "enrich", "", uuid, 1, &run_context};
static char folder[] = "/tmp/t_tracer.XXXXXX";

/* A tracer, and what it is given. */
struct setup {
	struct settings settings;
	struct otlp *otlp;
	struct spanfile *file;
	struct tracer *tracer;
	_Atomic uint64_t written, dropped;
	/* These are the thread's, until it has ended. */
	uint64_t heard, misheard;
	int reader; /* of the FIFO */
};

/* By the thread: of a record's span that was written. */
static void
hear(void *arg, const struct span *span, int64_t offset)
{
	struct setup *s = arg;

	s->heard++;
	s->misheard += span->ended < span->begun ||
	    llabs(clock_calendar() * 1000 - (clock_now() + offset)) > CLOCK_S;
}

/* Begins to write to this file, or to a FIFO that nobody reads yet. */
static void
begin(struct setup *s, const char *path, size_t queue, size_t batch, int64_t delay)
{
	*s = (struct setup){.settings = {.queue = queue, .batch = batch, .delay = delay}};
	(void)unlink("file");
	(void)unlink("fifo");
	CHECK(mkfifo("fifo", 0600) == 0);
	s->reader = open("fifo", O_RDONLY | O_NONBLOCK);
	s->otlp = otlp_new(&s->settings, &stage);
	s->file = spanfile_open(path);
	CHECK(s->file != NULL);
	s->tracer = tracer_start(&s->settings, s->otlp, s->file,
	    &(struct tracer_counters){&s->written, &s->dropped},
	    &(struct tracer_listener){hear, s});
	CHECK(s->tracer != NULL);
}

static struct tracer_counts
end(struct setup *s, const struct span *run, int64_t deadline)
{
	static const struct otlp_attribute given[] = {{"pchan.received", NULL, 12}};
	struct tracer_counts counts = tracer_stop(s->tracer, run, given, 1, deadline);

	CHECK(atomic_load(&s->written) == counts.written);
	CHECK(atomic_load(&s->dropped) == counts.dropped);
	/* Of the run's span nothing is told. */
	CHECK(s->misheard == 0);
	CHECK(
	    s->heard == counts.written - (run != NULL && counts.error == 0), "%" PRIu64, s->heard);
	spanfile_close(s->file);
	otlp_free(s->otlp);
	close(s->reader);
	return counts;
}

static struct span *
new_span(size_t input_len)
{
	struct span *s = span_new();

	s->context = run_context;
	s->begun = s->ended = clock_now();
	if (input_len > 0) {
		s->input = malloc(input_len + 1);
		memset(s->input, 'x', input_len);
		s->input[input_len] = '\0';
	}
	return s;
}

static void
put_one(struct setup *s, size_t input_len)
{
	struct span *span = new_span(input_len);

	tracer_put(s->tracer, span, 1);
	free(span);
}

static void
put(struct setup *s, size_t n)
{
	while (n-- > 0)
		put_one(s, 0);
}

/* How many times the text is in the bytes that the descriptor has now. */
static uint64_t
count_text(int fd, const char *text)
{
	static char bytes[1 << 16];
	size_t held = 0, len = strlen(text);
	uint64_t n = 0;
	ssize_t got;

	while ((got = read(fd, bytes + held, sizeof(bytes) - held)) > 0) {
		const char *at = bytes, *found;

		held += (size_t)got;
		for (; (found = memmem(at, held - (size_t)(at - bytes), text, len)) != NULL; n++)
			at = found + len;
		/* Of what is left the end may be the start of the text. */
		got = (ssize_t)(held - (size_t)(at - bytes));
		if ((size_t)got >= len)
			got = (ssize_t)len - 1;
		memmove(bytes, bytes + held - got, (size_t)got);
		held = (size_t)got;
	}
	return n;
}

static uint64_t
count_in_file(const char *text)
{
	int fd = open("file", O_RDONLY);
	uint64_t n = count_text(fd, text);

	close(fd);
	return n;
}

#define SPAN "{\"traceId\":"

enum { THREADS = 4, PUTS = 5000 };

static void *
putting_main(void *arg)
{
	put(arg, PUTS);
	return NULL;
}

/* Several threads put spans: each is in the file, or was dropped. */
static void
test_threads(size_t queue, size_t batch)
{
	struct tracer_counts counts;
	pthread_t thread[THREADS];
	struct setup s;

	begin(&s, "file", queue, batch, CLOCK_MS);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&thread[i], NULL, putting_main, &s) == 0);
	for (int i = 0; i < 1000; i++) {
		counts = (struct tracer_counts){
		    .written = atomic_load(&s.written), .dropped = atomic_load(&s.dropped)};
		CHECK(counts.written + counts.dropped <= (uint64_t)THREADS * PUTS);
	}
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	counts = end(&s, NULL, CLOCK_NEVER);
	CHECK(counts.all == (uint64_t)THREADS * PUTS);
	CHECK(counts.written + counts.dropped == (uint64_t)THREADS * PUTS,
	    "%" PRIu64 " written, %" PRIu64 " dropped", counts.written, counts.dropped);
	CHECK(counts.written == count_in_file(SPAN) && counts.error == 0);
	CHECK(counts.written > 0);
	if (queue >= (size_t)THREADS * PUTS)
		CHECK(counts.dropped == 0);
	CHECK(count_in_file("resourceSpans") == count_in_file("\n"));
}

static bool
is_readable(const struct setup *s, int ms)
{
	struct pollfd p = {.fd = s->reader, .events = POLLIN};

	return poll(&p, 1, ms) == 1 && (p.revents & POLLIN) != 0;
}

/* Waits until so many spans are written, for 10 s at most. */
static bool
wait_for(const struct setup *s, uint64_t written)
{
	for (int i = 0; i < 10000 && atomic_load(&s->written) != written; i++)
		(void)poll(NULL, 0, 1);
	return atomic_load(&s->written) == written;
}

/* A full batch is written at once, others after the delay, or in the end. */
static void
test_when(void)
{
	struct tracer_counts counts;
	struct setup s;

	begin(&s, "fifo", 100, 10, MINUTES);
	put(&s, 10);
	CHECK(is_readable(&s, 10000) && count_text(s.reader, SPAN) == 10);
	put(&s, 9);
	CHECK(!is_readable(&s, 20));
	put(&s, 1);
	CHECK(is_readable(&s, 10000) && count_text(s.reader, SPAN) == 10);
	put(&s, 3);
	CHECK(wait_for(&s, 20));
	counts = end(&s, NULL, CLOCK_NEVER);
	CHECK(counts.written == 23 && counts.dropped == 0);

	begin(&s, "fifo", 100, 10, CLOCK_MS);
	put(&s, 1);
	CHECK(is_readable(&s, 10000) && count_text(s.reader, SPAN) == 1);
	put(&s, 1);
	CHECK(is_readable(&s, 10000) && count_text(s.reader, SPAN) == 1);
	counts = end(&s, NULL, CLOCK_NEVER);
	CHECK(counts.written == 2);

	/* Of a larger batch 256 are enough, in several lines. */
	begin(&s, "file", 2048, 512, MINUTES);
	put(&s, 255);
	(void)poll(NULL, 0, 20);
	CHECK(atomic_load(&s.written) == 0);
	put(&s, 1);
	CHECK(wait_for(&s, 256));
	counts = end(&s, NULL, CLOCK_NEVER);
	CHECK(counts.written == 256 && count_in_file("\n") == 4);

	/* While the thread wakes the queue has room for as many again, */
	begin(&s, "file", 300, 300, MINUTES);
	put(&s, 75);
	CHECK(wait_for(&s, 75));
	counts = end(&s, NULL, CLOCK_NEVER);
	CHECK(counts.written == 75);

	/* but a batch is no larger than the queue. */
	begin(&s, "fifo", 5, 10, MINUTES);
	put(&s, 5);
	CHECK(is_readable(&s, 10000) && count_text(s.reader, SPAN) == 5);
	counts = end(&s, NULL, CLOCK_NEVER);
	CHECK(counts.written == 5);
}

/* A reader that does not read: the queue is full, and nobody waits. */
static void
test_full_queue(void)
{
	struct tracer_counts counts;
	struct span *run = new_span(0);
	uint64_t found = 0;
	struct setup s;
	int64_t begun;

	begin(&s, "fifo", 50, 1, 0);
	put_one(&s, 1 << 18); /* more than a pipe holds */
	CHECK(is_readable(&s, 10000));
	put(&s, 80);
	counts = (struct tracer_counts){
	    .written = atomic_load(&s.written), .dropped = atomic_load(&s.dropped)};
	CHECK(counts.written == 0 && counts.dropped == 30, "%" PRIu64, counts.dropped);
	/* It reads: all that was not dropped is there. */
	for (int i = 0; i < 10000 && atomic_load(&s.written) < 51; i++)
		if (is_readable(&s, 1))
			found += count_text(s.reader, SPAN);
	found += count_text(s.reader, SPAN);
	CHECK(found == 51, "%" PRIu64, found);
	/* It stops again, and so do we: no later than the deadline says. */
	put_one(&s, 1 << 18);
	CHECK(is_readable(&s, 10000));
	put(&s, 20);
	begun = clock_now();
	counts = end(&s, run, begun + 20 * CLOCK_MS);
	CHECK(clock_now() - begun < 5 * CLOCK_S);
	CHECK(
	    counts.written == 51 && counts.dropped == 30 + 1 + 20 + 1, "%" PRIu64, counts.dropped);
	CHECK(counts.error == ETIMEDOUT);
	span_free(run);
}

/* The run's span is the last one; a batch may need several lines. */
static void
test_run(void)
{
	struct span *run = new_span(0);
	struct tracer_counts counts;
	struct setup s;

	begin(&s, "file", 100, 100, MINUTES);
	for (int i = 0; i < 10; i++)
		put_one(&s, OTLP_LINE_MAX / 4);
	put_one(&s, 2 * OTLP_LINE_MAX);
	put_one(&s, 1);
	counts = end(&s, run, CLOCK_NEVER);
	CHECK(counts.written == 13 && counts.dropped == 0);
	CHECK(
	    count_in_file(SPAN) == 13 && count_in_file("\n") == 7, "%" PRIu64, count_in_file("\n"));
	CHECK(count_in_file("\"name\":\"pfanout enrich\",\"kind\":1,\"attributes\":[{\"key\":"
			    "\"pchan.received\",\"value\":{\"intValue\":\"12\"}}]") == 1);
	span_free(run);
	/* Nothing at all: no line. */
	begin(&s, "file", 100, 100, MINUTES);
	counts = end(&s, NULL, CLOCK_NEVER);
	CHECK(counts.written == 0 && counts.dropped == 0 && count_in_file("\n") == 0);
}

/* The calendar's time is what is written. */
static void
test_time(void)
{
	char text[64];
	struct span *run = new_span(0);
	int64_t now = run->begun + clock_offset();
	struct setup s;
	bool found = false;

	CHECK(llabs(clock_calendar() * 1000 - (clock_now() + clock_offset())) < CLOCK_S);
	begin(&s, "file", 1, 1, 0);
	(void)end(&s, run, CLOCK_NEVER);
	/* To the 100 us. */
	for (int64_t i = -10; i <= 10; i++) {
		snprintf(text, sizeof(text), "\"startTimeUnixNano\":\"%" PRId64, now / 100000 + i);
		found = found || count_in_file(text) == 1;
	}
	CHECK(found);
	span_free(run);
}

/* What can't be written is dropped, and the first error is kept. */
static void
test_error(void)
{
	struct tracer_counts counts;
	struct setup s;

	begin(&s, "fifo", 100, 10, MINUTES);
	close(s.reader);
	put(&s, 25);
	counts = end(&s, NULL, CLOCK_NEVER);
	CHECK(counts.written == 0 && counts.dropped == 25 && counts.error == EPIPE, "%d",
	    counts.error);
	/* The deadline is over before the thread has begun. */
	begin(&s, "file", 100, 100, MINUTES);
	put(&s, 25);
	counts = end(&s, NULL, 0);
	CHECK(counts.written == 0 && counts.dropped == 25 && counts.error == 0);
}

/* The thread has all signals blocked that can be. */
static void
test_signals(void)
{
	char path[300], line[200];
	const struct dirent *entry;
	unsigned long long blocked = 0, most = 0;
	struct setup s;
	DIR *d;

	begin(&s, "file", 10, 10, MINUTES);
	d = opendir("/proc/self/task");
	while ((entry = readdir(d)) != NULL) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/self/task/%s/status", entry->d_name);
		if (*entry->d_name == '.' || atoi(entry->d_name) == (int)getpid() ||
		    (f = fopen(path, "r")) == NULL)
			continue;
		while (fgets(line, sizeof(line), f) != NULL)
			if (sscanf(line, "SigBlk: %llx", &blocked) == 1 && blocked > most)
				most = blocked;
		fclose(f);
	}
	closedir(d);
	CHECK((most & 0x7fff) == (0x7fff & ~(1ULL << (SIGKILL - 1))), "%llx", most);
	(void)end(&s, NULL, CLOCK_NEVER);
}

/* What putting costs: told, as machines differ. */
static void
test_cost(void)
{
	enum { N = 100000 };
	struct span **spans = calloc(N, sizeof(*spans));
	struct tracer_counts counts;
	struct setup s;
	int64_t begun;

	for (int i = 0; i < N; i++)
		spans[i] = new_span(0);
	begin(&s, "file", N, 512, CLOCK_S);
	begun = clock_now();
	for (int i = 0; i < N; i++)
		tracer_put(s.tracer, spans[i], 1);
	printf("%" PRId64 " ns a put", (clock_now() - begun) / N);
	counts = end(&s, NULL, CLOCK_NEVER);
	printf(", %" PRId64 " ns a span written\n", (clock_now() - begun) / N);
	CHECK(counts.written == N);
	for (int i = 0; i < N; i++)
		free(spans[i]);
	free(spans);
}

int
main(void)
{
	char command[64];

	if (mkdtemp(folder) == NULL || chdir(folder) == -1)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	test_threads((size_t)THREADS * PUTS, 512);
	test_threads(64, 16);
	test_threads(1, 1);
	test_when();
	test_full_queue();
	test_run();
	test_time();
	test_error();
	test_signals();
	test_cost();
	snprintf(command, sizeof(command), "cd / && rm -rf %s", folder);
	CHECK(system(command) == 0);
	return t_end();
}
