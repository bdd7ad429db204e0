#include "machine/aws/xml.h"

#include <expat.h>

#include "base/mem.h"

/* An element that is open. */
struct open {
	char *name;
	json_t *children; /* object or array; NULL until there is one */
	struct buf text;
};

struct reader {
	XML_Parser parser;
	struct open open[XML_DEPTH_MAX];
	size_t depth, elements;
	json_t *root;
	const char *why; /* we refused it */
};

static void refuse(struct reader *r, const char *why)
{
	if (!r->why)
		r->why = why;
	(void)XML_StopParser(r->parser, XML_FALSE);
}

static void on_start(void *arg, const char *name, const char **attributes)
{
	struct reader *r = arg;

	if (r->depth == XML_DEPTH_MAX || ++r->elements > XML_ELEMENTS_MAX) {
		refuse(r, "it is too deep or has too many elements");
		return;
	}
	r->open[r->depth++] =
		(struct open){ .name = xstrdup(name), .text = BUF_MAX(XML_BYTES_MAX) };
}

static bool is_member(const char *name)
{
	return strcmp(name, "item") == 0 || strcmp(name, "member") == 0;
}

static void add_child(struct open *parent, const char *name, json_t *value)
{
	json_t *old;

	if (!parent->children)
		parent->children = is_member(name) ? json_array() : json_object();
	if (json_is_array(parent->children)) {
		json_array_append_new(parent->children, value);
		return;
	}
	old = json_object_get(parent->children, name);
	if (!old)
		json_object_set_new(parent->children, name, value);
	else if (json_is_array(old))
		json_array_append_new(old, value);
	else
		json_object_set_new(parent->children, name, json_pack("[O, o]", old, value));
}

static json_t *value_of(struct open *o)
{
	json_t *text;

	if (o->children)
		return STEAL(o->children);
	text = json_stringn(o->text.data ? o->text.data : "", o->text.len);
	return text ? text : json_string("");
}

static void open_clear(struct open *o)
{
	free(o->name);
	json_decref(o->children);
	buf_clear(&o->text);
}

static void on_end(void *arg, const char *name)
{
	struct reader *r = arg;
	struct open *o;
	json_t *value;

	if (r->why || r->depth == 0)
		return;
	o = &r->open[--r->depth];
	value = value_of(o);
	if (r->depth)
		add_child(&r->open[r->depth - 1], o->name, value);
	else
		r->root = value;
	open_clear(o);
}

static void on_text(void *arg, const char *text, int length)
{
	struct reader *r = arg;

	if (r->depth && !r->open[r->depth - 1].children)
		buf_append(&r->open[r->depth - 1].text, text, (size_t)length);
}

static void on_doctype(void *arg, const char *name, const char *system, const char *public,
		       int has_subset)
{
	refuse(arg, "it has a document type");
}

json_t *xml_parse(struct str text, struct err *e)
{
	struct reader r = { .parser = XML_ParserCreate(NULL) };
	bool ok;

	if (!r.parser)
		abort();
	if (text.len > XML_BYTES_MAX) {
		XML_ParserFree(r.parser);
		fail(e, ERR_INVALID, "the XML answer is too long");
		return NULL;
	}
	XML_SetUserData(r.parser, &r);
	XML_SetElementHandler(r.parser, on_start, on_end);
	XML_SetCharacterDataHandler(r.parser, on_text);
	XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
	ok = XML_Parse(r.parser, text.ptr ? text.ptr : "", (int)text.len, 1) == XML_STATUS_OK;
	if (!ok)
		fail(e, ERR_INVALID, "the answer is no XML we read: line %lu: %s",
		     (unsigned long)XML_GetCurrentLineNumber(r.parser),
		     r.why ? r.why : XML_ErrorString(XML_GetErrorCode(r.parser)));
	XML_ParserFree(r.parser);
	while (r.depth)
		open_clear(&r.open[--r.depth]);
	if (ok)
		return r.root;
	json_decref(r.root);
	return NULL;
}
