int rk_wire_placeholder;
