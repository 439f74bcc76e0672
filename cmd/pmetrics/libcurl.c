#include "libcurl.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

/* All of them are there since 7.66, of 2019. */
#define LIBRARY "libcurl.so.4"

static struct libcurl curl;

static const struct {
	const char *name;
	size_t at; /* of the pointer */
} functions[] = {
#define FUNCTION(name)                                        \
	{                                                     \
		"curl_" #name, offsetof(struct libcurl, name) \
	}
    FUNCTION(global_init),
    FUNCTION(easy_init),
    FUNCTION(easy_setopt),
    FUNCTION(easy_getinfo),
    FUNCTION(easy_strerror),
    FUNCTION(easy_cleanup),
    FUNCTION(slist_append),
    FUNCTION(slist_free_all),
    FUNCTION(multi_init),
    FUNCTION(multi_add_handle),
    FUNCTION(multi_remove_handle),
    FUNCTION(multi_perform),
    FUNCTION(multi_poll),
    FUNCTION(multi_info_read),
    FUNCTION(multi_cleanup),
};

const struct libcurl *
libcurl_load(const char **why)
{
	static void *library;

	if (library != NULL)
		return &curl;
	if ((library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL)) == NULL) {
		*why = dlerror();
		return NULL;
	}
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		void *function = dlsym(library, functions[i].name);

		if (function == NULL) {
			*why = dlerror();
			return NULL;
		}
		memcpy((char *)&curl + functions[i].at, &function, sizeof(function));
	}
	if (curl.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		return &curl;
	*why = LIBRARY ": cannot be initialised";
	return NULL;
}
