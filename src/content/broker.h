/* Requests in, jobs out: the loop of shoal-content.
 *
 * Each request runs as a job in a process of its own; at most JOBS_MAX at a time, others wait in the
 * order they came. remove and gc run alone. A job's reports are passed on; one that dies without an
 * end gets one here. The program ends, and all jobs with it, when the other end closes the socket. */
#ifndef SHOAL_CONTENT_BROKER_H
#define SHOAL_CONTENT_BROKER_H

#include "content/job.h"

#define JOBS_MAX 16
#define WAITING_MAX 1024

/* Serve the socket `fd` until its end. `idle_ms` without work: {event: idle} is sent once. */
bool broker_run(const struct settings *settings, int fd, int idle_ms, struct err *e);

#endif
