/* What replies of Redis mean, and what is written to it. */

#include "redis/appetite.h"
#include "redis/bucket.h"
#include "redis/command.h"
#include "redis/entry.h"
#include "redis/fault.h"
#include "redis/greeting.h"
#include "t.h"

#include <string.h>

#define LIST_MAX 8

/* A reply that is a list of texts, up to the first NULL. */
struct list {
	redisReply reply, text[LIST_MAX], *element[LIST_MAX];
};

static const redisReply *
list_of(struct list *l, const char *const text[])
{
	size_t n = 0;

	for (; n < LIST_MAX && text[n] != NULL; n++) {
		l->text[n] = (redisReply){.type = REDIS_REPLY_STRING,
		    .str = (char *)(uintptr_t)text[n],
		    .len = strlen(text[n])};
		l->element[n] = &l->text[n];
	}
	l->reply = (redisReply){.type = REDIS_REPLY_ARRAY, .elements = n, .element = l->element};
	return &l->reply;
}

static const struct {
	const char *error;
	enum fault fault;
} faults[] = {
    {"LOADING Redis is loading the dataset in memory", FAULT_SERVER},
    {"READONLY You can't write against a read only replica.", FAULT_SERVER},
    {"ERR Error running script (call to f_1): @user_script:1: -READONLY You can't", FAULT_SERVER},
    {"BUSY Redis is busy running a script.", FAULT_SERVER},
    {"BUSYGROUP Consumer Group name already exists", FAULT_OTHER},
    {"OOM command not allowed when used memory > 'maxmemory'.", FAULT_LATER},
    {"MISCONF Redis is configured to save RDB snapshots", FAULT_LATER},
    {"NOAUTH Authentication required.", FAULT_FINAL},
    {"WRONGPASS invalid username-password pair", FAULT_FINAL},
    {"NOPERM this user has no permissions", FAULT_FINAL},
    {"WRONGTYPE Operation against a key", FAULT_FINAL},
    {"ERR unknown command 'XAUTOCLAIM'", FAULT_FINAL},
    {"NOGROUP No such key 's' or consumer group", FAULT_GROUP},
    {"UNBLOCKED the stream key no longer exists", FAULT_GROUP},
    {"ERR Protocol error: invalid bulk length", FAULT_SIZE},
    {"ERR Protocol error: invalid multibulk length", FAULT_OTHER},
    {"", FAULT_OTHER},
};

static void
test_faults(void)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		CHECK(fault_of(faults[i].error) == faults[i].fault, "%s", faults[i].error);
}

static const struct {
	const char *fields[LIST_MAX];
	const char *record;
} entries[] = {
    {{"record", "{\"id\":1}"}, "{\"id\":1}"},
    {{"a", "1", "record", "2", "b", "3"}, "2"},
    {{"other", "17"}, "17"},
    {{"a", "1", "b", "x\"y"}, "{\"a\":\"1\",\"b\":\"x\\\"y\"}"},
    {{"records", "1", "recor", "2"}, "{\"records\":\"1\",\"recor\":\"2\"}"},
};

static void
test_entries(void)
{
	struct text scratch = {0};

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		struct list l;
		struct json_slice s =
		    entry_record(list_of(&l, entries[i].fields), "record", &scratch);

		CHECK(s.len == strlen(entries[i].record) &&
			memcmp(s.data, entries[i].record, s.len) == 0,
		    "%.*s", (int)s.len, s.data);
	}
	entry_member(&scratch, "from", "jobs", "1-2");
	CHECK(strcmp(scratch.data, "\"from\":{\"stream\":\"jobs\",\"id\":\"1-2\"}") == 0, "%s",
	    scratch.data);
	text_free(&scratch);
}

static const struct {
	uint64_t asked;
	size_t n, bytes;
	uint64_t next;
} appetites[] = {
    {16, 16, 1600, 32},
    {16, 3, 300, 32},
    {600, 600, 60000, APPETITE_MOST},
    {1000, 1000, 100000, APPETITE_MOST},
    {1000, 1000, 1000 * APPETITE_BYTES / 10, 9},
    {10, 10, 100 * APPETITE_BYTES, 1},
    {1, 1, 100, 2},
    {64, 0, 0, 64},
    {64, 10, 0, 128},
};

