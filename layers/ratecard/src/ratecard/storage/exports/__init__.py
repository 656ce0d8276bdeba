"""Sending usage to other billing systems: a journal of what was sent, and one sender for each system."""
