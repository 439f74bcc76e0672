/*
 * from-kafka and to-kafka: the two ends of a pipeline that are topics of Kafka.
 * pfanin and pfanout start them, pchan-engines(7).
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "engine/helper.h"
#include "from.h"
#include "to.h"

static const char from_help[] =
    "usage: from-kafka 'kafka://HOST[:PORT][,HOST[:PORT]...]/TOPIC[,TOPIC...]?OPTION=VALUE&...'\n"
    "\n"
    "Prints the records of topics; pfanin starts it for a kafka:// input.\n"
    "\n"
    "  group=NAME        be a member of this consumer group, and commit what is finished\n"
    "  offset=beginning  where to begin if nothing is committed: beginning or end;\n"
    "                    without a group also N, or -N for the last N of each partition\n"
    "  end=1             stop at the end of all partitions\n"
    "  meta=NAME         put topic, partition, offset, timestamp and key into a member\n"
    "  config=FILE       librdkafka's settings, lines of name=value; passwords go here\n"
    "  tls=1             connect with TLS\n"
    "  client=NAME       our name for the servers (pchan)\n"
    "\n"
    "See pchan-engines(7).\n";

static const char to_help[] =
    "usage: to-kafka 'kafka://HOST[:PORT][,HOST[:PORT]...]/TOPIC?OPTION=VALUE&...'\n"
    "\n"
    "Sends records to a topic; pfanout starts it for --to kafka://....\n"
    "\n"
    "  key=PATH          the value at this path is the record's key, such as .customer\n"
    "  compression=TYPE  none (the default), gzip, snappy, lz4 or zstd\n"
    "  config=FILE       librdkafka's settings, lines of name=value; passwords go here\n"
    "  tls=1             connect with TLS\n"
    "  client=NAME       our name for the servers (pchan)\n"
    "\n"
    "See pchan-engines(7).\n";

int
main(int argc, char **argv)
{
	bool to = strcmp(program_invocation_short_name, "to-kafka") == 0;
	const char *url = helper_begin(argc, argv, to ? to_help : from_help);

	/* librdkafka's threads may still run, and need what they use. */
	_exit(to ? to_run(url) : from_run(url));
}
