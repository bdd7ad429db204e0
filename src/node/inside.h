/* What the files of this room share: the node holds its rooms and nothing else. */
#ifndef SHOAL_NODE_INSIDE_H
#define SHOAL_NODE_INSIDE_H

#include "agent/agent.h"
#include "base/arena.h"
#include "base/prng.h"
#include "base/ticket.h"
#include "base/id.h"
#include "engine/engine.h"
#include "node/logs.h"
#include "node/membership.h"
#include "node/node.h"
#include "seam/input.h"
#include "swarm/ca/ca.h"
#include "swarm/controllers.h"
#include "swarm/found.h"
#include "swarm/roles.h"
#include "swarm/control/control.h"
#include "swarm/dispatch/dispatch.h"
#include "swarm/logs/broker.h"

/* A read that waits for its turn. */
struct pending_read {
	struct list link;
	uint64_t ticket;
	int64_t deadline_ms;
	bool is_ready;
	bool wants_glance; /* the leader was asked whom it reaches */
};

/* Who waits for init, join or unlock is answered after so long. */
#define MEMBERSHIP_TIMEOUT_MS 20000

/* What init and join wait for, one after the other. */
enum membership_step {
	STEP_NONE,
	STEP_LOAD, /* the certificate of an earlier life */
	/* init */
	STEP_ROOT,
	STEP_SECRETS,
	STEP_OWN_CSR,
	STEP_OWN_CERT,
	STEP_OWN_INSTALL,
	STEP_OWN_LOCK,
	STEP_LEADING,
	STEP_FOUNDING,
	/* restore: between the steps of init and those of --force-new-cluster */
	STEP_RESTORE_SAVING,
	STEP_RESTORE_NAMING,
	/* init --force-new-cluster */
	STEP_REREADING,
	STEP_ALONE,
	/* join */
	STEP_GET_ROOT,
	STEP_CHECK_ROOT,
	STEP_TRUST,
	STEP_JOIN_CSR,
	STEP_ISSUE,
	STEP_STATUS,
	STEP_INSTALL,
	STEP_UNLOCK_KEY,
	STEP_LOCK,
	/* both: the first session */
	STEP_SETTLING,
	/* unlock */
	STEP_UNLOCK,
	STEP_UNLOCKED,
};

struct joining {
	const char *remote_addr, *token, *root_digest;
	Pb__NodeSpec__Availability availability;
	struct str root, csr;
	bool is_renewal;
};

/* Becoming a member of the managers' group (enlist.c). */
enum enlist_step {
	ENLIST_NONE,
	ENLIST_WAITING, /* until again_ms */
	ENLIST_LEAVING, /* the raft id of a log that was lost */
	ENLIST_JOINING,
	ENLIST_KEEPING, /* the raft id goes to the disk before anything is said under it */
};

struct enlisting {
	enum enlist_step step;
	uint64_t waiting; /* of the call or the write */
	int64_t again_ms, backoff_ms;
	uint64_t raft_id;
};

/* How this manager's keys are locked (lock.c), as far as the hands were told. */
struct lock {
	bool is_settled; /* the hands have been told, in this life or an earlier one */
	bool is_told;    /* in this life: key */
	uint8_t key[UNLOCK_KEY_BYTES];
	size_t key_len; /* 0: they are not */
	bool was_open;  /* until this change */
	uint64_t waiting;
	int64_t again_ms;
};

/* Looking for the managers, and for where this node is (seek.c). */
#define SEEK_CALLS 32

struct seek_call {
	uint64_t ticket; /* 0: none */
	const char *addr;
};

struct seeking {
	int64_t lonely_since_ms, survey_at_ms, pause_ms;
	bool is_alone;
	bool is_lonely;     /* for long enough to do something about it */
	uint64_t surveying; /* the survey's ticket */
	uint64_t telling;   /* the call in which the leader is told where this manager is */
	int64_t correct_at_ms;
	const char **places; /* of this round */
	size_t place_count, next;
	struct seek_call calls[SEEK_CALLS];
	struct arena memory; /* of the places */
};

