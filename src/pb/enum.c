/* Enums by name. */

#include "pb/pb.h"

#include <ctype.h>

const char *pb_enum_name(const ProtobufCEnumDescriptor *type, int value)
{
	const ProtobufCEnumValue *found = protobuf_c_enum_descriptor_get_value(type, value);

	return found ? found->name : NULL;
}

static char plain(char c)
{
	return c == '-' ? '_' : (char)tolower((unsigned char)c);
}

static bool is_same_word(struct str word, const char *name)
{
	if (word.len != strlen(name))
		return false;
	for (size_t i = 0; i < word.len; i++)
		if (plain(word.ptr[i]) != plain(name[i]))
			return false;
	return true;
}

bool pb_enum_parse(const ProtobufCEnumDescriptor *type, struct str word, int *value)
{
	for (unsigned i = 0; i < type->n_values; i++) {
		if (is_same_word(word, type->values[i].name)) {
			*value = type->values[i].value;
			return true;
		}
	}
	return false;
}
