/*
 * FNV-1a and jump consistent hash: published values; how evenly keys are
 * spread; how few of them move when an output is added.
 */

#include "base/hash.h"

#include <inttypes.h>
#include <string.h>

#include "json/json.h"
#include "json/key.h"
#include "t.h"

#define ROWS(rows) (sizeof(rows) / sizeof(rows[0]))
#define KEYS 100000

/* From the test vectors of the FNV authors (test_fnv.c). */
static void
test_bytes(void)
{
	static const struct {
		const char *text;
		size_t len;
		uint64_t hash;
	} rows[] = {
	    {"", 0, 0xcbf29ce484222325},
	    {"a", 1, 0xaf63dc4c8601ec8c},
	    {"b", 1, 0xaf63df4c8601f1a5},
	    {"foo", 3, 0xdcb27518fed9d577},
	    {"foobar", 6, 0x85944171f73967e8},
	    {"foobar", 7, 0x34531ca7168b8f38}, /* with its NUL */
	    {"chongo was here!\n", 17, 0x46810940eff5f915},
	    {"\xff\x00\x00\x01", 4, 0x6961196491cc682d},
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		uint64_t hash = hash_bytes(rows[i].text, rows[i].len);

		CHECK(hash == rows[i].hash, "%s: %" PRIx64, rows[i].text, hash);
	}
}

/* From the tests of Guava's Hashing.consistentHash(), and the Go package's. */
static void
test_jump(void)
{
	static const struct {
		uint64_t hash;
		uint32_t outputs, number;
	} rows[] = {
	    {10863919174838991, 11, 6},
	    {2016238256797177309, 11, 3},
	    {1673758223894951030, 11, 5},
	    {2, 100001, 80343},
	    {2201, 100001, 22152},
	    {2202, 100001, 15018},
	    {256, 1024, 520},
	};
	static const uint32_t of_100[] = {
	    0, 55, 62, 8, 45, 59, 86, 97, 82, 59, 73, 37, 17, 56, 86, 21, 90, 37, 38, 83};

	for (size_t i = 0; i < ROWS(rows); i++) {
		uint32_t number = hash_jump(rows[i].hash, rows[i].outputs);

		CHECK(number == rows[i].number, "%" PRIu64 " %u: %u", rows[i].hash, rows[i].outputs,
		    number);
	}
	for (size_t i = 0; i < ROWS(of_100); i++)
		CHECK(hash_jump(i, 100) == of_100[i], "%zu", i);
	for (uint64_t hash = 1; hash != 0; hash <<= 1) {
		CHECK(hash_jump(hash, 1) == 0);
		CHECK(hash_jump(hash, UINT32_MAX) < UINT32_MAX);
	}
}

static uint64_t
hash_of(const char *prefix, int i)
{
	char text[32];

	return hash_bytes(text, (size_t)snprintf(text, sizeof(text), "%s%d", prefix, i));
}

/* Chance alone takes the shares of 64 outputs 10 % off. */
static void
test_shares(const char *prefix)
{
	for (uint32_t outputs = 2; outputs <= 64; outputs += outputs < 16 ? 1 : 8) {
		size_t share[64] = {0};

		for (int i = 1; i <= KEYS; i++)
			share[hash_jump(hash_of(prefix, i), outputs)]++;
		for (uint32_t j = 0; j < outputs; j++)
			CHECK(share[j] * outputs > KEYS * 0.9 && share[j] * outputs < KEYS * 1.1,
			    "\"%s\": %zu of %d for %u of %u", prefix, share[j], KEYS, j, outputs);
	}
}

/* A key that moves goes to the new output, and so many move as belong there. */
static void
test_moves(const char *prefix)
{
	for (uint32_t outputs = 1; outputs < 40; outputs += outputs < 16 ? 1 : 8) {
		int moved = 0;

		for (int i = 1; i <= KEYS / 10; i++) {
			uint64_t hash = hash_of(prefix, i);
			uint32_t before = hash_jump(hash, outputs),
				 after = hash_jump(hash, outputs + 1);

			CHECK(after == before || after == outputs);
			moved += after != before;
		}
		double part = (double)moved * (outputs + 1) / (KEYS / 10.0);
		CHECK(part > 0.8 && part < 1.2, "\"%s\": %d moved to output %u", prefix, moved,
		    outputs);
	}
}

/* Keys, what of them is hashed, and the partitions of pchan-formats(5). */
static void
test_keys(void)
{
	static const struct {
		const char *value;
		const char *bytes;
		uint32_t of_3, of_4;
	} rows[] = {
	    {"7", "7", 1, 3},
	    {"\"7\"", "\"7", 2, 2},
	    {"7.0", "7.0", 1, 1},
	    {"null", "null", 2, 2},
	    {"\"ann\"", "\"ann", 0, 3},
	    {"\"\\u0061nn\"", "\"ann", 0, 3},
	    {"\"\"", "\"", 0, 3},
	    {"{\"b\":1, \"a\": \"\\u0065\"}", "{\"b\":1, \"a\": \"\\u0065\"}", 2, 2},
	};
	const char *why;
	struct json_path *path = json_path_new(".", &why);

	for (size_t i = 0; i < ROWS(rows); i++) {
		const char *value = rows[i].value;
		struct json_key key;
		uint64_t hash;

		CHECK(json_key_find(&key, path, value, strlen(value)) == 0);
		hash = json_key_hash(&key);
		CHECK(hash == hash_bytes(rows[i].bytes, strlen(rows[i].bytes)), "%s", value);
		CHECK(hash_jump(hash, 3) == rows[i].of_3, "%s: %u", value, hash_jump(hash, 3));
		CHECK(hash_jump(hash, 4) == rows[i].of_4, "%s: %u", value, hash_jump(hash, 4));
		json_key_forget(&key);
	}
	json_path_free(path);
}

int
main(void)
{
	test_bytes();
	test_jump();
	test_shares("");
	test_shares("\"user-");
	test_moves("");
	test_moves("\"user-");
	test_keys();
	return t_end();
}
