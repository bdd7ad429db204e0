/* `image ls` and `image history`. */
#include "cli/image.h"

#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "template/field.h"
#include "console/format.h"
#include "console/units.h"

#define NAME_MAX_BYTES   4096
#define CREATED_BY_WIDTH 45

static const struct column columns[] = {
	{ "ID", "IMAGE ID" },
	{ "Repository", "REPOSITORY" },
	{ "Tag", "TAG" },
	{ "Digest", "DIGEST" },
	{ "CreatedSince", "CREATED" },
	{ "CreatedAt", "CREATED AT" },
	{ "Size", "SIZE" },
	{ "Containers", "CONTAINERS" },
	{ "VirtualSize", "SIZE" },
	{ "SharedSize", "SHARED SIZE" },
	{ "UniqueSize", "UNIQUE SIZE" },
	{ 0 },
};

static const struct listing plain_list = {
	columns,
	"{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}",
	"{{.ID}}",
};

static const struct listing digest_list = {
	columns,
	"{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}",
	"{{.ID}}",
};

struct name {
	struct str repository, tag, digest; /* empty: none */
};

/* "busybox:1.36" and "busybox@sha256:..." cut at the mark after the last slash. */
static bool split(const char *text, char mark, struct str *head, struct str *tail)
{
	const char *slash = strrchr(text, '/');
	const char *at = strchr(slash ? slash : text, mark);

	if (!at)
		return false;
	*head = str_bytes(text, (size_t)(at - text));
	*tail = str_of(at + 1);
	return true;
}

static struct str digest_of(const json_t *image, struct str repository)
{
	const json_t *digests = field_at(image, "RepoDigests");

	for (size_t i = 0; i < json_array_size(digests); i++) {
		struct str head, tail;

		if (split(field_text(json_array_get(digests, i), ""), '@', &head, &tail) &&
		    str_equal(head, repository))
			return tail;
	}
	return STR("");
}

static bool has_tag_of(const json_t *image, struct str repository)
{
	const json_t *tags = field_at(image, "RepoTags");

	for (size_t i = 0; i < json_array_size(tags); i++) {
		struct str head, tail;

		if (split(field_text(json_array_get(tags, i), ""), ':', &head, &tail) &&
		    str_equal(head, repository))
			return true;
	}
	return false;
}

static void name_cell(json_t *row, const char *field, struct str text)
{
	AUTO_FREE char *copy = text.len ? str_dup(text) : xstrdup("<none>");

	row_set(row, field, copy);
}

static void size_cell(json_t *row, const char *field, int64_t bytes, int digits)
{
	struct units_text text;

	row_set(row, field, bytes < 0 ? "N/A" : human_size((double)bytes, digits, &text));
}

json_t *image_row(const json_t *image, struct str repository, struct str tag, struct str digest,
		  bool whole, int64_t now_ns)
{
	json_t *row = row_new(field_at(image, "Labels"));
	int64_t created_ns = field_int(image, "Created") * NS_PER_SECOND;
	int64_t size = field_int(image, "Size"), shared = field_int(image, "SharedSize");
	AUTO_BUF struct buf cell = BUF_MAX(NAME_MAX_BYTES);
	struct units_text text;
	char id[13];

	row_set(row, "ID", whole ? field_text(image, "Id") : short_id(field_text(image, "Id"), id));
	name_cell(row, "Repository", repository);
	name_cell(row, "Tag", tag);
	if (digest.ptr)
		name_cell(row, "Digest", digest);
	else
		row_set(row, "Digest", "");
	buf_printf(&cell, "%s ago", human_duration(now_ns - created_ns, &text));
	row_set(row, "CreatedSince", created_ns > 0 ? cell.data : "N/A");
	row_set(row, "CreatedAt", time_write(created_ns, false, true, &text));
	size_cell(row, "Size", size, 3);
	size_cell(row, "VirtualSize", size, 4);
	size_cell(row, "SharedSize", shared, 4);
	size_cell(row, "UniqueSize", shared < 0 ? -1 : size - shared, 4);
	buf_reset(&cell);
	buf_printf(&cell, "%lld", (long long)field_int(image, "Containers"));
	row_set(row, "Containers", field_int(image, "Containers") < 0 ? "N/A" : cell.data);
	return row;
}

/* A row a name; an image without names is <none>. */
static void add_rows(json_t *rows, const json_t *image, bool shows_digests, bool whole,
		     int64_t now_ns)
{
	const json_t *tags = field_at(image, "RepoTags"), *digests = field_at(image, "RepoDigests");
	size_t before = json_array_size(rows);

	for (size_t i = 0; i < json_array_size(tags); i++) {
		const char *name = field_text(json_array_get(tags, i), "");
		struct name n = { str_of(name), STR(""), STR("") };

		if (strcmp(name, "<none>:<none>") == 0)
			continue;
		(void)split(name, ':', &n.repository, &n.tag);
		if (shows_digests)
			n.digest = digest_of(image, n.repository);
		json_array_append_new(
			rows, image_row(image, n.repository, n.tag, n.digest, whole, now_ns));
	}
	for (size_t i = 0; i < json_array_size(digests); i++) {
		const char *name = field_text(json_array_get(digests, i), "");
		struct name n = { str_of(name), STR(""), STR("") };

		if (!split(name, '@', &n.repository, &n.digest) ||
		    has_tag_of(image, n.repository) || strcmp(name, "<none>@<none>") == 0)
			continue;
		json_array_append_new(rows, image_row(image, n.repository, n.tag,
						      shows_digests ? n.digest : (struct str){ 0 },
						      whole, now_ns));
	}
	if (json_array_size(rows) == before)
		json_array_append_new(rows,
				      image_row(image, STR(""), STR(""), STR(""), whole, now_ns));
}

