/* Moving images: pull, push, load, save, import. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "cli/auth.h"
#include "template/field.h"
#include "cli/image.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "wire/ref.h"

/* A name as the API wants it: "docker.io/library/busybox". */
static char *full_name(const struct ref *ref)
{
	return xasprintf("%s/%s", ref->domain, ref->path);
}

/* Pull what `ref` says, all tags if it has neither tag nor digest. */
static bool fetch(struct cli *c, const struct ref *ref, const char *platform, bool quiet, FILE *to,
		  struct err *e)
{
	AUTO_FREE char *name = full_name(ref), *auth = auth_header_for_image(c, name);
	AUTO_QUERY struct query q = QUERY;
	struct request r = {
		.method = "POST", .path = "/images/create", .query = &q, .auth = auth
	};
	bool is_terminal = to == stdout ? c->out_is_tty : c->err_is_tty, ok;
	struct stream *s;

	query_add(&q, "fromImage", name);
	if (*platform)
		query_add(&q, "platform", platform);
	query_add(&q, "tag", ref->digest[0] ? ref->digest : ref->tag);
	s = client_open(c->client, &r, e);
	ok = s && progress_show(s, to, is_terminal, quiet, false, e);
	stream_free(s);
	return ok;
}

bool image_fetch(struct cli *c, const char *reference, const char *platform, bool quiet,
		 bool to_stderr, struct err *e)
{
	struct ref ref;

	if (!ref_parse(str_of(reference), &ref, e))
		return false;
	ref_default_tag(&ref);
	return fetch(c, &ref, platform, quiet, to_stderr ? stderr : stdout, e);
}

bool image_pull(struct cli *c, const struct args *a, struct err *e)
{
	bool quiet = args_bool(a, "quiet"), all = args_bool(a, "all-tags");
	char full[REF_TEXT_MAX + 1];
	struct ref ref;

	if (!ref_parse(str_of(a->words[0]), &ref, e))
		return false;
	if (all && (ref.tag[0] || ref.digest[0]))
		return fail(e, ERR_INVALID, "tag can't be used with --all-tags/-a");
	if (!all && !ref.tag[0] && !ref.digest[0]) {
		ref_default_tag(&ref);
		if (!quiet)
			printf("Using default tag: %s\n", ref.tag);
	}
	if (!fetch(c, &ref, args_text(a, "platform"), quiet, stdout, e))
		return false;
	ref_full(&ref, full);
	printf("%s\n", full);
	return true;
}

bool image_push(struct cli *c, const struct args *a, struct err *e)
{
	bool quiet = args_bool(a, "quiet"), all = args_bool(a, "all-tags"), ok;
	AUTO_FREE char *path = NULL, *auth = NULL;
	AUTO_QUERY struct query q = QUERY;
	struct request r = { .method = "POST", .query = &q };
	char name[REF_TEXT_MAX + 1], full[REF_TEXT_MAX + 1];
	struct stream *s;
	struct ref ref;

	if (!ref_parse(str_of(a->words[0]), &ref, e))
		return false;
	if (all && (ref.tag[0] || ref.digest[0]))
		return fail(e, ERR_INVALID, "tag can't be used with --all-tags/-a");
	if (ref.digest[0])
		return fail(e, ERR_INVALID, "cannot push a digest reference");
	if (!all && !ref.tag[0]) {
		ref_default_tag(&ref);
		if (!quiet)
			printf("Using default tag: %s\n", ref.tag);
	}
	ref_familiar_name(&ref, name);
	r.path = path = path_of("/images/%s/push", name);
	r.auth = auth = auth_header_for_image(c, name);
	if (!all)
		query_add(&q, "tag", ref.tag);
	(void)fflush(stdout);
	s = client_open(c->client, &r, e);
	ok = s && progress_show(s, stdout, c->out_is_tty, quiet, false, e);
	stream_free(s);
	if (ok && quiet) {
		ref_full(&ref, full);
		printf("%s\n", full);
	}
	return ok;
}

bool image_load(struct cli *c, const struct args *a, struct err *e)
{
	const char *input = args_text(a, "input");
	AUTO_CLOSE int fd = -1;
	AUTO_QUERY struct query q = QUERY;
	struct request r = { .method = "POST",
			     .path = "/images/load",
			     .query = &q,
			     .content_type = "application/x-tar" };
	bool quiet = args_bool(a, "quiet") || !c->out_is_tty, ok;
	struct stream *s;

	if (!*input && c->in_is_tty)
		return fail(e, ERR_INVALID, "requested load from stdin, but stdin is empty");
	fd = *input ? open(input, O_RDONLY | O_CLOEXEC) : dup(0);
	if (fd < 0)
		return fail_sys(e, errno, "open %s", input);
	query_add_flag(&q, "quiet", quiet);
	r.body_fd = fd;
	s = client_open(c->client, &r, e);
	ok = s && progress_show(s, stdout, c->out_is_tty, quiet, true, e);
	stream_free(s);
	return ok;
}

bool image_save(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_QUERY struct query q = QUERY;
	struct request r = { .method = "GET", .path = "/images/get", .query = &q };

	for (size_t i = 0; i < a->word_count; i++)
		query_add(&q, "names", a->words[i]);
	return output_save(c, &r, args_text(a, "output"), "save", e);
}

bool image_import(struct cli *c, const struct args *a, struct err *e)
{
	const char *source = a->words[0];
	bool is_url = strstr(source, "://") != NULL, is_stdin = strcmp(source, "-") == 0, ok;
	AUTO_CLOSE int fd = -1;
	AUTO_QUERY struct query q = QUERY;
	struct request r = { .method = "POST",
			     .path = "/images/create",
			     .query = &q,
			     .content_type = "text/plain" };
	const char *const *changes;
	struct stream *s;
	size_t count;

	if (!is_url) {
		fd = is_stdin ? dup(0) : open(source, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return fail_sys(e, errno, "open %s", source);
		r.body_fd = fd;
	}
	changes = args_list(a, "change", &count);
	for (size_t i = 0; i < count; i++)
		query_add(&q, "changes", changes[i]);
	query_add(&q, "fromSrc", is_url ? source : "-");
	if (args_has(a, "message"))
		query_add(&q, "message", args_text(a, "message"));
	if (*args_text(a, "platform"))
		query_add(&q, "platform", args_text(a, "platform"));
	if (a->word_count > 1)
		query_add(&q, "repo", a->words[1]);
	s = client_open(c->client, &r, e);
	ok = s && progress_show(s, stdout, c->out_is_tty, false, false, e);
	stream_free(s);
	return ok;
}
