"""A practice in a box: synthetic people, real radiograph pixels, a miniature vendor. Nothing imports it."""
