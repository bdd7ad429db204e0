/* A NET worker that carries out one order after the other for a job.
 *
 *     {op: manifest, reference}             {event: manifest, type, digest, body}
 *     {op: blob, digest, size}              {event: data, bytes}... {event: done}
 *     {op: has, digest}                     {event: has, has: 0|1}
 *     {op: put_blob, digest, size} + fd     {event: progress, current}... {event: done}
 *     {op: put_manifest, reference, type, body}   {event: done}
 *
 * Any order may end with a failure record; the worker goes on. `endpoint` in an order is the
 * endpoint to begin with; the answer's says which one it came from. The worker has no files: what it
 * fetches goes through the channel, so that the job writes and hashes it itself. */
#ifndef SHOAL_CONTENT_FETCHER_H
#define SHOAL_CONTENT_FETCHER_H

#include <stdint.h>

#include "content/registry.h"
#include "content/sandbox.h"

struct fetcher {
	struct worker worker;
	int64_t endpoint;
};

bool fetcher_start(struct fetcher *f, const struct registry_setup *setup, uid_t uid,
		   struct err *e) MUST_CHECK;

bool fetcher_order_blob(struct fetcher *f, const char *digest, int64_t size,
			struct err *e) MUST_CHECK;
bool fetcher_order_put(struct fetcher *f, const char *digest, int64_t size, int fd,
		       struct err *e) MUST_CHECK;

/* These wait for the answer. */
bool fetcher_manifest(struct fetcher *f, const char *reference, struct buf *body, char type[256],
		      char digest[256], struct err *e) MUST_CHECK;
bool fetcher_login(struct fetcher *f, struct err *e) MUST_CHECK;
bool fetcher_has(struct fetcher *f, const char *digest, bool *has, struct err *e) MUST_CHECK;
bool fetcher_put_manifest(struct fetcher *f, const char *reference, const char *type,
			  struct str body, struct err *e) MUST_CHECK;

#endif
