#include "content/channel.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define FILL_BYTES (128u << 10)

void channel_init(struct channel *c, int fd)
{
	*c = (struct channel){ .fd = fd, .in = BUF_MAX(2 * (RECORD_MAX + 4)) };
}

void channel_clear(struct channel *c)
{
	int fd;

	while ((fd = channel_take_fd(c)) >= 0)
		close(fd);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	buf_clear(&c->in);
	c->used = 0;
}

bool channel_send(struct channel *c, struct record_writer *w, const int *fds, size_t fd_count,
		  struct err *e)
{
	char control[CMSG_SPACE(sizeof(int) * CHANNEL_FDS_MAX)] = { 0 };
	size_t sent = 0;

	if (!record_end(w, e))
		return false;
	while (sent < w->bytes.len) {
		struct iovec piece = { w->bytes.data + sent, w->bytes.len - sent };
		struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };
		ssize_t n;

		if (sent == 0 && fd_count > 0) {
			struct cmsghdr *head;

			message.msg_control = control;
			message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
			head = CMSG_FIRSTHDR(&message);
			head->cmsg_level = SOL_SOCKET;
			head->cmsg_type = SCM_RIGHTS;
			head->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
			memcpy(CMSG_DATA(head), fds, sizeof(int) * fd_count);
		}
		n = sendmsg(c->fd, &message, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail_sys(e, errno, "send a record");
		sent += n;
	}
	return true;
}

static void drop_used(struct channel *c)
{
	if (c->used)
		buf_consume(&c->in, c->used);
	c->used = 0;
}

static void keep_fds(struct channel *c, struct msghdr *message)
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(message); h; h = CMSG_NXTHDR(message, h)) {
		size_t count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		int fds[CHANNEL_FDS_MAX];

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		if (count > CHANNEL_FDS_MAX)
			count = CHANNEL_FDS_MAX;
		memcpy(fds, CMSG_DATA(h), count * sizeof(int));
		for (size_t i = 0; i < count; i++) {
			if (c->fd_count < CHANNEL_FDS_MAX)
				c->fds[c->fd_count++] = fds[i];
			else
				close(fds[i]);
		}
	}
}

bool channel_fill(struct channel *c)
{
	char control[CMSG_SPACE(sizeof(int) * CHANNEL_FDS_MAX)];
	struct iovec piece;
	struct msghdr message = { .msg_iov = &piece,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	size_t before;
	ssize_t n;

	drop_used(c);
	before = c->in.len;
	piece.iov_base = buf_extend(&c->in, FILL_BYTES);
	piece.iov_len = FILL_BYTES;
	if (!piece.iov_base)
		return false;
	do
		n = recvmsg(c->fd, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	c->in.len = before + (n > 0 ? n : 0);
	if (n <= 0)
		return false;
	keep_fds(c, &message);
	return true;
}

bool channel_next(struct channel *c, struct record *r, bool *has, struct err *e)
{
	drop_used(c);
	if (!record_parse(buf_str(&c->in), r, &c->used, e))
		return false;
	*has = c->used > 0;
	return true;
}

bool channel_receive(struct channel *c, struct record *r, struct err *e)
{
	bool has = false;

	for (;;) {
		if (!channel_next(c, r, &has, e))
			return false;
		if (has)
			return true;
		if (!channel_fill(c))
			return fail(e, ERR_UNAVAILABLE, "the other end is gone");
	}
}

int channel_take_fd(struct channel *c)
{
	int fd;

	if (c->fd_count == 0)
		return -1;
	fd = c->fds[0];
	memmove(c->fds, c->fds + 1, --c->fd_count * sizeof(int));
	return fd;
}

void channel_send_failure(struct channel *c, const struct err *why)
{
	AUTO_RECORD struct record_writer w = { 0 };
	struct err ignored;

	record_begin(&w);
	record_add_c(&w, "event", "failed");
	record_add_i64(&w, "kind", why->kind);
	record_add_c(&w, "text", why->text);
	(void)!channel_send(c, &w, NULL, 0, &ignored);
}

bool record_failure(const struct record *r, struct err *e)
{
	int64_t kind = record_get_i64(r, "kind", ERR_INTERNAL);
	struct str text = record_get(r, "text");

	if (kind <= ERR_NONE || kind >= ERR_KINDS)
		kind = ERR_INTERNAL;
	return fail(e, kind, "%.*s", text.ptr ? (int)text.len : 0, text.ptr ? text.ptr : "");
}
