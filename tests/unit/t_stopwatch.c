#include "sync/stopwatch.h"

#include "t.h"

int
main(void)
{
	struct stopwatch w = {0};

	CHECK(stopwatch_read(&w, 5) == 0, "it shows another time");
	stopwatch_start(&w, 10);
	CHECK(stopwatch_read(&w, 10) == 0, "it shows another time");
	CHECK(stopwatch_read(&w, 13) == 3, "it shows another time");
	CHECK(stopwatch_runs(&w), "it stands");
	stopwatch_stop(&w, 14);
	CHECK(!stopwatch_runs(&w), "it runs");
	CHECK(stopwatch_read(&w, 14) == 4, "it shows another time");
	CHECK(stopwatch_read(&w, 99) == 4, "it shows another time");
	stopwatch_start(&w, 100);
	CHECK(stopwatch_read(&w, 101) == 5, "it shows another time");
	stopwatch_stop(&w, 106);
	CHECK(stopwatch_read(&w, 200) == 10, "it shows another time");
	return t_end();
}
