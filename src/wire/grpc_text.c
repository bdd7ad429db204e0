#include "wire/grpc_text.h"

#include <inttypes.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>

#include "base/mem.h"

#define DIGITS_MAX INT64_C(99999999)

static const struct {
	char letter;
	int64_t ns;
} units[] = {
	{ 'n', 1 },
	{ 'u', 1000 },
	{ 'm', 1000000 },
	{ 'S', INT64_C(1000000000) },
	{ 'M', INT64_C(60000000000) },
	{ 'H', INT64_C(3600000000000) },
};

void grpc_timeout_write(int64_t timeout_ms, char out[GRPC_TIMEOUT_LEN])
{
	static const struct {
		int64_t ms;
		char letter;
	} steps[] = { { 1, 'm' }, { 1000, 'S' }, { 60000, 'M' }, { 3600000, 'H' } };
	char text[32];
	int64_t n = 0;
	size_t i;

	for (i = 0; i < ARRAY_LEN(steps); i++) {
		n = timeout_ms / steps[i].ms + (timeout_ms % steps[i].ms != 0);
		if (n <= DIGITS_MAX)
			break;
	}
	if (i == ARRAY_LEN(steps)) {
		i--;
		n = DIGITS_MAX;
	}
	snprintf(text, sizeof(text), "%" PRId64 "%c", n, steps[i].letter);
	memcpy(out, text, strlen(text) + 1);
}

bool grpc_timeout_parse(struct str text, int64_t *timeout_ms)
{
	uint64_t n;

	if (text.len < 2 || text.len > 9 || !str_to_u64(str_bytes(text.ptr, text.len - 1), &n))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (units[i].letter != text.ptr[text.len - 1])
			continue;
		if (units[i].ns >= 1000000)
			*timeout_ms = (int64_t)n * (units[i].ns / 1000000);
		else
			*timeout_ms = ((int64_t)n * units[i].ns + 999999) / 1000000;
		return true;
	}
	return false;
}

void grpc_text_encode(struct buf *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= ' ' && c <= '~' && c != '%')
			buf_append_char(out, (char)c);
		else
			buf_printf(out, "%%%02X", c);
	}
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

void grpc_text_decode(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		int high = i + 2 < text.len ? hex_value(text.ptr[i + 1]) : -1;
		int low = i + 2 < text.len ? hex_value(text.ptr[i + 2]) : -1;

		if (text.ptr[i] != '%' || high < 0 || low < 0 || (high == 0 && low == 0)) {
			buf_append_char(out, text.ptr[i]);
			continue;
		}
		buf_append_char(out, (char)(high << 4 | low));
		i += 2;
	}
}

enum grpc_status grpc_status_of_http(int status)
{
	switch (status) {
	case 400:
		return GRPC_INTERNAL;
	case 401:
		return GRPC_UNAUTHENTICATED;
	case 403:
		return GRPC_PERMISSION_DENIED;
	case 404:
		return GRPC_UNIMPLEMENTED;
	case 429:
	case 502:
	case 503:
	case 504:
		return GRPC_UNAVAILABLE;
	default:
		return GRPC_UNKNOWN;
	}
}

enum grpc_status grpc_status_of_reset(uint32_t error)
{
	switch (error) {
	case NGHTTP2_REFUSED_STREAM:
		return GRPC_UNAVAILABLE;
	case NGHTTP2_CANCEL:
		return GRPC_CANCELLED;
	case NGHTTP2_ENHANCE_YOUR_CALM:
		return GRPC_RESOURCE_EXHAUSTED;
	case NGHTTP2_INADEQUATE_SECURITY:
		return GRPC_PERMISSION_DENIED;
	default:
		return GRPC_INTERNAL;
	}
}

bool grpc_is_content_type(struct str value)
{
	static const char name[] = "application/grpc";
	size_t len = sizeof(name) - 1;

	return str_starts_with(value, name) &&
	       (value.len == len || value.ptr[len] == '+' || value.ptr[len] == ';');
}
