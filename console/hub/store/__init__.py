"""What the hub remembers: practices, operators, key sets, tokens, every event, every order and decision."""
