#ifndef PCHAN_KAFKA_CONFFILE_H
#define PCHAN_KAFKA_CONFFILE_H

/*
 * The file of config=: librdkafka's settings, one in a line, as kcat -F reads
 * them.  Passwords stand there, so no message shows a value.
 *
 *	# comment
 *	name=value
 *
 * The main thread's.
 */

#include <librdkafka/rdkafka.h>

/*
 * Sets what the file says.  Where it cannot be read or is wrong, the process
 * ends with status 2 and a message with the line.
 */
void conffile_read(rd_kafka_conf_t *, const char *path);

#endif