/* A swarm that is put back from a backup (restore.c), until it is on this host's disk. */
struct restoring {
	char *content;
	size_t size, read; /* how far the journal's thread has read it */
	uint64_t index, term;
	uint64_t waiting; /* the write under way */
	struct str unlock_key;
	struct arena memory;
};

/* A root to rotate to (new_root.c): asked for, or here. */
struct new_root {
	struct arena memory;
	uint64_t waiting;
	bool is_here;
	struct control_root root;
};

struct retired {
	struct list link;
	struct group *group;
	struct store *store;
};

/* How the leader saw a member, when it was asked last. */
struct seen_member {
	uint64_t raft_id;
	bool is_reachable;
	uint64_t match, last_index;
};

#define ROOT_MAX 65536

struct membership {
	enum swarm_state state;
	bool is_loading; /* what it is, is on the disk and not read yet */
	char *error;
	uint64_t ticket;     /* whom to answer */
	int64_t deadline_ms; /* when to, at the latest */
	Pb__SwarmState *place;
	enum membership_step step;
	uint64_t waiting; /* the outcome that the step waits for */
	uint64_t call;    /* the same, of a call */
	char *answer;     /* what the call answered so far */
	size_t answer_len;
	struct founding *init;
	struct joining *join;
	unsigned attempts;
	int64_t retry_at_ms, listen_again_ms;
	int64_t renew_at_ms, renew_backoff_ms;
	bool is_locked;          /* the keys on the disk are, and the unlock key is not here */
	bool is_declining;       /* to become a manager, and error says why */
	uint64_t trusting;       /* the outcome of believing in a new root */
	struct buf refused_root; /* the last that was tried */
	struct arena memory;     /* of place, init and join */
};

/* One controller of this room, then those of the manager's other rooms. */
#define CONTROLLERS_MAX 24

struct node {
	struct node_config config;
	struct prng prng;
	struct tickets tickets;
	struct tickets api_tickets;
	struct tickets raft_tickets, ca_tickets, dispatch_tickets, log_tickets;
	struct inbox inbox;
	struct now now;
	uint64_t load_ticket;
	char id[OBJECT_ID_LEN + 1]; /* "" while it belongs to no swarm */
	struct membership membership;
	struct enlisting enlisting;
	struct lock lock;
	struct seeking seeking;
	struct restoring *restoring; /* NULL: none */
	bool is_manager_by_cert;
	Pb__NodeDescription *description; /* what the node says of itself, with its TLS names */
	struct arena description_memory;

	/* A manager's rooms; NULL on a node that is none. */
	struct store *store;
	struct group *group;
	struct leader *leader;
	struct dispatch *dispatch;
	struct broker *broker;
	struct ca *ca;
	struct controllers of_tasks;
	struct controller controllers[CONTROLLERS_MAX];
	struct control_chance chance; /* for the next change that needs some */
	bool has_chance;
	uint64_t chance_ticket;
	struct new_root new_root;
	struct roles *roles;
	int64_t lonely_since_ms; /* when there was a leader last */
	uint64_t told_leader;    /* raft id of the leader that the hands were told of */
	uint64_t told_leader_of; /* version of the members, for it may have moved */
	bool told_leading;
	bool has_caught_up;    /* what the store learns from now on is news */
	uint64_t told_members; /* version of the members that agents were told of */
	struct seen_member *seen;
	size_t seen_count;
	struct list errands,
		errands_out; /* struct errand: those that wait; those that were asked */
	size_t errand_count;
	struct list served;  /* struct served */
	struct list retired; /* struct retired: groups whose snapshots are still being written */
	size_t served_count;

	/* The container mind, and what it tells the agent as its executor. */
	struct engine *engine;
	struct executor engine_executor;
	struct inbox engine_inbox;
	uint64_t engine_tickets;
	bool has_begun;

