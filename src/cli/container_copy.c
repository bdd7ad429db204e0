/* `cp`: files to and from a container, as tar streams. The tar program of this host packs and
 * unpacks them; it runs as the user and refuses names that lead out of the folder. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "cli/base64.h"
#include "cli/container.h"
#include "file/file.h"
#include "template/field.h"

#define GO_MODE_DIR (INT64_C(1) << 31)

/* "NAME:PATH" of a container; a path with a slash before the colon is one of this host. */
static bool is_remote(const char *text, struct str *name, struct str *path)
{
	return *text != '/' && *text != '.' && str_cut(str_of(text), ':', name, path) &&
	       name->len && str_find(*name, '/') < 0;
}

/* Start tar with `fd` as its standard input or output; its process id, or -1. */
static pid_t run_tar(char *const argv[], int fd, bool is_output)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	(void)signal(SIGPIPE, SIG_DFL);
	(void)dup2(fd, is_output ? 1 : 0);
	execvp("tar", argv);
	_exit(127);
}

static bool tar_ended(pid_t pid, struct err *e)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return fail_sys(e, errno, "wait for tar");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return fail(e, ERR_INTERNAL, "tar failed");
	return true;
}

static bool pour(struct stream *s, int fd, struct err *e)
{
	char bytes[65536];
	ssize_t n;

	while ((n = stream_read(s, bytes, sizeof(bytes), e)) > 0)
		if (!file_write_all(fd, str_bytes(bytes, (size_t)n)))
			return fail_sys(e, errno, "write");
	return n == 0;
}

/* tar's pattern language must not see what is a plain name. */
static char *tar_rename(const char *from, const char *to)
{
	struct buf b = BUF_MAX(65536);

	buf_append_c(&b, "--transform=s\x01^");
	for (const char *at = from; *at; at++)
		buf_printf(&b, "%s%c", strchr(".[]*^$\\", *at) ? "\\" : "", *at);
	buf_append_c(&b, "\\(/\\|$\\)\x01");
	for (const char *at = to; *at; at++)
		buf_printf(&b, "%s%c", strchr("&\\", *at) ? "\\" : "", *at);
	buf_append_c(&b, "\\1\x01");
	return buf_steal(&b);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Cut a path into its folder and its name; both are the caller's. */
static void split_path(const char *path, char **folder, char **name)
{
	char *slash;

	*folder = xstrdup(path);
	while (strlen(*folder) > 1 && (*folder)[strlen(*folder) - 1] == '/')
		(*folder)[strlen(*folder) - 1] = '\0';
	*name = xstrdup(base_name(*folder));
	slash = strrchr(*folder, '/');
	if (!slash) {
		free(*folder);
		*folder = xstrdup(".");
	} else {
		slash[slash == *folder] = '\0';
	}
}

/* Unpack into `target`: inside it if it is a folder, else under its name. */
static bool unpack(struct stream *s, const char *source, const char *target, bool keeps_owner,
		   struct err *e)
{
	AUTO_FREE char *folder = NULL, *name = NULL, *rename_option = NULL;
	AUTO_FREE char *source_folder = NULL, *source_name = NULL;
	struct stat st;
	bool is_folder = stat(target, &st) == 0 && S_ISDIR(st.st_mode), ok;
	struct err tar_error;
	int ends[2];
	pid_t pid;

	split_path(source, &source_folder, &source_name);
	split_path(target, &folder, &name);
	if (is_folder) {
		free(folder);
		folder = xstrdup(target);
		rename_option = xstrdup("--no-wildcards");
	} else {
		rename_option = tar_rename(source_name, name);
	}
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail_sys(e, errno, "pipe");
	{
		char *argv[] = { "tar",         "-x",
				 "-f",          "-",
				 "-C",          folder,
				 rename_option, keeps_owner ? "--same-owner" : "--no-same-owner",
				 NULL };

		pid = run_tar(argv, ends[0], false);
	}
	close(ends[0]);
	ok = pid > 0 ? pour(s, ends[1], e) : fail_sys(e, errno, "start tar");
	close(ends[1]);
	if (pid > 0 && !tar_ended(pid, &tar_error) && ok)
		return *e = tar_error, false;
	return ok;
}

static bool copy_out(struct cli *c, const struct args *a, const char *name, const char *source,
		     const char *target, struct err *e)
{
	AUTO_FREE char *path = path_of("/containers/%s/archive", name);
	AUTO_QUERY struct query q = QUERY;
	struct request r = { .method = "GET", .path = path, .query = &q };
	struct stream *s;
	bool ok;

	query_add(&q, "path", source);
	s = client_open(c->client, &r, e);
	if (!s)
		return false;
	if (strcmp(target, "-") == 0)
		ok = pour(s, 1, e);
	else
		ok = unpack(s, source, target, args_bool(a, "archive"), e);
	stream_free(s);
	return ok;
}

/* Is the path a folder in the container? False also when it is not there. */
static bool is_remote_folder(struct cli *c, const char *name, const char *path, bool *exists,
			     struct err *e)
{
	AUTO_FREE char *archive = path_of("/containers/%s/archive", name);
	AUTO_BUF struct buf text = BUF_MAX(65536);
	AUTO_JSON json_t *stat = NULL;
	AUTO_QUERY struct query q = QUERY;
	struct request r = { .method = "HEAD", .path = archive, .query = &q };
	struct stream *s;
	struct str header;

	query_add(&q, "path", path);
	s = client_open(c->client, &r, e);
	*exists = s != NULL;
	if (!s)
		return false;
	header = stream_header(s, "X-Docker-Container-Path-Stat");
	if (base64_decode(header, &text))
		stat = json_loadb(buf_str(&text).ptr, text.len, 0, NULL);
	stream_free(s);
	return field_int(stat, "mode") & GO_MODE_DIR;
}

/* The folder of a path in a container: "/a/b" is in "/a". */
static char *parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return xstrdup("/");
	return xstrndup(path, (size_t)(slash - path));
}

