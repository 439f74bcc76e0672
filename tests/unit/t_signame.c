#include "base/signame.h"

#include <signal.h>
#include <string.h>

#include "t.h"

int
main(void)
{
	static const struct {
		int sig;
		const char *name;
	} cases[] = {{SIGSEGV, "SIGSEGV"}, {SIGKILL, "SIGKILL"}, {34, "SIG34"}, {64, "SIG64"}};
	char name[SIGNAME_SIZE];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		signame(cases[i].sig, name);
		CHECK(strcmp(name, cases[i].name) == 0, "signal %d: %s", cases[i].sig, name);
	}
	return t_end();
}
