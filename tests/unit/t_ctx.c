#include "sync/ctx.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

#include "base/clock.h"
#include "sync/park.h"
#include "t.h"

#define SOON (5 * CLOCK_MS)

/* The lowest descriptor that is free. */
static int
free_fd(void)
{
	int fd = dup(STDIN_FILENO);

	close(fd);
	return fd;
}

static void
wait_until(int64_t deadline)
{
	struct parker p;

	park_init(&p);
	park_wait(&p, deadline);
}

static void
test_tree(void)
{
	struct ctx *root = ctx_new(NULL, CLOCK_NEVER), *left = ctx_new(root, CLOCK_NEVER);
	struct ctx *right = ctx_new(root, CLOCK_NEVER), *leaf = ctx_new(left, CLOCK_NEVER), *late;

	CHECK(ctx_state(root) == CTX_LIVE && ctx_state(leaf) == CTX_LIVE);
	ctx_cancel(left);
	ctx_cancel(left);
	CHECK(ctx_state(left) == CTX_CANCELLED);
	CHECK(ctx_state(leaf) == CTX_CANCELLED, "what is below is cancelled");
	CHECK(ctx_state(root) == CTX_LIVE, "what is above is not");
	CHECK(ctx_state(right) == CTX_LIVE, "nor what is beside");
	late = ctx_new(leaf, CLOCK_NEVER);
	CHECK(ctx_state(late) == CTX_CANCELLED, "below a cancelled context");

	ctx_free(late);
	ctx_free(leaf);
	ctx_free(left);
	ctx_cancel(root);
	CHECK(ctx_state(right) == CTX_CANCELLED);
	ctx_free(right);
	ctx_free(root);
	ctx_free(NULL);
}

static void
test_deadline(void)
{
	int64_t soon = clock_now() + SOON;
	struct ctx *root = ctx_new(NULL, soon), *later = ctx_new(root, soon + CLOCK_S);
	struct ctx *never = ctx_new(root, CLOCK_NEVER), *past = ctx_new(root, 0);
	struct ctx *late;

	CHECK(ctx_deadline(root) == soon);
	CHECK(ctx_deadline(later) == soon, "the parent's is earlier");
	CHECK(ctx_deadline(never) == soon);
	CHECK(ctx_deadline(past) == 0);
	CHECK(ctx_state(past) == CTX_TIMED_OUT);
	wait_until(soon);
	CHECK(ctx_state(later) == CTX_TIMED_OUT);
	CHECK(ctx_state(root) == CTX_TIMED_OUT);
	late = ctx_new(never, CLOCK_NEVER);
	CHECK(ctx_state(late) == CTX_TIMED_OUT, "below a context that has timed out");
	ctx_free(late);
	ctx_free(past);
	ctx_free(never);
	ctx_free(later);
	ctx_free(root);
}

/* The state says which came first, the cancel or the deadline. */
static void
test_first_reason_stays(void)
{
	struct ctx *timed_out = ctx_new(NULL, 0), *cancelled = ctx_new(NULL, clock_now() + SOON);

	ctx_cancel(timed_out);
	CHECK(ctx_state(timed_out) == CTX_TIMED_OUT, "timed out before, though never asked");
	ctx_cancel(cancelled);
	/* If the machine stopped for a while, the deadline came first. */
	if (ctx_state(cancelled) == CTX_CANCELLED) {
		wait_until(ctx_deadline(cancelled));
		CHECK(ctx_state(cancelled) == CTX_CANCELLED);
	}
	ctx_free(timed_out);
	ctx_free(cancelled);
}

/* A context has one descriptor of its own, and only if it is polled. */
static void
test_fd(void)
{
	struct ctx *c = ctx_new(NULL, CLOCK_NEVER);
	int before = free_fd(), after;

	CHECK(before != -1, "stdin is closed");
	CHECK(ctx_poll(c, NULL, 0, 0) == 0);
	after = free_fd();
	CHECK(after > before, "opened by the first poll");
	CHECK(ctx_poll(c, NULL, 0, 0) == 0);
	CHECK(free_fd() == after, "and by no other");
	ctx_free(c);
	CHECK(free_fd() == before, "closed with the context");
}

static void
test_watch(void)
{
	struct ctx *root = ctx_new(NULL, CLOCK_NEVER), *child = ctx_new(root, CLOCK_NEVER);
	struct parker p, gone;
	struct waiter w, gone_w;

	park_init(&p);
	park_init(&gone);
	ctx_watch(child, &gone_w, &gone);
	ctx_watch(child, &w, &p);
	ctx_unwatch(child, &gone_w);
	CHECK(!park_wait(&p, 0));
	ctx_cancel(root);
	CHECK(park_wait(&p, 0));
	CHECK(!park_wait(&gone, 0));
	ctx_unwatch(child, &w);
	ctx_watch(child, &w, &p);
	CHECK(park_wait(&p, 0), "done already");
	ctx_unwatch(child, &w);
	ctx_free(child);
	ctx_free(root);
}

