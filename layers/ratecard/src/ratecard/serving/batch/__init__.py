"""Files of any size, scored once: plan, score and collect, three steps that can each die and be run again."""