	/* A worker's room; NULL while it belongs to no swarm. */
	struct agent *agent;

	struct list reads;     /* struct pending_read */
	struct list answers;   /* struct leader_answer */
	struct list logs;      /* struct log_delivery */
	struct list log_calls; /* struct log_call: their readers */
};

/* manager.c: become a manager, from what the journal holds, or (image NULL) as one of the founders
 * of a new group. */
void manager_start(struct node *n, const struct journal_image *image, const struct member *founders,
		   size_t founder_count, uint64_t me);
/* As a new member of a group that others lead, which membership.place describes. */
void manager_join(struct node *n);
/* Fails what waits for the swarm here. */
void manager_stop(struct node *n);
/* As the only member of a group that lost the others. */
bool manager_start_alone(struct node *n, const struct journal_image *image, struct err *e);
/* A journal outcome of a group that is no more. */
void manager_let_go(struct node *n, uint64_t ticket);
void manager_forget_retired(struct node *n);
/* There has been no leader for so long that callers are told so at once. */
bool manager_is_lonely(const struct node *n);
/* The read that waits for a glance at the managers has it, or does without. */
void reads_glanced(struct node *n, uint64_t ticket);
int64_t manager_turn(struct node *n);

/* errand.c: changes on their way to the leader, wherever that is. */
void errands_change(struct node *n, uint64_t ticket, const char *method, const void *request);
/* Ask the leader whom it reaches; reads_glanced() follows with the ticket, unless this is false. */
bool errands_glance(struct node *n, uint64_t ticket);
/* True if the answer (taken) or the call was an errand's. */
bool errands_answered(struct node *n, struct leader_answer *a);
bool errands_peer_event(struct node *n, uint64_t ticket, const struct peer_event *ev);
int64_t errands_turn(struct node *n);
/* Those that wait are answered with this error, those that were asked with an unknown outcome. */
void errands_clear(struct node *n, const struct err *e);
/* Why there is no leader, as far as this manager sees. */
bool errands_no_leader(const struct node *n, struct err *e);

/* served.c: calls of other managers. */
bool served_takes(const char *method);
void served_open(struct node *n, uint64_t ticket, const struct peer_event *ev);
bool served_peer_event(struct node *n, uint64_t ticket, const struct peer_event *ev);
bool served_answered(struct node *n, struct leader_answer *a);
void served_turn(struct node *n);
void served_clear(struct node *n);

/* enlist.c */
void enlist_begin(struct node *n);
/* Take no part any more; and (forget) the log goes too, and what this node knew of the group. */
void enlist_end(struct node *n);
void enlist_forget(struct node *n);
bool enlist_is_under_way(const struct node *n);
bool enlist_peer_event(struct node *n, uint64_t ticket, const struct peer_event *ev);
bool enlist_journal_event(struct node *n, uint64_t ticket, const struct journal_event *ev);
int64_t enlist_turn(struct node *n);

/* seek.c */
void seek_begin(struct node *n);
void seek_end(struct node *n);
bool seek_peer_event(struct node *n, uint64_t ticket, const struct peer_event *ev);
/* A node that looks for managers has called this one. */
void seek_meet(struct node *n, const char *node_id, const Pb__MeetRequest *request, struct arena *a,
	       Pb__MeetResponse *response);
int64_t seek_turn(struct node *n);

/* restore.c */
/* The node has its certificate: the state goes to the disk. */
void restore_save(struct node *n);
bool restore_journal_event(struct node *n, uint64_t ticket, const struct journal_event *ev);
void restore_free(struct node *n);

/* containers.c: the engine's place in the turn. */
void containers_begin(struct node *n);
void containers_load(struct node *n, const struct journal_image *image);
/* What the engine said as the agent's executor. */
void containers_tell_agent(struct node *n);
int64_t containers_turn(struct node *n);
/* Tell the engine who this node is. */
void containers_name_node(struct node *n);
/* The executor of this node's tasks. */
const struct executor *containers_executor(struct node *n);

