"""Files by id: a place to upload to, and what has become of it. Nothing of it is sold; the rows are."""
