#ifndef TAG_H
#define TAG_H

/*
 * The processor of --tag: adds the name of its input to each record that is an
 * object.  One thread, so that records keep their order.
 */

struct pfanin;
struct processor;

/* `pi` must outlive the pipeline.  The thread's shard is SHARD_TAG. */
struct processor tag_processor(struct pfanin *pi);

#endif
