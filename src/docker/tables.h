/* The tables of Docker's dialect: one a shape of the Engine API. */
#ifndef SHOAL_DOCKER_TABLES_H
#define SHOAL_DOCKER_TABLES_H

#include "docker/dialect.h"

/* The swarm's objects, and the specs that clients send. */
extern const struct dialect dialect_service, dialect_service_spec, dialect_service_status;
extern const struct dialect dialect_task, dialect_task_spec;
extern const struct dialect dialect_node, dialect_node_spec, dialect_tls_info;
extern const struct dialect dialect_cluster, dialect_cluster_spec, dialect_join_tokens;
extern const struct dialect dialect_network_object; /* as it stands in a task */
extern const struct dialect dialect_secret, dialect_secret_spec;
extern const struct dialect dialect_config, dialect_config_spec;

/* Requests of the swarm's routes. */
extern const struct dialect dialect_swarm_init, dialect_swarm_join, dialect_swarm_unlock;
extern const struct dialect dialect_network_create;

/* Parts that several shapes have. */
extern const struct dialect dialect_mount, dialect_health_config, dialect_driver,
	dialect_port_config;
extern const struct dialect dialect_version, dialect_resources, dialect_platform;
extern const struct dialect dialect_generic_resource;
extern const struct dialect dialect_network_attachment_config, dialect_endpoint_spec;

/* This host's own: containers, execs, images, volumes, and their places on networks. */
extern const struct dialect dialect_container_config, dialect_host_config,
	dialect_endpoint_settings;
extern const struct dialect dialect_container, dialect_container_listed, dialect_container_create;
extern const struct dialect dialect_mount_point;
extern const struct dialect dialect_exec, dialect_exec_create, dialect_exec_start;
extern const struct dialect dialect_image, dialect_image_listed, dialect_image_step, dialect_auth;
extern const struct dialect dialect_volume, dialect_volume_create;
extern const struct dialect dialect_network_connect;

#endif
