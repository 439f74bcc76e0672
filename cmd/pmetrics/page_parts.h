#ifndef PAGE_PARTS_H
#define PAGE_PARTS_H

/* What page/embed makes of the files in page/. */

extern const char page_head[]; /* up to the server's part */
extern const char page_tail[]; /* what follows */
extern const char page_csp[];  /* Content-Security-Policy */

#endif
