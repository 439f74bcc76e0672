/*
 * A result that comes alone is written by the thread that has it, if the sink
 * has nothing to do, if its turn has come, and if the write does not block.
 */

#include "stage/sink.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record/record.h"
#include "stage/budget.h"
#include "stage/pipeline.h"
#include "stage/stage.h"
#include "sync/chan.h"
#include "sync/ctx.h"
#include "t.h"
#include "t_setup.h"

CHAN_OF(record, struct record)

#define PIPE 4096 /* bytes that the pipe holds */
#define TRIES 1000

struct fixture {
	struct options opt;
	struct stage stage;
	struct sink sink;
	struct processor processor;
	struct chan *chan;
	int out; /* where the output is read */
	void *state;
	pthread_t thread;
};

static void *
run(void *arg)
{
	struct fixture *f = arg;

	f->processor.run(f->state, f->stage.root, f->chan, NULL);
	return NULL;
}

static void
begin(struct fixture *f, bool keep_order)
{
	int fds[2];

	*f = (struct fixture){.opt = {.max_record = PIPE}};
	t_setup(&f->stage, &f->opt, 100, 1 << 20);
	f->stage.keep_order = keep_order;
	CHECK(pipe(fds) == 0 && fcntl(fds[1], F_SETPIPE_SZ, PIPE) == PIPE);
	f->out = fds[0];
	f->sink = (struct sink){
	    .stage = &f->stage, .shard = metrics_shard(f->stage.metrics, 0), .fd = fds[1]};
	f->processor = sink_processor(&f->sink);
	f->chan = record_chan_new(8);
	CHECK(f->processor.open(&f->processor, 0, &f->state) == 0);
}

static void
start(struct fixture *f)
{
	CHECK(pthread_create(&f->thread, NULL, run, f) == 0);
}

static void
end(struct fixture *f)
{
	chan_close(f->chan);
	pthread_join(f->thread, NULL);
	f->processor.close(f->state);
	close(f->sink.fd);
	close(f->out);
	chan_free(f->chan);
	stage_free(&f->stage);
}

static struct record
record(struct fixture *f, uint64_t seq, enum record_kind kind, const char *text)
{
	struct record r;

	CHECK(record_copy(&r, text, strlen(text)) == 0);
	r.seq = seq;
	r.kind = kind;
	r.reserved = r.len + 1;
	CHECK(budget_reserve(f->stage.budget, f->stage.root, 1, r.reserved) == 0);
	return r;
}

/* Offers until the sink's thread waits. */
static void
offer(struct fixture *f, uint64_t seq, const char *text)
{
	struct record r = record(f, seq, RECORD_DATA, text);

	while (!sink_offer(&f->sink, &r))
		sched_yield();
}

/* Whether it is refused, also when the sink's thread waits. */
static bool
is_refused(struct fixture *f, uint64_t seq, enum record_kind kind, const char *text)
{
	struct record r = record(f, seq, kind, text);

	for (int i = 0; i < TRIES; i++) {
		if (sink_offer(&f->sink, &r))
			return false;
		sched_yield();
	}
	CHECK(record_sendn(f->chan, f->stage.root, &r, 1, NULL) == CHAN_OK);
	return true;
}

/* Whether these bytes come. */
static bool
comes(struct fixture *f, const char *text)
{
	char got[PIPE];
	size_t len = strlen(text), n = 0;
	ssize_t some;

	for (; n < len && (some = read(f->out, got + n, len - n)) > 0; n += (size_t)some)
		continue;
	return n == len && memcmp(got, text, len) == 0;
}

static void
test_alone(void)
{
	struct fixture f;
	struct record r;

	begin(&f, false);
	r = record(&f, 0, RECORD_DATA, "zero");
	CHECK(!sink_offer(&f.sink, &r), "nobody runs");
	CHECK(record_sendn(f.chan, f.stage.root, &r, 1, NULL) == CHAN_OK);
	r = record(&f, 1, RECORD_DATA, "one");
	CHECK(!sink_offer(&f.sink, &r));
	start(&f);
	CHECK(comes(&f, "zero\n"));
	while (!sink_offer(&f.sink, &r))
		sched_yield();
	CHECK(comes(&f, "one\n"));
	CHECK(metrics_own(f.sink.shard, METRIC_WRITTEN) == 2);
	CHECK(is_refused(&f, 2, RECORD_LETTER, "{}") && comes(&f, "{}\n"));
	offer(&f, 3, "three");
	CHECK(comes(&f, "three\n"));
	end(&f);
}

/* What does not fit the pipe waits in the channel, and its sender goes on. */
static void
test_full(void)
{
	struct fixture f;
	char text[PIPE] = "";

	begin(&f, false);
	start(&f);
	memset(text, 'x', PIPE - 1);
	offer(&f, 0, text);
	CHECK(is_refused(&f, 1, RECORD_DATA, "one"));
	text[PIPE - 1] = '\n';
	CHECK(comes(&f, "x"));
	memset(text, 'x', PIPE - 2);
	text[PIPE - 2] = '\n';
	text[PIPE - 1] = '\0';
	CHECK(comes(&f, text) && comes(&f, "one\n"));
	offer(&f, 2, "two");
	CHECK(comes(&f, "two\n"));
	end(&f);
}

static void
test_order(void)
{
	struct fixture f;

	begin(&f, true);
	start(&f);
	offer(&f, 0, "zero");
	CHECK(is_refused(&f, 2, RECORD_DATA, "two"), "one is missing");
	CHECK(is_refused(&f, 1, RECORD_DATA, "one"), "two would come with it");
	CHECK(comes(&f, "zero\none\ntwo\n"));
	offer(&f, 3, "three");
	CHECK(comes(&f, "three\n"));
	end(&f);
}

/* The reader has gone: that is for the sink's thread. */
static void
test_no_reader(void)
{
	struct fixture f;
	struct record r;

	begin(&f, false);
	start(&f);
	offer(&f, 0, "zero");
	close(f.out);
	CHECK(is_refused(&f, 1, RECORD_DATA, "one"));
	pthread_join(f.thread, NULL);
	CHECK(ctx_state(f.stage.root) == CTX_CANCELLED);
	r = record(&f, 2, RECORD_DATA, "two");
	CHECK(!sink_offer(&f.sink, &r), "it has ended");
	record_free(&r);
	f.processor.close(f.state);
	close(f.sink.fd);
	chan_free(f.chan);
	stage_free(&f.stage);
}

int
main(void)
{
	alarm(60);
	signal(SIGPIPE, SIG_IGN);
	test_alone();
	test_full();
	test_order();
	test_no_reader();
	return t_end();
}
