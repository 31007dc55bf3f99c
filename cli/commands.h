/* cli/commands.h - every command of the program, by file. Each is listed in main.c's table. */
#ifndef RK_CLI_COMMANDS_H
#define RK_CLI_COMMANDS_H

#include "cli/args.h"

/* server.c, node.c */
extern const struct rk_command rk_command_server, rk_command_node;
/* cluster.c */
extern const struct rk_command rk_command_cluster_up, rk_command_cluster_down,
	rk_command_cluster_status, rk_command_cluster_enter;
/* log.c */
extern const struct rk_command rk_command_log_ls, rk_command_log_show, rk_command_log_stat,
	rk_command_log_verify;
/* get.c, apply.c, describe.c, delete.c */
extern const struct rk_command rk_command_get, rk_command_apply;
/* image_io.c */
extern const struct rk_command rk_command_image_load, rk_command_image_ls;

#endif
