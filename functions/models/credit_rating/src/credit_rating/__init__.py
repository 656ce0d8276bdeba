"""The credit-rating model: will a card holder miss next month's payment? A score, a grade and a decision."""
