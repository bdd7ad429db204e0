/* The hands behind seam/content: one shoal-content, started when there is work.
 *
 * A seam call becomes a record for the program, what the program says becomes a fact
 * (content/broker.h lists both). It is told to go once it has been idle; the next call starts it
 * again. When it dies, what it had been given fails with its last words, and what it had not
 * yet been given goes to the next one. An answer that makes no sense fails its ticket: the
 * program's workers may have been taken over by what they parse.
 *
 * Bytes that go with a request (an archive, either way) run over a socketpair, one end of which
 * the program gets and the other is an endpoint (pipe.h). */
#ifndef SHOAL_HOST_CONTENT_HANDS_H
#define SHOAL_HOST_CONTENT_HANDS_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "seam/content.h"

struct content_hands;
struct endpoints;
struct loop;

/* Open tickets; more are refused. What waits for its turn does so in the program. */
#define CONTENT_TICKETS_MAX 1000
#define CONTENT_JOIN_MS     30000

/* Which registries to go to, and which of them need no certificate. */
struct content_registries {
	const char *const *mirrors; /* URLs, asked before docker.io */
	size_t mirror_count;
	const char *const *insecure; /* host, host:port or an address range */
	size_t insecure_count;
	int downloads_max; /* layers of an image brought at a time; 0: as the program likes */
};

struct content_hands_config {
	struct loop *loop;
	struct endpoints *endpoints;
	const char *data_root; /* absolute */
	const char *certs_dir; /* NULL: "/etc/docker/certs.d" */
	const char *program;   /* NULL: "shoal-content" beside our own program */
	int idle_ms; /* the program goes after so long without work; 0: what it thinks best */
	int join_ms; /* an endpoint that nobody has joined by then goes; 0: CONTENT_JOIN_MS */
	struct content_registries registries;
};

/* Starts nothing yet. NULL and *e if we cannot find out where our own program lies. What the
 * configuration points at is copied, but for loop and endpoints. */
struct content_hands *content_hands_new(const struct content_hands_config *config, struct err *e);
/* Ends the program, and with it all that is under way; endpoints of ours end. Before loop_free().
 */
void content_hands_free(struct content_hands *hands);

struct content content_hands_seam(struct content_hands *hands);

/* For the requests that come from now on. */
void content_hands_set_registries(struct content_hands *hands, const struct content_registries *r);

/* The program that runs now, or 0. */
pid_t content_hands_pid(const struct content_hands *hands);

#endif
