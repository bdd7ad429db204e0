#include "console/complete.h"

#include <string.h>

#include "base/mem.h"
#include "console/help.h"

#define CANDIDATES_MAX ((size_t)4 << 20)

void complete_add(struct buf *out, const char *candidate, const char *begun)
{
	if (*candidate && strncmp(candidate, begun, strlen(begun)) == 0)
		buf_printf(out, "%s\n", candidate);
}

static void add_choices(const char *choices, const char *begun, struct buf *out)
{
	struct str rest = str_of(choices), choice;

	while (rest.len) {
		AUTO_FREE char *text = NULL;

		str_cut(rest, ' ', &choice, &rest);
		text = str_dup(choice);
		complete_add(out, text, begun);
	}
}

static void add_options(const struct option *options, const char *begun, struct buf *out)
{
	size_t count;
	AUTO_FREE const struct option **rows = options_sorted(options, &count);

	for (size_t i = 0; i < count; i++) {
		AUTO_FREE char *name = xasprintf("--%s", rows[i]->name);

		if (!(rows[i]->flags & OPTION_HIDDEN))
			complete_add(out, name, begun);
	}
	complete_add(out, "--help", begun);
}

/* Commands and groups after `group`, or at the beginning. */
static void add_commands(const char *group, const char *begun, struct buf *out)
{
	size_t skip = group ? strlen(group) + 1 : 0;

	for (const struct command_group *g = program.groups; g->commands; g++) {
		if (group && (!g->name || strcmp(g->name, group) != 0))
			continue;
		if (!group && g->name)
			complete_add(out, g->name, begun);
		for (const struct command *cmd = g->commands; cmd->name; cmd++) {
			char name[COMMAND_NAME_MAX];

			for (size_t i = 0; command_name(cmd, i, name, sizeof(name)); i++) {
				bool fits = group ? strncmp(name, group, skip - 1) == 0 &&
							    name[skip - 1] == ' '
						  : !strchr(name, ' ');

				if (fits && !(cmd->flags & COMMAND_HIDDEN))
					complete_add(out, name + skip, begun);
			}
		}
	}
	if (!group)
		complete_add(out, "help", begun);
}

static void add_names(struct cli *c, enum names names, const char *begun, struct buf *out)
{
	if (program.add_names)
		program.add_names(c, names, begun, out);
}

static const struct option *find_option(const struct option *options, const char *word)
{
	size_t count;
	AUTO_FREE const struct option **rows = options_sorted(options, &count);

	for (size_t i = 0; i < count; i++)
		if ((strncmp(word, "--", 2) == 0 && strcmp(word + 2, rows[i]->name) == 0) ||
		    (word[0] == '-' && word[1] == rows[i]->letter && word[1] && !word[2]))
			return rows[i];
	return NULL;
}

/* The value of an option: its choices, or names its word stands for. */
static void add_option_values(struct cli *c, const struct option *o, const char *begun,
			      struct buf *out)
{
	const char *word = option_word(o);

	if (o->choices)
		add_choices(o->choices, begun, out);
	else if (strcmp(word, "network") == 0)
		add_names(c, NAMES_NETWORKS, begun, out);
	else if (strcmp(word, "secret") == 0)
		add_names(c, NAMES_SECRETS, begun, out);
	else if (strcmp(word, "config") == 0)
		add_names(c, NAMES_CONFIGS, begun, out);
}

/* Words that options and their values take from the front of a command line. */
static size_t skip_globals(const char *const *words, size_t count)
{
	size_t i = 0;

	while (i < count && words[i][0] == '-') {
		const struct option *o = find_option(program.options, words[i]);

		i += o && o->kind != OPT_BOOL ? 2 : 1;
	}
	return i < count ? i : count;
}

void complete_candidates(struct cli *c, const char *const *words, size_t count, struct buf *out)
{
	const struct command *cmd;
	const struct option *before;
	const char *begun;
	size_t used;

	if (count == 0)
		return;
	used = skip_globals(words, count - 1);
	words += used;
	count -= used;
	begun = words[count - 1];
	if (count == 1) {
		if (*begun == '-')
			add_options(program.options, begun, out);
		else
			add_commands(NULL, begun, out);
		return;
	}
	if (strcmp(words[0], "help") == 0) {
		complete_candidates(c, words + 1, count - 1, out);
		return;
	}
	if (count == 2 && command_group_find(words[0])) {
		add_commands(words[0], begun, out);
		return;
	}
	cmd = command_find(words, count, &used);
	if (!cmd)
		return;
	if (cmd->flags & COMMAND_PROGRAM) {
		program.add_words(c, cmd, words + used, count - used, out);
		return;
	}
	before = count >= 2 ? find_option(cmd->options, words[count - 2]) : NULL;
	if (before && before->kind != OPT_BOOL)
		add_option_values(c, before, begun, out);
	else if (*begun == '-')
		add_options(cmd->options, begun, out);
	else
		add_names(c, cmd->names, begun, out);
}

bool complete_words(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_BUF struct buf out = BUF_MAX(CANDIDATES_MAX);

	complete_candidates(c, a->words, a->word_count, &out);
	printf("%s", buf_str(&out).ptr);
	return true;
}

static const char bash_script[] =
	"_shoal() {\n"
	"\tlocal IFS=$'\\n' line=(\"${COMP_WORDS[@]:1:COMP_CWORD}\")\n"
	"\tCOMPREPLY=($(compgen -W \"$(shoal __complete -- \"${line[@]}\" 2>/dev/null)\" -- "
	"\"${COMP_WORDS[COMP_CWORD]}\"))\n"
	"}\n"
	"complete -o default -F _shoal shoal\n";

static const char zsh_script[] =
	"#compdef shoal\n"
	"_shoal() {\n"
	"\tlocal -a found\n"
	"\tfound=(\"${(@f)$(shoal __complete -- \"${(@)words[2,CURRENT]}\" 2>/dev/null)}\")\n"
	"\tif [[ -n \"$found\" ]]; then compadd -- $found; else _files; fi\n"
	"}\n"
	"compdef _shoal shoal\n";

static const char fish_script[] = "function __shoal_complete\n"
				  "\tset -l line (commandline -opc) (commandline -ct)\n"
				  "\tshoal __complete -- $line[2..-1] 2>/dev/null\n"
				  "end\n"
				  "complete -c shoal -a '(__shoal_complete)'\n";

bool complete_script(struct cli *c, const struct args *a, struct err *e)
{
	static const struct {
		const char *shell, *script;
	} scripts[] = { { "bash", bash_script }, { "zsh", zsh_script }, { "fish", fish_script } };

	for (size_t i = 0; i < ARRAY_LEN(scripts); i++)
		if (strcmp(a->words[0], scripts[i].shell) == 0) {
			printf("%s", scripts[i].script);
			return true;
		}
	return fail(e, ERR_INVALID, "no completion for %s: there is bash, zsh and fish",
		    a->words[0]);
}
