#include "docker/tables.h"

#define END                                                                                        \
	{                                                                                          \
		NULL                                                                               \
	}

static const struct dialect_field orchestration_fields[] = {
	{ "TaskHistoryRetentionLimit", "orchestration.task_history_retention_limit", DIALECT_INT,
	  OMIT_EMPTY },
	END,
};
static const struct dialect orchestration = { &pb__cluster_spec__descriptor, orchestration_fields };
static const struct dialect_field raft_fields[] = {
	{ "SnapshotInterval", "snapshot_interval", DIALECT_INT, OMIT_EMPTY },
	{ "KeepOldSnapshots", "keep_old_snapshots", DIALECT_INT },
	{ "LogEntriesForSlowFollowers", "log_entries_for_slow_followers", DIALECT_INT, OMIT_EMPTY },
	{ "ElectionTick", "election_tick", DIALECT_INT },
	{ "HeartbeatTick", "heartbeat_tick", DIALECT_INT },
	END,
};
static const struct dialect raft = { &pb__raft_config__descriptor, raft_fields };
static const struct dialect_field dispatcher_fields[] = {
	{ "HeartbeatPeriod", "heartbeat_period", DIALECT_SPAN, OMIT_EMPTY },
	END,
};
static const struct dialect dispatcher = { &pb__dispatcher_config__descriptor, dispatcher_fields };
static const struct dialect_word ca_protocols[] = {
	{ "cfssl", PB__EXTERNAL_CA__CAPROTOCOL__CFSSL },
	{ NULL },
};
static const struct dialect_field external_fields[] = {
	{ "Protocol", "protocol", DIALECT_WORD, .words = ca_protocols },
	{ "URL", "url", DIALECT_TEXT },
	{ "Options", "options", DIALECT_MAP, OMIT_EMPTY },
	{ "CACert", "ca_cert", DIALECT_PEM },
	END,
};
static const struct dialect external_ca = { &pb__external_ca__descriptor, external_fields };
static const struct dialect_field ca_fields[] = {
	{ "NodeCertExpiry", "node_cert_expiry", DIALECT_SPAN, OMIT_EMPTY },
	{ "ExternalCAs", "external_cas", DIALECT_OBJECTS, OMIT_EMPTY, &external_ca },
	/* The key comes in and never goes out. */
	{ "SigningCACert", "signing_ca_cert", DIALECT_PEM, OMIT_EMPTY },
	{ "SigningCAKey", "signing_ca_key", DIALECT_PEM, READ_ONLY },
	{ "ForceRotate", "force_rotate", DIALECT_INT, OMIT_EMPTY },
	END,
};
static const struct dialect ca = { &pb__caconfig__descriptor, ca_fields };
static const struct dialect_field task_defaults_fields[] = {
	{ "LogDriver", "log_driver", DIALECT_OBJECT, OMIT_UNSET, &dialect_driver },
	END,
};
static const struct dialect task_defaults = { &pb__task_defaults__descriptor,
					      task_defaults_fields };
static const struct dialect_field encryption_fields[] = {
	{ "AutoLockManagers", "auto_lock_managers", DIALECT_BOOL },
	END,
};
static const struct dialect encryption = { &pb__encryption_config__descriptor, encryption_fields };
static const struct dialect_field spec_fields[] = {
	{ "Name", "annotations.name", DIALECT_TEXT, OMIT_EMPTY },
	{ "Labels", "annotations.labels", DIALECT_MAP },
	{ "Orchestration", "orchestration", DIALECT_GROUP, 0, &orchestration },
	{ "Raft", "raft", DIALECT_OBJECT, 0, &raft },
	{ "Dispatcher", "dispatcher", DIALECT_OBJECT, 0, &dispatcher },
	{ "CAConfig", "ca_config", DIALECT_OBJECT, 0, &ca },
	{ "TaskDefaults", "task_defaults", DIALECT_OBJECT, 0, &task_defaults },
	{ "EncryptionConfig", "encryption_config", DIALECT_OBJECT, 0, &encryption },
	END,
};
const struct dialect dialect_cluster_spec = { &pb__cluster_spec__descriptor, spec_fields };

static const struct dialect_field tokens_fields[] = {
	{ "Worker", "worker", DIALECT_TEXT },
	{ "Manager", "manager", DIALECT_TEXT },
	END,
};
const struct dialect dialect_join_tokens = { &pb__join_tokens__descriptor, tokens_fields };

/* Without what is worked out or secret: TLSInfo, RootRotationInProgress, JoinTokens. */
static const struct dialect_field cluster_fields[] = {
	{ "ID", "id", DIALECT_TEXT },
	{ "Version", "meta.version", DIALECT_OBJECT, 0, &dialect_version },
	{ "CreatedAt", "meta.created_at", DIALECT_TIME },
	{ "UpdatedAt", "meta.updated_at", DIALECT_TIME },
	{ "Spec", "spec", DIALECT_OBJECT, 0, &dialect_cluster_spec },
	{ "DefaultAddrPool", "default_address_pool", DIALECT_TEXTS, NULL_UNSET, .since = 39 },
	{ "SubnetSize", "subnet_size", DIALECT_INT, .since = 39 },
	{ "DataPathPort", "vxlan_udp_port", DIALECT_INT, .since = 40 },
	END,
};
const struct dialect dialect_cluster = { &pb__cluster__descriptor, cluster_fields };

/* ---- requests ---- */

static const struct dialect_field init_fields[] = {
	{ "ListenAddr", "listen_addr", DIALECT_TEXT },
	{ "AdvertiseAddr", "advertise_addr", DIALECT_TEXT },
	{ "DataPathAddr", "data_path_addr", DIALECT_TEXT },
	{ "DataPathPort", "data_path_port", DIALECT_INT, .since = 40 },
	{ "ForceNewCluster", "force_new_cluster", DIALECT_BOOL },
	{ "Spec", "spec", DIALECT_OBJECT, 0, &dialect_cluster_spec },
	{ "AutoLockManagers", "auto_lock_managers", DIALECT_BOOL },
	{ "Availability", "availability", DIALECT_TEXT },
	{ "DefaultAddrPool", "default_addr_pool", DIALECT_TEXTS, .since = 39 },
	{ "SubnetSize", "subnet_size", DIALECT_INT, .since = 39 },
	END,
};
const struct dialect dialect_swarm_init = { &pb__swarm_init_request__descriptor, init_fields };
static const struct dialect_field join_fields[] = {
	{ "ListenAddr", "listen_addr", DIALECT_TEXT },
	{ "AdvertiseAddr", "advertise_addr", DIALECT_TEXT },
	{ "DataPathAddr", "data_path_addr", DIALECT_TEXT },
	{ "RemoteAddrs", "remote_addrs", DIALECT_TEXTS },
	{ "JoinToken", "join_token", DIALECT_TEXT },
	{ "Availability", "availability", DIALECT_TEXT },
	END,
};
const struct dialect dialect_swarm_join = { &pb__swarm_join_request__descriptor, join_fields };
static const struct dialect_field unlock_fields[] = { { "UnlockKey", "unlock_key", DIALECT_TEXT },
						      END };
const struct dialect dialect_swarm_unlock = { &pb__swarm_unlock_request__descriptor,
					      unlock_fields };
