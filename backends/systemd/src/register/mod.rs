//! Publishing units: all that `register` does.
