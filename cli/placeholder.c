int rk_cli_placeholder;
