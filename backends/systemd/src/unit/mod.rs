//! A spec as the text of a unit, and back. Pure: no file is read or written here.