bool image_list(struct cli *c, const struct args *a, struct err *e)
{
	const char *format = args_text(a, "format");
	bool digests = args_bool(a, "digests");
	AUTO_JSON json_t *rows = json_array(), *images = NULL;
	AUTO_FREE const char **pairs = NULL;
	AUTO_FREE char *reference = NULL;
	AUTO_QUERY struct query q = QUERY;
	const char *const *filters;
	size_t count;

	filters = args_list(a, "filter", &count);
	pairs = xcalloc(count + 1, sizeof(*pairs));
	if (count)
		memcpy(pairs, filters, count * sizeof(*pairs));
	if (a->word_count)
		pairs[count++] = reference = xasprintf("reference=%s", a->words[0]);
	query_add_flag(&q, "all", args_bool(a, "all"));
	query_add_filters(&q, pairs, count);
	images = client_get(c->client, "/images/json", &q, e);
	if (!images)
		return false;
	for (size_t i = 0; i < json_array_size(images); i++)
		add_rows(rows, json_array_get(images, i), digests || strstr(format, ".Digest"),
			 args_bool(a, "no-trunc"), c->now_ns);
	return listing_print(digests ? &digest_list : &plain_list, format, args_bool(a, "quiet"),
			     rows, e);
}

static const struct column history_columns[] = {
	{ "ID", "IMAGE" },
	{ "CreatedSince", "CREATED" },
	{ "CreatedAt", "CREATED AT" },
	{ "CreatedBy", "CREATED BY" },
	{ "Size", "SIZE" },
	{ "Comment", "COMMENT" },
	{ 0 },
};

static const struct listing human_history = {
	history_columns,
	"{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}",
	"{{.ID}}",
};

static const struct listing exact_history = {
	history_columns,
	"{{.ID}}\t{{.CreatedAt}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}",
	"{{.ID}}",
};

/* RFC 3339 in local time, to the second. */
static const char *local_time(int64_t seconds, char out[40])
{
	time_t when = (time_t)seconds;
	struct tm tm;
	size_t n;

	localtime_r(&when, &tm);
	n = strftime(out, 40, "%Y-%m-%dT%H:%M:%S%z", &tm);
	if (n > 5 && strcmp(out + n - 5, "+0000") == 0)
		strcpy(out + n - 5, "Z");
	else if (n > 5)
		memmove(out + n - 1, out + n - 2, 3), out[n - 2] = ':';
	return out;
}

static json_t *history_row(const json_t *layer, bool human, bool whole, int64_t now_ns)
{
	json_t *row = row_new(NULL);
	AUTO_BUF struct buf cell = BUF_MAX(65536);
	int64_t created = field_int(layer, "Created");
	const char *by = field_text(layer, "CreatedBy"), *id = field_text(layer, "Id");
	struct units_text text;
	char when[40], cut[13];

	row_set(row, "ID", whole || strcmp(id, "<missing>") == 0 ? id : short_id(id, cut));
	buf_printf(&cell, "%s ago", human_duration(now_ns - created * NS_PER_SECOND, &text));
	row_set(row, "CreatedSince", created > 0 ? cell.data : "N/A");
	row_set(row, "CreatedAt", local_time(created, when));
	buf_reset(&cell);
	for (const char *at = by; *at; at++)
		buf_append_char(&cell, *at == '\t' ? ' ' : *at);
	if (!whole) {
		AUTO_BUF struct buf short_text = BUF_MAX(65536);

		ellipsis(buf_str(&cell).ptr, CREATED_BY_WIDTH, &short_text);
		row_set(row, "CreatedBy", buf_str(&short_text).ptr);
	} else {
		row_set(row, "CreatedBy", buf_str(&cell).ptr);
	}
	buf_reset(&cell);
	buf_printf(&cell, "%lld", (long long)field_int(layer, "Size"));
	row_set(row, "Size",
		human ? human_size((double)field_int(layer, "Size"), 3, &text) : cell.data);
	row_set(row, "Comment", field_text(layer, "Comment"));
	return row;
}

bool image_history(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_FREE char *path = path_of("/images/%s/history", a->words[0]);
	AUTO_JSON json_t *rows = json_array(), *layers = client_get(c->client, path, NULL, e);
	bool human = args_bool(a, "human");

	if (!layers)
		return false;
	for (size_t i = 0; i < json_array_size(layers); i++)
		json_array_append_new(rows, history_row(json_array_get(layers, i), human,
							args_bool(a, "no-trunc"), c->now_ns));
	return listing_print(human ? &human_history : &exact_history, args_text(a, "format"),
			     args_bool(a, "quiet"), rows, e);
}
