#include "live.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "viewjson.h"
#include "watch.h"

#define EVERY 1 /* s */
#define PATIENCE (60 * CLOCK_S)

struct live {
	double window;
	unsigned how;
	int timer;
	int64_t asked;           /* when somebody last did */
	struct watch *watch;     /* NULL: nobody asks */
	const struct view *view; /* the watch's; NULL: no memory for one */
};

struct live *
live_new(double window, unsigned how)
{
	struct live *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->window = window;
	l->how = how;
	if ((l->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) != -1)
		return l;
	free(l);
	return NULL;
}

void
live_free(struct live *l)
{
	if (l == NULL)
		return;
	watch_free(l->watch);
	close(l->timer);
	free(l);
}

int
live_fd(const struct live *l)
{
	return l->timer;
}

/* Every so many seconds; 0: never. */
static int
set_timer(struct live *l, int seconds)
{
	const struct itimerspec times = {{seconds, 0}, {seconds, 0}};

	return timerfd_settime(l->timer, 0, &times, NULL);
}

static void
end_watch(struct live *l)
{
	(void)set_timer(l, 0);
	watch_free(l->watch);
	l->watch = NULL;
	l->view = NULL;
}

void
live_due(struct live *l)
{
	uint64_t times;

	if (read(l->timer, &times, sizeof(times)) == -1 || l->watch == NULL)
		return;
	if (clock_now() - l->asked > PATIENCE)
		end_watch(l);
	else
		l->view = watch_look(l->watch);
}

json_t *
live_json(struct live *l)
{
	l->asked = clock_now();
	if (l->watch == NULL) {
		if ((l->watch = watch_new(l->window, l->how)) == NULL)
			return NULL;
		if (set_timer(l, EVERY) == -1) {
			end_watch(l);
			return NULL;
		}
	}
	if (l->view == NULL && (l->view = watch_look(l->watch)) == NULL)
		return NULL;
	return view_json(l->view);
}
