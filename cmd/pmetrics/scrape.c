#include "scrape.h"

#include <errno.h>
#include <stdlib.h>

#include "families.h"
#include "self.h"
#include "shipped.h"

char *
scrape(const struct look *look, const struct scrape_how *how, size_t *len)
{
	struct exposition e;
	char *text = NULL;
	FILE *out = open_memstream(&text, len);
	struct shipped shipped;
	bool failed;

	if (out == NULL)
		return NULL;
	exposition_begin(&e, out, how->format);
	failed = shipped_read_totals(&shipped) == -1;
	if (!failed) {
		failed = families_write(&e, look, &shipped, how->tame) == -1;
		shipped_free(&shipped);
	}
	if (how->self)
		self_write(&e);
	exposition_end(&e);
	failed = ferror(out) || failed;
	if (fclose(out) == 0 && !failed)
		return text;
	free(text);
	errno = ENOMEM;
	return NULL;
}
