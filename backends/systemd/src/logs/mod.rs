//! The records of services in the journal.
