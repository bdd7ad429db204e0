/* A descriptor that becomes readable once or more: a pidfd when its process has ended, an eventfd
 * of a cgroup when something in it ran out of memory. */
#ifndef SHOAL_HOST_RUN_WATCH_H
#define SHOAL_HOST_RUN_WATCH_H

struct loop;
struct watch;

/* Takes the descriptor. `happened` is called on the loop; it may free the watch. A watch that is
 * not freed in it and whose descriptor stays readable is called again. */
struct watch *watch_new(struct loop *loop, int fd, void *self, void (*happened)(void *self));
int watch_fd(const struct watch *w);
/* Keep the descriptor and look at it no more. */
void watch_pause(struct watch *w);
void watch_free(struct watch *w);

#endif
