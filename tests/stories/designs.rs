//! The five older designs that Hallway joins into one: what of each exists already, proved by using
//! it the way its users did.

mod messenger;
mod room_chat;
mod rpc_chat;
mod tenant_api;
mod walk_in_rooms;
