int rk_control_placeholder;
