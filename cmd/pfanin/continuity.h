#ifndef CONTINUITY_H
#define CONTINUITY_H

/*
 * What is known about a followed file, and what it means: whether what was read
 * goes on where the reading was, and when the reading of a file that has lost
 * its name ends.  Pure functions.
 */

#include <stdbool.h>
#include <stdint.h>

/* What was seen after a read. */
struct read_facts {
	uint64_t offset;  /* where the read began */
	uint64_t n;       /* bytes that came */
	uint64_t size;    /* of the file, after the read */
	bool same_before; /* what is before the offset is what was read there */
	bool same_read;   /* what is at the offset is what came */
};

enum continuity {
	CONTINUES, /* what came goes on with what was read before */
	CUT_AFTER, /* the same, and then the file was truncated */
	CUT_BEFORE /* what came is of another text: the file was truncated */
};

enum continuity continuity_of(const struct read_facts *);

/* Whether some process has a file open for writing. */
enum writers { WRITERS_NONE, WRITERS_SOME, WRITERS_UNKNOWN };

enum parting {
	PART_NOW,     /* read what there is, and close it */
	PART_LATER,   /* look again after PARTING_SILENCE */
	PART_ON_EVENT /* look again when something happens to it */
};

/*
 * How long a file without a name is looked after at least: a writer may have
 * been about to open it when it lost the name.
 */
#define PARTING_LINGER (200 * INT64_C(1000000))

/* The same where nobody may know who has it open. */
#define PARTING_SILENCE (60 * INT64_C(1000000000))

/* The file, which has no name, has been silent for so many ns. */
enum parting parting_of(enum writers, int64_t silent);

#endif
