#include "pmetrics/host.h"

#include "t.h"

int
main(void)
{
	static const struct {
		const char *host, *given;
		bool ours;
	} rows[] = {
	    {"localhost", "127.0.0.1", true},
	    {"localhost:9464", "127.0.0.1", true},
	    {"LocalHost:9464", "127.0.0.1", true},
	    {"127.0.0.1", "127.0.0.1", true},
	    {"127.0.0.1:1", "::1", true},
	    {"[::1]", "127.0.0.1", true},
	    {"[::1]:9464", "127.0.0.1", true},
	    {"127.0.0.2:9464", "127.0.0.2", true},
	    {"127.0.0.2:9464", "127.0.0.1", false},
	    {"box:9464", "box", true},
	    {"[::2]:9464", "::2", true},
	    {"::2", "::2", false},
	    {"", "127.0.0.1", false},
	    {":9464", "127.0.0.1", false},
	    {"evil.example", "127.0.0.1", false},
	    {"evil.example:9464", "127.0.0.1", false},
	    {"localhost.evil.example", "127.0.0.1", false},
	    {"127.0.0.1.evil.example", "127.0.0.1", false},
	    {"localhost:9464.evil.example", "127.0.0.1", false},
	    {"localhost:94x", "127.0.0.1", false},
	    {"evil.example@localhost", "127.0.0.1", false},
	    {"[::1", "127.0.0.1", false},
	    {"[", "127.0.0.1", false},
	    {"[]", "127.0.0.1", false},
	    {"[::1]x", "127.0.0.1", false},
	    {" localhost", "127.0.0.1", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK(host_is_ours(rows[i].host, rows[i].given) == rows[i].ours, "%s at %s",
		    rows[i].host, rows[i].given);
	return t_end();
}
