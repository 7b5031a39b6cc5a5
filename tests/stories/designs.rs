//! The five older designs that Hallway joins into one. Each file walks the row of its design, the
//! way its users used it, by the public interface alone: REST, socket, the program and its signals.
//! At its head stands what the row claims and which walk shows it; what is shown elsewhere (by the
//! core's stories, by the windows) says where.

/// Each walk on each engine.
macro_rules! on_both {
    ($($walk:ident),* $(,)?) => {
        $(mod $walk {
            use hallway_tests::Engine;

            #[tokio::test(flavor = "multi_thread")]
            async fn on_sqlite() {
                super::$walk(Engine::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_postgres() {
                super::$walk(Engine::Shared).await;
            }
        })*
    };
}

mod messenger;
mod room_chat;
mod rpc_chat;
mod tenant_api;
mod walk_in_rooms;
