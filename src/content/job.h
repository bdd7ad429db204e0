/* One request, in a process of its own, forked from the program for it.
 *
 * A job has the right to start workers and to write the store. It reads records only: whatever was
 * parsed, a worker parsed. It reports upward with records that carry its ticket; when it dies before
 * it reported an end, the program does so for it. */
#ifndef SHOAL_CONTENT_JOB_H
#define SHOAL_CONTENT_JOB_H

#include "content/channel.h"
#include "content/sandbox.h"
#include "content/store.h"
#include "content/unpack.h"

struct settings {
	const char *root;      /* the data root */
	const char *certs_dir; /* "/etc/docker/certs.d" */
	uid_t uid;             /* of workers that need none */
};

struct job {
	const struct settings *settings;
	struct store *store;
	const struct record *request;
	int64_t ticket;
	struct channel *up;
	char *dir;  /* its own place under tmp/ */
	int stream; /* the bytes that came or go with the request; -1: none */
	struct unpack_limits limits;
	bool is_ended;
};

/* The request's value as a text that lives as long as the arena; "" when absent. */
const char *job_text(const struct job *j, const char *name, struct arena *a);

void job_progress(struct job *j, const char *status, const char *id, int64_t current,
		  int64_t total);
/* A line without numbers. */
void job_say(struct job *j, const char *id, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* An event of this job; fill in the rest and send it. */
void job_event(struct job *j, struct record_writer *w, const char *event);
bool job_send(struct job *j, struct record_writer *w, struct err *e) MUST_CHECK;

/* What the done and image events say of an image, its config included. */
bool job_add_image(struct job *j, const struct image *image, struct record_writer *w,
		   struct err *e) MUST_CHECK;

/* Carry out a request; on failure *e is what to report. Each in the file of its name. */
bool job_pull(struct job *j, struct err *e);
bool job_inspect(struct job *j, struct err *e); /* in pull.c */
bool job_login(struct job *j, struct err *e);   /* in pull.c */
bool job_push(struct job *j, struct err *e);
bool job_load(struct job *j, struct err *e);
bool job_save(struct job *j, struct err *e);
bool job_import(struct job *j, struct err *e); /* in made.c */
bool job_commit(struct job *j, struct err *e); /* in made.c */
bool job_export(struct job *j, struct err *e); /* these four in copy.c */
bool job_stat(struct job *j, struct err *e);
bool job_archive(struct job *j, struct err *e);
bool job_put_archive(struct job *j, struct err *e);
bool job_remove(struct job *j, struct err *e); /* these two in sweep.c */
bool job_gc(struct job *j, struct err *e);

#endif
