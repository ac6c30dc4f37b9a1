//! The state machine of one service: pure.
