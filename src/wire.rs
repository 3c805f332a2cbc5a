//! What hub and client say to each other. Never knows either side.
