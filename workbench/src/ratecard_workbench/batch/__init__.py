"""Files scored on this machine, with as many processes as it has processors."""
