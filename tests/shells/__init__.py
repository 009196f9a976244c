"""Real shells: which there are, how they are driven, and what is put to them."""
