#ifndef LIBCURL_H
#define LIBCURL_H

/*
 * The functions of libcurl.  The library is loaded when it is needed, as it
 * brings 33 others along: they would make each start of pmetrics 4 ms longer.
 *
 * For one thread.
 */

#include <curl/curl.h>

struct libcurl {
	CURLcode (*global_init)(long flags);
	CURL *(*easy_init)(void);
	CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
	CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
	const char *(*easy_strerror)(CURLcode);
	void (*easy_cleanup)(CURL *);
	struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
	void (*slist_free_all)(struct curl_slist *);
	CURLM *(*multi_init)(void);
	CURLMcode (*multi_add_handle)(CURLM *, CURL *);
	CURLMcode (*multi_remove_handle)(CURLM *, CURL *);
	CURLMcode (*multi_perform)(CURLM *, int *running);
	CURLMcode (*multi_poll)(CURLM *, struct curl_waitfd *more, unsigned n, int ms, int *events);
	CURLMsg *(*multi_info_read)(CURLM *, int *left);
	CURLMcode (*multi_cleanup)(CURLM *);
};

/*
 * The functions, after the first call has loaded and initialised the library,
 * which stays.  NULL and *why, the loader's text, if that failed.
 */
const struct libcurl *libcurl_load(const char **why);

#endif
