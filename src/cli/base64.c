#include "cli/base64.h"

#include <openssl/evp.h>

#include "base/mem.h"

void base64_encode(struct str bytes, bool for_url, struct buf *out)
{
	AUTO_FREE char *text = xmalloc(bytes.len / 3 * 4 + 5);
	int n = EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)bytes.ptr,
				(int)bytes.len);

	for (int i = 0; i < n && for_url; i++) {
		if (text[i] == '+')
			text[i] = '-';
		else if (text[i] == '/')
			text[i] = '_';
	}
	buf_append(out, text, (size_t)n);
}

bool base64_decode(struct str text, struct buf *out)
{
	AUTO_FREE unsigned char *bytes = xmalloc(text.len / 4 * 3 + 4);
	int n = EVP_DecodeBlock(bytes, (const unsigned char *)text.ptr, (int)text.len);

	if (n < 0)
		return false;
	for (size_t i = text.len; i > 0 && text.ptr[i - 1] == '=' && n > 0; i--)
		n--;
	return buf_append(out, bytes, (size_t)n);
}
