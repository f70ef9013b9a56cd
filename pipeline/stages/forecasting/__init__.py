"""How long stages will take, and which begin where time is limited."""
