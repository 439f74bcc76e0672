#ifndef ENGINE_H
#define ENGINE_H

/*
 * An input that is the URL of an engine: its helper from-SCHEME, which prints
 * records and marks, and is told what is done; engine/giver.h has the protocol.
 *
 * The threads that read call `come` and `said`, by way of `control`.  Those who
 * have the lock of engines.h call the functions.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/control.h"
#include "metrics/said.h"
#include "proc/child.h"
#include "stage/input.h"
#include "tokens.h"

/*
 * What is called when a token has come, behind records that end at this offset.
 * False: it is none.
 */
struct engine;
typedef bool engine_come(void *arg, struct engine *, const char *token, size_t len, uint64_t end);

/* What is called when the helper has said a number (metrics/said.h). */
typedef void engine_said(void *arg, struct engine *, const char *text, size_t len);

struct engine {
	engine_come *come;
	engine_said *said_line;
	void *arg;
	const char *url;
	struct child child;
	bool marks; /* it has marks */
	bool asked; /* to stop */
	bool gone;  /* its exit is known */
	char prefix[CONTROL_PREFIX_SIZE];
	struct input_control control;
	const struct input *input;
	struct said said;
	struct tokens tokens;
	char owed[TOKEN_SIZE]; /* done, but its pipe was full; "": nothing */
};

/*
 * Starts the helper at this path for the URL, and waits for its first line.
 * Ends the process with a message if the helper does not come so far.
 */
void engine_start(
    struct engine *e, engine_come *come, engine_said *said, void *arg, const char *url, char *path);

/* Tells the helper what is done, later where its pipe is full. */
void engine_done(struct engine *, const char *token);

/* The same, once its pipe has room again. */
void engine_send_owed(struct engine *);

/*
 * The helper has exited: reaps it.  Returns what is wrong with that, static
 * until the next call; NULL: nothing.
 */
const char *engine_reap(struct engine *);

#endif
