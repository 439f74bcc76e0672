/*
 * mock: a cluster of brokers that librdkafka pretends to have, for what brokers
 * of version 0.9 cannot: headers and idempotence.
 *
 *	mock BROKERS [TOPIC:PARTITIONS ...]
 *
 * Prints the list of its brokers, and ends when its standard input ends.  Other
 * processes may connect.  A topic that is used first is made with 4 partitions,
 * a partition keeps about 5 MB and silently drops what is older.
 */

#include <err.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
main(int argc, char *argv[])
{
	char reason[512];

	if (argc < 2)
		errx(2, "usage: mock BROKERS [TOPIC:PARTITIONS ...]");
	rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, NULL, reason, sizeof(reason));
	if (client == NULL)
		errx(1, "%s", reason);
	rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(client, atoi(argv[1]));
	if (cluster == NULL)
		errx(1, "no cluster of %s brokers", argv[1]);
	for (int i = 2; i < argc; i++) {
		char *colon = strchr(argv[i], ':');
		if (colon == NULL)
			errx(2, "%s: TOPIC:PARTITIONS", argv[i]);
		*colon = '\0';
		rd_kafka_resp_err_t error =
		    rd_kafka_mock_topic_create(cluster, argv[i], atoi(colon + 1), atoi(argv[1]));
		if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
			errx(1, "topic %s: %s", argv[i], rd_kafka_err2str(error));
	}
	puts(rd_kafka_mock_cluster_bootstraps(cluster));
	fflush(stdout);
	while (getchar() != EOF)
		;
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(client);
	return 0;
}