static bool put(struct cli *c, const struct args *a, const char *name, const char *folder, int fd,
		struct err *e)
{
	AUTO_FREE char *path = path_of("/containers/%s/archive", name);
	AUTO_QUERY struct query q = QUERY;
	struct request r = { .method = "PUT",
			     .path = path,
			     .query = &q,
			     .body_fd = fd,
			     .content_type = "text/plain" };

	if (args_bool(a, "archive"))
		query_add(&q, "copyUIDGID", "true");
	query_add(&q, "noOverwriteDirNonDir", "true");
	query_add(&q, "path", folder);
	return client_call(c->client, &r, NULL, e);
}

/* Where something of this host goes: into `folder` of the container, under `name` (NULL: its own). */
struct place {
	char *folder;
	const char *name;
};

/* A folder that is there takes things under their names; else the last part of the path is the name. */
static bool find_place(struct cli *c, const char *container, const char *target,
		       struct place *place, struct err *e)
{
	bool ends_in_slash = target[0] && target[strlen(target) - 1] == '/';
	bool exists, is_folder;
	struct err why;

	is_folder = is_remote_folder(c, container, target, &exists, &why);
	if (!exists && why.kind != ERR_NOT_FOUND)
		return *e = why, false;
	if (!exists && ends_in_slash)
		return fail(e, ERR_NOT_FOUND, "no such directory: %s:%s", container, target);
	place->folder = is_folder ? xstrdup(target) : parent_of(target);
	place->name = is_folder ? NULL : base_name(target);
	return true;
}

/* Pack `source` and send it. */
static bool send_packed(struct cli *c, const struct args *a, const char *source,
			const char *container, const struct place *place, struct err *e)
{
	AUTO_FREE char *folder = NULL, *name = NULL, *rename_option = NULL;
	struct err tar_error;
	int ends[2];
	pid_t pid;
	bool ok;

	split_path(source, &folder, &name);
	rename_option = place->name ? tar_rename(name, place->name) : xstrdup("--no-wildcards");
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail_sys(e, errno, "pipe");
	{
		char *argv[] = { "tar",
				 "-c",
				 "-f",
				 "-",
				 "-C",
				 folder,
				 rename_option,
				 args_bool(a, "follow-link") ? "--dereference" : "--no-wildcards",
				 "--",
				 name,
				 NULL };

		pid = run_tar(argv, ends[1], true);
	}
	close(ends[1]);
	ok = pid > 0 ? put(c, a, container, place->folder, ends[0], e)
		     : fail_sys(e, errno, "start tar");
	close(ends[0]);
	if (pid > 0 && !tar_ended(pid, &tar_error) && ok)
		return *e = tar_error, false;
	return ok;
}

static bool copy_in(struct cli *c, const struct args *a, const char *source, const char *container,
		    const char *target, struct err *e)
{
	bool is_stdin = strcmp(source, "-") == 0, ok;
	struct place place = { 0 };
	AUTO_CLOSE int in = -1;

	if (!is_stdin && access(source, R_OK) < 0)
		return fail_sys(e, errno, "%s", source);
	if (!find_place(c, container, target, &place, e))
		return false;
	if (!is_stdin) {
		ok = send_packed(c, a, source, container, &place, e);
	} else if (place.name) {
		ok = fail(e, ERR_INVALID, "destination \"%s:%s\" must be a directory", container,
			  target);
	} else {
		in = dup(0);
		ok = put(c, a, container, place.folder, in, e);
	}
	free(place.folder);
	return ok;
}

bool container_copy(struct cli *c, const struct args *a, struct err *e)
{
	struct str from_name, from_path, to_name, to_path;
	bool from = is_remote(a->words[0], &from_name, &from_path);
	bool to = is_remote(a->words[1], &to_name, &to_path);
	AUTO_FREE char *name = NULL, *path = NULL;

	if (from && to)
		return fail(e, ERR_UNSUPPORTED, "copying between containers is not supported");
	if (!from && !to)
		return fail(e, ERR_INVALID, "must specify at least one container source");
	/* A tar that gives up is an error to report, not our end. */
	(void)signal(SIGPIPE, SIG_IGN);
	name = str_dup(from ? from_name : to_name);
	path = str_dup(from ? from_path : to_path);
	if (from)
		return copy_out(c, a, name, path, a->words[1], e);
	return copy_in(c, a, a->words[0], name, path, e);
}
