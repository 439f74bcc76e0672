#ifndef HTTP_H
#define HTTP_H

/* The helpers that the program is, by its name. */

/* to-http, to-https: posts records.  Returns the exit status. */
int to_http(int argc, char **argv);

/* from-http-server: takes records that are posted. */
int from_http_server(int argc, char **argv);

#endif
