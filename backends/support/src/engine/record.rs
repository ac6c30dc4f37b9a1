//! What must survive a supervisor that is killed.
