//! D-Bus: messages as bytes, and one connection. It knows no systemd.