/* decline.c: the managers are not of our kind. */
bool decline_is_due(const struct node *n);
void decline_turn(struct node *n);

/* lock.c: the lock on this manager's keys, as the cluster object wants it. */
void lock_turn(struct node *n);
int64_t lock_deadline(const struct node *n);
/* Tell the hands; the outcome comes with the ticket. */
void lock_tell(struct node *n, uint64_t ticket, struct str unlock_key, uint64_t version);
bool lock_keys_event(struct node *n, uint64_t ticket, const struct keys_event *ev);
void lock_forget(struct node *n);

/* new_root.c: a root to rotate to. */
void new_root_make(struct node *n, const Pb__Cluster *cluster, const Pb__CAConfig *wanted);
const struct control_root *new_root_made(const struct node *n);
bool new_root_keys_event(struct node *n, uint64_t ticket, const struct keys_event *ev);
void new_root_forget(struct node *n);

/* trust.c: the root that the manager tells of. */
void trust_turn(struct node *n);
bool trust_keys_event(struct node *n, uint64_t ticket, const struct keys_event *ev);
void trust_forget(struct node *n);

/* change.c: Control methods, as the leader carries them out. */
leader_change_fn change_carry_out;
/* Managers as this one sees them. */
void change_count_managers(const struct node *n, size_t *reachable, size_t *all);
void change_keys_event(struct node *n, const struct keys_event *ev);
void change_want_chance(struct node *n);

/* swarm_events.c: before the store forgets its changes. */
void swarm_events_turn(struct node *n);

/* logs.c: events of the calls that read logs. */
void logs_look_at_leader(struct node *n);
void logs_clear_calls(struct node *n);
void logs_call_event(struct node *n, uint64_t ticket, const struct peer_event *ev);

/* membership.c */
void membership_clear(struct node *n);
void membership_begin(struct node *n);
void membership_resume(struct node *n, const struct journal_image *image);
/* Go on with what this manager remembers, without the others. */
void membership_be_alone(struct node *n, const struct journal_image *image);
/* The journal, read again with the key that unlocked it. */
void membership_unlocked(struct node *n, const struct journal_image *image);
void membership_stays_locked(struct node *n, const char *why);
void membership_learn_identity(struct node *n, const struct keys_identity *identity);
void membership_loaded(struct node *n, const struct keys_identity *identity);
void membership_keys_event(struct node *n, uint64_t ticket, const struct keys_event *ev);
/* init.c, join.c; false: the step is not theirs. */
bool init_keys_event(struct node *n, const struct keys_event *ev);
bool join_keys_event(struct node *n, const struct keys_event *ev);
void join_keys_failed(struct node *n, const struct err *e);
void join_plan_renewal(struct node *n, const struct keys_identity *identity);
void join_turn(struct node *n);
void membership_peer_event(struct node *n, uint64_t ticket, const struct peer_event *ev);
void membership_listening(struct node *n, const struct peer_event *ev);
int64_t membership_turn(struct node *n);
/* For join.c: a ticket for the next step; give up (of init and join nothing stays); and so on. */
uint64_t membership_wait(struct node *n, enum membership_step step);
void membership_give_up(struct node *n, const struct err *e);
/* Of init, join or unlock, to who asked for it: well (NULL), or why not. */
void membership_answer(struct node *n, const struct err *e);
/* Shown as the error of the node's state; NULL: none. */
void membership_set_error(struct membership *m, const char *text);
void membership_pend(struct node *n, uint64_t ticket, const char *listen, const char *advertise,
		     const char *data_path, uint32_t data_path_port);
bool membership_is_busy(struct node *n, uint64_t ticket);
void membership_add_manager(struct node *n, const char *id, const char *addr);
/* Returns the write's ticket. */
uint64_t membership_keep_place(struct node *n);
void membership_start_agent(struct node *n, const struct journal_image *image);
struct controller membership_controller(struct node *n);

#endif
