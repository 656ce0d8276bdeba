"""The model of the comparison with other servers, as a Ratecard model: 24 numbers, 300 trees. Never deployed."""
