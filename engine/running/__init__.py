"""What goes on while a phase runs, whatever it does: workers, progress, time left, pause, pace, the hours of night."""
