/* Calls of AWS's APIs: a form in, a JSON value out (XML answers are read into one, xml.h).
 *
 * A call that is throttled, meets a fault of the service or no answer is tried again, with longer and
 * longer pauses; keys that have expired are looked for again once. So each call that changes something
 * must be one that may arrive twice. Requests are POSTs with their words in the body, which is what
 * libcurl signs right. */
#ifndef SHOAL_MACHINE_AWS_CALL_H
#define SHOAL_MACHINE_AWS_CALL_H

#include <jansson.h>
#include <stdbool.h>

#include "base/str.h"
#include "machine/aws/credentials.h"

#define FORM_BYTES_MAX  ((size_t)256 << 10)
#define RETRIES_DEFAULT 5

enum service {
	SERVICE_EC2,
	SERVICE_STS,
	SERVICE_SSM, /* speaks JSON */
};

/* What a call is told. A call of SSM is told JSON, which its caller writes into `encoded`. */
struct form {
	struct buf encoded;
	struct buf shown; /* a line a field, for people */
};

#define FORM_EMPTY ((struct form){ BUF_MAX(FORM_BYTES_MAX), BUF_MAX(FORM_BYTES_MAX) })

/* Add a field; the name is a printf format: form_put(&f, id, "InstanceId.%d", i). */
void form_put(struct form *f, const char *value, const char *name, ...)
	__attribute__((format(printf, 3, 4)));
void form_put_str(struct form *f, struct str value, const char *name, ...)
	__attribute__((format(printf, 3, 4)));
static inline void form_clear(struct form *f)
{
	buf_clear(&f->encoded);
	buf_clear(&f->shown);
}
#define AUTO_FORM __attribute__((cleanup(form_clear)))

struct aws {
	char *region;
	char *endpoint; /* of EC2, if another than usual; or NULL */
	int retries;
	int64_t timeout_ms;                 /* of one try; 0: a minute */
	struct credentials credentials;     /* key NULL: not yet found */
	bool is_anonymous;                  /* calls are not signed */
	const struct credential_wish *wish; /* where to find them, or NULL; borrowed */
	struct buf *plan; /* calls that change something are written here, not made; or NULL */
	char code[64]; /* of the last refusal: "InvalidGroup.Duplicate"; "" when there was none */
};

/* With these credentials, which are copied; NULL: unsigned, until `wish` is set. */
void aws_init(struct aws *a, const char *region, const struct credentials *c);
void aws_clear(struct aws *a);

/* NULL and *e when it is refused: the sentence has the service's own words, the kind is by its code
 * (ERR_NOT_FOUND for *.NotFound, ERR_CONFLICT for *.Duplicate, ERR_UNAVAILABLE for no capacity, ...).
 * ERR_UNKNOWN_OUTCOME when the last try had no answer. In a plan, a call that changes something answers
 * an empty object. */
json_t *aws_call(struct aws *a, enum service service, const char *action, struct form *f,
		 struct err *e);
/* Was the last refusal of this code? */
bool aws_refused(const struct aws *a, const char *code);

/* "https://ec2.eu-west-2.amazonaws.com", or what AWS_ENDPOINT_URL_EC2 or AWS_ENDPOINT_URL say. */
char *service_url(const char *service, const char *region, const char *host);
/* Does one of those variables say something? */
bool service_is_elsewhere(const char *service);

/* What a failed answer means; for the tests. */
struct refusal {
	enum err_kind kind;
	bool may_pass; /* another try may go well */
};
struct refusal refusal_of(long status, const char *code);

#endif
