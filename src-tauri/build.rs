//! Build script of the app: which commands the window may ask for, and the linker's part.

/// All commands. Naming them here puts them under Tauri's access control, so that the window gets
/// those that `capabilities/main.json` lists and no other; a test compares the two and the code.
const COMMANDS: &[&str] = &[
    "accounts",
    "check_server",
    "sign_in",
    "register",
    "subscribe",
    "painted",
    "open_link",
    "sign_in_again",
    "sign_out",
    "unlock",
    "network",
    "rooms",
    "timeline",
    "send",
    "edit",
    "delete",
    "react",
    "pin",
    "pins",
    "thread",
    "edits",
    "first_since",
    "receipts",
    "read",
    "typing",
    "focus",
    "watch",
    "presence",
    "draft",
    "mine",
    "create",
    "join",
    "leave",
    "direct",
    "update_room",
    "delete_room",
    "room_code",
    "members",
    "set_member",
    "remove_member",
    "directory",
    "people",
    "update_me",
    "invite",
    "search",
    "retry",
    "discard",
    "send_anyway",
];

fn main() {
    // libwebkit2gtk and libsoup use the system's SQLite. Without this the linker exports ours, which
    // is SQLCipher, and at run time it would take the place of the system's for them.
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-link-arg-bins=-Wl,--exclude-libs,ALL");
    }
    let manifest = tauri_build::AppManifest::new().commands(COMMANDS);
    tauri_build::try_build(tauri_build::Attributes::new().app_manifest(manifest))
        .expect("the configuration and the capabilities are well formed");
}
