//! Arguments that are a type of the protocol.

use serde::de::DeserializeOwned;
use tauri::Runtime;
use tauri::ipc::{CommandArg, CommandItem, InvokeBody, InvokeError};

/// The whole argument object as a type of the protocol, for what has many fields.
pub struct Body<T>(pub T);

impl<'de, R: Runtime, T: DeserializeOwned> CommandArg<'de, R> for Body<T> {
    fn from_command(command: CommandItem<'de, R>) -> Result<Self, InvokeError> {
        let InvokeBody::Json(body) = command.message.payload() else {
            return Err(InvokeError::from("arguments are JSON"));
        };
        T::deserialize(body).map(Body).map_err(|error| InvokeError::from(error.to_string()))
    }
}
