#include "base/clock.h"
#include "http/gate.h"
#include "t.h"

#define S CLOCK_S
#define NOW (1000 * S)

/* Requests that fail while others are answered are no trouble. */
static void
check_single_failures(void)
{
	struct gate g = {.parallel = 4};

	for (int i = 0; i < 100; i++) {
		CHECK(!gate_failed(&g, NOW, -1));
		CHECK(gate_opens(&g, 3) <= NOW);
		CHECK(gate_opens(&g, 4) == CLOCK_NEVER);
		gate_works(&g);
	}
}

/* More in a row than run at a time: one alone, with a back-off. */
static void
check_row(void)
{
	struct gate g = {.parallel = 4};
	int64_t until;

	for (int i = 0; i < 4; i++)
		CHECK(!gate_failed(&g, NOW, -1));
	CHECK(gate_failed(&g, NOW, -1));
	until = gate_opens(&g, 0);
	CHECK(until > NOW && until <= NOW + S / 10);
	CHECK(gate_opens(&g, 1) == CLOCK_NEVER);
	/* Others of that time fail with it. */
	CHECK(gate_failed(&g, NOW, -1));
	CHECK(gate_opens(&g, 0) == until);
	CHECK(gate_failed(&g, until, -1));
	CHECK(gate_opens(&g, 0) > until + S / 20 && gate_opens(&g, 0) <= until + S / 5);
	gate_works(&g);
	CHECK(gate_opens(&g, 3) != CLOCK_NEVER);
	CHECK(!gate_failed(&g, NOW, -1));
}

static void
check_away(void)
{
	struct gate g = {.parallel = 8};
	int64_t now = NOW;

	for (int i = 0; i < 20; i++) {
		CHECK(gate_away(&g, now));
		CHECK(gate_opens(&g, 1) == CLOCK_NEVER);
		CHECK(gate_opens(&g, 0) > now && gate_opens(&g, 0) <= now + 10 * S);
		now = gate_opens(&g, 0);
	}
	CHECK(now > NOW + 40 * S, "the back-off grows");
	gate_works(&g);
	CHECK(gate_opens(&g, 7) <= now);
}

/* What the server asks for holds everything. */
static void
check_wait(void)
{
	struct gate g = {.parallel = 2};

	CHECK(!gate_failed(&g, NOW, S));
	CHECK(gate_opens(&g, 0) == NOW + S);
	CHECK(!gate_failed(&g, NOW, S / 2));
	CHECK(gate_opens(&g, 1) == NOW + S);
	gate_works(&g);
	CHECK(gate_opens(&g, 1) == NOW + S);
	CHECK(gate_failed(&g, NOW, 60 * S), "who waits so long wants to know why");
	CHECK(gate_opens(&g, 1) == NOW + 60 * S);
}

int
main(void)
{
	check_single_failures();
	check_row();
	check_away();
	check_wait();
	return t_end();
}
