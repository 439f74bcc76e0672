#include "parcel.h"

#include <stdlib.h>
#include <string.h>

struct parcel *
parcel_new(void)
{
	struct parcel *p = malloc(sizeof(*p));

	if (p == NULL)
		return NULL;
	p->next = NULL;
	p->n = p->bytes = 0;
	atomic_init(&p->holders, 1);
	atomic_init(&p->written, 0);
	atomic_init(&p->is_missing, false);
	return p;
}

void
parcel_free(struct parcel *p)
{
	if (p == NULL)
		return;
	record_freen(p->record, p->n);
	free(p);
}

void
parcel_add(struct parcel *p, const struct record *r)
{
	p->record[p->n++] = *r;
	p->bytes += r->len + 1;
}

bool
parcel_is_full(const struct parcel *p)
{
	return p->n == PARCEL_RECORDS || p->bytes >= PARCEL_BYTES;
}

void
parcel_cut(struct parcel *p, size_t n)
{
	p->n -= n;
	memmove(p->record, p->record + n, p->n * sizeof(p->record[0]));
}

size_t
parcel_whole(const struct parcel *p, size_t bytes)
{
	size_t n = 0;

	while (n < p->n && bytes >= p->record[n].len + 1)
		bytes -= p->record[n++].len + 1;
	return n;
}

void
parcel_note_written(struct parcel *p, size_t n)
{
	size_t most = atomic_load(&p->written);

	if (n < p->n)
		atomic_store(&p->is_missing, true);
	while (n > most && !atomic_compare_exchange_weak(&p->written, &most, n))
		continue;
}

unsigned
parcel_let_go(struct parcel *p)
{
	return atomic_fetch_sub(&p->holders, 1) - 1;
}
