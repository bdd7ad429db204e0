#include "cli/node_show.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "template/field.h"
#include "console/order.h"
#include "console/units.h"

/* "ready" as "Ready". */
static void print_word(const char *label, const char *word)
{
	printf("%s%c%s\n", label, toupper((unsigned char)word[0]), word[0] ? word + 1 : "");
}

static void print_time(const char *label, const char *text)
{
	struct units_text written;
	int64_t ns;

	if (!time_parse(text, &ns)) {
		printf("%s%s\n", label, text);
		return;
	}
	(void)time_write(ns, true, false, &written);
	for (char *at = written.text; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	printf("%s%s\n", label, written.text);
}

static void print_labels(const json_t *labels)
{
	size_t count;
	AUTO_FREE const char **keys = field_keys(labels, &count);

	if (count == 0)
		return;
	printf("Labels:\n");
	for (size_t i = 0; i < count; i++)
		printf(" - %s%s%s\n", keys[i],
		       *field_text(json_object_get(labels, keys[i]), "") ? "=" : "",
		       field_text(json_object_get(labels, keys[i]), ""));
}

static void print_manager(const json_t *node)
{
	if (!field_at(node, "ManagerStatus"))
		return;
	printf("Manager Status:\n Address:\t\t%s\n", field_text(node, "ManagerStatus.Addr"));
	print_word(" Raft Status:\t\t", field_text(node, "ManagerStatus.Reachability"));
	printf(" Leader:\t\t%s\n", field_bool(node, "ManagerStatus.Leader") ? "Yes" : "No");
}

static void print_plugins(const json_t *plugins, const char *type)
{
	bool any = false;

	for (size_t i = 0; i < json_array_size(plugins); i++) {
		const json_t *p = json_array_get(plugins, i);

		if (strcmp(field_text(p, "Type"), type) != 0)
			continue;
		if (!any)
			printf(" %s:\t\t", type);
		printf("%s%s", any ? ", " : "", field_text(p, "Name"));
		any = true;
	}
	if (any)
		printf("\n");
}

void node_show(const json_t *node)
{
	const json_t *engine = field_at(node, "Description.Engine");
	const json_t *tls = field_at(node, "Description.TLSInfo");
	struct units_text text;

	printf("ID:\t\t\t%s\n", field_text(node, "ID"));
	if (*field_text(node, "Spec.Name"))
		printf("Name:\t\t\t%s\n", field_text(node, "Spec.Name"));
	print_labels(field_at(node, "Spec.Labels"));
	printf("Hostname:              \t%s\n", field_text(node, "Description.Hostname"));
	print_time("Joined at:             \t", field_text(node, "CreatedAt"));
	printf("Status:\n");
	print_word(" State:\t\t\t", field_text(node, "Status.State"));
	if (*field_text(node, "Status.Message"))
		print_word(" Message:              \t", field_text(node, "Status.Message"));
	print_word(" Availability:         \t", field_text(node, "Spec.Availability"));
	if (*field_text(node, "Status.Addr"))
		printf(" Address:\t\t%s\n", field_text(node, "Status.Addr"));
	print_manager(node);
	printf("Platform:\n Operating System:\t%s\n Architecture:\t\t%s\n",
	       field_text(node, "Description.Platform.OS"),
	       field_text(node, "Description.Platform.Architecture"));
	printf("Resources:\n CPUs:\t\t\t%lld\n",
	       (long long)(field_int(node, "Description.Resources.NanoCPUs") / NS_PER_SECOND));
	printf(" Memory:\t\t%s\n",
	       human_binary_size((double)field_int(node, "Description.Resources.MemoryBytes"),
				 &text));
	if (field_count(engine, "Plugins")) {
		printf("Plugins:\n");
		print_plugins(field_at(engine, "Plugins"), "Log");
		print_plugins(field_at(engine, "Plugins"), "Network");
		print_plugins(field_at(engine, "Plugins"), "Volume");
	}
	printf("Engine Version:\t\t%s\n", field_text(engine, "EngineVersion"));
	if (field_count(engine, "Labels")) {
		printf("Engine ");
		print_labels(field_at(engine, "Labels"));
	}
	if (tls)
		printf("TLS Info:\n TrustRoot:\n%s\n Issuer Subject:\t%s\n Issuer Public Key:\t%s\n",
		       field_text(tls, "TrustRoot"), field_text(tls, "CertIssuerSubject"),
		       field_text(tls, "CertIssuerPublicKey"));
}
