#include "machine/local/host.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/id.h"
#include "base/mem.h"
#include "file/file.h"
#include "file/folder.h"
#include "template/field.h"

#define WORDS_MAX 1000

void host_id_new(char id[HOST_ID_LEN + 1])
{
	uint8_t bytes[HOST_ID_LEN / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		abort();
	hex_encode(bytes, sizeof(bytes), id);
}

bool host_id_is_valid(const char *id)
{
	uint8_t bytes[HOST_ID_LEN / 2];

	return strlen(id) == HOST_ID_LEN && hex_decode(str_of(id), bytes, sizeof(bytes));
}

char *host_path(const char *id, const char *file)
{
	return xasprintf(HOSTS_FOLDER "/%s%s%s", id, *file ? "/" : "", file);
}

char *host_run_path(const char *id, const char *file)
{
	return xasprintf(RUN_FOLDER "/%s%s%s", id, *file ? "/" : "", file);
}

const char *address_text(uint32_t address, char out[16])
{
	struct in_addr in = { htonl(address) };

	(void)inet_ntop(AF_INET, &in, out, 16);
	return out;
}

bool address_parse(const char *text, uint32_t *address)
{
	struct in_addr in;

	if (inet_pton(AF_INET, text, &in) != 1)
		return false;
	*address = ntohl(in.s_addr);
	return true;
}

static char **words_of(const json_t *list)
{
	size_t count = json_array_size(list);
	char **words;

	if (count > WORDS_MAX)
		count = WORDS_MAX;
	words = xcalloc(count + 1, sizeof(*words));
	for (size_t i = 0; i < count; i++) {
		const char *word = json_string_value(json_array_get(list, i));

		words[i] = xstrdup(word ? word : "");
	}
	return words;
}

static json_t *list_of(char *const *words)
{
	json_t *list = json_array();

	for (; words && *words; words++)
		json_array_append_new(list, json_string(*words));
	return list;
}

static void free_words(char **words)
{
	for (char **w = words; w && *w; w++)
		free(*w);
	free(words);
}

bool host_parse(const char *id, struct str text, struct host *h, struct err *e)
{
	AUTO_JSON json_t *root = json_loadb(text.ptr ? text.ptr : "", text.len, 0, NULL);
	uint32_t address, network;

	if (!json_is_object(root) || !address_parse(field_text(root, "Address"), &address) ||
	    !address_parse(field_text(root, "Network"), &network) || !*field_text(root, "Name"))
		return fail(e, ERR_INVALID, "the record of local host %s cannot be read", id);
	*h = (struct host){ .address = address, .network = network };
	(void)snprintf(h->id, sizeof(h->id), "%s", id);
	h->name = xstrdup(field_text(root, "Name"));
	h->store = xstrdup(field_text(root, "Store"));
	h->engine = words_of(field_at(root, "Engine"));
	h->environment = words_of(field_at(root, "Environment"));
	return true;
}

bool host_read(const char *id, struct host *h, struct err *e)
{
	AUTO_FREE char *path = host_path(id, "host.json");
	AUTO_BUF struct buf text = BUF_MAX(HOST_BYTES_MAX);

	return file_read(path, &text, e) && host_parse(id, buf_str(&text), h, e);
}

bool host_write(const struct host *h, struct err *e)
{
	AUTO_FREE char *folder = host_path(h->id, ""), *path = host_path(h->id, "host.json"),
		       *text = NULL;
	AUTO_JSON json_t *root = json_object();
	char address[16];

	json_object_set_new(root, "Name", json_string(h->name));
	json_object_set_new(root, "Store", json_string(h->store));
	json_object_set_new(root, "Address", json_string(address_text(h->address, address)));
	json_object_set_new(root, "Network", json_string(address_text(h->network, address)));
	json_object_set_new(root, "Engine", list_of(h->engine));
	json_object_set_new(root, "Environment", list_of(h->environment));
	text = json_dumps(root, JSON_INDENT(4));
	return folder_make(folder, 0711, e) && file_replace_synced(path, str_of(text), 0600, e);
}

void host_clear(struct host *h)
{
	free(h->name);
	free(h->store);
	free_words(h->engine);
	free_words(h->environment);
	*h = (struct host){ 0 };
}

struct host *hosts_read(size_t *count)
{
	struct host *hosts = NULL;
	DIR *dir = opendir(HOSTS_FOLDER);
	struct dirent *entry;
	struct err e;

	*count = 0;
	while (dir && *count < HOSTS_MAX && (entry = readdir(dir))) {
		struct host h;

		if (!host_id_is_valid(entry->d_name) || !host_read(entry->d_name, &h, &e))
			continue;
		hosts = xrealloc(hosts, (*count + 1) * sizeof(*hosts));
		hosts[(*count)++] = h;
	}
	if (dir)
		closedir(dir);
	return hosts;
}
