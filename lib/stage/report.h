#ifndef PCHAN_REPORT_H
#define PCHAN_REPORT_H

/*
 * A stage's numbers in words: what -v, -P and SIGUSR1 print.  Everything is formatted
 * into the caller's buffer, without a newline; nothing is printed here.
 */

#include <stddef.h>
#include <stdint.h>

struct stage;

#define REPORT_SIZE 1024

/* received, processed, filtered, failed by reason, ..., seconds, records/s */
void report_totals(const struct stage *, char *line, size_t size);

/*
 * The progress line: records, rate, backlog, in flight, failed, and percent with the time left
 * when in_size (bytes of the input file; 0: unknown) is given.  rate is in records/s.
 */
void report_progress(const struct stage *, uint64_t in_size, double rate, char *line, size_t size);

/*
 * "3 of 1000 records failed (2 timeout, 1 invalid); ..."; of a stage that collects letters
 * "12 dead letters are in ...".  Returns 0, and no line, if there are none.
 */
int report_failures(const struct stage *, char *line, size_t size);

#endif
