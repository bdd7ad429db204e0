/* Backup and restore: a swarm's state leaves with all its keys, and comes back with one manager.
 *
 *     restore    certificate (as init, with the backup's CA) ──► SAVING ──► NAMING ──► alone
 *
 * The node that restores becomes the manager that wrote the backup: it makes itself a certificate
 * of that name with the CA's key, puts the state on its disk as a snapshot of a log that has nothing
 * behind it, and goes on as a manager that lost all others (decisions/0012), under a raft id that
 * nobody had. Workers know the CA and come back when they find it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "node/inside.h"
#include "swarm/unlock_key.h"

#define CONTENT_MAX ((size_t)512 << 20)
#define PART_BYTES  (1 << 20)

bool node_backup(struct node *n, struct buf *content, uint64_t *index, uint64_t *term,
		 struct err *e)
{
	if (!n->group || !view_cluster(store_view(n->store)))
		return fail(e, ERR_UNAVAILABLE, "This node is not a swarm manager.");
	return group_backup(n->group, content, index, term, e);
}

void restore_free(struct node *n)
{
	struct restoring *r = n->restoring;

	if (!r)
		return;
	free(r->content);
	arena_clear(&r->memory);
	free(r);
	n->restoring = NULL;
}

/* By the journal's thread: the content lives until the write is over. */
static bool next_part(void *self, struct buf *chunk, bool *done, struct err *e)
{
	struct restoring *r = self;
	size_t size = r->size - r->read < PART_BYTES ? r->size - r->read : PART_BYTES;

	if (!buf_append(chunk, r->content + r->read, size))
		return fail(e, ERR_EXHAUSTED, "a part of the backup is too large");
	r->read += size;
	*done = r->read == r->size;
	return true;
}

static bool manifest_of(struct restoring *r, struct arena *a, struct journal_manifest *manifest,
			struct err *e)
{
	const Pb__Snapshot *content = pb_decode(a, &pb__snapshot__descriptor,
						str_bytes(r->content, r->size), CONTENT_MAX, e);

	return content && group_restored(content, r->index, r->term, a, manifest, e);
}

static void give_up(struct node *n, const struct err *e)
{
	membership_give_up(n, e);
}

void restore_save(struct node *n)
{
	AUTO_ARENA struct arena a = { 0 };
	const struct journal *journal = n->config.seams.journal;
	struct restoring *r = n->restoring;
	struct journal_manifest manifest;
	struct err e;

	if (!manifest_of(r, &a, &manifest, &e)) {
		give_up(n, &e);
		return;
	}
	n->membership.step = STEP_RESTORE_SAVING;
	r->waiting = ticket_next(&n->tickets);
	journal->save_snapshot(journal->self, r->waiting, &manifest,
			       (struct journal_source){ r, next_part });
}

static void name_it(struct node *n)
{
	AUTO_ARENA struct arena a = { 0 };
	const struct journal *journal = n->config.seams.journal;
	struct restoring *r = n->restoring;
	struct journal_manifest manifest;
	struct err e;

	if (!manifest_of(r, &a, &manifest, &e)) {
		give_up(n, &e);
		return;
	}
	n->membership.step = STEP_RESTORE_NAMING;
	r->waiting = ticket_next(&n->tickets);
	journal->write_raft(journal->self, r->waiting,
			    &(struct journal_raft_write){ .has_hard_state = true,
							  .hard_state = { r->term, 0, r->index },
							  .snapshot = &manifest });
}

bool restore_journal_event(struct node *n, uint64_t ticket, const struct journal_event *ev)
{
	struct restoring *r = n->restoring;
	enum membership_step step = n->membership.step;
	struct err e;

	if (!r || !r->waiting || ticket != r->waiting)
		return false;
	r->waiting = 0;
	if (step != STEP_RESTORE_SAVING && step != STEP_RESTORE_NAMING) {
		restore_free(n); /* given up meanwhile */
	} else if (ev->kind != JOURNAL_DONE) {
		fail(&e, ERR_UNAVAILABLE, "the state cannot be kept: %s", ev->text);
		give_up(n, &e);
	} else if (step == STEP_RESTORE_SAVING) {
		name_it(n);
	} else {
		restore_free(n);
		n->membership.step = STEP_REREADING;
		n->load_ticket = ticket_next(&n->tickets);
		n->config.seams.journal->load(n->config.seams.journal->self, n->load_ticket);
	}
	return true;
}

/* What init would have made, of the cluster that is in the backup. */
static bool take_cluster(struct node *n, const struct swarm_restore *restore, struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };
	struct membership *m = &n->membership;
	const Pb__Snapshot *content =
		pb_decode(&a, &pb__snapshot__descriptor, restore->content, CONTENT_MAX, e);
	struct founding *f = ARENA_NEW(&m->memory, struct founding);
	struct journal_manifest manifest;
	const Pb__Cluster *cluster;

	if (!content || !group_restored(content, restore->index, restore->term, &a, &manifest, e))
		return false;
	if (!content->store || content->store->n_clusters != 1)
		return fail(e, ERR_INVALID, "it is no state of a swarm");
	cluster = content->store->clusters[0];
	if (cluster->root_ca->ca_key.len == 0)
		return fail(
			e, ERR_UNSUPPORTED,
			"the key of the swarm's CA is not in the backup: an external CA has it, and "
			"this node cannot be given a certificate");
	f->cluster_id = arena_strdup(&m->memory, cluster->id);
	f->ca_cert = str_bytes(arena_copy(&m->memory, cluster->root_ca->ca_cert.data,
					  cluster->root_ca->ca_cert.len),
			       cluster->root_ca->ca_cert.len);
	f->ca_key = str_bytes(
		arena_copy(&m->memory, cluster->root_ca->ca_key.data, cluster->root_ca->ca_key.len),
		cluster->root_ca->ca_key.len);
	f->spec = pb_dup(&m->memory, cluster->spec);
	m->init = f;
	m->place->data_path_port = cluster->vxlan_udp_port;
	n->restoring = NEW(struct restoring);
	n->restoring->unlock_key = unlock_key_of(cluster);
	n->restoring->unlock_key.ptr = arena_copy(
		&n->restoring->memory, n->restoring->unlock_key.ptr, n->restoring->unlock_key.len);
	return true;
}

void node_swarm_restore(struct node *n, uint64_t ticket, const struct swarm_restore *restore)
{
	const struct keys *keys = n->config.seams.keys;
	struct restoring *r;
	struct err e;

	if (membership_is_busy(n, ticket))
		return;
	membership_pend(n, ticket, restore->listen_addr, restore->advertise_addr, "", 0);
	if (n->restoring) /* one that was given up is still on its way to the disk */
		fail(&e, ERR_UNAVAILABLE, "an earlier attempt is still ending; try again");
	if (n->restoring || !take_cluster(n, restore, &e)) {
		membership_give_up(n, &e);
		return;
	}
	r = n->restoring;
	r->content = memcpy(xmalloc(restore->content.len + 1), restore->content.ptr,
			    restore->content.len);
	r->size = restore->content.len;
	r->index = restore->index;
	r->term = restore->term;
	(void)snprintf(n->id, sizeof(n->id), "%s", restore->node_id);
	log_warn(n->config.log, "swarm", "restores the swarm %s as it was at entry %llu",
		 n->membership.init->cluster_id, (unsigned long long)r->index);
	keys->new_csr(keys->self, membership_wait(n, STEP_OWN_CSR));
}
