//! The tidy rules of the house as plain tests: each rule is a function from text to complaints, run
//! on the tree by one test and on a small offence by another, so that no rule can be asleep.

mod crates;
mod floors;
mod migrations;
mod size;
mod tree;
mod window;
