#ifndef LABEL_H
#define LABEL_H

/*
 * The member that --tag adds to an object: "NAME":"input".  One thread's.
 */

#include <stddef.h>

struct labels;

/* For a NAME.  NULL with errno: EINVAL (it is not UTF-8), ENOMEM. */
struct labels *labels_new(const char *name);
void labels_free(struct labels *);

/*
 * The member for an input, *len bytes, valid until the next call.  What is not
 * UTF-8 in the input's name is U+FFFD in the member.  The name is known by its
 * address.  NULL without memory.
 */
const char *labels_get(struct labels *, const char *input, size_t *len);

#endif
