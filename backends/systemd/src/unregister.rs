//! Stopping and removing units that we made.
