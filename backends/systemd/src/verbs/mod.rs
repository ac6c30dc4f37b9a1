//! One file for each verb that acts on services that exist.
