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
#include "cli/field.h"

#define GO_MODE_DIR (INT64_C(1) << 31)

/* "NAME:PATH" of a container; a path with a slash before the colon is one of this host. */
static bool is_remote(const char *text, struct str *name, struct str *path)
{
	return *text != '/' && *text != '.' && str_cut(str_of(text), ':', name, path) && name->len &&
	       str_find(*name, '/') < 0;
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

static bool write_fully(int fd, const char *data, size_t size, struct err *e)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_sys(e, errno, "write");
		data += n;
		size -= (size_t)n;
	}
	return true;
}

static bool pour(struct stream *s, int fd, struct err *e)
{
	char bytes[65536];
	ssize_t n;

	while ((n = stream_read(s, bytes, sizeof(bytes), e)) > 0)
		if (!write_fully(fd, bytes, (size_t)n, e))
			return false;
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

/* Unpack into `target`: inside it if it is a folder, else under its name. */
static bool unpack(struct stream *s, const char *source, const char *target, bool keeps_owner, struct err *e)
{
	AUTO_FREE char *folder = xstrdup(target), *rename_option = NULL;
	struct stat st;
	bool is_folder = stat(target, &st) == 0 && S_ISDIR(st.st_mode), ok;
	int ends[2];
	pid_t pid;

	if (!is_folder) {
		char *slash = strrchr(folder, '/');

		rename_option = tar_rename(base_name(source), base_name(target));
		if (slash)
			slash[slash == folder] = '\0';
		else
			strcpy(folder, ".");
	} else {
		rename_option = xstrdup("--no-wildcards");
	}
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail_sys(e, errno, "pipe");
	{
		char *argv[] = { "tar", "-x", "-f", "-", "-C", folder, rename_option,
				 keeps_owner ? "--same-owner" : "--no-same-owner", NULL };

		pid = run_tar(argv, ends[0], false);
	}
	close(ends[0]);
	ok = pid > 0 && pour(s, ends[1], e);
	close(ends[1]);
	return pid > 0 && tar_ended(pid, e) && ok;
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
	struct request r = { .method = "PUT", .path = path, .query = &q, .body_fd = fd,
			     .content_type = "text/plain" };

	if (args_bool(a, "archive"))
		query_add(&q, "copyUIDGID", "true");
	query_add(&q, "noOverwriteDirNonDir", "true");
	query_add(&q, "path", folder);
	return client_call(c->client, &r, NULL, e);
}

static bool copy_in(struct cli *c, const struct args *a, const char *source, const char *name,
		    const char *target, struct err *e)
{
	AUTO_FREE char *into = NULL, *folder = xstrdup(source), *file = NULL, *rename_option = NULL;
	bool exists, is_folder, ends_in_slash = target[0] && target[strlen(target) - 1] == '/';
	struct err why = { 0 };
	int ends[2];
	pid_t pid;
	bool ok;

	is_folder = is_remote_folder(c, name, target, &exists, &why);
	if (!exists && why.kind != ERR_NOT_FOUND)
		return *e = why, false;
	if (strcmp(source, "-") == 0) {
		AUTO_CLOSE int in = dup(0);

		return is_folder ? put(c, a, name, target, in, e)
				 : fail(e, ERR_INVALID, "destination \"%s:%s\" must be a directory", name, target);
	}
	if (access(source, R_OK) < 0)
		return fail_sys(e, errno, "%s", source);
	if (!exists && ends_in_slash)
		return fail(e, ERR_NOT_FOUND, "no such directory: %s:%s", name, target);
	/* Into a folder that is there, under our name; else under the name given, in its folder. */
	into = is_folder ? xstrdup(target) : parent_of(target);
	while (strlen(folder) > 1 && folder[strlen(folder) - 1] == '/')
		folder[strlen(folder) - 1] = '\0';
	file = xstrdup(base_name(folder));
	if (strrchr(folder, '/'))
		strrchr(folder, '/')[strrchr(folder, '/') == folder] = '\0';
	else
		strcpy(folder, ".");
	rename_option = is_folder ? xstrdup("--no-wildcards") : tar_rename(file, base_name(target));
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail_sys(e, errno, "pipe");
	{
		char *argv[] = { "tar", "-c", "-f", "-", "-C", folder, rename_option,
				 args_bool(a, "follow-link") ? "--dereference" : "--no-wildcards", "--", file,
				 NULL };

		pid = run_tar(argv, ends[1], true);
	}
	close(ends[1]);
	ok = pid > 0 && put(c, a, name, into, ends[0], e);
	close(ends[0]);
	return pid > 0 && tar_ended(pid, ok ? e : &why) && ok;
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
