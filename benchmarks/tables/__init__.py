"""Tables as people have them: how they are opened, and what is made of each column."""