static void
test_appetite(void)
{
	for (size_t i = 0; i < sizeof(appetites) / sizeof(appetites[0]); i++) {
		uint64_t next =
		    appetite_next(appetites[i].asked, appetites[i].n, appetites[i].bytes);

		CHECK(next == appetites[i].next, "%zu: %ju", i, (uintmax_t)next);
	}
}

static const struct {
	const char *settings[LIST_MAX];
	bool durable;
} servers[] = {
    {{"appendonly", "yes", "appendfsync", "always"}, true},
    {{"appendfilename", "x", "appendfsync", "always", "appendonly", "yes"}, true},
    {{"appendonly", "yes", "appendfsync", "everysec"}, false},
    {{"appendonly", "no", "appendfsync", "always"}, false},
    {{NULL}, true},
};

static void
test_greetings(void)
{
	static const char *const longest[LIST_MAX] = {"proto-max-bulk-len", "1048576"};
	static const char *const nothing[LIST_MAX] = {NULL};
	struct list l;

	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++)
		CHECK(greeting_is_durable(list_of(&l, servers[i].settings)) == servers[i].durable,
		    "%zu", i);
	CHECK(greeting_longest(list_of(&l, longest)) == 1048576);
	CHECK(greeting_longest(list_of(&l, nothing)) == 0);
}

static void
test_commands(void)
{
	static const char expected[] = "*3\r\n$4\r\nXADD\r\n$0\r\n\r\n$2\r\n17\r\n";
	struct text t = {0};

	command_begin(&t, 3);
	command_word(&t, "XADD");
	command_bytes(&t, "", 0);
	command_number(&t, 17);
	command_words(&t, "A", "BC", (char *)NULL);
	CHECK(memcmp(t.data, expected, sizeof(expected) - 1) == 0);
	CHECK(memcmp(t.data + sizeof(expected) - 1, "*2\r\n$1\r\nA\r\n$2\r\nBC\r\n", 19) == 0);
	text_free(&t);
}

static void
test_rates(void)
{
	static const char *const good[] = {"100 1000000000 1 records", "1 1 1 bytes",
	    "18446744073709551615 1 1125899906842624 bytes"};
	static const char *const bad[] = {"", "1 2 records", "1 2 3", "1 2 3 4", "0 1 1 bytes",
	    "1 2 0 bytes", "-1 2 3 bytes", "1  2 3 bytes", "1 2 3 bytes ", "1 2 3 bits"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CHECK(bucket_is_rate(good[i]), "'%s'", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(!bucket_is_rate(bad[i]), "'%s'", bad[i]);
}

/* What the script returns, and what it never does. */
static void
test_buckets(void)
{
	redisReply number = {.type = REDIS_REPLY_INTEGER};
	redisReply one = {.type = REDIS_REPLY_INTEGER, .integer = 1};
	char debt[] = "0.5";
	redisReply text = {.type = REDIS_REPLY_STRING, .str = debt, .len = 3};
	redisReply *pair[] = {&number, &text}, *wrong[] = {&text, &number};
	redisReply *other[] = {&one, &text};
	redisReply reply = {.type = REDIS_REPLY_ARRAY, .elements = 2, .element = pair};
	struct bucket_answer a;

	CHECK(bucket_read_answer(&reply, &a) && !a.differs && strcmp(a.text, "0.5") == 0);
	reply.element = other;
	CHECK(bucket_read_answer(&reply, &a) && a.differs);
	reply.elements = 1;
	CHECK(!bucket_read_answer(&reply, &a));
	reply.elements = 2;
	reply.element = wrong;
	CHECK(!bucket_read_answer(&reply, &a));
	CHECK(!bucket_read_answer(&text, &a));
}

int
main(void)
{
	test_faults();
	test_entries();
	test_appetite();
	test_greetings();
	test_commands();
	test_rates();
	test_buckets();
	return t_end();
}
