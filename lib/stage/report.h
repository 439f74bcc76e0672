#ifndef PCHAN_REPORT_H
#define PCHAN_REPORT_H

/*
 * A stage's numbers in words: what -v, -P and SIGUSR1 print.  All of it is
 * formatted into the caller's buffer, cut off where it does not fit, without a
 * newline at the end; nothing is printed here.  Any thread.
 */

#include <stddef.h>
#include <stdint.h>

struct stage;

#define REPORT_SIZE 1024 /* enough for each of them */

/* "received 1000, processed 997, ...": the last line of -v. */
void report_totals(const struct stage *, char *line, size_t size);

/*
 * The progress line: records, rate (records/s), where the records are, failed;
 * and percent with the time left, if in_size, the bytes of the input file, is
 * not 0.
 */
void report_progress(const struct stage *, uint64_t in_size, double rate, char *line, size_t size);

/*
 * "3 of 1000 records failed (2 timeout, 1 invalid); ...", or for a stage that
 * collects dead letters "12 dead letters are in ...".  Returns 0, and leaves
 * the buffer alone, if there are none.
 */
int report_failures(const struct stage *, char *line, size_t size);

/*
 * "not written, and lost: 3 records, ...": all that was read and could not be
 * written.  Returns 0, and leaves the buffer alone, if nothing was lost.
 */
int report_losses(const struct stage *, char *line, size_t size);

/*
 * What was left in the input pipe when the stage stopped reading.  Returns 0,
 * and leaves the buffer alone, if that was nothing.
 */
int report_unread(const struct stage *, char *line, size_t size);

/*
 * What the user may have got wrong, and the remedy, as far as the input and the
 * workers show it: a constant text, or NULL.
 */
const char *report_hint(const struct stage *);

#endif
