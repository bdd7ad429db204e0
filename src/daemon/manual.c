/* What people read of the options: --help, and the manual page. Both follow from the table. */
#include "base/mem.h"
#include "daemon/option.h"

/* ---- help ---- */

static const char *value_name(const struct option *o)
{
	if (o->value)
		return o->value;
	return o->kind == OPTION_BOOL ? "" : o->kind == OPTION_NUMBER ? "N" : "TEXT";
}

static void write_option(struct buf *out, const struct option *o)
{
	AUTO_FREE char *word = xasprintf("--%s %s", o->flag, value_name(o));

	if (o->letter)
		buf_printf(out, "  -%c, ", o->letter);
	else
		buf_append_c(out, "      ");
	if (strlen(word) > 34)
		buf_printf(out, "%s\n%42s%s\n", word, "", o->help);
	else
		buf_printf(out, "%-36s%s\n", word, o->help);
}

static void write_flags_of(struct buf *out, enum option_use use)
{
	for (size_t i = 0; i < option_count; i++)
		if (options[i].use == use && options[i].flag)
			buf_printf(out, "  --%s\n", options[i].flag);
}

void config_write_help(struct buf *out)
{
	buf_append_c(out,
		     "Usage: shoald [OPTIONS]\n\n"
		     "Container engine, cluster agent and manager in one daemon.\n\nOptions:\n");
	for (size_t i = 0; i < option_count; i++)
		if (options[i].use == OPTION_USED)
			write_option(out, &options[i]);
	buf_append_c(out,
		     "  -h, --help                              This text\n"
		     "      --manual                            Print the manual page and exit\n"
		     "      --validate                          Check the configuration and exit\n"
		     "  -v, --version                           Version and exit\n"
		     "\nAccepted, without meaning here:\n");
	write_flags_of(out, OPTION_HOLLOW);
}

/* ---- the manual page ---- */

/* Text as roff reads it. */
static void write_roff(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\\')
			buf_append_c(out, "\\e");
		else if (*text == '-')
			buf_append_c(out, "\\-");
		else
			buf_append_char(out, *text);
	}
}

static void write_roff_option(struct buf *out, const struct option *o)
{
	buf_append_c(out, ".TP\n.B ");
	if (o->letter)
		buf_printf(out, "\\-%c, ", o->letter);
	buf_append_c(out, "\\-\\-");
	write_roff(out, o->flag);
	if (*value_name(o)) {
		buf_append_c(out, " \\fI");
		write_roff(out, value_name(o));
		buf_append_c(out, "\\fR");
	}
	buf_append_char(out, '\n');
	write_roff(out, o->help);
	if (o->key) {
		buf_append_c(out, ". In the file: \\fB");
		write_roff(out, o->key);
		buf_printf(out, "\\fR%s", o->reloads ? "; may change while running" : "");
	}
	buf_append_c(out, ".\n");
}

static void write_roff_names(struct buf *out, enum option_use use)
{
	const char *between = "";

	for (size_t i = 0; i < option_count; i++) {
		if (options[i].use != use || !options[i].flag)
			continue;
		buf_printf(out, "%s\\-\\-", between);
		write_roff(out, options[i].flag);
		between = ", ";
	}
	buf_append_c(out, ".\n");
}

void config_write_manual(struct buf *out)
{
	buf_append_c(
		out,
		".TH SHOALD 8 \"\" \"shoal " SHOAL_VERSION "\" \"System administration\"\n"
		".SH NAME\nshoald \\- container engine, cluster agent and manager\n"
		".SH SYNOPSIS\n.B shoald\n[\\fIOPTIONS\\fR]\n"
		".SH DESCRIPTION\n"
		"Runs containers, answers the Docker Engine API, and is a worker or manager of a "
		"swarm. Options are those of dockerd where they mean the same, on the command line "
		"or in the configuration file, and each in one of the two only. What dockerd has "
		"and shoald has not is refused, unless it asks for what is so anyway.\n"
		".PP\nContainers do not end with the daemon: it may be stopped, upgraded and "
		"started while they run.\n"
		".SH OPTIONS\n");
	for (size_t i = 0; i < option_count; i++)
		if (options[i].use == OPTION_USED)
			write_roff_option(out, &options[i]);
	buf_append_c(out, ".SS Accepted, and without meaning here (the log says so)\n");
	write_roff_names(out, OPTION_HOLLOW);
	buf_append_c(
		out,
		".SH SIGNALS\n.TP\n.B SIGHUP\nread the configuration file again; a mistake in it "
		"changes nothing\n.TP\n.B SIGINT, SIGTERM\nend, within a second\n"
		".SH FILES\n.TP\n.I /etc/shoal/daemon.json\nthe configuration\n"
		".TP\n.I /var/lib/shoal\nimages, volumes, containers and the swarm's journal\n"
		".TP\n.I /run/shoal\nstate of this boot\n.TP\n.I /run/shoal.sock\nthe API\n"
		".SH EXIT STATUS\n0 after SIGINT or SIGTERM, 1 when it could not start.\n"
		".SH SEE ALSO\n.BR shoal (1)\n");
}
