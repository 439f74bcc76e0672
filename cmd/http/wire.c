#include "wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine/helper.h"

#define EVENTS 64 /* taken at a time */

struct wire {
	CURLM *multi;
	int epoll;
	int64_t due; /* of libcurl's timer */
	void (*done)(void *arg, CURL *, CURLcode);
	void *arg;
};

/* libcurl says what it waits for at a socket. */
static int
watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct wire *w = arg;
	struct epoll_event event = {.data.fd = fd};

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		(void)epoll_ctl(w->epoll, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	event.events = ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0u) |
	    ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0u);
	if (epoll_ctl(w->epoll, known != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) == -1)
		return -1;
	curl_multi_assign(w->multi, fd, w);
	return 0;
}

static int
set_timer(CURLM *multi, long ms, void *arg)
{
	struct wire *w = arg;

	(void)multi;
	w->due = ms < 0 ? CLOCK_NEVER : clock_now() + ms * CLOCK_MS;
	return 0;
}

struct wire *
wire_new(long n, void (*done)(void *, CURL *, CURLcode), void *arg)
{
	struct wire *w = calloc(1, sizeof(*w));

	if (w == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
	    (w->multi = curl_multi_init()) == NULL)
		helper_fail("out of memory");
	if ((w->epoll = epoll_create1(EPOLL_CLOEXEC)) == -1)
		helper_fail("epoll: %s", strerror(errno));
	w->due = CLOCK_NEVER;
	w->done = done;
	w->arg = arg;
	curl_multi_setopt(w->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(w->multi, CURLMOPT_SOCKETDATA, w);
	curl_multi_setopt(w->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(w->multi, CURLMOPT_TIMERDATA, w);
	curl_multi_setopt(w->multi, CURLMOPT_MAX_HOST_CONNECTIONS, n);
	curl_multi_setopt(w->multi, CURLMOPT_MAXCONNECTS, n);
	return w;
}

void
wire_free(struct wire *w)
{
	if (w == NULL)
		return;
	curl_multi_cleanup(w->multi);
	curl_global_cleanup();
	close(w->epoll);
	free(w);
}

int
wire_add(struct wire *w, CURL *easy)
{
	return curl_multi_add_handle(w->multi, easy) == CURLM_OK ? 0 : -1;
}

int
wire_fd(const struct wire *w)
{
	return w->epoll;
}

int64_t
wire_due(const struct wire *w)
{
	return w->due;
}

/* A transfer leaves before it is told of: it may begin again. */
static void
tell_ends(struct wire *w)
{
	const CURLMsg *end;
	int left;

	while ((end = curl_multi_info_read(w->multi, &left)) != NULL) {
		CURL *easy = end->easy_handle;
		CURLcode code = end->data.result;

		if (end->msg != CURLMSG_DONE)
			continue;
		curl_multi_remove_handle(w->multi, easy);
		w->done(w->arg, easy, code);
	}
}

void
wire_run(struct wire *w)
{
	struct epoll_event event[EVENTS];
	int running, n = epoll_wait(w->epoll, event, EVENTS, 0);

	for (int i = 0; i < n; i++) {
		uint32_t is = event[i].events;
		int what = ((is & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
		    ((is & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
		    ((is & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0);

		curl_multi_socket_action(w->multi, event[i].data.fd, what, &running);
	}
	if (clock_now() >= w->due) {
		w->due = CLOCK_NEVER;
		curl_multi_socket_action(w->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	tell_ends(w);
}
