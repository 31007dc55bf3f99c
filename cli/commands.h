/* cli/commands.h - every command of the program, by file. Each is listed in main.c's table. */
#ifndef RK_CLI_COMMANDS_H
#define RK_CLI_COMMANDS_H

#include "cli/args.h"

/* get.c */
extern const struct rk_command rk_command_get;
/* apply.c */
extern const struct rk_command rk_command_apply;
/* create.c */
extern const struct rk_command rk_command_create;
/* create_make.c */
extern const struct rk_command rk_command_create_namespace, rk_command_create_deployment,
	rk_command_create_service, rk_command_create_serviceaccount, rk_command_run_pod;
/* create_data_io.c */
extern const struct rk_command rk_command_create_configmap, rk_command_create_secret;
/* delete.c */
extern const struct rk_command rk_command_delete;
/* describe.c */
extern const struct rk_command rk_command_describe;
/* cluster.c */
extern const struct rk_command rk_command_cluster_up, rk_command_cluster_down,
	rk_command_cluster_status, rk_command_cluster_enter;
/* server.c */
extern const struct rk_command rk_command_server;
/* node.c */
extern const struct rk_command rk_command_node;
/* image_io.c */
extern const struct rk_command rk_command_image_load, rk_command_image_ls;
/* log.c */
extern const struct rk_command rk_command_log_ls, rk_command_log_show, rk_command_log_stat,
	rk_command_log_verify;

#endif
