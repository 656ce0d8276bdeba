"""From data to artifact: what every model's recipe uses, and nothing that is ever deployed."""
