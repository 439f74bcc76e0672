/* The states of a map worker's child: every event in every state. */

#include "pfanout/map_worker.h"

#include "t.h"

int
main(void)
{
	static const struct {
		enum map_state from;
		enum map_event event;
		enum map_state to;
	} table[] = {
	    {NO_CHILD, STARTED, RUNNING},
	    {RUNNING, FLUSHED, FLUSHING},
	    {RUNNING, HUNG_UP, LEAVING},
	    {RUNNING, GONE, NO_CHILD},
	    /* A flushed child closes its stdout before it exits. */
	    {FLUSHING, HUNG_UP, FLUSHING},
	    {FLUSHING, GONE, NO_CHILD},
	    {LEAVING, HUNG_UP, LEAVING},
	    {LEAVING, GONE, NO_CHILD},
	};
	bool listed[MAP_STATES][MAP_EVENTS] = {{false}};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		enum map_state got = map_next(table[i].from, table[i].event);

		CHECK(got == table[i].to, "row %zu: %d", i, (int)got);
		listed[table[i].from][table[i].event] = true;
	}
	/* Nothing else changes the state. */
	for (int s = 0; s < MAP_STATES; s++)
		for (int e = 0; e < MAP_EVENTS; e++)
			CHECK(listed[s][e] ||
				(int)map_next((enum map_state)s, (enum map_event)e) == s,
			    "state %d event %d", s, e);
	return t_end();
}
