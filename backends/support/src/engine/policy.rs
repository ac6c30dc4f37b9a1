//! What an end of a process means: pure.
