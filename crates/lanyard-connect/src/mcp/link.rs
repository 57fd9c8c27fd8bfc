//! How messages get to a server and back.
