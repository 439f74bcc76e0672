#include "inked.h"

#include <string.h>

#include "grid.h"

static void
print_ink(FILE *f, unsigned ink)
{
	static const struct {
		unsigned ink;
		int code;
	} codes[] = {
	    {INK_BOLD, 1},
	    {INK_DIM, 2},
	    {INK_REVERSE, 7},
	    {INK_RED, 31},
	    {INK_GREEN, 32},
	    {INK_YELLOW, 33},
	    {INK_CYAN, 36},
	};

	fputs("\033[0", f);
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if ((ink & codes[i].ink) != 0)
			fprintf(f, ";%d", codes[i].code);
	fputc('m', f);
}

void
inked_print(FILE *f, const struct grid *g, int y, bool color)
{
	const struct cell *line = &g->cell[y * g->width];
	unsigned ink = INK_PLAIN;
	int end = g->width;

	while (end > 0 && strcmp(line[end - 1].text, " ") == 0)
		end--;
	for (int x = 0; x < end; x++) {
		if (color && line[x].ink != ink)
			print_ink(f, ink = line[x].ink);
		fputs(line[x].text, f);
	}
	if (ink != INK_PLAIN)
		print_ink(f, INK_PLAIN);
	fputc('\n', f);
}