static void
test_poll(void)
{
	struct ctx *c = ctx_new(NULL, CLOCK_NEVER);
	struct pollfd fds[CTX_POLL_MAX + 1];
	int64_t soon;
	int pipefd[2], i;

	CHECK(pipe(pipefd) == 0);
	for (i = 0; i <= CTX_POLL_MAX; i++)
		fds[i] = (struct pollfd){.fd = -1, .events = POLLIN};
	fds[CTX_POLL_MAX - 1].fd = pipefd[0];
	errno = 0;
	CHECK(ctx_poll(c, fds, CTX_POLL_MAX + 1, 0) == -1 && errno == EINVAL);

	soon = clock_now() + SOON;
	CHECK(ctx_poll(c, fds, CTX_POLL_MAX, soon) == 0);
	CHECK(clock_now() >= soon);
	CHECK(ctx_poll(c, NULL, 0, 0) == 0);

	CHECK(write(pipefd[1], "x", 1) == 1);
	CHECK(ctx_poll(c, fds, CTX_POLL_MAX, CLOCK_NEVER) == 1);
	CHECK(fds[CTX_POLL_MAX - 1].revents == POLLIN);
	CHECK(ctx_poll(c, fds, CTX_POLL_MAX, 0) == 1, "looks even when the time has passed");

	ctx_cancel(c);
	CHECK(ctx_poll(c, fds, CTX_POLL_MAX, CLOCK_NEVER) == 0, "done counts more than an event");
	CHECK(fds[CTX_POLL_MAX - 1].revents == 0);
	close(pipefd[0]);
	close(pipefd[1]);
	ctx_free(c);

	c = ctx_new(NULL, clock_now() + SOON);
	CHECK(ctx_poll(c, NULL, 0, CLOCK_NEVER) == 0, "the context's own deadline");
	CHECK(ctx_state(c) == CTX_TIMED_OUT);
	ctx_free(c);
}

/* A thread in ctx_poll(), and what it returned. */
struct poller {
	struct ctx *ctx;
	int fd;
	int result;
};

static void *
poll_forever(void *arg)
{
	struct poller *p = arg;
	struct pollfd fd = {.fd = p->fd, .events = POLLIN};

	p->result = ctx_poll(p->ctx, &fd, 1, CLOCK_NEVER);
	return NULL;
}

/* Given a moment, the poller falls asleep first; either way it must return. */
static void
test_poll_is_cancelled(int64_t moment)
{
	struct ctx *root = ctx_new(NULL, CLOCK_NEVER), *child = ctx_new(root, CLOCK_NEVER);
	struct poller p = {.ctx = child, .fd = -1, .result = 99};
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, poll_forever, &p) == 0);
	wait_until(clock_now() + moment);
	ctx_cancel(root);
	pthread_join(thread, NULL);
	CHECK(p.result == 0, "%d", p.result);
	ctx_free(child);
	ctx_free(root);
}

static atomic_int signals;

static void
count_signal(int signo)
{
	(void)signo;
	signals++;
}

static void
test_poll_is_interrupted(void)
{
	struct sigaction action = {.sa_handler = count_signal};
	struct poller p = {.ctx = ctx_new(NULL, CLOCK_NEVER), .result = 99};
	pthread_t thread;
	int pipefd[2];

	sigaction(SIGUSR1, &action, NULL);
	CHECK(pipe(pipefd) == 0);
	p.fd = pipefd[0];
	CHECK(pthread_create(&thread, NULL, poll_forever, &p) == 0);
	while (signals < 100) {
		pthread_kill(thread, SIGUSR1);
		sched_yield();
	}
	CHECK(write(pipefd[1], "x", 1) == 1);
	pthread_join(thread, NULL);
	CHECK(p.result == 1, "%d", p.result);
	close(pipefd[0]);
	close(pipefd[1]);
	ctx_free(p.ctx);
}

/* Children come and go below a root that is cancelled in the meantime. */
static void *
make_children(void *arg)
{
	struct ctx *root = arg, *child, *leaf;
	int made = 0;

	do {
		child = ctx_new(root, CLOCK_NEVER);
		leaf = ctx_new(child, CLOCK_NEVER);
		if (++made % 2 == 0)
			ctx_cancel(child);
		ctx_free(leaf);
		ctx_free(child);
	} while (ctx_state(root) == CTX_LIVE || made < 1000);
	return NULL;
}

static void
test_children_come_and_go(void)
{
	struct ctx *root = ctx_new(NULL, CLOCK_NEVER);
	pthread_t threads[3];
	int i;

	for (i = 0; i < 3; i++)
		CHECK(pthread_create(&threads[i], NULL, make_children, root) == 0);
	ctx_cancel(root);
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	CHECK(ctx_state(root) == CTX_CANCELLED);
	ctx_free(root);
}

int
main(void)
{
	alarm(60);
	test_tree();
	test_deadline();
	test_first_reason_stays();
	test_fd();
	test_watch();
	test_poll();
	test_poll_is_cancelled(0);
	test_poll_is_cancelled(SOON);
	test_poll_is_interrupted();
	test_children_come_and_go();
	return t_end();
}
