/* "Config": what runs, as containers and images have it. */
#include "docker/tables.h"

#define END                                                                                        \
	{                                                                                          \
		NULL                                                                               \
	}

static const struct dialect_field config_fields[] = {
	{ "Hostname", "hostname", DIALECT_TEXT },
	{ "Domainname", "domainname", DIALECT_TEXT },
	{ "User", "user", DIALECT_TEXT },
	{ "AttachStdin", "attach_stdin", DIALECT_BOOL },
	{ "AttachStdout", "attach_stdout", DIALECT_BOOL },
	{ "AttachStderr", "attach_stderr", DIALECT_BOOL },
	{ "ExposedPorts", "exposed_ports", DIALECT_SET, OMIT_EMPTY },
	{ "Tty", "tty", DIALECT_BOOL },
	{ "OpenStdin", "open_stdin", DIALECT_BOOL },
	{ "StdinOnce", "stdin_once", DIALECT_BOOL },
	{ "Env", "env", DIALECT_TEXTS, NULL_UNSET },
	{ "Cmd", "cmd", DIALECT_TEXTS, NULL_UNSET | OR_TEXT },
	{ "Healthcheck", "healthcheck", DIALECT_OBJECT, OMIT_UNSET, &dialect_health_config },
	{ "ArgsEscaped", "args_escaped", DIALECT_BOOL, OMIT_EMPTY },
	{ "Image", "image", DIALECT_TEXT },
	{ "Volumes", "volumes", DIALECT_SET, NULL_UNSET },
	{ "WorkingDir", "working_dir", DIALECT_TEXT },
	{ "Entrypoint", "entrypoint", DIALECT_TEXTS, NULL_UNSET | OR_TEXT },
	{ "NetworkDisabled", "network_disabled", DIALECT_BOOL, OMIT_EMPTY },
	{ "MacAddress", "mac_address", DIALECT_TEXT, OMIT_EMPTY },
	{ "OnBuild", "on_build", DIALECT_TEXTS, NULL_UNSET },
	{ "Labels", "labels", DIALECT_MAP },
	{ "StopSignal", "stop_signal", DIALECT_TEXT, OMIT_EMPTY },
	{ "StopTimeout", "stop_timeout.value", DIALECT_INT, OMIT_UNSET },
	{ "Shell", "shell", DIALECT_TEXTS, OMIT_EMPTY | OR_TEXT },
	END,
};
const struct dialect dialect_container_config = { &pb__container_config__descriptor,
						  config_fields };
