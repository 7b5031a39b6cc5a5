//! A window that shows nothing: what the web view costs by itself, for the benchmark to stand the
//! app's memory beside.

use tauri::{WebviewUrl, WebviewWindowBuilder};

fn main() -> tauri::Result<()> {
    tauri::Builder::default()
        .setup(|app| {
            let blank = WebviewUrl::CustomProtocol("about:blank".parse()?);
            let mut window = WebviewWindowBuilder::new(app, "empty", blank);
            if let Some(folder) = std::env::var_os("HALLWAY_APP_DIR") {
                window = window.data_directory(folder.into());
            }
            window.build()?;
            // A blank page tells of no load; whoever measures waits a while after this line.
            eprintln!("empty: first screen after making the window");
            Ok(())
        })
        .run(tauri::generate_context!())
}
