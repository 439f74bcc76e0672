#include "conffile.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/helper.h"

/* What the URL says, and what the promises of a helper depend on. */
static const struct {
	const char *name, *why;
} not_here[] = {
    {"bootstrap.servers", "the URL names the hosts"},
    {"metadata.broker.list", "the URL names the hosts"},
    {"group.id", "use group= in the URL"},
    {"client.id", "use client= in the URL"},
    {"auto.offset.reset", "use offset= in the URL"},
    {"enable.auto.commit", "an offset is committed when its record is finished"},
    {"auto.commit.enable", "an offset is committed when its record is finished"},
    {"enable.auto.offset.store", "an offset is committed when its record is finished"},
    {"enable.partition.eof", "use end= in the URL"},
    {"delivery.report.only.error", "each record needs its report"},
};

static char *
trim(char *text)
{
	char *end = text + strlen(text);

	while (end > text && isspace((unsigned char)end[-1]))
		*--end = '\0';
	while (isspace((unsigned char)*text))
		text++;
	return text;
}

static void
set(rd_kafka_conf_t *conf, const char *path, size_t number, char *line)
{
	char *text = trim(line), *equals, *name, ignored[512];
	rd_kafka_conf_res_t res;

	if (*text == '\0' || *text == '#')
		return;
	if ((equals = strchr(text, '=')) == NULL)
		helper_fail("%s:%zu: a line is NAME=VALUE", path, number);
	*equals = '\0';
	name = trim(text);
	for (size_t i = 0; i < sizeof(not_here) / sizeof(not_here[0]); i++)
		if (strcmp(name, not_here[i].name) == 0)
			helper_fail("%s:%zu: %s: %s", path, number, name, not_here[i].why);
	res = rd_kafka_conf_set(conf, name, trim(equals + 1), ignored, sizeof(ignored));
	if (res == RD_KAFKA_CONF_UNKNOWN)
		helper_fail("%s:%zu: %s: librdkafka has no such setting", path, number, name);
	if (res != RD_KAFKA_CONF_OK)
		helper_fail("%s:%zu: %s: librdkafka does not take this value", path, number, name);
}

void
conffile_read(rd_kafka_conf_t *conf, const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;

	if (file == NULL)
		helper_fail("config=%s: %s", path, strerror(errno));
	for (size_t number = 1; errno = 0, getline(&line, &size, file) != -1; number++)
		set(conf, path, number, line);
	if (ferror(file))
		helper_fail("config=%s: %s", path, strerror(errno));
	free(line);
	fclose(file);
}
