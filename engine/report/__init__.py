"""What the practice keeps: a certificate that says what was proven, how, and what was not."""
