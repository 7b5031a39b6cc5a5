//! The five older designs that Hallway joins into one. Each file walks the row of its design, the
//! way its users used it, by the public interface alone: REST, socket, the program and its signals.
//! At its head stands what the row claims and which walk shows it; what is shown elsewhere (by the
//! core's stories, by the windows) says where.

mod messenger;
mod room_chat;
mod rpc_chat;
mod tenant_api;
mod walk_in_rooms;
