/* The swarm's remote calls: path, shape, and who may make them.
 *
 * Paths carry the reference's package name, whatever ours is. */
#ifndef SHOAL_PB_METHODS_H
#define SHOAL_PB_METHODS_H

#include "pb/pb.h"

enum pb_method_kind {
	PB_UNARY,
	PB_SERVER_STREAM, /* one request, many answers */
	PB_CLIENT_STREAM, /* many requests, one answer */
};

/* Who may call, by the OU of the certificate. PB_ANYONE needs no certificate at all. */
enum pb_callers {
	PB_ANYONE = 0,
	PB_WORKERS = 1,
	PB_MANAGERS = 2,
};

struct pb_method {
	const char *path; /* "/docker.swarmkit.v1.CA/GetRootCACertificate" */
	enum pb_method_kind kind;
	unsigned callers;    /* PB_WORKERS | PB_MANAGERS */
	bool goes_to_leader; /* a follower relays it; else each manager answers for itself */
	const ProtobufCMessageDescriptor *request, *response;
};

/* All of them, ordered by path. */
extern const struct pb_method pb_methods[];
extern const size_t pb_methods_count;

/* NULL if there is no such method. */
const struct pb_method *pb_method_find(struct str path);

#endif
