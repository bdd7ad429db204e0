/* Messages as text for people: one field a line, sub-messages indented, unset fields left out. */

#include "pb/field.h"

struct printer {
	struct buf *out;
	int depth;
};

static void print_message(struct printer *p, const ProtobufCMessage *message);

static void begin_line(struct printer *p, const char *name)
{
	buf_printf(p->out, "%*s%s", 2 * p->depth, "", name);
}

static void print_quoted(struct buf *out, struct str s)
{
	buf_append_char(out, '"');
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = s.ptr[i];

		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c < ' ' || c == 0x7f)
			buf_printf(out, "\\x%02x", c);
		else
			buf_append_char(out, (char)c);
	}
	buf_append_char(out, '"');
}

static void print_enum(struct buf *out, const ProtobufCEnumDescriptor *type, int value)
{
	const char *name = pb_enum_name(type, value);

	if (name)
		buf_append_c(out, name);
	else
		buf_printf(out, "%d", value);
}

static void print_number(struct buf *out, const ProtobufCFieldDescriptor *f, const void *at)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_BOOL:
		buf_append_c(out, *(const protobuf_c_boolean *)at ? "true" : "false");
		return;
	case PROTOBUF_C_TYPE_ENUM:
		print_enum(out, f->descriptor, *(const int *)at);
		return;
	case PROTOBUF_C_TYPE_FLOAT:
		buf_printf(out, "%g", (double)*(const float *)at);
		return;
	case PROTOBUF_C_TYPE_DOUBLE:
		buf_printf(out, "%g", *(const double *)at);
		return;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		buf_printf(out, "%u", *(const uint32_t *)at);
		return;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		buf_printf(out, "%llu", (unsigned long long)*(const uint64_t *)at);
		return;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		buf_printf(out, "%lld", (long long)*(const int64_t *)at);
		return;
	default:
		buf_printf(out, "%d", *(const int32_t *)at);
		return;
	}
}

/* `at` is one value of the field, an item of it if it is a list. */
static void print_value(struct printer *p, const ProtobufCMessageDescriptor *type,
			const ProtobufCFieldDescriptor *f, const void *at)
{
	begin_line(p, f->name);
	if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
		buf_append_c(p->out, " {\n");
		p->depth++;
		print_message(p, *(ProtobufCMessage *const *)at);
		p->depth--;
		begin_line(p, "}\n");
		return;
	}
	buf_append_c(p->out, ": ");
	if (pb_is_sensitive(type, f))
		buf_append_c(p->out, "***");
	else if (f->type == PROTOBUF_C_TYPE_STRING)
		print_quoted(p->out, field_text(at));
	else if (f->type == PROTOBUF_C_TYPE_BYTES)
		buf_printf(p->out, "(%zu bytes)", field_bytes(at).len);
	else
		print_number(p->out, f, at);
	buf_append_char(p->out, '\n');
}

static void print_map_entry(struct printer *p, const ProtobufCFieldDescriptor *f,
			    const Pb__MapEntry *entry)
{
	begin_line(p, f->name);
	buf_append_char(p->out, '[');
	print_quoted(p->out, field_text(&entry->key));
	buf_append_c(p->out, "]: ");
	print_quoted(p->out, field_text(&entry->value));
	buf_append_char(p->out, '\n');
}

static void print_list(struct printer *p, const ProtobufCMessageDescriptor *type,
		       const ProtobufCFieldDescriptor *f, const void *message)
{
	const char *items = *(char *const *)field_at(message, f);

	for (size_t i = 0; i < *field_count(message, f); i++) {
		const void *item = items + i * field_value_size(f);

		if (f->descriptor == &pb__map_entry__descriptor)
			print_map_entry(p, f, *(Pb__MapEntry *const *)item);
		else
			print_value(p, type, f, item);
	}
}

static bool is_worth_a_line(const ProtobufCFieldDescriptor *f, const void *message)
{
	const void *at = field_at(message, f);

	if (field_in_oneof(f))
		return field_holds(message, f);
	switch (f->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		return field_message(message, f) != NULL;
	case PROTOBUF_C_TYPE_STRING:
		return field_text(at).len > 0;
	case PROTOBUF_C_TYPE_BYTES:
		return field_bytes(at).len > 0;
	default:
		return field_number(f, at) != 0;
	}
}

static void print_message(struct printer *p, const ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;

	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &type->fields[i];

		if (field_is_repeated(f))
			print_list(p, type, f, message);
		else if (is_worth_a_line(f, message))
			print_value(p, type, f, field_at(message, f));
	}
	for (unsigned i = 0; i < message->n_unknown_fields; i++) {
		begin_line(p, "");
		buf_printf(p->out, "%u: (unknown, %zu bytes)\n", message->unknown_fields[i].tag,
			   message->unknown_fields[i].len);
	}
}

bool pb_print(const void *message, struct buf *out)
{
	struct printer p = { .out = out };

	print_message(&p, message);
	return !out->overflow;
}
