/* The journal of a machine: what was made for it elsewhere, an entry each, oldest first.
 *
 * It is the list "Resources" of config.json. An entry is written, and synced, before the call that
 * makes the thing, under a name or token that is known by then; what the call answers (an id) is
 * written after it. So after a crash at any point each thing is in the journal, at worst as one
 * that was never made: whoever removes it takes "there is none" for an answer. */
#ifndef SHOAL_MACHINE_JOURNAL_H
#define SHOAL_MACHINE_JOURNAL_H

#include <jansson.h>
#include <stdbool.h>

#include "machine/store.h"

#define JOURNAL_ENTRIES_MAX 64

/* About to make a thing: `kind` is the driver's word, `name` what it can be found by. Fine when the
 * entry is there already. */
bool journal_will(struct machine *m, const char *kind, const char *name, struct err *e) MUST_CHECK;
/* It is made; `id` may be its name. */
bool journal_made(struct machine *m, const char *kind, const char *name, const char *id,
		  struct err *e) MUST_CHECK;
/* It is gone, or never was. */
bool journal_gone(struct machine *m, const char *kind, const char *name, struct err *e) MUST_CHECK;

/* The newest entry of a kind, or of any kind if that is NULL; NULL when there is none. Members "Kind",
 * "Name", "Id" ("" until it is made). Borrowed until the journal changes. */
const json_t *journal_newest(const struct machine *m, const char *kind);

#endif
