//! The stories: what people do with Hallway, told against the real server and real cores. One file
//! a story; `designs` walks the rows of the older designs, `parts` what else the server does.

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

mod a_message_travels;
mod chat_program;
mod clock_wrong;
mod deleted_is_gone;
mod designs;
mod edit_while_pending;
mod first_owner;
mod killed_server;
mod long_absence;
mod long_poll;
mod offline_and_back;
mod order;
mod parts;
mod removal;
mod restored_server;
mod site_lost;
mod slow_reader;
mod store_damaged;
mod thrown_out;
mod two_devices_one_person;
