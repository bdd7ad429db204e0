/* Docker's dialect of JSON: tables that say which key is which field of our messages.
 *
 * A row names a key, the field's dotted path (pb/path.h) and how its value is written. Reading and
 * writing go through the same row, so they cannot drift, and the daemon and the command line share
 * the tables. What holds:
 *   reading   keys are matched without regard to case, as Go's reader does; unknown keys and null are
 *             passed over; an object makes its message, so {} is there and absent is not; of two
 *             members of a oneof the second is refused; a wrong value names its key.
 *   writing   keys come in the order of the table. A field that is not set is written as its zero
 *             (0, "", false, [], {}) unless the row says otherwise.
 *   versions  a row applies to API versions 1.since up to, not including, 1.until; 0: no limit. In
 *             both directions: a key of a newer API is unknown to an older client's request. */
#ifndef SHOAL_DOCKER_DIALECT_H
#define SHOAL_DOCKER_DIALECT_H

#include "base/json_write.h"
#include "pb/pb.h"

#define DIALECT_TEXT_MAX    (4 << 20) /* bytes of a text that is read */
#define DIALECT_VALUES_MAX  200000    /* values in it */
#define DIALECT_NESTING_MAX 64 /* objects and lists inside each other, unknown keys included */

struct dialect;
struct json_t;

enum dialect_kind {
	DIALECT_TEXT,
	DIALECT_INT, /* integers of any type */
	DIALECT_BOOL,
	DIALECT_FLOAT,
	DIALECT_WORD,    /* an enum by `words`, or by its own names in lower case */
	DIALECT_SPAN,    /* a Duration as nanoseconds */
	DIALECT_TIME,    /* a Timestamp in RFC 3339 */
	DIALECT_TIME_NS, /* int64 nanoseconds since 1970 in RFC 3339; 0 is Go's zero time */
	DIALECT_TIME_S,  /* int64 nanoseconds since 1970 as seconds */
	DIALECT_BYTES,   /* base64 */
	DIALECT_PEM,     /* bytes that are text */
	DIALECT_TEXTS,   /* a list of strings */
	DIALECT_INTS,    /* a list of integers */
	DIALECT_MAP,     /* an object of strings */
	DIALECT_SET,     /* a list of strings as an object of empty objects: {"80/tcp":{}} */
	DIALECT_OBJECT,  /* a message by `sub` */
	DIALECT_OBJECTS, /* a list of messages by `sub` */
	DIALECT_KEYED,   /* a list of messages as an object; `key_field` of each is its key */
	DIALECT_GROUP,   /* an object of fields of this same message by `sub`; it is there when the
	                   * message at `path` is */
	DIALECT_MEMBERS, /* no key: members of the message at `path` lie in this same object */
	DIALECT_OWN,     /* `own` */
};

enum dialect_flags {
	OMIT_EMPTY = 1 << 0, /* not written when unset or zero */
	NULL_UNSET = 1 << 1, /* written as null when unset, a list or map when empty */
	READ_ONLY = 1 << 2,  /* taken from a client, never written */
	WRITE_ONLY = 1 << 3, /* written, and passed over when read */
	OMIT_UNSET = 1 << 4, /* not written when unset, but written when zero */
	OR_TEXT = 1 << 5,    /* TEXTS: one string is a list of one */
};

struct dialect_word {
	const char *word;
	int value;
};

/* A value that no kind describes. */
struct dialect_own {
	void (*write)(struct json *j, const char *key, const void *message, int version);
	bool (*read)(struct arena *a, void *message, const struct json_t *value, struct err *e);
};

struct dialect_field {
	const char *key, *path;
	enum dialect_kind kind;
	unsigned flags;
	const struct dialect *sub;
	const struct dialect_word
		*words; /* ends with a NULL word; reading takes the first that fits */
	const char *key_field;
	const struct dialect_own *own;
	int since, until;
};

struct dialect {
	const ProtobufCMessageDescriptor *type;
	const struct dialect_field *fields; /* ends with neither key nor path */
	const char *one_only; /* said when two members of a oneof are given; NULL: a default */
	/* Before and after an object is read: what absent keys mean, where that is no zero. */
	void (*begin)(struct arena *a, void *message);
	void (*finish)(struct arena *a, void *message);
};

/* Take the text's keys over into the message. `version` is the API's minor version. Fails with
 * ERR_INVALID; the message is then half filled. */
bool dialect_read(struct arena *a, const struct dialect *d, struct str text, int version,
		  void *message, struct err *e) MUST_CHECK;

/* The message, which may be NULL: null. */
void dialect_write(struct json *j, const char *key, const struct dialect *d, const void *message,
		   int version);
/* Its members, into an object that is open. */
void dialect_write_members(struct json *j, const struct dialect *d, const void *message,
			   int version);

#endif
