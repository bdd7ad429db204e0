/* Rotation: a log that grew past its size gets a new file.
 *
 * conmon's own limit throws the old lines away, so sizes are looked at here, ROTATION_MS apart: a
 * file may grow past its maximum by what is written in that time. No line is lost: the file is
 * renamed, conmon goes on writing to it, and opens a new one when it is told. */
#ifndef SHOAL_HOST_LOGS_ROTATION_H
#define SHOAL_HOST_LOGS_ROTATION_H

struct runtime_hands;

#define ROTATION_MS 1000

void rotation_init(struct runtime_hands *hands);
/* Some container runs that has a limit. */
void rotation_wake(struct runtime_hands *hands);

#endif
