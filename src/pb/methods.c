#include "pb/methods.h"

#include <string.h>

#include "base/mem.h"

#define P       "/docker.swarmkit.v1."
#define T(noun) &pb__##noun##__descriptor

const struct pb_method pb_methods[] = {
	{ P "CA/GetRootCACertificate", PB_UNARY, PB_ANYONE, true, T(get_root_cacertificate_request),
	  T(get_root_cacertificate_response) },
	{ P "CA/GetUnlockKey", PB_UNARY, PB_MANAGERS, true, T(get_unlock_key_request),
	  T(get_unlock_key_response) },
	{ P "Control/CreateConfig", PB_UNARY, PB_MANAGERS, false, T(create_config_request),
	  T(create_config_response) },
	{ P "Control/CreateExtension", PB_UNARY, PB_MANAGERS, false, T(create_extension_request),
	  T(create_extension_response) },
	{ P "Control/CreateNetwork", PB_UNARY, PB_MANAGERS, false, T(create_network_request),
	  T(create_network_response) },
	{ P "Control/CreateResource", PB_UNARY, PB_MANAGERS, false, T(create_resource_request),
	  T(create_resource_response) },
	{ P "Control/CreateSecret", PB_UNARY, PB_MANAGERS, false, T(create_secret_request),
	  T(create_secret_response) },
	{ P "Control/CreateService", PB_UNARY, PB_MANAGERS, false, T(create_service_request),
	  T(create_service_response) },
	{ P "Control/CreateVolume", PB_UNARY, PB_MANAGERS, false, T(create_volume_request),
	  T(create_volume_response) },
	{ P "Control/GetCluster", PB_UNARY, PB_MANAGERS, false, T(get_cluster_request),
	  T(get_cluster_response) },
	{ P "Control/GetConfig", PB_UNARY, PB_MANAGERS, false, T(get_config_request),
	  T(get_config_response) },
	{ P "Control/GetExtension", PB_UNARY, PB_MANAGERS, false, T(get_extension_request),
	  T(get_extension_response) },
	{ P "Control/GetNetwork", PB_UNARY, PB_MANAGERS, false, T(get_network_request),
	  T(get_network_response) },
	{ P "Control/GetNode", PB_UNARY, PB_MANAGERS, false, T(get_node_request),
	  T(get_node_response) },
	{ P "Control/GetResource", PB_UNARY, PB_MANAGERS, false, T(get_resource_request),
	  T(get_resource_response) },
	{ P "Control/GetSecret", PB_UNARY, PB_MANAGERS, false, T(get_secret_request),
	  T(get_secret_response) },
	{ P "Control/GetService", PB_UNARY, PB_MANAGERS, false, T(get_service_request),
	  T(get_service_response) },
	{ P "Control/GetTask", PB_UNARY, PB_MANAGERS, false, T(get_task_request),
	  T(get_task_response) },
	{ P "Control/GetVolume", PB_UNARY, PB_MANAGERS, false, T(get_volume_request),
	  T(get_volume_response) },
	{ P "Control/ListClusters", PB_UNARY, PB_MANAGERS, false, T(list_clusters_request),
	  T(list_clusters_response) },
	{ P "Control/ListConfigs", PB_UNARY, PB_MANAGERS, false, T(list_configs_request),
	  T(list_configs_response) },
	{ P "Control/ListNetworks", PB_UNARY, PB_MANAGERS, false, T(list_networks_request),
	  T(list_networks_response) },
	{ P "Control/ListNodes", PB_UNARY, PB_MANAGERS, false, T(list_nodes_request),
	  T(list_nodes_response) },
	{ P "Control/ListResources", PB_UNARY, PB_MANAGERS, false, T(list_resources_request),
	  T(list_resources_response) },
	{ P "Control/ListSecrets", PB_UNARY, PB_MANAGERS, false, T(list_secrets_request),
	  T(list_secrets_response) },
	{ P "Control/ListServiceStatuses", PB_UNARY, PB_MANAGERS, false,
	  T(list_service_statuses_request), T(list_service_statuses_response) },
	{ P "Control/ListServices", PB_UNARY, PB_MANAGERS, false, T(list_services_request),
	  T(list_services_response) },
	{ P "Control/ListTasks", PB_UNARY, PB_MANAGERS, false, T(list_tasks_request),
	  T(list_tasks_response) },
	{ P "Control/ListVolumes", PB_UNARY, PB_MANAGERS, false, T(list_volumes_request),
	  T(list_volumes_response) },
	{ P "Control/RemoveConfig", PB_UNARY, PB_MANAGERS, false, T(remove_config_request),
	  T(remove_config_response) },
	{ P "Control/RemoveExtension", PB_UNARY, PB_MANAGERS, false, T(remove_extension_request),
	  T(remove_extension_response) },
	{ P "Control/RemoveNetwork", PB_UNARY, PB_MANAGERS, false, T(remove_network_request),
	  T(remove_network_response) },
	{ P "Control/RemoveNode", PB_UNARY, PB_MANAGERS, false, T(remove_node_request),
	  T(remove_node_response) },
	{ P "Control/RemoveResource", PB_UNARY, PB_MANAGERS, false, T(remove_resource_request),
	  T(remove_resource_response) },
	{ P "Control/RemoveSecret", PB_UNARY, PB_MANAGERS, false, T(remove_secret_request),
	  T(remove_secret_response) },
	{ P "Control/RemoveService", PB_UNARY, PB_MANAGERS, false, T(remove_service_request),
	  T(remove_service_response) },
	{ P "Control/RemoveTask", PB_UNARY, PB_MANAGERS, false, T(remove_task_request),
	  T(remove_task_response) },
	{ P "Control/RemoveVolume", PB_UNARY, PB_MANAGERS, false, T(remove_volume_request),
	  T(remove_volume_response) },
	{ P "Control/UpdateCluster", PB_UNARY, PB_MANAGERS, false, T(update_cluster_request),
	  T(update_cluster_response) },
	{ P "Control/UpdateConfig", PB_UNARY, PB_MANAGERS, false, T(update_config_request),
	  T(update_config_response) },
	{ P "Control/UpdateNode", PB_UNARY, PB_MANAGERS, false, T(update_node_request),
	  T(update_node_response) },
	{ P "Control/UpdateResource", PB_UNARY, PB_MANAGERS, false, T(update_resource_request),
	  T(update_resource_response) },
	{ P "Control/UpdateSecret", PB_UNARY, PB_MANAGERS, false, T(update_secret_request),
	  T(update_secret_response) },
	{ P "Control/UpdateService", PB_UNARY, PB_MANAGERS, false, T(update_service_request),
	  T(update_service_response) },
	{ P "Control/UpdateVolume", PB_UNARY, PB_MANAGERS, false, T(update_volume_request),
	  T(update_volume_response) },
	{ P "Dispatcher/Assignments", PB_SERVER_STREAM, PB_WORKERS | PB_MANAGERS, true,
	  T(assignments_request), T(assignments_message) },
	{ P "Dispatcher/Heartbeat", PB_UNARY, PB_WORKERS | PB_MANAGERS, true, T(heartbeat_request),
	  T(heartbeat_response) },
	{ P "Dispatcher/Session", PB_SERVER_STREAM, PB_WORKERS | PB_MANAGERS, true,
	  T(session_request), T(session_message) },
	{ P "Dispatcher/Tasks", PB_SERVER_STREAM, PB_WORKERS | PB_MANAGERS, true, T(tasks_request),
	  T(tasks_message) },
	{ P "Dispatcher/UpdateTaskStatus", PB_UNARY, PB_WORKERS | PB_MANAGERS, true,
	  T(update_task_status_request), T(update_task_status_response) },
	{ P "Dispatcher/UpdateVolumeStatus", PB_UNARY, PB_WORKERS | PB_MANAGERS, true,
	  T(update_volume_status_request), T(update_volume_status_response) },
	{ P "Health/Check", PB_UNARY, PB_MANAGERS, false, T(health_check_request),
	  T(health_check_response) },
	{ P "LogBroker/ListenSubscriptions", PB_SERVER_STREAM, PB_WORKERS | PB_MANAGERS, true,
	  T(listen_subscriptions_request), T(subscription_message) },
	{ P "LogBroker/PublishLogs", PB_CLIENT_STREAM, PB_WORKERS | PB_MANAGERS, true,
	  T(publish_logs_message), T(publish_logs_response) },
	{ P "Logs/SubscribeLogs", PB_SERVER_STREAM, PB_MANAGERS, false, T(subscribe_logs_request),
	  T(subscribe_logs_message) },
	{ P "NodeCA/IssueNodeCertificate", PB_UNARY, PB_ANYONE, true,
	  T(issue_node_certificate_request), T(issue_node_certificate_response) },
	{ P "NodeCA/NodeCertificateStatus", PB_UNARY, PB_ANYONE, true,
	  T(node_certificate_status_request), T(node_certificate_status_response) },
	{ P "Raft/ProcessRaftMessage", PB_UNARY, PB_MANAGERS, false,
	  T(process_raft_message_request), T(process_raft_message_response) },
	{ P "Raft/ResolveAddress", PB_UNARY, PB_MANAGERS, false, T(resolve_address_request),
	  T(resolve_address_response) },
	{ P "Raft/StreamRaftMessage", PB_CLIENT_STREAM, PB_MANAGERS, false,
	  T(stream_raft_message_request), T(stream_raft_message_response) },
	{ P "RaftMembership/Join", PB_UNARY, PB_MANAGERS, true, T(join_request), T(join_response) },
	{ P "RaftMembership/Leave", PB_UNARY, PB_MANAGERS, true, T(leave_request),
	  T(leave_response) },
	{ P "ResourceAllocator/AttachNetwork", PB_UNARY, PB_WORKERS | PB_MANAGERS, true,
	  T(attach_network_request), T(attach_network_response) },
	{ P "ResourceAllocator/DetachNetwork", PB_UNARY, PB_WORKERS | PB_MANAGERS, true,
	  T(detach_network_request), T(detach_network_response) },
	{ P "Watch/Watch", PB_SERVER_STREAM, PB_MANAGERS, false, T(watch_request),
	  T(watch_message) },
	/* Between nodes of shoal alone. */
	{ "/shoal.v1.Managers/Meet", PB_UNARY, PB_WORKERS | PB_MANAGERS, false, T(meet_request),
	  T(meet_response) },
};

const size_t pb_methods_count = ARRAY_LEN(pb_methods);

const struct pb_method *pb_method_find(struct str path)
{
	size_t low = 0, high = pb_methods_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = str_compare(path, str_of(pb_methods[middle].path));

		if (order == 0)
			return &pb_methods[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}
