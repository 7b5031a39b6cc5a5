//! One file a figure; each presses the server in one way and adds its lines to the table.

pub mod acks;
pub mod deliveries;
pub mod latency;
pub mod memory;
pub mod start;
pub mod window;
