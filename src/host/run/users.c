/* Who is "user" or "user:group", by the files of a container's own root.
 *
 * The words of USER come from an image: a number that does not fit is refused, never cut down
 * to root's (CVE-2024-40635), a name that is all digits is a number first looked up as a name, as
 * in dockerd, and the files are read in bounded pieces. */
#include "host/run/users.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "host/run/hands.h"
#include "host/run/inside.h"

#define FILE_BYTES_MAX (4 << 20) /* of passwd and of group */

struct entry {
	struct str name, field[6]; /* what follows the name */
	uint32_t id;               /* the second field after the name */
};

static bool parse_id(struct str text, uint32_t *id)
{
	uint64_t value;

	if (!str_to_u64(text, &value) || value > INT32_MAX)
		return false;
	*id = (uint32_t)value;
	return true;
}

/* The next line that is an entry: name:password:id:... */
static bool next_entry(struct str *text, struct entry *entry)
{
	while (text->len > 0) {
		struct str line;

		if (!str_cut(*text, '\n', &line, text))
			*text = (struct str){ 0 };
		if (line.len == 0 || line.ptr[0] == '#' || !str_cut(line, ':', &entry->name, &line))
			continue;
		for (size_t i = 0; i < ARRAY_LEN(entry->field); i++)
			if (!str_cut(line, ':', &entry->field[i], &line))
				line = (struct str){ 0 };
		if (parse_id(entry->field[1], &entry->id))
			return true;
	}
	return false;
}

static bool find_entry(struct str text, struct str wanted, struct entry *entry)
{
	uint32_t id;
	bool is_number = parse_id(wanted, &id);

	while (next_entry(&text, entry))
		if (str_equal(entry->name, wanted) || (is_number && entry->id == id))
			return true;
	return false;
}

static bool is_member(struct str members, struct str name)
{
	struct str member;

	while (members.len > 0) {
		if (!str_cut(members, ',', &member, &members))
			members = (struct str){ 0 };
		if (str_equal(str_trim(member), name))
			return true;
	}
	return false;
}

static void add_group(struct users_answer *answer, uint32_t gid)
{
	for (size_t i = 0; i < answer->group_count; i++)
		if (answer->groups[i] == gid)
			return;
	if (answer->group_count < USERS_GROUPS_MAX)
		answer->groups[answer->group_count++] = gid;
}

static bool find_group(struct str group_file, struct str wanted, uint32_t *gid, struct err *e)
{
	struct entry entry;

	if (find_entry(group_file, wanted, &entry)) {
		*gid = entry.id;
		return true;
	}
	if (parse_id(wanted, gid))
		return true;
	return fail(e, ERR_INVALID, "unable to find group %.*s: no matching entries in group file",
		    STR_FMT(wanted));
}

bool users_find(struct str passwd, struct str group, const char *user, const char *const *more,
		size_t more_count, struct users_answer *answer, struct err *e)
{
	struct str wanted_user, wanted_group, rest = group;
	struct entry entry;
	bool has_group = str_cut(str_of(user), ':', &wanted_user, &wanted_group);
	bool is_known;

	*answer = (struct users_answer){ .home = STR("/") };
	if (wanted_user.len == 0)
		wanted_user = STR("0");
	is_known = find_entry(passwd, wanted_user, &entry);
	if (is_known) {
		answer->uid = entry.id;
		if (!parse_id(entry.field[2], &answer->gid))
			answer->gid = 0;
		if (entry.field[4].len > 0)
			answer->home = entry.field[4];
	} else if (!parse_id(wanted_user, &answer->uid)) {
		return fail(e, ERR_INVALID,
			    "unable to find user %.*s: no matching entries in passwd file",
			    STR_FMT(wanted_user));
	}
	if (has_group && wanted_group.len > 0) {
		if (!find_group(group, wanted_group, &answer->gid, e))
			return false;
	} else if (is_known) {
		struct str name = entry.name;

		while (next_entry(&rest, &entry))
			if (is_member(entry.field[2], name))
				add_group(answer, entry.id);
	}
	for (size_t i = 0; i < more_count; i++) {
		uint32_t gid;

		if (!find_group(group, str_of(more[i]), &gid, e))
			return false;
		add_group(answer, gid);
	}
	return true;
}

struct resolve_args {
	const char *user;
	const char **groups;
	size_t count;
};

static bool read_optional(int root, const char *path, struct buf *into, struct err *e)
{
	if (inside_read(root, path, into, e))
		return true;
	if (e->kind == ERR_EXHAUSTED)
		return false;
	buf_reset(into); /* an image need not have it */
	return true;
}

static void work_resolve(struct op *op)
{
	const struct resolve_args *args = op->args;
	AUTO_FREE char *rootfs = rootfs_path(op->hands, op->id);
	AUTO_CLOSE int root = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_BUF struct buf passwd = BUF_MAX(FILE_BYTES_MAX);
	AUTO_BUF struct buf group = BUF_MAX(FILE_BYTES_MAX);
	struct users_answer answer;

	if (root < 0) {
		fail_sys(&op->err, errno, "open the root of %.12s", op->id);
		return;
	}
	op->ok = read_optional(root, "/etc/passwd", &passwd, &op->err) &&
		 read_optional(root, "/etc/group", &group, &op->err) &&
		 users_find(buf_str(&passwd), buf_str(&group), args->user, args->groups,
			    args->count, &answer, &op->err);
	if (!op->ok)
		return;
	op->event.kind = RUNTIME_RESOLVED;
	op->event.user = (struct runtime_user){
		.uid = answer.uid,
		.gid = answer.gid,
		.groups = arena_copy(&op->memory, answer.groups,
				     answer.group_count * sizeof(*answer.groups)),
		.group_count = answer.group_count,
		.home = arena_str(&op->memory, answer.home),
	};
}

void runtime_resolve(void *self, uint64_t ticket, const char *id, const char *user,
		     const char *const *groups, size_t group_count)
{
	struct op *op = op_new(self, ticket, id, CREW_START, work_resolve);
	struct resolve_args *args = ARENA_NEW(&op->memory, struct resolve_args);

	args->user = arena_strdup(&op->memory, user ? user : "");
	args->groups = arena_alloc(&op->memory, (group_count + 1) * sizeof(char *));
	args->count = group_count;
	for (size_t i = 0; i < group_count; i++)
		args->groups[i] = arena_strdup(&op->memory, groups[i]);
	op->args = args;
	op_submit(op);
}
