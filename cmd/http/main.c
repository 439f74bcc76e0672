/* HTTP at both ends of a pipeline: the name of the program says at which. */

#include <errno.h>
#include <string.h>

#include "engine/helper.h"
#include "http.h"

int
main(int argc, char **argv)
{
	const char *name = program_invocation_short_name;

	if (strcmp(name, "from-http-server") == 0)
		return from_http_server(argc, argv);
	if (strcmp(name, "to-http") == 0 || strcmp(name, "to-https") == 0)
		return to_http(argc, argv);
	helper_fail("is started by its links from-http-server, to-http and to-https");
}
