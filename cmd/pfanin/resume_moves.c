/* The positions of marks: how far each input is sent, and finished. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fingerprint.h"
#include "former.h"
#include "marker.h"
#include "resume.h"
#include "resume_places.h"
#include "stage/source.h"
#include "stage/stage.h"

/* A token: what has moved. */
struct moves {
	size_t n;
	struct move {
		struct place *place;
		struct reader_place at;
	} move[];
};

static void
note_sent(void *arg, const struct source_end *ends, size_t n)
{
	struct resume *r = arg;

	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < n; i++) {
		struct place *p = ends[i].place;

		p->sent = ends[i].at;
		if (p->moved)
			continue;
		p->moved = true;
		SLIST_INSERT_HEAD(&r->moved, p, next_moved);
		r->n_moved++;
	}
	pthread_mutex_unlock(&r->lock);
}

static void *
take_moves(void *arg)
{
	struct resume *r = arg;
	struct moves *moves;
	struct place *p;

	pthread_mutex_lock(&r->lock);
	moves = malloc(sizeof(*moves) + r->n_moved * sizeof(moves->move[0]));
	if (moves != NULL) {
		moves->n = 0;
		SLIST_FOREACH (p, &r->moved, next_moved) {
			p->moved = false;
			moves->move[moves->n++] = (struct move){p, p->sent};
		}
		SLIST_INIT(&r->moved);
		r->n_moved = 0;
	}
	pthread_mutex_unlock(&r->lock);
	return moves;
}

/* Opens the file of a bookmark; -1: it is not to be found. */
static int
open_again(const struct bookmark *b)
{
	struct stat st;
	int fd;

	if (strcmp(b->path, "-") == 0)
		return dup(STDIN_FILENO);
	fd = open(b->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd != -1 && fstat(fd, &st) == 0 && st.st_dev == b->device && st.st_ino == b->inode)
		return fd;
	if (fd != -1)
		close(fd);
	return former_open_renamed(b);
}

/*
 * What has been read makes the fingerprint longer.  If the file has another
 * text by now, it stays as it is.
 */
static void
update_head(struct bookmark *b)
{
	int fd;

	if (b->head.len == FINGERPRINT_BYTES || b->done.offset <= b->head.len ||
	    (fd = open_again(b)) == -1)
		return;
	if (fingerprint_holds(&b->head, fd))
		(void)fingerprint_take(&b->head, fd, b->done.offset);
	close(fd);
}

static void
apply_moves(void *arg, void *token)
{
	struct resume *r = arg;
	struct moves *moves = token;

	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < moves->n; i++) {
		struct bookmark *b = &moves->move[i].place->book;

		b->done = moves->move[i].at;
		update_head(b);
	}
	pthread_mutex_unlock(&r->lock);
	free(moves);
}

static void
save(void *arg)
{
	struct resume *r = arg;

	if (resume_write(r) == 0 || r->failed)
		return;
	r->failed = true;
	stage_abort_always(r->stage, 2,
	    "--state %s: %s; the next run goes on from what was saved before", r->given,
	    strerror(errno));
}

static void
drop_moves(void *arg, void *token)
{
	(void)arg;
	free(token);
}

struct marker_positions
resume_positions(struct resume *r)
{
	return (struct marker_positions){.sent = note_sent,
	    .take = take_moves,
	    .done = apply_moves,
	    .save = save,
	    .drop = drop_moves,
	    .arg = r};
}
