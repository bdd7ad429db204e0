/* A parsed template: what template_parse.c makes and template_run.c walks. Everything lives in
 * the template's arena, except literals, which are JSON values of the list `literals`. */
#ifndef SHOAL_TEMPLATE_TREE_H
#define SHOAL_TEMPLATE_TREE_H

#include <jansson.h>

#include "base/arena.h"
#include "base/str.h"

enum operand_kind {
	OPERAND_DOT,      /* . or .A.B */
	OPERAND_VARIABLE, /* $name or $name.A.B; "$" is the root */
	OPERAND_FUNCTION, /* a name */
	OPERAND_LITERAL,
	OPERAND_PIPE, /* ( ... ) or ( ... ).A.B */
};

struct operand {
	enum operand_kind kind;
	struct str name;    /* variable, function */
	struct str *fields; /* the chain after it */
	size_t field_count;
	json_t *literal; /* owned by the template */
	struct pipe *pipe;
	struct operand *next;
};

struct pipe_command {
	struct operand *operands;
	struct pipe_command *next;
};

struct pipe {
	struct str variables[2]; /* $i, $v := ... */
	int variable_count;
	bool assigns; /* = instead of := */
	struct pipe_command *commands;
};

enum node_kind { NODE_TEXT, NODE_ACTION, NODE_IF, NODE_RANGE, NODE_WITH };

struct node_list {
	struct template_node *first, **last;
};

struct template_node {
	enum node_kind kind;
	struct str text;
	struct pipe *pipe;
	struct node_list body, otherwise;
	struct template_node *next;
};

struct template
{
	struct arena arena;
	json_t *literals;
	struct node_list nodes;
};

#endif
