#include "spare.h"

#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"

#define SPARE ".purge-"
#define RANDOM 6 /* characters */

int
spare_open(const char *file, char **name)
{
	if (asprintf(name, "%s" SPARE "XXXXXX", file) == -1)
		errx(2, "out of memory");
	return mkostemp(*name, O_CLOEXEC);
}

bool
spare_suffix(const char *suffix)
{
	size_t n = 0;

	if (strncmp(suffix, SPARE, strlen(SPARE)) != 0)
		return false;
	suffix += strlen(SPARE);
	while (isalnum((unsigned char)suffix[n]))
		n++;
	return n == RANDOM && suffix[n] == '\0';
}

void
spare_clean(const char *file)
{
	const char *slash = strrchr(file, '/'), *base = slash != NULL ? slash + 1 : file;
	size_t len = strlen(base);
	char *folder =
	    slash != NULL ? must(strndup(file, (size_t)(slash + 1 - file))) : must(strdup("."));
	DIR *d = opendir(folder);
	const struct dirent *entry;
	struct stat st, of;
	uid_t owner = stat(file, &of) == 0 ? of.st_uid : geteuid();

	/* A spare file gets the owner of FILE before it is filled. */
	while (d != NULL && (entry = readdir(d)) != NULL)
		if (strncmp(entry->d_name, base, len) == 0 && spare_suffix(entry->d_name + len) &&
		    fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && (st.st_uid == owner || st.st_uid == geteuid()))
			(void)unlinkat(dirfd(d), entry->d_name, 0);
	if (d != NULL)
		closedir(d);
	free(folder);
}
