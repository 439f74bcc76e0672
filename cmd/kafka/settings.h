#ifndef PCHAN_KAFKA_SETTINGS_H
#define PCHAN_KAFKA_SETTINGS_H

/*
 * What the user has set, in the URL and in the file of config=, and what
 * librdkafka is given of that.
 *
 *	kafka://HOST[:PORT][,HOST[:PORT]...]/TOPIC[,TOPIC...]?OPTION=VALUE&...
 *
 * What cannot be is told, and the process ends with status 2.  The main
 * thread's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>

#include "engine/url.h"

struct settings {
	struct url url;  /* the texts below belong to it */
	char *hosts;     /* for bootstrap.servers */
	size_t n_topics; /* at least one */
	char **topic;
	char *config; /* path of a file of librdkafka's settings; or NULL */
	char *client;
	bool tls;
	rd_kafka_conf_t *conf; /* of settings_conf(), which returns copies */

	/* from-kafka */
	char *group;    /* NULL: all partitions, from `offset` on */
	int64_t offset; /* RD_KAFKA_OFFSET_BEGINNING, _END, _TAIL(N), or one */
	bool end;       /* stops at the end of all partitions */
	char *meta;     /* name of the member for topic, offset, ...; or NULL */

	/* to-kafka */
	char *key; /* a path; NULL: records have no key */
	char *compression;
};

/* Reads the URL as that of from-kafka, or of to-kafka. */
void settings_read_from(struct settings *, const char *text);
void settings_read_to(struct settings *, const char *text);

/*
 * A new configuration: the defaults ("name", "value", ..., NULL), what the file
 * sets instead, and what the URL says.  The file is read once.
 */
rd_kafka_conf_t *settings_conf(struct settings *, const char *const *defaults);

/* Sets one property, which librdkafka has, to a value that it takes. */
void settings_set(rd_kafka_conf_t *, const char *name, const char *value);

/* Whether the property has this value. */
bool settings_is(const rd_kafka_conf_t *, const char *name, const char *value);

#endif
