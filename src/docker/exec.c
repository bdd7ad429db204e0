/* Execs: as they are asked for, and inspected. */
#include "docker/tables.h"

#define END                                                                                        \
	{                                                                                          \
		NULL                                                                               \
	}

static const struct dialect_field create_fields[] = {
	{ "User", "user", DIALECT_TEXT },
	{ "Privileged", "privileged", DIALECT_BOOL },
	{ "Tty", "tty", DIALECT_BOOL },
	{ "ConsoleSize", "console_size", DIALECT_INTS, OMIT_EMPTY, .since = 42 },
	{ "AttachStdin", "attach_stdin", DIALECT_BOOL },
	{ "AttachStderr", "attach_stderr", DIALECT_BOOL },
	{ "AttachStdout", "attach_stdout", DIALECT_BOOL },
	{ "DetachKeys", "detach_keys", DIALECT_TEXT },
	{ "Env", "env", DIALECT_TEXTS, NULL_UNSET },
	{ "WorkingDir", "working_dir", DIALECT_TEXT },
	{ "Cmd", "cmd", DIALECT_TEXTS, NULL_UNSET | OR_TEXT },
	END,
};
const struct dialect dialect_exec_create = { &pb__exec__descriptor, create_fields };

static const struct dialect_field start_fields[] = {
	{ "Detach", "detach", DIALECT_BOOL },
	{ "Tty", "tty", DIALECT_BOOL },
	{ "ConsoleSize", "console_size", DIALECT_INTS, OMIT_EMPTY, .since = 42 },
	END,
};
const struct dialect dialect_exec_start = { &pb__exec_start_request__descriptor, start_fields };

static void write_exit_code(struct json *j, const char *key, const void *message, int version)
{
	const Pb__Exec *x = message;

	if (x->has_exited)
		json_int(j, key, x->exit_code);
	else
		json_none(j, key);
}

static const struct dialect_own exit_code = { .write = write_exit_code };

static void write_program(struct json *j, const char *key, const void *message, int version)
{
	const Pb__Exec *x = message;

	json_text(j, key, x->n_cmd > 0 ? x->cmd[0] : "");
}

static void write_arguments(struct json *j, const char *key, const void *message, int version)
{
	const Pb__Exec *x = message;

	json_open_list(j, key);
	for (size_t i = 1; i < x->n_cmd; i++)
		json_text(j, NULL, x->cmd[i]);
	json_close(j);
}

static const struct dialect_own program = { .write = write_program };
static const struct dialect_own arguments = { .write = write_arguments };

static const struct dialect_field process_fields[] = {
	{ "tty", "tty", DIALECT_BOOL },
	{ "entrypoint", NULL, DIALECT_OWN, .own = &program },
	{ "arguments", NULL, DIALECT_OWN, .own = &arguments },
	{ "privileged", "privileged", DIALECT_BOOL },
	{ "user", "user", DIALECT_TEXT, OMIT_EMPTY },
	END,
};
static const struct dialect process = { &pb__exec__descriptor, process_fields };

/* ProcessConfig is written by whoever writes the exec, since no message of the exec stands for it.
 */
static void write_process(struct json *j, const char *key, const void *message, int version)
{
	dialect_write(j, key, &process, message, version);
}

static const struct dialect_own process_config = { .write = write_process };

static const struct dialect_field exec_fields[] = {
	{ "ID", "id", DIALECT_TEXT },
	{ "Running", "running", DIALECT_BOOL },
	{ "ExitCode", NULL, DIALECT_OWN, .own = &exit_code },
	{ "ProcessConfig", NULL, DIALECT_OWN, .own = &process_config },
	{ "OpenStdin", "attach_stdin", DIALECT_BOOL },
	{ "OpenStderr", "attach_stderr", DIALECT_BOOL },
	{ "OpenStdout", "attach_stdout", DIALECT_BOOL },
	{ "CanRemove", "can_remove", DIALECT_BOOL },
	{ "ContainerID", "container_id", DIALECT_TEXT },
	{ "DetachKeys", "detach_keys", DIALECT_TEXT },
	{ "Pid", "pid", DIALECT_INT },
	END,
};
const struct dialect dialect_exec = { &pb__exec__descriptor, exec_fields };
