"""One decoder a file. Each says whether it is available here, and turns the bytes of one file into `Pixels`."""
