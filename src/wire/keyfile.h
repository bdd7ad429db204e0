/* swarm-node.key: a node's private key and, on managers, the keys around the raft log.
 *
 * One PEM block. While the cluster is not locked it is "PRIVATE KEY" (PKCS#8); with autolock it is
 * "ENCRYPTED PRIVATE KEY" (PBES2: PBKDF2-HMAC-SHA1, 2048 rounds, AES-256-CBC), the password being
 * the 32 bytes of the unlock key. Older files may hold "EC PRIVATE KEY", plain or with the headers
 * of RFC 1423. Its own headers:
 *
 *     kek-version: 12                 version of the cluster object the unlock key came from
 *     raft-dek: <base 64>             a MaybeEncryptedRecord; workers have none
 *     raft-dek-pending: <base 64>     the next one, during a rotation
 *     raft-dek-needs-rotation: true
 *
 * The records are carried as bytes: whoever knows protobuf and the unlock key looks inside. */
#ifndef SHOAL_WIRE_KEYFILE_H
#define SHOAL_WIRE_KEYFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define KEYFILE_MAX        16384
#define KEYFILE_RECORD_MAX 160 /* a header line of a PEM block has 254 bytes at most */
#define KEK_LEN            32

struct keyfile_record {
	uint8_t data[KEYFILE_RECORD_MAX];
	size_t len; /* 0: absent */
};

struct keyfile {
	uint64_t kek_version; /* 0: absent */
	struct keyfile_record raft_dek, raft_dek_pending;
	bool raft_dek_needs_rotation;
};

/* Read the headers, and whether an unlock key is needed. ERR_INVALID if it is no such file. */
bool keyfile_parse(struct str pem, struct keyfile *k, bool *is_locked, struct err *e);

/* The private key as PKCS#8 "PRIVATE KEY". `kek` may be NULL for a file that is not locked.
 * ERR_DENIED "node is locked, and needs a valid unlock key" without the right one. */
bool keyfile_open(struct str pem, const uint8_t *kek, struct buf *key, struct err *e);

/* Append the file: this key, locked with `kek` unless that is NULL. */
bool keyfile_write(const struct keyfile *k, struct str key, const uint8_t *kek, struct buf *pem,
		   struct err *e);

/* Wipe the records. */
void keyfile_clear(struct keyfile *k);

#endif
