#ifndef POST_H
#define POST_H

/*
 * A connection over which requests are posted, one after the other (HTTP/1.1
 * with keep-alive, or what libcurl agrees upon), and what was answered.
 *
 * For one thread.
 */

#include <stddef.h>
#include <stdint.h>

struct endpoint;
struct post;

/* As much of the answer's body as is kept. */
#define POST_BODY 65536

struct post_answer {
	long status;          /* of HTTP; 0: there is none, as `error` says */
	char error[256];      /* "Connection refused" */
	char retry_after[64]; /* the header, or "" */
	char *body;           /* with a NUL behind it; the post's */
	size_t len;
};

/*
 * What may end the wait for an answer.  attend() is called when one of the
 * descriptors is readable, and at first; it returns until when (monotonic ns)
 * the answer is waited for.
 */
struct post_wait {
	int fd[2]; /* -1: none */
	int64_t (*attend)(void *arg);
	void *arg;
};

/*
 * A connection to the endpoint, which must outlive it, with this Content-Type;
 * nothing is connected yet, and no descriptor open, which libcurl would pass on
 * to a command that is started now.  NULL and *why: a text of the library, or
 * NULL for lack of memory.
 */
struct post *post_new(const struct endpoint *, const char *type, const char **why);

/* NULL does nothing. */
void post_free(struct post *);

/*
 * Posts the data and waits for the answer, or its end.  -1 with errno ENOMEM:
 * nothing is posted then.  The answer's body lives until the next call.
 */
int post_send(
    struct post *, const char *data, size_t len, const struct post_wait *, struct post_answer *);

#endif
