#include <stddef.h>
#include <string.h>

#include "http/admission.h"
#include "t.h"

#define TOKEN "0123456789abcdef"

static const struct admission_rules
    open_rules = {.path = "/in", .max_body = 100, .memory = 50},
    token_rules = {.path = "/in", .token = TOKEN, .max_body = 100, .memory = 50},
    full = {.path = "/in", .max_body = 100, .memory = 50, .full = true},
    stopping = {.path = "/in", .max_body = 100, .memory = 50, .stopping = true};

static const struct {
	const struct admission_rules *rules;
	struct admission head;
	unsigned status;
} rows[] = {
    {&open_rules, {"/in", "POST", NULL, NULL, NULL, NULL}, 0},
    {&open_rules, {"/in", "PUT", NULL, NULL, "gzip", "50"}, 0},
    {&open_rules, {"/in", "POST", NULL, NULL, "identity", "0"}, 0},
    {&open_rules, {"/in", "POST", "Bearer x", NULL, NULL, NULL}, 0},
    {&open_rules, {"/in/", "POST", NULL, NULL, NULL, NULL}, 404},
    {&open_rules, {"/", "GET", NULL, NULL, NULL, NULL}, 404},
    {&open_rules, {"/in", "GET", NULL, NULL, NULL, NULL}, 405},
    {&open_rules, {"/in", "post", NULL, NULL, NULL, NULL}, 405},
    {&open_rules, {"/in", "POST", NULL, "null", NULL, NULL}, 403},
    {&open_rules, {"/in", "POST", NULL, NULL, "br", NULL}, 415},
    {&open_rules, {"/in", "POST", NULL, NULL, NULL, "101"}, 413},
    {&open_rules, {"/in", "POST", NULL, NULL, NULL, "99999999999999999999"}, 413},
    {&open_rules, {"/in", "POST", NULL, NULL, NULL, "51"}, 503},
    {&full, {"/in", "POST", NULL, NULL, NULL, NULL}, 503},
    {&full, {"/x", "POST", NULL, NULL, NULL, NULL}, 404},
    {&stopping, {"/in", "POST", NULL, NULL, NULL, NULL}, 503},
    {&token_rules, {"/in", "POST", NULL, NULL, NULL, NULL}, 401},
    {&token_rules, {"/in", "GET", NULL, NULL, NULL, NULL}, 401},
    {&token_rules, {"/in", "POST", "Bearer 0123456789abcdeF", NULL, NULL, NULL}, 401},
    {&token_rules, {"/in", "POST", "Bearer 0123456789abcde", NULL, NULL, NULL}, 401},
    {&token_rules, {"/in", "POST", "Bearer " TOKEN "x", NULL, NULL, NULL}, 401},
    {&token_rules, {"/in", "POST", "Basic " TOKEN, NULL, NULL, NULL}, 401},
    {&token_rules, {"/in", "POST", TOKEN, NULL, NULL, NULL}, 401},
    {&token_rules, {"/in", "POST", "Bearer " TOKEN, NULL, NULL, NULL}, 0},
    {&token_rules, {"/in", "POST", "bearer  " TOKEN, "http://page", NULL, NULL}, 0},
};

int
main(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct admission_verdict v = admission_judge(&rows[i].head, rows[i].rules);

		CHECK(v.status == rows[i].status, "%zu: %u", i, v.status);
		CHECK((v.text != NULL) == (v.status != 0), "%zu", i);
		/* It becomes JSON as it is. */
		CHECK(v.text == NULL || strpbrk(v.text, "\"\\") == NULL, "%s", v.text);
	}
	return t_end();
}
