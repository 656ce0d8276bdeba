"""The corporate-risk model: will a company be bankrupt within three years? A probability, a grade and a watch list."""
