/* One request from the command line, and its events as text. */
#ifndef SHOAL_CONTENT_ASK_H
#define SHOAL_CONTENT_ASK_H

/* words[0] is the operation. Closes fd. 0: done, 1: failed or gone. */
int ask(int fd, int count, char **words);

#endif
