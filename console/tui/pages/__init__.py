"""What each screen says, as lines and rows for a given width. Pure: plain mode and tests read the same."""
