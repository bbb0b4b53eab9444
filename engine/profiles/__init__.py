"""What we believe about the two systems, as data. Bundled profiles are modelled until `prove` says otherwise."""
