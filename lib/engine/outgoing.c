#include "engine/outgoing.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* What has been written makes room for what comes. */
static void
move_to_front(struct outgoing *o)
{
	size_t waits = outgoing_waits(o);

	if (o->written < waits)
		return;
	if (waits > 0)
		memmove(o->text.data, o->text.data + o->written, waits);
	o->text.len = waits;
	o->written = 0;
}

bool
outgoing_write(struct outgoing *o)
{
	bool gone = false;

	while (outgoing_waits(o) > 0 && !gone) {
		ssize_t n = write(STDOUT_FILENO, o->text.data + o->written, outgoing_waits(o));

		if (n >= 0)
			o->written += (size_t)n;
		else if (errno == EAGAIN)
			break;
		else
			gone = errno != EINTR;
	}
	move_to_front(o);
	return !gone;
}

void
outgoing_clear(struct outgoing *o)
{
	o->text.len = o->written = 0;
}
