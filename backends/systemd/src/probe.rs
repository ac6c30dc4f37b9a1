//! Whether the manager of the scope answers, and what the operator ought to know about it.
