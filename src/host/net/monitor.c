#include "host/net/monitor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <uv.h>

#include "base/mem.h"
#include "host/loop.h"
#include "host/net/model.h"

#define BUFFER_BYTES (64 << 10)

struct ear {
	struct monitor *monitor;
	struct mnl_socket *socket;
	uv_poll_t poll;
	mnl_cb_t hear;
};

struct monitor {
	const struct model *model;
	void *self;
	void (*changed)(void *self);
	struct ear rules, links;
	int open_ears;
	bool touched; /* our table lost something in the transaction that is being told */
	bool is_changed;
};

static int keep_string(const struct nlattr *attribute, void *self)
{
	const char **name = self;

	/* NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE, NFTA_SET_TABLE are all 1. */
	if (mnl_attr_get_type(attribute) == NFTA_TABLE_NAME &&
	    mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
		*name = mnl_attr_get_str(attribute);
	return MNL_CB_OK;
}

static int keep_pid(const struct nlattr *attribute, void *self)
{
	if (mnl_attr_get_type(attribute) == NFTA_GEN_PROC_PID &&
	    mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0)
		*(pid_t *)self = (pid_t)ntohl(mnl_attr_get_u32(attribute));
	return MNL_CB_OK;
}

static bool is_own(const struct model *model, pid_t pid)
{
	for (size_t i = 0; i < NET_OWN_PIDS; i++)
		if (model->own_pids[i] == pid)
			return true;
	return false;
}

static int hear_rules(const struct nlmsghdr *message, void *self)
{
	struct monitor *m = self;
	const char *table = NULL;
	pid_t pid = 0;

	switch (message->nlmsg_type & 0xff) {
	case NFT_MSG_NEWGEN:
		mnl_attr_parse(message, sizeof(struct nfgenmsg), keep_pid, &pid);
		/* The process id is that of the first process namespace; the sender's port is the id
		 * that we know where we live in another. */
		if (m->touched && !is_own(m->model, pid) &&
		    !is_own(m->model, (pid_t)message->nlmsg_pid))
			m->is_changed = true;
		m->touched = false;
		break;
	case NFT_MSG_NEWTABLE:
	case NFT_MSG_DELTABLE:
	case NFT_MSG_DELCHAIN:
	case NFT_MSG_NEWRULE:
	case NFT_MSG_DELRULE:
	case NFT_MSG_DELSET:
	case NFT_MSG_NEWSETELEM:
	case NFT_MSG_DELSETELEM:
		mnl_attr_parse(message, sizeof(struct nfgenmsg), keep_string, &table);
		if (table && strcmp(table, m->model->table) == 0)
			m->touched = true;
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static int keep_alias(const struct nlattr *attribute, void *self)
{
	const char **alias = self;

	if (mnl_attr_get_type(attribute) == IFLA_IFALIAS &&
	    mnl_attr_validate(attribute, MNL_TYPE_STRING) >= 0)
		*alias = mnl_attr_get_str(attribute);
	return MNL_CB_OK;
}

/* A bridge of ours that is gone. (A link that we remove ourselves causes one idle look.) */
static int hear_links(const struct nlmsghdr *message, void *self)
{
	struct monitor *m = self;
	const char *alias = NULL;

	if (message->nlmsg_type != RTM_DELLINK)
		return MNL_CB_OK;
	mnl_attr_parse(message, sizeof(struct ifinfomsg), keep_alias, &alias);
	if (alias && strncmp(alias, "shoal:", 6) == 0 &&
	    strncmp(alias + 6, m->model->tag, strlen(m->model->tag)) == 0)
		m->is_changed = true;
	return MNL_CB_OK;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct ear *ear = poll->data;
	struct monitor *m = ear->monitor;
	char buffer[BUFFER_BYTES];
	ssize_t n;

	while ((n = mnl_socket_recvfrom(ear->socket, buffer, sizeof(buffer))) > 0)
		(void)mnl_cb_run2(buffer, (size_t)n, 0, 0, ear->hear, m, NULL, 0);
	if (n < 0 && errno == ENOBUFS)
		m->is_changed = true;
	if (!m->is_changed)
		return;
	m->is_changed = false;
	m->changed(m->self);
}

static bool open_ear(struct monitor *m, struct loop *loop, struct ear *ear, int family,
		     unsigned group, mnl_cb_t hear, struct err *e)
{
	int joined = (int)group;

	ear->monitor = m;
	ear->hear = hear;
	ear->socket = mnl_socket_open2(family, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!ear->socket || mnl_socket_bind(ear->socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_setsockopt(ear->socket, NETLINK_ADD_MEMBERSHIP, &joined, sizeof(joined)) < 0)
		return fail_sys(e, errno, "listen to the kernel");
	if (uv_poll_init(loop_uv(loop), &ear->poll, mnl_socket_get_fd(ear->socket)) != 0)
		return fail(e, ERR_INTERNAL, "listen to the kernel");
	ear->poll.data = ear;
	m->open_ears++;
	uv_poll_start(&ear->poll, UV_READABLE, on_readable);
	return true;
}

bool monitor_new(struct loop *loop, const struct model *model, void *self,
		 void (*changed)(void *self), struct monitor **out, struct err *e)
{
	struct monitor *m = NEW(struct monitor);

	m->model = model;
	m->self = self;
	m->changed = changed;
	*out = m;
	if (open_ear(m, loop, &m->rules, NETLINK_NETFILTER, NFNLGRP_NFTABLES, hear_rules, e) &&
	    open_ear(m, loop, &m->links, NETLINK_ROUTE, RTNLGRP_LINK, hear_links, e))
		return true;
	monitor_free(m);
	*out = NULL;
	return false;
}

static void on_closed(uv_handle_t *handle)
{
	struct ear *ear = handle->data;
	struct monitor *m = ear->monitor;

	mnl_socket_close(ear->socket);
	if (--m->open_ears == 0)
		free(m);
}

static void close_ear(struct ear *ear)
{
	uv_handle_t *handle = (uv_handle_t *)&ear->poll;

	if (ear->poll.data)
		uv_close(handle, on_closed);
	else if (ear->socket)
		mnl_socket_close(ear->socket);
}

void monitor_free(struct monitor *m)
{
	bool is_silent = m && m->open_ears == 0;

	if (!m)
		return;
	close_ear(&m->rules);
	close_ear(&m->links);
	if (is_silent)
		free(m);
}
