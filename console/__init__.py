"""The console: hub and terminal. It never imports the engine, so it cannot hold a patient."""
