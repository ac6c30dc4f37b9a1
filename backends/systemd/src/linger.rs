//! Whether a user has a manager without being logged in.
