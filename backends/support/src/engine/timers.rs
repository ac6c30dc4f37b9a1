//! One queue of deadlines.
