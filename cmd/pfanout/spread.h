#ifndef SPREAD_H
#define SPREAD_H

/*
 * pfanout --to: spreads records over outputs.  A router (router.c) checks the
 * records, says which output each one goes to, and hands them over in parcels;
 * each output has a thread that writes them (delivery.c).  Both send dead
 * letters to the sink, which writes only those, and the records for standard
 * output.
 *
 * Marks are held until all before them has ended (marks.h), wherever that is;
 * then the sink gives each output its share (shares.h), which the output passes
 * on (passing.h).
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "stage/sink.h"
#include "stage/stage.h"

struct dispatch;
struct folder;
struct json_path;
struct name_template;
struct output;
struct processor;
struct shares;

/* Which output has a record. */
enum policy {
	BY_READY,       /* whichever can take it */
	BY_ROUND_ROBIN, /* one after the other */
	BY_KEY,         /* the same key, the same output */
	BY_COPY,        /* all */
	BY_NAME,        /* a file for each value: the one output */
	BY_DEFAULT,     /* nothing was said: key with --key, else ready */
};

struct spread {
	/* What the command line says. */
	struct name_template **to; /* --to, n of them */
	const char **paths;        /* the same: where one is, or its text */
	unsigned n;
	bool has_template; /* one of them has a placeholder */
	enum policy by;
	struct json_path *key;

	struct stage *stage;
	size_t shard; /* the router's; those of the outputs follow */
	struct output *outputs;
	struct dispatch *dispatch;
	struct folder *folder;    /* BY_NAME */
	struct shares *shares;    /* of marks */
	struct sink_others marks; /* for the sink */
	_Atomic unsigned reopens; /* SIGHUPs so far */
	unsigned to_stdout;       /* BY_COPY: which is standard output; or n */
};

/*
 * Ends the process, with a message and status 2, if the outputs can't be used;
 * before any is created.
 */
void spread_check(const struct spread *, const struct options *);

/* Opens the outputs, and creates files; ends the process where it can't. */
void spread_open(struct spread *, struct stage *, size_t shard);

/* Closes and frees what there is. */
void spread_close(struct spread *);

/* How many threads it has: the router, and one for each output. */
unsigned spread_threads(const struct spread *);

/* The descriptors that they need. */
size_t spread_fds(const struct spread *);

/* The processor; the spread must outlive the pipeline. */
struct processor spread_processor(struct spread *);

#endif
