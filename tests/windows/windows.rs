//! The windows: the real app on a screen of its own, driven by WebDriver as people drive it by keys
//! and clicks. Run by `cargo xtask test windows`, which brings screen, bus, keyring and notices.

mod app;
mod hostile;
mod links;
mod notices;
mod offline;
mod others;
mod program;
mod screens;
mod signing;
mod threads;
mod two_people;
mod writing;
