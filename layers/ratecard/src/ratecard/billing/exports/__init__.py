"""Usage for other billing systems: what is sent, in which shape, and what was sent already; all of it pure."""
