#ifndef FOLDER_H
#define FOLDER_H

/*
 * The output of pfanout --to with a template: a file for each value, in one
 * folder.  One thread's.
 */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"

#define FOLDER_FILES 256 /* open at a time */
#define FOLDER_WHY_SIZE (NAME_MAX + 80)

struct ctx;
struct folder;
struct name_template;
struct parcel;

/* What became of a record. */
struct folder_fate {
	bool written;
	bool failed;        /* if it is not: by the disk, not by its name */
	enum reason reason; /* of the dead letter, if it is not written */
	char why[FOLDER_WHY_SIZE];
};

/* What one folder_write() has done. */
struct folder_result {
	uint64_t bytes; /* written */
	int error;      /* 0, or that of a file that failed */
	char why[FOLDER_WHY_SIZE];
};

/*
 * The template and the names of the dead-letter file and the span file (NULL:
 * there is none) must outlive the folder.  No record is written to these files,
 * nor to those beside the dead-letter file.  NULL with errno.
 */
struct folder *folder_new(
    const struct name_template *, const char *dead_letter, const char *trace_file);
void folder_free(struct folder *);

/* Closes the files: each is opened by its name again when it is needed. */
void folder_reopen(struct folder *);

/* From now on folder_sync() answers for what is written. */
void folder_keep(struct folder *);

/*
 * Syncs what has been written since then, also what was in files that have been
 * closed: then the whole file system, as each of many files would cost some
 * milliseconds.  Blocks for the disk.  -1 with errno, for good: that was not
 * possible.
 */
int folder_sync(struct folder *);

/*
 * Writes the records of the parcel, each to its file; fate[i] says what became
 * of record i.  Blocks for the disk only.
 */
struct folder_result folder_write(
    struct folder *, struct ctx *, const struct parcel *, struct folder_fate *fate);

#endif
