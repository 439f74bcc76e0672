#ifndef REDIS_FAULT_H
#define REDIS_FAULT_H

/*
 * What an error that Redis replies means for us.  Errors begin with a word in
 * capitals.
 */

enum fault {
	FAULT_SERVER, /* the server can't work at present, or is no primary */
	FAULT_LATER,  /* this command may succeed later */
	FAULT_FINAL,  /* nobody but a person can mend it */
	FAULT_GROUP,  /* the stream has no such group */
	FAULT_SIZE,   /* the record is too large */
	FAULT_OTHER,  /* an error that we don't know */
};

enum fault fault_of(const char *error);

#endif
