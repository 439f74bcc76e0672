/*
 * A record that comes alone is written by the thread that sends it, if the sink
 * has nothing to do, if its turn has come, and if the write does not block.
 * What is written while the sink's thread is held in a signal handler was
 * written by who sends.
 */

#include "stage/sink.h"

#include <fcntl.h>
#include <poll.h>
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

static int held[2], released[2]; /* pipes */

static void
hold(int sig)
{
	char c = 0;

	(void)sig;
	(void)!write(held[1], &c, 1);
	(void)!read(released[0], &c, 1);
}

static void
freeze(struct fixture *f)
{
	char c;

	CHECK(pthread_kill(f->thread, SIGUSR1) == 0 && read(held[0], &c, 1) == 1);
}

static void
thaw(void)
{
	CHECK(write(released[1], "", 1) == 1);
}

static void
send(struct fixture *f, const struct record *r)
{
	CHECK(record_sendn(f->chan, f->stage.root, r, 1, NULL) == CHAN_OK);
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

/* Whether there are bytes to read now. */
static bool
has_bytes(struct fixture *f)
{
	struct pollfd p = {.fd = f->out, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

/*
 * Sends records from this seq on until one is written while the sink's thread
 * is frozen, as it slept.  It stays frozen.  Returns the next seq.
 */
static uint64_t
freeze_idle(struct fixture *f, uint64_t seq)
{
	struct record r;
	bool taken = false;

	for (int i = 0; i < TRIES; i++, seq++) {
		r = record(f, seq, RECORD_DATA, "probe");
		freeze(f);
		send(f, &r);
		taken = has_bytes(f);
		if (!taken)
			thaw();
		CHECK(comes(f, "probe\n"));
		if (taken)
			return seq + 1;
	}
	CHECK(taken, "no record");
	freeze(f);
	return seq;
}

/* A record that its sender does not write, though the sink's thread sleeps. */
static void
test_refused(struct fixture *f, uint64_t seq, enum record_kind kind, const char *text)
{
	struct record r = record(f, seq, kind, text);

	send(f, &r);
	CHECK(!has_bytes(f) && chan_len(f->chan) > 0, "%s", text);
}

static void
test_alone(void)
{
	struct fixture f;
	struct record r;
	uint64_t seq;

	begin(&f, false);
	r = record(&f, 0, RECORD_DATA, "zero");
	send(&f, &r);
	CHECK(!has_bytes(&f), "nobody runs");
	start(&f);
	CHECK(comes(&f, "zero\n"));
	seq = freeze_idle(&f, 1);
	CHECK(metrics_own(f.sink.shard, METRIC_WRITTEN) == seq, "it is counted");
	test_refused(&f, seq, RECORD_LETTER, "{}");
	test_refused(&f, seq + 1, RECORD_DATA, "behind it");
	thaw();
	CHECK(comes(&f, "{}\nbehind it\n"));
	/* A run is an item, too. */
	seq = freeze_idle(&f, seq + 2);
	r = record(&f, seq, RECORD_RUN, "1\n2");
	r.lines = 2;
	r.reserved = record_weight(2, r.len + 1);
	send(&f, &r);
	CHECK(has_bytes(&f) && comes(&f, "1\n2\n"));
	CHECK(metrics_own(f.sink.shard, METRIC_WRITTEN) == seq + 2);
	thaw();
	end(&f);
}

/* What does not fit the pipe waits in the channel, and its sender goes on. */
static void
test_full(void)
{
	char text[PIPE + 1] = "";
	struct fixture f;
	struct record r;
	uint64_t seq;

	begin(&f, false);
	start(&f);
	seq = freeze_idle(&f, 0);
	memset(text, 'x', PIPE - 1);
	r = record(&f, seq, RECORD_DATA, text);
	send(&f, &r);
	CHECK(has_bytes(&f));
	r = record(&f, seq + 1, RECORD_DATA, "one");
	send(&f, &r);
	CHECK(chan_len(f.chan) == 1, "it waits");
	text[PIPE - 1] = '\n';
	CHECK(comes(&f, text));
	thaw();
	CHECK(comes(&f, "one\n"));
	end(&f);
}

static void
test_order(void)
{
	struct fixture f;
	uint64_t seq;

	begin(&f, true);
	start(&f);
	seq = freeze_idle(&f, 0);
	test_refused(&f, seq + 1, RECORD_DATA, "two");
	thaw();
	while (chan_len(f.chan) > 0)
		sched_yield();
	freeze(&f);
	test_refused(&f, seq, RECORD_DATA, "one");
	thaw();
	CHECK(comes(&f, "one\ntwo\n"));
	(void)freeze_idle(&f, seq + 2);
	thaw();
	end(&f);
}

/* The reader has gone: that is for the sink's thread. */
static void
test_no_reader(void)
{
	struct fixture f;
	struct record r;
	uint64_t seq;

	begin(&f, false);
	start(&f);
	seq = freeze_idle(&f, 0);
	close(f.out);
	r = record(&f, seq, RECORD_DATA, "one");
	send(&f, &r);
	CHECK(chan_len(f.chan) == 1 && ctx_state(f.stage.root) == CTX_LIVE);
	thaw();
	pthread_join(f.thread, NULL);
	CHECK(ctx_state(f.stage.root) == CTX_CANCELLED);
	r = record(&f, seq + 1, RECORD_DATA, "two");
	send(&f, &r);
	CHECK(chan_len(f.chan) == 1, "it has ended, and the channel has room");
	CHECK(record_tryrecvn(f.chan, &r, 1, &(size_t){0}) == CHAN_OK);
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
	signal(SIGUSR1, hold);
	CHECK(pipe(held) == 0 && pipe(released) == 0);
	test_alone();
	test_full();
	test_order();
	test_no_reader();
	return t_end();
}
