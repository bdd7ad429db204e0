/* The hands that handle foreign bytes: registries, image archives, layers, copies.
 *
 * Behind it stands shoal-content, a sandboxed program that is started when there is work. Roots of
 * containers are mounted by seam/runtime. The mind passes names and digests; bytes
 * stay on disk and in pipes. Every call has a ticket and is answered by any number of
 * PROGRESS events, at most one ENDPOINT, and then exactly one DONE or FAILED; cancel() swallows
 * what is still to come. Nothing is promised about the order of two tickets. When the program
 * dies, each of its open tickets fails with a sentence.
 *
 * What lies on disk belongs to the program: blobs (manifests, configs, compressed layers) by
 * digest and unpacked layers by diff id, so that images share them. An image is known here by its
 * id, the digest of its config. Tags and repository digests belong to the mind, in its journal.
 * An image is all there or not there: DONE is sent when it is on disk for good, and a crash
 * before that leaves garbage which the next start clears away.
 *
 * remove() and gc() run when nothing else does. The mind sends neither while a ticket that makes
 * an image (pull, load, import, commit) is open: it would remove what that ticket counts on.
 *
 * A layer's files lie in <data-root>/layers/<diff id without "sha256:">/diff, in the form
 * overlayfs wants of a lower directory. */
#ifndef SHOAL_SEAM_CONTENT_H
#define SHOAL_SEAM_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* NULL and empty mean the same in all of these: not given. */
struct content_pull {
	const char *reference; /* as the user wrote it: "busybox", "host:5000/a/b:tag@sha256:..." */
	const char *platform;  /* "linux/arm64/v8"; default: this machine's */
	const char *auth;      /* X-Registry-Auth, base64 JSON as it came */
	const char *have; /* the image id this reference means now; chooses the last status line */
};

struct content_push {
	const char *reference; /* with a tag */
	const char *image_id;
	const char *auth;
};

/* What a new image is made of, for commit and import. */
struct content_make {
	const char *parent; /* commit: image id of the parent */
	struct str config;  /* JSON of the Docker "Config" object; empty: the parent's */
	const char *author, *comment, *created_by;
	const char *container_id; /* commit: recorded in the image */
	const char *platform;
	int64_t wall_ns; /* "created" */
};

/* One image of save(). */
struct content_save {
	const char *image_id;
	const char *const *tags; /* "busybox:latest": familiar names, as stock docker writes them */
	size_t tag_count;
};

/* A tree to copy into or out of: a mounted root and what is mounted over it in the container. */
struct content_mount {
	const char *source;      /* on the host */
	const char *destination; /* in the container */
	bool is_read_only;
};

struct content_tree {
	const char *root;
	const char *container; /* its name, for sentences */
	const struct content_mount *mounts;
	size_t mount_count;
};

struct content_put {
	const char *path; /* a directory in the container */
	bool keep_types; /* noOverwriteDirNonDir: never replace a directory by another kind, or back */
	bool has_owner; /* copyUIDGID: everything belongs to uid:gid */
	uint32_t uid, gid;
};

struct content {
	void *self;
	/* DONE: image, manifest. */
	void (*pull)(void *self, uint64_t ticket, const struct content_pull *what);
	/* DONE: manifest (digest, media type, size). */
	void (*push)(void *self, uint64_t ticket, const struct content_push *what);
	/* What a registry says of a reference. DONE: manifest, platforms. */
	void (*inspect)(void *self, uint64_t ticket, const struct content_pull *what);
	/* Would the registry of the reference take this auth? DONE, or ERR_UNAUTHENTICATED. */
	void (*login)(void *self, uint64_t ticket, const struct content_pull *what);
	/* ENDPOINT: join the request's body to it. An IMAGE event per image that arrived, then DONE. */
	void (*load)(void *self, uint64_t ticket);
	/* ENDPOINT: join it to the answer. */
	void (*save)(void *self, uint64_t ticket, const struct content_save *images, size_t count);
	/* ENDPOINT: join the request's body to it. DONE: image. */
	void (*import)(void *self, uint64_t ticket, const struct content_make *what);
	/* An image whose last layer is what `upper_dir` (of an overlay mount) changed. DONE: image. */
	void (*commit)(void *self, uint64_t ticket, const struct content_make *what,
		       const char *upper_dir);
	/* ENDPOINT: a tar of the whole tree. */
	void (*export)(void *self, uint64_t ticket, const struct content_tree *tree);
	/* DONE: stat. */
	void (*stat)(void *self, uint64_t ticket, const struct content_tree *tree,
		     const char *path);
	/* ENDPOINT (with stat): a tar of the file or directory at `path`. */
	void (*archive)(void *self, uint64_t ticket, const struct content_tree *tree,
			const char *path);
	/* ENDPOINT: join the request's body, a tar, to it. */
	void (*put_archive)(void *self, uint64_t ticket, const struct content_tree *tree,
			    const struct content_put *how);
	/* Forget an image, and remove blobs and layers that no image and no `keep_layers` names.
	 * DONE: freed_bytes. */
	void (*remove)(void *self, uint64_t ticket, const char *image_id,
		       const char *const *keep_layers, size_t keep_layer_count);
	/* Forget all images but these, then as remove(). DONE: freed_bytes. */
	void (*gc)(void *self, uint64_t ticket, const char *const *keep_images,
		   size_t keep_image_count, const char *const *keep_layers,
		   size_t keep_layer_count);

	/* The outcome is of no interest any more; what can be stopped is stopped. */
	void (*cancel)(void *self, uint64_t ticket);
};

enum content_event_kind {
	CONTENT_PROGRESS, /* progress */
	CONTENT_ENDPOINT, /* endpoint, for stream.join(); stat for archive */
	CONTENT_IMAGE,    /* load: image, tags (or none) */
	CONTENT_DONE,
	CONTENT_FAILED, /* err_kind, text */
};

/* One line of a progress stream: {"status","id","progressDetail":{"current","total"}}. */
struct content_progress {
	const char *status;     /* "Downloading", or a sentence such as "Digest: sha256:..." */
	const char *id;         /* short id of the layer, the tag of "Pulling from", or NULL */
	int64_t current, total; /* bytes; -1: none, 0 total: not known */
};

struct content_layer {
	const char *diff_id; /* "sha256:..." */
	int64_t size_bytes;  /* of its files */
};

struct content_image {
	const char *image_id;         /* "sha256:..." */
	struct str config;            /* the image's config, JSON, as it was hashed */
	struct content_layer *layers; /* lowest first */
	size_t layer_count;
	int64_t size_bytes; /* sum of the layers */
};

struct content_manifest {
	const char *digest; /* pull: of what the reference named, an index included */
	const char *media_type;
	int64_t size_bytes;
};

struct content_platform {
	const char *os, *architecture, *variant;
};

/* A file in a container, as the X-Docker-Container-Path-Stat header shows it. */
struct content_stat {
	const char *name;
	int64_t size_bytes;
	uint32_t mode; /* Go's os.FileMode bits */
	int64_t mtime_ns;
	const char *link_target; /* where a symbolic link leads, in the container */
};

struct content_event {
	enum content_event_kind kind;
	struct content_progress progress;
	uint64_t endpoint;
	struct content_image image;
	struct content_manifest manifest;
	struct content_platform *platforms;
	size_t platform_count;
	struct content_stat stat;
	const char *const *tags;
	size_t tag_count;
	int64_t freed_bytes;
	int err_kind; /* enum err_kind */
	const char *text;
};

#endif
