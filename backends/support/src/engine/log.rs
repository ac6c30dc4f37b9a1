//! Writing a service's lines to files that are rotated by size.
