#include "cli/csv.h"

#include <string.h>

#include "base/mem.h"

#define WORD_MAX 65536

bool csv_next(struct str *rest, struct buf *field)
{
	size_t at = 0;
	bool quoted = false;

	buf_reset(field);
	if (!rest->ptr)
		return false;
	for (; at < rest->len && (quoted || rest->ptr[at] != ','); at++) {
		bool is_doubled = quoted && at + 1 < rest->len && rest->ptr[at + 1] == '"';

		if (rest->ptr[at] != '"')
			buf_append_char(field, rest->ptr[at]);
		else if (is_doubled)
			buf_append_char(field, rest->ptr[at++]);
		else
			quoted = !quoted;
	}
	*rest = at < rest->len ? str_bytes(rest->ptr + at + 1, rest->len - at - 1)
			       : (struct str){ 0 };
	return true;
}

json_t *shell_words(const char *text, struct err *e)
{
	json_t *words = json_array();
	AUTO_BUF struct buf word = BUF_MAX(WORD_MAX);
	bool in_word = false;
	char quote = 0;

	for (; *text; text++) {
		if (*text == '\\' && quote != '\'' && text[1]) {
			buf_append_char(&word, *++text);
			in_word = true;
		} else if (quote ? *text == quote : *text == '"' || *text == '\'') {
			quote = quote ? 0 : *text;
			in_word = true;
		} else if (!quote && strchr(" \t\n", *text)) {
			if (in_word)
				json_array_append_new(words, json_string(buf_str(&word).ptr));
			buf_reset(&word);
			in_word = false;
		} else {
			buf_append_char(&word, *text);
			in_word = true;
		}
	}
	if (quote) {
		fail(e, ERR_INVALID, "a quote is not closed");
		json_decref(words);
		return NULL;
	}
	if (in_word)
		json_array_append_new(words, json_string(buf_str(&word).ptr));
	return words;
}
