#include "pfanout/health.h"

#include "t.h"

/*
 * A story, a letter for each event: d a death that ends nothing, D a final one,
 * a an answer.
 */
static enum health_verdict
tell(struct health *h, const char *story, unsigned times, unsigned *deaths)
{
	enum health_verdict verdict = HEALTH_GOES_ON;

	while (times-- > 0)
		for (const char *at = story; *at != '\0'; at++)
			if (*at == 'a')
				health_answered(h);
			else
				verdict = health_died(h, *at == 'D', deaths);
	return verdict;
}

static void
test_deaths(void)
{
	static const struct {
		const char *before, *story;
		unsigned times, deaths;
		enum health_verdict verdict;
	} table[] = {
	    {"", "D", 4, 4, HEALTH_GOES_ON},
	    {"", "D", 5, 5, HEALTH_NEVER_WORKED},
	    /* While attempts are left it may be an outage. */
	    {"", "d", 1000, 1000, HEALTH_GOES_ON},
	    {"", "ddD", 1, 3, HEALTH_GOES_ON},
	    {"", "ddD", 2, 6, HEALTH_NEVER_WORKED},
	    {"", "ddddddD", 1, 7, HEALTH_NEVER_WORKED},
	    {"a", "D", 99, 99, HEALTH_GOES_ON},
	    {"a", "D", 100, 100, HEALTH_HOPELESS},
	    {"a", "d", 10000, 10000, HEALTH_GOES_ON},
	    {"a", "ddD", 99, 297, HEALTH_GOES_ON},
	    {"a", "ddD", 100, 300, HEALTH_HOPELESS},
	    {"DDDDa", "D", 99, 99, HEALTH_GOES_ON},
	    {"a", "DDDDDDDaD", 1000, 1, HEALTH_GOES_ON},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct health h = {0};
		unsigned deaths = 0;
		enum health_verdict got;

		(void)tell(&h, table[i].before, 1, &deaths);
		got = tell(&h, table[i].story, table[i].times, &deaths);
		CHECK(got == table[i].verdict && deaths == table[i].deaths,
		    "row %zu: %d, %u deaths", i, (int)got, deaths);
	}
}

static void
test_rubbish(void)
{
	struct health h = {0};

	for (int i = 1; i < HEALTH_MOST; i++)
		CHECK(!health_bad_answer(&h), "%d", i);
	health_answered(&h);
	for (int i = 1; i < HEALTH_MOST; i++)
		CHECK(!health_bad_answer(&h), "%d", i);
	CHECK(health_bad_answer(&h));
	CHECK(!health_bad_answer(&h), "it is told once");
}

static void
test_asks(void)
{
	struct health h = {0};

	CHECK(!health_asks_again(&h));
	health_asked_again(&h);
	health_answered(&h);
	CHECK(health_asks_again(&h));
}

int
main(void)
{
	test_deaths();
	test_rubbish();
	test_asks();
	return t_end();
}
