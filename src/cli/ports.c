#include "cli/ports.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "template/field.h"

struct port {
	const char *ip, *type;
	int64_t inner, outer;
};

/* Ports in a row that go to the same address: shown as one range. */
struct run {
	const struct port *first;
	int64_t last;
};

static int by_port(const void *pa, const void *pb)
{
	const struct port *a = pa, *b = pb;

	if (a->inner != b->inner)
		return a->inner < b->inner ? -1 : 1;
	if (strcmp(a->ip, b->ip) != 0)
		return strcmp(a->ip, b->ip);
	if (a->outer != b->outer)
		return a->outer < b->outer ? -1 : 1;
	return strcmp(a->type, b->type);
}

static void write_address(const char *ip, struct buf *out)
{
	buf_printf(out, strchr(ip, ':') ? "[%s]:" : "%s:", ip);
}

static void write_run(const struct run *r, struct buf *out)
{
	char range[48];
	const struct port *p = r->first;

	if (p->inner == r->last)
		(void)snprintf(range, sizeof(range), "%lld", (long long)p->inner);
	else
		(void)snprintf(range, sizeof(range), "%lld-%lld", (long long)p->inner,
			       (long long)r->last);
	buf_append_c(out, out->len ? ", " : "");
	if (*p->ip) {
		write_address(p->ip, out);
		buf_printf(out, "%s->", range);
	}
	buf_printf(out, "%s/%s", range, p->type);
}

/* The run that `p` belongs to: the open one of its address and type. */
static struct run *run_of(struct run *runs, size_t count, const struct port *p)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(runs[i].first->ip, p->ip) == 0 &&
		    strcmp(runs[i].first->type, p->type) == 0)
			return &runs[i];
	return NULL;
}

void ports_write(const json_t *list, struct buf *out)
{
	size_t count = json_array_size(list), open = 0;
	AUTO_FREE struct port *ports = xcalloc(count, sizeof(*ports));
	AUTO_FREE struct run *runs = xcalloc(count, sizeof(*runs));
	AUTO_BUF struct buf mapped = BUF_MAX(1 << 20);

	for (size_t i = 0; i < count; i++) {
		const json_t *o = json_array_get(list, i);

		ports[i] = (struct port){ field_text(o, "IP"), field_text(o, "Type"),
					  field_int(o, "PrivatePort"), field_int(o, "PublicPort") };
	}
	qsort(ports, count, sizeof(*ports), by_port);
	for (size_t i = 0; i < count; i++) {
		const struct port *p = &ports[i];
		struct run *r;

		if (*p->ip && p->outer != p->inner) {
			buf_append_c(&mapped, mapped.len ? ", " : "");
			write_address(p->ip, &mapped);
			buf_printf(&mapped, "%lld->%lld/%s", (long long)p->outer,
				   (long long)p->inner, p->type);
			continue;
		}
		r = run_of(runs, open, p);
		if (r && r->last + 1 == p->inner) {
			r->last = p->inner;
			continue;
		}
		if (r)
			write_run(r, out);
		else
			r = &runs[open++];
		*r = (struct run){ p, p->inner };
	}
	for (size_t i = 0; i < open; i++)
		write_run(&runs[i], out);
	if (mapped.len)
		buf_printf(out, "%s%s", out->len ? ", " : "", mapped.data);
}
