#ifndef WIRE_H
#define WIRE_H

/*
 * The connections of libcurl, and when they need attention: one descriptor for
 * poll(2), whatever their number, and a time.
 *
 * For one thread.
 */

#include <stdint.h>
#include <curl/curl.h>

struct wire;

/*
 * Up to n connections, kept open; done(arg, easy, code) is called by wire_run()
 * for each transfer that has ended.  Ends the process if that can't be had.
 */
struct wire *wire_new(long n, void (*done)(void *arg, CURL *, CURLcode), void *arg);
void wire_free(struct wire *);

/* Begins a transfer.  -1: no memory. */
int wire_add(struct wire *, CURL *);

int wire_fd(const struct wire *);

/* When wire_run() is due at the latest, monotonic ns; or CLOCK_NEVER. */
int64_t wire_due(const struct wire *);

/* Does what can be done; does not block. */
void wire_run(struct wire *);

#endif
