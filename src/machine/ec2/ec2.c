#include "machine/ec2/ec2.h"

#include <stdio.h>
#include <time.h>

#include "base/mem.h"
#include "template/field.h"

#define PAUSE_FIRST_MS 200
#define PAUSE_MAX_MS   3000
#define TAGS_MAX       45

static char *endpoint_of(const json_t *own)
{
	const char *said = field_text(own, "Endpoint");

	if (!*said)
		return NULL;
	if (strstr(said, "://"))
		return xasprintf("%.*s", (int)(strlen(said) - str_ends_with(str_of(said), "/")),
				 said);
	return xasprintf("%s://%s", field_bool(own, "DisableSSL") ? "http" : "https", said);
}

void ec2_open(struct ec2 *x, struct cli *c, struct machine *m)
{
	const json_t *retries = field_at(m->own, "RetryCount");

	*x = (struct ec2){ .cli = c, .m = m, .own = m->own };
	aws_init(&x->aws, field_text(m->own, "Region"), NULL);
	x->wish = (struct credential_wish){ .profile = field_text(m->own, "Profile"),
					    .role = field_text(m->own, "RoleArn"),
					    .region = x->aws.region };
	x->aws.wish = &x->wish;
	x->aws.endpoint = endpoint_of(m->own);
	if (json_is_integer(retries))
		x->aws.retries = (int)json_integer_value(retries);
}

void ec2_close(struct ec2 *x)
{
	aws_clear(&x->aws);
}

json_t *ec2_call(struct ec2 *x, const char *action, struct form *f, struct err *e)
{
	return aws_call(&x->aws, SERVICE_EC2, action, f, e);
}

void form_filter(struct form *f, int n, const char *name, const char *value)
{
	form_put(f, name, "Filter.%d.Name", n);
	form_put(f, value, "Filter.%d.Value.1", n);
}

static void put_tag(struct form *f, int n, int *tag, struct str key, struct str value)
{
	(*tag)++;
	form_put_str(f, key, "TagSpecification.%d.Tag.%d.Key", n, *tag);
	form_put_str(f, value, "TagSpecification.%d.Tag.%d.Value", n, *tag);
}

/* "key1,value1,key2,value2"; a last key without a value is dropped. */
static void put_tags_of_user(struct ec2 *x, struct form *f, int n, int *tag)
{
	struct str rest = str_of(field_text(x->own, "Tags")), key, value;

	while (rest.len && *tag < TAGS_MAX) {
		if (!str_cut(rest, ',', &key, &rest))
			return;
		str_cut(rest, ',', &value, &rest);
		put_tag(f, n, tag, key, value);
	}
}

bool form_tags(struct ec2 *x, struct form *f, int n, const char *type, struct err *e)
{
	bool is_shared = strcmp(type, "security-group") == 0;
	char store[ID_TEXT] = "-";
	int tag = 0;

	if (!x->m->is_plan && !store_id(x->m->store, store, e))
		return false;
	form_put(f, type, "TagSpecification.%d.ResourceType", n);
	put_tag(f, n, &tag, STR(TAG_STORE), str_of(store));
	if (is_shared)
		return true;
	put_tag(f, n, &tag, STR("Name"), str_of(x->m->name));
	put_tag(f, n, &tag, STR(TAG_MACHINE), str_of(field_text(x->own, "ID")));
	put_tags_of_user(x, f, n, &tag);
	return true;
}

void ec2_pause(int try)
{
	int64_t pause_ms = PAUSE_FIRST_MS;
	struct timespec t;

	while (try-- > 0 && pause_ms < PAUSE_MAX_MS)
		pause_ms += pause_ms / 2;
	t = (struct timespec){ pause_ms / 1000, pause_ms % 1000 * 1000000 };
	(void)nanosleep(&t, NULL);
}
