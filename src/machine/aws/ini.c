#include "machine/aws/ini.h"

#include <ctype.h>

#include "base/mem.h"
#include "file/file.h"

static json_t *section_of(json_t *file, struct str line)
{
	struct str inner = { line.ptr + 1, line.len - 2 };
	AUTO_FREE char *name = str_dup(str_trim(inner));
	json_t *section = json_object_get(file, name);

	if (section)
		return section;
	section = json_object();
	if (json_object_set_new(file, name, section) < 0)
		return NULL;
	return section;
}

static bool put(json_t *section, struct str line)
{
	struct str name, value;
	AUTO_FREE char *key = NULL;

	if (!str_cut(line, '=', &name, &value))
		return false;
	key = str_dup(str_trim(name));
	for (char *at = key; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	if (!*key)
		return false;
	value = str_trim(value);
	return json_object_set_new(section, key, json_stringn(value.ptr, value.len)) == 0;
}

json_t *ini_parse(struct str text, struct err *e)
{
	json_t *file = json_object(), *section = NULL;
	int number = 0;

	while (text.len) {
		struct str line, trimmed;
		bool ok = true;

		str_cut(text, '\n', &line, &text);
		trimmed = str_trim(line);
		number++;
		if (!trimmed.len || trimmed.ptr[0] == '#' || trimmed.ptr[0] == ';')
			continue;
		if (line.ptr[0] == ' ' || line.ptr[0] == '\t')
			continue;
		if (trimmed.ptr[0] == '[' && trimmed.ptr[trimmed.len - 1] == ']' && trimmed.len > 2)
			ok = (section = section_of(file, trimmed)) != NULL;
		else
			ok = section && put(section, trimmed);
		if (ok)
			continue;
		json_decref(file);
		fail(e, ERR_INVALID, "line %d is neither [section] nor name = value", number);
		return NULL;
	}
	return file;
}

json_t *ini_read(const char *path, struct err *e)
{
	AUTO_BUF struct buf text = BUF_MAX(INI_BYTES_MAX);
	json_t *file;

	if (!file_read(path, &text, e))
		return e->kind == ERR_NOT_FOUND ? json_object() : NULL;
	file = ini_parse(buf_str(&text), e);
	if (!file)
		(void)while_doing(e, "%s", path);
	return file;
}
