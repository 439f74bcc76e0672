#ifndef PCHAN_FEED_H
#define PCHAN_FEED_H

/*
 * The feed of a reading thread of the source (source.h): records are taken from
 * the inputs, and put into a batch that is sent on.  An order, in which several
 * inputs are read, is made of these functions.  One thread's.
 */

#include <stdbool.h>
#include <stdint.h>

struct ctx;
struct feed;
struct input;
struct record;
struct source;
struct stage;

/* For this thread of the source, from 0.  NULL with errno ENOMEM. */
struct feed *feed_new(struct source *, unsigned thread);
void feed_free(struct feed *);

struct source *feed_source(const struct feed *);
struct stage *feed_stage(const struct feed *);

/* inputs_next() (inputs.h).  Where that fails, the stage is aborted. */
struct input *feed_next(struct feed *, struct ctx *, int64_t deadline);

/*
 * Reads once from an input that is ready.  What came is to be taken.  An input
 * that is over, that fails (told, and status 2 in the end), or that must not be
 * read any more, has ended then.
 */
void feed_read(struct feed *, struct input *);

/* Reads no more from an input, although it may have more. */
void feed_stop(struct feed *, struct input *);

/*
 * Takes the next record of an input that has been read.  False: no whole line
 * is there, the input is to be armed again unless it has ended.  The record is
 * counted as received, or as bypassed if it is a dead letter; one that fails
 * the source's check is dead.
 */
bool feed_take(struct feed *, struct input *, struct record *);

/*
 * Puts a record of the input into the batch that is sent next; a full batch is
 * sent, which may block.  Once the stage has ended records are freed.
 */
void feed_put(struct feed *, const struct input *, const struct record *);

/* Sends the batch. */
void feed_send(struct feed *);

/* Takes all that has been read of an input, and sends it on. */
void feed_pass_on(struct feed *, struct input *);

#endif
