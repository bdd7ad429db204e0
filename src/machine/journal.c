#include "machine/journal.h"

#include "template/field.h"

static json_t *entries(const struct machine *m)
{
	return field_array(m->config, "Resources");
}

/* Its place, or the number of entries. */
static size_t find(const struct machine *m, const char *kind, const char *name)
{
	json_t *list = entries(m);
	size_t count = json_array_size(list), i = 0;

	while (i < count && (strcmp(field_text(json_array_get(list, i), "Kind"), kind) != 0 ||
			     strcmp(field_text(json_array_get(list, i), "Name"), name) != 0))
		i++;
	return i;
}

bool journal_will(struct machine *m, const char *kind, const char *name, struct err *e)
{
	json_t *list = entries(m);

	if (find(m, kind, name) < json_array_size(list))
		return true;
	if (json_array_size(list) >= JOURNAL_ENTRIES_MAX)
		return fail(e, ERR_EXHAUSTED, "machine \"%s\" has %d things already", m->name,
			    JOURNAL_ENTRIES_MAX);
	json_array_append_new(list,
			      json_pack("{s:s, s:s, s:s}", "Kind", kind, "Name", name, "Id", ""));
	return machine_save(m, e);
}

bool journal_made(struct machine *m, const char *kind, const char *name, const char *id,
		  struct err *e)
{
	json_t *entry = json_array_get(entries(m), find(m, kind, name));

	if (!entry)
		return fail(e, ERR_INTERNAL, "%s %s was made without a word", kind, name);
	field_put_text(entry, "Id", id);
	return machine_save(m, e);
}

bool journal_gone(struct machine *m, const char *kind, const char *name, struct err *e)
{
	if (json_array_remove(entries(m), find(m, kind, name)) < 0)
		return true;
	return machine_save(m, e);
}

const json_t *journal_newest(const struct machine *m, const char *kind)
{
	json_t *list = entries(m);

	for (size_t i = json_array_size(list); i > 0; i--) {
		const json_t *entry = json_array_get(list, i - 1);

		if (!kind || strcmp(field_text(entry, "Kind"), kind) == 0)
			return entry;
	}
	return NULL;
}
